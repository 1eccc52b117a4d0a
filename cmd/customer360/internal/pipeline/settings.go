package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/tlsclient"
	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/codec/loyalty"
	"customer360/codec/onlinestore"
	"customer360/internal/schemaregistry"
	"customer360/processors"
	"customer360/topology"
)

// Sources builds the declarations of the three source systems: topic, decoder
// and field mapping of each.
func Sources(c config.Config) ([]codec.Source, error) {
	registry, err := schemas(c.Delivery.Registry)
	if err != nil {
		return nil, err
	}
	delivery, err := debezium.New(debezium.Config{Table: c.Delivery.Table, Epoch: c.Delivery.Epoch, Pass: c.Pass,
		Mapping: debezium.Mapping{Layout: c.Delivery.Layout, Columns: c.Delivery.Columns}, Registry: registry})
	if err != nil {
		return nil, fmt.Errorf("home_delivery: %w", err)
	}
	members, err := loyalty.New(loyalty.Config{Pass: c.Pass})
	if err != nil {
		return nil, err
	}
	store, err := onlinestore.New(onlinestore.Config{Pass: c.Pass})
	if err != nil {
		return nil, err
	}
	return []codec.Source{
		{Name: codec.OnlineStore, Topic: topology.AnswersTopic, Decoder: store},
		{Name: codec.HomeDelivery, Topic: c.Delivery.Topic, Primary: true, Decoder: delivery},
		{Name: codec.Loyalty, Topic: topology.LoyaltyTopic, Primary: true, Decoder: members},
	}, nil
}

// schemas is the registry of Avro records, nil where none is configured.
func schemas(c config.Registry) (debezium.Registry, error) {
	if len(c.URLs()) == 0 {
		return nil, nil
	}
	t, err := tlsclient.Config("home_delivery.schema_registry.tls",
		tlsclient.Files{CA: c.TLS.CAFile, Cert: c.TLS.CertFile, Key: c.TLS.KeyFile, ServerName: c.TLS.ServerName})
	if err != nil {
		return nil, err
	}
	return schemaregistry.New(schemaregistry.Config{URLs: c.URLs(), Username: c.Username, Password: c.Password.Reveal(), TLS: t})
}

// Precedence is the default with what the configuration changes.
func Precedence(c config.Config) (processors.Precedence, error) {
	p := processors.DefaultPrecedence()
	for _, name := range slices.Sorted(maps.Keys(c.Precedence)) {
		if err := p.Set(name, c.Precedence[name]); err != nil {
			return p, fmt.Errorf("precedence.%s: %w", name, err)
		}
	}
	if err := p.Validate(); err != nil {
		return p, fmt.Errorf("precedence: %w", err)
	}
	return p, nil
}

// Settings of the topology that the configuration asks for, before the
// cluster has been looked at.
func Settings(c config.Config) topology.Settings {
	s := topology.DefaultSettings()
	s.Partitions, s.HomeDeliveryTopic = c.Kafka.Partitions, c.Delivery.Topic
	return s
}

// normaliserVersion changes when codec.NormalizeEmail does.
const normaliserVersion = "1"

// decided is what of the configuration decides the documents' bytes.
type decided struct {
	sources    []codec.Source
	precedence processors.Precedence
}

func decisions(c config.Config) (d decided, err error) {
	if d.sources, err = Sources(c); err != nil {
		return d, err
	}
	d.precedence, err = Precedence(c)
	return d, err
}

// parts are the names and values that a generation is pinned to. s are the
// settings that the configuration asks for, with the counts that are there.
func (d decided) parts(c config.Config, s topology.Settings) map[string]string {
	m := map[string]string{
		"email normaliser": normaliserVersion,
		"precedence":       d.precedence.Fingerprint(),
		"pass":             string(c.Pass),
		"partitions":       strconv.Itoa(int(s.Partitions)),
	}
	for _, source := range d.sources {
		m["decoder of "+source.Name] = source.Decoder.Fingerprint()
		m["raw topic of "+source.Name] = source.Topic + ", " + strconv.Itoa(int(s.PartitionsOf(source.Topic))) + " partitions"
	}
	return m
}

// Stages are the words of --only, in the order of a record's way.
func Stages() []string {
	return []string{"csvdir", "restpoll", "rekey", "merge", "staging", "sink"}
}

// ParseStages reads --only; empty means all.
func ParseStages(only string) ([]string, error) {
	if strings.TrimSpace(only) == "" {
		return Stages(), nil
	}
	var stages []string
	for _, word := range strings.Split(only, ",") {
		word = strings.TrimSpace(word)
		if !slices.Contains(Stages(), word) {
			return nil, fmt.Errorf("%q is no part of the pipeline: use %s", word, strings.Join(Stages(), ", "))
		}
		stages = append(stages, word)
	}
	return stages, nil
}
