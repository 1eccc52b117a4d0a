// Package admin brings a cluster's topics into agreement with the topology:
// Create makes what is missing, Check names every difference with its remedy,
// Discover reads the partition counts that the graph depends on.
//
// Neither ever changes or deletes a topic that is there: a setting that is
// wrong on a topic with data is the operator's to change.
package admin
