package model

import (
	"bytes"
	"encoding/json"
	"strings"
)

func (m *Model) decodeAnswer(r *Raw) (decoded, error) {
	d := decoded{accept: func(*said) bool { return true }} // the log's order
	switch {
	case r.Key == nil:
		return decoded{ignored: true}, nil
	case r.Value == nil:
		return d, nil
	case checkJSON(r.Value) != nil || kind(r.Value) != '{' || hasTwin(r.Value):
		return decoded{}, errRefused
	}
	answer := map[string][]byte{}
	for _, a := range members(r.Value) {
		answer[a.name] = a.value
	}
	switch string(answer["status"]) {
	case "404":
		return d, nil
	case "200":
	default:
		return decoded{}, errRefused
	}
	var err error
	d.asserts, err = m.answerSays(string(r.Key), answer["customer"], answer["orders"])
	return d, err
}

func (m *Model) answerSays(asked string, customer, orders []byte) (map[string]assertion, error) {
	if kind(customer) != '{' || kind(orders) != '[' {
		return nil, errRefused
	}
	who, err := eitherCase(customer, "Id", "Name", "Email", "Password")
	if err != nil {
		return nil, err
	}
	id := who["Id"]
	if kind(id) != '"' && kind(id) != '0' || string(id) == `""` || kind(id) == '0' && len(id) > maxNumber {
		return nil, errRefused
	}
	texts := map[string]string{}
	for _, name := range []string{"Name", "Email", "Password"} {
		if texts[name], err = text(who[name]); err != nil {
			return nil, err
		}
	}
	key, err1 := emailKey(asked)
	email, err2 := emailKey(texts["Email"])
	if err1 != nil || err2 != nil || key != email {
		return nil, errRefused
	}
	says := map[string]assertion{}
	for _, o := range elements(orders) {
		number, err := orderID(o)
		if err != nil || says["order::"+number].order != "" {
			return nil, errRefused
		}
		var body bytes.Buffer
		_ = json.Compact(&body, o)
		says["order::"+number] = assertion{order: body.String()}
	}
	scalar := string(id)
	if kind(id) == '"' {
		scalar = quoteID(unquote(id))
	}
	says[key] = assertion{id: scalar, pass: m.keptPass(texts["Password"]),
		profile: profile("name", strings.TrimSpace(texts["Name"]), "email", strings.TrimSpace(texts["Email"]))}
	return says, nil
}

func orderID(order []byte) (string, error) {
	if kind(order) != '{' {
		return "", errRefused
	}
	o, err := eitherCase(order, "OrderId", "PurchaseDate", "Items")
	if err != nil {
		return "", err
	}
	id := string(o["OrderId"])
	if kind(o["OrderId"]) != '0' || id == "-0" || strings.ContainsAny(id, ".eE") || len("order::"+id) > maxKey {
		return "", errRefused
	}
	return id, nil
}

// eitherCase finds members by their PascalCase or camelCase name; both at once
// is an error.
func eitherCase(object []byte, names ...string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, o := range members(object) {
		for _, name := range names {
			if o.name != name && o.name != strings.ToLower(name[:1])+name[1:] {
				continue
			}
			if found[name] != nil {
				return nil, errRefused
			}
			found[name] = o.value
		}
	}
	return found, nil
}
