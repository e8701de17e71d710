package content_test

import (
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox/content"
)

func TestHTMLToText(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"lines":             {"<div>a</div><div>b<br>c</div>", "a\nb\nc"},
		"empty line":        {"<div>a</div><div><br></div><div>b</div>", "a\n\nb"},
		"paragraphs":        {"<p>a</p><p>b</p>c", "a\n\nb\n\nc"},
		"word paragraphs":   {`<p class="MsoNormal">a</p><p class="MsoNormal" style="font-size:11pt">b</p>`, "a\nb"},
		"tight paragraphs":  {`<p style="margin:0cm 0cm 0pt">a</p><p style="margin:0">b</p>`, "a\nb"},
		"blanks":            {"  a \n b&nbsp;&nbsp;c\t<b> d</b> ", "a b c d"},
		"list":              {"<ul><li>a<li>b<ul><li>c</ul></ul>x", "- a\n- b\n  - c\nx"},
		"numbers":           {"<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"},
		"table":             {"<table><tr><th>Item</th><th>Price</th></tr><tr><td>Lamp</td><td>5 €</td></tr></table>", "Item Price\nLamp 5 €"},
		"quote":             {`a<blockquote type="cite">b<blockquote>c</blockquote></blockquote>d`, "a\n\n> b\n>\n>> c\n\nd"},
		"preformatted":      {"<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc"},
		"heading":           {"<h1>Hi</h1>there", "Hi\n\nthere"},
		"smiley":            {`Great <img alt="👍" src="cid:x"> thanks <img alt="logo">`, "Great 👍 thanks"},
		"only pictures":     {`<img alt="Big sale"><img alt="today">`, "Big sale\ntoday"},
		"hidden":            {`<div style="display: none">x</div><span hidden>y</span>z`, "z"},
		"hidden by a sheet": {`<style>.a{display:none}p.b{display:none!important}i{display:none}</style><div class=a>x</div><p class="c b" style="display:block">x</p><i style="display:inline">y</i>z`, "yz"},
		"all hidden":        {`<div style="display:none">x</div>`, "x"},
		"invisible letters": {"a\u200bb&shy;c\ufeff&zwj;", "abc\u200d"},
		"joined letters":    {"می\u200cخواهم", "می\u200cخواهم"},
		"script":            {"<script>x</script><style>y</style><title>z</title>a", "a"},
		"entities":          {"&lt;b&gt; &amp;amp; &euro;&#128512;", "<b> &amp; €😀"},
		"no tags":           {"a\nb", "a b"},
		"empty":             {"<div> </div>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range []string{tt.in, content.SanitizeHTML(tt.in)} {
				if strings.Contains(tt.in, "hidden>") && source != tt.in {
					continue // the attribute goes, its words are shown
				}
				if got := content.HTMLToText(source); got != tt.want {
					t.Errorf("HTMLToText(%q)\n got %q\nwant %q", source, got, tt.want)
				}
			}
		})
	}
}

