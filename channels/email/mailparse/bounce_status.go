package mailparse

import (
	"bytes"
	"strings"
)

// maxRecipients bounds the groups that are read of one delivery-status.
const maxRecipients = 200

// maxAnswer bounds what is read of another server's answer.
const maxAnswer = 2 << 10

// statusReport reads the fields of a delivery-status (RFC 3464): one group for the message, one for
// each recipient. The first recipient that failed counts, else the first that is delayed, else the
// first that was reached. told is false if no group tells what happened.
func statusReport(status []byte) (report Report, told bool) {
	for range maxRecipients {
		status = bytes.TrimLeft(status, "\r\n")
		if len(status) == 0 {
			break
		}
		var group header
		if group, status = splitPart(status); len(group) == 0 {
			_, status = cutLine(status) // words between the groups
			continue
		}
		r, tells := groupReport(group)
		told = told || tells
		switch {
		case r.Outcome == Failed:
			return r, true
		case r.Outcome == Delayed && report.Outcome != Delayed, r.Outcome == Delivered && report.Outcome == "":
			report = r
		}
	}
	return report, told
}

// groupReport reads the group of one recipient. Without an action the class of the status tells what
// happened.
func groupReport(group header) (r Report, told bool) {
	action := keyword(group.word("action"))
	r = Report{Recipient: statusRecipient(group), Status: groupStatus(group)}
	switch {
	case strings.HasPrefix(action, "relay"), strings.HasPrefix(action, "expand"):
	case action == "delivered":
		r.Outcome, r.Status = Delivered, ""
	case strings.HasPrefix(action, "delay"):
		r.Outcome = Delayed
	case action != "", strings.HasPrefix(r.Status, "5"): // failed, expired, error
		r.Outcome, r.Permanent = Failed, !isTemporary(group)
	case strings.HasPrefix(r.Status, "4"):
		r.Outcome = Delayed
	}
	return r, action != "" || r.Status != ""
}

// isTemporary tells whether the number that a server gave says that trying again may help. What only
// words say is final once the server gave up.
func isTemporary(group header) bool {
	answer := group.get("diagnostic-code")
	text := string(answer[:min(len(answer), maxAnswer)])
	return strings.HasPrefix(firstNonEmpty(findStatus(group.word("status")), findStatus(text), findReply(text)), "4")
}

// groupStatus returns the status of a recipient; without one, that of the other server's answer.
func groupStatus(group header) string {
	if status := findStatus(group.word("status")); status != "" {
		return status
	}
	answer := group.get("diagnostic-code")
	return deriveStatus(string(answer[:min(len(answer), maxAnswer)]))
}

// statusRecipient returns the address of a group: the one the sender wrote, which he knows the person
// by, rather than the one to which it was passed on and at which it failed.
func statusRecipient(group header) string {
	best := ""
	for _, name := range []string{"original-recipient", "final-recipient", "x-actual-recipient", "x-original-recipient", "x-recipient"} {
		address := typedAddress(group.get(name))
		_, domain, ok := strings.Cut(address, "@")
		switch {
		case !ok || strings.HasPrefix(strings.ToLower(address), "imcea"): // a name inside an Exchange server
		case strings.Contains(domain, ".") && !strings.HasSuffix(strings.ToLower(domain), ".local"):
			return address
		case best == "":
			best = address
		}
	}
	return best
}

// typedAddress reads "rfc822; ann@home.example". Of an X.400 address it takes the mail address that
// is kept inside, where (a) stands for @.
func typedAddress(value []byte) string {
	kind, rest, found := bytes.Cut(value, []byte{';'})
	if !found {
		rest = value
	}
	if i := bytes.Index(value, []byte("(a)")); i > 0 && bytes.Contains(bytes.ToLower(kind), []byte("x400")) {
		begin := bytes.LastIndexAny(value[:i], "=;:/ ") + 1
		end := len(value)
		if j := bytes.IndexAny(value[i:], ";/ "); j >= 0 {
			end = i + j
		}
		return cleanAddress(bytes.Replace(value[begin:end], []byte("(a)"), []byte{'@'}, 1), "")
	}
	list := addresses([][]byte{rest}, "")
	if len(list) == 0 {
		return ""
	}
	return strings.TrimSuffix(list[0].Address, ".")
}

// findStatus returns the first status code of RFC 3463 in text that reports trouble.
func findStatus(text string) string {
	for i := 0; i+4 < len(text); i++ {
		if (text[i] == '4' || text[i] == '5') && text[i+1] == '.' && (i == 0 || !partOfNumber(text[i-1])) {
			if status := readStatus(text[i:]); status != "" {
				return status
			}
		}
	}
	return ""
}

// partOfNumber tells whether a byte before a digit makes it part of a version, an address or a name.
func partOfNumber(b byte) bool {
	return isDigit(b) || b == '.' || b == '/' || b == '_' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// readStatus reads class.subject.detail at the start of text, or returns "". Subjects have one digit
// and details three at most.
func readStatus(text string) string {
	if len(text) < 5 || !isDigit(text[2]) || text[2] > '7' || text[3] != '.' {
		return ""
	}
	i := 4
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == 4 || i > 7 || i < len(text) && text[i] == '.' && i+1 < len(text) && isDigit(text[i+1]) {
		return ""
	}
	return text[:i]
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
