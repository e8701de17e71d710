package email

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/inbox"
)

func TestRefusalsOfTheMailServer(t *testing.T) {
	refused := func(code int) emailtest.Reply {
		return emailtest.Reply{Code: code, Text: "because of <x@y.example>, " + password}
	}
	for name, tt := range map[string]struct {
		faults emailtest.Faults
		code   inbox.Code
		reason string
	}{
		"sender":             {emailtest.Faults{Mail: refused(553)}, inbox.Denied, smtpSenderRefused},
		"sender, for now":    {emailtest.Faults{Mail: refused(451)}, inbox.Unavailable, smtpSenderRefused},
		"too large":          {emailtest.Faults{Mail: refused(552)}, inbox.Invalid, smtpTooLarge},
		"sign in again":      {emailtest.Faults{Mail: refused(530)}, inbox.Expired, smtpLoginRefused},
		"recipient":          {emailtest.Faults{Rcpt: map[string]emailtest.Reply{"ann@buyer.example": refused(550)}}, inbox.Invalid, smtpRcptRefused},
		"recipient, for now": {emailtest.Faults{Rcpt: map[string]emailtest.Reply{"ann@buyer.example": refused(450)}}, inbox.Unavailable, smtpRcptRefused},
		"one for now, one for ever": {emailtest.Faults{Rcpt: map[string]emailtest.Reply{"ann@buyer.example": refused(450), "boss@shop.example": refused(550)}},
			inbox.Invalid, smtpRcptRefused},
		"mail":          {emailtest.Faults{Data: refused(554)}, inbox.Invalid, smtpMailRefused},
		"mail, for now": {emailtest.Faults{Data: refused(452)}, inbox.Unavailable, smtpMailRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{})
			s.SetFaults(tt.faults)
			_, err := open(t, s, nil).Send(t.Context(), reply())
			if inbox.CodeOf(err) != tt.code || reasonOf(t, err) != tt.reason {
				t.Fatalf("%v", err)
			}
			e, _ := errors.AsType[*inbox.Error](err)
			if said := fmt.Sprint(err, e.Reason.Params); strings.Contains(said, password) || strings.Contains(said, "x@y") || !strings.Contains(said, "because of") {
				t.Errorf("said %s", said)
			}
			if tt.reason == smtpRcptRefused && e.Reason.Params["recipients"] != 2 {
				t.Errorf("the error does not count: %v", e.Reason.Params)
			}
			if len(box.Submitted()) != 0 {
				t.Error("something was sent")
			}
		})
	}
}

func TestWaysToSignInForSending(t *testing.T) {
	for name, tt := range map[string]struct {
		offered []string
		secret  string
		code    inbox.Code
	}{
		"LOGIN alone":             {[]string{"LOGIN"}, password, ""},
		"LOGIN, wrong":            {[]string{"LOGIN"}, "wrong", inbox.Expired},
		"nothing for a password":  {[]string{"CRAM-MD5"}, password, inbox.Denied},
		"a password of its own":   {nil, "wrong", ""},
		"none offered, one asked": {[]string{}, password, inbox.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{})
			s.SetFaults(emailtest.Faults{Mechanisms: tt.offered})
			secret := map[string]string{"password": tt.secret}
			if tt.offered == nil {
				secret["smtp_password"] = password
			}
			_, err := openWith(t, channels.Config{Settings: settingsFor(s, nil), Secret: secret}).Send(t.Context(), reply())
			if inbox.CodeOf(err) != tt.code || (err == nil) != (len(box.Submitted()) == 1) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOnlyAfterTheDotNobodyKnows(t *testing.T) {
	for name, tt := range map[string]struct {
		faults   emailtest.Faults
		code     inbox.Code
		accepted int
	}{
		"the answer never comes":         {emailtest.Faults{HangAtDot: true}, inbox.UncertainOf, 0},
		"the connection breaks":          {emailtest.Faults{DropAtDot: true}, inbox.UncertainOf, 1},
		"no answer to the sender either": {emailtest.Faults{HangAtMail: true}, inbox.Unavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{})
			s.SetFaults(tt.faults)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			m := reply()
			confirmed := make(chan struct{})
			m.Confirm = func() error { close(confirmed); return nil }
			ended := make(chan error, 1)
			go func() {
				_, err := open(t, s, nil).Send(ctx, m)
				ended <- err
			}()
			switch {
			case tt.faults.HangAtDot:
				<-confirmed
				waitFor(t, "the mail to arrive", func() bool { return s.Hanging() > 0 })
				stop()
			case tt.faults.HangAtMail:
				waitFor(t, "the sender to arrive", func() bool { return s.Hanging() > 0 })
				stop()
			}
			if err := <-ended; inbox.CodeOf(err) != tt.code {
				t.Errorf("%v", err)
			}
			if n := len(box.Submitted()); n != tt.accepted {
				t.Errorf("%d accepted", n)
			}
		})
	}
}

