package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"customer360/cmd/customer360/internal/config"
	"customer360/cmd/customer360/internal/kafkaclient"
	"customer360/cmd/customer360/internal/up"
	"customer360/internal/local/simulate"
)

// Names of the sources, for --only.
const (
	homeDelivery = "home_delivery"
	loyalty      = "loyalty"
	onlineStore  = "online_store"
)

// Sources are the simulated source systems by themselves.
type Sources struct {
	Common
	Only            string // names separated by commas
	Store           string // address of the Online Store
	CSV             string // Loyalty's folder; empty: loyalty in the folder
	Kafka           string // brokers, for Home Delivery's change events
	Topic           string // of them
	Customers       int
	Seed            int64
	Night           time.Duration
	EventsPerSecond float64
}

// DefaultSources are Loyalty and the Online Store of `up`, without their folder.
func DefaultSources() Sources {
	o, w := up.DefaultOptions(), simulate.DefaultConfig()
	return Sources{Only: loyalty + "," + onlineStore, Store: o.Store, Topic: w.Topic,
		Customers: o.Customers, Seed: o.Seed, Night: o.Night, EventsPerSecond: o.EventsPerSecond}
}

func (s Sources) plays(name string) bool { return slices.Contains(strings.Split(s.Only, ","), name) }

func (s Sources) world() simulate.Config {
	c := simulate.DefaultConfig()
	c.Dir, c.Seed, c.Customers, c.Night, c.EventsPerSecond = filepath.Join(s.Dir, "simulate"), s.Seed, s.Customers, s.Night, s.EventsPerSecond
	c.Topic, c.Listen, c.CSVDir = "", "", ""
	if s.plays(homeDelivery) {
		c.Topic = s.Topic
	}
	if s.plays(onlineStore) {
		c.Listen = s.Store
	}
	if s.plays(loyalty) {
		if c.CSVDir = s.CSV; s.CSV == "" {
			c.CSVDir = filepath.Join(s.Dir, "loyalty")
		}
	}
	return c
}

// Validate reports flags that make no world.
func (s Sources) Validate() error {
	for name := range strings.SplitSeq(s.Only, ",") {
		if !slices.Contains([]string{homeDelivery, loyalty, onlineStore}, name) {
			return fmt.Errorf("--only: there is no source %q: use %s, %s, %s", name, homeDelivery, loyalty, onlineStore)
		}
	}
	if s.plays(homeDelivery) {
		if s.Kafka == "" {
			return errors.New("home_delivery needs --kafka: the brokers that its change events go to")
		}
		for address := range strings.SplitSeq(s.Kafka, ",") {
			if _, _, err := net.SplitHostPort(address); err != nil {
				return fmt.Errorf("--kafka %q is no address: write host:port", address)
			}
		}
		if s.Topic == "" {
			return errors.New("--topic is empty")
		}
	}
	return s.world().Validate()
}

// Run plays them until ctx ends (nil), or one of them fails.
func (s Sources) Run(ctx context.Context) error {
	lock, err := s.lock("sources")
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // the lock ends with the process at the latest
	deps := simulate.Deps{Log: s.Log}
	c := s.world()
	if c.Topic != "" {
		if deps.Kafka, err = kafkaclient.Options(config.Kafka{Brokers: strings.Split(s.Kafka, ",")}); err != nil {
			return err
		}
	}
	world, err := simulate.New(c, deps)
	if err != nil {
		return err
	}
	return s.serve(ctx, world, func() []Address {
		var all []Address
		if c.Topic != "" {
			all = append(all, Address{homeDelivery, c.Topic})
		}
		if c.CSVDir != "" {
			all = append(all, Address{loyalty, c.CSVDir})
		}
		if c.Listen != "" {
			all = append(all, Address{onlineStore, world.StoreURL()})
		}
		return all
	})
}
