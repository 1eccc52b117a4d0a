package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// dismissFormer takes members of the group out that carry our instance name:
// they are former incarnations that were killed, since the name is unique.
// Without it the group waits out their session timeout before it gives their
// partitions to anybody. It is a courtesy: where it fails, the timeout does it.
func (g *Group) dismissFormer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	described, err := kadm.NewClient(g.admin).DescribeGroups(ctx, g.cfg.Group)
	if err != nil {
		return
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = g.cfg.Group
	for _, m := range described[g.cfg.Group].Members {
		if m.ClientID == g.cfg.Instance && m.InstanceID == nil {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = m.MemberID
			reason := "replaced by its successor"
			member.Reason = &reason
			req.Members = append(req.Members, member)
		}
	}
	if len(req.Members) == 0 {
		return
	}
	resp, err := req.RequestWith(ctx, g.admin)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	for _, m := range req.Members {
		g.log.Info("took a former member of this instance out of the group", "member", m.MemberID, "error", fmt.Sprint(err))
	}
}
