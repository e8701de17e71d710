package content_test

import (
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox/content"
)

// introductions are the lines that mail programs put above a quote, as they write them.
var introductions = []string{
	"On Mon, 3 Mar 2025 at 10:15, Help Desk <help@shop.example> wrote:",                      // Gmail
	"On Mon, Mar 3, 2025 at 10:15 AM Help Desk <help@shop.example> wrote:",                   // Gmail, US
	"On 3 Mar 2025, at 10:15, Help Desk <help@shop.example> wrote:",                          // Apple
	"On Mar 3, 2025, at 10:15 AM, Help Desk <help@shop.example> wrote:",                      // Apple, US
	"On Monday, March 3, 2025 at 10:15:00 AM GMT+1, Help Desk <help@shop.example> wrote:",    // Yahoo
	"On Monday, March 3rd, 2025 at 10:15 AM, Help Desk <help@shop.example> wrote:",           // Proton
	"On 03/03/2025 10:15, Help Desk <help@shop.example> wrote:",                              // Thunderbird with address
	"Help Desk <help@shop.example> writes:",                                                  // Gnus
	"Am Mo., 3. März 2025 um 10:15 Uhr schrieb Hilfe <hilfe@laden.example>:",                 // Gmail
	"Am 03.03.2025 um 10:15 schrieb Hilfe <hilfe@laden.example>:",                            // Apple
	"Le lun. 3 mars 2025 à 10:15, Aide <aide@magasin.example> a écrit :",                     // Gmail
	"Le 3 mars 2025 à 10:15, Aide <aide@magasin.example> a écrit :",                          // Apple
	"El lun, 3 mar 2025 a las 10:15, Ayuda (<ayuda@tienda.example>) escribió:",               // Gmail
	"El 3 mar 2025, a las 10:15, Ayuda <ayuda@tienda.example> escribió:",                     // Apple
	"Il giorno lun 3 mar 2025 alle ore 10:15 Aiuto <aiuto@negozio.example> ha scritto:",      // Gmail
	"Il giorno 3 mar 2025, alle ore 10:15, Aiuto <aiuto@negozio.example> ha scritto:",        // Apple
	"Em seg., 3 de mar. de 2025 às 10:15, Ajuda <ajuda@loja.example> escreveu:",              // Gmail
	"Em 3 de mar. de 2025, à(s) 10:15, Ajuda <ajuda@loja.example> escreveu:",                 // Apple
	"A segunda, 3/03/2025, 10:15, Ajuda <ajuda@loja.example> escreveu:",                      // Gmail, Portugal
	"Op ma 3 mrt 2025 om 10:15 schreef Hulp <hulp@winkel.example>:",                          // Gmail
	"Op 3 mrt. 2025, om 10:15 heeft Hulp <hulp@winkel.example> het volgende geschreven:",     // Apple
	"pon., 3 mar 2025 o 10:15 Pomoc <pomoc@sklep.example> napisał(a):",                       // Gmail
	"Wiadomość napisana przez Pomoc <pomoc@sklep.example> w dniu 3 mar 2025, o godz. 10:15:", // Apple
	"пн, 3 мар. 2025 г. в 10:15, Магазин <help@shop.example>:",                               // Gmail
	"3 марта 2025 г., в 10:15, Магазин <help@shop.example> написал(а):",                      // Apple
	"Понедельник, 3 марта 2025, 10:15 +03:00 от Магазин <help@shop.example>:",                // Mail.ru
	"03.03.2025, 10:15, \"Магазин\" <help@shop.example>:",                                    // Yandex
	"пн, 3 бер. 2025 р. о 10:15 Крамниця <help@shop.example> пише:",                          // Gmail, Ukrainian
	"Help Desk <help@shop.example> 于2025年3月3日周一 10:15写道：",                                    // Gmail
	"在 2025年3月3日，10:15，Help Desk <help@shop.example> 写道：",                                    // Apple
	"在 2025-03-03 10:15:00，\"Help\" <help@shop.example> 写道：",                                 // NetEase
	"At 2025-03-03 10:15:00, \"Help\" <help@shop.example> wrote:",                            // NetEase
	"Help Desk <help@shop.example> 於 2025年3月3日 週一 上午10:15寫道：",                                // Gmail, Taiwan
	"2025年3月3日(月) 10:15 Help Desk <help@shop.example>:",                                      // Gmail
	"2025/03/03 10:15、Help Desk <help@shop.example>のメール:",                                    // Apple
	"2025년 3월 3일 (월) 오전 10:15, Help Desk <help@shop.example>님이 작성:",                          // Gmail
	"Den mån 3 mars 2025 kl 10:15 skrev Hjälp <help@shop.example>:",                          // Gmail
	"man. 3. mar. 2025 kl. 10.15 skrev Hjelp <help@shop.example>:",                           // Gmail
	"po 3. 3. 2025 v 10:15 odesílatel Pomoc <help@shop.example> napsal:",                     // Gmail
	"Help Desk <help@shop.example>, 3 Mar 2025 Pzt, 10:15 tarihinde şunu yazdı:",             // Gmail
	"Help Desk <help@shop.example> ezt írta (időpont: 2025. márc. 3., H, 10:15):",            // Gmail
	"Στις Δευ 3 Μαρ 2025 στις 10:15 π.μ., ο χρήστης Help <help@shop.example> έγραψε:",        // Gmail
}

