package content_test

import (
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox/content"
)

// TestKept checks that words of customers stay which look like what programs write.
func TestKept(t *testing.T) {
	for _, text := range []string{
		// lawyers and customers begin alike
		"Buongiorno,\n\nai sensi dell'art. 52 del Codice del consumo intendo recedere dal contratto del 3.3.2025.",
		"Le présent message vaut mise en demeure : la somme doit être remboursée sous huit jours.",
		"Diese E-Mail und meine vorherige blieben ohne Antwort. Wo bleibt mein Geld?",
		"This message is my withdrawal from the contract of 3 March 2025, order 4711.",
		"Attenzione: questa lampada è rotta.\n\nChe faccio?",
		"Important: the parcel must not be left with a neighbour, please write that on it.",
		"Bitte prüfen Sie, ob die Rechnung stimmt.",
		"このメールには写真を添付しました。ご確認ください。",
		// phones
		"Where is it?\n\nSent from a shop in Berlin yesterday.",
		"Das Paket kam an.\n\nVon der Telekom wurde das Handy nicht gesendet.",
		"Merhaba,\n\ntelefon gönderildi",
		"Hola,\n\nEnviado por Correos, pero el móvil no llegó.",
		"Hello,\n\nGet the phone back to me.",
		"Hello,\n\nDoes it work with Outlook for Android?",
		"Скачать инструкцию на телефон не получается",
		"Hello\n\nFrom my phone I cannot open it.",
		"Download the app on my iPhone failed.",
		"Отправлено из почтового отделения 101000 вчера.",
		// rules and dashes
		"Two things:\n\n---\nOrder: 4711\nItem: lamp",
		"First part.\n\n-----\n\nSecond part, with an answer.",
		"-- Original box is missing\n-- the cable too\n\nWhat now?",
		"Hello\n—\nWhere is it? I wrote on 3 March.",
		"Lampe\n___\n2 Stück, 4711",
		// headers
		"I need it sent\nFrom: Berlin\nTo: Rome\nDate: 3 March\nThanks",
		"Od: 5.3.\nDo: 8.3.\n\nreklamacja",
		"Betreff: meine Lampe\n\nSie ist kaputt.",
		"Hello,\n\nTo: the manager\n\nI am angry.",
		"On the label it says\nTo: Ann Example\nSent: 3/3/2025\nand that is wrong.",
		// introductions
		"As I wrote:\nthe lamp is broken.",
		"I bought it on 3 March 2025 at 10:15 and you wrote me that it was sent.",
		"On Monday I called, and your colleague said:\n\nwe pay it back.\n\nWhen?",
		"My number is 4711, mail ann@home.example, bought 3.3.2025:\n\nit does not work",
		"Dear all,\n\nbob@home.example and I wrote you on 3.3.2025:\n\nno answer yet!",
		"Am 3.3. habe ich bestellt:\n- Lampe\n- Kabel\n\nEs fehlt das Kabel.",
		"At 10:15 on 3/3/2025 the courier wrote: nobody home. But I was.",
		"Il 3 marzo ho scritto: nessuna risposta.",
		"Menu> Settings does not open\nnothing happens",
		// other marks
		"| Item | Price |\n| Lamp | 5 |\n\nIs that right?",
		">>> read this <<<\n\nIt is broken.",
		"a -> b\nb -> c",
		"** important **\n\nIt is broken.",
		"Disclaimer first: I am no electrician. But it smokes.\n\nWhat do I do?",
		"Begin message to the courier: ring twice.\n\nThanks",
		"----- my list -----\nlamp\ncable",
		"Antwort:\nja\n\nFrage:\nwann?",
		"It is broken. http://shop.example/a?b=1\n\nhttp://shop.example/c",
		"Tel. 0171 1234567\nann@home.example\n\nplease call me",
		"Where is it?\n\nMit freundlichen Grüßen\n\nAnna Beispiel\nBeispiel GmbH\nMusterweg 5\n12345 Musterstadt\nTel. +49 171 1234567\nwww.beispiel.example",
		"Thanks\nBob",
		"Hello,\n\nOriginal packaging is missing",
		"Hello,\n\nMy Outlook on iOS does not show the picture.",
		"This is my address:\n-----\nAnn Example\nRow 5\n+44 1632 960123",
		"Lamp\n==========\nblue one\nnumber 4711",
	} {
		if got := content.ReplyOnly(text); got != text {
			t.Errorf("ReplyOnly(%q)\n got %q", text, got)
		}
		below := "Hello, it is me again.\n\n" + text
		if got := content.ReplyOnly(below + "\n\nOn 3/3/25 10:15, Help wrote:\n> Hello"); got != below {
			t.Errorf("ReplyOnly(%q)\n got %q", below, got)
		}
		if strings.ContainsAny(text, "<>|-") {
			continue
		}
		html := "<div>" + strings.ReplaceAll(text, "\n", "<br>") + "</div>"
		if got := content.ReplyOnlyHTML(html); got != text {
			t.Errorf("ReplyOnlyHTML(%q)\n got %q", html, got)
		}
	}
}

// TestAnswersKept checks that answers stay that stand close to what is quoted.
func TestAnswersKept(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"between long lines": {"> Did you receive the parcel that we sent you on Friday with the carrier?\nyes\n> And is it complete?\nno\n", "yes\n\nno"},
		"own line above":     {"Hi,\nI bought it on 3 March 2025 10:00.\nHelp <help@shop.example> wrote:\n> Hello\n", "Hi,\nI bought it on 3 March 2025 10:00."},
		"short line above":   {"We got it.\nOn 3 Mar 2025 Help <help@shop.example> wrote:\n> Hello\n", "We got it."},
		"below signature":    {"-- \nAnn\n\nOn 3 Mar 2025 Help wrote:\n> Which one?\n\nThe blue one.\n", "The blue one."},
		"top and bottom":     {"Hello,\n\n> Which one?\n\nBlue.\n\n> Which size?\n\nSmall.\n\nBye\nAnn\n", "Hello,\n\nBlue.\n\nSmall.\n\nBye\nAnn"},
		"below a block":      {"-----Original Message-----\nFrom: help@shop.example\nTo: Ann\nSubject: Lamp\n\n> Which one?\n\nBlue.\n", "Blue."},
		"after a phone":      {"Yes.\n\nSent from my iPhone\n\n> On 3 Mar 2025, at 10:15, Help <help@shop.example> wrote:\n> Which one?\n\nBlue.\n", "Yes.\n\nBlue."},
		"banner beside":      {"CAUTION: This email originated from outside.\nHello, where is it?\n", "Hello, where is it?"},
		"one colon":          {"Blue: the lamp\nRed: the cable\n\n> Which?\n", "Blue: the lamp\nRed: the cable"},
	} {
		if got := content.ReplyOnly(tt.text); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, tt.want)
		}
	}
}
