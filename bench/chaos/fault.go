package chaos

import (
	"context"
	"fmt"
	"time"
)

// play lets one fault happen and ends it when its time, or ctx, is over.
func (r *run) play(ctx context.Context, s step) {
	p := r.processes[s.Process]
	var begin, end func() error
	switch s.Kind {
	case Kill, KillUp:
		begin = func() error { return p.kill(s.Lasts) }
	case PauseShort, PauseLong, PauseUp:
		begin = func() error { return p.signal(pause) }
		end = func() error { return p.signal(resume) }
	case DiskFull:
		begin = func() error { return p.full(true) }
		end = func() error { return p.full(false) }
	case Clock:
		begin = func() error { return p.setClock(s.Offset) }
	default:
		l := r.links[s.Process-1][s.Service]
		begin = func() error { l.set(s.Kind); return nil }
		end = func() error { l.set(""); return nil }
	}
	if err := begin(); err != nil {
		r.note("%s of %s could not be: %v", s.Kind, p.name, err)
		return
	}
	r.count(s.Kind)
	r.note("%s", s.String(p.name))
	if end == nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(s.Lasts):
	}
	if err := end(); err != nil {
		r.note("end of %s of %s: %v", s.Kind, p.name, err)
		return
	}
	r.note("end of %s of %s", s.Kind, p.name)
}

func (s step) String(name string) string {
	switch {
	case s.Kind == Clock:
		return fmt.Sprintf("%s of %s to %v", s.Kind, name, s.Offset)
	case s.Kind.network():
		return fmt.Sprintf("%s between %s and %s, %v", s.Kind, name, services[s.Service], s.Lasts.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s of %s, %v", s.Kind, name, s.Lasts.Round(time.Millisecond))
}