// plainIntroductions name no address; they count only above a quote.
var plainIntroductions = []string{
	"On 3/3/25 10:15, Help Desk wrote:", "Am 03.03.25 um 10:15 schrieb Hilfe:", "Le 03/03/2025 à 10:15, Aide a écrit :",
	"Il 03/03/2025 10:15, Aiuto ha scritto:", "El 3/3/25 a las 10:15, Ayuda escribió:", "Em 03/03/2025 10:15, Ajuda escreveu:",
	"Op 3-3-2025 om 10:15 schreef Hulp:", "W dniu 3.03.2025 o 10:15, Pomoc pisze:", "03.03.2025 10:15, Магазин пишет:",
	"在 2025/3/3 10:15, Help 写道:", "On Mon, Mar 03, 2025 at 10:15:00AM +0100, Help Desk wrote:", "On 2025-03-03, Help wrote:",
}

func TestIntroductions(t *testing.T) {
	const own = "The lamp is still broken.\n\nWhat now?"
	for _, intro := range append(append([]string{}, introductions...), plainIntroductions...) {
		for name, text := range map[string]string{
			"quoted":         own + "\n\n" + intro + "\n> Hello,\n> how is it?\n",
			"empty between":  own + "\n\n" + intro + "\n\n> Hello,\n>\n> how is it?\n",
			"wrapped":        own + "\n\n" + wrap(intro, 60) + "\n\n> Hello\n",
			"CRLF":           strings.ReplaceAll(own+"\n\n"+intro+"\n> Hello\n", "\n", "\r\n"),
			"nothing quoted": own + "\n\n" + intro + "\n",
		} {
			if name == "nothing quoted" && !strings.ContainsAny(intro, "0123456789") {
				continue // without a date it is sure only above a quote
			}
			if got := content.ReplyOnly(text); got != own {
				t.Errorf("%s %q: got %q", name, intro, got)
			}
		}
		if got := content.ReplyOnly(intro + "\n> Which colour?\n\nBlue, I think.\n"); got != "Blue, I think." {
			t.Errorf("answer below %q: got %q", intro, got)
		}
		html := "<div>The lamp is still broken.<br><br>What now?</div><br><div>" + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(intro) + "</div><blockquote><p>Hello</p></blockquote>"
		if got := content.ReplyOnlyHTML(html); got != own {
			t.Errorf("HTML %q: got %q", intro, got)
		}
	}
	for _, intro := range introductions {
		if !strings.ContainsAny(intro, "0123456789") {
			continue // without a date it is sure only above a quote
		}
		for name, text := range map[string]string{
			"quote unmarked": own + "\n\n" + intro + "\n\nHello,\nhow is it?\n",
			"wrapped":        own + "\n\n" + wrap(intro, 60) + "\n\nHello,\nhow is it?\n",
		} {
			if got := content.ReplyOnly(text); got != own {
				t.Errorf("%s %q: got %q", name, intro, got)
			}
		}
	}
}

