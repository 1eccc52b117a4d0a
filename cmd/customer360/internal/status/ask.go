package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"customer360/cmd/customer360/internal/web"
)

const (
	askPatience = 3 * time.Second
	askMost     = 4 << 20 // bytes of an answer
	askAtOnce   = 32
)

// ask lets every instance that gave an address say how it is.
func ask(ctx context.Context, r *Report) {
	index := map[string]int{}
	for _, g := range r.Groups {
		for _, m := range g.Members {
			key := m.Instance + "\x00" + m.Address
			if _, ok := index[key]; !ok {
				index[key] = len(r.Instances)
				r.Instances = append(r.Instances, Instance{Name: m.Instance, Host: m.Host, Address: m.Address})
			}
		}
	}
	answers := make([]web.Status, len(r.Instances))
	client := &http.Client{Timeout: askPatience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var wg sync.WaitGroup
	slots := make(chan struct{}, askAtOnce)
	for i := range r.Instances {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var err error
			if answers[i], err = askOne(ctx, client, r.Instances[i]); err != nil {
				r.Instances[i].Problem = err.Error()
			}
			r.Instances[i].Parts = answers[i].Parts
		})
	}
	wg.Wait()
	for i := range r.Groups {
		g := &r.Groups[i]
		for j := range g.Members {
			m := &g.Members[j]
			says := answers[index[m.Instance+"\x00"+m.Address]].Groups
			if k := slices.IndexFunc(says, func(s web.Group) bool { return s.Group == g.Name }); k >= 0 {
				m.Says = &says[k]
				if at := m.Says.LastCommit; at != nil && (g.LastCommit == nil || at.After(*g.LastCommit)) {
					g.LastCommit = at
				}
			}
		}
	}
	slices.SortFunc(r.Instances, func(a, b Instance) int { return strings.Compare(a.Name, b.Name) })
}

func askOne(ctx context.Context, client *http.Client, i Instance) (s web.Status, err error) {
	if i.Address == "" {
		return s, errors.New("gives no address (an older version, or another program)")
	}
	// What stands there comes from Kafka: nothing but an address is used.
	if _, _, err := net.SplitHostPort(i.Address); err != nil || strings.ContainsAny(i.Address, "/?#@ \t\r\n") {
		return s, errors.New("gives an address that is none")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.Address+"/status", nil)
	if err != nil {
		return s, errors.New("gives an address that is none")
	}
	resp, err := client.Do(req)
	if err != nil {
		return s, fmt.Errorf("does not answer: %w", cause(err))
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("answers %s: not ours, or an older version", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, askMost)).Decode(&s); err != nil {
		return web.Status{}, errors.New("answers what is no status")
	}
	if s.Instance != "" && s.Instance != i.Name {
		return web.Status{}, fmt.Errorf("is not there: %s answers as instance %q; set http.advertised to an address that others reach", i.Address, s.Instance)
	}
	return s, nil
}

// cause leaves out what the address says already.
func cause(err error) error {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Err != nil:
		return op.Err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("none within %v", askPatience)
	}
	return err
}
