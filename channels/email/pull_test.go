package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/inbox"
)

// reasonOf returns the code of the reason an error gives, and fails the test if it gives none.
func reasonOf(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*inbox.Error](err)
	if !ok || e.Reason == nil {
		t.Fatalf("no reason: %v", err)
	}
	return e.Reason.Code
}

func TestImportWindow(t *testing.T) {
	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) } // the connection is made at -1
	for name, tt := range map[string]struct {
		days int
		want string
	}{
		"only new mail": {0, "INBOX|1|3 INBOX|1|5"},
		"one day":       {1, "INBOX|1|2 INBOX|1|3 INBOX|1|5"},
		"a month":       {30, "INBOX|1|1 INBOX|1|2 INBOX|1|3 INBOX|1|5"},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{})
			for n, at := range []time.Time{hour(-40), hour(-20), hour(-1), hour(-24 * 40), hour(0)} {
				box.Deliver(letter(n+1), at)
			}
			a := open(t, s, func(set map[string]any) { set["import_days"] = tt.days })
			items, cursor := pull(t, a, "")
			if got := keys(items); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			box.Deliver(letter(6), hour(-24*300)) // moved here later: new to this folder whatever its date
			if items, _ = pull(t, a, cursor); keys(items) != "INBOX|1|6" {
				t.Errorf("afterwards %q", keys(items))
			}
		})
	}
}

func TestImportGoesOnInItsWindowAfterAnInterruption(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	for n := 1; n <= 250; n++ {
		at := now.Add(-30 * time.Minute)
		if n%2 == 0 {
			at = now.AddDate(0, 0, -60) // outside the window, in between
		}
		box.Deliver(letter(n), at)
	}
	a := open(t, s, nil)
	var cursor string
	var got int
	full := errors.New("disk full")
	err := a.Pull(t.Context(), "", func(p channels.Page) error {
		if got > 0 {
			return full
		}
		got, cursor = len(p.Keys), p.Cursor
		return nil
	})
	if !errors.Is(err, full) || got != 100 {
		t.Fatalf("%d items, then %v", got, err)
	}
	box.Deliver(letter(251), now.AddDate(0, 0, -90)) // arrives while the import is interrupted
	items, _ := pull(t, open(t, s, nil), cursor)
	if len(items) != 26 || items[25].SourceKey != "INBOX|1|251" {
		t.Errorf("%d items: %s", len(items), keys(items))
	}
}

func TestRenumberedFolderComesAgainAsTheSame(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	box.Deliver(letter(1), now.Add(-time.Minute))
	box.Deliver(letter(2), now.Add(-time.Minute))
	a := open(t, s, nil)
	first, cursor := pull(t, a, "")
	box.Renumber("INBOX")
	second, _ := pull(t, a, cursor)
	if keys(second) != "INBOX|3|1 INBOX|3|2" {
		t.Fatalf("%q", keys(second))
	}
	for i := range first {
		if !bytes.Equal(first[i].Sameness, second[i].Sameness) {
			t.Errorf("mail %d is another one now", i+1)
		}
	}
	if bytes.Equal(first[0].Sameness, first[1].Sameness) {
		t.Error("two mails are the same")
	}
}

func TestSeveralFoldersAndOneThatIsMissing(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	box.CreateFolder("Orders/Täglich")
	box.Deliver(letter(1), now)
	box.DeliverTo("Orders/Täglich", letter(2), now)
	box.DeliverTo("Sent", letter(3), now)
	a := open(t, s, func(set map[string]any) {
		set["imap"].(map[string]any)["folders"] = []string{"inbox", "Gone", "Orders/Täglich", "Sent"}
		set["sent_folder"] = "Sent"
	})
	items, cursor, err := tryPull(t, a, "")
	if got := keys(items); got != "INBOX|1|1 Orders/Täglich|3|1 Sent|2|1" {
		t.Errorf("%q", got)
	}
	if inbox.CodeOf(err) != inbox.NotFound || reasonOf(t, err) != imapFolderMissing {
		t.Errorf("error %v", err)
	}
	if !items[2].Outbound || items[1].Outbound {
		t.Error("the Sent folder holds what the shop wrote, others do not")
	}
	if items, _, _ := tryPull(t, a, cursor); len(items) != 0 {
		t.Errorf("again %q", keys(items))
	}
}

