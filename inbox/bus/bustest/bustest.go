// Package bustest holds every bus to what the comments of bus.Bus promise.
package bustest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox/bus"
)

// Nodes are two nodes of one installation; with a bus for one process both are the same.
type Nodes struct {
	One, Other bus.Bus
	// Commit does what a node does when it has committed event seq: it calls One.Announce, after a
	// NOTIFY in the transaction where the bus relies on that.
	Commit func(seq int64)
	// Break cuts both nodes off so that they have to connect again; nil if nothing can be cut.
	Break func()
}

// patience bounds every wait; it only matters when something is broken.
const patience = 30 * time.Second

// Run runs the suite; start returns fresh nodes for each part.
func Run(t *testing.T, start func(t *testing.T) Nodes) {
	for name, part := range map[string]func(*testing.T, Nodes){
		"commit reaches everybody":    commitReachesEverybody,
		"slow reader sees the newest": slowReader,
		"numbers only rise":           numbersOnlyRise,
		"late reader looks at once":   lateReader,
		"presence reaches everybody":  presenceReachesEverybody,
		"slow presence is dropped":    slowPresence,
		"unfit presence is refused":   unfitPresence,
		"closing":                     closing,
		"after a break":               afterABreak,
	} {
		t.Run(name, func(t *testing.T) {
			nodes := start(t)
			for _, node := range []bus.Bus{nodes.One, nodes.Other} {
				t.Cleanup(func() { _ = node.Close() })
				AwaitHealthy(t, node)
			}
			part(t, nodes)
		})
	}
}

// AwaitHealthy waits until the node reaches the others. There is no event for it: Health is a question.
func AwaitHealthy(t *testing.T, node bus.Bus) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); node.Health() != nil; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not healthy after %v: %v", patience, node.Health())
		}
	}
}

// await reads signs until one carries seq.
func await(t *testing.T, s *bus.Subscription, seq int64) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case sign, open := <-s.Log:
			if !open || sign.Seq > seq {
				t.Fatalf("open %v with %d, want %d", open, sign.Seq, seq)
			}
			if sign.Seq == seq {
				return
			}
		case <-deadline:
			t.Fatalf("number %d did not arrive", seq)
		}
	}
}

func awaitGap(t *testing.T, s *bus.Subscription) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case sign := <-s.Log:
			if sign.Gap {
				return
			}
		case <-deadline:
			t.Fatal("nobody said to look")
		}
	}
}

func subscribers(nodes Nodes) []*bus.Subscription {
	return []*bus.Subscription{nodes.One.Subscribe(), nodes.One.Subscribe(), nodes.Other.Subscribe()}
}

func commitReachesEverybody(t *testing.T, nodes Nodes) {
	all := subscribers(nodes)
	for seq := int64(1); seq <= 3; seq++ {
		nodes.Commit(seq)
		for _, s := range all {
			await(t, s, seq)
		}
	}
}

func slowReader(t *testing.T, nodes Nodes) {
	all := subscribers(nodes)
	for seq := int64(1); seq <= 1000; seq++ {
		nodes.Commit(seq) // nobody reads, and it does not matter
	}
	for _, s := range all {
		await(t, s, 1000)
	}
	// On the committing node all is told before Commit returns: one sign, not a thousand.
	select {
	case sign := <-all[0].Log:
		if sign.Seq != 1000 || !sign.Gap {
			t.Errorf("another sign is waiting: %+v", sign)
		}
	default:
	}
}

func numbersOnlyRise(t *testing.T, nodes Nodes) {
	all := subscribers(nodes)
	nodes.Commit(7)
	nodes.One.Announce(3)
	nodes.Commit(8)
	for _, s := range all {
		for last := int64(0); last < 8; {
			select {
			case sign := <-s.Log:
				if sign.Seq < last {
					t.Fatalf("%d after %d", sign.Seq, last)
				}
				last = sign.Seq
			case <-time.After(patience):
				t.Fatal("number 8 did not arrive")
			}
		}
	}
}

func lateReader(t *testing.T, nodes Nodes) {
	nodes.Commit(5)
	late := nodes.One.Subscribe()
	if sign := <-late.Log; !sign.Gap || sign.Seq != 5 {
		t.Errorf("the first sign is %+v, want a gap at 5", sign)
	}
}

func awaitMessage(t *testing.T, s *bus.Subscription) string {
	t.Helper()
	select {
	case message := <-s.Presence:
		return string(message)
	case <-time.After(patience):
		t.Fatal("no presence message")
		return ""
	}
}

func presenceReachesEverybody(t *testing.T, nodes Nodes) {
	all := subscribers(nodes)
	// Two senders and two messages each: who hears one twice or not at all shows it by the next.
	for i, node := range []bus.Bus{nodes.One, nodes.One, nodes.Other, nodes.Other} {
		message := fmt.Sprintf(`{"user":"%d","name":"Зоя 小"}`, i)
		if err := node.Share([]byte(message)); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if got := awaitMessage(t, s); got != message {
				t.Errorf("got %s, want %s", got, message)
			}
		}
	}
	large := `"` + strings.Repeat("x", bus.MaxPresence-2) + `"`
	if err := nodes.One.Share([]byte(large)); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if got := awaitMessage(t, s); got != large {
			t.Errorf("the largest message arrives with %d bytes", len(got))
		}
	}
}

func slowPresence(t *testing.T, nodes Nodes) {
	slow := nodes.One.Subscribe()
	for range 2000 { // more than any queue holds, and Share still returns
		if err := nodes.One.Share([]byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	nodes.Commit(1)
	await(t, slow, 1)
	if awaitMessage(t, slow) != `{}` || len(slow.Presence) >= 2000 {
		t.Errorf("%d messages wait", len(slow.Presence))
	}
}

func unfitPresence(t *testing.T, nodes Nodes) {
	for _, message := range []string{"", "{", "\xff", `"` + strings.Repeat("x", bus.MaxPresence-1) + `"`} {
		if err := nodes.One.Share([]byte(message)); err == nil {
			t.Errorf("%.20q was taken", message)
		}
	}
}

func closing(t *testing.T, nodes Nodes) {
	one, other := nodes.One.Subscribe(), nodes.One.Subscribe()
	one.Close()
	one.Close()
	nodes.Commit(1)
	await(t, other, 1)
	if err := nodes.One.Share([]byte(`{}`)); err != nil {
		t.Error(err)
	}
	if err := nodes.One.Close(); err != nil {
		t.Fatal(err)
	}
	nodes.One.Announce(2) // a commit that was under way; nobody is left to tell
	for _, s := range []*bus.Subscription{one, other, nodes.One.Subscribe()} {
		for range s.Log {
		}
		for range s.Presence {
		}
	}
	other.Close()
}

func afterABreak(t *testing.T, nodes Nodes) {
	all := subscribers(nodes)
	nodes.Commit(1)
	for _, s := range all {
		await(t, s, 1)
	}
	if nodes.Break != nil {
		nodes.Break()
		for _, s := range []*bus.Subscription{all[0], all[2]} {
			awaitGap(t, s)
		}
		AwaitHealthy(t, nodes.One)
		AwaitHealthy(t, nodes.Other)
	}
	nodes.Commit(2)
	for _, s := range all {
		await(t, s, 2)
	}
}
