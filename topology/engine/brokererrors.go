package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// reaction is what is done about answers of a broker, and what a person can do
// who reads the end of it.
type reaction struct {
	class class
	hint  string // what is wrong, and how to mend it; "": it mends itself
	kinds []*kerr.Error
}

// reactions, the first that matches counts: what cannot mend itself is not
// hidden by its consequences. Everything that stands in none of them is away:
// the broker's state, which another attempt may find changed.
var reactions = []reaction{
	{fatal, "records that this group had still to read are gone from the log (retention, or the topic was created anew); nothing is skipped silently: rebuild",
		[]*kerr.Error{kerr.OffsetOutOfRange}},
	{fatal, "the broker takes smaller records or batches than the product writes: raise max.message.bytes of the topic, and message.max.bytes and replica.fetch.max.bytes of the brokers, to %[1]d",
		[]*kerr.Error{kerr.MessageTooLarge, kerr.RecordListTooLarge}},
	{fatal, "the topic refuses records as they are (without key though it is compacted, or with times outside of message.timestamp.before.max.ms and .after.max.ms): mend the topic's configuration, or this machine's clock",
		[]*kerr.Error{kerr.InvalidRecord, kerr.InvalidTimestamp}},
	{fatal, "transactions of %[2]v are longer than transaction.max.timeout.ms of the brokers: raise it",
		[]*kerr.Error{kerr.InvalidTransactionTimeout}},
	{fatal, "sessions of %[3]v are not between group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers: mend them",
		[]*kerr.Error{kerr.InvalidSessionTimeout}},
	{fatal, "the members of this group are another application's, or have an impossible name: each group id belongs to one application",
		[]*kerr.Error{kerr.InconsistentGroupProtocol, kerr.InvalidGroupID}},
	{fatal, "the broker keeps less than 4 KiB of metadata or 5 MiB in one commit: raise offset.metadata.max.bytes",
		[]*kerr.Error{kerr.OffsetMetadataTooLarge, kerr.InvalidCommitOffsetSize}},
	{fatal, "the broker does not know this version or form of a request: use Kafka 4, or a broker that is compatible",
		[]*kerr.Error{kerr.UnsupportedVersion, kerr.UnsupportedForMessageFormat, kerr.InvalidRequest, kerr.InvalidRequiredAcks}},
	{fatal, "the broker does not know this compression: choose another kafka.compression_type",
		[]*kerr.Error{kerr.UnsupportedCompressionType}},
	{fatal, "the broker expects another way of authentication: choose its SASL mechanism, or its other port",
		[]*kerr.Error{kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.SecurityDisabled}},
	{fatal, "a policy of the cluster forbids it: ask its administrator",
		[]*kerr.Error{kerr.PolicyViolation}},

	{refused, "the cluster refuses the user or the password",
		[]*kerr.Error{kerr.SaslAuthenticationFailed}},
	{refused, "the cluster refuses the access (check the ACLs of topics, group and transactional id)",
		[]*kerr.Error{kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
			kerr.TransactionalIDAuthorizationFailed, kerr.DelegationTokenAuthorizationFailed}},
	{refused, "a topic of this group does not exist, or may not be seen",
		[]*kerr.Error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException}},
	{refused, "the group has as many members as it may: raise group.max.size of the brokers, or run fewer instances",
		[]*kerr.Error{kerr.GroupMaxSizeReached}},

	{fenced, "", []*kerr.Error{
		// the coordinator knows a newer generation, or has forgotten us
		kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.FencedInstanceID, kerr.FencedMemberEpoch,
		// a newer producer took our transactional id, or a newer owner ended our transaction
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.TransactionAbortable,
		kerr.InvalidTxnState, kerr.OperationNotAttempted, kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber}},
}

func reactionTo(err error) reaction {
	var answer *kerr.Error
	if errors.As(err, &answer) {
		for _, r := range reactions {
			if is(err, r.kinds...) {
				return r
			}
		}
	}
	return reaction{class: away}
}

// explain adds to an error of the broker what a person can do about it.
func (c Config) explain(err error) error {
	hint := reactionTo(err).hint
	if hint == "" {
		return err
	}
	// Arguments that a hint does not name must not show.
	return fmt.Errorf("%s: %w", fmt.Sprintf(hint+"%[4]s", c.MaxRecordBytes, c.TransactionTimeout.Round(time.Millisecond), c.SessionTimeout, ""), err)
}
