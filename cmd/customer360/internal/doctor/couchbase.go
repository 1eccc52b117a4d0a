package doctor

import (
	"context"
	"fmt"
	"time"

	"customer360/cmd/customer360/internal/pipeline"
	"customer360/processors/couchbase"
)

// couchbase: reachable, buckets and rights, by the sinks' own probe.
func (d *doctor) couchbase(ctx context.Context) ([]Finding, error) {
	conf := pipeline.CouchbaseConfig(d.conf)
	conf.ConnectTimeout = min(conf.ConnectTimeout, d.deps.Limit/2)
	var found []Finding
	var client *couchbase.Client
	for _, t := range []couchbase.Target{conf.Documents, conf.Staging, conf.Metadata} {
		var err error
		if client == nil {
			if client, err = couchbase.Connect(ctx, conf, nil, t); err == nil {
				defer client.Close()
			}
		}
		odd := ""
		if err == nil {
			odd, err = client.Probe(ctx, t)
		}
		switch {
		case ctx.Err() != nil:
			return append(found, failure(t.String(), "no answer within the time of this check",
				"check couchbase.connection_string, the network, and that the bucket is online (warm-up, failover)")), nil
		case err != nil:
			found = append(found, failure(t.String(), err.Error(), "check couchbase.connection_string, username, password and the user's role: bucket_full_access has what is needed"))
			if client == nil {
				return found, nil // one finding for a server that is away
			}
		case odd != "":
			found = append(found, warning(t.String(), "inserts are otherwise than expected: "+odd, "set couchbase.first_write: reserve; sinks do so by themselves"))
		default:
			found = append(found, ok(t.String(), "takes fenced writes and removals"))
		}
	}
	return found, nil
}

// buckets: what the management interface says of them.
func (d *doctor) buckets(ctx context.Context) ([]Finding, error) {
	conf := pipeline.CouchbaseConfig(d.conf)
	var found []Finding
	for _, name := range []string{conf.Documents.Bucket, conf.Staging.Bucket, conf.Metadata.Bucket} {
		b, err := couchbase.DescribeBucket(ctx, conf, name)
		if err != nil {
			found = append(found, unknown("bucket "+name, "TTL, purge interval, eviction and replicas cannot be read: "+err.Error(),
				"let this host reach the management port (8091, with TLS 18091), and give the user a role that may read the bucket's settings; or look in the console"))
			continue
		}
		found = append(found, bucket(name, b, name == conf.Staging.Bucket, d.conf.Couchbase.Durability, conf.MaxAge)...)
	}
	return found, nil
}

// bucket judges settings.
func bucket(name string, b couchbase.Bucket, staging bool, durability string, age time.Duration) []Finding {
	where := "bucket " + name
	var found []Finding
	switch b.Type {
	case "ephemeral":
		found = append(found, failure(where, "ephemeral: documents are gone when nodes restart, while the sink's offsets stay",
			"make a bucket of type couchbase; then customer360 verify --repair fills it"))
	case "memcached":
		found = append(found, failure(where, "of type memcached, which has no extended attributes", "make a bucket of type couchbase"))
	}
	if b.Eviction == "nruEviction" {
		found = append(found, failure(where, "nruEviction: documents are removed when memory is short", "use valueOnly or fullEviction (noEviction for ephemeral buckets)"))
	}
	if b.MaxTTL > 0 {
		what := fmt.Sprintf("maxTTL is %v: every document expires after it", b.MaxTTL)
		if staging {
			found = append(found, warning(where, what, "set the bucket's maxTTL to 0, unless raw documents shall go"))
		} else {
			found = append(found, failure(where, what, "set the bucket's maxTTL to 0; then customer360 verify --repair brings back what has expired"))
		}
	}
	switch {
	case b.PurgeInterval == 0:
		found = append(found, unknown(where, "the metadata purge interval cannot be read",
			fmt.Sprintf("give the user the right to read /settings/autoCompaction, or look in the console: it must be longer than %v (3 days is the default)", age)))
	case b.PurgeInterval <= age:
		found = append(found, failure(where, fmt.Sprintf("the metadata purge interval is %v: fences of removed documents go before late writers give up (%v)", b.PurgeInterval, age),
			"set it to a day or more (Auto-Compaction in the console)"))
	default:
		found = append(found, ok(where, "fences of removed documents stay for %v", b.PurgeInterval))
	}
	if durability != "none" && durability != "" && b.Replicas >= 0 {
		if b.Replicas == 0 {
			found = append(found, warning(where, "couchbase.durability is "+durability+" and the bucket has no replica: it is worth one node's word", "give the bucket a replica"))
		}
		if b.Replicas > 2 {
			found = append(found, failure(where, "couchbase.durability is "+durability+", which Couchbase does not take with 3 replicas", "use 1 or 2 replicas, or couchbase.durability: none"))
		}
	}
	return found
}
