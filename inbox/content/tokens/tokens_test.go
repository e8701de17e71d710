package tokens_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/deskbell/deskbell/inbox/content/tokens"
)

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"Where are my returned parcels?": "wher return parcel",
		"The refunds since Monday":       "refund sinc monday",
		"Где мой заказ? Верните деньги":        "где мо заказ верн деньг",
		"Dov'è il mio pacco? Due pacchi":       "dov mio pacc due",
		"Aspetto il rimborso, molti rimborsi!": "aspett rimbors molt",
		"我的包裹":                                 "我的 的包 包裹",
		"灯":                                    "灯",
		"返品したい":                                "返品 品し した たい",
		"환불해 주세요":                              "환불 불해 주세 세요",
		"order 114-1234567-7654321":            "order 114 1234567 7654321",
		"ann@shop.example":                     "ann shop exampl",
		"Müller, Straße, café":                 "muller strass cafe",
		"RX78-GP ＲＸ":                           "rx78 gp rx",
		"1,299.00":                             "1,299.00",
	} {
		if got := strings.Join(tokens.Tokens(text), " "); got != want {
			t.Errorf("Tokens(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestFormsMeet checks that a search in one form of a word finds the others.
func TestFormsMeet(t *testing.T) {
	for _, forms := range [][]string{
		{"parcel", "parcels", "PARCELS"},
		{"return", "returned", "returning", "returns"},
		{"возврат", "возвраты", "возврата"},
		{"rimborso", "rimborsi"},
		{"spedizione", "spedizioni"},
	} {
		want := tokens.Tokens(forms[0])
		for _, form := range forms[1:] {
			if got := tokens.Tokens(form); !slices.Equal(got, want) {
				t.Errorf("Tokens(%q) = %q, but Tokens(%q) = %q", form, got, forms[0], want)
			}
		}
	}
}

func TestTokensAreBounded(t *testing.T) {
	var text strings.Builder
	for i := range 100_000 {
		text.WriteString(" w" + strconv.Itoa(i))
	}
	if got := len(tokens.Tokens(text.String())); got != tokens.MaxTokens {
		t.Errorf("%d words of a very long text, want %d", got, tokens.MaxTokens)
	}
	for _, token := range tokens.Tokens(strings.Repeat("x", 1<<20) + " " + strings.Repeat("字", 1<<20)) {
		if len(token) > 64 {
			t.Errorf("a word of %d bytes", len(token))
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Where is my parcel? 我的包裹 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, token := range tokens.Tokens(text) {
			if token == "" || len(token) > 64 || !utf8.ValidString(token) || strings.ContainsAny(token, " \n") {
				t.Errorf("token %q of %q", token, text)
			}
		}
	})
}

func BenchmarkTokens(b *testing.B) {
	const text = `Dear support team, I ordered the green reading lamp with the brass foot two weeks ago and paid the same evening,
but the parcel has not arrived. Your tracking page says that it left the warehouse in Verona on Tuesday and nothing since then.
Could you please find out where it is, or send another one? My daughter's birthday is on Saturday and I would be very unhappy to
have nothing for her. The order number is 114-1234567-7654321, my address is unchanged. If you cannot deliver before the weekend
I want my money back, including shipping costs, and I shall buy it somewhere else. Kind regards, Ann Example
Здравствуйте, я заказала зелёную лампу две недели назад и до сих пор ничего не получила. Пожалуйста, сообщите, где моя посылка.
Buongiorno, aspetto ancora la lampada verde che ho ordinato due settimane fa; potete dirmi quando arriva il pacco?`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		tokens.Tokens(text)
	}
}