func TestMailThatCannotBeFetchedIsSetAsideAndTheRestComes(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	for n := 1; n <= 6; n++ {
		box.Deliver(letter(n), now)
	}
	s.SetFaults(emailtest.Faults{BreakFetch: []uint32{2, 5}, OmitFetch: []uint32{3}})
	items, _ := pull(t, open(t, s, nil), "")
	if got := keys(items); got != "INBOX|1|1 INBOX|1|2 INBOX|1|3 INBOX|1|4 INBOX|1|5 INBOX|1|6" {
		t.Fatalf("%q", got)
	}
	for i, item := range items {
		bad := i == 1 || i == 4
		if bad != (item.Problem != nil && item.Problem.Code == mailUnfetched) {
			t.Errorf("mail %d: problem %v", i+1, item.Problem)
		}
		if !bad && item.Subject != fmt.Sprintf("Parcel %d", i+1) {
			t.Errorf("mail %d came with the subject %q", i+1, item.Subject)
		}
	}
	s.SetFaults(emailtest.Faults{})
	again, err := open(t, s, nil).Reread(t.Context(), "INBOX|1|2", now, nil)
	if err != nil || again.Problem != nil || again.Subject != "Parcel 2" {
		t.Errorf("read again: %+v, %v", again.Problem, err)
	}
}

