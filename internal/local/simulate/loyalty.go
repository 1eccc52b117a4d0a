package simulate

import "strings"

// loyalty is the table of members as of a night. It is not safe for concurrent
// use.
type loyalty struct {
	p       *population
	night   int64               // 0: nothing was exported yet
	changed map[int64]*enrolled // by id; nil: left
	nextID  int64

	newcomers int64
	emails    int64
	left      []leaver
}

// enrolled is a member whose row differs from the population's.
type enrolled struct {
	person int64
	email  string // empty: the person's own
}

type leaver struct {
	id     int64
	person int64
}

func newLoyalty(p *population) *loyalty {
	return &loyalty{p: p, changed: make(map[int64]*enrolled), nextID: p.nextMemberID()}
}

// sleep lets the next night come: everybody's points move with the night's
// number, a few members leave, join, come back or change their address.
func (l *loyalty) sleep() {
	l.night++
	if l.night == 1 {
		return
	}
	d := roll(l.p.seed, ofNight, l.night)
	for range 2 + min(l.p.n/2000, 20) {
		switch d.Below(8) {
		case 0, 1, 2:
			l.join()
		case 3, 4:
			l.leave(&d)
		case 5:
			l.comeBack(&d)
		case 6:
			l.changeEmail(&d)
		case 7:
			l.changeCase(&d)
		}
	}
}

func (l *loyalty) find(id int64) (enrolled, bool) {
	if e, ok := l.changed[id]; ok {
		if e == nil {
			return enrolled{}, false
		}
		return *e, true
	}
	i, ok := l.p.memberPerson(id)
	return enrolled{person: i}, ok
}

func (l *loyalty) member(id int64) (Member, bool) {
	e, ok := l.find(id)
	if !ok {
		return Member{}, false
	}
	m := l.p.member(e.person, id, l.night)
	if e.email != "" {
		m.Email = e.email
	}
	return m, true
}

// members yields the last export, by id; nothing before the first night.
func (l *loyalty) members(yield func(Member) bool) {
	if l.night == 0 {
		return
	}
	for id := int64(1); id < l.nextID; id++ {
		if m, ok := l.member(id); ok && !yield(m) {
			return
		}
	}
}

func (l *loyalty) anyMember(d *dice) (int64, enrolled, bool) {
	for range 16 {
		id := 1 + d.below64(l.nextID-1)
		if e, ok := l.find(id); ok && e.person != 0 {
			return id, e, true
		}
	}
	return 0, enrolled{}, false
}

func (l *loyalty) join() {
	l.changed[l.nextID] = &enrolled{person: l.p.n + 1 + 2*l.newcomers} // Home Delivery's have the numbers between
	l.newcomers++
	l.nextID++
}

func (l *loyalty) leave(d *dice) {
	id, e, ok := l.anyMember(d)
	if !ok {
		return
	}
	l.changed[id] = nil
	if l.left = append(l.left, leaver{id, e.person}); len(l.left) > maxGraves {
		l.left = l.left[1:]
	}
}

func (l *loyalty) comeBack(d *dice) {
	if len(l.left) == 0 {
		return
	}
	k := d.Below(len(l.left))
	l.changed[l.left[k].id] = &enrolled{person: l.left[k].person}
	l.left = append(l.left[:k:k], l.left[k+1:]...)
}

func (l *loyalty) changeEmail(d *dice) {
	id, e, ok := l.anyMember(d)
	if !ok {
		return
	}
	l.emails++
	// Its own counter, and an i before it: Home Delivery's new addresses are others.
	e.email = strings.Replace(newEmail(l.p.identity(e.person).email, l.emails), "~r", "~i", 1)
	l.changed[id] = &e
}

// changeCase is a change of spelling only: the document stays the same one.
func (l *loyalty) changeCase(d *dice) {
	id, e, ok := l.anyMember(d)
	if !ok {
		return
	}
	if e.email == "" {
		e.email = l.p.identity(e.person).email
	}
	e.email = strings.ToUpper(e.email[:1]) + e.email[1:]
	l.changed[id] = &e
}
