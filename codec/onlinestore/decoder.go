package onlinestore

import (
	"errors"
	"fmt"

	"customer360/codec"
)

// rules is the version of what this decoder makes of a record. Raise it with
// every change that gives other bytes for the same record: it makes a new
// generation.
const rules = 1

// Config configures the decoder.
type Config struct {
	Pass codec.PassMode // what becomes of passwords
}

// Validate reports an unknown pass mode.
func (c Config) Validate() error { return c.Pass.Validate() }

// Decoder decodes onlinestore.answers. It is safe for concurrent use.
type Decoder struct {
	pass codec.PassMode
}

var _ codec.Decoder = (*Decoder)(nil)

// New returns the decoder.
func New(cfg Config) (*Decoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("onlinestore: %w", err)
	}
	return &Decoder{pass: cfg.Pass}, nil
}

// Fingerprint implements codec.Decoder.
func (d *Decoder) Fingerprint() string {
	return fmt.Sprintf("onlinestore rules=%d pass=%s", rules, d.pass)
}

// Accept implements codec.Decoder: the order of the answers is the log's.
func (d *Decoder) Accept(state []byte, _ *codec.Change) ([]byte, bool) { return state, true }

// Decode implements codec.Decoder.
func (d *Decoder) Decode(raw *codec.Raw) (codec.Change, error) {
	return codec.Change{}, errors.New("not yet")
}
