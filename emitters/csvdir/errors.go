package csvdir

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"customer360/topology"
)

// Errors of Import and Accept.
var (
	ErrHeld    = errors.New("the file is held")
	ErrOlder   = errors.New("the file is older than what was imported")
	ErrFailed  = errors.New("the file cannot be read")
	ErrAlready = errors.New("imported already")
)

// fatal tells errors that no retry heals.
func fatal(err error) bool {
	for _, f := range []error{
		errTopics, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState,
		kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.InvalidTransactionTimeout,
	} {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}

var errTopics = errors.New("topics are missing")

// requireTopics fails with errTopics where a topic that the importer uses is
// missing, and still is after a while: a broker that has just started may not
// know its topics yet. It returns the id of loyalty.members.
func requireTopics(ctx context.Context, client *kgo.Client) (members string, err error) {
	for attempt := 0; ; attempt++ {
		members, err = lookForTopics(ctx, client)
		if !errors.Is(err, errTopics) || attempt == 5 {
			return members, err
		}
		sleep(ctx, 300*time.Millisecond)
	}
}

func lookForTopics(ctx context.Context, client *kgo.Client) (members string, err error) {
	names := []string{topology.LoyaltyTopic, topology.FilesTopic, topology.DeadLetterTopic}
	topics, err := kadm.NewClient(client).ListTopics(ctx, names...)
	if err != nil {
		return "", fmt.Errorf("looking for the topics: %w", err)
	}
	for _, name := range names {
		topic, ok := topics[name]
		switch {
		case !ok || errors.Is(topic.Err, kerr.UnknownTopicOrPartition):
			return "", fmt.Errorf("%w: there is no %s; create the topics with: customer360 topics create", errTopics, name)
		case topic.Err != nil:
			return "", fmt.Errorf("looking at the topic %s: %w", name, topic.Err)
		}
	}
	return topics[topology.LoyaltyTopic].ID.String(), nil
}
