package content_test

import (
	"testing"

	"github.com/deskbell/deskbell/inbox/content"
)

// TestOldPrograms checks what the programs of mailing lists and old offices write.
func TestOldPrograms(t *testing.T) {
	const own = "It leaks again.\n\nAnn"
	for name, text := range map[string]string{
		"mutt short":        own + "\n\n* Help Desk <help@shop.example> [2025-03-03 10:15]:\n> Hello\n",
		"only a name":       own + "\n\nHelp Desk wrote:\n> Hello\n",
		"kmail":             own + "\n\nHelp Desk - 03.03.25, 10:15:15 CET:\n> Hello\n",
		"sup":               own + "\n\nExcerpts from Help's message of March 3, 2025 10:15 am:\n> Hello\n",
		"quoting, no colon": own + "\n\nQuoting Help (2025-03-03 10:15:00)\n> Hello\n",
		"madduck":           own + "\n\nalso sprach Help <help@shop.example> [2025.03.03.1015 +0100]:\n> Hello\n",
		"emacs":             own + "\n\nAt Mon, 3 Mar 2025 10:15:00 +0100,\nHelp Desk wrote:\n> \n> Hello\n",
		"supercite":         own + "\n\nHelp> Hello,\nHelp> how is\nHelp> it?\n",
		"news":              own + "\n\n\"Help\" <help@shop.example> wrote in message\nnews:abc123@shop.example...\n> Hello\n",
		"groupwise":         own + "\n\n>>> Help Desk <help@shop.example> 03/03/2025 10:15 AM >>>\nHello Ann\n",
		"aol":               own + "\n\nIn a message dated 3/3/2025 10:15:00 A.M. Eastern Standard Time, help@shop.example writes:\n\nHello Ann\n",
		"eudora":            own + "\n\nAt 10:15 AM 3/3/2025 -0500, Help wrote:\n>Hello\n",
		"original follows":  own + "\n\n>----Original Message Follows----\n>From: help@shop.example\n",
		"cc:Mail":           own + "\n\n______________________________ Reply Separator _________________________________\nSubject: Lamp\nAuthor:  Help at Shop\nDate:    3/3/95 10:15 AM\n\nHello\n",
		"notes on":          own + "\n\n\n\n\"Help Desk\" <help@shop.example> on 03/03/2025 10:15:00 AM\nTo:\tAnn/HOME\ncc:\t \nSubject:\tRe: lamp\n\n\nHello\n",
		"notes two lines":   own + "\n\n\n\nHelp Desk@SHOP\n03/03/2025 10:15 AM\nTo:\tAnn/HOME@HOME\ncc:\t \nSubject:\tRe: lamp\n\n\nHello\n",
		"notes forwarded":   own + "\n\n---------------------- Forwarded by Ann Example/HOME on 03/03/2025 10:15 AM ---------------------------\n\n\nHelp\n",
		"kmail ru":          own + "\n\nВ письме от понедельник, 3 марта 2025 г. 10:15:00 MSK пользователь Help \nнаписал:\n> Hello\n",
		"seal":              "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + own + "\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n=x\n-----END PGP SIGNATURE-----\n",
		"ruled":             own + "\n\n==============\n株式会社サンプル\n山田 花子\nTEL 03-0000-0000\nhanako@home.example\n==============\n",
		"ruled above quote": own + "\n\n----------------\nAnn Example\nwww.home.example\n\nOn 3/3/2025 10:15, Help wrote:\n> Hello\n",
		"mailman":           own + "\n\nOn 3/3/2025 10:15, Help wrote:\n> Hello\n_______________________________________________\nlamps mailing list\nlamps@lists.example\nhttps://lists.example/mailman/listinfo/lamps\n",
		"ezmlm":             own + "\n\n---------------------------------------------------------------------\nTo unsubscribe, e-mail: lamps-unsubscribe@lists.example\nFor additional commands, e-mail: lamps-help@lists.example\n",
	} {
		if got := content.ReplyOnly(text); got != own {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
