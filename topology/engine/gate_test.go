package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

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
	long, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.drain(long); err != nil {
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
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := g.drain(short); err == nil {
		t.Error("a drain without end ends well")
	}
	go func() { entered <- g.enter() }()
	g.end()
	if <-entered {
		t.Error("let in after the end")
	}
}

// Waiting for room is not the commit's pause.
func TestGateTellsFullFromClosed(t *testing.T) {
	g := newGate()
	g.open()
	if full := g.close(); full != 0 {
		t.Errorf("full for %v, and never filled", full)
	}
	g.open()
	g.fill()
	g.fill() // every callback that comes along
	time.Sleep(30 * time.Millisecond)
	if !g.shut.Load() {
		t.Error("a full gate lets callbacks go on")
	}
	if full := g.close(); full < 30*time.Millisecond {
		t.Errorf("full for %v", full)
	}
	if full := g.close(); full != 0 {
		t.Errorf("full for %v after a commit has closed it", full)
	}
	g.fill() // closed already
	g.open()
	if full := g.close(); full != 0 {
		t.Errorf("full for %v, and opened meanwhile", full)
	}
}
