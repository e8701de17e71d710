package content_test

import (
	"testing"

	"github.com/deskbell/deskbell/inbox/content"
)

func TestReplyOnly(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"nothing to cut":  {"Where is my parcel?\n\nAnn", "Where is my parcel?\n\nAnn"},
		"empty":           {"", ""},
		"gmail":           {"Thanks!\n\nOn Mon, 3 Mar 2025 at 10:15, Help <help@shop.example> wrote:\n> hello\n", "Thanks!"},
		"gmail wrapped":   {"Thanks!\n\nOn Mon, Mar 3, 2025 at 10:15 AM Help Desk of the Shop <\nhelp@shop.example> wrote:\n\n> hello\n", "Thanks!"},
		"only a quote":    {"> hello\n", "> hello"},
		"answer below":    {"On Mon, 3 Mar 2025 Help wrote:\n> Which colour?\n\nBlue, please.\n", "Blue, please."},
		"answers between": {"On Mon, 3 Mar 2025 Help wrote:\n> Which colour?\nBlue.\n> Which size?\nSmall.\n", "Blue.\n\nSmall."},
		"outlook rule":    {"It broke.\n\n-----Original Message-----\nFrom: Help <help@shop.example>\nSent: Monday\nTo: Ann\nSubject: Lamp\n\nHello Ann", "It broke."},
		"outlook block":   {"It broke.\n\n________________________________\nFrom: Help <help@shop.example>\nSent: Monday, March 3, 2025 10:15 AM\nTo: Ann <ann@home.example>\nSubject: Lamp\n\nHello Ann", "It broke."},
		"outlook de":      {"Kaputt.\n\nVon: Hilfe <hilfe@laden.example>\nGesendet: Montag, 3. März 2025 10:15\nAn: Anna\nBetreff: Lampe\n\nGuten Tag", "Kaputt."},
		"outlook ru":      {"Сломалось.\n\nОт: Магазин <help@shop.example>\nОтправлено: 3 марта 2025 г. 10:15\nКому: Анна\nТема: Лампа\n\nДобрый день", "Сломалось."},
		"apple":           {"Fine.\n\nSent from my iPhone\n\n> On 3 Mar 2025, at 10:15, Help <help@shop.example> wrote:\n> \n> hello\n", "Fine."},
		"de":              {"Danke!\n\nAm Mo., 3. März 2025 um 10:15 Uhr schrieb Hilfe <hilfe@laden.example>:\n> hallo\n", "Danke!"},
		"fr":              {"Merci !\n\nLe lun. 3 mars 2025 à 10:15, Aide <aide@magasin.example> a écrit :\n> bonjour\n", "Merci !"},
		"es":              {"Gracias\n\nEl lun, 3 mar 2025 a las 10:15, Ayuda (<ayuda@tienda.example>) escribió:\n> hola\n", "Gracias"},
		"it":              {"Grazie\n\nIl giorno lun 3 mar 2025 alle ore 10:15 Aiuto <aiuto@negozio.example> ha scritto:\n> ciao\n", "Grazie"},
		"pt":              {"Obrigada\n\nEm seg., 3 de mar. de 2025 às 10:15, Ajuda <ajuda@loja.example> escreveu:\n> olá\n", "Obrigada"},
		"nl":              {"Dank\n\nOp ma 3 mrt 2025 om 10:15 schreef Hulp <hulp@winkel.example>:\n> hallo\n", "Dank"},
		"pl":              {"Dzięki\n\npon., 3 mar 2025 o 10:15 Pomoc <pomoc@sklep.example> napisał(a):\n> cześć\n", "Dzięki"},
		"ru gmail":        {"Спасибо\n\nпн, 3 мар. 2025 г. в 10:15, Магазин <help@shop.example>:\n> привет\n", "Спасибо"},
		"mail.ru":         {"Спасибо\n\n--\nАнна\n\nПонедельник, 3 марта 2025, 10:15 +03:00 от Магазин <help@shop.example>:\n>Привет\n", "Спасибо"},
		"yandex":          {"Спасибо\n\n03.03.2025, 10:15, \"Магазин\" <help@shop.example>:\n> привет\n", "Спасибо"},
		"zh gmail":        {"谢谢\n\nHelp <help@shop.example> 于2025年3月3日周一 10:15写道：\n> 你好\n", "谢谢"},
		"qq":              {"谢谢\n\n\n------------------ 原始邮件 ------------------\n发件人: \"help\" <help@shop.example>;\n发送时间: 2025年3月3日\n收件人: \"ann\"\n主题: 灯\n\n你好", "谢谢"},
		"ja":              {"ありがとう\n\n2025年3月3日(月) 10:15 Help <help@shop.example>:\n> こんにちは\n", "ありがとう"},
		"signature":       {"Blue.\n\n-- \nAnn Example\nTel. 1\n", "Blue."},
		"dashes and text": {"First.\n--\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n", "First.\n--\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16"},
		"dashes inside":   {"x\n1.1.2025 10:10\n--\na@b.example:\n> q", "x\n1.1.2025 10:10\n\na@b.example:"},
		"only forwarded":  {"---------- Forwarded message ---------\nFrom: Bob <bob@home.example>\nDate: Mon\nSubject: x\nTo: me\n\nHi", "---------- Forwarded message ---------\nFrom: Bob <bob@home.example>\nDate: Mon\nSubject: x\nTo: me\n\nHi"},
		"own sentence":    {"Your colleague wrote:\n\nWe pay back.\n\nWhere is it?", "Your colleague wrote:\n\nWe pay back.\n\nWhere is it?"},
		"sent by post":    {"Sent from Berlin yesterday.", "Sent from Berlin yesterday."},
	} {
		t.Run(name, func(t *testing.T) {
			if got := content.ReplyOnly(tt.in); got != tt.want {
				t.Errorf("ReplyOnly(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}
