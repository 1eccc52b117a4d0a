package config

import (
	"time"

	"customer360/codec"
	"customer360/topology"
)

// Config is the whole file. Tags: yaml is the key, doc its line in the
// reference.
type Config struct {
	Instance    string              `yaml:"instance" doc:"Name of this instance; unique and stable over restarts. Empty: the host's name, the mark of state_dir and the first free slot in it."`
	StoreBytes  int                 `yaml:"state_store_bytes" doc:"Memory for the buffers and table indices of leveldb, in bytes, per group with a table."`
	CacheBytes  int                 `yaml:"state_cache_bytes" doc:"Memory for encoded states in front of leveldb, in bytes, per group with a table. New states wait there up to 30 s for the disk; after a crash those are read from Kafka again. 0: none, each commit is written."`
	Standbys    int                 `yaml:"standbys" doc:"Copies of each partition's local state that other instances keep up to date, so that a takeover needs no recovery. 0: none. The largest among the instances counts."`
	StateDir    string              `yaml:"state_dir" doc:"Folder for local state (leveldb). It can be rebuilt from Kafka at any time."`
	Pass        codec.PassMode      `yaml:"pass" doc:"What becomes of the sources' passwords in documents: keep, hash (SHA-256) or drop."`
	Precedence  map[string][]string `yaml:"precedence" doc:"Per profile field, the sources that may give it, best first. Fields that are not named keep the default."`
	Kafka       Kafka               `yaml:"kafka"`
	Couchbase   Couchbase           `yaml:"couchbase"`
	Delivery    HomeDelivery        `yaml:"home_delivery"`
	Loyalty     Loyalty             `yaml:"loyalty"`
	OnlineStore OnlineStore         `yaml:"online_store"`
	HTTP        HTTP                `yaml:"http"`
	Log         Log                 `yaml:"log"`
}

// Kafka is the cluster and how the engine uses it.
type Kafka struct {
	Brokers            []string      `yaml:"brokers" doc:"Bootstrap addresses, host:port (bootstrap.servers)."`
	Partitions         int32         `yaml:"partitions" doc:"Partitions of every internal topic. Chosen once: a change needs a rebuild."`
	ReplicationFactor  int16         `yaml:"replication_factor" doc:"Replicas of topics that are created; -1 takes the broker's default."`
	TLS                TLS           `yaml:"tls"`
	SASL               SASL          `yaml:"sasl"`
	CompressionType    string        `yaml:"compression_type" doc:"Of produced batches: none, lz4, snappy or zstd (compression.type)."`
	CommitInterval     time.Duration `yaml:"commit_interval" doc:"Longest time between two transactions of rekey, merge and the poller, at most a third of transaction_timeout. While they keep up with their inputs, a transaction lasts a quarter of it, which is the latency of a stage."`
	TransactionTimeout time.Duration `yaml:"transaction_timeout" doc:"The broker ends a dead instance's transaction after this time (transaction.timeout.ms)."`
	SessionTimeout     time.Duration `yaml:"session_timeout" doc:"A silent instance loses its partitions after this time (session.timeout.ms)."`
}

// TLS of a client.
type TLS struct {
	Enabled    bool   `yaml:"enabled" doc:"Speak TLS."`
	CAFile     string `yaml:"ca_file" doc:"PEM file with the authorities to trust; empty: the system's."`
	CertFile   string `yaml:"cert_file" doc:"PEM file with the client's certificate, for mutual TLS."`
	KeyFile    string `yaml:"key_file" doc:"PEM file with the client's key."`
	ServerName string `yaml:"server_name" doc:"Name to expect in the server's certificate; empty: the address's host."`
}

// SASL of the Kafka client.
type SASL struct {
	Mechanism    string `yaml:"mechanism" doc:"PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, or empty for none (sasl.mechanism)."`
	Username     string `yaml:"username" doc:"User."`
	Password     Secret `yaml:"password" doc:"Password. Better: password_file, or the environment."`
	PasswordFile string `yaml:"password_file" doc:"File that holds the password; a trailing newline is cut off."`
}

