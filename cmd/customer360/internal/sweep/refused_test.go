package sweep

import "testing"

func TestSweepIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("nothing there", func(t *testing.T) {
		t.Parallel()
		start(t, 4).refuses(ErrNoSnapshot, "snapshot.mode")
	})
	t.Run("only streamed", func(t *testing.T) {
		t.Parallel()
		x := start(t, 4)
		x.stream("c", 1, 2)
		x.refuses(ErrNoSnapshot, "snapshot.mode")
	})
	t.Run("incremental", func(t *testing.T) {
		t.Parallel()
		x := start(t, 4)
		x.stream("c", 1, 2)
		x.write(x.row(1, "r", `"incremental"`, 500))
		x.refuses(ErrNoSnapshot, "incremental")
	})
	t.Run("0.9", func(t *testing.T) {
		t.Parallel()
		x := start(t, 4)
		x.write(x.row(1, "c", `true`, 500), x.row(2, "c", `true`, 500))
		x.refuses(ErrIncomplete, "0.9")
	})
	t.Run("under way", func(t *testing.T) {
		t.Parallel()
		x := start(t, 4)
		x.snapshot(1, 2, 7)
		x.write(x.row(1, "r", `"first"`, 9000))
		x.refuses(ErrIncomplete, "b.000003:9000")
	})
	t.Run("flattened", func(t *testing.T) {
		t.Parallel()
		x := start(t, 4)
		x.write(x.record(1, `{"id":1,"email":"a@example.org"}`))
		x.refuses(ErrNoSnapshot, "add.fields")
	})
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		x := start(t, 4)
		var all, gone []int
		for id := range 100 {
			all = append(all, id)
		}
		gone = all[80:]
		x.snapshot(all...)
		x.snapshot(all[:80]...)
		x.refuses(ErrTooMany, "20 of 100 (20.0%, the limit is 10.0%)")
		if r, err := x.sweep(func(c *Config, _ *Deps) { c.DryRun = true }); err != nil || r.Swept != 20 || r.Share != 0.2 {
			t.Errorf("a dry run: %+v, %v", r, err)
		}
		x.refuses(ErrTooMany, "19.0%", func(c *Config, _ *Deps) { c.MaxShare = 0.19 })
		x.sweeps(gone, func(c *Config, _ *Deps) { c.Accept = true })
		x.sweeps(nil)
	})
}
