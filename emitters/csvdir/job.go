package csvdir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// room is what all imports of an instance share.
type room struct {
	cfg      Config
	deps     Deps
	follower *follower
	metrics  *metrics
	show     func(File) // tells how far an import has come
}

// job is one file on its way into Kafka. It holds the fence from claim on.
type job struct {
	room
	accept bool // an operator let it pass

	f       *os.File
	info    os.FileInfo
	what    *examined
	entry   File
	w       *writer
	work    string // folder for what is sorted and merged
	written time.Time
}

// open takes over the open file and examines it, unless that was done before.
func (j *job) open(ctx context.Context, f *os.File, what *examined) (err error) {
	j.f = f
	if j.info, err = f.Stat(); err != nil {
		return fmt.Errorf("opening the file: %w", err)
	}
	if what == nil {
		e, err := examine(ctx, j.f)
		if err != nil {
			return fmt.Errorf("reading the file: %w", err)
		}
		what = &e
		if err := j.unchanged(); err != nil {
			return err
		}
	}
	j.what = what
	j.entry = File{Name: filepath.Base(f.Name()), MTime: j.info.ModTime().UnixNano(), Hash: what.hash, Size: j.info.Size()}
	return nil
}

// unchanged fails with errChanged where the open file has been written to.
func (j *job) unchanged() error {
	info, err := j.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != j.info.Size() || !info.ModTime().Equal(j.info.ModTime()) {
		return errChanged
	}
	return nil
}

func (j *job) close() {
	if j.w != nil {
		j.w.close()
	}
	if j.f != nil {
		_ = j.f.Close()
	}
	if j.work != "" {
		_ = os.RemoveAll(j.work)
	}
}

// run takes the fence, decides about the file on what is in the log then, and
// does it. It returns the file's entry as it was last written.
func (j *job) run(ctx context.Context) (File, error) {
	verdict, err := j.take(ctx)
	if err != nil {
		return j.entry, err
	}
	switch verdict {
	case settled:
		return j.entry, j.outcome()
	case older:
		mark := j.follower.mark()
		return j.end(ctx, Skipped, fmt.Sprintf("%s of %s is newer", mark.Name, day(mark.Modified())))
	case unchanged:
		return j.end(ctx, Unchanged, "the same content as the last import")
	}
	switch {
	case j.entry.ahead(j.deps.Now()) > 0:
		return j.end(ctx, Failed, fmt.Sprintf("its modification time, %s, is ahead of the clock: set it right with: touch FILE",
			j.entry.Modified().UTC().Format(time.RFC3339)))
	case j.what.refusal != nil:
		return j.end(ctx, Failed, j.what.refusal.Error())
	}
	return j.importFile(ctx, verdict)
}

// take opens the writer, which fences all others, and judges by a ledger that
// nobody else can change any more.
func (j *job) take(ctx context.Context) (judgement, error) {
	var err error
	if j.w, err = openWriter(ctx, j.cfg, j.deps); err != nil {
		return settled, err
	}
	if err := j.follower.end(ctx); err != nil {
		return settled, err
	}
	verdict, entry := settled, (*File)(nil)
	j.follower.with(func(l *ledger) {
		var known *File
		if verdict, known = l.judge(&j.entry, j.deps.Now()); known != nil {
			copied := *known
			entry = &copied
		}
		if mark := l.watermark(); verdict == settled && j.accept && entry != nil && entry.Phase == Held && (mark == nil || entry.compare(mark) > 0) {
			verdict = fresh
		}
	})
	if entry != nil {
		name := j.entry.Name // where it is now
		j.entry = *entry
		j.entry.Name = name
	}
	j.entry.Accepted = j.entry.Accepted || j.accept
	if j.entry.Started.IsZero() || verdict == fresh {
		j.entry.Started = j.deps.Now()
	}
	return verdict, nil
}

// importFile is the import itself: claim, check, hold or write.
func (j *job) importFile(ctx context.Context, verdict judgement) (File, error) {
	begun := time.Now()
	if err := j.claim(ctx, verdict); err != nil {
		return j.entry, err
	}
	var err error
	if j.work, err = os.MkdirTemp(j.cfg.StateDir, workPrefix(j.cfg.Instance)+"*"); err != nil {
		return j.entry, fmt.Errorf("a folder to work in: %w", err)
	}
	members, err := known(ctx, j.deps.Kafka, j.cfg.StateDir, j.work, j.deps.Log, j.deps.Now(), func() error { return j.beat(ctx) })
	if err != nil {
		return j.entry, err
	}
	c, err := check(ctx, j.f, j.what, members, j.work, func(int64) error { return j.beat(ctx) })
	if err != nil {
		return j.entry, fmt.Errorf("checking the file: %w", err)
	}
	j.metrics.known.Set(float64(c.known))
	if verdict == fresh {
		j.entry.Rows, j.entry.Known, j.entry.Removes, j.entry.Duplicates = c.rows, c.known, c.removes, c.duplicates
		j.entry.Rejected = c.rejected
		if reason := j.cfg.hold(c); reason != "" && !j.entry.Accepted {
			return j.end(ctx, Held, reason)
		}
		j.entry.Rejected = 0 // counted again as they are written
	}
	if lacks := j.what.layout.lacks(); len(lacks) > 0 && c.rows > 0 {
		j.deps.Log.Warn("the file lacks columns: no member has what they say any more; if they are only named otherwise, correct the header",
			"file", j.entry.Name, "columns", strings.Join(lacks, ","))
	}
	if c.duplicates > 0 {
		j.deps.Log.Warn("ids are in the file more than once: the later row counts", "file", j.entry.Name, "rows", c.duplicates)
	}
	if err := j.write(ctx, c); err != nil {
		return j.entry, err
	}
	j.metrics.seconds.Observe(time.Since(begun).Seconds())
	return j.entry, nil
}

