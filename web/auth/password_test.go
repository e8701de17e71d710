package auth_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/web/auth"
)

func TestPasswords(t *testing.T) {
	ctx := t.Context()
	p := auth.NewPasswords(time.Now)
	stored, err := p.Hash(ctx, "Zoë's long pass")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", stored, err)
	}
	if again, err := p.Hash(ctx, "Zoë's long pass"); err != nil || again == stored {
		t.Errorf("two hashes of one password are the same, %v", err)
	}
	for name, tt := range map[string]struct {
		stored, password string
		want             bool
	}{
		"right":                  {stored, "Zoë's long pass", true},
		"typed with a dead key":  {stored, "Zoe\u0308's long pass", true},
		"wrong":                  {stored, "Zoe's long pass", false},
		"empty":                  {stored, "", false},
		"no account":             {"", "Zoë's long pass", false},
		"no account, empty":      {"", "", false},
		"longer than is allowed": {stored, strings.Repeat("x", 10_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := p.Matches(ctx, tt.stored, tt.password); err != nil || got != tt.want {
				t.Errorf("Matches = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
	for _, bad := range []string{"x", "$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHQ$AAAA", "$argon2i$v=19$m=1,t=1,p=1$$", strings.Replace(stored, "t=2", "t=0", 1)} {
		if got, err := p.Matches(ctx, bad, "x"); err == nil || got {
			t.Errorf("Matches of %q = %v, %v; want an error", bad, got, err)
		}
	}
}

// However many come at once, two are worked on, some wait, and the rest is told to come back.
func TestPasswordWorkIsBounded(t *testing.T) {
	p := auth.NewPasswords(time.Now)
	var now, most, limited atomic.Int32
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			err := p.Work(context.Background(), func() {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				begun <- struct{}{}
				<-release
				now.Add(-1)
			})
			if inbox.CodeOf(err) == inbox.Limited {
				if limited.Add(1) == 28 { // 2 work, 30 wait
					close(release)
				}
			}
		})
	}
	all.Wait()
	if most.Load() != 2 || limited.Load() != 28 || len(begun) != 32 {
		t.Errorf("at most %d at once, %d refused, %d done; want 2, 28, 32", most.Load(), limited.Load(), len(begun))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	busy := make(chan struct{})
	for range 2 {
		all.Go(func() { _ = p.Work(context.Background(), func() { begun <- struct{}{}; <-busy }) })
	}
	for range 34 {
		<-begun
	}
	if err := p.Work(ctx, func() { t.Error("worked for somebody who had left") }); err == nil {
		t.Error("somebody who left was waited for")
	}
	close(busy)
	all.Wait()
}
