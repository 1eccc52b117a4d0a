package simulate

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// exportNightly is Loyalty's nightly job: the first export at once, the next
// ones a night apart.
func (w *World) exportNightly(ctx context.Context) error {
	w.mu.RLock()
	nights := w.progress.Night
	w.mu.RUnlock()
	if nights == 0 {
		if err := w.export(); err != nil {
			return err
		}
	}
	if w.cfg.Once {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(w.cfg.Night)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := w.export(); err != nil {
			return err
		}
	}
}

// export lets a night pass and drops its file.
func (w *World) export() error {
	// The members are this goroutine's alone to change; readers of the truth are
	// kept out until the night is over, so that they see an export, not half of one.
	w.mu.Lock()
	w.loyalty.sleep()
	night := w.loyalty.night
	w.mu.Unlock()

	name := exportName(w.deps.Now())
	lines, err := w.writeCSV(filepath.Join(w.cfg.CSVDir, name))
	if err != nil {
		return fmt.Errorf("writing Loyalty's export %s: %w", name, err)
	}
	var old []string
	err = w.keep(func(p *progress) {
		p.Night = night
		p.Exports = append(p.Exports[:len(p.Exports):len(p.Exports)], name)
		if n := len(p.Exports) - w.cfg.KeepCSV; n > 0 {
			old, p.Exports = p.Exports[:n], p.Exports[n:]
		}
		w.members = lines
	})
	if err != nil {
		return err
	}
	for _, gone := range old {
		if err := w.removeExport(gone); err != nil {
			return err
		}
	}
	w.log.Info("Loyalty dropped its export", "file", name, "members", lines, "night", night)
	return nil
}

// removeExport removes an old export, unless a newer one took its name: names
// come again after twelve hours, and within a second in tests.
func (w *World) removeExport(name string) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, kept := range w.progress.Exports {
		if kept == name {
			return nil
		}
	}
	if err := os.Remove(filepath.Join(w.cfg.CSVDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing an old export of Loyalty: %w", err)
	}
	return nil
}

// exportName has the tutorial's form loyaltyMMddyyyy_hhmmss.csv on a clock of
// twelve hours: names neither sort by time nor stay unique.
func exportName(now time.Time) string { return now.Format("loyalty01022006_030405.csv") }

func (w *World) writeCSV(path string) (lines int64, err error) {
	err = writeFile(path, func(file *os.File) error {
		buffered := bufio.NewWriterSize(file, 1<<16)
		out := csv.NewWriter(buffered)
		if err := out.Write([]string{"Id", "Password", "FirstName", "LastName", "Email", "Points"}); err != nil {
			return err
		}
		for m := range w.loyalty.members {
			lines++
			if err := out.Write([]string{
				strconv.FormatInt(m.ID, 10), m.Password, m.FirstName, m.LastName, m.Email, strconv.Itoa(m.Points),
			}); err != nil {
				return err
			}
		}
		out.Flush()
		return errors.Join(out.Error(), buffered.Flush())
	})
	return lines, err
}