// Couchbase is the cluster that documents go to.
type Couchbase struct {
	ConnectionString   string        `yaml:"connection_string" doc:"couchbase://host,host or couchbases://host (couchbase.seed.nodes)."`
	Username           string        `yaml:"username" doc:"User; the role needs SystemXattrWrite on the buckets, as bucket_full_access has (couchbase.username)."`
	Password           Secret        `yaml:"password" doc:"Password. Better: password_file, or the environment (couchbase.password)."`
	PasswordFile       string        `yaml:"password_file" doc:"File that holds the password; a trailing newline is cut off."`
	TLS                CouchbaseTLS  `yaml:"tls"`
	Documents          Target        `yaml:"documents"`
	Staging            Target        `yaml:"staging"`
	Metadata           Target        `yaml:"metadata"`
	Durability         string        `yaml:"durability" doc:"none, majority, majority_and_persist_to_active or persist_to_majority (couchbase.durability)."`
	Workers            int           `yaml:"workers" doc:"Writes in flight per sink."`
	Timeout            time.Duration `yaml:"timeout" doc:"Of one operation (without durability; with it 10s), and a second more for each MiB of its document; what it was about is read back afterwards and tried again."`
	Foreign            string        `yaml:"foreign" doc:"What to do with a document that carries no fence, because another system wrote it: overwrite or keep."`
	FirstWrite         string        `yaml:"first_write" doc:"How a document is written that is not there: insert (one operation, which is tried at each start and given up for reserve on a server that does it otherwise), or reserve (by way of a tombstone, three operations)."`
	HomeDeliveryExpiry time.Duration `yaml:"home_delivery_expiry" doc:"Expiry of Home Delivery's documents in staging; 0: none (couchbase.document.expiration)."`
	LoyaltyExpiry      time.Duration `yaml:"loyalty_expiry" doc:"Expiry of members' documents in staging, counted from the record's timestamp."`
}

// CouchbaseTLS is used with couchbases://.
type CouchbaseTLS struct {
	CAFile   string `yaml:"ca_file" doc:"PEM file with the authorities to trust; empty: the system's."`
	CertFile string `yaml:"cert_file" doc:"PEM file with a client certificate instead of user and password."`
	KeyFile  string `yaml:"key_file" doc:"PEM file with the client certificate's key."`
}

// Target is where documents of one kind go.
type Target struct {
	Bucket     string `yaml:"bucket" doc:"Bucket (couchbase.bucket)."`
	Scope      string `yaml:"scope" doc:"Scope; empty: _default."`
	Collection string `yaml:"collection" doc:"Collection; empty: _default (couchbase.default.collection)."`
}

// HomeDelivery is the Debezium topic.
type HomeDelivery struct {
	Topic    string            `yaml:"topic" doc:"Topic that Debezium writes the table to: <topic.prefix>.<database>.<table>."`
	Table    string            `yaml:"table_include_list" doc:"The one table, database.table (or schema.table, where records name a schema), whose records count; others in the topic are ignored (table.include.list)."`
	Epoch    int64             `yaml:"epoch" doc:"Part of what a generation is built with: a change needs a rebuild. After RESET MASTER or a failover, a new snapshot of the connector is enough (docs/operations.md)."`
	Layout   string            `yaml:"layout" doc:"Columns of the table: name, first_last, or auto for either."`
	Columns  map[string]string `yaml:"columns" doc:"Column of a field where the layout's differ: id, email, pass, name, address1, address2, city, state, zipcode, phone."`
	Registry Registry          `yaml:"schema_registry"`
}

// Registry is the schema registry of Avro records.
type Registry struct {
	URL          string      `yaml:"url" doc:"Schema registry of Debezium's Avro converter, http:// or https://, several of one registry separated by commas; empty: records are JSON (schema.registry.url)."`
	Username     string      `yaml:"username" doc:"User, for HTTP basic authentication; empty: none (basic.auth.user.info)."`
	Password     Secret      `yaml:"password" doc:"Password. Better: password_file, or the environment."`
	PasswordFile string      `yaml:"password_file" doc:"File that holds the password; a trailing newline is cut off."`
	TLS          RegistryTLS `yaml:"tls"`
}

// RegistryTLS is used with https://.
type RegistryTLS struct {
	CAFile     string `yaml:"ca_file" doc:"PEM file with the authorities to trust; empty: the system's."`
	CertFile   string `yaml:"cert_file" doc:"PEM file with the client's certificate, for mutual TLS."`
	KeyFile    string `yaml:"key_file" doc:"PEM file with the client's key."`
	ServerName string `yaml:"server_name" doc:"Name to expect in the server's certificate; empty: the address's host."`
}

