import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Counts records across threads. The window runs from record warmup+1 to the commit of the last. */
final class Meter {
  private static final OperatingSystemMXBean OS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private final long warmup, total;
  private final AtomicLong begun = new AtomicLong(), done = new AtomicLong();
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile Instant start;
  private volatile long wall0, cpu0, wall1, cpu1;

  Meter(long warmup, long total) {
    this.warmup = warmup;
    this.total = total;
  }

  void begin() {
    if (begun.getAndIncrement() == warmup) {
      start = Instant.now();
      cpu0 = OS.getProcessCpuTime();
      wall0 = System.nanoTime();
    }
  }

  void done() {
    if (done.incrementAndGet() == total) end.countDown();
  }

  /** Waits until the last record is processed; its commit follows. */
  void awaitDone() throws InterruptedException {
    end.await();
  }

  void committed() {
    wall1 = System.nanoTime();
    cpu1 = OS.getProcessCpuTime();
  }

  /** One JSON line; after everything is closed, so that cpu_seconds_process holds the stop too. */
  String report(String contender, Path state, String job) throws IOException {
    return String.format(
        Locale.ROOT,
        "{\"contender\":\"%s\",\"start\":\"%s\",\"records\":%d,\"warmup\":%d,\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
            + "\"cpu_seconds_process\":%.6f,\"rss_peak_mib\":%.1f,\"state_bytes\":%d,\"gc\":\"%s\",\"job\":\"%s\"}",
        contender, start, total - warmup, warmup, (wall1 - wall0) / 1e9, (cpu1 - cpu0) / 1e9,
        OS.getProcessCpuTime() / 1e9, peakRSS(), sizeOf(state), collector(), job);
  }

  /** In MiB; 0 where the system does not tell. */
  static double peakRSS() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return 0;
    for (String line : Files.readAllLines(status))
      if (line.startsWith("VmHWM:")) return Double.parseDouble(line.replaceAll("\\D+", "")) / 1024;
    return 0;
  }

  static double cpuSeconds() {
    return OS.getProcessCpuTime() / 1e9;
  }

  private static long sizeOf(Path dir) throws IOException {
    try (Stream<Path> files = Files.walk(dir)) {
      return files.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
    }
  }

  static String collector() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream()
            .map(GarbageCollectorMXBean::getName)
            .collect(Collectors.joining(" and "))
        + ", heap "
        + (Runtime.getRuntime().maxMemory() >> 20)
        + " MiB";
  }
}
