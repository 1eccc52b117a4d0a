import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/**
 * One block cache for all stores of the process, with the write buffers counted in it, as Kafka Streams'
 * memory guide has it. Its default is 50 MiB of cache and 48 MiB of write buffers for each store.
 */
public final class BoundedMemory implements RocksDBConfigSetter {
  static final String CONFIG = "rocksdb.mb";

  private static Cache cache;
  private static WriteBufferManager buffers;

  @Override
  public void setConfig(String store, Options options, Map<String, Object> configs) {
    synchronized (BoundedMemory.class) {
      if (cache == null) {
        long bytes = Long.parseLong((String) configs.get(CONFIG)) << 20;
        cache = new LRUCache(bytes);
        buffers = new WriteBufferManager(bytes / 2, cache);
      }
    }
    BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
    table.setBlockCache(cache);
    options.setTableFormatConfig(table);
    options.setWriteBufferManager(buffers);
  }

  @Override
  public void close(String store, Options options) {} // shared until the process ends
}
