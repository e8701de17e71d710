package email

import (
	"strings"
	"testing"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// parsed reads a mail, given with line feeds, out of a folder.
func parsed(t *testing.T, folder, raw string, change func(map[string]any)) inbox.Incoming {
	t.Helper()
	set := map[string]any{
		"address": help, "aliases": []string{"sales@shop.example"}, "sent_folder": "Sent",
		"imap": map[string]any{"host": "imap.provider.example"}, "smtp": map[string]any{"host": "smtp.provider.example"},
	}
	if change != nil {
		change(set)
	}
	a := openWith(t, channels.Config{Settings: encode(set)})
	m := mail{key: "k", raw: []byte(strings.ReplaceAll(raw, "\n", "\r\n"))}
	return a.read(folder, &m)
}

func TestWhoseMailItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		folder, head string
		customer     string
		outbound     bool
	}{
		"a customer":                    {"INBOX", "From: Ann <Ann@Buyer.example>\nTo: help@shop.example", "ann@buyer.example", false},
		"the shop":                      {"INBOX", "From: HELP@shop.example\nTo: ann@buyer.example", "ann@buyer.example", true},
		"an alias, to itself and Ann":   {"INBOX", "From: sales@shop.example\nTo: help@shop.example\nCc: ann@buyer.example", "ann@buyer.example", true},
		"a contact form":                {"INBOX", "From: help@shop.example\nReply-To: ann@buyer.example\nTo: help@shop.example", "ann@buyer.example", false},
		"a contact form of a service":   {"INBOX", "From: no-reply@forms.example\nReply-To: ann@buyer.example\nTo: help@shop.example", "ann@buyer.example", false},
		"a person who wants no replies": {"INBOX", "From: bob@buyer.example\nReply-To: ann@buyer.example\nTo: help@shop.example", "bob@buyer.example", false},
		"our reply that comes back":     {"INBOX", "From: help@shop.example\nReply-To: help+abc@shop.example\nTo: ann@buyer.example", "ann@buyer.example", true},
		"a subaddress of the shop":      {"INBOX", "From: sales+abc@shop.example\nTo: ann@buyer.example", "ann@buyer.example", true},
		"anything in Sent":              {"Sent", "From: me@home.example\nReply-To: me@home.example\nTo: ann@buyer.example", "ann@buyer.example", true},
		"a forged own address": {"INBOX", "Authentication-Results: mx.provider.example; dmarc=fail\nFrom: help@shop.example\nTo: help@shop.example",
			"help@shop.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := parsed(t, tt.folder, tt.head+"\nSubject: x\n\nhello\n", nil)
			if in.Problem != nil || in.Identity.RemoteID != tt.customer || in.Outbound != tt.outbound {
				t.Errorf("customer %q, outbound %v, problem %v", in.Identity.RemoteID, in.Outbound, in.Problem)
			}
		})
	}
}

func TestUnverifiedCountsOnlyTheReceivingServer(t *testing.T) {
	for name, tt := range map[string]struct {
		results  string // lines, newest first
		receiver string
		want     bool
	}{
		"says nothing":                   {"", "", false},
		"dmarc fails":                    {"mx.provider.example; spf=pass; dmarc=fail (p=none) header.from=buyer.example", "", true},
		"dmarc passes, spf fails":        {"mx.provider.example; spf=fail smtp.mailfrom=x; dkim=pass; dmarc=pass", "", false},
		"only spf, fails":                {"mx.provider.example; spf=fail smtp.mailfrom=x.example; dkim=none", "", true},
		"one of two signatures holds":    {"mx.provider.example; spf=fail; dkim=fail; dkim=pass header.d=mail.buyer.example", "", false},
		"a signature of somebody else":   {"mx.provider.example; spf=fail; dkim=pass header.d=elsewhere.example", "", true},
		"dmarc of another sender":        {"mx.provider.example; dmarc=pass header.from=elsewhere.example", "", true},
		"dmarc of the sender":            {"mx.provider.example; dmarc=pass (p=reject) header.from=Buyer.example", "", false},
		"arc passes on what others say":  {"mx.provider.example; arc=pass; dmarc=fail header.from=buyer.example", "", true},
		"versions and blanks":            {"mx.provider.example 1; dmarc/1 = fail header.from=buyer.example", "", true},
		"softfail is no verdict":         {"mx.provider.example; spf=softfail; dkim=none", "", false},
		"somebody else's verdict":        {"mx.elsewhere.example; dmarc=fail", "", false},
		"somebody else's first":          {"mx.elsewhere.example; dmarc=pass|mx.provider.example; dmarc=fail", "", true},
		"a forged pass below":            {"mx.provider.example; dmarc=fail|mx.provider.example; dmarc=pass", "", true},
		"a comment cannot speak":         {"mx.provider.example; dmarc=pass (dmarc=fail; dmarc=fail)", "", false},
		"the receiver that was named":    {"mx.elsewhere.example 1; dmarc=fail", "mx.elsewhere.example", true},
		"and nobody else":                {"mx.provider.example; dmarc=fail", "mx.elsewhere.example", false},
		"a server that does not say who": {"spf=fail; dmarc=fail", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var head strings.Builder
			for line := range strings.SplitSeq(tt.results, "|") {
				if line != "" {
					head.WriteString("Authentication-Results: " + line + "\n")
				}
			}
			in := parsed(t, "INBOX", head.String()+"From: ann@buyer.example\nSubject: x\n\nhello\n", func(set map[string]any) {
				set["receiver"] = tt.receiver
			})
			if in.Unverified != tt.want {
				t.Errorf("unverified %v, want %v", in.Unverified, tt.want)
			}
		})
	}
}

