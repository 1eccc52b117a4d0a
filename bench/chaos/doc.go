// Package chaos breaks real processes and looks whether the documents are right
// afterwards.
//
// One `customer360 up` holds the embedded broker, the Couchbase node and the
// simulators, which do not rest; three `customer360 run` are further instances
// beside it and reach it through proxies only. A seeded plan of faults is played
// against the four. Then the simulators freeze, everything settles with all four
// alive, ends in order, and the raw topics are put through internal/model: what
// Couchbase holds has to be that, byte for byte, and nothing else.
//
// # Reader's path
//
// run.go is the whole course. plan.go deals the faults, fault.go plays one.
// process.go keeps a process up as an init system would; proxy.go and kafkawire.go
// are the network; clock_linux_amd64.go and limit_linux.go are the process's wall
// clock and its disk. takeover.go measures, settle.go waits, verdict.go judges.
//
// The files stack_*.go are the same on real source systems (package stack), where
// SQL is the oracle: stack_run.go starts and ends everything, stack_course.go is
// the random course, stack_test.go the one of faults one by one, stack_settle.go
// waits and compares.
//
// # Not obvious
//
//   - The product has no hook for any of this. Disk full is RLIMIT_FSIZE 0, set
//     from outside: each write to a file fails with EFBIG. The clock is the vDSO's
//     clock_gettime, overwritten before the process runs its first instruction;
//     elapsed time (CLOCK_MONOTONIC, CLOCK_BOOTTIME) stays true, as it does when
//     NTP or a person sets a machine's clock.
//   - Clock jumps stay within 6 h each way, so that no staged member's expiry
//     (25 h after its record) passes: what must be there does not depend on them.
//   - The plan is a function of the seed; what happens is not. A fault whose
//     process is not there at its moment is not counted.
//   - Kafka's proxy answers Metadata, FindCoordinator and DescribeCluster with its
//     own address, else clients would go around it. Couchbase's map says $HOST: the
//     proxy has the node's port on another address of 127.0.0.0/8 (Linux).
package chaos
