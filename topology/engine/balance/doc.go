// Package balance decides which member of a group works on which partition, and
// which members keep standby copies of its table: pure functions, and the words
// that members and leader of a group say to each other in Kafka's own protocol.
//
// Members say at each join who they are and what state they hold (Member, in the
// user data of their subscription). The leader makes a Plan; each member gets its
// standby partitions as user data of its assignment.
//
// # Invariants
//
//   - A plan depends on the members' words only, not on their order.
//   - Every partition has one owner; the numbers of two members differ by one at most.
//   - As many partitions as that allows stay where they were. Of those that move, as
//     many as possible go to members that hold state of them.
//   - A standby copy is never with the owner, nor twice with one member.
//   - What a member says is a hint: nonsense costs a recovery, never correctness. The
//     engine checks each folder when it opens it.
package balance
