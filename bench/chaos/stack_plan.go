package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Kinds of faults of the components. Those of run processes are in plan.go.
const (
	KillKafka      Kind = "kill_kafka" // SIGKILL, and a start some time later
	PauseKafka     Kind = "pause_kafka"
	KillConnect    Kind = "kill_connect"
	PauseConnect   Kind = "pause_connect"
	KillMariaDB    Kind = "kill_mariadb"
	RestartMariaDB Kind = "restart_mariadb" // SIGTERM, and a start
	PauseMariaDB   Kind = "pause_mariadb"
	StoreFails     Kind = "store_fails" // a third of the requests: 503
)

// stackKinds is the deck of the real source systems.
func stackKinds() []Kind {
	return []Kind{Kill, Kill, PauseShort, PauseLong, DiskFull, Cut, Stall, HalfOpen, Delay, StoreFails,
		KillKafka, PauseKafka, KillConnect, KillConnect, PauseConnect, KillMariaDB, RestartMariaDB, PauseMariaDB}
}

// stackPlan deals faults for the length, a pure function of the seed: all kinds
// before one comes again; on each component or process one at a time.
func stackPlan(seed uint64, length time.Duration) []step {
	dice := rand.New(rand.NewPCG(seed, 361))
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(dice.Int64N(int64(high-low))) }
	busy := map[string]time.Duration{}
	var steps []step
	var hand []Kind
	for at := between(0, time.Second); at < length; at += between(500*time.Millisecond, 4*time.Second) {
		if len(hand) == 0 {
			hand = stackKinds()
			dice.Shuffle(len(hand), func(i, j int) { hand[i], hand[j] = hand[j], hand[i] })
		}
		s := step{At: at, Kind: hand[0], Process: 1 + dice.IntN(len(runs)), Service: dice.IntN(len(services)), Lasts: between(time.Second, 12*time.Second)}
		var target string
		switch s.Kind {
		case KillKafka, KillConnect, KillMariaDB, RestartMariaDB, PauseKafka, PauseConnect, PauseMariaDB, StoreFails:
			s.Process = 0
			_, target, _ = strings.Cut(string(s.Kind), "_")
		case Kill:
			s.Lasts = []time.Duration{0, between(0, 3*time.Second), sessionTimeout + between(time.Second, 5*time.Second)}[dice.IntN(3)]
		case PauseShort:
			s.Lasts = between(time.Second, sessionTimeout-2*time.Second)
		case PauseLong:
			s.Lasts = sessionTimeout + between(2*time.Second, 6*time.Second)
		}
		if s.Process > 0 {
			target = fmt.Sprint(s.Process)
			if s.Kind.network() {
				target += services[s.Service]
			}
		}
		if busy[target] > at {
			continue // the card stays on top
		}
		// A component that was killed takes some time to be back.
		busy[target] = at + s.Lasts + time.Second
		if s.Process == 0 {
			busy[target] += 15 * time.Second
		}
		hand = hand[1:]
		steps = append(steps, s)
	}
	return steps
}
