package chaos

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"customer360/internal/freeport"
)

// services are what a run process reaches through links, and what up listens for.
var services = []string{"kafka", "couchbase", "store"}

// runs are the instances beside up: the parts of each.
var runs = []string{
	"", // all
	"restpoll,rekey,merge,sink",
	"restpoll,merge,staging,sink",
}

// ports of 127.0.0.1 that up is given; the links have the same ones elsewhere.
type ports struct{ kafka, couchbase, store, http int }

// freePorts takes ports that up can come back to after a kill.
func freePorts() (ports, error) {
	var p ports
	free, err := freeport.Take(4)
	if err == nil {
		p.kafka, p.couchbase, p.store, p.http = free[0], free[1], free[2], free[3]
	}
	return p, err
}

func (p ports) of(service string) int {
	return map[string]int{"kafka": p.kafka, "couchbase": p.couchbase, "store": p.store}[service]
}

// host is the address of a process: 0 is up, the others are behind links.
func host(process int) string { return "127.0.0." + strconv.Itoa(1+process) }

func address(process, port int) string { return net.JoinHostPort(host(process), strconv.Itoa(port)) }

// upArgs starts up with life in its world, or frozen.
func (r *run) upArgs(frozen bool) []string {
	events, night := strconv.Itoa(r.cfg.Events), r.cfg.Night
	if frozen {
		events, night = "0", 10000*time.Hour
	}
	return append(r.worldArgs(), "--events", events, "--night", night.String())
}

func (r *run) worldArgs() []string {
	return []string{"up", "--dir", r.folder("up"), "--customers", strconv.Itoa(r.cfg.Customers), "--seed", strconv.FormatUint(r.cfg.Seed%1000+1, 10),
		"--kafka", address(0, r.ports.kafka), "--couchbase", address(0, r.ports.couchbase),
		"--store", address(0, r.ports.store), "--http", address(0, r.ports.http)}
}

// pollEvery is how often the run processes ask the store for a customer, and so
// how soon its changes are seen.
const pollEvery = 6 * time.Second

// runProcess is an instance beside up that reads up's configuration, but for the
// addresses.
func (r *run) runProcess(i int) *process {
	args := []string{"run", "--config", r.settings}
	if only := runs[i-1]; only != "" {
		args = append(args, "--only", only)
	}
	p := r.process(fmt.Sprintf("run%d", i), args)
	p.env = []string{
		"CUSTOMER360_INSTANCE=" + p.name,
		"CUSTOMER360_KAFKA_BROKERS=" + address(i, r.ports.kafka),
		"CUSTOMER360_COUCHBASE_CONNECTION_STRING=couchbase://" + address(i, r.ports.couchbase),
		"CUSTOMER360_ONLINE_STORE_URL=http://" + address(i, r.ports.store) + "/api/onlineStore",
		"CUSTOMER360_ONLINE_STORE_INTERVAL=" + pollEvery.String(),
		"CUSTOMER360_ONLINE_STORE_NOT_FOUND_INTERVAL=" + pollEvery.String(),
		"CUSTOMER360_HTTP_LISTEN=" + address(i, r.ports.http),
	}
	return p
}

// openLinks makes the network of every run process.
func (r *run) openLinks() error {
	for i := 1; i <= len(runs); i++ {
		var links []*link
		for _, service := range services {
			port := r.ports.of(service)
			var view func() wire
			if service == "kafka" {
				var err error
				if view, err = newKafkaWire(address(i, port)); err != nil {
					return err
				}
			}
			l, err := openLink(address(i, port), address(0, port), view)
			if err != nil {
				return fmt.Errorf("the network of run process %d: %w", i, err)
			}
			links = append(links, l)
		}
		r.links = append(r.links, links)
	}
	return nil
}

// awaitReady asks /readyz of the processes until all say yes.
func (r *run) awaitReady(ctx context.Context, processes ...int) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for _, i := range processes {
		said := "it does not answer"
		for url := "http://" + address(i, r.ports.http) + "/readyz"; ; {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			response, err := client.Do(request)
			if err == nil {
				body, _ := io.ReadAll(response.Body) // for people only
				_ = response.Body.Close()
				if response.StatusCode == http.StatusOK {
					break
				}
				said = string(body)
			}
			select {
			case <-ctx.Done():
				_ = r.processes[i].signal(syscall.SIGQUIT) // its goroutines go to the log,
				time.Sleep(time.Second)                    // for which it gets a moment
				return fmt.Errorf("%s is not ready: %w\n%s", r.processes[i].name, context.Cause(ctx), said)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}
