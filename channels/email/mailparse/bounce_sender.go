package mailparse

import (
	"bytes"
	"strings"
)

// trust tells how sure it is that a mail server wrote a mail: nobody means that a person or a shop
// did, and then no words make the mail a report.
type trust int

const (
	nobody trust = iota
	possible
	likely
	certain
)

// serverNames are local parts that only programs have; a name with a hyphen, dot or underscore is
// also found without.
var serverNames = []string{"mailerdaemon", "maildaemon", "mdaemon", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
	"maildeliverysystem", "maildeliverysubsystem", "maildelivery", "doublebounce", "bouncedaemon", "postoffice", "mmdf", "gwdaemon", "smtpdaemon", "smtpmailservice", "smtpgateway", "systemadministrator", "maildeliveryservice", "nondelivery"}

// serverTitles are display names that only programs have, in lower case. They count where the
// address alone says little.
var serverTitles = []string{"mail delivery s", "mail deliver system", "mail delivery agent", "mailer-daemon", "mailer daemon", "mail daemon",
	"delivery subsystem", "mail administrator", "mail router", "mail system", "mail server", "system administrator", "systemadministrator",
	"administrateur syst", "administrador del sistema", "administrador do sistema", "amministratore di sistema", "amministratore sistema",
	"системный администратор", "системный администратор", "administrator systemu", "systeembeheerder", "sistem yöneticisi", "系统管理员", "系統管理員",
	"システム管理者", "시스템 관리자", "microsoft exchange", "interscan", "mailmarshal", "mailsweeper", "internet mail service", "internet mail delivery",
	"smtp gateway", "mail gateway", "content filter", "spam firewall", "postmaster", "почтовая служба", "mail non délivré", "mail transport", "email delivery"}

// senderOf judges From, the envelope and the fields that only servers write.
func senderOf(m *Message, head header) trust {
	if head.has("x-failed-recipients") || head.has("x-ms-exchange-message-is-ndr") || serverName(m.From.Address) {
		return certain
	}
	local, _, _ := strings.Cut(strings.ToLower(m.From.Address), "@")
	title := strings.ToLower(m.From.Name)
	auto := head.word("auto-submitted")
	isPostmaster := strings.HasPrefix(plainName(local), "postmast")
	switch {
	case (personProgram(head) || forwardSubject(m.Subject)) && (namesPerson(title) || !isPostmaster):
		return nobody
	case personProgram(head), forwardSubject(m.Subject):
		return possible // some servers keep the program, or the subject, of the mail they report on
	case containsAny(title, serverTitles...), local == "ndr", local == "dsn", local == "mailer", isPostmaster && (!namesPerson(title) || emptyPath(head)),
		strings.Contains(auto, "(fail"), strings.Contains(auto, "(reject"), head.has("x-ms-embedded-report"), serverName(m.ReturnPath):
		return likely
	case m.From.Address == "" && m.From.Name == "", emptyPath(head), isPostmaster,
		local == "administrator", local == "admin", local == "sysadmin", local == "root", local == "system", local == "bounce", local == "bounces", local == "daemon", noReply(local),
		title == "microsoft outlook", title == "exchange":
		return possible
	}
	return nobody
}

// noReply tells whether a local part says that nobody reads there.
func noReply(local string) bool {
	name := plainName(local)
	return strings.HasPrefix(name, "noreply") || strings.HasPrefix(name, "donotreply")
}

// programWords stand in the names that administrators give to programs.
var programWords = []string{"mail", "post", "smtp", "server", "daemon", "delivery", "exchange", "outlook", "gateway", "system", "notif", "auto", "admin", "service", "support", "zustell", "почт"}

// namesPerson tells whether a display name, in lower case, may be that of a person: people who look
// after mail write from the address of their server.
func namesPerson(title string) bool { return title != "" && !containsAny(title, programWords...) }

// serverName tells whether an address is one that only programs have.
func serverName(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	return containsAny(plainName(strings.Trim(local, `"`)), serverNames...)
}

var plainNames = strings.NewReplacer("-", "", "_", "", ".", "", " ", "")

func plainName(local string) string { return plainNames.Replace(local) }

// emptyPath tells whether the receiving server noted that the mail has no sender on its envelope.
func emptyPath(head header) bool {
	path := bytes.TrimSpace(head.get("return-path"))
	return bytes.Equal(path, []byte("<>")) || bytes.EqualFold(path, []byte("<MAILER-DAEMON>")) || bytes.Equal(path, []byte("<#@[]>"))
}

// mailPrograms are names that programs in which people write give in User-Agent and X-Mailer.
var mailPrograms = []string{"thunderbird", "mozilla", "apple mail", "iphone mail", "ipad mail", "microsoft outlook", "outlook express", "windows live mail",
	"microsoft windows mail", "evolution", "kmail", "mutt", "claws", "sylpheed", "the bat", "roundcube", "squirrelmail", "horde", "zimbra", "k-9", "airmail", "spark",
	"em client", "opera mail", "sparrow", "mailmate", "foxmail", "becky", "alpine", "pegasus", "eudora", "gnus", "yahoomailwebservice", "webmail", "open-xchange", "samsung",
	"bluemail", "postbox", "betterbird", "mailspring", "canary", "gmail"}

// personProgram tells whether the mail was written in a program for people.
func personProgram(head header) bool {
	return containsAny(head.word("user-agent"), mailPrograms...) || containsAny(head.word("x-mailer"), mailPrograms...)
}

// forwardSubjects begin the subjects of answers and forwarded mails.
var forwardSubjects = []string{"re:", "re :", "fw:", "fwd:", "fw :", "aw:", "wg:", "sv:", "vs:", "tr:", "tr :", "rv:", "r:", "i:", "enc:", "res:", "odp:", "pd:", "doorst:", "antw:", "вн:", "ha:", "на:",
	"пересл", "回复:", "回复：", "转发:", "转发：", "答复:", "答复：", "轉寄:", "返信:", "転送:", "fwd :", "[fwd:", "ynt:", "ilt:", "vl:", "vb:"}

// forwardSubject tells whether a subject begins as those of answers and forwarded mails do.
func forwardSubject(subject string) bool { return hasPrefix(subject, forwardSubjects) }
