package outbox

import (
	"errors"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

func TestJudgeWaitsLongerAndGivesUp(t *testing.T) {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	down := inbox.Errorf(inbox.Unavailable, "down")
	now := start
	var before time.Duration
	for tries := 1; ; tries++ {
		v := judge("", down, &try{first: start, tries: tries}, now)
		if v.outcome == store.AttemptFailed {
			if now.Sub(start) < giveUp-time.Hour || v.reason.Code != "send_gave_up" {
				t.Errorf("gave up after %v with %v", now.Sub(start), v.reason)
			}
			break
		}
		wait := v.at.Sub(now)
		if v.outcome != store.AttemptRetry || wait < before*3/5 || wait > longestGap*6/5 || wait < firstGap*4/5 {
			t.Fatalf("try %d: %s after %v (before: %v)", tries, v.outcome, wait, before)
		}
		if tries > 100 {
			t.Fatal("never gives up")
		}
		now, before = v.at, wait
	}
}

func TestJudgeObeysTheTimeNamed(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		after   time.Duration
		outcome store.Outcome
	}{
		"later than the gap": {2 * time.Hour, store.AttemptRetry},
		"sooner":             {time.Second, store.AttemptRetry},
		"beyond a day":       {25 * time.Hour, store.AttemptFailed},
	} {
		err := &inbox.Error{Code: inbox.Limited, Msg: "quota", RetryAt: now.Add(tt.after)}
		v := judge("", err, &try{first: now, tries: 1}, now)
		if v.outcome != tt.outcome || v.outcome == store.AttemptRetry && (v.at.Before(err.RetryAt) || v.at.Before(now.Add(firstGap*4/5))) {
			t.Errorf("%s: %s at %v, want %s not before %v", name, v.outcome, v.at, tt.outcome, err.RetryAt)
		}
	}
}

func TestJudgeNeverRepeatsWhatMayHaveArrived(t *testing.T) {
	now := time.Now()
	for _, err := range []error{errors.New("connection reset"), inbox.Errorf(inbox.UncertainOf, "no answer"), inbox.Errorf("", "?")} {
		if v := judge("", err, &try{first: now, tries: 1}, now); v.outcome != store.AttemptUncertain {
			t.Errorf("%v: %s, want uncertain", err, v.outcome)
		}
	}
}

// A dead connection may use a few workers, not more, and large files a bounded memory.
func TestGate(t *testing.T) {
	g := newGate()
	var leave []func()
	for range sendsPerConnection {
		l, _ := g.enter(1, 10)
		if l == nil {
			t.Fatal("no room at the beginning")
		}
		leave = append(leave, l)
	}
	var before time.Duration
	for i := range 50 {
		l, wait := g.enter(1, 10)
		if l != nil || wait <= 0 || wait > longWait || wait < before/2 {
			t.Fatalf("call %d beyond the limit: wait %v", i, wait)
		}
		before = wait
	}
	if before < 50*shortestStep {
		t.Errorf("the last of 50 comes after %v: all come at once", before)
	}
	if l, _ := g.enter(2, 10); l == nil {
		t.Error("another connection has to wait")
	}
	leave[0]()
	if l, _ := g.enter(1, 10); l == nil {
		t.Error("a place that became free is not given")
	}

	g = newGate()
	first, _ := g.enter(1, largeAtOnce)
	if l, _ := g.enter(2, largeMessage); l != nil {
		t.Error("large files beyond the bound were admitted")
	}
	if l, _ := g.enter(3, 10); l == nil {
		t.Error("a small message waits for large ones")
	}
	first()
	if l, _ := g.enter(2, largeMessage); l == nil {
		t.Error("memory that became free is not given")
	}
}

func TestReferencesAreBounded(t *testing.T) {
	var chain []string
	for i := range 100 {
		chain = references(string(rune('A'+i)), chain)
	}
	if len(chain) != referencesKept || chain[0] != "A" || chain[len(chain)-1] != string(rune('A'+99)) {
		t.Errorf("chain of %d from %q to %q", len(chain), chain[0], chain[len(chain)-1])
	}
	if references("", []string{"x"}) != nil {
		t.Error("references without a message to refer to")
	}
}

func TestReplySubject(t *testing.T) {
	for subject, want := range map[string]string{"Lamp": "Re: Lamp", "RE: Lamp": "RE: Lamp", " re:Lamp ": "re:Lamp", "": "Re:", "Recipe": "Re: Recipe"} {
		if got := replySubject(subject); got != want {
			t.Errorf("replySubject(%q) = %q, want %q", subject, got, want)
		}
	}
}
