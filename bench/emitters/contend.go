package emitters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"customer360/bench/child"
	"customer360/bench/result"
)

// order is what a child is to do, as its first question.
type order struct {
	Places    places `json:"places"`
	File      string `json:"file"`
	Customers int    `json:"customers"`
	InFlight  int    `json:"in_flight"`
}

// measurement is what the contender's work took.
type measurement struct {
	child.Spent
	ServersCPU time.Duration `json:"servers_cpu"` // -1: not known on this system
	Bytes      int64         `json:"value_bytes"` // encoding-csv: of all values
}

// Child is a role of a measurement in this process: "servers" or a contender. It
// speaks with its parent over in and out.
func Child(ctx context.Context, role string, in io.Reader, out, stderr io.Writer) error {
	answers, questions := json.NewEncoder(out), json.NewDecoder(in)
	var o order
	if err := questions.Decode(&o); err != nil {
		return fmt.Errorf("reading what to do: %w", err)
	}
	var work func(context.Context, order, *clock) (int64, error)
	switch role {
	case "servers":
		return serveServers(ctx, o.Customers, io.MultiReader(questions.Buffered(), in), answers)
	case result.CSVDir:
		work = importFile
	case result.EncodingCSV:
		work = readFile
	case result.RestPoll:
		work = func(ctx context.Context, o order, c *clock) (int64, error) { return poll(ctx, o, c, stderr) }
	case result.NetHTTP:
		work = ask
	default:
		return fmt.Errorf("there is no role %q", role)
	}
	c := &clock{servers: o.Places.PID}
	records, err := work(ctx, o, c)
	if err != nil {
		return err
	}
	m, err := c.measured(records)
	if err != nil {
		return err
	}
	return answers.Encode(m)
}

// clock measures from start to stop.
type clock struct {
	servers             int // process
	from, to            child.Usage
	serversFrom, served time.Duration
	bytes               int64
}

func (c *clock) start() (err error) {
	if c.serversFrom, err = cpuOf(c.servers); err == nil {
		c.from, err = child.Use()
	}
	return err
}

func (c *clock) stop() (err error) {
	if c.to, err = child.Use(); err == nil {
		c.served, err = cpuOf(c.servers)
	}
	return err
}

func (c *clock) measured(records int64) (measurement, error) {
	if c.to.At.IsZero() || records < 1 {
		return measurement{}, fmt.Errorf("%w: nothing was done", ErrVoid)
	}
	m := measurement{Spent: c.to.Since(c.from, records), ServersCPU: -1, Bytes: c.bytes}
	if c.serversFrom >= 0 {
		m.ServersCPU = c.served - c.serversFrom
	}
	return m, nil
}

// cpuOf is -1 where it cannot be known.
func cpuOf(pid int) (time.Duration, error) {
	d, err := child.CPUOf(pid)
	if errors.Is(err, errors.ErrUnsupported) {
		return -1, nil
	}
	return d, err
}

// same says whether a record is the row's.
func same(value []byte, i, n int) bool {
	return bytes.Equal(value, memberOf(i, n).AppendJSON(nil))
}
