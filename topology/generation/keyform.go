package generation

import (
	"context"
	"fmt"
)

const keyFormPrefix = "key-form/"

// keyForm is the name of a raw topic's pin: each generation has its own, so
// that a rebuild is the way out of a changed form. That of the first one
// carries no number.
func keyForm(generation int, topic string) string {
	if generation <= 1 {
		return topic
	}
	return fmt.Sprintf("g%d/%s", generation, topic)
}

// Pin is a generation's durable memory of the form of the raw topics' keys.
type Pin struct {
	log        *Log
	generation int
}

// Pin of a generation, by its number.
func (l *Log) Pin(generation int) Pin { return Pin{l, generation} }

// KeyForm returns the pinned form of a raw topic's keys, "" before the first.
func (p Pin) KeyForm(ctx context.Context, topic string) (string, error) {
	s, err := p.log.Read(ctx)
	return s.KeyForms[keyForm(p.generation, topic)], err
}

// SetKeyForm pins the form unless one is pinned, and returns what is.
func (p Pin) SetKeyForm(ctx context.Context, topic, form string) (string, error) {
	winner, name := form, keyForm(p.generation, topic)
	err := p.log.update(ctx, func(s State) ([]entry, error) {
		winner = form
		if have := s.KeyForms[name]; have != "" {
			winner = have
			return nil, nil
		}
		return []entry{{[]byte(keyFormPrefix + name), []byte(form)}}, nil
	})
	return winner, err
}
