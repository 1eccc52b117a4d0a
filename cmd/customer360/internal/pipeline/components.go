package pipeline

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/web"
	"customer360/codec"
	"customer360/codec/debezium"
	"customer360/emitters/csvdir"
	"customer360/emitters/restpoll"
	"customer360/processors"
	"customer360/processors/couchbase"
	"customer360/topology"
	"customer360/topology/engine"
	"customer360/topology/generation"
)

// component is one thing that runs beside the others.
type component struct {
	name   string
	run    func(ctx context.Context) error
	part   func() web.Part
	group  *engine.Group        // nil: no goka group of its own
	status func() engine.Status // nil: no goka group
}

// ImporterConfig is csvdir's part of the configuration.
func ImporterConfig(c config.Config, stateDir, instance string) csvdir.Config {
	i := csvdir.DefaultConfig()
	i.Dir, i.StateDir, i.Instance = c.Loyalty.Folder, filepath.Join(stateDir, "csvdir"), instance
	i.Pattern, i.Stable, i.Poll, i.HoldShare = c.Loyalty.Pattern, c.Loyalty.Stable, c.Loyalty.Poll, c.Loyalty.HoldShare
	i.Compression, i.HoldMinimum = c.Kafka.CompressionType, c.Loyalty.HoldMin
	return i
}

// PollerConfig is restpoll's part of the configuration.
func PollerConfig(c config.Config) restpoll.Config {
	s := c.OnlineStore
	p := restpoll.DefaultConfig()
	p.BaseURL, p.Interval, p.NotFoundInterval, p.Timeout = s.URL, s.Interval, s.NotFoundInterval, s.Timeout
	p.RequestsPerSecond, p.Concurrency, p.MaxBodyBytes = s.RequestsPerSecond, s.Concurrency, s.MaxBodyBytes
	for name, value := range s.Headers {
		if p.Headers == nil {
			p.Headers = map[string]string{}
		}
		p.Headers[name] = value.Reveal()
	}
	return p
}

// CouchbaseConfig is the sinks' part of the configuration.
func CouchbaseConfig(c config.Config) couchbase.Config {
	b := c.Couchbase
	target := func(t config.Target) couchbase.Target {
		return couchbase.Target{Bucket: t.Bucket, Scope: t.Scope, Collection: t.Collection}
	}
	s := couchbase.DefaultConfig()
	s.ConnectionString, s.Username, s.Password = b.ConnectionString, b.Username, b.Password.Reveal()
	if b.TLS.CertFile != "" { // instead of user and password; the user has a default
		s.Username, s.Password = "", ""
	}
	s.CAPath, s.CertificatePath, s.KeyPath = b.TLS.CAFile, b.TLS.CertFile, b.TLS.KeyFile
	s.Documents, s.Staging, s.Metadata = target(b.Documents), target(b.Staging), target(b.Metadata)
	s.Workers, s.Timeout, s.Foreign, s.FirstWrite = b.Workers, b.Timeout, b.Foreign, b.FirstWrite
	// The configuration spells it as Couchbase's Kafka connector does, the SDK
	// otherwise.
	s.Durability = map[string]string{"majority_and_persist_to_active": "majorityAndPersistActive",
		"persist_to_majority": "persistToMajority"}[b.Durability]
	if s.Durability == "" {
		s.Durability = b.Durability
	}
	s.HomeDeliveryExpiry, s.LoyaltyExpiry = b.HomeDeliveryExpiry, b.LoyaltyExpiry
	return s
}

// EngineConfig is what all groups have in common.
func EngineConfig(c config.Config, deps Deps) engine.Config {
	e := engine.DefaultConfig()
	e.Client, e.Instance, e.Dir = deps.Kafka, deps.Instance, deps.Dir
	e.CommitInterval, e.TransactionTimeout = c.Kafka.CommitInterval, c.Kafka.TransactionTimeout
	e.SessionTimeout, e.Compression = c.Kafka.SessionTimeout, c.Kafka.CompressionType
	e.MaxRecordBytes, e.NewHash = topology.MaxMessageBytes, topology.NewHasher
	e.StoreBytes, e.CacheBytes, e.Now = c.StoreBytes, c.CacheBytes, deps.Now
	e.Standbys, e.Address = c.Standbys, deps.HTTP
	return e
}

// groupComponent runs a goka graph on the engine.
func groupComponent(name string, g *engine.Group) component {
	return component{name: name, run: g.Run, group: g, status: g.Status, part: func() web.Part {
		return groupPart(name, g.Ready(), g.Status())
	}}
}

