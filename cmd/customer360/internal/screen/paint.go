package screen

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
	upLine     = "\x1b[F" // to the start of the line above
)

// IsTerminal says whether w is a terminal that can be painted on.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

func size(w io.Writer) (width, height int) {
	if f, ok := w.(*os.File); ok {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil {
			return width, height
		}
	}
	return 100, 40
}

// Paint repaints the page in place until ctx ends, and leaves the last one
// standing.
func Paint(ctx context.Context, w io.Writer, every time.Duration, snapshot func() Snapshot) error {
	return Repaint(ctx, w, every, func(width int) string { return Page(snapshot(), width) })
}

// Repaint does that for any page, which is asked for with the width of its lines.
func Repaint(ctx context.Context, w io.Writer, every time.Duration, page func(width int) string) error {
	if _, err := io.WriteString(w, hideCursor); err != nil {
		return err
	}
	defer io.WriteString(w, showCursor) //nolint:errcheck // the terminal is gone
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	lines := 0
	for {
		width, height := size(w)
		frame, n := frame(page(width), lines, height)
		if _, err := io.WriteString(w, frame); err != nil {
			return err
		}
		lines = n
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// frame goes back over the last page and writes the next: only whole lines, no
// clearing beforehand, so that nothing flickers.
func frame(page string, lastLines, height int) (string, int) {
	lines := strings.Split(strings.TrimSuffix(page, "\n"), "\n")
	if height > 1 && len(lines) > height-1 {
		lines = lines[:height-1]
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(upLine, lastLines))
	for _, l := range lines {
		b.WriteString(l + clearLine + "\n")
	}
	b.WriteString(clearBelow)
	return b.String(), len(lines)
}

// Report logs the same figures now and then, for a run without a terminal.
func Report(ctx context.Context, log *slog.Logger, every time.Duration, snapshot func() Snapshot) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s := snapshot()
		args := []any{"state", s.State, "customers", s.Customers, "orders", s.Orders, "staged", s.Staged,
			"dead_letters", s.DeadLetters, "documents_per_second", int64(s.PerSecond + 0.5)}
		for _, src := range s.Sources {
			args = append(args, slog.Group(strings.ReplaceAll(strings.ToLower(src.Name), " ", "_"),
				"records", src.Records, "lag", src.Lag))
		}
		log.Info("progress", args...)
	}
}
