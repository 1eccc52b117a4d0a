package couchbase_test

import (
	"bufio"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	scram "github.com/couchbase/gocbcore/v10/scram"
)

// player plays one scenario against a node, on a connection of its own.
type player struct {
	*unifier
	run         string // what $run stands for
	conn        net.Conn
	r           *bufio.Reader
	opaque      uint32
	collections bool // negotiated
	scram       *scram.Client
	statistics  int // packets of the last STAT
}

const playerPatience = 20 * time.Second

// newPlayer gives a scenario keys, and vbuckets, that no other player on the node has.
func newPlayer(s scenario, taken *territory) *player {
	return &player{unifier: newUnifier(), run: taken.claim(s)}
}

// territory is which keys and vbuckets are taken.
type territory struct {
	mu       sync.Mutex
	runs     map[string]bool
	vbuckets map[uint16]bool
}

func newTerritory() *territory {
	return &territory{runs: map[string]bool{}, vbuckets: map[uint16]bool{}}
}

// claim chooses $run so that each key of the scenario has a vbucket of its own:
// uuids and sequence numbers belong to vbuckets.
func (t *territory) claim(s scenario) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		run := fmt.Sprintf("%04x", rand.Uint32N(1<<16))
		keys, free := map[string]bool{}, map[uint16]bool{}
		for _, step := range s.Steps {
			for _, q := range step.requests() {
				key := strings.ReplaceAll(q.Key, "$run", run)
				if vb := vbucketOf(key); q.CollectionID != "" && q.Key != "" {
					keys[key] = true
					if !t.vbuckets[vb] {
						free[vb] = true
					}
				}
			}
		}
		if !t.runs[run] && len(keys) == len(free) {
			t.runs[run] = true
			maps.Copy(t.vbuckets, free)
			return run
		}
	}
}

func (s scenarioStep) requests() []wantedRequest {
	if s.Request != nil {
		return []wantedRequest{*s.Request}
	}
	return s.Pipeline
}

// connect opens a connection and brings it as far as the scenario wants it.
func (p *player) connect(address string, s scenario) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	p.conn, p.r = conn, bufio.NewReader(conn)
	features := s.Connection.Features
	if features == nil {
		features = usualFeatures
	}
	prepare := []wantedRequest{
		{Opcode: "0x1f", Name: "HELLO", Features: features},
		{Opcode: "0x21", Name: "SASL_AUTH", Key: "PLAIN", Value: "\x00$user\x00$password"},
		{Opcode: "0x89", Name: "SELECT_BUCKET", Key: "default"},
	}
	until := map[string]int{"connected": 0, "hello": 1, "authenticated": 2, "": 3}
	for _, q := range prepare[:until[s.Connection.Stage]] {
		if err := p.expectSuccess(q); err != nil {
			return err
		}
	}
	if s.Connection.Stage == "" {
		return p.learnCollection()
	}
	return nil
}

func (p *player) close() {
	if p.conn != nil {
		p.conn.Close()
	}
}

func (p *player) learnCollection() error {
	got, err := p.exchange(&wantedRequest{Opcode: "0xbb", Name: "COLLECTIONS_GET_ID", Value: "app.docs"})
	if err != nil || got.status != 0 {
		return fmt.Errorf("id of app.docs: status 0x%x, %w", got.status, err)
	}
	p.bound["$app.docs"] = uint64(binary.BigEndian.Uint32(got.extras[8:]))
	return nil
}

func (p *player) expectSuccess(q wantedRequest) error {
	got, err := p.exchange(&q)
	if err != nil {
		return fmt.Errorf("%s: %w", q.Name, err)
	}
	return unless(got.status == 0, "%s: status 0x%x", q.Name, got.status)
}

func (p *player) exchange(q *wantedRequest) (*packet, error) {
	if _, err := p.send(q, time.Now()); err != nil {
		return nil, err
	}
	return p.receive(q)
}

func (p *player) send(q *wantedRequest, now time.Time) (vbucket uint16, err error) {
	p.opaque++
	raw, vbucket, err := p.encode(q, p.opaque, now)
	if err != nil {
		return 0, err
	}
	if err := p.conn.SetDeadline(now.Add(playerPatience)); err != nil {
		return 0, err
	}
	_, err = p.conn.Write(raw)
	return vbucket, err
}

