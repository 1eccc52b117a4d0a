package processors

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Guard keeps a row's records on one partition: its state would be split
// otherwise. It is about the raw topic's keys.
type Guard struct {
	// Form names the form of a key (debezium.KeyForm); nil: forms do not matter.
	Form func(key []byte) string
	// Pin remembers the form for all instances; nil: this process alone does.
	Pin Pin
}

// Pin is a durable memory of the form of each raw topic's keys. The first form
// that is set wins. Both methods may fail for a while.
type Pin interface {
	// KeyForm is the pinned form, "" before there is one.
	KeyForm(ctx context.Context, topic string) (string, error)
	// SetKeyForm pins form where none is pinned, and returns the one that is.
	SetKeyForm(ctx context.Context, topic, form string) (winner string, err error)
}

var errKeyForm = errors.New("the form of the topic's keys has changed")

// forms checks key forms. It asks Pin once and remembers.
type forms struct {
	guard Guard
	topic string

	mu     sync.Mutex
	pinned string
}

// check pins the first key's form, and refuses another one with errKeyForm.
// Other errors are those of Pin.
func (f *forms) check(ctx context.Context, key []byte) error {
	if f.guard.Form == nil {
		return nil
	}
	form := f.guard.Form(key)
	pinned, err := f.pin(ctx, form)
	if err != nil {
		return fmt.Errorf("pinning the form of the keys of %s: %w", f.topic, err)
	}
	if form != pinned {
		return fmt.Errorf("%w: %s began with %s keys and this one is %s. One row would lie on two partitions under two keys. "+
			"Set the connector's key.converter and key.converter.schemas.enable back as they were (of Avro keys: the schema in the registry), "+
			"or take a new snapshot with the new form and go on from it: `customer360 rebuild --source home_delivery --from-time WHEN_THE_SNAPSHOT_BEGAN`, "+
			"then `customer360 rebuild promote` (docs/rebuild.md)", errKeyForm, f.topic, pinned, form)
	}
	return nil
}

func (f *forms) pin(ctx context.Context, form string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pinned != "" {
		return f.pinned, nil
	}
	if f.guard.Pin == nil {
		f.pinned = form
		return form, nil
	}
	pinned, err := f.guard.Pin.KeyForm(ctx, f.topic)
	if err == nil && pinned == "" {
		pinned, err = f.guard.Pin.SetKeyForm(ctx, f.topic, form)
	}
	if err != nil {
		return "", err
	}
	f.pinned = pinned
	return pinned, nil
}
