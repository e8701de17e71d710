package mailparse

import "strings"

// reasons are the words by which servers say why a mail could not be delivered, and the status that
// stands for them, most telling first: a server that rejects spam because a mailbox is full says
// both, and the mailbox is the news. All words are in lower case, with single blanks.
var reasons = []struct {
	status string
	words  []string
}{
	{"5.4.6", []string{"too many hops", "hop count exceeded", "mail loop", "mail loops back", "loops back to myself", "routing loop", "forwarding loop", "loop detected",
		"маршрутизация зациклена", "schleife"}},
	{"5.2.2", []string{"mailbox full", "mailbox is full", "mailbox for user is full", "mailfolder is full", "mail box full", "mailbox is currently full", "inbox is full", "inbox full", "over quota", "overquota", "over the quota",
		"quota exceeded", "exceeded quota", "exceeds quota", "exceeded its quota", "exceed the quota", "over its quota", "exceeded the space", "exceeded storage", "storage limit", "storage allocation", "exceeded the local limit",
		"quota limit", "disk quota", "out of storage", "mailbox exceeds", "mailbox size limit", "exceeded their", "mailbox has exceeded", "not enough storage", "insufficient disk space", "insufficient quota", "too much mail data",
		"has reached its limit", "mailbox quota", "quota violation", "user is overquota", "would exceed", "over disk quota", "is over the allowed quota", "full mailbox", "account is full", "mailbox exceeded",
		"postfach ist voll", "postfach voll", "postfach des empfängers ist voll", "speicherplatz", "boîte pleine", "boite pleine", "boîte aux lettres est pleine", "boîte aux lettres du destinataire est pleine", "dépassé son quota",
		"buzón lleno", "buzón está lleno", "buzón de correo del destinatario está lleno", "casella piena", "casella è piena", "cassetta postale piena", "cassetta postale del destinatario è piena", "caixa de correio está cheia", "caixa cheia", "caixa postal cheia",
		"ящик переполнен", "ящик получателя переполнен", "переполнен", "превышена квота", "mailbox vol", "postvak is vol", "postvak vol", "skrzynka pełna", "skrzynka odbiorcza jest pełna", "schránka je plná", "przepełniona", "邮箱已满", "郵箱已滿", "信箱已滿", "信箱已满", "邮箱空间不足", "超过了邮箱容量", "メールボックスがいっぱい", "容量を超え", "容量不足", "용량이 초과", "용량 초과", "메일함이 가득"}},
	{"5.3.4", []string{"message too large", "message size exceeds", "message is too large", "message too big", "size limit exceeded", "exceeds size limit", "exceeds the maximum size", "exceeds fixed maximum message size", "message size limit", "exceeds maximum message size",
		"exceeds limit", "exceeds administrative limit", "message file too big", "mail size limit", "message exceeds", "message length exceeds", "larger than the current system limit", "exceeds the size limit", "message is larger", "mail too large", "mail is too large",
		"larger than the limit", "too large to", "nachricht zu groß", "nachricht ist zu groß", "größenbeschränkung", "message est trop volumineux", "message trop", "mensaje es demasiado grande", "messaggio troppo grande", "размер письма", "слишком больш", "размер сообщения превышает", "邮件过大", "邮件太大", "容量大於", "サイズが大き"}},
	{"5.2.1", []string{"account disabled", "account is disabled", "account has been disabled", "account that you tried to reach is disabled", "account that you tried to reach is inactive", "mailbox disabled", "mailbox is disabled", "mailbox has been disabled",
		"account is inactive", "account inactive", "inactive user", "user is inactive", "account suspended", "account is suspended", "user suspended", "account has been suspended", "account is locked", "account locked", "account deactivated", "mailbox is inactive", "mailbox inactive", "mailbox locked",
		"account blocked", "account is blocked", "is not active", "no longer active", "user account is frozen", "mailbox is frozen", "disabled for inactivity", "account expired", "account has expired", "user disabled", "user has been disabled", "not been active", "account closed", "currently disabled", "temporarily disabled", "not accepting mail",
		"deaktiviert", "gesperrt", "désactivé", "deshabilitad", "desactivad", "disabilitat", "disattivat", "отключен", "заблокирован", "деактивирован", "wyłączone", "已停用", "已禁用", "被锁定", "已被冻结", "帳號停用", "無効", "휴면"}},
	{"5.1.2", []string{"host unknown", "unknown host", "host not found", "domain not found", "unknown domain", "domain does not exist", "domain name not found", "name or service not known", "couldn't find any host", "could not find any host", "couldn't find a host", "unrouteable mail domain", "unrouteable domain", "unrouteable address",
		"unroutable", "no such domain", "nxdomain", "host or domain name not found", "nullmx", "null mx", "invalid domain", "non-existent domain", "nonexistent domain", "domain not exist", "couldn't be found because", "illegal host", "bad host", "no mx or a records", "no mail server", "no mail hosts for domain", "domain couldn't be found", "domain could not be found", "all relevant mx records point to non-existent hosts",
		"not listed in domino directory? host", "dns error: domain", "dns error: dns type", "host name lookup failure", "unable to resolve", "couldn't resolve", "cannot resolve", "domain lookup failed", "no route to host? unknown", "cannot find host", "domain of recipient", "does not accept mail (nullmx)",
		"domain wurde nicht gefunden", "domäne wurde nicht gefunden", "domaine introuvable", "domaine n'existe pas", "dominio no existe", "no se encontró el dominio", "dominio inesistente", "dominio non trovato", "домен не существует", "домен не найден", "не удалось найти домен", "找不到域", "域名不存在", "ドメインが見つかり", "nie znaleziono domeny"}},
	{"5.7.1", []string{"relaying denied", "relay denied", "relay not permitted", "relaying not allowed", "relay access denied", "unable to relay", "relaying is not allowed", "not permitted to relay", "relay operation rejected", "relaying mail to", "we do not relay", "isn't in my list of allowed rcpthosts", "not in my list of allowed", "authentication required",
		"relaying prohibited", "relay prohibited", "relay not allowed", "cannot relay", "relaying temporarily prohibited"}},
	{"5.1.1", []string{"user unknown", "unknown user", "user not found", "no such user", "no such recipient", "no such mailbox", "no such account", "no such address", "no mailbox here by that name", "no mailbox found", "recipient unknown", "unknown recipient", "recipient not found", "recipient address rejected: user", "unknown address", "unknown mailbox", "unknown account", "unknown local",
		"mailbox not found", "mailbox unknown", "mailbox does not exist", "mailbox doesn't exist", "does not exist", "doesn't exist", "not exist", "address not found", "address unknown", "invalid recipient", "invalid user", "invalid mailbox", "invalid address", "bad address", "no user", "user doesn't have", "doesn't have a yahoo", "doesn't have an account", "does not have an account",
		"not a valid user", "not a valid mailbox", "not a known user", "not known here", "not our customer", "is not a valid", "user not known", "unrouteable", "account not found", "account does not", "has been deleted", "no longer exists", "no longer available", "no longer on server", "no longer valid", "no longer with", "not listed in", "recipient name is not recognized", "not recognized",
		"mailbox unavailable", "mailbox not available", "email address could not be found", "wasn't found at", "couldn't be found", "could not be found", "was not found", "e-mail account does not exist", "address rejected", "illegal user", "not in the directory", "unavailable mailbox", "delivery to this address is not", "not a local", "unknown or illegal alias", "undeliverable address", "recipient no longer", "recipient rejected",
		"local user", "user (", "there is no such", "this user doesn't", "there is no user", "no account by that name", "no existing", "not on this server", "sorry, no mailbox", "user does not", "badrcptto", "bad destination mailbox", "bad recipient", "no recipient", "dosn't exist", "isn't a valid", "mailbox name not allowed", "not local; please try", "is not allowed. try", "mail-enabled", "recipnotfound",
		"adresse wurde nicht gefunden", "empfänger wurde nicht gefunden", "e-mail-adresse konnte nicht gefunden", "existiert nicht", "unbekannter empfänger", "unbekannter benutzer", "nicht gefunden", "unbekannt", "n'existe pas", "adresse introuvable", "introuvable", "utilisateur inconnu", "destinataire inconnu", "inconnu", "no existe", "no se encontró", "no se ha encontrado", "desconocid", "usuario no", "non esiste", "inesistente", "non trovato", "non è stato trovato", "sconosciuto", "não existe", "não encontrad", "não foi encontrado", "desconhecid",
		"не существует", "не найден", "неизвестный пользователь", "такого пользователя", "такого почтового ящика", "нет такого", "не зарегистрирован", "пользователь не", "nie istnieje", "nie znaleziono", "nieznany", "bestaat niet", "niet gevonden", "onbekend", "neexistuje", "nenalezen", "nem létezik", "bulunamadı", "hittades inte", "finns inte", "ikke funnet", "blev ikke fundet", "ei löytynyt", "nu există", "не існує",
		"用户不存在", "不存在", "找不到", "查無此人", "無此帳號", "帐号不存在", "收件人地址错误", "存在しません", "見つかりません", "宛先不明", "ユーザーが存在", "リストにありません", "존재하지 않", "찾을 수 없", "없는 사용자"}},
	{"4.4.7", []string{"retry timeout exceeded", "retry time not reached", "delivery time expired", "message expired", "time-out", "expired after", "cannot send message for", "could not send message for", "could not be delivered for", "has been in the queue too long", "in the queue too long", "been on the queue", "queued too long", "message timed out", "message timeout", "not delivered within", "delivery timeout", "exceeded maximum time", "max time",
		"retry limit", "too many retries", "giving up on", "maximum retries", "number of attempts", "i'm not going to try again", "haven't been able to", "has expired", "unable to deliver for", "keep trying", "will keep trying", "will be retried", "delayed", "zeitüberschreitung", "délai", "expiró", "scaduto", "истекло", "истек срок", "przekroczono", "过期", "期限"}},
	{"4.4.1", []string{"connection refused", "connection timed out", "connection was refused", "couldn't establish an smtp connection", "wasn't able to establish an smtp", "unable to connect", "could not connect", "requests to connect", "socket error", "couldn't connect", "connect to", "no route to host", "host is unreachable", "network is unreachable", "not reachable", "no answer from host", "operation timed out", "remote server did not respond", "host did not respond", "server not responding", "server unavailable", "timed out", "timeout", "timeout while"}},
	{"4.4.2", []string{"connection dropped", "connection lost", "lost connection", "connection died", "connection reset", "connection closed", "bad connection", "connection was dropped", "connected but"}},
	{"4.4.3", []string{"dns failure", "dns lookup", "temporary failure in name resolution", "name server", "cname lookup failed", "temporary lookup failure", "dns server"}},
	{"5.7.1", []string{"spam", "blacklist", "blocklist", "black list", "block list", "blocked", "blacklisted", "spamhaus", "spamcop", "dnsbl", "rbl", "poor reputation", "bad reputation", "unsolicited", "junk mail", "bulk mail", "content rejected", "message content rejected", "virus", "malware", "message rejected", "policy", "not authorized", "not authorised", "access denied", "rejected by", "not permitted", "not allowed", "prohibited", "permission denied", "permission to send", "content filter", "banned", "denied",
		"dmarc", "spf", "dkim", "unauthenticated", "sender rejected", "sender denied", "refused", "domain-filter", "rejected for policy", "restricted", "sender verify failed", "callout verification", "abuse", "gross error", "domain filter", "rejected by the recipient", "reverse dns", "ptr record", "bad helo", "your ip", "client host",
		"als spam", "abgelehnt", "refusé", "rejeté", "rechazad", "bloquead", "respint", "rifiutat", "bloccat", "rejeitad", "спам", "отклонен", "запрещен", "odrzucona", "zablokowana", "垃圾邮件", "拒绝", "拒收", "被拒", "拒否", "迷惑メール", "스팸", "차단", "거부"}},
	{"5.3.2", []string{"not accepting messages", "not accepting network messages", "system not accepting", "does not accept", "not accepting", "system is shutting down", "too busy", "service not available", "service unavailable", "too many connections", "try again later", "temporarily unavailable", "resources temporarily", "too many recipients"}},
	{"5.3.0", []string{"mailer error", "unknown mailer error", "internal error", "child status", "local delivery failed", "system error", "service error", "can't create output", "i/o error", "configuration error", "local configuration", "aliasing/forwarding loop"}},
	{"5.5.0", []string{"syntax error", "protocol error", "bad sequence", "command unrecognized", "command not recognized", "unknown command"}},
	{"5.6.0", []string{"conversion", "encoding", "8bit", "malformed", "not rfc", "header error", "invalid header"}},
}

