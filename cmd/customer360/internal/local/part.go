package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"customer360/internal/instance"
)

// ErrInUse: the part runs already in that folder.
var ErrInUse = errors.New("in use")

// Common are the settings of every part.
type Common struct {
	Dir  string // the folder; made if missing
	JSON bool   // print addresses as JSON instead of text
	Out  io.Writer
	Log  *slog.Logger
}

// Address is a line of what a part prints: an address, or where to find what is
// needed to use it.
type Address struct{ Name, Where string }

// runner is what the embedded parts have in common.
type runner interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// lock makes the folder and holds it for a part.
func (c Common) lock(part string) (io.Closer, error) {
	if c.Dir == "" {
		return nil, errors.New("--dir is empty: name a folder")
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	lock, err := instance.Lock(filepath.Join(c.Dir, part+".lock"))
	if errors.Is(err, instance.ErrHeld) {
		return nil, fmt.Errorf("%w: %w; stop that one, or use another folder: --dir OTHER", ErrInUse, err)
	}
	return lock, err
}

// serve runs a part until ctx ends, and prints its addresses once it is ready.
func (c Common) serve(ctx context.Context, r runner, addresses func() []Address) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	select {
	case err := <-ended:
		return heldElsewhere(err)
	case <-r.Ready():
	}
	if err := c.print(addresses()); err != nil {
		cancel()
		return errors.Join(fmt.Errorf("printing the addresses: %w", err), <-ended)
	}
	return heldElsewhere(<-ended)
}

// heldElsewhere marks what another process of `up` holds.
func heldElsewhere(err error) error {
	if errors.Is(err, instance.ErrHeld) {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}

func (c Common) print(addresses []Address) error {
	if !c.JSON {
		for _, a := range addresses {
			if _, err := fmt.Fprintf(c.Out, "%-14s %s\n", a.Name, a.Where); err != nil {
				return err
			}
		}
		return nil
	}
	byName := map[string]string{}
	for _, a := range addresses {
		byName[a.Name] = a.Where
	}
	enc := json.NewEncoder(c.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(byName)
}