// claim tells the other instances that this one is at work, and ends what was
// begun and will not be finished.
func (j *job) claim(ctx context.Context, verdict judgement) error {
	if verdict == fresh {
		e := &j.entry
		*e = File{Name: e.Name, MTime: e.MTime, Hash: e.Hash, Size: e.Size, Accepted: e.Accepted, Started: e.Started, Phase: Seen}
		e.Encoding, e.Delimiter = j.what.layout.encoding(), j.what.layout.delimiter()
	} else if j.entry.Phase = Rows; j.entry.Row >= j.entry.Rows {
		j.entry.Phase = Withdrawn
	}
	j.entry.Reason = ""
	if err := j.w.begin(); err != nil {
		return err
	}
	var stale []File
	j.follower.with(func(l *ledger) { stale = l.halfDone(j.entry.Key()) })
	for _, f := range stale {
		f.Phase, f.Instance, f.Time = Incomplete, j.cfg.Instance, j.deps.Now()
		f.Reason = fmt.Sprintf("overtaken by %s after row %d of %d", j.entry.Name, f.Row, f.Rows)
		if err := j.w.file(&f); err != nil {
			return err
		}
		j.metrics.files.WithLabelValues(string(Incomplete)).Inc()
	}
	j.deps.Log.Info("importing", "file", j.entry.Name, "hash", j.entry.ShortHash(), "bytes", j.entry.Size, "modified", j.entry.Modified(),
		"phase", string(j.entry.Phase), "after_row", j.entry.Row)
	return j.commit(ctx)
}

// beat renews the claim during long work that writes nothing.
func (j *job) beat(ctx context.Context) error {
	if time.Since(j.written) < j.cfg.Takeover/5 {
		return nil
	}
	if err := j.w.begin(); err != nil {
		return err
	}
	return j.commit(ctx)
}

// commit ends the open transaction with the file's entry in it.
func (j *job) commit(ctx context.Context) error {
	if err := j.unchanged(); err != nil {
		return err
	}
	j.entry.Instance, j.entry.Time, j.entry.Topic = j.cfg.Instance, j.deps.Now(), j.follower.members()
	if err := j.w.file(&j.entry); err != nil {
		return err
	}
	if err := j.w.commit(ctx); err != nil {
		return err
	}
	j.written = time.Now()
	j.show(j.entry)
	return nil
}

// end writes the file's last entry, for now, and nothing else.
func (j *job) end(ctx context.Context, phase Phase, reason string) (File, error) {
	if err := j.w.begin(); err != nil {
		return j.entry, err
	}
	j.entry.Phase, j.entry.Reason = phase, reason
	if err := j.commit(ctx); err != nil {
		return j.entry, err
	}
	j.metrics.files.WithLabelValues(string(phase)).Inc()
	level := j.deps.Log.Info
	if phase == Held || phase == Failed {
		level = j.deps.Log.Warn
	}
	level("file not imported", "file", j.entry.Name, "hash", j.entry.ShortHash(), "phase", string(phase), "reason", reason)
	return j.entry, j.outcome()
}

// hold says why a file must not be written before an operator has seen it.
func (c Config) hold(f *checked) string {
	rejected := ""
	if f.rejected > 0 {
		rejected = fmt.Sprintf("; %d rows are rejected, the first one in %s", f.rejected, f.first)
	}
	switch {
	case f.rows == 0:
		return fmt.Sprintf("the file has no rows; it would withdraw all %d known members", f.removes)
	case f.usable == 0:
		return fmt.Sprintf("none of the file's %d rows is usable%s", f.rows, rejected)
	case f.removes > int64(c.HoldMinimum) && float64(f.removes) > c.HoldShare*float64(f.known):
		return fmt.Sprintf("the file would withdraw %d of %d known members (%.1f%%, the limit is %.1f%%)%s",
			f.removes, f.known, 100*float64(f.removes)/float64(f.known), 100*c.HoldShare, rejected)
	case f.cut && f.removes > 0:
		return fmt.Sprintf("the file was probably cut off: its last row is broken and has no line end, and it would withdraw %d of %d known members%s",
			f.removes, f.known, rejected)
	}
	return ""
}

func workPrefix(instance string) string { return "work-" + filepath.Base(instance) + "-" }