func (p *player) receive(q *wantedRequest) (*packet, error) {
	got, err := p.read()
	if err != nil {
		return nil, err
	}
	if got.opaque != p.opaque {
		return nil, fmt.Errorf("an answer to opaque %d, not %d", got.opaque, p.opaque)
	}
	switch {
	case q.Name == "HELLO" && got.status == 0:
		p.collections = slices.Contains(q.Features, "COLLECTIONS")
	case got.status == 0x21 && p.scram != nil:
		p.scram.Step(got.value)
	case q.Name == "STAT":
		for p.statistics = 0; len(got.key) > 0; p.statistics++ {
			if got, err = p.read(); err != nil {
				return nil, err
			}
		}
	}
	return got, nil
}

func (p *player) read() (*packet, error) {
	var head [24]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[8:]))
	if _, err := io.ReadFull(p.r, body); err != nil {
		return nil, err
	}
	frames, keyLen, extrasLen := 0, int(binary.BigEndian.Uint16(head[2:])), int(head[4])
	switch head[0] {
	case 0x18:
		frames, keyLen = int(head[2]), int(head[3])
	case 0x81:
	default:
		return nil, fmt.Errorf("magic 0x%x", head[0])
	}
	rest := body[frames:]
	return &packet{
		opcode: head[1], datatype: head[5], status: binary.BigEndian.Uint16(head[6:]), opaque: binary.BigEndian.Uint32(head[12:]),
		cas: binary.BigEndian.Uint64(head[16:]), extras: rest[:extrasLen], key: rest[extrasLen : extrasLen+keyLen], value: rest[extrasLen+keyLen:],
	}, nil
}

// step plays a step and lists the differences.
func (p *player) step(s scenarioStep) (diffs []string, err error) {
	time.Sleep(time.Duration(s.SleepMS) * time.Millisecond)
	if s.Request == nil {
		return p.pipeline(s)
	}
	now := time.Now()
	vbucket, err := p.send(s.Request, now)
	if err != nil {
		return nil, err
	}
	got, err := p.receive(s.Request)
	if err != nil {
		return nil, err
	}
	return p.compare(s.Request, s.Response, got, vbucket, now), nil
}

// pipeline sends all requests and a NOOP before it reads the first answer.
func (p *player) pipeline(s scenarioStep) (diffs []string, err error) {
	now, first := time.Now(), p.opaque+1
	vbuckets := make([]uint16, len(s.Pipeline))
	for i := range s.Pipeline {
		if vbuckets[i], err = p.send(&s.Pipeline[i], now); err != nil {
			return nil, err
		}
	}
	if _, err := p.send(&wantedRequest{Opcode: "0x0a", Name: "NOOP"}, now); err != nil {
		return nil, err
	}
	for _, want := range s.Responses {
		got, err := p.read()
		if err != nil {
			return nil, err
		}
		if int(got.opaque-first) != want.To {
			return append(diffs, fmt.Sprintf("want the answer to request %d, got that to %d", want.To, got.opaque-first)), nil
		}
		for _, d := range p.compare(&s.Pipeline[want.To], &want, got, vbuckets[want.To], now) {
			diffs = append(diffs, fmt.Sprintf("request %d: %s", want.To, d))
		}
	}
	got, err := p.read()
	return diffs, firstError(err, unless(err != nil || got.opaque == p.opaque, "an answer too much"))
}

// scramMessage is the client's part of a SCRAM exchange.
func (p *player) scramMessage(q *wantedRequest) ([]byte, error) {
	if strings.HasPrefix(q.Value, "$scram1") {
		hashes := map[string]func() hash.Hash{"SCRAM-SHA512": sha512.New, "SCRAM-SHA256": sha256.New, "SCRAM-SHA1": sha1.New}
		password := "password"
		if strings.HasSuffix(q.Value, " wrong") {
			password = "another"
		}
		p.scram = scram.NewClient(hashes[q.Key], "Administrator", password)
		p.scram.Step(nil)
	}
	return p.scram.Out(), nil
}
