package couchbase

import (
	"encoding/binary"

	"github.com/couchbase/gocbcore/v10/memd"
)

// features is the set of what a connection has negotiated.
type features uint64

func (f features) has(h memd.HelloFeature) bool { return f&(1<<h) != 0 }

// Features that memd has no names for.
const (
	featureVattr         = memd.HelloFeature(0x15)
	featureDocumentMacro = memd.HelloFeature(0x18)
	featureManyXattrKeys = memd.HelloFeature(0x20)
)

// granted lists what a client can have, in the order of the answer. Not among
// them: TLS, and what reports usage of a metered service.
func granted() []memd.HelloFeature {
	return []memd.HelloFeature{memd.FeatureTCPNoDelay, memd.FeatureSeqNo, memd.FeatureXattr, memd.FeatureXerror, memd.FeatureSelectBucket,
		memd.FeatureSnappy, memd.FeatureJSON, memd.FeatureDuplex, memd.FeatureClusterMapNotif, memd.FeatureUnorderedExec, memd.FeatureDurations,
		memd.FeatureAltRequests, memd.FeatureSyncReplication, memd.FeatureCollections, memd.FeatureSnappyEverywhere, memd.FeaturePreserveExpiry,
		featureVattr, memd.FeaturePITR, memd.FeatureCreateAsDeleted, featureDocumentMacro, memd.FeatureReplaceBodyWithXattr,
		memd.FeatureSubdocReplicaRead, memd.FeatureClusterMapKnownVersion, memd.FeatureDedupeNotMyVbucketClustermap,
		memd.FeatureClustermapChangeNotificationBrief, featureManyXattrKeys}
}

// hello replaces what was negotiated before.
func hello(c *connection, q *request) response {
	if len(q.value)%2 != 0 {
		return invalid("Invalid length of features")
	}
	var asked features
	for v := q.value; len(v) > 0; v = v[2:] {
		if code := binary.BigEndian.Uint16(v); code < 64 {
			asked |= 1 << code
		}
	}
	switch {
	case asked.has(memd.FeatureClustermapChangeNotificationBrief) && !asked.has(memd.FeatureDuplex):
		return invalid("ClustermapChangeNotificationBrief needs Duplex")
	case asked.has(memd.FeatureClusterMapNotif) && !asked.has(memd.FeatureDuplex):
		return invalid("ClustermapChangeNotification needs Duplex")
	case asked.has(featureVattr) && !asked.has(memd.FeatureXattr):
		return invalid("VAttr needs XATTR")
	}
	c.features, c.mapSent = 0, false
	var value []byte
	for _, f := range granted() {
		if asked.has(f) {
			c.features |= 1 << f
			value = binary.BigEndian.AppendUint16(value, uint16(f))
		}
	}
	return response{value: value}
}