// rekey is one group per source.
func (p *Pipeline) rekey(sources []codec.Source, metrics *processors.Metrics) ([]component, error) {
	var components []component
	pin := generation.NewLog(p.deps.Kafka).Pin(p.graph.Settings.Generation)
	for _, source := range sources {
		graph := processors.Rekey(processors.RekeyConfig{
			Source: source, Settings: p.graph.Settings, MaxRecordBytes: topology.MaxMessageBytes, Fail: engine.Fatal,
			Guard: guard(source, pin),
		}, metrics)
		c := p.engine
		c.Group, c.Transactional = p.graph.Settings.RekeyGroup(source.Name), true
		g, err := engine.New(c, graph, p.engineDeps(), engine.Hooks{Admit: p.admit})
		if err != nil {
			return nil, fmt.Errorf("rekey of %s: %w", source.Name, err)
		}
		components = append(components, groupComponent("rekey."+source.Name, g))
	}
	return components, nil
}

func (p *Pipeline) merge(precedence processors.Precedence, metrics *processors.Metrics) (component, error) {
	graph := processors.Merge(processors.MergeConfig{Settings: p.graph.Settings, Precedence: precedence,
		MaxRecordBytes: topology.MaxMessageBytes, Fail: engine.Fatal}, metrics)
	c := p.engine
	c.Group, c.Transactional = p.graph.Settings.MergeGroup(), true
	g, err := engine.New(c, graph, p.engineDeps(), engine.Hooks{Admit: p.admit})
	if err != nil {
		return component{}, fmt.Errorf("merge: %w", err)
	}
	return groupComponent("merge", g), nil
}

func (p *Pipeline) importer() (component, error) {
	i, err := csvdir.New(ImporterConfig(p.config, p.deps.Dir, p.deps.Instance),
		csvdir.Deps{Log: p.deps.Log.With("part", "csvdir"), Registry: p.deps.Registry, Kafka: p.deps.Kafka, Now: p.deps.Now})
	if err != nil {
		return component{}, fmt.Errorf("loyalty: %w", err)
	}
	p.csvdir = i
	return component{name: "csvdir", run: i.Run, part: func() web.Part {
		return importerPart(i.Ready(), i.Status())
	}}, nil
}

func (p *Pipeline) poller(sources []codec.Source) (component, error) {
	group := p.engine
	group.Missed = p.told("emails of customers that were removed meanwhile may still be asked for: a rebuild forgets them")
	poller, err := restpoll.New(PollerConfig(p.config), restpoll.Deps{Log: p.deps.Log.With("part", "restpoll"),
		Registry: p.deps.Registry, Kafka: p.deps.Kafka, Engine: group, Settings: p.graph.Settings, Admit: p.admit, Decoder: decoderOf(sources, codec.OnlineStore),
		TopicID: p.raw[topology.AnswersTopic], Now: p.deps.Now})
	if err != nil {
		return component{}, fmt.Errorf("online_store: %w", err)
	}
	p.restpoll = poller
	return component{name: "restpoll", run: poller.Run, status: func() engine.Status { return poller.Status().Group }, part: func() web.Part {
		return pollerPart(poller.Ready(), poller.Status())
	}}, nil
}

// sinks are the writers to Couchbase.
func (p *Pipeline) sinks(sources []codec.Source, staging, documents bool) ([]component, error) {
	deps := couchbase.Deps{Log: p.deps.Log.With("part", "couchbase"), Registry: p.deps.Registry, Engine: p.engine,
		Kafka: p.deps.Kafka, Settings: p.graph.Settings, Decoder: decoderOf(sources, codec.HomeDelivery), Now: p.deps.Now,
		Connected: p.deps.Continued}
	c := CouchbaseConfig(p.config)
	var components []component
	add := func(name string, s *couchbase.Sink, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.sinkList = append(p.sinkList, s)
		components = append(components, component{name: name, run: s.Run, status: func() engine.Status { return s.Status().Engine }, part: func() web.Part {
			return groupPart(name, s.Ready(), s.Status().Engine)
		}})
		return nil
	}
	if staging {
		deps.Engine.Missed = p.told("raw documents of rows that were removed meanwhile may still be in Couchbase: remove those that are not in the source, or empty the collection and have the topic read again by a rebuild")
		for _, source := range []string{codec.HomeDelivery, codec.Loyalty} {
			s, err := couchbase.NewStaging(c, deps, source)
			if err := add("staging."+source, s, err); err != nil {
				return nil, err
			}
		}
		m, err := couchbase.NewMetadata(c, deps)
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		components = append(components, component{name: "metadata", run: m.Run, part: func() web.Part {
			return web.Part{Name: "metadata", Ready: true, State: "best effort"}
		}})
	}
	if documents {
		deps.Engine.Missed = p.compared
		s, err := couchbase.NewSink(c, deps)
		if err := add("sink", s, err); err != nil {
			return nil, err
		}
	}
	return components, nil
}

func decoderOf(sources []codec.Source, name string) codec.Decoder {
	return sources[slices.IndexFunc(sources, func(s codec.Source) bool { return s.Name == name })].Decoder
}

// guard pins the form of Home Delivery's keys; the others' keys are our own.
func guard(source codec.Source, pin processors.Pin) processors.Guard {
	if source.Name != codec.HomeDelivery {
		return processors.Guard{}
	}
	return processors.Guard{Form: debezium.KeyForm, Pin: pin}
}
