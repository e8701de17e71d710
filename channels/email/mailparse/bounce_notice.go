package mailparse

import (
	"bytes"
	"slices"
	"strings"
)

// Limits of what is read of a report's words.
const (
	maxNotice      = 32 << 10
	maxNoticeLines = 600
	maxFound       = 100
)

// notice is what a server wrote for people: the words before the copy of the mail it is about, and
// that mail's header.
type notice struct {
	message  *Message
	lines    []string
	opening  string // the first of the lines, flat
	subject  string // lower case
	original header
	isMail   bool // a mail, or what is left of one, lies behind the words
	found    []foundAddress
	sentTo   string // an address that the words describe the mail by
	failed   string // as a field of its own names it
	noSender bool   // the envelope had no sender
}

// readNotice cuts the words of a report from the copy behind them.
func readNotice(m *Message, head header, p *parser) notice {
	n := notice{message: m, subject: flatten(m.Subject), original: p.report.original, isMail: p.report.original != nil || p.report.attached != nil, noSender: emptyPath(head)}
	text := m.Text[:min(len(m.Text), maxNotice)]
	named := false // somebody, who may be the one that failed
	for len(text) > 0 && len(n.lines) < maxNoticeLines {
		line, rest, _ := strings.Cut(text, "\n")
		if startsCopy(line, rest, named) {
			n.isMail = true
			if n.original == nil {
				n.original = quotedHeader(text)
			}
			break
		}
		n.lines = append(n.lines, line)
		begin, _ := nextAddress(line[:min(len(line), 1000)], 0)
		named = named || begin >= 0
		text = rest
	}
	n.opening = flatten(strings.Join(n.lines[:min(len(n.lines), 60)], " "))
	n.opening = n.opening[:min(len(n.opening), 4000)]
	if list := addresses(head.all("x-failed-recipients"), ""); len(list) > 0 {
		n.failed = list[0].Address
	}
	n.findAddresses()
	return n
}

// startsCopy tells whether the copy of the mail begins with a line: a ruler or a caption that says
// so, or the trace fields that every mail begins with. A caption on its own counts once somebody was
// named: before, it may announce what two servers said.
func startsCopy(line, rest string, named bool) bool {
	trimmed := strings.TrimLeft(line, " \t>")
	if len(trimmed) > 200 {
		trimmed = trimmed[:200]
	}
	lower := strings.ToLower(trimmed)
	if startsTrace(lower) {
		return true
	}
	if len(trimmed) > 120 || !containsAny(lower, copyMarks...) {
		return false
	}
	return isRuler(trimmed) || fieldAhead(rest) || named && len(trimmed) < 70 && isCaption(lower) && !addressAhead(rest)
}

// startsTrace tells whether a line in lower case is the first of a mail: a trace field, or the type of
// a mail inside a multipart that was not understood.
func startsTrace(lower string) bool {
	if rest, ok := strings.CutPrefix(lower, "received:"); ok {
		rest = strings.TrimLeft(rest, " \t")
		return strings.HasPrefix(rest, "from") || strings.HasPrefix(rest, "by ") || strings.HasPrefix(rest, "(")
	}
	for _, start := range []string{"return-path:", "dkim-signature:", "x-originating-ip:", "arc-seal:", "content-type: message/rfc822"} {
		if strings.HasPrefix(lower, start) {
			return true
		}
	}
	return false
}

// isCaption tells whether a short line announces what follows it.
func isCaption(lower string) bool {
	lower = strings.TrimRight(lower, " .\t")
	return strings.HasSuffix(lower, ":") || strings.HasSuffix(lower, "follows") || strings.HasSuffix(lower, "follow")
}

// addressAhead tells whether the next line that is not empty names somebody: the caption was one of
// recipients.
func addressAhead(text string) bool {
	line, _, _ := strings.Cut(strings.TrimLeft(text[:min(len(text), 2000)], " \t\r\n"), "\n")
	begin, _ := nextAddress(line, 0)
	return begin >= 0
}

// isRuler tells whether a caption is set off by signs, as "----- Unsent message follows -----" is.
func isRuler(line string) bool {
	return strings.HasPrefix(line, "--") || strings.HasPrefix(line, "==") || strings.HasPrefix(line, "**") || strings.HasPrefix(line, "__") || strings.HasPrefix(line, "||")
}

// fieldAhead tells whether the next line that is not empty is a field that mails begin with.
func fieldAhead(text string) bool {
	for range 6 {
		line, rest, more := strings.Cut(text, "\n")
		if trimmed := strings.TrimLeft(line, " \t>"); trimmed != "" && !isRuler(trimmed) {
			name, _, ok := cutField([]byte(trimmed))
			_, known := commonNames[name]
			return ok && (known || strings.HasPrefix(name, "x-"))
		}
		if !more {
			return false
		}
		text = rest
	}
	return false
}

// quotedHeader reads the header of the mail whose copy begins in text.
func quotedHeader(text string) header {
	for range 12 {
		line, rest, more := strings.Cut(text, "\n")
		if name, _, ok := cutField([]byte(strings.TrimLeft(line, " \t>"))); ok && !strings.Contains(name, "/") {
			indent := line[:len(line)-len(strings.TrimLeft(line, " \t>"))]
			if indent != "" {
				text = strings.ReplaceAll("\n"+text, "\n"+indent, "\n")[1:]
			}
			h, _ := splitPart([]byte(text))
			return h
		}
		if !more {
			return nil
		}
		text = rest
	}
	return nil
}

