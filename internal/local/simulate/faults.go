package simulate

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault is a way for the Online Store to misbehave. The zero Fault is none.
type Fault struct {
	Path   string        // only for paths that contain it; empty: all
	Share  float64       // of the requests, evenly: 0.25 is every fourth; 1 is all
	Status int           // answered instead of the answer; 0 with a Body: 200
	Body   string        // garbage, sent as JSON
	Delay  time.Duration // before the answer, or before the fault's own answer
	// RetryAfter is sent as a header with Status, in whole seconds.
	RetryAfter time.Duration
}

// faults decides by counting which requests meet the fault, so that a share is
// exact and tests do not depend on luck.
type faults struct {
	mu   sync.Mutex
	now  Fault
	seen int
}

func (f *faults) set(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now, f.seen = fault, 0
}

func (f *faults) next(path string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now.Share <= 0 || !strings.Contains(path, f.now.Path) {
		return Fault{}, false
	}
	before := int(float64(f.seen) * f.now.Share)
	f.seen++
	return f.now, int(float64(f.seen)*f.now.Share) > before
}

// meet lets a request run into a fault; true: it has its answer.
func (f *faults) meet(w http.ResponseWriter, r *http.Request) bool {
	fault, hit := f.next(r.URL.Path)
	if !hit {
		return false
	}
	if fault.Delay > 0 {
		late := time.NewTimer(fault.Delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
			return true
		}
	}
	if fault.Status == 0 && fault.Body == "" {
		return false
	}
	if fault.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(fault.RetryAfter))
	}
	w.Header().Set("Content-Type", jsonType)
	if fault.Status != 0 {
		w.WriteHeader(fault.Status)
	}
	w.Write([]byte(fault.Body)) //nolint:errcheck // the client went away: nothing to tell it
	return true
}
