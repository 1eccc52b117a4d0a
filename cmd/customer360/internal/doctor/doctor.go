package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/cmd/customer360/internal/config"
	"customer360/topology"
)

// Severity of a finding.
type Severity string

// The severities: as it should be; works, but look at it; does not work or loses
// something; could not be looked at.
const (
	OK      Severity = "ok"
	Warning Severity = "warning"
	Error   Severity = "error"
	Unknown Severity = "unknown"
)

// Finding is one thing that was looked at. Remedy is empty where nothing has to
// be done. No member holds a secret or a customer's data.
type Finding struct {
	Check    string   `json:"check"` // its section in docs/runbook.md
	Severity Severity `json:"severity"`
	Where    string   `json:"where"`
	What     string   `json:"what"`
	Remedy   string   `json:"remedy,omitempty"`
}

// Deps is what the process gives.
type Deps struct {
	Kafka []kgo.Opt        // that reach the cluster
	Now   func() time.Time // nil: time.Now
	HTTP  *http.Client     // to the store; nil: one of its own
	Limit time.Duration    // of one check; 0: 20 s
}

// doctor is one examination.
type doctor struct {
	conf    config.Config
	deps    Deps
	client  *kgo.Client
	admin   *kadm.Client
	graph   topology.Graph
	cluster kadm.Metadata
}

// check looks at one thing; an error means that it could not.
type check struct {
	name string
	look func(context.Context) ([]Finding, error)
}

// Run makes all checks, several at a time, and returns their findings in a fixed
// order. It ends early only with ctx.
func Run(ctx context.Context, conf config.Config, deps Deps) ([]Finding, error) {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Limit == 0 {
		deps.Limit = 20 * time.Second
	}
	d := &doctor{conf: conf, deps: deps}
	var err error
	if d.client, err = kgo.NewClient(append(deps.Kafka[:len(deps.Kafka):len(deps.Kafka)], kgo.DisableClientMetrics(),
		kgo.RequestRetries(2), kgo.RetryTimeout(deps.Limit/2))...); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer d.client.Close()
	d.admin = kadm.NewClient(d.client)
	checks := []check{{"kafka", d.brokers}}
	reached := d.all(ctx, checks)
	if len(reached) > 0 && reached[0].Severity != Error {
		checks = []check{{"topology", d.topology}}
		found := d.all(ctx, checks)
		reached = append(reached, found...)
		checks = []check{{"replication", d.replication}, {"clock-kafka", d.brokerClock}, {"delivery", d.delivery}}
		if len(found) > 0 && found[0].Severity == OK {
			checks = append(checks, check{"topics", d.topics}, check{"groups", d.groups}, check{"retention", d.retention},
				check{"transactions", d.transactions}, check{"dead-letters", d.letters})
		}
	} else {
		checks = nil
	}
	checks = append(checks, check{"couchbase", d.couchbase}, check{"couchbase-bucket", d.buckets}, check{"store", d.store},
		check{"loyalty", d.loyalty}, check{"disk", d.disk})
	return append(reached, d.all(ctx, checks)...), ctx.Err()
}

// all runs checks beside each other, each within the limit.
func (d *doctor) all(ctx context.Context, checks []check) []Finding {
	found := make([][]Finding, len(checks))
	var wait sync.WaitGroup
	for i, c := range checks {
		wait.Go(func() {
			limited, cancel := context.WithTimeout(ctx, d.deps.Limit)
			defer cancel()
			list, err := c.look(limited)
			if err != nil {
				if errors.Is(err, context.DeadlineExceeded) {
					err = fmt.Errorf("no answer within %v: %w", d.deps.Limit, err)
				}
				list = append(list, Finding{Severity: Unknown, Where: "this check", What: "could not be looked at: " + err.Error(),
					Remedy: "mend what the message says, and run doctor again"})
			}
			for k := range list {
				if list[k].Check == "" {
					list[k].Check = c.name
				}
			}
			found[i] = list
		})
	}
	wait.Wait()
	var all []Finding
	for _, list := range found {
		all = append(all, list...)
	}
	return all
}

func ok(where, format string, args ...any) Finding {
	return Finding{Severity: OK, Where: where, What: fmt.Sprintf(format, args...)}
}

func warning(where, what, remedy string) Finding {
	return Finding{Severity: Warning, Where: where, What: what, Remedy: remedy}
}

func failure(where, what, remedy string) Finding {
	return Finding{Severity: Error, Where: where, What: what, Remedy: remedy}
}

func unknown(where, what, remedy string) Finding {
	return Finding{Severity: Unknown, Where: where, What: what, Remedy: remedy}
}
