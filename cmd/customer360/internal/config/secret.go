package config

import "log/slog"

// Secret is a credential: it shows only that it is set.
type Secret string

const masked = "********"

// Reveal returns the credential itself, for the client that needs it.
func (s Secret) Reveal() string { return string(s) }

// String, GoString, LogValue and MarshalYAML mask the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString masks %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue masks slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalYAML masks `config show`.
func (s Secret) MarshalYAML() ([]byte, error) {
	if s == "" {
		return []byte(`""`), nil
	}
	return []byte(`"` + masked + `"`), nil
}

// MarshalText masks JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalYAML takes the text as it stands.
func (s *Secret) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	*s = Secret(text)
	return nil
}
