package config

import (
	"slices"
	"strings"
	"testing"
)

func TestSchemaRegistry(t *testing.T) {
	const head = "home_delivery:\n  schema_registry:\n"
	for text, want := range map[string]string{
		"    url: https://a:8081, http://b:8081/path\n":               "",
		"    url: http://a\n    username: u\n    password: hunter2\n": "",
		"    url: a:8081\n":                                                       "url: no address of a schema registry",
		"    url: https://a, ftp://b\n":                                           "url: no address of a schema registry",
		"    url: https://u:hunter2@a\n":                                          "url: holds a user",
		"    url: https://a?key=hunter2\n":                                        "url: no address of a schema registry",
		"    username: u\n    password: hunter2\n":                                "url: empty",
		"    tls: {ca_file: ca.pem}\n":                                            "url: empty",
		"    url: https://a\n    password: hunter2\n":                             "username and password go together",
		"    url: https://a\n    tls: {cert_file: c.pem}\n":                       "cert_file and key_file go together",
		"    url: http://a\n    tls: {ca_file: ca.pem}\n":                         "need https://",
		"    url: https://a\n    username: u\n    password_file: not-there.txt\n": "schema_registry.password_file: open",
	} {
		_, err := Parse("c.yaml", []byte(head+text), none)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s%v, want %q", text, err, want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: %v", text, err)
		}
	}
	if urls := (Registry{URL: "https://a, http://b,"}).URLs(); !slices.Equal(urls, []string{"https://a", "http://b"}) {
		t.Error(urls)
	}
}
