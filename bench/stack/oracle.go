package stack

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"customer360/internal/model"
)

// Truth is what must be in Couchbase.
type Truth struct {
	Documents map[string][]byte // of the bucket customer360: exact bytes
	Staged    map[string]bool   // keys of the bucket staging
	Rows      int
	Members   int
}

const (
	members = "loyalty.members"
	answers = "onlinestore.answers"
)

// Query is the oracle: what one query on the table, the newest file's members and
// the store's answers say. The store is asked about exactly the addresses under
// which the table or the file knows somebody, as the product does.
func Query(ctx context.Context, db *sql.DB, file []Member, store *Store) (Truth, error) {
	t := Truth{Staged: map[string]bool{}, Members: len(file)}
	m := model.New(model.Options{})
	offset := int64(0)
	say := func(topic, key string, value []byte) {
		m.Apply(model.Raw{Topic: topic, Offset: offset, Key: []byte(key), Value: value})
		offset++
	}
	rows, err := db.QueryContext(ctx, `SELECT id, name, email, password, address_line_1, address_line_2, city, state, zipcode, phonenumber FROM customers`)
	if err != nil {
		return t, fmt.Errorf("the oracle's query: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err is asked
	for rows.Next() {
		var id int64
		var text [9]*string
		if err := rows.Scan(&id, &text[0], &text[1], &text[2], &text[3], &text[4], &text[5], &text[6], &text[7], &text[8]); err != nil {
			return t, fmt.Errorf("the oracle's query: %w", err)
		}
		value, err := json.Marshal(map[string]any{"id": id, "name": text[0], "email": text[1], "password": text[2], "address_line_1": text[3],
			"address_line_2": text[4], "city": text[5], "state": text[6], "zipcode": text[7], "phonenumber": text[8]})
		if err != nil {
			return t, err
		}
		key := fmt.Sprintf(`{"id":%d}`, id)
		say(Topic, key, value)
		t.Staged[key] = true
		t.Rows++
	}
	if err := rows.Err(); err != nil {
		return t, fmt.Errorf("the oracle's query: %w", err)
	}
	for _, member := range file {
		value, err := member.record()
		if err != nil {
			return t, err
		}
		say(members, member.ID, value)
		t.Staged["loyalty-member-"+member.ID] = true
	}
	for key := range m.Documents() {
		if !strings.Contains(key, "@") {
			continue
		}
		if details, orders := store.Answer(key); details != nil {
			say(answers, key, fmt.Appendf(nil, `{"status":200,"customer":%s,"orders":%s}`, details, orders))
		}
	}
	if letters := m.DeadLetters(); len(m.Quarantined())+len(m.Stopped()) > 0 {
		return t, fmt.Errorf("the oracle would quarantine %q, stop %v, with %d dead letters", m.Quarantined(), m.Stopped(), len(letters))
	}
	t.Documents = m.Documents()
	return t, nil
}

// key is the document key of an address: without white space around it, in lower case.
func key(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