func TestRereadFromKeptBytesAndOfMailThatIsGone(t *testing.T) {
	s, _ := provider(t, emailtest.Options{})
	a := open(t, s, nil)
	if again, err := a.Reread(t.Context(), "a|b|1|7", now, letter(3)); err != nil || again.Subject != "Parcel 3" || again.SourceKey != "a|b|1|7" {
		t.Errorf("%+v, %v", again, err)
	}
	for _, key := range []string{"INBOX|1|7", "INBOX|99|1", "Gone|1|1"} {
		if _, err := a.Reread(t.Context(), key, now, nil); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"", "INBOX", "INBOX|1", "INBOX|x|1", "INBOX|1|-1"} {
		if _, err := a.Reread(t.Context(), key, now, nil); inbox.CodeOf(err) != inbox.Invalid {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestMailOverTheLimitIsSetAsideUnfetched(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	box.Deliver(append(letter(1), make([]byte, mailLimit)...), now)
	box.Deliver(letter(2), now)
	items, _ := pull(t, open(t, s, nil), "")
	if len(items) != 2 || items[0].Problem == nil || items[0].Problem.Code != mailTooLarge || items[0].Raw != nil || items[1].Problem != nil {
		t.Errorf("%q, first problem %v", keys(items), items[0].Problem)
	}
}

func TestPagesAreBoundedByBytesAndGiveTheirMemoryBack(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	big := bytes.Repeat([]byte("All work and no play makes a dull parcel.\r\n"), 120_000) // 5 MB
	for n := 1; n <= 4; n++ {
		box.Deliver(append(letter(n), big...), now)
	}
	memory := channels.NewMemory(30 << 20)
	a := openWith(t, channels.Config{Settings: settingsFor(s, nil), Secret: map[string]string{"password": password},
		LiveFrom: now.Add(-time.Hour), Now: func() time.Time { return now }, Memory: memory})
	var pages []int
	err := a.Pull(t.Context(), "", func(p channels.Page) error {
		if len(p.Keys) > 0 {
			pages = append(pages, len(p.Keys))
		}
		return nil
	})
	if err != nil || !slices.Equal(pages, []int{1, 1, 1, 1}) {
		t.Errorf("pages %v, %v", pages, err)
	}
	ctx, done := context.WithTimeout(t.Context(), time.Second)
	defer done()
	if _, err := memory.Take(ctx, 30<<20); err != nil {
		t.Errorf("memory was not given back: %v", err)
	}
}

func TestPullSurvivesARestartOfTheServer(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	box.Deliver(letter(1), now)
	a := open(t, s, nil)
	_, cursor := pull(t, a, "")
	if err := s.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tryPull(t, a, cursor); inbox.CodeOf(err) != inbox.Unavailable || reasonOf(t, err) != imapUnreachable {
		t.Errorf("while it is down: %v", err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	box.Deliver(letter(2), now)
	if items, _ := pull(t, a, cursor); keys(items) != "INBOX|1|2" {
		t.Errorf("afterwards %q", keys(items))
	}
	// A kept connection that died unseen is replaced within one pull.
	if err := errors.Join(s.Interrupt(), s.Resume()); err != nil {
		t.Fatal(err)
	}
	if items, _ := pull(t, a, cursor); keys(items) != "INBOX|1|2" {
		t.Errorf("after another restart %q", keys(items))
	}
}

func TestAServerThatStopsAnsweringIsLeft(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	box.Deliver(letter(1), now)
	a := open(t, s, nil)
	a.stall = 50 * time.Millisecond
	s.SetFaults(emailtest.Faults{HangAtFetch: true})
	for range mailTries - 1 {
		if _, _, err := tryPull(t, a, ""); inbox.CodeOf(err) != inbox.Unavailable {
			t.Errorf("%v", err)
		}
	}
	items, _ := pull(t, a, "")
	if len(items) != 1 || items[0].Problem == nil || items[0].Problem.Code != mailUnfetched {
		t.Errorf("a mail over which the server falls silent each time holds up the rest: %+v", items)
	}
	s.SetFaults(emailtest.Faults{})
	a.stall = stallLimit
	if items, _ := pull(t, a, ""); len(items) != 1 || items[0].Problem != nil {
		t.Errorf("afterwards %q", keys(items))
	}
}

func TestAServerThatFloodsIsLeft(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, "* OK ")
				for err == nil {
					_, err = conn.Write(bytes.Repeat([]byte("x"), 1<<16))
				}
			}()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	a := openWith(t, channels.Config{Secret: map[string]string{"password": password}, Settings: encode(map[string]any{
		"address": help,
		"imap":    map[string]any{"host": "127.0.0.1", "port": port, "security": "none"},
		"smtp":    map[string]any{"host": "127.0.0.1", "port": port, "security": "none"},
	})})
	_, _, err = tryPull(t, a, "")
	if inbox.CodeOf(err) != inbox.Unavailable || !errors.Is(err, errFlood) {
		t.Errorf("%v", err)
	}
}

func TestLoginsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		secret  map[string]string
		refusal string
		code    inbox.Code
		reason  string
	}{
		"wrong password":   {map[string]string{"password": "wrong horse"}, "", inbox.Expired, imapLoginRefused},
		"no password":      {nil, "", inbox.Expired, noCredential},
		"too many at once": {map[string]string{"password": password}, "[ALERT] Too many simultaneous connections", inbox.Unavailable, imapFailed},
		"server is busy":   {map[string]string{"password": password}, "[UNAVAILABLE] later", inbox.Unavailable, imapFailed},
		"a chatty server":  {map[string]string{"password": password}, "[AUTHENTICATIONFAILED] not " + password, inbox.Expired, imapLoginRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := provider(t, emailtest.Options{})
			s.SetFaults(emailtest.Faults{Login: tt.refusal})
			a := openWith(t, channels.Config{Settings: settingsFor(s, nil), Secret: tt.secret})
			_, _, err := tryPull(t, a, "")
			if inbox.CodeOf(err) != tt.code || reasonOf(t, err) != tt.reason {
				t.Fatalf("%v", err)
			}
			e, _ := errors.AsType[*inbox.Error](err)
			if said := fmt.Sprint(err, e.Msg, e.Reason.Params); tt.secret != nil && strings.Contains(said, tt.secret["password"]) {
				t.Errorf("the password stands in the error: %s", said)
			}
		})
	}
}

func TestEncryptionThatWasAskedForIsNeverLeftOut(t *testing.T) {
	for name, tt := range map[string]struct {
		server, client string
		trusted        bool
	}{
		"a certificate nobody vouches for":              {emailtest.TLS, securityTLS, false},
		"a certificate nobody vouches for, in STARTTLS": {emailtest.StartTLS, securityStartTLS, false},
		"a server without STARTTLS":                     {emailtest.Plain, securityStartTLS, true},
		"a server without TLS":                          {emailtest.Plain, securityTLS, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{Security: tt.server})
			c := channels.Config{Secret: map[string]string{"password": password}, Settings: settingsFor(s, func(set map[string]any) {
				set["imap"].(map[string]any)["security"] = tt.client
				set["smtp"].(map[string]any)["security"] = tt.client
			})}
			if tt.trusted {
				c.Roots = s.Roots()
			}
			a := openWith(t, c)
			if _, _, err := tryPull(t, a, ""); inbox.CodeOf(err) != inbox.Unavailable || reasonOf(t, err) != imapTLS {
				t.Errorf("pull: %v", err)
			}
			if _, err := a.Send(t.Context(), reply()); inbox.CodeOf(err) != inbox.Unavailable || reasonOf(t, err) != smtpTLS {
				t.Errorf("send: %v", err)
			}
			if n := len(box.Submitted()); n != 0 {
				t.Errorf("%d mails went out", n)
			}
		})
	}
}

