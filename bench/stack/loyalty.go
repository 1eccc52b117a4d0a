package stack

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Member is a line of Loyalty's file.
type Member struct {
	ID        string `json:"id"`
	Password  string `json:"password"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
	Points    string `json:"points"`
}

// Loyalty writes nightly files: all members each time. It is not safe for
// concurrent use.
type Loyalty struct {
	folder  string
	dice    *rand.Rand
	members map[int]Member
	files   int
	last    time.Time // the newest file's
}

// NewLoyalty writes into a folder that exists.
func NewLoyalty(folder string, seed uint64) *Loyalty {
	return &Loyalty{folder: folder, dice: rand.New(rand.NewPCG(seed, 3)), members: map[int]Member{}}
}

// Members of the newest file, by id.
func (l *Loyalty) Members() []Member {
	var list []Member
	for _, id := range slices.Sorted(maps.Keys(l.members)) {
		list = append(list, l.members[id])
	}
	return list
}

// Files that were written.
func (l *Loyalty) Files() int { return l.files }

// Night lets members come, go and change, and writes the next file. It appears
// whole under its name, and is newer than the one before.
func (l *Loyalty) Night() error {
	for id := 1; id <= addresses/3; id++ {
		_, known := l.members[id]
		switch n := l.dice.IntN(20); {
		case known && n == 0:
			delete(l.members, id)
		case known && n < 4, !known && (n < 4 || l.files == 0 && n < 14):
			l.members[id] = Member{ID: strconv.Itoa(id), Password: word(l.dice), FirstName: word(l.dice), LastName: word(l.dice),
				Email: spelled(l.dice, id), Points: strconv.Itoa(l.dice.IntN(1000))}
		}
	}
	l.files++
	name := filepath.Join(l.folder, fmt.Sprintf("loyalty%06d.csv", l.files))
	if err := writeCSV(name+".part", l.Members()); err != nil {
		return fmt.Errorf("the nightly file: %w", err)
	}
	at := time.Now()
	if !at.After(l.last) {
		at = l.last.Add(time.Millisecond)
	}
	l.last = at
	if err := errors.Join(os.Chtimes(name+".part", at, at), os.Rename(name+".part", name)); err != nil {
		return fmt.Errorf("the nightly file: %w", err)
	}
	return nil
}

func writeCSV(name string, members []Member) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	rows := [][]string{{"Id", "Password", "FirstName", "LastName", "Email", "Points"}}
	for _, m := range members {
		rows = append(rows, []string{m.ID, m.Password, m.FirstName, m.LastName, m.Email, m.Points})
	}
	return errors.Join(w.WriteAll(rows), f.Close())
}

// record is the member as a raw record's value.
func (m Member) record() ([]byte, error) { return json.Marshal(m) }
