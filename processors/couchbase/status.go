package couchbase

import (
	"time"

	"customer360/topology/engine"
)

// Status is what a person may want to know of a sink. The counts are of
// messages, since the process started.
type Status struct {
	Group       string
	Target      Target
	Written     int64
	Removed     int64
	Superseded  int64 // a newer message of the key was written
	Unchanged   int64 // Couchbase had it already
	Outdated    int64 // Couchbase had a newer one
	Kept        int64 // a foreign document was left alone
	Skipped     int64 // no documents
	DeadLetters int64
	Abandoned   int64 // fetched anew, here or elsewhere
	Failures    int64 // operations that failed, whatever came of it
	InFlight    int64 // messages that are not in Couchbase yet
	LastWrite   time.Time
	Lag         int64 // records behind the end of the topic
	Engine      engine.Status
}

// Status as of now.
func (s *Sink) Status() Status {
	m := s.meter
	e := s.group.Status()
	st := Status{
		Group: s.groupName(), Target: s.target.withDefaults(),
		Written: m.counts[written].Load(), Removed: m.counts[removed].Load(), Superseded: m.counts[superseded].Load(),
		Unchanged: m.counts[unchanged].Load(), Outdated: m.counts[outdated].Load(), Kept: m.counts[kept].Load(),
		Skipped: m.counts[skipped].Load(), DeadLetters: m.counts[deadLetter].Load(), Abandoned: m.counts[abandoned].Load(),
		Failures: m.retries.Load(), InFlight: m.flying.Load(), Lag: e.Lag, Engine: e,
	}
	if at := m.last.Load(); at != 0 {
		st.LastWrite = time.Unix(0, at)
	}
	return st
}

// Ready: partitions are assigned, and the sink was at the end of the topic once.
func (s *Sink) Ready() bool { return s.group.Ready() }

func (s *Sink) groupName() string {
	if s.source != "" {
		return s.deps.Settings.StagingGroup(s.source)
	}
	return s.deps.Settings.SinkGroup()
}
