package reference_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/reference"
)

var ours = reference.Reference{Shop: 3, Conversation: 4711, Message: 1 << 39}

func key(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

func TestReadReturnsWhatWasMade(t *testing.T) {
	keys := reference.New(key(1))
	text := keys.Make(ours)
	if len(text) != reference.Length || text != strings.ToLower(text) {
		t.Errorf("reference %q", text)
	}
	for _, written := range []string{text, strings.ToUpper(text)} {
		if got, ok := keys.Read(3, written); !ok || got != ours {
			t.Errorf("Read(%q) = %+v, %v", written, got, ok)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	keys := reference.New(key(1))
	text := keys.Make(ours)
	flipped := func(i int) string {
		b := []byte(text)
		b[i] ^= 1
		if b[i] < 'a' || b[i] > 'z' {
			b[i] = 'q'
		}
		return string(b)
	}
	for name, tt := range map[string]struct {
		keys *reference.Keys
		shop int64
		text string
	}{
		"another shop":     {keys, 4, text},
		"another key":      {reference.New(key(2)), 3, text},
		"a changed MAC":    {keys, 3, flipped(0)},
		"a changed number": {keys, 3, flipped(31)},
		"nothing":          {keys, 3, ""},
		"too long":         {keys, 3, text + "a"},
		"not base32":       {keys, 3, strings.Repeat("1", 32)},
		"any other id":     {keys, 3, strings.Repeat("a", 32)},
		"a huge number":    {keys, 3, keys.Make(reference.Reference{Shop: 3, Conversation: 1 << 41, Message: 1})},
	} {
		if got, ok := tt.keys.Read(inbox.ShopID(tt.shop), tt.text); ok {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func TestOldKeysStillRead(t *testing.T) {
	text := reference.New(key(1)).Make(ours)
	after := reference.New(key(2), key(1))
	if got, ok := after.Read(3, text); !ok || got != ours {
		t.Errorf("with the old key in the ring: %+v, %v", got, ok)
	}
	if after.Make(ours) == text {
		t.Error("the old key still makes references")
	}
}

func TestNumbersCannotBeRead(t *testing.T) {
	keys := reference.New(key(1))
	first, next := keys.Make(ours), keys.Make(reference.Reference{Shop: 3, Conversation: 4711, Message: ours.Message + 1})
	if strings.HasPrefix(first[16:], next[16:30]) {
		t.Errorf("two neighbours look alike: %s %s", first, next)
	}
}

func TestAddresses(t *testing.T) {
	keys := reference.New(key(1))
	id := keys.MessageID(ours, "help@shop.example")
	text, _, _ := strings.Cut(id, "@")
	if !strings.HasSuffix(id, "@shop.example") || reference.OfMessageID(id) != text {
		t.Errorf("Message-ID %q", id)
	}
	if id := keys.MessageID(ours, ""); !strings.HasSuffix(id, "@deskbell.invalid") {
		t.Errorf("Message-ID %q", id)
	}
	for address, want := range map[string]string{
		"help@shop.example":                       "help+" + text + "@shop.example",
		strings.Repeat("x", 31) + "@shop.example": strings.Repeat("x", 31) + "+" + text + "@shop.example",
		strings.Repeat("x", 32) + "@shop.example": "",
		"no address":             "",
		"Help.Desk@shop.example": "Help.Desk+" + text + "@shop.example",
	} {
		got := reference.Subaddress(address, id)
		if got != want {
			t.Errorf("Subaddress(%q) = %q, want %q", address, got, want)
		}
		if got != "" && reference.OfAddress(got) != text {
			t.Errorf("OfAddress(%q) = %q", got, reference.OfAddress(got))
		}
	}
	if got := reference.Subaddress("help@shop.example", "old@shop.example"); got != "" {
		t.Errorf("a Message-ID without reference gives %q", got)
	}
}
