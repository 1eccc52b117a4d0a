import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * An id as a source writes it, a JSON scalar. Integers come first, by value, whether quoted or not; the rest bytewise;
 * equal ones numbers before strings.
 */
final class Identifier implements Comparable<Identifier> {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final String scalar, text, digits;
  private final boolean negative, integer;

  Identifier(String scalar) {
    this.scalar = scalar;
    this.text = unquote(scalar);
    int from = text.startsWith("-") ? 1 : 0;
    boolean all = text.length() > from;
    for (int i = from; i < text.length() && all; i++) all = text.charAt(i) >= '0' && text.charAt(i) <= '9';
    integer = all;
    int zeros = from;
    while (all && zeros < text.length() && text.charAt(zeros) == '0') zeros++;
    digits = all ? text.substring(zeros) : "";
    negative = all && from == 1 && !digits.isEmpty();
  }

  boolean empty() {
    return scalar.isEmpty() || scalar.equals("\"\"") || scalar.equals("null");
  }

  @Override
  public int compareTo(Identifier o) {
    if (integer != o.integer) return integer ? -1 : 1;
    int c = integer ? compareValue(o) : bytewise(text, o.text);
    return c != 0 ? c : Integer.compare(rank(), o.rank());
  }

  private int compareValue(Identifier o) {
    if (negative != o.negative) return negative ? -1 : 1;
    int c = Integer.compare(digits.length(), o.digits.length());
    if (c == 0) c = digits.compareTo(o.digits);
    return negative ? -c : c;
  }

  private int rank() {
    if (scalar.isEmpty()) return 2;
    char c = scalar.charAt(0);
    return c == '-' || c >= '0' && c <= '9' ? 0 : c == '"' ? 1 : 2;
  }

  private static String unquote(String scalar) {
    if (scalar.length() < 2 || scalar.charAt(0) != '"') return scalar;
    String inner = scalar.substring(1, scalar.length() - 1);
    if (inner.indexOf('\\') < 0) return inner;
    try {
      return MAPPER.readValue(scalar, String.class);
    } catch (JsonProcessingException e) {
      return inner;
    }
  }

  /** In the order of UTF-8 bytes, which is that of code points and not of Java's chars. */
  static int bytewise(String a, String b) {
    int n = Math.min(a.length(), b.length());
    for (int i = 0; i < n; i++) {
      char x = a.charAt(i), y = b.charAt(i);
      if (x == y) continue;
      boolean pairX = Character.isSurrogate(x), pairY = Character.isSurrogate(y);
      return pairX != pairY ? (pairX ? 1 : -1) : Character.compare(x, y);
    }
    return Integer.compare(a.length(), b.length());
  }
}
