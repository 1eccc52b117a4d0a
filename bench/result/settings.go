package result

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings are what was chosen for a run: a name and a value each, as text.
// Nested objects have names with dots.
type Settings map[string]string

// ParseSettings reads the column settings; empty text is no settings.
func ParseSettings(text string) (Settings, error) {
	s := make(Settings)
	if text == "" {
		return s, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("settings %.60q are no JSON object: %w", text, err)
	}
	s.add("", object)
	return s, nil
}

func (s Settings) add(prefix string, object map[string]any) {
	for name, value := range object {
		switch v := value.(type) {
		case map[string]any:
			s.add(prefix+name+".", v)
		case string:
			s[prefix+name] = v
		default:
			b, _ := json.Marshal(v) // it came from JSON
			s[prefix+name] = string(b)
		}
	}
}

// String has all settings in the order of their names.
func (s Settings) String() string { return s.Of(slices.Sorted(maps.Keys(s))) }

// Of has the settings of these names, those that are there: "keys=1000 partitions=4".
func (s Settings) Of(names []string) string {
	var parts []string
	for _, name := range names {
		if value, ok := s[name]; ok {
			parts = append(parts, name+"="+value)
		}
	}
	return strings.Join(parts, " ")
}
