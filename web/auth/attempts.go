package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// limit allows so many attempts per window under one name; they come back evenly.
type limit struct {
	name   string
	count  float64
	window time.Duration
}

// The limits on proving who one is. One address is stopped before it can use up what all share. They
// are counted by each node for itself.
func accountLimit(account string) limit { return limit{"account " + account, 10, 15 * time.Minute} }
func addressLimit(address string) limit {
	return limit{"address " + network(address), 40, 15 * time.Minute}
}

var everybodyLimit = limit{"everybody", 120, 12 * time.Second}

// network is the address, or the /64 of an IPv6 address, which one household has whole.
func network(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return address
}

// attempts counts. What it keeps is bounded: names are only added by attempts that were allowed, and
// forgotten once all their attempts have come back.
type attempts struct {
	now     func() time.Time
	mu      sync.Mutex
	buckets map[string]*bucket
	tidied  time.Time
}

type bucket struct {
	limit limit
	left  float64
	at    time.Time
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, buckets: map[string]*bucket{}, tidied: now()}
}

// fill gives back what has come back since the bucket was looked at.
func (b *bucket) fill(now time.Time) {
	if since := now.Sub(b.at); since > 0 {
		b.left = min(b.limit.count, b.left+b.limit.count*float64(since)/float64(b.limit.window))
	}
	b.at = now
}

// take uses one attempt of each limit, or of none, and then returns how long to wait.
func (a *attempts) take(limits ...limit) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	a.tidy(now)
	for _, l := range limits {
		if b := a.buckets[l.name]; b != nil {
			if b.fill(now); b.left < 1 {
				wait = max(wait, time.Duration((1-b.left)/l.count*float64(l.window)))
			}
		}
	}
	if wait > 0 {
		return wait
	}
	for _, l := range limits {
		b := a.buckets[l.name]
		if b == nil {
			b = &bucket{limit: l, left: l.count, at: now}
			a.buckets[l.name] = b
		}
		b.left--
	}
	return 0
}

// giveBack returns the attempt of somebody who proved who he is: of the first limit, his own, all.
func (a *attempts) giveBack(own limit, others ...limit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.buckets, own.name)
	for _, l := range others {
		if b := a.buckets[l.name]; b != nil {
			b.left = min(l.count, b.left+1)
		}
	}
}

// tidy forgets, once a minute, who has all attempts back.
func (a *attempts) tidy(now time.Time) {
	if since := now.Sub(a.tidied); since >= 0 && since < time.Minute {
		return
	}
	a.tidied = now
	for name, b := range a.buckets {
		if b.fill(now); b.left >= b.limit.count {
			delete(a.buckets, name)
		}
	}
}

// prove takes an attempt to prove who one is. Limited, with the time to come back, if there were too
// many for this account, from this address or by everybody.
func (s *Service) prove(by Identity, account string) (succeeded func(), err error) {
	own, address := accountLimit(account), addressLimit(by.Address)
	if wait := s.attempts.take(own, address); wait > 0 {
		return nil, s.limited(wait)
	}
	if wait := s.attempts.take(everybodyLimit); wait > 0 {
		return nil, s.limited(wait)
	}
	return func() { s.attempts.giveBack(own, address, everybodyLimit) }, nil
}

func (s *Service) limited(wait time.Duration) error {
	return &inbox.Error{Code: inbox.Limited, Msg: "too many attempts; wait before you try again", RetryAt: s.Store.Now().Add(wait)}
}
