package csvdir

// State is what an importer does.
type State string

// The states.
const (
	Starting  State = "starting"
	Idle      State = "idle"      // nothing to do but to watch
	Importing State = "importing" // a file is being read or written
	Waiting   State = "waiting"   // another instance is importing
	Away      State = "away"      // the broker or a disk is away: starting over
	Stopped   State = "stopped"
)

// Status is what an importer shows of itself. Files hold no values of rows.
type Status struct {
	State      State
	Problem    string  // why it is away, or which file it cannot read
	Current    *File   // under way here
	Progress   float64 // 0 to 1 of Current
	Last       *File   // the newest import that is done
	Held       []File  // waiting for an operator, newest first
	Incomplete *File   // begun, and its file is gone
	Failed     *File   // the newest file, where it cannot be read
}

// Status returns a snapshot.
func (i *Importer) Status() Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.status
	if s.Problem == "" && len(i.folder.outside) > 0 {
		s.Problem = outsideProblem(i.folder.outside[0])
	}
	if i.ledger == nil {
		return s
	}
	s.Last, s.Incomplete, s.Failed = nil, nil, nil
	i.ledger(func(l *ledger) {
		s.Held = l.waiting()
		for n, f := range l.all() {
			switch {
			case n == 0 && f.Phase == Failed:
				s.Failed = &f
			case s.Last == nil && s.Incomplete == nil && f.Phase == Incomplete:
				s.Incomplete = &f
			case s.Last == nil && f.Phase == Done:
				s.Last = &f
			}
		}
	})
	i.status.Last, i.status.Held, i.status.Incomplete, i.status.Failed = s.Last, s.Held, s.Incomplete, s.Failed
	return s
}

// gauge shows what waits for an operator.
func (i *Importer) gauge() {
	s := i.Status()
	i.metrics.held.Set(float64(len(s.Held)))
	i.metrics.partial.Set(0)
	if s.Incomplete != nil {
		i.metrics.partial.Set(1)
	}
}

// Ready says that loyalty.files has been read and the folder is watched.
func (i *Importer) Ready() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ready
}

// Idle says that nothing waits and nothing is under way: every file in the
// folder, which is looked at now, has been decided about. A held file has.
func (i *Importer) Idle() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ready && i.looked && i.folder.idle()
}

// show keeps how far the current import has come.
func (i *Importer) show(f File) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status.Current, i.status.Progress = &f, 0
	if f.Rows > 0 {
		i.status.Progress = min(1, float64(f.Row+f.Withdrawn)/float64(f.Rows+f.Removes))
	}
	i.metrics.underWay.Set(float64(f.Row))
}
