package kafka

// open starts a node.
func (b *Broker) open(door *door) (*node, error) { return b.start(door) }