// waitFor polls until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestSentMailIsWholeAndBlindCopiesStayBlind(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	a := open(t, s, func(set map[string]any) { set["bcc_to"] = "archive@shop.example" })
	m := reply()
	m.Cc = []inbox.Address{{Address: "ANN@buyer.example"}, {Address: "carl@buyer.example"}}
	m.Text = "A line.\n.\n..and one with dots\nÜber"
	if _, err := a.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	sent := box.Submitted()[0]
	if !slices.Equal(sent.To, []string{"ann@buyer.example", "carl@buyer.example", "boss@shop.example", "archive@shop.example"}) {
		t.Errorf("recipients %q", sent.To)
	}
	in := parsed(t, "INBOX", strings.ReplaceAll(string(sent.Raw), "\r\n", "\n"), nil)
	if in.HeaderID != "r1@shop.example" || strings.Join(in.References, " ") != "1@buyer.example" || strings.TrimSpace(in.Text) != "A line.\n.\n..and one with dots\nÜber" {
		t.Errorf("it reads %+v", in)
	}
	for _, hidden := range []string{"boss@", "archive@"} {
		if strings.Contains(string(sent.Raw), hidden) {
			t.Errorf("%s stands in the mail", hidden)
		}
	}
	m.To, m.Cc, m.Bcc = nil, nil, nil
	if _, err := open(t, s, nil).Send(t.Context(), m); inbox.CodeOf(err) != inbox.Invalid {
		t.Errorf("without recipients: %v", err)
	}
}

func TestCopyInTheSentFolder(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	a := open(t, s, func(set map[string]any) {
		set["sent_folder"] = "Sent"
		set["imap"].(map[string]any)["folders"] = []string{"INBOX", "Sent"}
	})
	if _, err := a.Find(t.Context(), reply()); inbox.CodeOf(err) != inbox.UncertainOf {
		t.Errorf("found before it was sent: %v", err)
	}
	for range 2 { // sent twice by a person: the copy is there once
		if _, err := a.Send(t.Context(), reply()); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the copy", func() bool { return len(box.Folder("Sent")) > 0 })
		a.copies.Wait()
	}
	if n := len(box.Folder("Sent")); n != 1 {
		t.Fatalf("%d copies", n)
	}
	if id, err := a.Find(t.Context(), reply()); id != "r1@shop.example" || err != nil {
		t.Errorf("find: %q, %v", id, err)
	}
	items, _ := pull(t, a, "")
	if len(items) != 1 || !items[0].Outbound || items[0].HeaderID != "r1@shop.example" || items[0].Identity.RemoteID != "ann@buyer.example" {
		t.Errorf("the copy comes back as %+v", items)
	}
}

func TestAMissingSentFolderFailsNoReply(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	a := open(t, s, func(set map[string]any) { set["sent_folder"] = "Gone" })
	if _, err := a.Send(t.Context(), reply()); err != nil || len(box.Submitted()) != 1 {
		t.Errorf("%v", err)
	}
	if _, err := open(t, s, nil).Find(t.Context(), reply()); inbox.CodeOf(err) != inbox.UncertainOf {
		t.Errorf("without a Sent folder: %v", err)
	}
}

// lines shows checks as "name ok" or "name reason".
func lines(checks []channels.Check) string {
	var list []string
	for _, c := range checks {
		word := "ok"
		if !c.OK {
			word = c.Problem.Code
		}
		list = append(list, c.Name+" "+word)
	}
	return strings.Join(list, ", ")
}

