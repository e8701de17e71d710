package mailparse

import "strings"

// A report about an undelivered mail is read in three steps, each driven by tables: who wrote the
// mail (bounce_sender.go), what its fields or its words say (bounce_status.go, bounce_notice.go), and
// which status these words stand for (bounce_reason.go). There are hundreds of forms of such mails,
// and they differ in words, not in kind.

// readBounce returns what a mail says about another that was sent. Reports that a person forwards,
// quotes or attaches are none.
func readBounce(m *Message, head header, p *parser) Report {
	sender := senderOf(m, head)
	if isAnswer(m, head, sender) {
		return Report{}
	}
	isReport := p.report.whole && (p.report.kind == "delivery-status" || p.report.kind == "" || p.report.status != nil)
	if len(p.report.status) > 0 && (isReport || sender > nobody) {
		if r, told := statusReport(p.report.status); told {
			return complete(r, readNotice(m, head, p), p)
		}
	}
	if isReport && sender < likely {
		sender = likely
	}
	if sender == nobody || len(p.report.feedback) > 0 || len(p.report.receipt) > 0 && sender < likely {
		return Report{}
	}
	n := readNotice(m, head, p)
	if fields := n.fields(); fields != nil {
		if r, told := statusReport(fields); told {
			return complete(r, n, p)
		}
	}
	if !n.tellsFailure(sender) {
		return Report{}
	}
	return complete(n.report(head), n, p)
}

// isAnswer tells whether a person wrote in answer or sent something on. His program may keep the form
// of a report.
func isAnswer(m *Message, head header, sender trust) bool {
	return sender == nobody && (forwardSubject(m.Subject) || personProgram(head))
}

// complete fills in what a report leaves out, and names the mail it is about.
func complete(r Report, n notice, p *parser) Report {
	if r.Outcome == "" {
		return Report{}
	}
	inner := innerReport(p)
	if r.Recipient == "" || !strings.Contains(r.Recipient, "@") {
		r.Recipient = firstNonEmpty(n.recipient(), inner.Recipient, n.addressee(), n.inSubject(), n.localRecipient())
	}
	if r.Status == "" && r.Outcome != Delivered {
		r.Status = firstNonEmpty(n.status(r.Recipient), inner.Status)
		if r.Status == "" && r.Outcome == Delayed {
			r.Status = "4.4.7"
		}
		if r.Status == "" {
			r.Status = "5.0.0"
		}
	}
	if r.Outcome == Delayed && strings.HasPrefix(r.Status, "5") {
		r.Status = "4" + r.Status[1:]
	}
	if len(p.report.receipt) > 0 { // servers that reject by rule report in the form of a receipt
		inner = receipt(p)
		r.Recipient = firstNonEmpty(inner.Recipient, r.Recipient)
	}
	r.MessageID = firstNonEmpty(inner.MessageID, n.messageID())
	r.Subject = n.originalSubject()
	return r
}

// innerReport reads a report that another server wrapped into its own.
func innerReport(p *parser) Report {
	if p.report.attached == nil || p.inner {
		return Report{}
	}
	head, body := splitMail(p.report.attached)
	inner := parser{options: p.options, message: &Message{}, hint: p.hint, inner: true}
	inner.message.readHeader(head, p.hint)
	if senderOf(inner.message, head) == nobody {
		return Report{}
	}
	inner.readBody(head, body)
	return readBounce(inner.message, head, &inner)
}

func firstNonEmpty(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
