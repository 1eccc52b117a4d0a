// Package avro turns Avro values into the JSON that Kafka Connect's
// JsonConverter without schemas would have written for them, so that one
// decoder serves both. Schemas are parsed by hamba/avro; the values are read
// here, without a detour by Go values, so that no number loses a digit and no
// hostile length reserves memory.
//
// What becomes of a type
//
//   - record: object, members in the schema's order; map: object; array: array;
//     union: the branch's value; null: null; enum: its symbol as text.
//   - int, long: the number, whatever its logical type (dates and times stay
//     the days, milliseconds or microseconds that Debezium has written).
//   - decimal (bytes or fixed): the number with all its digits and its scale,
//     without an exponent, as JsonConverter writes it with
//     decimal.format=NUMERIC (its default, base64, hides the scale).
//   - other bytes and fixed: text in base64.
//   - float, double: as Java writes them; NaN and the infinities as text.
//
// Invariants
//
//   - A value is used up to its last byte, or it is an error.
//   - Memory is bounded by the size of the input, whatever it says about lengths.
//   - Errors name what is wrong and where in the schema, never a value.
package avro