func TestParsedMailKeepsThreadFilesAndBytes(t *testing.T) {
	in := parsed(t, "INBOX", `From: Ann Buyer <ann@buyer.example>
To: help@shop.example
Delivered-To: help@shop.example
Subject: =?utf-8?q?caf=C3=A9?=
Message-ID: <2@buyer.example>
In-Reply-To: <1@shop.example>
References: <0@buyer.example> <1@shop.example>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename=invoice.pdf

%PDF
--b--
`, nil)
	if in.Problem != nil || in.Subject != "café" || in.HeaderID != "2@buyer.example" || in.Identity.Kind != "email" {
		t.Errorf("%+v", in)
	}
	if got := strings.Join(in.References, " "); got != "0@buyer.example 1@shop.example" {
		t.Errorf("references %q", got)
	}
	if len(in.Files) != 1 || in.Files[0].Name != "invoice.pdf" || strings.TrimSpace(string(in.Files[0].Content)) != "%PDF" {
		t.Errorf("files %+v", in.Files)
	}
	if len(in.Sameness) != 32 || len(in.Raw) == 0 || strings.Join(in.Recipients, " ") != help {
		t.Errorf("sameness %d bytes, raw %d bytes, recipients %q", len(in.Sameness), len(in.Raw), in.Recipients)
	}
}

func TestAnswersOfProgramsAreAutomatic(t *testing.T) {
	for name, raw := range map[string]string{
		"out of office": "From: ann@buyer.example\nAuto-Submitted: auto-replied\nSubject: x\n\nI am away.\n",
		"bounce": `From: MAILER-DAEMON@mx.example
Return-Path: <>
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ann@buyer.example
Action: failed
Status: 5.1.1
--b--
`,
	} {
		if in := parsed(t, "INBOX", raw, nil); in.Automatic == "" {
			t.Errorf("%s is not automatic", name)
		}
	}
	if in := parsed(t, "INBOX", "From: ann@buyer.example\nSubject: x\n\nhello\n", nil); in.Automatic != "" {
		t.Error("a person is automatic")
	}
}

func TestProtectionIsCarried(t *testing.T) {
	in := parsed(t, "INBOX", "From: ann@buyer.example\nSubject: x\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n", nil)
	if in.Protection != inbox.PGPEncrypted {
		t.Errorf("protection is %q", in.Protection)
	}
}

func TestAMailOfNothingIsSetAside(t *testing.T) {
	in := parsed(t, "INBOX", "", nil)
	if in.Problem == nil || in.Problem.Code != mailUnreadable || in.SourceKey != "k" {
		t.Errorf("%+v", in)
	}
}

func TestReportsNameWhatTheyAreAbout(t *testing.T) {
	in := parsed(t, "INBOX", "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: help@shop.example\nSubject: failure notice\n\n"+
		"Your message could not be delivered:\n\n<Ann@Buyer.example>:\n550 5.1.1 User unknown\n\n--- Below this line is a copy of the message.\n\n"+
		"Received: from shop.example\nMessage-ID: <r7@shop.example>\nFrom: help@shop.example\nTo: ann@buyer.example\n\nHello\n", nil)
	want := inbox.Delivery{Recipient: "ann@buyer.example", Outcome: inbox.OutcomeFailed, Status: "5.1.1", Permanent: true}
	if in.Automatic != inbox.AutoBounce || in.About == nil || *in.About != want || in.ReportID != "r7@shop.example" {
		t.Errorf("%q about %+v of %q", in.Automatic, in.About, in.ReportID)
	}
	if in := parsed(t, "INBOX", "Return-Path: <>\nFrom: ann@buyer.example\nTo: help@shop.example\nSubject: x\n\nI am away.\n", nil); in.Automatic != inbox.AutoReply || in.About != nil {
		t.Errorf("an absence notice is %q about %+v", in.Automatic, in.About)
	}
}
