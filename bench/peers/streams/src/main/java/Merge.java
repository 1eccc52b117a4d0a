import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonRawValue;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The merge job's data and its pure part: JSON record in, JSON state, JSON document out. One object belongs to one
 * thread.
 *
 * <p>The registers are a list, not a JSON object by source and identity: identities as field names would fill Jackson's
 * symbol table and the JVM's interned strings.
 */
final class Merge {
  /** Places of the sources: the order of xrefs. */
  private static final String SHOP = "online_store", HOME = "home_delivery", LOYALTY = "loyalty";

  private static final int SOURCES = 3;

  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  static final class Fields {
    public String id, pass, name, address1, address2, city, state, zipcode, phone, email, loyaltyPoints, orders;
  }

  static final class Record {
    public String source, identity, kind;
    public long version;
    public Fields fields;
  }

  /** What one identity said last; no fields: it was withdrawn, and its version is remembered. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  static final class Register {
    public String source, identity;
    public long version;
    public Fields fields;

    @JsonIgnore int rank;
    @JsonIgnore Identifier id;
  }

  /** The registers of a key, and the hash of the document that was emitted last (null: none is out there). */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  static final class State {
    public byte[] document;
    public List<Register> registers = new ArrayList<>(4);
  }

  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  @JsonPropertyOrder({"name", "address1", "address2", "city", "state", "zipcode", "phone", "email", "loyaltyPoints"})
  static final class Profile {
    public String name, address1, address2, city, state, zipcode, phone, email, loyaltyPoints;
  }

  @JsonInclude(JsonInclude.Include.NON_EMPTY)
  record Xref(
      @JsonProperty("external_system") String system,
      @JsonProperty("external_ID") @JsonRawValue String id,
      @JsonProperty("pass") String pass) {}

  @JsonPropertyOrder({"type", "profile", "xrefs"})
  static final class Document {
    public final String type = "user";
    public final Profile profile = new Profile();
    public final List<Xref> xrefs = new ArrayList<>(4);
  }

  /** What a record does to the documents. */
  enum Effect {
    UNCHANGED,
    WRITTEN,
    REMOVED
  }

  private final ObjectReader records, states;
  private final ObjectWriter stateWriter, documentWriter;
  private final MessageDigest sha256;
  private final List<Register> asserted = new ArrayList<>(8);

  /** Of the last step: the state's next value (null: as it was) and the document of WRITTEN. */
  byte[] state, document;

  Merge() {
    ObjectMapper mapper = new ObjectMapper();
    mapper.disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    records = mapper.readerFor(Record.class);
    states = mapper.readerFor(State.class);
    stateWriter = mapper.writerFor(State.class);
    documentWriter = mapper.writerFor(Document.class);
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  Effect step(byte[] stored, byte[] record) throws IOException {
    state = document = null;
    Record r = records.readValue(record);
    State s = stored == null ? new State() : states.readValue(stored);
    if (!apply(s.registers, r)) return Effect.UNCHANGED;
    Effect effect = Effect.UNCHANGED;
    Document d = fold(s.registers);
    if (d == null) {
      if (s.document != null) effect = Effect.REMOVED;
      s.document = null;
    } else {
      byte[] bytes = documentWriter.writeValueAsBytes(d);
      byte[] hash = Arrays.copyOf(sha256.digest(bytes), 16);
      if (!Arrays.equals(hash, s.document)) {
        effect = Effect.WRITTEN;
        document = bytes;
        s.document = hash;
      }
    }
    state = stateWriter.writeValueAsBytes(s);
    return effect;
  }

  /** False when the record is not newer than its register. */
  private static boolean apply(List<Register> registers, Record r) {
    Register g = null;
    for (Register each : registers)
      if (each.source.equals(r.source) && each.identity.equals(r.identity)) {
        g = each;
        break;
      }
    if (g == null) {
      g = new Register();
      g.source = r.source;
      g.identity = r.identity;
      registers.add(g);
    } else if (r.version <= g.version) {
      return false;
    }
    g.version = r.version;
    g.fields = r.kind.equals("assert") ? (r.fields == null ? new Fields() : r.fields) : null;
    return true;
  }

  /** Null where no source asserts the customer that makes one: Home Delivery or Loyalty. */
  private Document fold(List<Register> registers) {
    asserted.clear();
    boolean exists = false;
    for (Register g : registers) {
      if (g.fields == null) continue;
      g.rank = rank(g.source);
      g.id = new Identifier(g.fields.id == null ? "" : g.fields.id);
      exists |= g.rank == 1 || g.rank == 2;
      asserted.add(g);
    }
    if (!exists) return null;
    if (asserted.size() > 1) asserted.sort(Merge::compare);
    Document d = new Document();
    Profile p = d.profile;
    int name = SOURCES, email = SOURCES; // place of the source that gave it; asserted has them in that order
    for (Register g : asserted) {
      Fields f = g.fields;
      if (g.rank < name && given(f.name)) {
        p.name = f.name;
        name = g.rank;
      }
      if (g.rank < email && given(f.email)) {
        p.email = f.email;
        email = g.rank;
      }
      if (g.rank == 1) {
        p.address1 = first(p.address1, f.address1);
        p.address2 = first(p.address2, f.address2);
        p.city = first(p.city, f.city);
        p.state = first(p.state, f.state);
        p.zipcode = first(p.zipcode, f.zipcode);
        p.phone = first(p.phone, f.phone);
      }
      if (g.rank == 2) p.loyaltyPoints = first(p.loyaltyPoints, f.loyaltyPoints);
      d.xrefs.add(new Xref(g.source, g.id.empty() ? null : f.id, f.pass));
    }
    return d;
  }

  private static int rank(String source) {
    return switch (source) {
      case SHOP -> 0;
      case HOME -> 1;
      case LOYALTY -> 2;
      default -> SOURCES; // has an xref, and gives no field
    };
  }

  private static int compare(Register a, Register b) {
    if (a.rank != b.rank) return Integer.compare(a.rank, b.rank);
    int c = Identifier.bytewise(a.source, b.source);
    if (c == 0) c = a.id.compareTo(b.id);
    return c != 0 ? c : Identifier.bytewise(a.identity, b.identity);
  }

  private static boolean given(String s) {
    return s != null && !s.isEmpty();
  }

  private static String first(String a, String b) {
    return a == null && given(b) ? b : a;
  }
}
