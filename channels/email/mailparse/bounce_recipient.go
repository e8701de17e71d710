package mailparse

import (
	"slices"
	"strings"
)

// form tells how an address stands in a report: the more it stands out, the more likely it is the one
// that could not be reached.
type form int

const (
	mentioned form = iota + 1
	answered       // in what a server answered
	labelled       // after a word such as "recipient:"
	leading        // at the beginning of a line
	alone          // on a line of its own
	titled         // <ann@home.example>: before the reason
)

// foundAddress is an address in the words of a report.
type foundAddress struct {
	address string
	line    int
	form    form
	wanted  bool // the mail was sent to it
}

// recipientLabels stand before the address that failed.
var recipientLabels = []string{"generated from", "expanded from", "originally addressed to", "original address", "was addressed", "recipient", "rcpt to", "to", "addressed to", "failed", "address", "user", "utente", "usuario", "utilisateur", "benutzer", "пользователь", "пользователю", "użytkownik", "mailbox", "delivered to", "deliver to", "message to", "mail to", "reach", "account", "following", "unknown", "empfänger", "an", "adresse", "destinataire", "à", "destinatario", "destinatário", "para", "indirizzo", "a", "получатель", "получателю", "адрес", "кому", "адресат", "odbiorca", "adresat", "geadresseerde", "aan", "příjemce", "komu", "收件人", "收件者", "地址", "宛先", "受信者", "받는 사람", "수신자"}

// otherLabels stand before addresses of somebody else.
var otherLabels = []string{"from", "sender", "sent by", "reply-to", "reply to", "contact", "postmaster", "administrator", "support", "help", "report", "abuse", "message-id", "message id", "in-reply-to", "references", "received", "return-path", "envelope-id", "host", "server", "by", "von", "absender", "de", "expéditeur", "da", "mittente", "remitente", "remetente", "от", "отправитель", "od", "nadawca", "afzender", "发件人", "寄件者", "送信者", "差出人", "보낸 사람", "id"}

// serverLocals are local parts of those who look after mail, not of people who get it.
var serverLocals = []string{"postmaster", "mailer-daemon", "abuse", "mail-daemon", "mailerdaemon", "hostmaster", "noreply", "no-reply"}

// findAddresses gathers the addresses in the words of a report, without those of its sender, of its
// receiver and of servers.
func (n *notice) findAddresses() {
	skip, wanted := map[string]bool{strings.ToLower(n.message.From.Address): true}, map[string]bool{}
	for _, name := range []string{"to", "cc", "bcc", "x-envelope-to", "envelope-to", "x-original-to", "delivered-to"} {
		for _, a := range addresses(n.original.all(name), "") {
			wanted[strings.ToLower(a.Address)] = true
		}
	}
	for _, name := range []string{"from", "return-path", "sender", "reply-to", "errors-to"} {
		for _, a := range addresses(n.original.all(name), "") {
			skip[strings.ToLower(a.Address)] = true
		}
	}
	for _, a := range n.message.To {
		skip[strings.ToLower(a.Address)] = true
	}
	label := ""
	described := describedLines(n.lines)
	for i, line := range n.lines {
		if len(line) > 4000 {
			line = line[:4000]
		}
		for at := 0; len(n.found) < maxFound; {
			begin, end := nextAddress(line, at)
			if begin < 0 {
				break
			}
			address := line[begin:end]
			lower := strings.ToLower(address)
			local, _, _ := strings.Cut(lower, "@")
			isServer := containsAny(plainName(local), serverNames...)
			for _, name := range serverLocals {
				isServer = isServer || local == name
			}
			if described[i] {
				n.sentTo = firstNonEmpty(n.sentTo, address)
			} else if form := formOf(line, begin, end, label); form > 0 && (wanted[lower] || !isServer && !skip[lower]) {
				n.found = append(n.found, foundAddress{address, i, form, wanted[lower]})
			}
			at = end
		}
		if trimmed := strings.TrimSpace(line); trimmed != "" {
			label = ""
			if strings.HasSuffix(trimmed, ":") {
				label = trimmed
			}
		}
	}
}

// Labels of the lines by which a report describes the mail it is about.
var (
	addresseeLabels = []string{"to", "cc", "an", "à", "para", "a", "кому", "копия", "aan", "do", "till", "til", "komu", "kime", "收件人", "宛先", "받는 사람"}
	subjectLabels   = []string{"subject", "betreff", "objet", "asunto", "oggetto", "assunto", "тема", "onderwerp", "temat", "ämne", "emne", "aihe", "předmět", "tárgy", "konu", "subiect", "主题", "主旨", "件名", "제목"}
)

// describedLines tells which lines name the addressees of the mail that failed: they stand beside its
// subject. "To:" on its own names the one that could not be reached.
func describedLines(lines []string) map[int]bool {
	described := map[int]bool{}
	for i, line := range lines {
		if !labelledBy(line, subjectLabels) {
			continue
		}
		for near := max(0, i-3); near < min(len(lines), i+4); near++ {
			if labelledBy(lines[near], addresseeLabels) {
				described[near] = true
			}
		}
	}
	return described
}

