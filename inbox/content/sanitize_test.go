package content_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/deskbell/deskbell/inbox/content"
)

func TestSanitizeHTML(t *testing.T) {
	const link = ` target="_blank" rel="noopener noreferrer nofollow"`
	for name, tt := range map[string]struct{ in, want string }{
		"plain":             {"Hello <b>Ann</b> &amp; Bob", "Hello <b>Ann</b> &amp; Bob"},
		"script":            {"a<script>alert(1)</script>b", "ab"},
		"script open":       {"a<script>alert(1)", "a"},
		"script in script":  {"a<scr<script>ipt>x</script>b", "aipt&gt;xb"},
		"style sheet":       {"<style>p{color:red}</style>x", "x"},
		"handler":           {`<b onclick="x()" onmouseover=y>x</b>`, "<b>x</b>"},
		"frame":             {`a<iframe src="https://evil.example"></iframe>b`, "ab"},
		"form":              {`<form action="/x"><input name="a"><button>Pay</button></form>`, "Pay"},
		"object":            {`<object data="x"><embed src="y">words</object>`, "words"},
		"svg":               {`<svg onload="x()"><a xlink:href="javascript:x()"><text>t</text></a></svg>`, "<a>t</a>"},
		"math mxss":         {`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, `<table><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;"></table>`},
		"noscript mxss":     {`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<img>&#34;&gt;`},
		"comment":           {"a<!-- x --><!--[if mso]>y<![endif]-->b", "ab"},
		"head":              {"<html><head><title>T</title><meta http-equiv=refresh content=0></head><body>x</body></html>", "x"},
		"body colour":       {`<body bgcolor="#ffffff" onload="x()">x</body>`, `<div bgcolor="#ffffff">x</div>`},
		"link":              {`<a href="https://shop.example/?a=1&amp;b=2" target="_self" ping="x">x</a>`, `<a href="https://shop.example/?a=1&amp;b=2"` + link + `>x</a>`},
		"link without host": {`<a href="//shop.example/x">x</a>`, `<a href="https://shop.example/x"` + link + `>x</a>`},
		"mailto":            {`<a href="mailto:ann@home.example">x</a>`, `<a href="mailto:ann@home.example"` + link + `>x</a>`},
		"javascript":        {`<a href="javascript:alert(1)">x</a>`, "<a>x</a>"},
		"javascript hidden": {"<a href=\" java\nscript&#58;alert(1)\">x</a>", "<a>x</a>"},
		"vbscript":          {`<a href="VBScript:x">x</a>`, "<a>x</a>"},
		"data page":         {`<a href="data:text/html,x">x</a>`, "<a>x</a>"},
		"relative link":     {`<a href="/login">x</a>`, "<a>x</a>"},
		"remote picture":    {`<img src="https://shop.example/p.gif" alt="p" width=1>`, `<img data-remote-src="https://shop.example/p.gif" alt="p" width="1">`},
		"picture set":       {`<img srcset="https://shop.example/p.gif 2x" src="cid:a@b">`, `<img src="cid:a@b">`},
		"own picture":       {`<img src="cid:pic%201@b">`, `<img src="cid:pic%201@b">`},
		"embedded picture":  {`<img src="data:image/png;base64,AAAA">`, `<img src="data:image/png;base64,AAAA">`},
		"embedded svg":      {`<img src="data:image/svg+xml;base64,AAAA">`, `<img>`},
		"background":        {`<table background="https://evil.example/x"><tr><td>x</td></tr></table>`, "<table><tr><td>x</td></tr></table>"},
		"style":             {`<p style="COLOR: Red ; font-family: 'Segoe UI', Arial">x</p>`, `<p style="color:Red;font-family:'Segoe UI', Arial">x</p>`},
		"style address":     {`<p style="background:url(https://evil.example/x);color:red">x</p>`, `<p style="color:red">x</p>`},
		"style escapes":     {`<p style="color:re\64;width:expression(alert(1));background-image:x;position:fixed">x</p>`, `<p>x</p>`},
		"style quote":       {`<p style='font-family:"a;b";color:rgb(1, 2, 3)'>x</p>`, `<p style="font-family:&#34;a;b&#34;;color:rgb(1, 2, 3)">x</p>`},
		"style comment":     {`<p style="color:red/**/;width:calc(1px + /*x*/ 2px)">x</p>`, `<p>x</p>`},
		"quote marks":       {`<div class="x gmail_quote y" id="z"><blockquote type="CITE">q</blockquote></div>`, `<div class="gmail_quote"><blockquote type="cite">q</blockquote></div>`},
		"unclosed":          {"<p>a<p>b<ul><li>1<li>2</ul><table><tr><td>x<td>y<tr><td>z</table>", "<p>a</p><p>b<ul><li>1</li><li>2</li></ul><table><tr><td>x</td><td>y</td></tr><tr><td>z</td></tr></table></p>"},
		"stray end":         {"</div></td>a</b><table><tr><td></div>x</td></tr></table>", "a<table><tr><td>x</td></tr></table>"},
		"attribute twice":   {`<img alt="a" alt="b">`, `<img alt="a">`},
		"text sign":         {"1 < 2 > 0 & \" '", "1 &lt; 2 &gt; 0 &amp; &#34; '"},
		"not UTF-8":         {"a\xffb\x00c&#0;&#13;d", "a\uFFFDbc\uFFFDd"},
		"word":              {`<o:p>x</o:p><span style="mso-bookmark:a">y</span>`, "x<span>y</span>"},
	} {
		t.Run(name, func(t *testing.T) {
			got := content.SanitizeHTML(tt.in)
			if got != tt.want {
				t.Errorf("SanitizeHTML(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			checkHarmless(t, got)
		})
	}
}

// checkHarmless reads cleaned HTML as a browser does and looks for anything that could load, run or
// leave its place; and it cleans once more.
func checkHarmless(t *testing.T, cleaned string) {
	t.Helper()
	if again := content.SanitizeHTML(cleaned); again != cleaned {
		t.Errorf("cleaning twice changes\n%q to\n%q", cleaned, again)
	}
	if !utf8.ValidString(cleaned) {
		t.Errorf("%q is not UTF-8", cleaned)
	}
	root, err := html.ParseWithOptions(strings.NewReader(cleaned), html.ParseOptionEnableScripting(false))
	if err != nil {
		return // nested deeper than the tree builder reads; the tokens were checked by cleaning again
	}
	for n := range root.Descendants() {
		if n.Type == html.CommentNode || n.Type == html.ElementNode && n.Namespace != "" {
			t.Errorf("%q holds %q %q", cleaned, n.Namespace, n.Data)
		}
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "style", "iframe", "object", "embed", "form", "input", "button", "link", "meta", "base", "svg", "math", "template", "title", "frame", "frameset", "audio", "video", "source", "area", "map", "textarea", "select":
			t.Errorf("%q holds <%s>", cleaned, n.Data)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(a.Val)
			switch a.Key {
			case "href":
				if n.Data != "a" || !hasScheme(value, "http://", "https://", "mailto:", "tel:") {
					t.Errorf("%q holds href %q", cleaned, a.Val)
				}
			case "src":
				if n.Data != "img" || !hasScheme(value, "cid:", "data:image/") {
					t.Errorf("%q holds src %q", cleaned, a.Val)
				}
			case "style":
				if strings.Contains(value, "url") && strings.Contains(value, "url(") || strings.ContainsAny(value, `\@<`) || strings.Contains(value, "expression(") || strings.Contains(value, "position:") {
					t.Errorf("%q holds style %q", cleaned, a.Val)
				}
			case "id", "class", "type", "title", "alt", "target", "rel", "width", "height", "dir", "lang", "align", "border", "bgcolor", "valign", "nowrap", "cellpadding",
				"cellspacing", "colspan", "rowspan", "span", "hspace", "vspace", "color", "size", "face", "start", "value", content.RemoteSource:
			default:
				t.Errorf("%q holds attribute %q", cleaned, a.Key)
			}
		}
	}
}

func hasScheme(value string, schemes ...string) bool {
	for _, scheme := range schemes {
		if strings.HasPrefix(value, scheme) {
			return true
		}
	}
	return false
}

func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{
		"<p>a<b>c</p>d", `<a href="java&#10;script:x">x`, "<table><td><div></table>", `<img src=x onerror=y style="color:'`, "<pre>\n\na", "<body style=color:red><body>",
		"&#13;&lt;script&gt;", "<plaintext>a", "<textarea><script>", "<ul><li><p><li></ul></p>", `<p style="font-family:&quot;;color:red">`, "</br></p>", "<svg><style><img>",
		`<blockquote class="gmail_quote" id=Signature>x`, "<a href='//x'>", "\xff<\x00p>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		cleaned := content.SanitizeHTML(source)
		checkHarmless(t, cleaned)
		for _, text := range []string{content.HTMLToText(source), content.HTMLToText(cleaned), content.ReplyOnlyHTML(source)} {
			if !utf8.ValidString(text) {
				t.Errorf("text of %q is not UTF-8: %q", source, text)
			}
		}
	})
}

func BenchmarkSanitizeHTML(b *testing.B) {
	source := "<html><head><style>p{margin:0}</style></head><body>" + strings.Repeat(`<div style="font-family:Arial,sans-serif;font-size:13px;color:#222222;margin:0 0 8px 0"><p class="x">Hello there &amp; good morning, where is my parcel?</p><a href="https://shop.example/track?id=1">Track</a><br></div>`, 20) + "</body></html>"
	b.SetBytes(int64(len(source)))
	b.ReportAllocs()
	for b.Loop() {
		content.SanitizeHTML(source)
	}
}
