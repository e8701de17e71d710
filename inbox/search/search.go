// Package search reads the agent's search line, such as
//
//	from:ann is:open tag:refund shop:"Tea House" channel:email has:attachment "late parcel"
//
// and turns it into a filter of the store. What is not an operator are words to be found.
package search

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content/tokens"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Line is a search line, understood but with names still as they were typed.
type Line struct {
	Text     string   // the words, without operators
	From     string   // a part of the customer's name or address
	States   []string // open, pending, snoozed, closed
	Assignee string   // me, none
	Tags     []string // names
	Shop     string   // name or id
	Channel  string   // kind of connection
	Files    bool
}

// Empty tells whether the line asks for nothing.
func (l Line) Empty() bool {
	return l.Text == "" && l.From == "" && len(l.States) == 0 && l.Assignee == "" && len(l.Tags) == 0 && l.Shop == "" && l.Channel == "" && !l.Files
}

// Parse reads a line. It never fails: what it does not know as an operator are words.
func Parse(text string) Line {
	var l Line
	var words []string
	for _, term := range terms(text) {
		if !l.operator(term) {
			words = append(words, term.text())
		}
	}
	l.Text = strings.Join(words, " ")
	return l
}

// operator takes a term that is one, and tells whether it was.
func (l *Line) operator(t term) bool {
	if t.value == "" {
		return false
	}
	switch strings.ToLower(t.name) {
	case "from":
		l.From = t.value
	case "tag":
		l.Tags = append(l.Tags, t.value)
	case "shop":
		l.Shop = t.value
	case "channel":
		l.Channel = strings.ToLower(t.value)
	case "is":
		return l.is(strings.ToLower(t.value))
	case "has":
		if value := strings.ToLower(t.value); value != "attachment" && value != "file" {
			return false
		}
		l.Files = true
	default:
		return false
	}
	return true
}

func (l *Line) is(value string) bool {
	switch value {
	case "mine":
		l.Assignee = "me"
	case "unassigned":
		l.Assignee = "none"
	case string(inbox.Open), string(inbox.Pending), string(inbox.Snoozed), string(inbox.Closed):
		l.States = append(l.States, value)
	default:
		return false
	}
	return true
}

// term is one piece of a line: a word, a quoted phrase, or name:value where value may be quoted.
type term struct{ name, value string }

func (t term) text() string {
	if t.name == "" {
		return t.value
	}
	return t.name + ":" + t.value
}

// terms cuts a line at spaces outside of quotes. A quote that is not closed ends with the line.
func terms(text string) []term {
	var list []term
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeftFunc(text, unicode.IsSpace) {
		var t term
		if end := strings.IndexFunc(text, func(r rune) bool { return r == ':' || r == '"' || unicode.IsSpace(r) }); end > 0 && text[end] == ':' {
			t.name, text = text[:end], text[end+1:]
		}
		if strings.HasPrefix(text, `"`) {
			t.value, text, _ = strings.Cut(text[1:], `"`)
		} else {
			end := strings.IndexFunc(text, unicode.IsSpace)
			if end < 0 {
				end = len(text)
			}
			t.value, text = text[:end], text[end:]
		}
		if t != (term{}) {
			list = append(list, t)
		}
	}
	return list
}

// Apply adds the line to a filter, for somebody with this scope. It returns false if the line names a
// tag or shop he cannot see, or words that are none: then nothing is found.
func Apply(ctx context.Context, s *store.Store, scope rbac.Scope, l Line, f *store.ConversationFilter) (bool, error) {
	f.Words = tokens.Tokens(l.Text)
	if l.Text != "" && len(f.Words) == 0 {
		return false, nil // only punctuation and the commonest words
	}
	f.Customer, f.Kind, f.Files = l.From, l.Channel, l.Files
	for _, state := range l.States {
		f.States = append(f.States, inbox.ConversationState(state))
	}
	switch l.Assignee {
	case "me":
		f.Assignee = &scope.User
	case "none":
		f.Assignee = new(inbox.UserID)
	}
	if found, err := tags(ctx, s, l.Tags, f); !found || err != nil {
		return false, err
	}
	return shop(ctx, s, scope, l.Shop, f)
}

// same compares names as people type them.
func same(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

func tags(ctx context.Context, s *store.Store, names []string, f *store.ConversationFilter) (bool, error) {
	if len(names) == 0 {
		return true, nil
	}
	known, err := s.Tags(ctx, rbac.Scope{}, true)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		i := slices.IndexFunc(known, func(t inbox.Tag) bool { return same(t.Name, name) })
		if i < 0 {
			return false, nil
		}
		f.Tags = append(f.Tags, known[i].ID)
	}
	return true, nil
}

func shop(ctx context.Context, s *store.Store, scope rbac.Scope, name string, f *store.ConversationFilter) (bool, error) {
	if name == "" {
		return true, nil
	}
	shops, err := s.Shops(ctx, scope)
	if err != nil {
		return false, err
	}
	for _, shop := range shops {
		if same(shop.Name, name) || shop.ID.String() == name {
			f.Shop = shop.ID
			return true, nil
		}
	}
	return false, nil
}
