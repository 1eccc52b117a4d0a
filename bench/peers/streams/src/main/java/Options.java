import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;

/** --name value pairs over defaults, which are tuned: README.md says how. */
final class Options {
  private static final List<String> OPTIONAL = List.of("commit-ms", "linger-ms");
  private final Map<String, String> values = new HashMap<>();

  Options(String[] args) {
    values.put("mode", "merge"); // serve: until stdin ends; restore: until the store is filled
    values.put("bootstrap", "127.0.0.1:9092");
    values.put("name", "streams-eos");
    values.put("app", "merge.g2"); // group, and prefix of the changelog
    values.put("in", "customer360.records.g2");
    values.put("out", "customer360.documents.g2");
    values.put("generation", "2");
    values.put("state-dir", "state");
    values.put("guarantee", StreamsConfig.EXACTLY_ONCE_V2);
    values.put("records", "1000000");
    values.put("warmup", "0");
    values.put("threads", "2");
    values.put("cache-mb", "0"); // turns caching off; Kafka Streams' default is 10
    values.put("rocksdb-mb", "64"); // all stores together; 0 leaves Kafka Streams' default, up to 98 MiB a store
    values.put("buffered", "5000"); // default 1000
    values.put("poll-records", "5000"); // default 1000
    values.put("batch-size", "262144"); // default 16384
    values.put("compression", "snappy");
    values.put("standbys", "0");
    for (int i = 0; i < args.length; i += 2) {
      String name = args[i].replaceFirst("^--", "");
      if (i + 1 == args.length || !(values.containsKey(name) || OPTIONAL.contains(name)))
        throw new IllegalArgumentException("unknown option or no value: " + args[i]);
      values.put(name, args[i + 1]);
    }
  }

  String get(String name) {
    return values.get(name);
  }

  long number(String name) {
    return Long.parseLong(values.get(name));
  }

  Path stateDir() {
    return Path.of(get("state-dir"));
  }

  long cacheBytes() {
    return number("cache-mb") << 20;
  }

  /** Kafka Streams' own default is 100 ms with exactly once, and 30 s without; 1 s is sarama's, so goka's. */
  String commitMillis() {
    return values.getOrDefault("commit-ms", get("guarantee").equals(StreamsConfig.EXACTLY_ONCE_V2) ? "100" : "1000");
  }

  String job() {
    return String.format(
        "%s, commit every %s ms, %s threads, cache %s MiB, RocksDB %s MiB, %s",
        get("guarantee"), commitMillis(), get("threads"), get("cache-mb"), get("rocksdb-mb"), get("compression"));
  }

  Properties streams() {
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, get("bootstrap"));
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, get("app"));
    p.put(StreamsConfig.STATE_DIR_CONFIG, get("state-dir"));
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, get("guarantee"));
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitMillis());
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, get("threads"));
    p.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, get("standbys"));
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, cacheBytes());
    p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, get("buffered"));
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), get("poll-records"));
    p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), get("compression"));
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), get("batch-size"));
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), "67108864");
    if (get("linger-ms") != null)
      p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), get("linger-ms"));
    if (!get("rocksdb-mb").equals("0")) {
      p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedMemory.class);
      p.put(BoundedMemory.CONFIG, get("rocksdb-mb"));
    }
    return p;
  }
}