// fields returns the lines from the first field of a delivery-status that lost its type, or nil.
func (n notice) fields() []byte {
	for i, line := range n.lines {
		name, _, ok := cutField([]byte(strings.TrimSpace(line)))
		if !ok || name != "reporting-mta" && name != "final-recipient" && name != "original-recipient" && name != "action" && name != "diagnostic-code" {
			continue
		}
		var block []string
		for _, line := range n.lines[i:] {
			block = append(block, strings.TrimRight(line, " \t"))
		}
		status := []byte(strings.Join(block, "\n"))
		if bytes.Contains(bytes.ToLower(status), []byte("final-recipient:")) || bytes.Contains(bytes.ToLower(status), []byte("action:")) {
			return status
		}
		return nil
	}
	for _, a := range n.message.Attachments {
		if len(a.Content) < maxNotice && bytes.Contains(a.Content, []byte("Final-Recipient:")) && !strings.HasPrefix(a.ContentType, "message/") {
			return a.Content
		}
	}
	return nil
}

// tellsFailure weighs what speaks for a report. The surer it is that a server wrote the mail, the
// fewer words it takes.
func (n notice) tellsFailure(sender trust) bool {
	says := containsAny(n.opening, failureWords...)
	named := containsAny(n.subject, failureSubjects...)
	if containsAny(n.subject, successWords...) || !named && containsAny(n.opening, successWords...) || containsAny(n.subject, quarantineWords...) {
		return false
	}
	isMail := n.isMail || n.failed != ""
	transcript := n.transcript()
	switch sender {
	case certain:
		return says || named || transcript && (isMail || n.noSender || n.strongest() > 0)
	case likely:
		return (says || named) && (isMail || transcript || n.strongest() >= leading || n.noSender && n.strongest() >= labelled) ||
			says && named && (n.noSender || n.strongest() >= labelled)
	}
	return (says || named) && isMail && (transcript || n.strongest() >= labelled) || says && n.command() ||
		says && named && n.noSender && transcript && n.strongest() > 0
}

// transcript tells whether a line repeats what two servers said to one another.
func (n notice) transcript() bool {
	for _, line := range n.lines {
		if len(line) > 2000 {
			continue
		}
		if findStatus(line) != "" || findReply(line) != "" || strings.Contains(line, "RCPT TO") {
			return true
		}
	}
	return false
}

// command tells whether a line repeats the command that names a recipient, outside a quote.
func (n notice) command() bool {
	return slices.ContainsFunc(n.lines, func(line string) bool {
		return strings.Contains(line, "RCPT TO:") && !strings.HasPrefix(line, "> ")
	})
}

// report is what the words say.
func (n notice) report(head header) Report {
	r := Report{Outcome: Failed, Recipient: firstNonEmpty(n.failed, n.recipient())}
	r.Status = n.status(r.Recipient)
	says := n.subject + " " + n.opening
	gaveUp := containsAny(says, giveUpWords...)
	if containsAny(says, delayWords...) && !gaveUp {
		r.Outcome = Delayed
	}
	r.Permanent = r.Outcome == Failed && (gaveUp || n.class() != '4')
	return r
}

// class is the first digit of the first number that a server gave as its answer; 0 if it gave none.
func (n notice) class() byte {
	text := strings.Join(n.lines, "\n")
	if answer := firstNonEmpty(findStatus(text), findReply(text)); answer != "" {
		return answer[0]
	}
	return 0
}

// status finds the status of one recipient: in the lines about him if there are several, else
// anywhere in the words, else in the subject.
func (n notice) status(recipient string) string {
	if own := n.linesAbout(recipient); own != "" {
		if status := deriveStatus(own); status != "" {
			return status
		}
	}
	if status := deriveStatus(strings.Join(n.lines, "\n")); status != "" {
		return status
	}
	return deriveStatus(n.message.Subject)
}

// linesAbout returns the lines from each mention of a recipient to the next one of somebody else;
// "" if nobody else is mentioned.
func (n notice) linesAbout(recipient string) string {
	var b strings.Builder
	others, about, next := false, false, 0
	for i, line := range n.lines {
		for next < len(n.found) && n.found[next].line == i {
			if f := n.found[next]; f.form >= labelled {
				about = strings.EqualFold(f.address, recipient)
				others = others || !about
			}
			next++
		}
		if about {
			b.WriteString(line + "\n")
		}
	}
	if !others {
		return ""
	}
	return b.String()
}

// messageID returns the id of the mail the report is about.
func (n notice) messageID() string {
	if id := firstID(n.original.get("message-id")); id != "" {
		return id
	}
	for _, line := range n.lines {
		if i := indexFold([]byte(line[:min(len(line), 1000)]), "message-id:"); i >= 0 {
			if id := firstID([]byte(line[i+len("message-id:"):])); strings.Contains(id, "@") {
				return id
			}
		}
	}
	return firstNonEmpty(n.message.InReplyTo)
}

// originalSubject returns the subject of the mail the report is about.
func (n notice) originalSubject() string {
	return cleanLine(decodeWords(n.original.get("subject"), ""))
}

// addressee returns the first address the mail was sent to.
func (n notice) addressee() string {
	for _, name := range []string{"x-envelope-to", "x-original-to", "to", "cc"} {
		if list := addresses(n.original.all(name), ""); len(list) > 0 && strings.Contains(list[0].Address, "@") {
			return list[0].Address
		}
	}
	return n.sentTo
}