// URLs are the addresses of the registry, none where there is none.
func (r Registry) URLs() []string { return splitList(r.URL, ",") }

// Loyalty is the folder of CSV files.
type Loyalty struct {
	Folder    string        `yaml:"folder" doc:"Folder that the nightly CSV files appear in."`
	Pattern   string        `yaml:"pattern" doc:"Names that count, as globs separated by commas."`
	Stable    time.Duration `yaml:"stable" doc:"A file is read once its size and time have not changed for this long."`
	Poll      time.Duration `yaml:"poll" doc:"The folder is looked at this often, beside the file system's notices."`
	HoldMin   int           `yaml:"hold_minimum" doc:"A file that withdraws no more than this many members is never held for its share."`
	HoldShare float64       `yaml:"hold_share" doc:"A file that would withdraw more than this share of the known members is held until it is accepted."`
}

// OnlineStore is the REST API.
type OnlineStore struct {
	URL               string            `yaml:"url" doc:"Base address, e.g. https://store.example.com/api/onlineStore."`
	Headers           map[string]Secret `yaml:"headers" doc:"Headers of every request, e.g. Authorization. Values are secrets."`
	Interval          time.Duration     `yaml:"interval" doc:"A customer is asked for once in this time."`
	NotFoundInterval  time.Duration     `yaml:"not_found_interval" doc:"The same for customers whom the store does not know."`
	RequestsPerSecond float64           `yaml:"requests_per_second" doc:"Budget over all instances."`
	Concurrency       int               `yaml:"concurrency" doc:"Requests under way per instance."`
	Timeout           time.Duration     `yaml:"timeout" doc:"Of one request."`
	MaxBodyBytes      int               `yaml:"max_body_bytes" doc:"Answers beyond this size become dead letters."`
}

// HTTP is where metrics and health are served.
type HTTP struct {
	Listen     string `yaml:"listen" doc:"Address of /metrics, /healthz and /readyz; port 0: any free one."`
	Advertised string `yaml:"advertised" doc:"Address under which other machines reach listen, host:port: customer360 status asks there. Empty: listen, with the host's name where it names none."`
	Pprof      bool   `yaml:"pprof" doc:"Serve /debug/pprof too."`
}

// Log is what is written to stderr.
type Log struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text or json."`
}

// Default returns the configuration that an empty file means.
func Default() Config {
	return Config{
		StateDir: "state", StoreBytes: 64 << 20, CacheBytes: 64 << 20, Pass: codec.PassKeep,
		Kafka: Kafka{
			Brokers: []string{"localhost:9092"}, Partitions: 12, ReplicationFactor: -1, CompressionType: "snappy",
			CommitInterval: 100 * time.Millisecond, TransactionTimeout: 15 * time.Second, SessionTimeout: 10 * time.Second,
		},
		Couchbase: Couchbase{
			ConnectionString: "couchbase://localhost", Username: "Administrator",
			Documents: Target{Bucket: "customer360"}, Staging: Target{Bucket: "staging"}, Metadata: Target{Bucket: "customer360_metadata"},
			Durability: "none", Workers: 64, Timeout: 1500 * time.Millisecond, Foreign: "overwrite", FirstWrite: "insert", LoyaltyExpiry: 90000 * time.Second,
		},
		Delivery: HomeDelivery{Topic: topology.HomeDeliveryTopic, Table: "inventory.customers", Layout: "auto"},
		Loyalty: Loyalty{Folder: "loyalty", Pattern: "*.csv,*.csv.gz", Stable: 5 * time.Second, Poll: 10 * time.Second,
			HoldMin: 3, HoldShare: 0.1},
		OnlineStore: OnlineStore{
			URL: "http://localhost:8080/api/onlineStore", Interval: 15 * time.Minute, NotFoundInterval: time.Hour,
			RequestsPerSecond: 50, Concurrency: 16, Timeout: 10 * time.Second, MaxBodyBytes: 16 << 20,
		},
		HTTP: HTTP{Listen: "127.0.0.1:8360"},
		Log:  Log{Level: "info", Format: "text"},
	}
}
