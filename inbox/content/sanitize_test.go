package content_test

import (
	"encoding/json"
	"os"
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
		"words of a form":   {`a<form>b<select><option>c<option>d</select><textarea>e</textarea><button>f</button></form>`, "a b  c d e f"},
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
		"remote picture":    {`<img src="https://shop.example/p.gif" alt="p" width=1>`, `<img data-remote="https://shop.example/p.gif" alt="p" width="1">`},
		"picture set":       {`<img srcset="https://shop.example/p.gif 2x" src="cid:a@b">`, `<img src="cid:a@b">`},
		"scheme":            {`<a href="HTTP://SHOP.example/">x</a><img src="CID:Pic@b"><img src="Https://shop.example/P">`, `<a href="http://SHOP.example/"` + link + `>x</a><img src="cid:Pic@b"><img data-remote="https://shop.example/P">`},
		"own picture":       {`<img src="cid:pic%201@b">`, `<img src="cid:pic%201@b">`},
		"embedded picture":  {`<img src="data:image/png;base64,AAAA">`, `<img src="data:image/png;base64,AAAA">`},
		"embedded svg":      {`<img src="data:image/svg+xml;base64,AAAA">`, `<img>`},
		"background":        {`<table background="https://evil.example/x"><tr><td>x</td></tr></table>`, "<table><tr><td>x</td></tr></table>"},
		"style":             {`<p style="COLOR: Red ; font-family: 'Segoe UI', Arial">x</p>`, `<p style="color:Red;font-family:'Segoe UI', Arial">x</p>`},
		"style address":     {`<p style="background:url(https://evil.example/x);color:red">x</p>`, `<p style="color:red">x</p>`},
		"background colour": {`<p style="background:#FFF URL('x;y') no-repeat, url(x)">x</p>`, `<p style="background:#FFF no-repeat,">x</p>`},
		"style escapes":     {`<p style="color:re\64;width:e\78pression(alert(1));font-family:\5b8b\4f53;position:fixed">x</p>`, `<p style="color:red;font-family:宋体">x</p>`},
		"style slash":       {`<p style="font:14px/20px Arial;border-radius:1px / 2px">x</p>`, `<p style="font:14px/20px Arial;border-radius:1px / 2px">x</p>`},
		"style of families": {`<p style="margin-inline-start:1px;Text-Decoration-Color:initial;text-:x;border-image-source:x;padding-Top:0">x</p>`, `<p style="margin-inline-start:1px;text-decoration-color:initial;padding-top:0">x</p>`},
		"browsers' own":     {`<p style="-webkit-text-size-adjust:100%;-moz-box-sizing:border-box;-moz-binding:x;-ms-behavior:x;-webkit-border-image:x;-webkit-mask:x">x</p>`, `<p style="-webkit-text-size-adjust:100%;-moz-box-sizing:border-box">x</p>`},
		"gradient":          {`<p style="background-image:linear-gradient(90deg, rgb(0 0 0 / 50%), #fff)">x</p>`, `<p style="background-image:linear-gradient(90deg, rgb(0 0 0 / 50%), #fff)">x</p>`},
		"style quote":       {`<p style='font-family:"a b";mso-x:"a;b";color:rgb(1, 2, 3)'>x</p>`, `<p style="font-family:&#34;a b&#34;;color:rgb(1, 2, 3)">x</p>`},
		"style comment":     {`<p style="color:red/**/;width:calc(1px + /*x*/ 2px);margin:1/*;padding:2">x</p>`, `<p style="color:red;width:calc(1px + 2px);margin:1">x</p>`},
		"quote marks":       {`<div class="x gmail_quote y" id="z"><blockquote type="CITE">q</blockquote></div>`, `<div class="gmail_quote"><blockquote type="cite">q</blockquote></div>`},
		"unclosed":          {"<p>a<p>b<ul><li>1<li>2</ul><table><tr><td>x<td>y<tr><td>z</table>", "<p>a</p><p>b<ul><li>1</li><li>2</li></ul><table><tr><td>x</td><td>y</td></tr><tr><td>z</td></tr></table></p>"},
		"stray end":         {"</div></td>a</b><table><tr><td></div>x</td></tr></table>", "a<table><tr><td>x</td></tr></table>"},
		"attribute twice":   {`<img alt="a" alt="b">`, `<img alt="a">`},
		"text sign":         {"1 < 2 > 0 & \" '", "1 &lt; 2 &gt; 0 &amp; &#34; '"},
		"not UTF-8":         {"a\xffb\x00c&#0;&#13;d", "a\uFFFDbc\uFFFDd"},
		"word":              {`<o:p>x</o:p><span style="mso-bookmark:a">y</span>`, `x<span style="mso-bookmark:a">y</span>`},
		"hidden":            {`<p hidden>x</p><template><p>y</p></template>z`, `<p hidden="">x</p>z`},
		"face":              {`<font face="微软雅黑, &quot;Segoe UI&quot;">x</font>`, `<font face="微软雅黑, &#34;Segoe UI&#34;">x</font>`},
		"sheet":             {`<style>p, .a {color:red} p.a{color:blue} #b{margin:0} i b{top:0}</style><p class="a" id=b style=color:green>x<b class="a c">y</b>`, `<p style="color:red;color:red;color:blue;margin:0;color:green">x<b style="color:red">y</b></p>`},
		"sheet of a page":   {`<style><!-- body{background:#eee url(x)} @media screen{.a{display:none!important}} --></style><body><i class=a>x</i>`, `<div style="background:#eee"><i style="display:none!important">x</i></div>`},
		"sheet elsewhere":   {`<style media=print>p{color:red}</style><style>@media (max-width:9px){p{color:red}}p:hover,p>b,[x],*{color:red}@import "x";@font-face{font-family:x}</style><p>x`, `<p>x</p>`},
		"sheet broken":      {`<style>p{color:red}}b{color:blue;x}i{color:</style><p>x<b>y<i>z`, `<p style="color:red">x<b style="color:blue">y<i>z</i></b></p>`},
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
	for _, scripting := range []bool{true, false} {
		root, err := html.ParseWithOptions(strings.NewReader(cleaned), html.ParseOptionEnableScripting(scripting))
		if err != nil {
			return // nested deeper than the tree builder reads; the tokens were checked by cleaning again
		}
		checkTree(t, cleaned, root)
	}
}