func TestAccessTokens(t *testing.T) {
	for _, way := range []string{authXOAUTH2, authOAuthBearer} {
		t.Run(way, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{Security: emailtest.TLS})
			box.Deliver(letter(1), now)
			settings := settingsFor(s, func(set map[string]any) { set["auth"] = way })
			a := openWith(t, channels.Config{Settings: settings, Roots: s.Roots(), LiveFrom: now, Now: func() time.Time { return now },
				Secret: map[string]string{"access_token": password}})
			if items, _ := pull(t, a, ""); len(items) != 1 {
				t.Errorf("%q", keys(items))
			}
			if _, err := a.Send(t.Context(), reply()); err != nil || len(box.Submitted()) != 1 {
				t.Errorf("send: %v", err)
			}
			old := openWith(t, channels.Config{Settings: settings, Roots: s.Roots(), Secret: map[string]string{"access_token": "an old token"}})
			if _, _, err := tryPull(t, old, ""); inbox.CodeOf(err) != inbox.Expired || reasonOf(t, err) != imapLoginRefused {
				t.Errorf("pull with an old token: %v", err)
			}
			if _, err := old.Send(t.Context(), reply()); inbox.CodeOf(err) != inbox.Expired || reasonOf(t, err) != smtpLoginRefused {
				t.Errorf("send with an old token: %v", err)
			}
		})
	}
}

func TestWatchEndsWhenItsConnectionDoes(t *testing.T) {
	s, _ := provider(t, emailtest.Options{})
	a := open(t, s, func(set map[string]any) { set["imap"].(map[string]any)["folders"] = []string{"INBOX", "Sent"} })
	woken := make(chan struct{}, 10)
	ended := make(chan error, 1)
	go func() { ended <- a.Watch(t.Context(), func() { woken <- struct{}{} }) }()
	<-woken
	<-woken // both folders are watched
	if err := s.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; inbox.CodeOf(err) != inbox.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestMailThatTheServerRefusesIsSetAsideAlone(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	for n := 1; n <= 6; n++ {
		box.Deliver(letter(n), now)
	}
	s.SetFaults(emailtest.Faults{RefuseFetch: []uint32{4}})
	items, _ := pull(t, open(t, s, nil), "")
	for i, item := range items {
		if bad := i == 3; bad != (item.Problem != nil) {
			t.Errorf("mail %d: problem %v", i+1, item.Problem)
		}
	}
	if len(items) != 6 {
		t.Errorf("%d items", len(items))
	}
}

// A server that gives nothing at all is in trouble; its mails are not to blame, unless it stays so.
func TestAServerThatRefusesEverythingIsAskedLater(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	for n := 1; n <= 6; n++ {
		box.Deliver(letter(n), now)
	}
	for name, tt := range map[string]struct{ refusals, bad int }{"for a while": {mailTries - 1, 0}, "for good": {mailTries, 6}} {
		t.Run(name, func(t *testing.T) {
			a := open(t, s, nil)
			s.SetFaults(emailtest.Faults{RefuseFetch: []uint32{0}})
			for range mailTries - 1 {
				items, _, err := tryPull(t, a, "")
				if len(items) != 0 || inbox.CodeOf(err) != inbox.Unavailable {
					t.Fatalf("%d items, %v", len(items), err)
				}
			}
			if tt.refusals < mailTries {
				s.SetFaults(emailtest.Faults{})
			}
			items, _ := pull(t, a, "")
			bad := 0
			for _, item := range items {
				if item.Problem != nil {
					bad++
				}
			}
			if len(items) != 6 || bad != tt.bad {
				t.Errorf("%d items, %d of them set aside", len(items), bad)
			}
		})
	}
}
