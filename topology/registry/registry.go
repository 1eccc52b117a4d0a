// Package registry registers metrics that several parts of one process have in
// common: two sinks, two groups, two generations beside each other. A registry
// takes a metric once.
package registry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Shared registers the collector, or returns the one of the same name, labels and
// help that is registered. An error is added to errs. A nil registry takes
// nothing.
func Shared[C prometheus.Collector](r prometheus.Registerer, c C, errs *[]error) C {
	if r == nil {
		return c
	}
	err := r.Register(c)
	var present prometheus.AlreadyRegisteredError
	if errors.As(err, &present) {
		if p, ok := present.ExistingCollector.(C); ok {
			return p
		}
	}
	if err != nil {
		*errs = append(*errs, err)
	}
	return c
}

// Newest registers the collector in the place of the one that is registered: for
// functions, which read from the part that made them.
func Newest(r prometheus.Registerer, c prometheus.Collector, errs *[]error) {
	if r == nil {
		return
	}
	err := r.Register(c)
	var present prometheus.AlreadyRegisteredError
	if errors.As(err, &present) {
		r.Unregister(present.ExistingCollector)
		err = r.Register(c)
	}
	if err != nil {
		*errs = append(*errs, err)
	}
}
