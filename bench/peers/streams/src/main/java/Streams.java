import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The merge job on Kafka Streams. Mode merge ends after the commit of --records records and prints a measurement as one
 * JSON line; serve goes on until stdin ends, and prints "ready" when it runs; restore ends when the store is filled
 * from the changelog.
 */
public final class Streams {
  public static void main(String[] args) throws Exception {
    Options o = new Options(args);
    boolean merge = o.get("mode").equals("merge");
    Meter meter = new Meter(o.number("warmup"), merge ? o.number("records") : Long.MAX_VALUE);
    KafkaStreams streams = new KafkaStreams(topology(o, meter), o.streams());
    CountDownLatch running = new CountDownLatch(1);
    streams.setUncaughtExceptionHandler(
        e -> {
          e.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
          if (now == KafkaStreams.State.RUNNING) running.countDown();
        });
    streams.start();
    switch (o.get("mode")) {
      case "merge" -> {
        meter.awaitDone();
        awaitCommit(o);
        meter.committed();
        close(streams);
        System.out.println(meter.report(o.get("name"), o.stateDir(), o.job()));
      }
      case "serve" -> {
        running.await();
        System.out.println("ready");
        while (System.in.read() >= 0) continue;
        close(streams);
        System.out.println(used(o, 0));
      }
      case "restore" -> {
        running.await();
        double seconds = (System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;
        close(streams);
        System.out.println(used(o, seconds));
      }
      default -> throw new IllegalArgumentException("--mode " + o.get("mode") + ": use merge, serve or restore");
    }
  }

  private static Topology topology(Options o, Meter meter) {
    StoreBuilder<KeyValueStore<byte[], byte[]>> store =
        Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(MergeProcessor.STORE), Serdes.ByteArray(), Serdes.ByteArray());
    store = o.cacheBytes() > 0 ? store.withCachingEnabled() : store.withCachingDisabled();
    Topology topology = new Topology();
    topology.addSource("records", new ByteArrayDeserializer(), new ByteArrayDeserializer(), o.get("in"));
    topology.addProcessor("merge", () -> new MergeProcessor(meter, o.get("generation")), "records");
    topology.addStateStore(store, "merge");
    topology.addSink("documents", o.get("out"), new ByteArraySerializer(), new ByteArraySerializer(), "merge");
    return topology;
  }

  /** Returns when the group has committed the end of its input. */
  private static void awaitCommit(Options o) throws Exception {
    try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, o.get("bootstrap")))) {
      int partitions = admin.describeTopics(java.util.List.of(o.get("in"))).allTopicNames().get().get(o.get("in")).partitions().size();
      Map<TopicPartition, OffsetSpec> asked = new java.util.HashMap<>();
      for (int i = 0; i < partitions; i++) asked.put(new TopicPartition(o.get("in"), i), OffsetSpec.latest());
      var ends = admin.listOffsets(asked).all().get();
      while (true) {
        Map<TopicPartition, OffsetAndMetadata> commits =
            admin.listConsumerGroupOffsets(o.get("app")).partitionsToOffsetAndMetadata().get();
        boolean all =
            ends.entrySet().stream()
                .allMatch(
                    e -> {
                      OffsetAndMetadata commit = commits.get(e.getKey());
                      return e.getValue().offset() == 0 || commit != null && commit.offset() >= e.getValue().offset();
                    });
        if (all) return;
        Thread.sleep(5);
      }
    }
  }

  /** Leaving the group is not the default; without it the group could not be deleted for a session timeout (45 s). */
  private static void close(KafkaStreams streams) {
    boolean closed =
        streams.close(
            CloseOptions.timeout(Duration.ofSeconds(60))
                .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
    if (!closed) throw new IllegalStateException("streams did not close in 60 s");
  }

  private static String used(Options o, double seconds) throws IOException {
    return String.format(
        Locale.ROOT,
        "{\"contender\":\"%s\",\"seconds\":%.3f,\"cpu_seconds_process\":%.3f,\"rss_peak_mib\":%.1f,\"gc\":\"%s\",\"job\":\"%s\"}",
        o.get("name"), seconds, Meter.cpuSeconds(), Meter.peakRSS(), Meter.collector(), o.job());
  }
}
