package content

import "strings"

// What mail servers, virus scanners and mailing lists write around every mail, in lower case.

// footers begin a paragraph that is never a customer's.
var footers = []string{
	"virus-free", "virenfrei", "sans virus", "libre de virus", "senza virus", "livre de vírus", "без вирусов", "wolny od wirusów", "bez virů", "virusvrij", "garanti sans virus", "privo di virus", "không có vi-rút",
	"this email has been checked for viruses", "this e-mail has been checked for viruses", "this email is free from viruses", "no virus found in this", "this email has been scanned",
	"diese e-mail wurde von avast", "diese e-mail wurde auf viren", "l'absence de virus dans ce courrier", "l’absence de virus dans ce courrier", "este correo electrónico ha sido comprobado", "el software de antivirus avast", "questa e-mail è stata controllata", "questa email è stata esaminata", "esta mensagem foi verificada", "este e-mail foi verificado", "deze e-mail is gecontroleerd op virussen", "ta wiadomość e-mail została sprawdzona", "данное сообщение проверено на вирусы", "это сообщение проверено на вирусы", "tento e-mail byl zkontrolován",
	"confidentiality notice", "confidentiality note", "confidentiality statement", "confidentiality:", "disclaimer:", "legal disclaimer", "privileged and confidential", "privacy and confidentiality", "vertraulichkeitshinweis", "avis de confidentialité", "aviso de confidencialidad", "aviso legal", "nota de confidencialidad", "cláusula de confidencialidad", "avviso di riservatezza", "nota di riservatezza", "klauzula poufności", "уведомление о конфиденциальности", "yasal uyarı",
	"please consider the environment", "think before you print", "before printing this", "please don't print this", "please do not print this", "consider the environment before", "bitte denken sie an die umwelt", "denken sie an die umwelt", "bevor sie diese e-mail ausdrucken", "pensez à l'environnement", "pensez à l’environnement", "merci de penser à l'environnement", "n'imprimez ce", "n’imprimez ce", "antes de imprimir este", "por favor, piense en el medio", "rispetta l'ambiente", "prima di stampare questa",
	"you received this message because you are subscribed", "you are receiving this because you", "to unsubscribe from this", "to unsubscribe send", "to unsubscribe, send", "to unsubscribe, e-mail", "to unsubscribe, email", "to unsubscribe, visit", "to unsubscribe email", "to unsubscribe and other options", "to unsubscribe or change", "this e-mail was sent from a contact form",
}

// footerWords are found in the first words of such paragraphs.
var footerWords = []string{
	"www.avast.com", "www.avg.com", "avast.com/antivirus", "avast antivirus", "überprüft. www.avast", "mailing list - ", "mailing list -- ", "lists/listinfo/", "mailman/listinfo", "mailman3/",
}

// aboutMails begin a paragraph that speaks of the mail itself; with one of secrecies in it, it is
// the lawyers'. Customers begin so too: "This message is my withdrawal".
var aboutMails = []string{
	"this email", "this e-mail", "this message", "this mail", "this communication", "this transmission", "this electronic", "the information", "the content", "any views", "if you are not the", "if you have received this", "if you received this", "notice:", "important notice", "legal notice", "privacy notice", "confidential", "disclaimer", "important:", "the sender",
	"diese e-mail", "diese email", "diese nachricht", "diese mail", "der inhalt dieser", "die information", "die in dieser", "wichtiger hinweis", "hinweis:", "haftungsausschluss", "der schutz ihrer", "informationen zum datenschutz", "hinweise zum datenschutz",
	"ce message", "ce courriel", "ce mail", "cet e-mail", "cet email", "ce courrier", "le présent message", "les informations", "le contenu de", "si vous n", "l'information",
	"este mensaje", "este correo", "este e-mail", "este email", "la información", "el contenido", "en cumplimiento", "de conformidad", "advertencia", "le informamos", "si usted no es", "si ha recibido",
	"esta mensagem", "as informações", "a informação", "o conteúdo", "este correio", "se você não", "aviso:",
	"questo messaggio", "questa e-mail", "questa email", "questa mail", "il presente messaggio", "la presente", "il contenuto", "le informazioni", "ai sensi", "informativa", "qualora", "si informa", "i dati",
	"dit bericht", "dit e-mailbericht", "deze e-mail", "deze email", "deze mail", "de informatie", "aan dit bericht", "de inhoud van",
	"niniejsza", "ta wiadomość", "treść tej", "informacje zawarte", "wiadomość ta", "administratorem", "uwaga:", "jeżeli nie",
	"данное", "настоящее", "это сообщение", "это электронное", "это письмо", "информация", "содержание",
	"tato zpráva", "tento e-mail", "tento email", "informace obsažené", "táto správa", "detta meddelande", "detta e-post", "denne e-mail", "denne mail", "denne meddelelse", "denne e-post", "tämä viesti", "tämä sähköposti", "ez az üzenet", "ez az e-mail", "acest mesaj", "acest e-mail", "acest email", "informațiile", "това съобщение", "този имейл", "το παρόν", "αυτό το μήνυμα", "bu e-posta", "bu elektronik", "bu mesaj",
	"本邮件", "本電子郵件", "此邮件", "此電子郵件", "本电子邮件", "このメール", "本メール", "이 메일", "본 메일", "이 전자우편",
}

