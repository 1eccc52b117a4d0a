package chaos

import (
	"math/rand/v2"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The kinds. Those of `up` strike broker, node, simulators and a pipeline at once.
const (
	Kill       Kind = "kill"          // SIGKILL of a run process
	KillUp     Kind = "kill_up"       // and of up
	PauseShort Kind = "pause_short"   // SIGSTOP for less than the session timeout
	PauseLong  Kind = "pause_long"    // and for more
	PauseUp    Kind = "pause_up"      //
	DiskFull   Kind = "disk_full"     // each write to a file fails
	Cut        Kind = "net_cut"       // connections break, new ones are refused
	Stall      Kind = "net_stall"     // nothing passes, nothing breaks
	HalfOpen   Kind = "net_half_open" // requests arrive; answers never do
	Delay      Kind = "net_delay"     // each piece is late
	Clock      Kind = "clock_jump"    // the wall clock, as the process sees it
)

// kinds is the deck that is dealt again and again.
func kinds(clocks bool) []Kind {
	deck := []Kind{Kill, Kill, KillUp, PauseShort, PauseLong, PauseUp, DiskFull, Cut, Stall, HalfOpen, Delay}
	if clocks {
		deck = append(deck, Clock)
	}
	return deck
}

// sessionTimeout is the groups' (kafka.session_timeout, as up writes it).
const sessionTimeout = 10 * time.Second

// maxJump bounds how far a clock is from the true one.
const maxJump = 6 * time.Hour

// step is one fault of a plan.
type step struct {
	At      time.Duration // from the beginning
	Kind    Kind
	Process int           // 0: up; 1 and more: a run process, or its network
	Service int           // of a network fault: an index of services
	Lasts   time.Duration // of Kill: until it is started again
	Offset  time.Duration // of Clock: from the true time
}

// plan deals faults for the length, a pure function of the seed: all kinds before
// one comes again, no two at a time on one process, nor on one connection.
func plan(seed uint64, length time.Duration, runs int, deck []Kind) []step {
	dice := rand.New(rand.NewPCG(seed, 360))
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(dice.Int64N(int64(high-low))) }
	process := make([]time.Duration, runs+1) // until when it has a fault
	network := make([][]time.Duration, runs+1)
	for i := range network {
		network[i] = make([]time.Duration, len(services))
	}
	var steps []step
	var hand []Kind
	for at := between(0, time.Second); at < length; at += between(500*time.Millisecond, 3500*time.Millisecond) {
		if len(hand) == 0 {
			hand = append(hand, deck...)
			dice.Shuffle(len(hand), func(i, j int) { hand[i], hand[j] = hand[j], hand[i] })
		}
		s := step{At: at, Kind: hand[0], Process: 1 + dice.IntN(runs), Service: dice.IntN(len(services))}
		switch s.Kind {
		case Kill, KillUp:
			s.Lasts = []time.Duration{0, between(0, 3*time.Second), sessionTimeout + between(time.Second, 5*time.Second)}[dice.IntN(3)]
		case PauseShort:
			s.Lasts = between(time.Second, sessionTimeout-2*time.Second)
		case PauseLong:
			s.Lasts = sessionTimeout + between(2*time.Second, 6*time.Second)
		case DiskFull:
			s.Lasts = between(2*time.Second, 12*time.Second)
		case Clock:
			s.Process = dice.IntN(runs + 1)
			s.Offset = between(-maxJump, maxJump).Round(time.Second)
		default:
			s.Lasts = between(time.Second, 15*time.Second)
		}
		if s.Kind == KillUp || s.Kind == PauseUp {
			s.Process, s.Lasts = 0, min(s.Lasts, 5*time.Second)
		}
		busy := &process[s.Process]
		if s.Kind.network() {
			busy = &network[s.Process][s.Service]
		}
		if *busy > at {
			continue // the card stays on top
		}
		*busy = at + s.Lasts + time.Second
		hand = hand[1:]
		steps = append(steps, s)
	}
	return steps
}

func (k Kind) network() bool { return k == Cut || k == Stall || k == HalfOpen || k == Delay }
