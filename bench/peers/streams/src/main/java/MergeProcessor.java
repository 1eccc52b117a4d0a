import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Registers in a store, documents to the sink. Keys, values and state are byte arrays up to here, which is the only
 * place that decodes: a serde in the source node or on the store would do the same work.
 */
final class MergeProcessor implements Processor<byte[], byte[], byte[], byte[]> {
  static final String STORE = "state";

  private final Merge merge = new Merge();
  private final Meter meter;
  private final byte[] generation;
  private ProcessorContext<byte[], byte[]> context;
  private KeyValueStore<byte[], byte[]> store;

  MergeProcessor(Meter meter, String generation) {
    this.meter = meter;
    this.generation = generation.getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    this.store = context.getStateStore(STORE);
  }

  @Override
  public void process(Record<byte[], byte[]> in) {
    meter.begin();
    try {
      Merge.Effect effect = merge.step(store.get(in.key()), in.value());
      if (merge.state != null) store.put(in.key(), merge.state);
      if (effect != Merge.Effect.UNCHANGED) {
        long offset = context.recordMetadata().orElseThrow().offset();
        RecordHeaders headers = new RecordHeaders();
        headers.add("c360.generation", generation);
        headers.add("c360.fence", Long.toString(offset + 1).getBytes(StandardCharsets.US_ASCII));
        context.forward(in.withValue(merge.document).withHeaders(headers));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    meter.done();
  }
}
