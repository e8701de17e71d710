package content

import (
	"strings"
	"testing"
)

func TestBaseSubject(t *testing.T) {
	for in, want := range map[string]struct {
		base   string
		answer bool
	}{
		"Late parcel":                   {"late parcel", false},
		"Re: Late parcel":               {"late parcel", true},
		"RE:Late  parcel":               {"late parcel", true},
		"Re: Re: AW: Late parcel":       {"late parcel", true},
		"Re[2]: Late parcel":            {"late parcel", true},
		"Re (3): Late parcel":           {"late parcel", true},
		"Re^2: Late parcel":             {"late parcel", true},
		"Fwd: Late parcel":              {"late parcel", true},
		"AW : Late parcel":              {"late parcel", true},
		"Ответ: Где посылка":            {"где посылка", true},
		"HA: Где посылка":               {"где посылка", true},
		"回复：包裹":                         {"包裹", true},
		"回复: Re: 包裹":                    {"包裹", true},
		"R: Pacco":                      {"pacco", true},
		"Ynt: Paket":                    {"paket", true},
		"Order: 4711":                   {"order: 4711", false},
		"Re-order":                      {"re-order", false},
		"Re":                            {"re", false},
		"Re:":                           {"", true},
		"":                              {"", false},
		"\tRe:\r\n Late\tparcel ":       {"late parcel", true},
		strings.Repeat("x", 50) + ": y": {strings.Repeat("x", 50) + ": y", false},
	} {
		base, answer := BaseSubject(in)
		if base != want.base || answer != want.answer {
			t.Errorf("BaseSubject(%q) = %q, %v; want %q, %v", in, base, answer, want.base, want.answer)
		}
	}
	if base, answer := BaseSubject(strings.Repeat("re:", 200_000)); base != "" || !answer {
		t.Errorf("many marks leave %d bytes", len(base))
	}
}
