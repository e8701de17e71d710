package web_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/webtest"
)

var pictureAddress = regexp.MustCompile(` src="(/api/v1/[^"]*)"`)

// addresses are those of the pictures in a frame.
func addresses(frame webtest.Answer) (list []string) {
	for _, found := range pictureAddress.FindAllStringSubmatch(string(frame.Body), -1) {
		list = append(list, html.UnescapeString(found[1]))
	}
	return list
}

// farPictures is a server elsewhere that has a picture at every address but those named after what
// they give instead; it counts how often each is asked.
type farPictures struct {
	*httptest.Server
	asked chan *http.Request
}

func newFarPictures(t *testing.T) farPictures {
	t.Helper()
	far := farPictures{asked: make(chan *http.Request, 100)}
	far.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		far.asked <- r
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Set-Cookie", "seen=1")
		switch r.URL.Path {
		case "/page":
			_, _ = io.WriteString(w, "<script>alert(1)</script>")
		case "/svg":
			_, _ = io.WriteString(w, `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)
		default:
			_, _ = w.Write(png)
		}
	}))
	t.Cleanup(far.Close)
	return far
}

// shownFrom is a message of the first shop with HTML and files.
func shownFrom(t *testing.T, d desk, shop int, source string, files ...inbox.Attachment) inbox.Message {
	t.Helper()
	var m inbox.Message
	d.Conversation(shop, func(_ *inbox.Conversation, in *inbox.Message) {
		in.HTML, in.Files, in.Attachments = content.SanitizeHTML(source), len(files), files
		m = *in
	})
	return m
}

func TestRemotePictures(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		far := newFarPictures(t)
		m := shownFrom(t, d, 0, fmt.Sprintf(`<img src="%[1]s/a?x=1&amp;y=2" width="3"><img src="%[1]s/page"><img src="%[1]s/svg"><img src="http://10.0.0.1/p"><img src="http://169.254.169.254/p">`, far.URL))
		frame := "/messages/" + m.ID.String() + "/html"
		listed := d.Want(200, d.ann, "GET", "/conversations/"+m.Conversation.String()+"/messages", nil)
		if !strings.Contains(string(listed.Body), `"remote_pictures":true`) {
			t.Errorf("nobody is told of the pictures: %s", listed.Body)
		}
		for _, query := range []string{"", "?pictures=hide"} {
			if hidden := d.Want(200, d.ann, "GET", frame+query, nil); strings.Contains(string(hidden.Body), "http") || strings.Contains(string(hidden.Body), "src=") {
				t.Errorf("shown without being asked for: %s", hidden.Body)
			}
		}
		shown := d.Want(200, d.ann, "GET", frame+"?pictures=show", nil)
		list := addresses(shown)
		if len(list) != 5 || strings.Contains(string(shown.Body), "http:") || len(far.asked) != 0 {
			t.Fatalf("%d pictures, %d asked for before they are looked at: %s", len(list), len(far.asked), shown.Body)
		}
		again := addresses(d.Want(200, d.ann, "GET", frame+"?pictures=show", nil))
		if again[0] != list[0] {
			t.Errorf("a picture has another address each time: %s, %s", list[0], again[0])
		}
		got := d.Raw(0, "GET", list[0], nil)
		header := got.Header
		if got.Status != 200 || string(got.Body) != string(png) || header.Get("Content-Type") != "image/png" || header.Get("Cache-Control") != "private, max-age=3600" ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Set-Cookie") != "" || !strings.Contains(header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("picture: %d %q %v", got.Status, got.Body, header)
		}
		if r := <-far.asked; r.URL.RequestURI() != "/a?x=1&y=2" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		var refusals []string
		for _, address := range list[1:] {
			refused := d.Raw(0, "GET", address, nil)
			if refused.Status != 404 {
				t.Errorf("%s: %d %s", address, refused.Status, refused.Body)
			}
			refusals = append(refusals, string(refused.Body))
		}
		for _, refusal := range refusals[1:] {
			if refusal != refusals[0] {
				t.Errorf("what there is inside is told: %s, %s", refusals[0], refusal)
			}
		}
	})
}

// The address of a picture is worth as much as the rights of who opened the message, for that message
// and while he is signed in.
func TestPictureRights(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		far := newFarPictures(t)
		m := shownFrom(t, d, 0, `<img src="`+far.URL+`/a">`)
		other := shownFrom(t, d, 0, `<img src="`+far.URL+`/a"><img src="`+far.URL+`/b">`)
		foreign := shownFrom(t, d, 1, `<img src="`+far.URL+`/a">`)
		show := func(m inbox.Message) string { return "/messages/" + m.ID.String() + "/html?pictures=show" }
		address := addresses(d.Want(200, d.ann, "GET", show(m), nil))[0]
		plain, ticket, _ := strings.Cut(address, "?")
		elsewhere := func(m inbox.Message) string {
			return strings.Replace(plain, "/messages/"+m.ID.String()+"/", "/messages/%s/", 1)
		}(m)
		b := addresses(d.Want(200, d.ann, "GET", show(other), nil))[1]
		for name, tt := range map[string]struct {
			user    rbac.UserID
			address string
			want    int
		}{
			"the frame":                 {0, address, 200},
			"the reader":                {d.ann, plain, 200},
			"who reads all":             {d.owner, plain, 200},
			"another shop's agent":      {d.bob, plain, 404},
			"he, with her ticket":       {d.bob, address, 404},
			"nobody":                    {0, plain, 401},
			"another ticket":            {0, plain + "?ticket=" + strings.Repeat("A", len(ticket)-len("ticket=")), 401},
			"a short ticket":            {0, plain + "?ticket=x", 401},
			"a ticket of another":       {0, fmt.Sprintf(elsewhere, other.ID) + "?" + ticket, 401},
			"a foreign message":         {d.ann, fmt.Sprintf(elsewhere, foreign.ID), 404},
			"its ticket for it":         {0, fmt.Sprintf(elsewhere, foreign.ID) + "?" + ticket, 401},
			"an unknown message":        {d.ann, fmt.Sprintf(elsewhere, inbox.MessageID(999999)), 404},
			"a picture of another mail": {d.ann, strings.Replace(plain, pictureName(plain), pictureName(b), 1), 404},
			"no picture":                {d.ann, strings.Replace(plain, pictureName(plain), "x", 1), 404},
		} {
			before := len(far.asked)
			if got := d.Raw(tt.user, "GET", tt.address, nil); got.Status != tt.want {
				t.Errorf("%s: %d %s, want %d", name, got.Status, got.Body, tt.want)
			}
			if asked := len(far.asked) - before; (asked == 1) != (tt.want == 200) {
				t.Errorf("%s: asked %d times", name, asked)
			}
		}
		d.Want(200, d.owner, "PATCH", "/users/"+d.ann.String(), map[string]any{"status": "disabled"})
		if got := d.Raw(0, "GET", address, nil); got.Status != 401 {
			t.Errorf("after she left: %d %s", got.Status, got.Body)
		}
	})
}

// pictureName is the last part of a picture's address.
func pictureName(address string) string {
	plain, _, _ := strings.Cut(address, "?")
	return plain[strings.LastIndex(plain, "/")+1:]
}

// A picture of the mail itself that is too large to be put into the frame is loaded on its own; a file
// that is none is not shown, whatever it is called.
func TestLargeOwnPictures(t *testing.T) {
	d := desk{Server: webtest.New(t, storetest.SQLite(t), 1, nil)}
	d.ann = d.Agent("ann", d.Shops[0])
	large := append(append([]byte(nil), png...), make([]byte, 3<<20)...)
	hash, size, err := d.Blobs.Put(t.Context(), strings.NewReader(string(large)))
	if err != nil {
		t.Fatal(err)
	}
	page := store.PackBlob([]byte("<script>alert(1)</script>"))
	d.World.Do(func(tx *store.Tx) error { return tx.PutBlobs(t.Context(), []store.Blob{page}) })
	m := shownFrom(t, d, 0, `<img src="cid:big%401"><img src="cid:page">`, inbox.Attachment{Name: "p.png", ContentType: "image/png", ContentID: "big@1", Size: size, Hash: hash},
		inbox.Attachment{Name: "x.png", ContentType: "image/png", ContentID: "page", Size: page.Size, Hash: page.Hash})
	list := addresses(d.Want(200, d.ann, "GET", "/messages/"+m.ID.String()+"/html", nil))
	if len(list) != 2 {
		t.Fatalf("pictures %v", list)
	}
	if got := d.Raw(0, "GET", list[0], nil); got.Status != 200 || len(got.Body) != len(large) || got.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%d, %d bytes, %v", got.Status, len(got.Body), got.Header)
	}
	if got := d.Raw(0, "GET", list[1], nil); got.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a page: %d %v", got.Status, got.Header)
	}
}
