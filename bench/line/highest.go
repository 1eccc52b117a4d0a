package line

import (
	"context"
	"time"

	"customer360/bench/plant"
	"customer360/bench/result"
	"customer360/codec"
)

// highest starts the product on what lies in Kafka, and returns how many records/s
// it does.
func (c *course) highest(ctx context.Context, m plant.Measured, store string) ([]result.Row, float64, error) {
	var err error
	if c.product, err = c.Run("customer360", "", "CUSTOMER360_ONLINE_STORE_URL="+store+"/api/onlineStore"); err != nil {
		return nil, 0, err
	}
	group := map[string]string{"group": c.Graph.Settings.RekeyGroup(codec.HomeDelivery)}
	err = c.Await(ctx, 5*time.Millisecond, func() (bool, string, error) {
		if err := c.product.Alive(); err != nil {
			return false, "", err
		}
		f, err := c.product.Figures(ctx)
		if err != nil {
			return false, err.Error(), nil //nolint:nilerr // not yet
		}
		return f.Value("customer360_engine_records_in_total", group) > 0, "no record was read", nil
	})
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	before, err := c.usage()
	if err != nil {
		return nil, 0, err
	}
	if err := c.AwaitQuiet(ctx, c.graph, c.product, c.node); err != nil {
		return nil, 0, err
	}
	took := time.Since(began)
	after, err := c.usage()
	if err != nil {
		return nil, 0, err
	}
	rate := float64(c.Records) / took.Seconds()
	return append(after.rows(m, before, float64(c.Records)),
		m.Row(result.Throughput, "records/s", rate), m.Row(result.Documents, "documents", float64(c.Keys))), rate, nil
}

// use is what all three have used.
type use struct{ product, node, broker plant.Usage }

func (c *course) usage() (u use, err error) {
	if u.product, err = c.product.Usage(); err != nil {
		return u, err
	}
	if u.node, err = c.node.Usage(); err != nil {
		return u, err
	}
	u.broker, err = c.BrokerUsage()
	return u, err
}

func (u use) rows(m plant.Measured, before use, records float64) []result.Row {
	return []result.Row{
		m.Row(result.CPU, "us/record", plant.Microseconds(u.product.CPU-before.product.CPU)/records),
		m.Row(result.BrokerCPU, "us/record", plant.Microseconds(u.broker.CPU-before.broker.CPU)/records),
		m.Row("node_cpu", "us/record", plant.Microseconds(u.node.CPU-before.node.CPU)/records),
		m.Row(result.RSSPeak, "MiB", u.product.RSS),
	}
}
