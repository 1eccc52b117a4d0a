package emitters

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"customer360/codec/loyalty"
)

// step is coprime to every number of rows that has no factor 7919: ids come in an
// order that is not theirs.
const step = 7919

// memberOf is the row of the i-th place, of n.
func memberOf(i, n int) loyalty.Row {
	id := i
	if n%step != 0 {
		id = i * step % n
	}
	s := strconv.Itoa(id + 1)
	r := loyalty.Row{ID: s, Password: "xrinn5xp.swd" + s, FirstName: "Aron", LastName: "Sawayn" + s, Email: "aron.sawayn" + s + "@stehr.example", Points: strconv.Itoa(id % 997)}
	switch id % 9 {
	case 0:
		r.LastName = "Sawayn, of the house " + s
	case 1:
		r.FirstName = `Aron "the ` + s + `th"`
	case 2:
		r.LastName = "Sawayn\nand sons " + s
	}
	return r
}

// quoted writes a value as CSV; every third that needs no quotes has them too.
func quoted(value string, anyway bool) string {
	if !anyway && !strings.ContainsAny(value, "\",\n") {
		return value
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}

// writeFile makes the file and says how many bytes its values have, the header's too.
func writeFile(path string, rows int) (bytes int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("the CSV file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	header := "Id,Password,FirstName,LastName,Email,Points"
	bytes = int64(len(header) - strings.Count(header, ","))
	_, _ = w.WriteString(header + "\n")
	for i := range rows {
		r := memberOf(i, rows)
		for k, v := range [...]string{r.ID, r.Password, r.FirstName, r.LastName, r.Email, r.Points} {
			if k > 0 {
				_ = w.WriteByte(',')
			}
			bytes += int64(len(v))
			_, _ = w.WriteString(quoted(v, k == 4 && i%3 == 0))
		}
		_ = w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil { // the writer keeps its first error
		return 0, fmt.Errorf("the CSV file: %w", err)
	}
	if old := time.Now().Add(-time.Hour); os.Chtimes(path, old, old) != nil {
		return 0, fmt.Errorf("the CSV file %s: its time cannot be set", path)
	}
	return bytes, nil
}
