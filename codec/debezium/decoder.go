package debezium

import (
	"fmt"

	"customer360/codec"
)

// rules is the version of what this decoder makes of a record. Raise it with
// every change that gives other bytes for a record that was read right: it makes a
// new generation. What mends records that were refused or misread takes effect
// for those that come, and for all with the next rebuild.
const rules = 1

// Labels of records that are none of ours.
const (
	IgnoredHeartbeat   = "heartbeat"
	IgnoredDDL         = "ddl"
	IgnoredTransaction = "transaction"
	IgnoredOtherTable  = "other table"
	IgnoredTruncate    = "truncate"
	IgnoredMessage     = "message"
	IgnoredNullKey     = "null key"
)

// Decoder decodes one table's topic. It is safe for concurrent use.
type Decoder struct {
	cfg     Config
	columns []mappedColumn
	table   [2]string // database or schema, and table, empty for any
}

var _ codec.Decoder = (*Decoder)(nil)

// New returns the decoder.
func New(cfg Config) (*Decoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("debezium: %w", err)
	}
	d := &Decoder{cfg: cfg, columns: cfg.Mapping.mapped()}
	d.table[0], d.table[1], _ = cutTable(cfg.Table)
	return d, nil
}

// Fingerprint implements codec.Decoder. A registry counts by what it makes of
// records, not by its address.
func (d *Decoder) Fingerprint() string {
	f := fmt.Sprintf("debezium rules=%d table=%q epoch=%d pass=%s mapping=%s",
		rules, d.cfg.Table, d.cfg.Epoch, d.cfg.Pass, d.cfg.Mapping)
	if d.cfg.Registry != nil {
		f += fmt.Sprintf(" registry=%d", registryRules)
	}
	return f
}

// Decode implements codec.Decoder.
func (d *Decoder) Decode(raw *codec.Raw) (codec.Change, error) {
	raw, err := d.Transcode(raw)
	if err != nil {
		return codec.Change{}, err
	}
	if raw.Value == nil {
		return d.tombstone(raw), nil
	}
	var m message
	if err := m.read(raw.Value, d.columns); err != nil {
		return codec.Change{}, err
	}
	return d.change(&m, raw)
}

func (d *Decoder) tombstone(raw *codec.Raw) codec.Change {
	if raw.Key == nil {
		return codec.Change{Ignored: IgnoredNullKey}
	}
	_, swept := raw.Headers[codec.HeaderSweepBy]
	return codec.Change{Position: event{tombstone: true, swept: swept, epoch: d.cfg.Epoch}.append(nil)}
}

func (d *Decoder) change(m *message, raw *codec.Raw) (codec.Change, error) {
	if m.null {
		return d.tombstone(raw), nil
	}
	if label := m.foreign(raw.Topic); label != "" {
		return codec.Change{Ignored: label}, nil
	}
	a, flat, err := m.action()
	if err != nil {
		return codec.Change{}, err
	}
	image, from := &m.image, &m.from
	if flat {
		image, from = &m.flat.row, &m.flat.from
	}
	switch {
	case d.isOtherTable(from):
		return codec.Change{Ignored: IgnoredOtherTable}, nil
	case a == truncates:
		return codec.Change{Ignored: IgnoredTruncate}, nil
	case a == informs:
		return codec.Change{Ignored: IgnoredMessage}, nil
	case raw.Key == nil:
		return codec.Change{Ignored: IgnoredNullKey}, nil
	}
	e := event{deletes: a == deletes, creates: a == creates, snapshot: a == reads || isSnapshot(from.snapshot), epoch: d.cfg.Epoch}
	if e.at, err = from.place(m.transaction); err != nil {
		return codec.Change{}, err
	}
	if e.server, err = natural(from.server); err != nil {
		return codec.Change{}, fmt.Errorf("source.server_id %w", err)
	}
	e.time = from.when() // what is no time is none: it orders nothing but what positions cannot
	c := codec.Change{Position: e.append(make([]byte, 0, positionRoom))}
	if a == deletes {
		return c, nil
	}
	if c.Assertions, c.Problem, err = d.assert(image, raw.Key); err != nil {
		return codec.Change{}, err
	}
	return c, nil
}

// positionRoom is enough for the position of an event in practice.
const positionRoom = 32

// isOtherTable compares what the record says about its table, if it does. A
// connector of a server that has schemas (PostgreSQL, SQL Server) may have the
// table named by either.
func (d *Decoder) isOtherTable(s *source) bool {
	if d.cfg.Table == "" {
		return false
	}
	inSchema := s.schema.kind() == '"' && !differs(s.schema, d.table[0])
	return differs(s.table, d.table[1]) || differs(s.db, d.table[0]) && !inSchema
}
