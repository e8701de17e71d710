package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// NoteRequest is a note as its author wrote it.
type NoteRequest struct {
	Conversation inbox.ConversationID
	Key          string // as in QueueRequest
	Text         string
	Mentions     []inbox.UserID
}

func (r NoteRequest) hash() string {
	r.Key = ""
	encoded, err := json.Marshal(r)
	if err != nil {
		panic("outbox: a request does not marshal: " + err.Error()) // it holds texts and numbers
	}
	sum := sha256.Sum256(append([]byte("note "), encoded...))
	return hex.EncodeToString(sum[:])
}

// AddNote keeps a note of scope.User, which never leaves the house. Keys are used as in Queue. Whom
// a note may mention is the caller's to decide.
func (s *Service) AddNote(ctx context.Context, scope rbac.Scope, r NoteRequest) (inbox.Message, error) {
	switch {
	case strings.TrimSpace(r.Text) == "":
		return inbox.Message{}, inbox.InvalidField("body.text", "write something")
	case len(r.Text) > longestText:
		return inbox.Message{}, inbox.InvalidField("body.text", "a note can have up to %d characters", longestText)
	}
	r.Mentions = slices.Clone(r.Mentions)
	slices.Sort(r.Mentions)
	r.Mentions = slices.Compact(r.Mentions)
	return s.keep(ctx, func(tx *store.Tx) (inbox.Message, error) { return s.note(ctx, tx, scope, r) })
}

func (s *Service) note(ctx context.Context, tx *store.Tx, scope rbac.Scope, r NoteRequest) (inbox.Message, error) {
	c, err := tx.LockConversation(ctx, scope, r.Conversation)
	if err != nil {
		return inbox.Message{}, err
	}
	if m, found, err := earlier(ctx, tx, scope.User, r.Key, r.hash()); found || err != nil {
		return m, err
	}
	if c.MergedInto != 0 {
		return inbox.Message{}, errMerged
	}
	m := inbox.Message{Conversation: c.ID, Shop: c.Shop, Connection: c.Connection, Direction: inbox.Note, State: inbox.Received, Author: scope.User,
		Text: r.Text, Mentions: r.Mentions, SendKey: r.Key, SendHash: r.hash(), At: s.now()}
	if err := s.add(ctx, tx, &m, &c, nil); err != nil {
		return inbox.Message{}, err
	}
	if err := tx.AddMentions(ctx, c.ID, m.ID, r.Mentions); err != nil {
		return inbox.Message{}, err
	}
	if err := tx.DiscardDraft(ctx, c.Shop, scope.User, c.ID, inbox.DraftNote); err != nil {
		return inbox.Message{}, err
	}
	mentions := r.Mentions
	if mentions == nil {
		mentions = []inbox.UserID{}
	}
	tx.Append(inbox.Event{Kind: inbox.NoteAdded, Shop: c.Shop, Conversation: c.ID, Actor: scope.User, From: c.Assignee, To: c.Assignee,
		Data: map[string]any{"message": m.ID, "mentions": mentions}})
	return m, nil
}
