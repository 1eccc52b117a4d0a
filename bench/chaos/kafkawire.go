package chaos

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkaWire is Kafka's protocol, frame by frame: where an answer tells the client
// whom to connect to, it names us.
type kafkaWire struct {
	host string
	port int32

	mu      sync.Mutex
	pending map[int32]kmsg.Response // by correlation id: answers with addresses
}

// newKafkaWire makes the view of connections to the address that clients use.
func newKafkaWire(address string) (func() wire, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	return func() wire { return &kafkaWire{host: host, port: int32(port), pending: map[int32]kmsg.Response{}} }, nil
}

// maxFrame is more than any of the product: 17 MiB of messages and their framing.
const maxFrame = 64 << 20

// frame reads one, its length included.
func frame(r *bufio.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 8 && n != 4 || n > maxFrame {
		return nil, fmt.Errorf("a Kafka frame of %d bytes", n)
	}
	b := make([]byte, 4+n)
	copy(b, size[:])
	_, err := io.ReadFull(r, b[4:])
	return b, err
}

// request notes whose answer will hold addresses: key, version and correlation id
// are the first eight bytes behind the length.
func (k *kafkaWire) request(r *bufio.Reader) ([]byte, error) {
	b, err := frame(r)
	if err != nil {
		return nil, err
	}
	if len(b) < 12 {
		return nil, errors.New("a Kafka request without a header")
	}
	key := int16(binary.BigEndian.Uint16(b[4:]))
	switch kmsg.Key(key) {
	case kmsg.Metadata, kmsg.FindCoordinator, kmsg.DescribeCluster:
		answer := kmsg.ResponseForKey(key)
		answer.SetVersion(int16(binary.BigEndian.Uint16(b[6:])))
		k.mu.Lock()
		k.pending[int32(binary.BigEndian.Uint32(b[8:]))] = answer
		k.mu.Unlock()
	}
	return b, nil
}

func (k *kafkaWire) answer(r *bufio.Reader) ([]byte, error) {
	b, err := frame(r)
	if err != nil {
		return nil, err
	}
	id := int32(binary.BigEndian.Uint32(b[4:]))
	k.mu.Lock()
	answer := k.pending[id]
	delete(k.pending, id)
	k.mu.Unlock()
	if answer == nil {
		return b, nil
	}
	head := 8
	if answer.IsFlexible() { // its header ends in tags, of which there are none
		if len(b) < 9 || b[8] != 0 {
			return nil, errors.New("a Kafka answer with tags in its header")
		}
		head = 9
	}
	if err := answer.ReadFrom(b[head:]); err != nil {
		return nil, fmt.Errorf("a Kafka answer of key %d: %w", answer.Key(), err)
	}
	k.rewrite(answer)
	out := answer.AppendTo(b[:head:head])
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

func (k *kafkaWire) rewrite(answer kmsg.Response) {
	switch a := answer.(type) {
	case *kmsg.MetadataResponse:
		for i := range a.Brokers {
			a.Brokers[i].Host, a.Brokers[i].Port = k.host, k.port
		}
	case *kmsg.FindCoordinatorResponse:
		a.Host, a.Port = k.host, k.port
		for i := range a.Coordinators {
			a.Coordinators[i].Host, a.Coordinators[i].Port = k.host, k.port
		}
	case *kmsg.DescribeClusterResponse:
		for i := range a.Brokers {
			a.Brokers[i].Host, a.Brokers[i].Port = k.host, k.port
		}
	}
}