// secrecies are the words of lawyers.
var secrecies = []string{
	"confidential", "privileged", "intended recipient", "intended only", "intended solely", "intended for", "unauthorized", "unauthorised", "legally protected", "vertraulich", "adressat", "unbefugt", "rechtlich geschützt", "confidentiel", "destinataire prévu", "destinataire", "confidencial", "destinatario", "destinatário", "riservat", "confidenzial", "destinatari", "vertrouwelijk", "geadresseerde", "poufn", "adresat", "адресат", "конфиденциальн", "důvěrn", "dôvern", "fortrolig", "konfidenti", "sekretess", "luottamuksell", "bizalmas", "confidenția", "confidential", "поверителн", "εμπιστευτικ", "gizli", "机密", "保密", "機密", "守秘", "기밀", "비밀", "196/2003", "2016/679", "gdpr", "dsgvo", "rgpd", "datenschutz", "datenverarbeitung", "protección de datos",
}

// banners begin the warnings that a receiving server puts above mails from outside.
var banners = []string{
	"caution: this email", "caution: this e-mail", "caution: this message", "caution: external", "caution! external", "caution - external", "external email", "external e-mail", "external sender", "external mail:", "warning: this email", "warning: external", "this email originated from outside", "this email originates from outside", "this message originated from outside", "you don't often get email from", "you don’t often get email from", "some people who received this message don't often", "some people who received this message don’t often",
	"achtung: diese e-mail", "achtung: externe e-mail", "achtung: externe mail", "achtung: externer absender", "vorsicht: diese e-mail", "vorsicht: externe", "warnung: diese e-mail", "sie erhalten nicht häufig e-mails von", "sie erhalten nicht oft e-mails von",
	"attention : mail externe", "attention: mail externe", "attention : ce mail provient", "attention : cet e-mail provient", "vous n’obtenez pas souvent", "vous n'obtenez pas souvent", "vous ne recevez pas souvent", "precaución: este correo", "atención: este correo", "no suele recibir correos electrónicos de", "no suele recibir correo electrónico de", "attenzione: questa e-mail proviene", "attenzione: questa mail proviene", "attenzione: mail esterna", "attenzione: e-mail esterna", "in genere non si ricevono messaggi", "non si ricevono spesso messaggi",
	"внимание: внешнее письмо", "внимание! внешнее письмо", "внимание! внешний", "внешнее письмо", "вы не часто получаете", "вы нечасто получаете", "您通常不会收到", "外部邮件", "let op: deze e-mail", "uwaga: ta wiadomość pochodzi", "uwaga! ta wiadomość pochodzi",
}

