package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"customer360/emitters/csvdir"
)

// nobody is asked for at the store: no customer has the reserved domain.
const nobody = "customer360-doctor@example.invalid"

// store makes one request, for a customer whom nobody has.
func (d *doctor) store(ctx context.Context) ([]Finding, error) {
	base, err := url.Parse(d.conf.OnlineStore.URL)
	if err != nil {
		return []Finding{failure("online_store.url", "is no address", "write it like https://store.example.com/api/onlineStore")}, nil
	}
	address := base.JoinPath("getCustomerDetailsByEmail")
	address.RawQuery = url.Values{"customerEmail": {nobody}}.Encode()
	where := base.Redacted()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, value := range d.conf.OnlineStore.Headers {
		r.Header.Set(name, value.Reveal())
	}
	r.Header.Set("Accept", "application/json")
	client := d.deps.HTTP
	if client == nil {
		client = &http.Client{Timeout: d.conf.OnlineStore.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		defer client.CloseIdleConnections()
	}
	answer, err := client.Do(r)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // without the address, which may hold a secret
		}
		return []Finding{failure(where, "the store does not answer: "+err.Error(),
			"check online_store.url, the network, and the store; documents keep what it said last")}, nil
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return []Finding{failure(where, "the store's answer breaks off: "+err.Error(), "look at the store and at what stands before it")}, nil
	}
	found := []Finding{answered(where, answer, body)}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		f := clock("the store's Date", d.deps.Now(), at, true)
		f.Check = "clock-store"
		found = append(found, f)
	}
	return found, nil
}

// answered judges one answer about a customer whom the store cannot know.
func answered(where string, answer *http.Response, body []byte) Finding {
	said := "the store answers " + answer.Status
	html := strings.Contains(answer.Header.Get("Content-Type"), "html") || strings.HasPrefix(strings.TrimSpace(string(body)), "<")
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound && html:
		return warning(where, said+" with an HTML page: it may be a wrong path, and a 404 withdraws customers' data",
			"check online_store.url with the e-mail of a known customer, before anything runs")
	case code == http.StatusNotFound:
		return ok(where, "%s for an unknown customer", said)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return failure(where, said, "set online_store.headers (Authorization), or have the user admitted")
	case code == http.StatusTooManyRequests:
		return warning(where, said, "lower online_store.requests_per_second")
	case code >= 500:
		return failure(where, said, "the store is in trouble: requests are repeated with growing pauses until it works")
	case code >= 300 && code < 400:
		return failure(where, said+" (a redirect)", "write the address that it leads to into online_store.url")
	case html || !json.Valid(body):
		return failure(where, said+" with something that is no JSON", "check online_store.url: a login page or a proxy answers")
	case code == http.StatusOK:
		return warning(where, said+" for a customer whom nobody has", "the poller expects 404 for customers that the store does not know: only that withdraws")
	}
	return warning(where, said, "check online_store.url and the store")
}

// loyalty: the folder, its newest file, what is held.
func (d *doctor) loyalty(ctx context.Context) ([]Finding, error) {
	folder := d.conf.Loyalty.Folder
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{failure(folder, "the folder is not there", "make it, or mount it, or correct loyalty.folder")}, nil
	case err != nil:
		return []Finding{failure(folder, "the folder cannot be read: "+err.Error(), "let this user read it")}, nil
	}
	var found []Finding
	newest, at := "", time.Time{}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(folder, e.Name())) // through links
		if err != nil || !info.Mode().IsRegular() || !(csvdir.Config{Pattern: d.conf.Loyalty.Pattern}).Matches(e.Name()) {
			continue
		}
		if f, err := os.Open(filepath.Join(folder, e.Name())); err != nil {
			found = append(found, failure(filepath.Join(folder, e.Name()), "the file cannot be read: "+err.Error(), "let this user read it"))
		} else if err := f.Close(); err != nil {
			return found, err
		}
		if info.ModTime().After(at) {
			newest, at = e.Name(), info.ModTime()
		}
	}
	switch age := d.deps.Now().Sub(at); {
	case newest == "":
		found = append(found, warning(folder, "no file that fits "+d.conf.Loyalty.Pattern, "look whether the nightly export works; check loyalty.pattern"))
	case age > 36*time.Hour:
		found = append(found, warning(folder, fmt.Sprintf("the newest file, %s, is %v old", newest, age.Round(time.Hour)), "look whether the nightly export works"))
	case age < -5*time.Minute && age >= -24*time.Hour:
		found = append(found, warning(folder, fmt.Sprintf("the newest file, %s, has a time %v in the future: files are older than it until then", newest, -age.Round(time.Minute)), "set the clock of the host that writes it"))
	case age < -24*time.Hour:
		found = append(found, failure(folder, fmt.Sprintf("the newest file, %s, has a time %v in the future", newest, -age.Round(time.Hour)), "touch it, and set the clock of the host that writes it"))
	default:
		found = append(found, ok(folder, "the newest file, %s, is %v old", newest, age.Round(time.Minute)))
	}
	if len(d.graph.Topics) == 0 {
		return found, nil // without Kafka there is no history
	}
	files, err := csvdir.History(ctx, csvdir.Deps{Kafka: d.deps.Kafka})
	var held []csvdir.File
	if err == nil {
		held, err = csvdir.Acceptable(ctx, csvdir.Deps{Kafka: d.deps.Kafka})
	}
	if err != nil {
		return append(found, unknown("loyalty.files", "what was imported cannot be read: "+err.Error(), "run `customer360 topics check`")), nil
	}
	for _, f := range files { // the newest first
		if f.Phase == csvdir.Done {
			break
		}
		if f.Phase == csvdir.Incomplete {
			found = append(found, failure("loyalty file "+f.Name, fmt.Sprintf("it was imported in part only, %d of %d rows, and is gone", f.Row, f.Rows), "put it into the folder again, or a newer one"))
			break
		}
	}
	for _, f := range held {
		found = append(found, warning("loyalty file "+f.Name, "held: "+f.Reason, "if it is right: customer360 import --accept "+f.ShortHash()+"; else put the right one into the folder"))
	}
	return found, nil
}
