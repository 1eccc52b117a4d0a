// Package monitoring holds a Grafana dashboard and Prometheus alert rules, and
// the tests that hold them to the product's metrics and to the runbook. It is a
// module of its own, so that Prometheus is no dependency of the product.
package monitoring