// wrap breaks a line between words at width bytes, as mail programs do.
func wrap(s string, width int) string {
	var out strings.Builder
	line := 0
	for _, word := range strings.Split(s, " ") {
		if line > 0 && line+1+len(word) > width {
			out.WriteByte('\n')
			line = 0
		} else if line > 0 {
			out.WriteByte(' ')
			line++
		}
		out.WriteString(word)
		line += len(word)
	}
	return out.String()
}

// TestHeaderBlocks checks the blocks of headers that Outlook and others put above an unmarked quote.
func TestHeaderBlocks(t *testing.T) {
	const own = "The lamp is still broken.\n\nAnn"
	for _, block := range []string{
		"From: Help <help@shop.example>\nSent: Monday, March 3, 2025 10:15 AM\nTo: Ann <ann@home.example>\nSubject: Re: Lamp",
		"From: Help <help@shop.example>\nDate: Monday, 3 March 2025 at 10:15\nTo: Ann <ann@home.example>\nSubject: Re: Lamp",
		"*From:* Help <help@shop.example>\n*Sent:* Monday, March 3, 2025 10:15 AM\n*To:* Ann\n*Subject:* Re: Lamp",
		"Von: Hilfe <hilfe@laden.example>\nGesendet: Montag, 3. März 2025 10:15\nAn: Ann\nBetreff: AW: Lampe",
		"Gesendet: Montag, 3. März 2025 um 10:15 Uhr\nVon: Hilfe <hilfe@laden.example>\nAn: Ann\nBetreff: AW: Lampe",
		"De : Aide <aide@magasin.example>\nEnvoyé : lundi 3 mars 2025 10:15\nÀ : Ann\nObjet : RE: Lampe",
		"De: Ayuda <ayuda@tienda.example>\nEnviado: lunes, 3 de marzo de 2025 10:15\nPara: Ann\nAsunto: RE: Lámpara",
		"Da: Aiuto <aiuto@negozio.example>\nInviato: lunedì 3 marzo 2025 10:15\nA: Ann\nOggetto: R: Lampada",
		"De: Ajuda <ajuda@loja.example>\nEnviado: segunda-feira, 3 de março de 2025 10:15\nPara: Ann\nAssunto: RE: Lâmpada",
		"Van: Hulp <hulp@winkel.example>\nVerzonden: maandag 3 maart 2025 10:15\nAan: Ann\nOnderwerp: RE: Lamp",
		"Od: Pomoc <pomoc@sklep.example>\nWysłano: poniedziałek, 3 marca 2025 10:15\nDo: Ann\nTemat: RE: Lampa",
		"От: Магазин <help@shop.example>\nОтправлено: 3 марта 2025 г. 10:15\nКому: Ann\nТема: RE: Лампа",
		"发件人: Help <help@shop.example>\n发送时间: 2025年3月3日 10:15\n收件人: Ann\n主题: 回复: 灯",
		"发件人：Help <help@shop.example>\n发送日期：2025-03-03 10:15:00\n收件人：Ann\n主题：Re:灯",
		"寄件者: Help <help@shop.example>\n寄件日期: 2025年3月3日 上午 10:15\n收件者: Ann\n主旨: Re: 燈",
		"差出人: Help <help@shop.example>\n送信日時: 2025年3月3日 10:15\n宛先: Ann\n件名: Re: ランプ",
		"보낸 사람: Help <help@shop.example>\n보낸 날짜: 2025년 3월 3일\n받는 사람: Ann\n제목: Re: 램프",
	} {
		for name, above := range map[string]string{"bare": "", "rule": "________________________________\n", "dashes": "-----Original Message-----\n",
			"phone": "Get Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\n"} {
			if got := content.ReplyOnly(own + "\n\n" + above + block + "\n\nHello Ann,\n\nhow is it?\n"); got != own {
				t.Errorf("%s %q: got %q", name, block, got)
			}
		}
	}
}

