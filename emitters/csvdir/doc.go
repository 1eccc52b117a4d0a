// Package csvdir imports the loyalty system's nightly CSV: it watches a folder
// and writes the newest file's rows to loyalty.members, then withdraws the
// members that the file lacks. It owns these rows' records, loyalty.files, and
// the dead letters of rows and files.
//
// The way of a file: scan (scan.go: is it complete, is it the newest) - examine
// (examine.go: hash, encoding, delimiter) - job (job.go: take the fence, judge
// by the ledger, claim) - check (check.go, first pass: validate, compare with
// the known members, hold) - write (write.go, second pass).
//
// # Invariants
//
//   - Whoever writes holds the fence: a writer with the transactional id
//     "csvdir", opened before loyalty.files is read to its end. Every decision
//     (ledger.judge) is made again behind the fence, on the log alone.
//   - A transaction holds rows and the file's entry as of the last of them. So
//     a restart goes on with the next row, and each row, withdrawal and dead
//     letter is in the log once, however often the import was killed.
//   - Files are ordered by (mtime, content hash), as their rows' positions are.
//     Nothing is written of a file that is not above the watermark, the newest
//     file ever begun; names mean nothing.
//   - What an entry says of members counts for the topic id that it names. In a
//     loyalty.members that was created anew the newest file is fresh again, and
//     still no older one is taken.
//   - What is written, the decoder takes and accepts. A row without a usable
//     email becomes a dead letter, and a null where its member was known. A row
//     of a wrong shape becomes a dead letter and changes nothing: its member,
//     if the id can be told, is not withdrawn.
//   - A held file has written nothing but its entry.
//   - Memory does not grow with the file: ids are sorted in runs on disk, and a
//     file costs two bits a row.
//   - Nothing outside the watched folder is read, whatever links lead there; by
//     hand (Import) links are followed.
//   - No value of a row is in a log, an error, a reason or a metric.
//
// # Non-obvious
//
//   - Same content, newer time: touched, not imported, if it is the content of
//     the last import (then the touch raises the watermark: the source still
//     says that). After another file (A, B, A) it counts. Hence an entry's key
//     is hash and time.
//   - Taking turns is not left to the fence, which would let two instances
//     steal it from each other for ever. An instance takes it only where there
//     is work, and not while another one's entry moves (Config.Takeover); one
//     that lost it waits, longer each time. Only speed depends on that clock.
//   - An importer that was killed leaves a transaction open, which hides what
//     follows from readers. Taking the fence ends it; so the same instance,
//     started again, does not wait for Takeover.
//   - Known members are read to the high watermark behind the fence, not to the
//     last stable offset: see span.go.
//   - A file that was refused or held does not stand in the way of an older one
//     that is still newer than the last import.
//   - Half of a quoted field is not looked for to the end of the file: see
//     parser.quoted.
package csvdir
