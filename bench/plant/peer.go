package plant

import "fmt"

// Peer is a program that does what merge does: it reads JSON records, and writes
// documents with the product's headers, exactly once.
type Peer struct {
	Contender string
	// Command runs until it is stopped. It gets the broker's address, the topics
	// and group to use, and an empty folder for its state.
	Command func(broker, records, documents, group, state string, partitions int32) (program string, args []string)
}

// RunPeer starts a peer in the place of merge.
func (p *Plant) RunPeer(name string, peer Peer) (*Process, error) {
	s := p.Graph.Settings
	program, args := peer.Command(p.Broker, s.Records(), s.Documents(), s.MergeGroup(), p.State(name), p.Partitions)
	q, err := p.Start(name, nil, program, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", peer.Contender, err)
	}
	return q, nil
}