func TestConnectionTest(t *testing.T) {
	for name, tt := range map[string]struct {
		security string
		secret   string
		change   func(map[string]any)
		faults   emailtest.Faults
		want     string
	}{
		"all is well": {security: emailtest.TLS, secret: password,
			want: "imap_connect ok, imap_tls ok, imap_login ok, imap_folder ok, imap_idle ok, smtp_connect ok, smtp_tls ok, smtp_login ok, smtp_sender ok"},
		"without encryption": {security: emailtest.Plain, secret: password,
			want: "imap_connect ok, imap_login ok, imap_folder ok, imap_idle ok, smtp_connect ok, smtp_login ok, smtp_sender ok"},
		"wrong password": {security: emailtest.StartTLS, secret: "wrong",
			want: "imap_connect ok, imap_tls ok, imap_login imap_login_refused, smtp_connect ok, smtp_tls ok, smtp_login smtp_login_refused"},
		"a folder is missing, the sender refused": {security: emailtest.Plain, secret: password, faults: emailtest.Faults{Mail: emailtest.Reply{Code: 553, Text: "no"}},
			change: func(set map[string]any) {
				set["imap"].(map[string]any)["folders"] = []string{"INBOX", "Gone"}
				set["sent_folder"] = "Sent"
			},
			want: "imap_connect ok, imap_login ok, imap_folder ok, imap_folder imap_folder_missing, imap_folder ok, imap_idle ok, smtp_connect ok, smtp_login ok, smtp_sender smtp_sender_refused"},
		"nobody there": {security: emailtest.Plain, secret: password,
			change: func(set map[string]any) {
				set["imap"].(map[string]any)["port"], set["smtp"].(map[string]any)["port"] = 1, 1
			},
			want: "imap_connect imap_unreachable, smtp_connect smtp_unreachable"},
		"encryption it cannot speak": {security: emailtest.Plain, secret: password,
			change: func(set map[string]any) {
				set["imap"].(map[string]any)["security"], set["smtp"].(map[string]any)["security"] = "starttls", "starttls"
			},
			want: "imap_connect ok, imap_tls imap_tls, smtp_connect ok, smtp_tls smtp_tls"},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{Security: tt.security})
			s.SetFaults(tt.faults)
			a := openWith(t, channels.Config{Settings: settingsFor(s, tt.change), Secret: map[string]string{"password": tt.secret}, Roots: s.Roots()})
			if got := lines(a.Test(t.Context())); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if len(box.Submitted()) != 0 || !box.Untouched("INBOX") {
				t.Error("the test changed something")
			}
		})
	}
}

func TestSettings(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{"address": help, "imap": map[string]any{"host": "imap.example"}, "smtp": map[string]any{"host": "smtp.example", "security": "starttls"}}
	}
	s, err := parseSettings(encode(good()))
	if err != nil || s.IMAP.Port != 993 || s.SMTP.Port != 587 || s.IMAP.Username != help || s.SMTP.Username != help || s.Auth != authPassword || !slices.Equal(s.IMAP.Folders, []string{"INBOX"}) {
		t.Errorf("completed to %+v, %v", s, err)
	}
	for name, tt := range map[string]struct {
		field  string
		change func(set, imap, smtp map[string]any)
	}{
		"no address":        {"settings.address", func(set, _, _ map[string]any) { set["address"] = "nobody" }},
		"two addresses":     {"settings.address", func(set, _, _ map[string]any) { set["address"] = "a@b.example, c@d.example" }},
		"line break":        {"settings.address", func(set, _, _ map[string]any) { set["address"] = "a@b.example\r\nBcc: c@d.example" }},
		"no host":           {"settings.imap.host", func(_, imap, _ map[string]any) { imap["host"] = "" }},
		"a path as a host":  {"settings.smtp.host", func(_, _, smtp map[string]any) { smtp["host"] = "smtp.example/x" }},
		"port out of range": {"settings.smtp.port", func(_, _, smtp map[string]any) { smtp["port"] = 70000 }},
		"odd security":      {"settings.imap.security", func(_, imap, _ map[string]any) { imap["security"] = "maybe" }},
		"odd sign-in":       {"settings.auth", func(set, _, _ map[string]any) { set["auth"] = "magic" }},
		"a folder twice":    {"settings.imap.folders", func(_, imap, _ map[string]any) { imap["folders"] = []string{"Inbox", "INBOX"} }},
		"days":              {"settings.import_days", func(set, _, _ map[string]any) { set["import_days"] = -1 }},
		"alias":             {"settings.aliases", func(set, _, _ map[string]any) { set["aliases"] = []string{"x"} }},
		"copy":              {"settings.bcc_to", func(set, _, _ map[string]any) { set["bcc_to"] = "x" }},
		"user name":         {"settings.imap.username", func(_, imap, _ map[string]any) { imap["username"] = "a\x01b" }},
		"unknown":           {"settings", func(set, _, _ map[string]any) { set["colour"] = "red" }},
		"no JSON object":    {"settings", func(set, _, _ map[string]any) { set["imap"] = 7 }},
	} {
		t.Run(name, func(t *testing.T) {
			set := good()
			tt.change(set, set["imap"].(map[string]any), set["smtp"].(map[string]any))
			_, err := New(channels.Config{Settings: encode(set)})
			if e, ok := errors.AsType[*inbox.Error](err); !ok || e.Code != inbox.Invalid || e.Field != tt.field {
				t.Errorf("%v", err)
			}
		})
	}
}
