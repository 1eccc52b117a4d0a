package restpoll

import (
	"testing"
	"time"
)

func TestProductsYieldButAreNotStarved(t *testing.T) {
	c := newClock(t, nil)
	c.own(0, emails(200, entry{}))
	c.s.productSeen([]byte("100"))
	c.s.productSeen([]byte("100"))
	c.s.productSeen([]byte("200"))
	c.only(200) // what is published already is not known yet
	c.s.productsReady()
	c.s.productKnown("200")
	if jobs := c.only(1); jobs[0].agenda != nil || jobs[0].key != "100" {
		t.Fatalf("%+v", jobs[0])
	}
	c.own(1, emails(200, entry{}))
	c.s.productSeen([]byte("300"))
	at := -1
	for i, j := range c.only(201) {
		if j.agenda == nil {
			at = i
		}
	}
	if at < 1 || at > productShare {
		t.Errorf("the product is request %d", at)
	}
}

func TestProductsWaitForTheStore(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures = 1 })
	c.own(0, emails(1, entry{}))
	j := c.only(1)[0]
	c.s.done(c.now, j, unhealthy, time.Time{})
	c.s.productsReady()
	c.s.productSeen([]byte("100"))
	c.after(time.Hour)
	c.only(0)
}

func TestUnknownProduct(t *testing.T) {
	c := newClock(t, func(cfg *Config) { cfg.CircuitFailures = 1 })
	c.s.productsReady()
	c.s.productSeen([]byte("999"))
	requests := 0
	for range 3600 {
		jobs, _ := c.start()
		for _, j := range jobs {
			requests++
			c.s.productFailed(c.now, j.key)
			if c.s.done(c.now, j, unknown, time.Time{}) != circuitKept {
				t.Fatal("an unknown product opens the circuit")
			}
		}
		c.s.productSeen([]byte("999"))
		c.after(time.Second)
	}
	if requests != 3 {
		t.Errorf("%d requests for an unknown product", requests)
	}
}
