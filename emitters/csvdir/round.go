package csvdir

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"
)

// task is what one round has found to do: a file, or an import whose file is
// gone.
type task struct {
	file *sighting
	gone *File
}

// round looks at the folder, does at most one thing, and says how long to wait
// before the next look.
func (i *Importer) round(ctx context.Context, follower *follower) (time.Duration, error) {
	now := time.Now()
	i.mu.Lock()
	err := i.folder.look(now)
	files, growing := i.folder.stable(now)
	outside := i.folder.outside
	i.mu.Unlock()
	if err != nil {
		return 0, err
	}
	i.tellOutside(outside)
	next, err := i.pick(ctx, follower, files, growing, now)
	if err != nil {
		return 0, err
	}
	wait := i.cfg.Poll
	if growing {
		wait = min(wait, max(i.cfg.Stable/4, 10*time.Millisecond))
	}
	i.gauge()
	if next == nil {
		i.update(func() { i.looked, i.status.State = !growing, Idle })
		return wait, nil
	}
	i.update(func() { i.looked = false })
	var other File
	busy := false
	follower.with(func(l *ledger) { other, busy = l.busy(i.cfg.Instance, now, i.patience) })
	if busy || now.Before(i.pause) {
		i.update(func() { i.status.State = Waiting })
		i.deps.Log.Debug("another instance is importing", "file", other.Name, "instance", other.Instance)
		return min(wait, i.cfg.Takeover/10+time.Millisecond), nil
	}
	return 0, i.do(ctx, follower, next)
}

// tellOutside warns once of each link that is not followed.
func (i *Importer) tellOutside(names []string) {
	for _, name := range names {
		if !slices.Contains(i.told, name) {
			i.deps.Log.Warn(outsideProblem(name), "dir", i.cfg.Dir, "file", name)
		}
	}
	i.told = names
}

// pick finds the file to work on: the newest one that anything is to be done
// about. Only files that may matter are read, for their hash.
func (i *Importer) pick(ctx context.Context, follower *follower, files []*sighting, growing bool, now time.Time) (*task, error) {
	var best *task
	var bestFile File
	mark := follower.mark()
	markSeen := false
	for _, s := range files {
		if best != nil && s.mtime < bestFile.MTime {
			break
		}
		if mark != nil && s.mtime < mark.MTime && (!s.late || s.noted) { // was there at the start, or is in the history
			i.update(func() { s.noted = true })
			continue
		}
		if s.hash == nil {
			if now.Before(s.retry) {
				continue
			}
			if err := i.examine(ctx, s); err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				s.retry = now.Add(i.cfg.Poll)
				i.update(func() { i.status.Problem = err.Error() })
				i.deps.Log.Warn("a file cannot be read now", "file", s.name, "error", err)
				continue
			}
		}
		f := File{MTime: s.mtime, Hash: s.hash.hash}
		markSeen = markSeen || mark != nil && f.compare(mark) == 0
		verdict := settled
		follower.with(func(l *ledger) { verdict, _ = l.judge(&f, i.deps.Now()) })
		i.update(func() { s.noted = verdict == settled })
		if verdict != settled && (best == nil || f.compare(&bestFile) > 0) {
			best, bestFile = &task{file: s}, f
		}
	}
	if best == nil && !growing && mark != nil && !markSeen && (mark.Phase == Rows || mark.Phase == Withdrawn) {
		best = &task{gone: mark}
	}
	return best, nil
}

// examine reads a sighting for its hash and layout.
func (i *Importer) examine(ctx context.Context, s *sighting) error {
	j := job{room: room{cfg: i.cfg}}
	defer j.close()
	if err := i.openTask(ctx, &j, s); err != nil {
		return err
	}
	if !s.same(j.info) {
		return errChanged
	}
	s.hash = j.what
	return nil
}

func (i *Importer) openTask(ctx context.Context, j *job, s *sighting) error {
	f, err := i.folder.open(s.name)
	if err != nil {
		return err
	}
	return j.open(ctx, f, s.hash)
}

// do works on the task. Decisions about a file are no errors here.
func (i *Importer) do(ctx context.Context, follower *follower, t *task) error {
	j := &job{room: i.room(follower)}
	defer j.close()
	i.update(func() { i.status.State, i.status.Problem = Importing, "" })
	defer i.update(func() { i.status.Current, i.status.Progress = nil, 0 })
	defer i.metrics.underWay.Set(0)
	var err error
	if t.gone != nil {
		err = j.reportGone(ctx, t.gone)
	} else if err = i.openTask(ctx, j, t.file); err == nil {
		if !t.file.same(j.info) {
			return nil // the next look sees what it is now
		}
		_, err = j.run(ctx)
	}
	switch {
	case decided(err):
		i.patience = i.cfg.Takeover
	case errors.Is(err, errFenced):
		// The other one may be as alive as this one. Each loss makes this one
		// more patient, so that slow brokers do not keep them at each other.
		i.patience = min(2*i.patience, 10*time.Minute)
		i.pause = time.Now().Add(time.Duration(float64(i.cfg.Takeover) * (0.1 + rand.Float64()/5))) //nolint:gosec // jitter
		i.metrics.fenced.Inc()
		i.deps.Log.Info("another instance took the import over; waiting for it")
		return nil
	case errors.Is(err, errChanged), errors.Is(err, os.ErrNotExist):
		i.deps.Log.Info("the file changed while it was read; looking again", "error", err)
		return nil
	default:
		return err
	}
	// The next look must judge by what was just written.
	return follower.stable(ctx)
}

// reportGone records that an import was begun and cannot be finished.
func (j *job) reportGone(ctx context.Context, mark *File) error {
	var err error
	if j.w, err = openWriter(ctx, j.cfg, j.deps); err != nil {
		return err
	}
	if err := j.follower.end(ctx); err != nil {
		return err
	}
	now := j.follower.mark()
	if now == nil || now.Key() != mark.Key() || now.Phase != Rows && now.Phase != Withdrawn {
		return nil
	}
	now.Phase, now.Instance, now.Time = Incomplete, j.cfg.Instance, j.deps.Now()
	now.Reason = fmt.Sprintf("the file is gone after row %d of %d; put it back, or wait for the next one", now.Row, now.Rows)
	if err := j.w.begin(); err != nil {
		return err
	}
	if err := j.w.file(now); err != nil {
		return err
	}
	if err := j.w.commit(ctx); err != nil {
		return err
	}
	j.metrics.files.WithLabelValues(string(Incomplete)).Inc()
	j.deps.Log.Error("an import is incomplete", "file", now.Name, "hash", now.ShortHash(), "reason", now.Reason)
	return nil
}

func (i *Importer) room(follower *follower) room {
	return room{cfg: i.cfg, deps: i.deps, follower: follower, metrics: i.metrics, show: i.show}
}
