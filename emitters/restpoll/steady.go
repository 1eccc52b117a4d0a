package restpoll

import "time"

// setBack is how far the wall clock steps back before that counts.
const setBack = time.Minute

// Agendas go by the wall clock, as the table's due times do, but do not go back
// with it: due times that were taken while it was ahead would lie that far ahead,
// and the poller would be silent for so long. Each step back is made up for by
// ahead. Emails that the wrong clock made due stay due: they are asked for once
// too early.

// tick is at for the dispatcher, whose times come in order.
func (s *schedule) tick(now time.Time) int64 {
	if !s.last.IsZero() {
		elapsed := max(0, now.Sub(s.last)) // by the monotonic clock, where now has it
		if back := elapsed - now.Round(0).Sub(s.last.Round(0)); back > setBack {
			s.ahead += back
		}
	}
	s.last = now
	return s.at(now)
}

// at is now in the agendas' time, in milliseconds.
func (s *schedule) at(now time.Time) int64 { return now.Add(s.ahead).UnixMilli() }
