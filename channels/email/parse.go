package email

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/inbox"
)

// parse fills in what the bytes of a mail say.
func (a *Adapter) parse(in *inbox.Incoming, folder string) error {
	m, err := mailparse.Parse(in.Raw, mailparse.Options{MaxSize: mailLimit})
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	same := mailparse.Sameness(in.Raw)
	in.Sameness = same[:]
	in.From = inbox.Address(m.From)
	in.To, in.Cc = addresses(m.To), addresses(m.Cc)
	in.Recipients = withoutTags(m.Recipients)
	in.Subject, in.Text, in.HTML, in.ReplyText = m.Subject, m.Text, m.HTML, m.ReplyText
	in.HeaderID = m.MessageID
	in.References = thread(m)
	in.Automatic = inbox.Automatic(m.Automatic)
	in.Protection = inbox.Protection(m.Protection)
	if in.Automatic.Reports() {
		in.About = &inbox.Delivery{Recipient: strings.ToLower(m.Report.Recipient), Outcome: inbox.Outcome(m.Report.Outcome), Status: m.Report.Status, Permanent: m.Report.Permanent}
		in.ReportID = m.Report.MessageID
	}
	in.Unverified = a.unverified(in.Raw, m.From.Address, m.AuthenticationResults, folder != a.settings.SentFolder && !in.At.Before(a.liveFrom))
	in.Identity, in.Outbound = a.whose(m, folder, in.Unverified)
	for _, f := range m.Attachments {
		in.Files = append(in.Files, inbox.File{Name: f.Name, ContentType: f.ContentType, Inline: f.Inline, ContentID: f.ContentID, Content: f.Content})
	}
	return nil
}

func addresses(list []mailparse.Address) []inbox.Address {
	var out []inbox.Address
	for _, a := range list {
		out = append(out, inbox.Address(a))
	}
	return out
}

// withoutTags lists addresses, and for those with a tag ("help+tag@shop.example") also the address
// without it, which is the one that people gave us.
func withoutTags(list []string) []string {
	for _, address := range list {
		if plain, tagged := mailparse.PlainAddress(address); tagged && !slices.Contains(list, plain) {
			list = append(list, plain)
		}
	}
	return list
}

// thread returns the ids of the mails before, nearest last.
func thread(m *mailparse.Message) []string {
	ids := slices.Clone(m.References)
	if m.InReplyTo == "" {
		return ids
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == m.InReplyTo })
	return append(ids, m.InReplyTo)
}

// whose tells which customer a mail belongs to and whether the shop itself wrote it: a mail from an
// own address, or in the Sent folder, is the shop's, and its customer is the first outside
// recipient. A contact form sends in its own or the shop's name and puts the customer into Reply-To:
// such a mail is the customer's. Somebody else who writes in the shop's name does not speak for it.
func (a *Adapter) whose(m *mailparse.Message, folder string, unverified bool) (customer inbox.Identity, outbound bool) {
	sent := a.settings.SentFolder != "" && folder == a.settings.SentFolder
	own := a.own(m.From.Address) && !unverified
	author := m.From
	if !sent && (own || program(m.From.Address)) {
		if i := slices.IndexFunc(m.ReplyTo, a.outside); i >= 0 {
			author, own = m.ReplyTo[i], false
		}
	}
	if outbound = own || sent; outbound {
		if to := slices.Concat(m.To, m.Cc); slices.ContainsFunc(to, a.outside) {
			author = to[slices.IndexFunc(to, a.outside)]
		}
	}
	return inbox.Identity{Kind: kindName, RemoteID: strings.ToLower(author.Address), Name: author.Name}, outbound
}

// outside tells whether an address is somebody else's.
func (a *Adapter) outside(address mailparse.Address) bool {
	return address.Address != "" && !a.own(address.Address)
}

// program tells whether an address is that of a program which sends for others.
func program(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	return slices.Contains([]string{"noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "mailer", "wordpress", "www-data"}, local)
}

// fromReceiver tells whether a line of results is that of the server whose verdicts count.
func (a *Adapter) fromReceiver(line string) bool {
	name, _, _ := strings.Cut(withoutComments(line), ";")
	words := strings.Fields(name)
	if len(words) == 0 || strings.Contains(words[0], "=") {
		return false // some servers do not give their name
	}
	if a.settings.Receiver != "" {
		return strings.EqualFold(words[0], a.settings.Receiver)
	}
	host := a.settings.IMAP.Host
	if !a.settings.pulled() { // the shop's own mail server hands over, after it has judged
		_, host, _ = strings.Cut(a.settings.Address, "@")
	}
	return organisation(words[0]) == organisation(host)
}

// organisation is the domain a server belongs to, near enough for telling whether two belong together.
func organisation(host string) string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	domain := strings.Join(labels[max(0, len(labels)-2):], ".")
	if domain == "gmail.com" || domain == "googlemail.com" {
		return "google.com" // imap.gmail.com signs as mx.google.com
	}
	return domain
}

// withoutComments takes out what stands in parentheses, however deep.
func withoutComments(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}