func TestReplyOnlyHTML(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"gmail": {`<div dir="ltr">Thanks!</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Mon, 3 Mar 2025 at 10:15, Help wrote:<br></div><blockquote class="gmail_quote" style="margin:0px"><div>Hi</div></blockquote></div>`, "Thanks!"},
		"gmail answers inside": {`<div class="gmail_quote"><div class="gmail_attr">On Mon Help wrote:</div><blockquote class="gmail_quote">Colour?</blockquote><div>Blue</div><blockquote class="gmail_quote">Size?</blockquote><div>Small</div></div>`,
			"Blue\n\nSmall"},
		"gmail signature":   {`<div>Yes</div><div>-- <br></div><div dir="ltr" class="gmail_signature">Ann<br>Tel. 1</div>`, "Yes"},
		"gmail forward":     {`<div>FYI</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: <b>Bob</b><br>Date: Mon<br>Subject: x<br>To: me<br></div>Hello</div>`, "FYI"},
		"only forwarded":    {`<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: Bob<br></div>Hello</div>`, "---------- Forwarded message ---------\nFrom: Bob\nHello"},
		"new outlook":       {`<div>Yes</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/x">Outlook for iOS</a></div><div id="mail-editor-reference-message-container"><div>From: Help</div><div>Hello</div></div>`, "Yes"},
		"proton":            {`<div>Yes</div><div class="protonmail_signature_block">Sent with Proton Mail</div><div class="protonmail_quote">On Monday Help wrote:<blockquote type="cite">Hi</blockquote></div>`, "Yes"},
		"gmx":               {`<div>Ja</div><div name="quote" style="border-left:2px solid #C3D9E5"><div><b>Gesendet:</b>&nbsp;Montag, 3. März 2025<br><b>Von:</b>&nbsp;Hilfe<br><b>An:</b>&nbsp;Ann<br><b>Betreff:</b>&nbsp;Lampe</div><div>Hallo</div></div>`, "Ja"},
		"zoho":              {`<div>Yes</div><div class="zmail_extra">---- On Mon, 03 Mar 2025 Help wrote ----<blockquote>Hi</blockquote></div>`, "Yes"},
		"long in signature": {`<div>Yes</div><div class="gmail_signature">` + strings.Repeat("words<br>", 20) + `</div>`, "Yes\n" + strings.Repeat("words\n", 19) + "words"},
		"only a signature":  {`<div class="gmail_signature">Ann</div>`, "Ann"},
		"only a quote":      {`<blockquote type="cite">Hi</blockquote>`, "> Hi"},
		"own quotation":     {`<p>It says</p><blockquote>Keep dry</blockquote><p>but no.</p>`, "It says\n\nKeep dry\n\nbut no."},
		"nothing":           {``, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, source := range []string{tt.in, content.SanitizeHTML(tt.in)} {
				if got := content.ReplyOnlyHTML(source); got != tt.want {
					t.Errorf("ReplyOnlyHTML(%q)\n got %q\nwant %q", source, got, tt.want)
				}
			}
		})
	}
}

func TestPreview(t *testing.T) {
	for _, tt := range []struct {
		in    string
		runes int
		want  string
	}{
		{"Hello Ann", 20, "Hello Ann"},
		{"  Hello\n\n\tAnn \x00 x", 20, "Hello Ann x"},
		{"Hello dear Ann", 12, "Hello dear…"},
		{"Hello dear Ann", 10, "Hello dear…"},
		{"Unbreakableword", 6, "Unbre…"},
		{"您好我的灯坏了", 4, "您好我…"},
		{"", 5, ""},
		{"x", 0, ""},
		{"a\u200b\xffb", 5, "ab"},
	} {
		if got := content.Preview(tt.in, tt.runes); got != tt.want {
			t.Errorf("Preview(%q, %d) = %q, want %q", tt.in, tt.runes, got, tt.want)
		}
	}
}

func TestTextToHTML(t *testing.T) {
	link := func(s string) string {
		return `<a href="` + s + `" target="_blank" rel="noopener noreferrer nofollow">` + s + `</a>`
	}
	for in, want := range map[string]string{
		"":                                  "",
		"a\nb\n\n\nc":                       "<p>a<br>b</p><p>c</p>",
		"a\r\nb":                            "<p>a<br>b</p>",
		"1 < 2 & \"x\"":                     "<p>1 &lt; 2 &amp; &#34;x&#34;</p>",
		"see https://shop.example/a?b=1.":   "<p>see " + link("https://shop.example/a?b=1") + ".</p>",
		"(http://shop.example/x) y":         "<p>(" + link("http://shop.example/x") + ") y</p>",
		"http://shop.example/x_(y)":         "<p>" + link("http://shop.example/x_(y)") + "</p>",
		"javascript://x xhttps://y http://": "<p>javascript://x xhttps://y http://</p>",
		"<script>":                          "<p>&lt;script&gt;</p>",
	} {
		got := content.TextToHTML(in)
		if got != want {
			t.Errorf("TextToHTML(%q)\n got %q\nwant %q", in, got, want)
		}
		if content.SanitizeHTML(got) != got {
			t.Errorf("cleaning changes %q to %q", got, content.SanitizeHTML(got))
		}
	}
}
