package schemaregistry

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"customer360/codec"
	"customer360/codec/avro"
)

// Config says where the registry is. Zero durations take the defaults.
type Config struct {
	URLs               []string // of one registry: they are tried in turn
	Username, Password string   // HTTP basic authentication; empty: none
	TLS                *tls.Config
	Timeout            time.Duration // of a request; 5 s
	Grace              time.Duration // a record younger than this waits for an unknown id; 10 s
	Pause              time.Duration // between two requests after one that failed; 1 s
	Now                func() time.Time
}

const (
	defaultTimeout = 5 * time.Second
	defaultGrace   = 10 * time.Second
	defaultPause   = time.Second

	// forget is how long an id is believed to be unknown: a registry that was
	// restored from a backup may learn it again.
	forget = time.Minute
	// maxUnknown bounds the memory for ids that are unknown.
	maxUnknown = 4096
	// maxAnswer bounds a schema, in bytes.
	maxAnswer = 8 << 20
	// head is the magic byte and the schema's id.
	head = 5
)

// Registry is a client with all schemas that it has seen. It is safe for
// concurrent use, and holds no connection between requests.
type Registry struct {
	cfg    Config
	client *sr.Client

	mu    sync.RWMutex
	known map[uint32]*avro.Schema

	asking  sync.Mutex // one request at a time
	unknown map[uint32]verdict
	failed  verdict // the last request
}

// verdict is an error and when it was found.
type verdict struct {
	err error
	at  time.Time
}

// New returns the client; it asks nothing yet.
func New(cfg Config) (*Registry, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Grace == 0 {
		cfg.Grace = defaultGrace
	}
	if cfg.Pause == 0 {
		cfg.Pause = defaultPause
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	// Connections are not kept: there are few requests, and nobody closes us.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg.TLS, DisableKeepAlives: true}
	opts := []sr.ClientOpt{sr.URLs(cfg.URLs...), sr.UserAgent("customer360"),
		sr.HTTPClient(&http.Client{Transport: bounded{transport}, Timeout: cfg.Timeout})}
	if cfg.Username != "" {
		opts = append(opts, sr.BasicAuth(cfg.Username, cfg.Password))
	}
	client, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return &Registry{cfg: cfg, client: client, known: map[uint32]*avro.Schema{}, unknown: map[uint32]verdict{}}, nil
}

// JSON implements debezium.Registry.
func (r *Registry) JSON(wire []byte, written time.Time) ([]byte, error) {
	if len(wire) < head || wire[0] != 0 {
		return nil, fmt.Errorf("%d bytes hold no schema id: the format of a schema registry begins with a byte 0 and 4 bytes", len(wire))
	}
	id := binary.BigEndian.Uint32(wire[1:])
	schema, err := r.schema(id, written)
	if err != nil {
		return nil, err
	}
	// Most values are longer as JSON by their fields' names.
	b, err := schema.AppendJSON(make([]byte, 0, 4*len(wire)+256), wire[head:])
	if err != nil {
		return nil, fmt.Errorf("not what schema %d says: %w", id, err)
	}
	return b, nil
}

func (r *Registry) schema(id uint32, written time.Time) (*avro.Schema, error) {
	r.mu.RLock()
	schema := r.known[id]
	r.mu.RUnlock()
	if schema != nil {
		return schema, nil
	}
	r.asking.Lock()
	defer r.asking.Unlock()
	r.mu.RLock()
	schema = r.known[id] // asked for while we waited
	r.mu.RUnlock()
	if schema != nil {
		return schema, nil
	}
	now := r.cfg.Now()
	v, found := r.unknown[id]
	switch {
	case found && now.Sub(v.at) < forget && (!errors.Is(v.err, errUnknown) || r.old(written, now)):
		return nil, v.err
	case r.failed.err != nil && now.Sub(r.failed.at) < r.cfg.Pause:
		return nil, r.failed.err
	}
	return r.ask(id, written)
}

// old: the record has waited long enough. One from the future is old too, or a
// producer's clock could hold up the source.
func (r *Registry) old(written, now time.Time) bool {
	age := now.Sub(written)
	return age >= r.cfg.Grace || age < -r.cfg.Grace
}

var errUnknown = errors.New("the schema registry does not know the schema (404, error code 40403)")

// ask makes the request. The caller holds asking.
func (r *Registry) ask(id uint32, written time.Time) (*avro.Schema, error) {
	r.failed = verdict{}
	text, err := r.request(id)
	now := r.cfg.Now()
	switch {
	case errors.Is(err, codec.ErrLater), errors.Is(err, codec.ErrHalt):
		r.failed = verdict{err, now}
		return nil, err
	case errors.Is(err, errUnknown) && !r.old(written, now):
		return nil, fmt.Errorf("%w: schema %d: %w; a registry may learn it yet", codec.ErrLater, id, err)
	}
	var schema *avro.Schema
	if err == nil {
		schema, err = avro.Parse(text)
	}
	if err != nil {
		if len(r.unknown) >= maxUnknown {
			clear(r.unknown)
		}
		err = fmt.Errorf("schema %d: %w", id, err)
		r.unknown[id] = verdict{err, now}
		return nil, err
	}
	r.mu.Lock()
	r.known[id] = schema
	r.mu.Unlock()
	return schema, nil
}

func (r *Registry) request(id uint32) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	defer cancel()
	answer, err := r.client.SchemaByID(ctx, int(id))
	switch {
	case err != nil:
		return "", r.explain(err)
	case answer.Type != sr.TypeAvro:
		return "", fmt.Errorf("it is %s, and only AVRO can be read", answer.Type)
	case answer.Schema == "":
		return "", errNoSchema
	case len(answer.References) > 0:
		return "", errors.New("it refers to other schemas of the registry, which is not supported")
	}
	return answer.Schema, nil
}

// bounded cuts answers that no schema is as long as.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}