func checkTree(t *testing.T, cleaned string, root *html.Node) {
	t.Helper()
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
				for _, word := range []string{"url(", "src(", "image-set(", "expression(", "var(", "attr(", "behavior", "binding", "position:", "content:", "--", "/*", `\`, "@", "<"} {
					if strings.Contains(";"+value, word) && !strings.Contains(value, "-position:") {
						t.Errorf("%q holds style %q", cleaned, a.Val)
					}
				}
			case "id", "class", "type", "title", "alt", "target", "rel", "width", "height", "dir", "lang", "align", "border", "bgcolor", "valign", "nowrap", "cellpadding",
				"cellspacing", "colspan", "rowspan", "span", "hspace", "vspace", "color", "size", "face", "start", "value", "hidden", "bordercolor", "clear", "noshade", "reversed":
			case content.RemoteSource:
				if n.Data != "img" || !hasScheme(value, "http://", "https://") {
					t.Errorf("%q holds a remote picture at %q", cleaned, a.Val)
				}
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

// hostile is what attackers write into mails, by kind: published ways around other cleaners, and ours.
func hostile(t testing.TB) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var list map[string]string
	if err := json.Unmarshal(raw, &list); err != nil || len(list) < 300 {
		t.Fatalf("%d texts, %v", len(list), err)
	}
	return list
}

func TestHostileHTML(t *testing.T) {
	for name, source := range hostile(t) {
		for place, around := range map[string]string{"alone": "%", "in a table": "<table><tr><td>%</td></tr></table>", "in a quote": "<blockquote><p><b>%</blockquote>", "in a document": "<html><head>%</head><body>%</body></html>"} {
			t.Run(name+" "+place, func(t *testing.T) { checkHarmless(t, content.SanitizeHTML(strings.ReplaceAll(around, "%", source))) })
		}
	}
}

func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{
		"<p>a<b>c</p>d", `<a href="java&#10;script:x">x`, "<table><td><div></table>", `<img src=x onerror=y style="color:'`, "<pre>\n\na", "<body style=color:red><body>",
		"&#13;&lt;script&gt;", "<plaintext>a", "<textarea><script>", "<ul><li><p><li></ul></p>", `<p style="font-family:&quot;;color:red">`, "</br></p>", "<svg><style><img>",
		`<blockquote class="gmail_quote" id=Signature>x`, "<a href='//x'>", "\xff<\x00p>",
		"<style>p{color:red}</style><p class=a>", "<style>@media all{.a,#b{font:1px/2px x}}</style><body id=b><i class=a style='margin:0/**/;background:#fff url(x)'>",
	} {
		f.Add(seed)
	}
	for _, source := range hostile(f) {
		f.Add(source)
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
