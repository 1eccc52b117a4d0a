package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

func noFlush(context.Context) error { return nil }

func TestGateDrains(t *testing.T) {
	g := newGate()
	g.open()
	if !g.enter() {
		t.Fatal("an open gate refuses")
	}
	g.stay()
	g.close()
	var late atomic.Bool
	entered := make(chan bool)
	go func() { ok := g.enter(); late.Store(true); entered <- ok }()
	time.AfterFunc(20*time.Millisecond, g.leave)
	time.AfterFunc(40*time.Millisecond, g.leave)
	begin := time.Now()
	if err := g.drain(context.Background(), 10*time.Second, noFlush); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d < 35*time.Millisecond || late.Load() {
		t.Errorf("drained after %v, somebody came in: %v", d, late.Load())
	}
	g.open()
	if !<-entered {
		t.Error("not let in after the commit")
	}
	g.close()
	if err := g.drain(context.Background(), 10*time.Millisecond, noFlush); err == nil {
		t.Error("a drain without end ends well")
	}
	go func() { entered <- g.enter() }()
	g.end()
	if <-entered {
		t.Error("let in after the end")
	}
}
