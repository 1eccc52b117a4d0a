import static com.couchbase.client.java.kv.LookupInSpec.count;
import static com.couchbase.client.java.kv.LookupInSpec.exists;
import static com.couchbase.client.java.kv.LookupInSpec.get;
import static com.couchbase.client.java.kv.MutateInSpec.arrayAppend;
import static com.couchbase.client.java.kv.MutateInSpec.increment;
import static com.couchbase.client.java.kv.MutateInSpec.replace;
import static com.couchbase.client.java.kv.MutateInSpec.upsert;

import com.couchbase.client.core.error.*;
import com.couchbase.client.core.msg.kv.DurabilityLevel;
import com.couchbase.client.java.*;
import com.couchbase.client.java.json.JsonArray;
import com.couchbase.client.java.json.JsonObject;
import com.couchbase.client.java.kv.*;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** A client of the embedded node: java Client.java ADDRESS PASSWORD. Says what works, step by step; any failure ends it with 1. */
public class Client {
  static final Duration PATIENCE = Duration.ofSeconds(60);

  public static void main(String[] args) {
    try {
      run(args[0], args[1]);
    } catch (Throwable e) {
      e.printStackTrace();
      System.exit(1);
    }
    System.exit(0);
  }

  static void step(String name) {
    System.out.println("ok " + name);
  }

  static void check(boolean ok, Object what) {
    if (!ok) throw new AssertionError(String.valueOf(what));
  }

  static void refused(Runnable call, Class<?>... kinds) {
    try {
      call.run();
    } catch (CouchbaseException e) {
      for (Class<?> kind : kinds) if (kind.isInstance(e)) return;
      throw e;
    }
    throw new AssertionError("not refused with " + List.of(kinds));
  }

  static void run(String address, String password) throws Exception {
    Cluster cluster = Cluster.connect(address, "Administrator", password);
    Bucket bucket = cluster.bucket("default");
    bucket.waitUntilReady(PATIENCE);
    walk("default", bucket.defaultCollection());
    walk("named", bucket.scope("app").collection("docs"));

    try (Cluster wrong = Cluster.connect(address, "Administrator", "not " + password)) {
      try { // it tries again until the time is over, and names the reason
        wrong.bucket("default").defaultCollection().get("k", GetOptions.getOptions().timeout(Duration.ofSeconds(3)));
        throw new AssertionError("a wrong password is accepted");
      } catch (CouchbaseException e) {
        check(e.toString().contains("AUTHENTICATION") && !e.toString().contains(password), e);
      }
    }
    step("wrong password");

    Collection col = bucket.defaultCollection();
    col.upsert("java-kept", JsonObject.create().put("kept", true));
    System.out.println("restart");
    new BufferedReader(new InputStreamReader(System.in)).readLine();
    for (Instant end = Instant.now().plus(PATIENCE); ; Thread.sleep(200)) {
      try {
        check(col.get("java-kept").contentAsObject().getBoolean("kept"), "what was kept");
        col.upsert("java-kept", JsonObject.create().put("after", true));
        break;
      } catch (CouchbaseException e) {
        if (Instant.now().isAfter(end)) throw e;
      }
    }
    step("after a restart of the node");
    cluster.disconnect();
  }

  static void walk(String where, Collection col) throws Exception {
    String key = "java-" + where;
    refused(() -> col.get(key), DocumentNotFoundException.class);
    JsonObject first = JsonObject.create().put("n", 1).put("text", "ä");
    col.upsert(key, first);
    check(col.get(key).contentAsObject().equals(first), "the first version");
    check(col.exists(key).exists() && !col.exists(key + "-not").exists(), "exists");
    step(where + " upsert, get");

    long old = col.get(key).cas();
    long cas = col.replace(key, JsonObject.create().put("n", 2), ReplaceOptions.replaceOptions().cas(old)).cas();
    refused(() -> col.replace(key, 3, ReplaceOptions.replaceOptions().cas(old)), CasMismatchException.class);
    refused(() -> col.insert(key, 4), DocumentExistsException.class);
    check(col.get(key).contentAsObject().getInt("n") == 2 && col.get(key).cas() == cas, "the second version");
    step(where + " replace with CAS");

    refused(() -> col.remove(key, RemoveOptions.removeOptions().cas(old)), CasMismatchException.class);
    col.remove(key, RemoveOptions.removeOptions().cas(cas));
    refused(() -> col.get(key), DocumentNotFoundException.class);
    refused(() -> col.remove(key), DocumentNotFoundException.class);
    step(where + " remove");

    col.upsert(key, 1, UpsertOptions.upsertOptions().expiry(Duration.ofHours(25)));
    Instant expiry = col.get(key, GetOptions.getOptions().withExpiry(true)).expiryTime().orElseThrow();
    long left = Duration.between(Instant.now(), expiry).toSeconds();
    check(left > 89_900 && left < 90_100, left);
    col.touch(key, Duration.ofSeconds(1));
    for (Instant end = Instant.now().plus(PATIENCE); col.exists(key).exists(); Thread.sleep(200)) check(Instant.now().isBefore(end), "expiry");
    step(where + " expiry");

    JsonObject fence = JsonObject.create().put("g", 1).put("o", 4711);
    long made = col.mutateIn(key, List.of(upsert("_c360", fence).xattr().createPath(), replace("", JsonObject.create().put("a", JsonArray.from(1, 2)))),
        MutateInOptions.mutateInOptions().storeSemantics(StoreSemantics.INSERT)).cas();
    LookupInResult looked = col.lookupIn(key, List.of(get("_c360").xattr(), get("a[1]"), exists("b"), get("$document.exptime").xattr(), count("a")));
    check(looked.cas() == made && looked.contentAsObject(0).equals(fence) && looked.contentAs(1, Integer.class) == 2 && !looked.exists(2)
        && looked.contentAs(3, Integer.class) == 0 && looked.contentAs(4, Integer.class) == 2, looked);
    col.mutateIn(key, List.of(arrayAppend("a", List.of(3)), increment("c", 5).createPath()), MutateInOptions.mutateInOptions().cas(made));
    refused(() -> col.mutateIn(key, List.of(upsert("a", 0)), MutateInOptions.mutateInOptions().cas(made)), CasMismatchException.class);
    col.upsert(key, JsonObject.create().put("plain", true)); // keeps the system xattr
    check(col.lookupIn(key, List.of(get("_c360").xattr())).contentAsObject(0).equals(fence), "the xattr after a plain write");
    step(where + " sub-document with xattrs");

    GetResult held = col.getAndLock(key, Duration.ofSeconds(15));
    refused(() -> col.upsert(key, 1, UpsertOptions.upsertOptions().timeout(Duration.ofMillis(300))), DocumentLockedException.class, TimeoutException.class);
    col.unlock(key, held.cas());
    col.upsert(key, 1, UpsertOptions.upsertOptions().durability(DurabilityLevel.MAJORITY));
    check(col.binary().increment(key + "-n", IncrementOptions.incrementOptions().initial(1)).content() == 1, "counter");
    check(col.binary().increment(key + "-n").content() == 2, "counter");
    JsonObject large = JsonObject.create().put("x", "y".repeat(2 << 20));
    col.upsert(key, large);
    check(col.get(key).contentAsObject().equals(large), "2 MiB");
    step(where + " lock, durability, counter, 2 MiB");
  }
}
