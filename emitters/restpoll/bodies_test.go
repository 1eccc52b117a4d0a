package restpoll

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCustomerID(t *testing.T) {
	var s scanner
	for body, want := range map[string]string{
		`{"Id":1,"Name":"x"}`:                      "1",
		`{"name":{"Id":9},"id":12345678901234567}`: "12345678901234567",
		` {"ID":"a\u0062c"} `:                      "abc",
	} {
		if id, err := s.customerID([]byte(body)); id != want || err != nil {
			t.Errorf("%s: %q, %v", body, id, err)
		}
	}
	for body, want := range map[string]error{
		"": errNoObject, "<html>": errNoObject, `[{"Id":1}]`: errNoObject, `{"Id":1`: errNoObject,
		`{}`: errNoID, `{"Id":null}`: errNoID, `{"Id":{}}`: errNoID, `{"Id":""}`: errNoID,
	} {
		if id, err := s.customerID([]byte(body)); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", body, id, err)
		}
	}
}

func TestProducts(t *testing.T) {
	var s scanner
	for body, want := range map[string][]string{
		`[{"OrderId":1,"Items":[{"ProductId":100,"Quantity":1},{"productId":"x"}]},{"items":[{"ProductId":100}]}]`: {"100", "x", "100"},
		`[{"ProductId":5,"Items":{"ProductId":6}}, 7, {"Items":[8,{"ProductId":[9]}]}]`:                            nil,
		`[]`: nil, `{"Items":[{"ProductId":1}]}`: nil, `<html>`: nil,
		`[{"Items":[{"ProductId":1},{"ProductId":`: {"1"},
	} {
		var got []string
		s.products([]byte(body), func(id []byte) { got = append(got, string(id)) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestReadBody(t *testing.T) {
	const text = "0123456789"
	for limit, want := range map[int]error{9: errTooLarge, 10: nil, 11: nil} {
		for name, source := range map[string]io.Reader{
			"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "data with EOF": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := readBody(nil, source, -1, limit)
			if !errors.Is(err, want) || string(got) != text[:min(limit, len(text))] {
				t.Errorf("%s, limit %d: %q, %v", name, limit, got, err)
			}
		}
	}
	if got, err := readBody(nil, strings.NewReader(text), 1<<40, 100); !errors.Is(err, errTooLarge) || len(got) > 0 {
		t.Errorf("an announced terabyte: %q, %v", got, err)
	}
	cut := io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF))
	if got, err := readBody(nil, cut, 20, 100); !errors.Is(err, errCut) || string(got) != text {
		t.Errorf("cut off: %q, %v", got, err)
	}
}