// labelledBy tells whether a line begins with one of some labels and a colon.
func labelledBy(line string, labels []string) bool {
	label, _, found := strings.Cut(line[:min(len(line), 60)], ":")
	if !found {
		if label, _, found = strings.Cut(line[:min(len(line), 60)], "："); !found {
			return false
		}
	}
	label = strings.ToLower(strings.Trim(label, " \t*-\u00a0"))
	for _, word := range labels {
		if label == word {
			return true
		}
	}
	return false
}

// nextAddress returns where the next address of a line stands, or -1.
func nextAddress(line string, from int) (begin, end int) {
	const ends = " \t<>()\":;,[]{}|=«»“”„‘’！。，：；（）＜＞「」" // O'Brien is a name
	for from < len(line) {
		at := strings.IndexByte(line[from:], '@')
		if at < 0 {
			return -1, -1
		}
		at += from
		begin = strings.LastIndexAny(line[from:at], ends)
		if begin < 0 {
			begin = from
		} else {
			begin += from
			begin += runeLength(line[begin])
		}
		end = len(line)
		if i := strings.IndexAny(line[at+1:], ends); i >= 0 {
			end = at + 1 + i
		}
		end = begin + len(strings.TrimRight(line[begin:end], ".!?*_'"))
		for begin < at && strings.IndexByte(".*_-/'", line[begin]) >= 0 {
			begin++
		}
		if isMailAddress(line[begin:max(begin, end)]) {
			return begin, end
		}
		from = at + 1
	}
	return -1, -1
}

func runeLength(first byte) int {
	switch {
	case first < 0x80:
		return 1
	case first < 0xe0:
		return 2
	case first < 0xf0:
		return 3
	}
	return 4
}

// isMailAddress tells whether a word is a mail address with a domain that may exist.
func isMailAddress(word string) bool {
	local, domain, ok := strings.Cut(word, "@")
	if !ok || local == "" || len(word) > 320 || strings.HasPrefix(domain, ".") || !strings.Contains(domain, ".") || strings.Contains(domain, "..") {
		return false
	}
	return strings.IndexFunc(domain, func(r rune) bool {
		return r < 0x80 && r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// formOf tells how an address at line[begin:end] stands; 0 if it is somebody else's. label is the
// line before if that ended with a colon.
func formOf(line string, begin, end int, label string) form {
	before := strings.TrimRight(line[:begin], " \t<\"'([")
	after := strings.TrimLeft(line[end:], " \t>\"')]")
	before = strings.TrimLeft(before, " \t*-•·>.")
	if strings.HasSuffix(before, "mailto:") {
		before = strings.TrimRight(strings.TrimSuffix(before, "mailto:"), " \t<([")
	}
	words := strings.TrimRight(strings.ToLower(before), ":：, \t")
	switch {
	case before == "" && strings.HasPrefix(after, ":"):
		return titled
	case before == "" && strings.Trim(after, ".,; ") == "":
		if endsWithWord(strings.TrimRight(strings.ToLower(label), ":： \t"), otherLabels) {
			return 0
		}
		return alone
	case before == "":
		return leading
	case strings.HasSuffix(words, "rcpt to"):
		return alone
	case endsWithWord(words, recipientLabels):
		return labelled
	case endsWithWord(words, otherLabels):
		return 0
	case findReply(strings.TrimLeft(line, " \t<>")) != "":
		return answered
	}
	return mentioned
}

// endsWithWord tells whether a text is or ends with one of some words.
func endsWithWord(text string, words []string) bool {
	for _, word := range words {
		if rest, ok := strings.CutSuffix(text, word); ok && (rest == "" || word[0] >= 0x80 || strings.IndexByte(" \t-(/.,", rest[len(rest)-1]) >= 0) {
			return true
		}
	}
	return false
}

// recipient returns the address that most likely failed: one the mail was sent to before any other,
// then the one that stands out most, then the first. "" if the words name none.
func (n notice) recipient() string {
	best, most := "", 0
	for _, f := range n.found {
		score := int(f.form)
		if f.wanted {
			score += 4
		}
		if score > most {
			best, most = f.address, score
		}
	}
	return best
}

// inSubject returns the address that a subject names, "" if it names none but the receiver's own.
func (n notice) inSubject() string {
	begin, end := nextAddress(n.message.Subject, 0)
	if begin < 0 || slices.ContainsFunc(n.message.To, func(a Address) bool { return strings.EqualFold(a.Address, n.message.Subject[begin:end]) }) {
		return ""
	}
	return n.message.Subject[begin:end]
}

// localRecipient returns a name that stands alone where an address should, as servers write those of
// their own domain: with that domain. "" if there is none.
func (n notice) localRecipient() string {
	_, domain, ok := strings.Cut(n.message.From.Address, "@")
	if !ok || len(n.found) > 0 {
		return ""
	}
	for i, line := range n.lines[:min(len(n.lines), 40)] {
		name := strings.Trim(strings.TrimSpace(line), "<>")
		if i > 0 && name != "" && len(name) < 64 && strings.HasSuffix(strings.TrimSpace(n.lines[i-1]), ":") && isLocalName(name) {
			return name + "@" + strings.ToLower(domain)
		}
	}
	return ""
}

func isLocalName(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '.' && r != '_' && r != '-'
	}) < 0
}

// strongest returns the most telling form in which an address stands.
func (n notice) strongest() form {
	var most form
	for _, f := range n.found {
		most = max(most, f.form)
	}
	return most
}