func TestOriginalRules(t *testing.T) {
	for _, rule := range []string{"-----Original Message-----", "----- Original Message -----", "-----Ursprüngliche Nachricht-----", "----- Messaggio originale -----", "-------- Message d'origine --------",
		"-----Mensaje original-----", "-----Mensagem original-----", "-----Oorspronkelijk bericht-----", "-----Wiadomość oryginalna-----", "-----Исходное сообщение-----",
		"------------------ 原始邮件 ------------------", "------------------ Original ------------------", "-----邮件原件-----", "---- 回复的原邮件 ----", "-----元のメッセージ-----", "-------- Исходное сообщение --------",
		"-------- Пересылаемое сообщение --------", "---------- Forwarded message ---------", "Begin forwarded message:", "Начало переадресованного сообщения:",
		"---- On Mon, 03 Mar 2025 10:15:00 +0100 Help <help@shop.example> wrote ----", "##- Please type your reply above this line -##"} {
		if got := content.ReplyOnly("Own words\n\n" + rule + "\nHello Ann\n"); got != "Own words" {
			t.Errorf("%q: got %q", rule, got)
		}
		whole := rule + "\nHello Ann"
		if got := content.ReplyOnly(whole); got != whole {
			t.Errorf("only %q: got %q", rule, got)
		}
	}
}

func TestFarewells(t *testing.T) {
	for _, line := range []string{"Sent from my iPhone", "Sent from my Galaxy", "Sent from Yahoo Mail on Android", "Get Outlook for Android", "Von meinem iPhone gesendet", "Gesendet mit der GMX Mail App", "Gesendet von Outlook für Android",
		"Envoyé de mon iPhone", "Enviado desde mi iPhone", "Enviado do meu iPhone", "Inviato da iPhone", "Отправлено с iPhone", "Отправлено из мобильной Почты Mail.ru", "Отправлено из мобильного приложения Яндекс Почты", "发自我的iPhone",
		"iPhoneから送信", "Wysłane z iPhone'a", "Verstuurd vanaf mijn iPhone", "Sent with Proton Mail secure email.", "从我的手机发送"} {
		for name, text := range map[string]string{
			"alone": "Yes.\n\n" + line, "quote": "Yes.\n\n" + line + "\n\n> Shall we?\n", "above intro": "Yes.\n\n" + line + "\n\nOn Mon, 3 Mar 2025 at 10:15, Help <help@shop.example> wrote:\n> Shall we?\n",
			"dashes": "Yes.\n\n--\n" + line,
		} {
			if got := content.ReplyOnly(text); got != "Yes." {
				t.Errorf("%s %q: got %q", name, line, got)
			}
		}
	}
	for _, text := range []string{"Sent from my office by post yesterday.", "Enviado por correo el lunes.", "Habe das Paket zurückgesendet.", "Отправлено Почтой России вчера.", "Download the form and sign it.",
		"I have it sent from my iPhone shop to you, but nobody signed for the parcel and the courier says that he knows nothing of it at all.", "Sent from my iPhone"} {
		if got := content.ReplyOnly(text); got != text {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// TestNothingLost checks texts that look a little like quotes and are not.
func TestNothingLost(t *testing.T) {
	for _, text := range []string{
		"On 3 March 2025 you wrote:\n\nWe will refund you.\n\nWhere is the money?",
		"My details:\nFrom: Berlin\nTo: Rome\nPlease book it.",
		"Order 4711, bought 3.3.2025 10:15, by ann@home.example:\n\nit is broken",
		"Hello\n\n-----\n\nsecond part",
		"He said:\n\"no\"\n\nI say yes.",
		"Das steht im Brief vom 3.3.2025:\nSie bekommen Ihr Geld.\n\nWann?",
		"1. From: where?\n2. To: whom?\n",
		"Data: 4711\nA: Ann\n",
		"Subject: lamp\nDate: today\n\nMy lamp is broken",
		"Questions\n--\nAnswers\n\nOne\n\nTwo\n\nThree\n\nFour\n\nFive\n\nSix\n\nSeven\n\nEight\n\nNine\n\nTen\n\nEleven\n\nTwelve\n\nThirteen\n\nFourteen\n\nFifteen",
		"a > b and c < d\nx >= y",
		"----\nname: Ann\n----",
	} {
		want := strings.TrimRight(text, "\n")
		if got := content.ReplyOnly(text); got != want {
			t.Errorf("ReplyOnly(%q) = %q", text, got)
		}
	}
}
