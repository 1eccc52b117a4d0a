package csvdir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// Import imports the file at path now, by the rules of Run: the file must be
// stable and newer than what was imported. Another instance's import is waited
// for. Errors match ErrHeld, ErrOlder and ErrFailed where the file is to blame,
// ErrAlready where all is as the file has it, and say what can be done; accept
// lets a file pass that would be held. Links are followed: who names a file
// means it.
func Import(ctx context.Context, cfg Config, deps Deps, path string, accept bool) (File, error) {
	deps = deps.complete()
	cfg, cleanup, err := byHand(cfg, path)
	if err != nil {
		return File{}, err
	}
	defer cleanup()
	m, err := newMetrics(deps.Registry)
	if err != nil {
		return File{}, err
	}
	if err := waitStable(ctx, path, cfg.Stable); err != nil {
		return File{}, err
	}
	var file File
	err = following(ctx, deps, func(f *follower) error {
		for {
			file, err = importOnce(ctx, room{cfg: cfg, deps: deps, follower: f, metrics: m, show: func(File) {}}, path, accept)
			if !errors.Is(err, errFenced) {
				return err
			}
			sleep(ctx, time.Second)
		}
	})
	return file, err
}

func importOnce(ctx context.Context, r room, path string, accept bool) (File, error) {
	j := &job{room: r, accept: accept}
	defer j.close()
	f, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("opening the file: %w", err)
	}
	if err := j.open(ctx, f, nil); err != nil {
		return File{}, err
	}
	for {
		busy := false
		r.follower.with(func(l *ledger) { _, busy = l.busy(r.cfg.Instance, time.Now(), r.cfg.Takeover) })
		if !busy {
			return j.run(ctx)
		}
		if sleep(ctx, 100*time.Millisecond); ctx.Err() != nil {
			return j.entry, fmt.Errorf("waiting for another instance's import: %w", ctx.Err())
		}
	}
}

// byHand completes what a command does not know.
func byHand(cfg Config, path string) (Config, func(), error) {
	cleanup := func() {}
	host, _ := os.Hostname()
	cfg.Dir, cfg.Instance = filepath.Dir(path), fmt.Sprintf("by hand at %s, %d", host, os.Getpid())
	if cfg.StateDir == "" {
		dir, err := os.MkdirTemp("", "customer360-import-*")
		if err != nil {
			return cfg, cleanup, fmt.Errorf("a folder to work in: %w", err)
		}
		cfg.StateDir, cleanup = dir, func() { _ = os.RemoveAll(dir) }
	}
	err := os.MkdirAll(cfg.StateDir, 0o700)
	if err == nil {
		err = cfg.Validate()
	}
	if err != nil {
		cleanup()
		return cfg, func() {}, fmt.Errorf("csvdir: %w", err)
	}
	return cfg, cleanup, nil
}

// waitStable waits until the file's size and time have not changed for so long.
func waitStable(ctx context.Context, path string, stable time.Duration) error {
	last, err := os.Stat(path)
	for since := time.Now(); err == nil; {
		if !last.Mode().IsRegular() {
			return fmt.Errorf("%s is no file", path)
		}
		now := time.Now()
		if age := min(now.Sub(since), stable); age == stable || now.Sub(last.ModTime()) >= stable && age >= stable/4 {
			return nil
		}
		if sleep(ctx, stable/8); ctx.Err() != nil {
			return ctx.Err()
		}
		var info os.FileInfo
		if info, err = os.Stat(path); err == nil && (info.Size() != last.Size() || !info.ModTime().Equal(last.ModTime())) {
			last, since = info, time.Now()
		}
	}
	return fmt.Errorf("looking at the file: %w", err)
}

// following runs fn with all of loyalty.files known.
func following(ctx context.Context, deps Deps, fn func(*follower) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := newFollower(deps.Kafka, deps.Log)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.require(ctx); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = f.run(ctx) }() // reach returns its error
	defer func() { cancel(); <-done }()
	if err := f.stable(ctx); err != nil {
		return err
	}
	return fn(f)
}

// History returns the files that loyalty.files knows, the newest first.
func History(ctx context.Context, deps Deps) ([]File, error) {
	return filesOf(ctx, deps, (*ledger).all)
}

// Acceptable returns the held files that Accept could release, newest first.
func Acceptable(ctx context.Context, deps Deps) ([]File, error) {
	return filesOf(ctx, deps, (*ledger).waiting)
}

func filesOf(ctx context.Context, deps Deps, choose func(*ledger) []File) (files []File, err error) {
	err = following(ctx, deps.complete(), func(f *follower) error {
		f.with(func(l *ledger) { files = choose(l) })
		return nil
	})
	return files, err
}

// minHash is how many digits of a hash name a file.
const minHash = 6

// Accept releases the held file of that content hash (its first digits are
// enough), name or path: the importer that sees it goes on. It fails where
// there is none, where several fit, or where a newer file was imported since.
func Accept(ctx context.Context, deps Deps, hashOrName string) error {
	deps = deps.complete()
	return following(ctx, deps, func(f *follower) error {
		var waiting, all []File
		f.with(func(l *ledger) { waiting, all = l.waiting(), l.all() })
		found := named(waiting, hashOrName)
		if len(found) == 0 {
			return notHeld(named(all, hashOrName), hashOrName, f.mark())
		}
		file := found[0] // the newest of that name
		for _, other := range found[1:] {
			if other.Hash != file.Hash && other.Name != file.Name {
				return fmt.Errorf("%q fits several held files: %s and %s; give more of the hash", hashOrName, file.ShortHash(), other.ShortHash())
			}
		}
		file.Phase, file.Accepted, file.Reason, file.Time = Accepted, true, "", deps.Now()
		record := &kgo.Record{Topic: topology.FilesTopic, Key: []byte(file.Key()), Value: file.encode(), Timestamp: deps.Now()}
		if err := f.client.ProduceSync(ctx, record).FirstErr(); err != nil {
			return fmt.Errorf("accepting %s: %w", file.Name, err)
		}
		return nil
	})
}

// notHeld says why there is nothing to accept: known are the files of that hash
// or name, the newest first.
func notHeld(known []File, hashOrName string, mark *File) error {
	if len(known) == 0 {
		return fmt.Errorf("no file that was seen has the hash or name %q; customer360 import --history lists them", hashOrName)
	}
	switch f := &known[0]; f.Phase {
	case Seen, Rows, Withdrawn, Accepted:
		return fmt.Errorf("%s is not held: it is %s since %s, and its import is under way or due", f.Name, f.Phase, day(f.Time))
	default:
		return fmt.Errorf("%s is not held: %w", f.Name, outcome(f, mark))
	}
}

func named(files []File, hashOrName string) (found []File) {
	hash := strings.ToLower(hashOrName)
	for _, f := range files {
		if f.Name == filepath.Base(hashOrName) || len(hash) >= minHash && strings.HasPrefix(f.Hash, hash) {
			found = append(found, f)
		}
	}
	return found
}
