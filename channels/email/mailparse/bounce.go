package mailparse

import (
	"bytes"
	"strings"
)

// readBounce recognises reports about undelivered mail: those of RFC 3464, and the older ones that
// servers write in words.
func readBounce(m *Message, head header, p *parser) Bounce {
	b := findBounce(m, head, p)
	if b.Is {
		b.MessageID = firstID(p.report.original.get("message-id"))
		if b.MessageID == "" {
			b.MessageID = idInText(m.Text[:min(len(m.Text), 16<<10)])
		}
	}
	return b
}

// idInText returns the Message-ID among the headers that a report repeats in its text, or "".
func idInText(text string) string {
	i := indexFold([]byte(text), "message-id:")
	if i < 0 {
		return ""
	}
	line, _, _ := strings.Cut(text[i+len("message-id:"):], "\n")
	return firstID([]byte(line))
}

func findBounce(m *Message, head header, p *parser) Bounce {
	if len(p.report.status) > 0 {
		if b, ok := statusBounce(p.report.status); ok {
			if b.Is && b.Recipient == "" {
				b.Recipient = failedRecipient(head)
			}
			return b
		}
	}
	if p.report.kind != "" && p.report.kind != "delivery-status" || !fromServer(m, head) {
		return Bounce{}
	}
	return wordBounce(m, head)
}

// statusBounce reads the fields of a delivery-status part: one group for the message, one for each
// recipient. The first recipient that failed counts, else the first that is delayed. False means that
// no group tells what happened.
func statusBounce(status []byte) (Bounce, bool) {
	var delayed Bounce
	understood := false
	for range 100 {
		status = bytes.TrimLeft(status, "\r\n")
		if len(status) == 0 {
			break
		}
		var group header
		group, status = splitPart(status)
		if len(group) == 0 {
			break
		}
		action := keyword(group.word("action"))
		b := Bounce{Is: true, Recipient: statusRecipient(group), Status: findStatus(group.word("status"))}
		if b.Status == "" {
			b.Status = findStatus(group.word("diagnostic-code"))
		}
		understood = understood || action != "" || b.Status != ""
		switch {
		case action == "failed", action == "" && strings.HasPrefix(b.Status, "5"):
			b.Permanent = !strings.HasPrefix(b.Status, "4")
			return b, true
		case action == "delayed", action == "" && strings.HasPrefix(b.Status, "4"):
			if !delayed.Is {
				delayed = b
			}
		}
	}
	return delayed, understood
}

func statusRecipient(group header) string {
	for _, name := range []string{"final-recipient", "original-recipient", "x-actual-recipient"} {
		value := group.get(name)
		if i := bytes.IndexByte(value, ';'); i >= 0 {
			value = value[i+1:]
		}
		if list := addresses([][]byte{value}, ""); len(list) > 0 && strings.Contains(list[0].Address, "@") {
			return list[0].Address
		}
	}
	return ""
}

// failedRecipient returns the address that Exim and Gmail put into a field of their own.
func failedRecipient(head header) string {
	if list := addresses(head.all("x-failed-recipients"), ""); len(list) > 0 {
		return list[0].Address
	}
	return ""
}

// fromServer tells whether the mail comes from a mail server and not from a person.
func fromServer(m *Message, head header) bool {
	if head.has("x-failed-recipients") {
		return true
	}
	local, _, _ := strings.Cut(strings.ToLower(m.From.Address), "@")
	switch local {
	case "mailer-daemon", "mail-daemon", "mailerdaemon", "postmaster", "mail.delivery.system", "double-bounce":
		return true
	}
	if path := head.get("return-path"); path != nil && m.ReturnPath == "" && bytes.Contains(path, []byte("<>")) {
		return bounceSubject(m.Subject)
	}
	return false
}

