package csvdir

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// watcher wakes the importer when the folder changes. Where events do not
// work (a network file system, too many watches, a folder that is not there
// yet) the poll is enough; a watcher only makes it sooner.
type watcher struct {
	dir     string
	log     *slog.Logger
	events  *fsnotify.Watcher // nil: they do not work here
	added   bool
	told    bool
	woken   chan struct{}
	stopped chan struct{}
	lost    chan struct{}
}

func newWatcher(dir string, log *slog.Logger) *watcher {
	w := &watcher{dir: dir, log: log, woken: make(chan struct{}, 1), stopped: make(chan struct{}), lost: make(chan struct{}, 1)}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("no events of the folder: polling it", "dir", dir, "error", err)
		close(w.stopped)
		return w
	}
	w.events = events
	w.renew()
	go w.run()
	return w
}

func (w *watcher) run() {
	defer close(w.stopped)
	for {
		select {
		case e, ok := <-w.events.Events:
			if !ok {
				return
			}
			if e.Name == w.dir && e.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
				notify(w.lost)
			}
			notify(w.woken)
		case _, ok := <-w.events.Errors: // an overflow: something happened
			if !ok {
				return
			}
			notify(w.woken)
		}
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *watcher) wake() <-chan struct{} { return w.woken }

// renew watches the folder where it is not watched yet, or was made anew.
func (w *watcher) renew() {
	if w.events == nil {
		return
	}
	select {
	case <-w.lost:
		w.added = false
	default:
	}
	if w.added {
		return
	}
	if err := w.events.Add(w.dir); err != nil {
		if !w.told {
			w.log.Warn("the folder cannot be watched yet: polling it", "dir", w.dir, "error", err)
		}
		w.told = true
		return
	}
	w.added, w.told = true, false
}

func (w *watcher) close() {
	if w.events != nil {
		_ = w.events.Close()
	}
	<-w.stopped
}
