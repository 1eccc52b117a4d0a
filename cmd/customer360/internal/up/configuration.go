package up

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"customer360/cmd/customer360/internal/config"
)

// configuration is what `run --config` needs to join this run. What decides the
// documents' bytes stays as the folder's file has it: somebody may have built
// another generation with it.
func (r *run) configuration() (config.Config, error) {
	c := config.Default()
	if _, err := os.Stat(r.folder.in(configFile)); err == nil {
		former, err := r.loadConfiguration()
		if err != nil {
			return c, fmt.Errorf("%w; mend the file, or remove it for the defaults", err)
		}
		c.Pass, c.Precedence, c.Kafka.Partitions = former.Pass, former.Precedence, former.Kafka.Partitions
	}
	c.StateDir = r.absolute(stateDir)
	c.StoreBytes, c.CacheBytes = 24<<20, 24<<20 // five such groups and two servers share this process
	c.Kafka.Brokers, c.Kafka.ReplicationFactor = []string{r.servers.broker.Addr()}, 1
	c.Couchbase.ConnectionString, c.Couchbase.Username = r.servers.node.ConnectionString(), CouchbaseUser
	c.Couchbase.PasswordFile = passwordFile
	c.Loyalty.Folder, c.Loyalty.Stable, c.Loyalty.Poll = r.absolute(loyaltyDir), 300*time.Millisecond, time.Second
	c.OnlineStore.URL = r.world.StoreURL()
	// The store is our own and on this machine: the budget is what it can do.
	c.OnlineStore.RequestsPerSecond, c.OnlineStore.Concurrency = 20_000, 32
	c.OnlineStore.Interval, c.OnlineStore.NotFoundInterval = 5*time.Minute, 10*time.Minute
	c.HTTP.Listen = "127.0.0.1:0" // of further instances: this one has r.options.HTTP
	return c, nil
}

// loadConfiguration is the folder's file as it is now, without the environment.
func (r *run) loadConfiguration() (config.Config, error) {
	return config.Load(r.folder.in(configFile), func(string) (string, bool) { return "", false })
}

func (r *run) absolute(name string) string {
	path, err := filepath.Abs(r.folder.in(name))
	if err != nil {
		return r.folder.in(name)
	}
	return path
}

func (r *run) writeConfiguration(c config.Config) error {
	text, err := c.YAML()
	if err != nil {
		return err
	}
	head := "# Written by `customer360 up` at each start: what `run`, `get` and the other commands read.\n"
	if err := r.folder.write(configFile, append([]byte(head), text...), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", configFile, err)
	}
	return nil
}