// wordBounce reads a report without fields: the subject or the first words say what happened, and
// address and status stand somewhere in the text.
func wordBounce(m *Message, head header) Bounce {
	text := m.Text[:min(len(m.Text), 16<<10)]
	if !head.has("x-failed-recipients") && !bounceSubject(m.Subject) && !bounceText(text) {
		return Bounce{}
	}
	b := Bounce{Is: true, Recipient: failedRecipient(head), Status: findStatus(text)}
	if b.Recipient == "" {
		b.Recipient = addressInText(text, m)
	}
	lower := strings.ToLower(m.Subject + "\n" + text)
	isDelay := strings.Contains(lower, "delayed") || strings.Contains(lower, "will be retried") || strings.Contains(lower, "still being retried") ||
		strings.Contains(lower, "warning: message") || strings.Contains(lower, "verzögert")
	b.Permanent = !strings.HasPrefix(b.Status, "4") && !(b.Status == "" && isDelay)
	return b
}

func bounceSubject(subject string) bool {
	return containsAny(strings.ToLower(subject), "undelivered", "undeliverable", "delivery status notification", "delivery failure", "delivery failed",
		"failure notice", "mail delivery", "returned mail", "returned to sender", "delivery has failed", "mail system error", "message delivery",
		"non-delivery", "nondeliverable", "unzustellbar", "nicht zugestellt", "zustellung", "non remis", "échec de la remise", "no se puede entregar", "no entregado",
		"mancato recapito", "mancata consegna", "não entregue", "недоставлен", "не доставлен", "невозможно доставить", "сообщение не доставлено", "niedostarcz",
		"niet te bezorgen", "onbestelbaar", "退信", "无法投递", "無法傳遞", "未能送达", "配信不能", "配信できません", "delay")
}

func bounceText(text string) bool {
	return containsAny(strings.ToLower(text[:min(len(text), 2000)]), "could not be delivered", "delivery to the following recipient", "this is the qmail-send program",
		"created automatically by mail delivery software", "permanent fatal errors", "wasn't delivered", "was not delivered", "undeliverable",
		"delivery has failed", "unable to deliver", "couldn't be delivered", "konnte nicht zugestellt", "не удалось доставить", "не доставлено")
}

func containsAny(text string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// findStatus returns the first status code of RFC 3463 in text that reports trouble, or one derived
// from a reply code of SMTP such as 550.
func findStatus(text string) string {
	for i := 0; i+4 < len(text); i++ {
		if (text[i] == '4' || text[i] == '5') && text[i+1] == '.' && (i == 0 || !isDigit(text[i-1]) && text[i-1] != '.') {
			if status := readStatus(text[i:]); status != "" {
				return status
			}
		}
	}
	for i := 0; i+3 <= len(text); i++ {
		if (text[i] == '4' || text[i] == '5') && isDigit(text[i+1]) && isDigit(text[i+2]) && text[i+1] <= '5' &&
			(i == 0 || strings.IndexByte(" \n\t:(<#", text[i-1]) >= 0) && (i+3 == len(text) || strings.IndexByte(" -\n", text[i+3]) >= 0) {
			return string(text[i]) + ".0.0"
		}
	}
	return ""
}

// readStatus reads class.subject.detail at the start of text, or returns "".
func readStatus(text string) string {
	i := 2
	for range 2 {
		begin := i
		for i < len(text) && isDigit(text[i]) && i-begin < 3 {
			i++
		}
		if i == begin {
			return ""
		}
		if begin > 2 {
			if i < len(text) && (isDigit(text[i]) || text[i] == '.' && i+1 < len(text) && isDigit(text[i+1])) {
				return ""
			}
			return text[:i]
		}
		if i == len(text) || text[i] != '.' {
			return ""
		}
		i++
	}
	return ""
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// addressInText returns the first address in a report that is not the server's own.
func addressInText(text string, m *Message) string {
	for count := 0; count < 200; count++ {
		at := strings.IndexByte(text, '@')
		if at < 0 {
			return ""
		}
		begin := strings.LastIndexAny(text[:at], " \t\n<>(\"':;,[]") + 1
		end := at + 1
		for end < len(text) && strings.IndexByte(" \t\n<>()\"':;,[]", text[end]) < 0 {
			end++
		}
		address := strings.TrimRight(text[begin:end], ".")
		local, domain, _ := strings.Cut(address, "@")
		if local != "" && strings.Contains(domain, ".") && !strings.EqualFold(address, m.From.Address) &&
			!strings.EqualFold(local, "postmaster") && !strings.EqualFold(local, "mailer-daemon") {
			return address
		}
		text = text[end:]
	}
	return ""
}
