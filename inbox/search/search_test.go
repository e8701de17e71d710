package search_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/search"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]search.Line{
		"":                               {},
		"  late  parcel ":                {Text: "late parcel"},
		`from:ann is:open "late parcel"`: {From: "ann", States: []string{"open"}, Text: "late parcel"},
		`tag:refund tag:"Lost in post" shop:"Tea House" channel:Email has:attachment`: {Tags: []string{"refund", "Lost in post"}, Shop: "Tea House",
			Channel: "email", Files: true},
		"is:mine is:closed IS:Pending": {Assignee: "me", States: []string{"closed", "pending"}},
		"is:unassigned":                {Assignee: "none"},
		"is:odd has:wings re:invoice":  {Text: "is:odd has:wings re:invoice"},
		"from: x":                      {Text: "from: x"},
		`"not closed`:                  {Text: "not closed"},
		`10:30 a"b`:                    {Text: `10:30 a"b`},
		`tag:"`:                        {Text: "tag:"},
	} {
		if got := search.Parse(text); !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%q) = %+v, want %+v", text, got, want)
		}
	}
	if !search.Parse(`""`).Empty() || search.Parse("is:open").Empty() {
		t.Error("Empty is wrong")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`from:ann "x y" tag:"`)
	f.Fuzz(func(t *testing.T, text string) { search.Parse(text) })
}

func TestApply(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := storetest.NewWorld(t, s, 2)
		ann := w.Agent("ann", w.Shops[0])
		scope := rbac.Scope{Shops: w.Shops[:1], User: ann}
		var refund inbox.Tag
		w.Do(func(tx *store.Tx) (err error) {
			refund, err = tx.CreateTag(t.Context(), ann, inbox.Tag{Name: "Refund due", Color: "red"})
			return err
		})
		var f store.ConversationFilter
		found, err := search.Apply(t.Context(), s, scope, search.Parse(`is:mine tag:"refund  DUE" shop:"shop 1" Parcels`), &f)
		if err != nil || !found || *f.Assignee != ann || !slices.Equal(f.Tags, []inbox.TagID{refund.ID}) || f.Shop != w.Shops[0] || len(f.Words) != 1 {
			t.Errorf("Apply = %v, %v: %+v", found, err, f)
		}
		for _, text := range []string{"tag:unknown", "shop:unknown", `shop:"shop 2"`, "shop:" + w.Shops[1].String(), "!!!"} {
			f = store.ConversationFilter{}
			if found, err := search.Apply(t.Context(), s, scope, search.Parse(text), &f); err != nil || found {
				t.Errorf("Apply(%q) = %v, %v; want nothing found", text, found, err)
			}
		}
	})
}