// bannerWords are in the lines under such a beginning that belong to it.
var bannerWords = []string{"links or ", "attachments", "learn why this is important", "know the content is safe", "recognize the sender", "outside of the organi", "outside your organi", "anhänge", "warum dies wichtig ist", "pièces jointes", "pourquoi", "archivos adjuntos", "por qué esto es importante", "allegati", "perché è importante", "вложени", "почему это важно", "bijlagen", "załącznik"}

// frameBegins and frameEnds stand between dashes around a customer's words that a marketplace passes on.
var (
	frameBegins = []string{"begin message", "anfang der nachricht", "beginn der nachricht", "début du message", "inizio messaggio", "inizio del messaggio", "comienzo del mensaje", "inicio del mensaje", "begin bericht", "begin van bericht", "メッセージはここから", "início da mensagem", "mesaj başlangıcı", "początek wiadomości", "meddelandet börjar"}
	frameEnds   = []string{"end message", "end of message", "ende der nachricht", "fin du message", "fine messaggio", "fine del messaggio", "fin del mensaje", "einde bericht", "einde van bericht", "メッセージはここまで", "fim da mensagem", "mesaj sonu", "koniec wiadomości", "meddelandet slutar"}
)

const (
	footerHead    = 400 // characters of a footer that are read
	footerName    = 60  // characters in which it must name itself if no rule is above
	shortestLegal = 60  // bytes
)

// isFooter tells of a paragraph that servers put under every mail; ruled means that a rule parts it from
// the person's words.
func isFooter(paragraph string, ruled bool) bool {
	lower := bare(strings.Trim(bare(headOf(paragraph, footerHead)), "-=#~•!<>()| "))
	named := lower
	if !ruled {
		named = headOf(lower, footerName)
	}
	return hasAnyPrefix(lower, footers) || containsAny(named, footerWords) ||
		len(lower) >= shortestLegal && hasAnyPrefix(lower, aboutMails) && containsAny(lower, secrecies)
}

// dropBanner drops the warning that the receiving server puts above mails from outside.
func (f *finder) dropBanner() {
	first := f.nextWords(0, 8)
	if first < 0 || f.lines[first].quote > 0 || !hasAnyPrefix(bare(f.lines[first].text), banners) {
		return
	}
	f.drop[first] = true
	for i := first + 1; i < len(f.lines) && f.lines[i].quote == 0 && containsAny(bare(f.lines[i].text), bannerWords); i++ {
		f.drop[i] = true
	}
}

// dropSeal drops the lines of OpenPGP around a text that is signed in its midst.
func (f *finder) dropSeal() {
	const begin, head, seal = 0, 1, 2
	at := begin
	for i, l := range f.lines {
		switch {
		case l.quote > 0:
			continue
		case at == begin && l.text == "-----BEGIN PGP SIGNED MESSAGE-----":
			at = head
		case at == head && l.text == "":
			at = begin
		case at != seal && l.text == "-----BEGIN PGP SIGNATURE-----":
			at = seal
		}
		if at == begin {
			continue
		}
		f.drop[i] = true
		if l.text == "-----END PGP SIGNATURE-----" {
			at = begin
		}
	}
}

// keepFramed drops all but the lines between the marks that marketplaces put around a customer's
// words when they pass a mail on.
func (f *finder) keepFramed() {
	begin, end := -1, -1
	for i, l := range f.lines {
		if l.mark == markOnly && begin < 0 {
			begin = i
		}
		if begin >= 0 && end < 0 && f.lines[begin].mark == markOnly && l.mark != markOnly {
			end = i
		}
		if !strings.HasPrefix(l.text, "---") || len(l.text) > 200 {
			continue
		}
		switch inner := bare(strings.Trim(l.text, "- ")); {
		case begin < 0 && hasAnyPrefix(inner, frameBegins):
			begin = i + 1
		case begin >= 0 && end < 0 && hasAnyPrefix(inner, frameEnds):
			end = i
		}
	}
	if begin < 0 || begin == len(f.lines) {
		return
	}
	if end < 0 {
		if f.lines[begin].mark != markOnly {
			return
		}
		end = len(f.lines)
	}
	if hasWords(f.lines[begin:end]) {
		f.dropRange(0, begin)
		f.dropRange(end, len(f.lines))
	}
}
