package generation

import (
	"context"
	"errors"
	"fmt"
)

// ErrChanged: the generation that a process works on is not, or not any more,
// one that it may work on. Who gets it looks at the topic again.
var ErrChanged = errors.New("the generation has changed")

// Changed is the error that says so.
type Changed struct {
	Number int    // the generation that the process works on
	State  string // its state now, "" where that does not matter
	Live   int    // the one that serves
}

func (c *Changed) Error() string {
	text := fmt.Sprintf("%v: this process works on number %d", ErrChanged, c.Number)
	if c.State != "" {
		text += ", which is " + c.State + " now"
	}
	return fmt.Sprintf("%s; number %d serves", text, c.Live)
}

// Unwrap makes it match ErrChanged.
func (c *Changed) Unwrap() error { return ErrChanged }

// Role is how a process works on a generation.
type Role int

const (
	// Deliver is what instances do with the generation that serves: sinks,
	// importer, and, until the next one is being promoted, everything else.
	Deliver Role = iota
	// Derive is rekey, merge and poller of the generation that serves: they end
	// when the next one is being promoted.
	Derive
	// Rebuild is rekey and merge of the next generation, until it is promoted.
	Rebuild
)

// Allowed returns nil, or *Changed: a generation may not be worked on so.
func (s State) Allowed(number int, role Role) error {
	g := s.Generations[number]
	live, _ := s.Live()
	next, promoting := s.Next()
	promoting = promoting && next.State == Promoting
	ok := false
	switch role {
	case Deliver:
		ok = g.State == Serving
	case Derive:
		ok = g.State == Serving && !promoting
	case Rebuild:
		ok = g.State == Building || g.State == Ready
	}
	if ok {
		return nil
	}
	state := g.State
	if state == Serving && promoting {
		state = fmt.Sprintf("giving way to number %d, which is being promoted", next.Number)
	}
	return &Changed{Number: number, State: state, Live: live.Number}
}

// Admit reads the topic and returns nil, an error of reading, or *Changed.
//
// It is what a member of a consumer group asks after it has joined and before
// it delivers or commits anything. A promotion writes the state promoting, then
// waits until the groups concerned have no members. So who joins a group after
// that reads promoting, or what came later, and stays out; who joined before is
// waited for; and who was thrown out meanwhile can commit nothing, as a commit
// needs the membership that was lost.
func (l *Log) Admit(ctx context.Context, number int, role Role) error {
	s, err := l.Read(ctx)
	if err != nil {
		return err
	}
	return s.Allowed(number, role)
}