// replyCodes are what the codes of SMTP mean where no words say more (RFC 5321, 4.2.3; RFC 5248).
var replyCodes = map[string]string{
	"421": "4.3.2", "450": "4.2.0", "451": "4.3.0", "452": "4.3.1", "454": "4.7.0", "455": "4.5.4", "471": "4.7.1",
	"500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "504": "5.5.4", "510": "5.1.1", "511": "5.1.1", "512": "5.1.2", "521": "5.3.2", "523": "5.3.4", "530": "5.7.0",
	"534": "5.7.9", "535": "5.7.8", "541": "5.7.1", "550": "5.1.1", "551": "5.1.6", "552": "5.2.2", "553": "5.1.3", "554": "5.0.0", "555": "5.5.4", "556": "5.1.10", "557": "5.7.1", "571": "5.7.1",
}

// deriveStatus makes a status of what a report says in words: a status where one stands in it, else
// that of the first reason its words name, in the class of the reply code beside it, else that of
// the reply code. "" if it says nothing.
func deriveStatus(text string) string {
	if status := findStatus(text); status != "" {
		return status
	}
	code := findReply(text)
	if status := reasonStatus(text); status != "" {
		if code != "" && code[0] != status[0] {
			return code[:1] + status[1:]
		}
		return status
	}
	return replyCodes[code]
}

// reasonStatus returns the status of the first reason that the words of a text name, or "".
func reasonStatus(text string) string {
	text = flatten(text)
	for _, reason := range reasons {
		if containsAny(text, reason.words...) {
			return reason.status
		}
	}
	return ""
}

// findReply returns the first known reply code of SMTP that reports trouble, or "".
func findReply(text string) string {
	for i := 0; i+3 <= len(text); i++ {
		if (text[i] != '4' && text[i] != '5') || replyCodes[text[i:i+3]] == "" {
			continue
		}
		before := i == 0 || text[i-1] >= 0x80 || strings.IndexByte(" \n\t:;(<#[\"'=", text[i-1]) >= 0
		after := i+3 == len(text) || strings.IndexByte(" -\n:,)\"']>;", text[i+3]) >= 0
		if before && after {
			return text[i : i+3]
		}
	}
	return ""
}

// flatten puts a text into lower case with single blanks.
func flatten(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }

func containsAny(text string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
