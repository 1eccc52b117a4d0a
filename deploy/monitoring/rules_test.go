package monitoring

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// Each rule fires over the first series and is silent over the second, 60
// minutes after they began. A line is a series in the notation of promtool: 0+5x60
// is 0, 5, ... 300.
var firing = map[string][2]string{
	"Customer360Down":                {`up{job="customer360",instance="a"} 0x60`, `up{job="customer360",instance="a"} 1x60`},
	"Customer360GroupNotReady":       {`customer360_engine_ready{group="merge.g1",instance="a"} 0x60`, "customer360_engine_ready{group=\"merge.g1\",instance=\"a\"} 0x60\n customer360_engine_ready{group=\"merge.g1\",instance=\"b\"} 1x60"},
	"Customer360LagGrows":            {`customer360_engine_lag_records{group="merge.g1",instance="a"} 0+100x60`, `customer360_engine_lag_records{group="merge.g1",instance="a"} 9000-100x60`},
	"Customer360CommitsStandStill":   {"customer360_engine_last_commit_timestamp_seconds{group=\"g\"} 3000x60\n customer360_engine_lag_records{group=\"g\"} 7x60", "customer360_engine_last_commit_timestamp_seconds{group=\"g\"} 3590x60\n customer360_engine_lag_records{group=\"g\"} 7x60"},
	"Customer360ProcessorRebuilt":    {`customer360_engine_rebuilds_total{group="g"} 0+1x60`, `customer360_engine_rebuilds_total{group="g"} 7x60`},
	"Customer360RecoveryStuck":       {"customer360_engine_recovering{group=\"g\"} 1x60\n customer360_engine_recovery_records_per_second{group=\"g\"} 0x60", "customer360_engine_recovering{group=\"g\"} 1x60\n customer360_engine_recovery_records_per_second{group=\"g\"} 900x60"},
	"Customer360SinkStandsStill":     {"customer360_couchbase_last_write_timestamp_seconds{instance=\"a\",sink=\"s\"} 3000x60\n customer360_couchbase_in_flight_messages{instance=\"a\",sink=\"s\"} 7x60", "customer360_couchbase_last_write_timestamp_seconds{instance=\"a\",sink=\"s\"} 3000x60\n customer360_couchbase_in_flight_messages{instance=\"a\",sink=\"s\"} 0x60"},
	"Customer360CouchbaseRefuses":    {`customer360_couchbase_failed_operations_total{class="refused"} 0+1x60`, `customer360_couchbase_failed_operations_total{class="transient"} 0+1x60`},
	"Customer360CouchbaseFailedOver": {`customer360_couchbase_failed_over_vbuckets_total{sink="s"} 0x50 512x10`, `customer360_couchbase_failed_over_vbuckets_total{sink="s"} 512x60`},
	"Customer360StoreCircuitOpen":    {`customer360_restpoll_circuit_open{instance="a"} 1x60`, `customer360_restpoll_circuit_open{instance="a"} 0x60`},
	"Customer360PollsLate":           {`customer360_restpoll_lag_seconds{instance="a"} 1801x60`, `customer360_restpoll_lag_seconds{instance="a"} 30x60`},
	"Customer360FileHeld":            {`customer360_csvdir_held_files{instance="a"} 1x60`, `customer360_csvdir_held_files{instance="a"} 0x60`},
	"Customer360NoNightlyFile":       {`customer360_csvdir_last_import_timestamp_seconds{instance="a"} -200000x60`, `customer360_csvdir_last_import_timestamp_seconds{instance="a"} 10x60`},
	"Customer360ImporterFails":       {`customer360_csvdir_errors_total{instance="a"} 0+1x60`, `customer360_csvdir_errors_total{instance="a"} 9x60`},
	"Customer360DeadLetters":         {`customer360_processors_dead_letters_total{source="loyalty"} 0+2x60`, `customer360_processors_dead_letters_total{source="loyalty"} 500x60`},
	"Customer360Quarantined":         {`customer360_processors_quarantined_total{instance="a"} 0x50 1x10`, `customer360_processors_quarantined_total{instance="a"} 1x60`},
	"Customer360HangingTransactions": {`customer360_hanging_transactions_total{result="aborted"} 0x50 1x10`, `customer360_hanging_transactions_total{result="aborted"} 1x60`},
}

func TestRulesFire(t *testing.T) {
	engine := promqltest.NewTestEngine(t, false, 0, 100_000)
	for _, r := range rules(t) {
		c, ok := firing[r.Alert]
		if !ok {
			t.Errorf("%s is not tried", r.Alert)
			continue
		}
		for i, series := range c {
			at := time.Unix(3600, 0)
			if r.Alert == "Customer360NoNightlyFile" && i == 0 { // only times after 0 count
				series, at = `customer360_csvdir_last_import_timestamp_seconds{instance="a"} 10x2400`, time.Unix(140_000, 0)
			}
			storage := promqltest.LoadedStorage(t, "load 1m\n "+series)
			query, err := engine.NewInstantQuery(t.Context(), storage, nil, r.Expr, at)
			if err != nil {
				t.Fatal(err)
			}
			result := query.Exec(t.Context())
			vector, err := result.Vector()
			if err != nil {
				t.Fatalf("%s: %v", r.Alert, err)
			}
			if fires := len(vector) > 0; fires != (i == 0) {
				t.Errorf("%s over %s: %v", r.Alert, series, vector)
			}
			query.Close()
			storage.Close()
		}
	}
}
