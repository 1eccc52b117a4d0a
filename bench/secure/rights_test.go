package secure

import "github.com/twmb/franz-go/pkg/kadm"

// right is a line of the list in docs/security.md: operations on all resources
// whose names begin so.
type right struct {
	resource, names string
	operations      []kadm.ACLOperation
}

// running is what the user of `run`, `dead-letters` and the like needs.
var running = []right{
	{"Topic", "dbserver1.inventory.customers loyalty. onlinestore. customer360. rekey. merge. restpoll-table",
		[]kadm.ACLOperation{kadm.OpRead, kadm.OpWrite, kadm.OpDescribeConfigs}},
	{"Topic", "__consumer_offsets", []kadm.ACLOperation{kadm.OpRead}},
	{"Group", "rekey. merge. staging. sink. restpoll customer360.", []kadm.ACLOperation{kadm.OpRead, kadm.OpDescribe}},
	{"TransactionalId", "customer360. rekey. merge. restpoll csvdir", []kadm.ACLOperation{kadm.OpWrite, kadm.OpDescribe}},
	{"Cluster", "", []kadm.ACLOperation{kadm.OpClusterAction}},
}

// creating is what `topics create` needs beyond that.
var creating = []right{{"Topic", "dbserver1.inventory.customers loyalty. onlinestore. customer360. rekey. merge. restpoll-table",
	[]kadm.ACLOperation{kadm.OpCreate}}}

// everyCreate is all rights to create topics.
func everyCreate() *kadm.ACLBuilder {
	return kadm.NewACLs().Topics().Allow("User:customer360").AllowHosts().Operations(kadm.OpCreate).ResourcePatternType(kadm.ACLPatternPrefixed)
}
