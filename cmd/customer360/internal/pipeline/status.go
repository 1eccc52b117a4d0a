package pipeline

import (
	"customer360/cmd/customer360/internal/web"
	"customer360/topology/engine"
)

// Status is what /status serves, for `customer360 status`.
func (p *Pipeline) Status() web.Status {
	s := web.Status{Instance: p.deps.Instance, Parts: p.Parts()}
	for _, c := range p.components {
		if c.status != nil {
			s.Groups = append(s.Groups, groupStatus(c.status()))
		}
	}
	return s
}

// Status is that of the pipeline that runs now.
func (s *Server) Status() web.Status {
	if p := s.Pipeline(); p != nil {
		return p.Status()
	}
	return web.Status{Parts: s.Parts()}
}

func groupStatus(e engine.Status) web.Group {
	g := web.Group{Group: e.Group, State: string(e.State), Partitions: append([]int32{}, e.Partitions...), Lag: e.Lag, CaughtUp: e.CaughtUp,
		Recovered: e.Recovered, RecoveryTotal: e.RecoveryTotal, RecoveryLeft: e.RecoveryLeft, Standbys: []web.Standby{}}
	for _, c := range e.Standbys {
		g.Standbys = append(g.Standbys, web.Standby{Partition: c.Partition, Lag: c.Lag, Current: c.Current})
	}
	if !e.LastCommit.IsZero() {
		g.LastCommit = &e.LastCommit
	}
	if e.LastError != nil {
		g.LastError, g.LastErrorAt = e.LastError.Error(), &e.LastErrorAt
	}
	return g
}
