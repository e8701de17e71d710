package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/inbox/content/tokens"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

const (
	previewRunes     = 140
	defaultUndo      = 10 * time.Second
	longestUndo      = 2 * time.Minute
	latestSend       = 366 * 24 * time.Hour
	mostRecipients   = 50
	mostFileBytes    = 25 << 20
	longestText      = 1 << 20
	textSignature    = "\n\n-- \n" // RFC 3676, section 4.3
	htmlSignature    = "<!-- signature -->"
	signatureOpening = htmlSignature + `<div style="margin-top:1em;color:#666666">`
)

// QueueRequest is a reply as its author wrote it.
type QueueRequest struct {
	Conversation inbox.ConversationID
	Key          string // Idempotency-Key, unique for ever among the author's replies and notes; may be empty
	Text         string // made from HTML if empty
	HTML         string // cleaned before it is kept; empty: the reply is plain text
	Attachments  []inbox.AttachmentID
	Cc, Bcc      []inbox.Address
	SendAt       time.Time               // zero: when the author's time to undo has passed
	Then         inbox.ConversationState // Pending or Closed; "" leaves the conversation's state
	Seen         inbox.MessageID         // newest message the author has seen; 0: not asked
	Anyway       bool                    // also if somebody wrote since
}

// hash tells two requests apart that have the same key. What the author has seen is no part of it.
func (r QueueRequest) hash() string {
	r.Key, r.Seen, r.Anyway = "", 0, false
	encoded, err := json.Marshal(r)
	if err != nil {
		panic("outbox: a request does not marshal: " + err.Error()) // it holds texts, numbers and times
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// check refuses what is wrong whatever the conversation is.
func (r QueueRequest) check(now time.Time) error {
	if strings.TrimSpace(r.Text) == "" && strings.TrimSpace(r.HTML) == "" && len(r.Attachments) == 0 {
		return inbox.InvalidField("body.text", "write something, or add a file")
	}
	if len(r.Text) > longestText || len(r.HTML) > longestText {
		return inbox.InvalidField("body.text", "a reply can have up to %d characters", longestText)
	}
	if r.Then != "" && r.Then != inbox.Pending && r.Then != inbox.Closed {
		return inbox.InvalidField("body.then", "after a reply a conversation can be pending or closed")
	}
	if r.SendAt.After(now.Add(latestSend)) {
		return inbox.InvalidField("body.send_at", "a reply can be sent at most a year from now")
	}
	if len(r.Cc)+len(r.Bcc) > mostRecipients {
		return inbox.InvalidField("body.cc", "a reply can have up to %d further recipients", mostRecipients)
	}
	if err := checkAddresses("body.cc", r.Cc); err != nil {
		return err
	}
	return checkAddresses("body.bcc", r.Bcc)
}

func checkAddresses(field string, list []inbox.Address) error {
	for i, a := range list {
		parsed, err := mail.ParseAddress(a.Address)
		if err != nil || parsed.Address != a.Address || strings.ContainsAny(a.Name, "\r\n") {
			return inbox.InvalidField(field+"["+strconv.Itoa(i)+"]", "this is not a mail address")
		}
	}
	return nil
}

// Queue keeps a reply of scope.User, who may reply here as the caller has decided, and has it sent
// when the time to undo it has passed. The same key and request again return the first message,
// also if it was withdrawn since; another request with a used key is Invalid with reason key_reused. If somebody else wrote since
// the message the author saw, nothing is kept: Conflict with reason newer_message and its id.
// Denied if the shop is closed. A shop or connection that cannot send now keeps the reply held.
func (s *Service) Queue(ctx context.Context, scope rbac.Scope, r QueueRequest) (inbox.Message, error) {
	r.HTML, r.SendAt = content.ShowRemote(content.SanitizeHTML(r.HTML)), r.SendAt.UTC()
	if err := r.check(s.now()); err != nil {
		return inbox.Message{}, err
	}
	if strings.TrimSpace(r.Text) == "" && r.HTML != "" {
		r.Text = content.HTMLToText(r.HTML)
	}
	return s.keep(ctx, func(tx *store.Tx) (inbox.Message, error) { return s.queue(ctx, tx, scope, r) })
}

// keep runs a transaction that adds a message under a key. Two that race with one key in different
// conversations meet at the unique index: the second then finds the first's message.
func (s *Service) keep(ctx context.Context, add func(tx *store.Tx) (inbox.Message, error)) (m inbox.Message, err error) {
	run := func(tx *store.Tx) error {
		m, err = add(tx)
		return err
	}
	if err = s.store.InTx(ctx, run); inbox.CodeOf(err) == inbox.Conflict && errorReason(err) == nil {
		err = s.store.InTx(ctx, run)
	}
	return m, err
}

func (s *Service) queue(ctx context.Context, tx *store.Tx, scope rbac.Scope, r QueueRequest) (inbox.Message, error) {
	c, err := tx.LockConversation(ctx, scope, r.Conversation)
	if err != nil {
		return inbox.Message{}, err
	}
	if m, found, err := earlier(ctx, tx, scope.User, r.Key, r.hash()); found || err != nil {
		return m, err
	}
	shop, err := tx.Shop(ctx, c.Shop)
	if err != nil {
		return inbox.Message{}, err
	}
	connection, err := tx.Connection(ctx, c.Connection)
	if err != nil {
		return inbox.Message{}, err
	}
	if err := s.mayReply(ctx, tx, scope, c, shop, r); err != nil {
		return inbox.Message{}, err
	}
	m, err := s.compose(ctx, tx, scope, c, shop, connection, r)
	if err != nil {
		return inbox.Message{}, err
	}
	before := c.State
	m.Before = c.Reply(r.Then)
	if err := s.add(ctx, tx, &m, &c, r.Attachments); err != nil {
		return inbox.Message{}, err
	}
	if err := tx.DiscardDraft(ctx, c.Shop, scope.User, c.ID, inbox.DraftReply); err != nil {
		return inbox.Message{}, err
	}
	if m.State == inbox.Held {
		tell(tx, inbox.MessageHeld, scope.User, &c, m)
	} else {
		tell(tx, inbox.MessageQueued, scope.User, &c, m)
		if err := s.enqueue(ctx, tx, m, true); err != nil {
			return inbox.Message{}, err
		}
	}
	if c.State != before {
		tellState(tx, scope.User, &c, before, "")
	}
	return m, nil
}

// earlier finds what the author kept under a key before.
func earlier(ctx context.Context, tx *store.Tx, author inbox.UserID, key, hash string) (m inbox.Message, found bool, err error) {
	if key == "" {
		return m, false, nil
	}
	m, err = tx.MessageByKey(ctx, author, key)
	if inbox.CodeOf(err) == inbox.NotFound {
		return m, false, nil
	}
	if err == nil && m.SendHash != hash {
		return inbox.Message{}, true, &inbox.Error{Code: inbox.Invalid, Field: "header.Idempotency-Key",
			Msg: "this key was used for something else", Reason: &inbox.Reason{Code: "key_reused"}}
	}
	return m, true, err
}

var errMerged = &inbox.Error{Code: inbox.Denied, Msg: "this conversation was merged into another: go on there",
	Reason: &inbox.Reason{Code: "conversation_merged"}}

// mayReply refuses a reply that the conversation as it stands does not allow.
func (s *Service) mayReply(ctx context.Context, tx *store.Tx, scope rbac.Scope, c inbox.Conversation, shop inbox.Shop, r QueueRequest) error {
	switch {
	case shop.State == inbox.ShopClosed:
		return &inbox.Error{Code: inbox.Denied, Msg: "this shop is closed: its messages can only be read", Reason: &inbox.Reason{Code: "shop_closed"}}
	case c.MergedInto != 0:
		return errMerged
	case c.ContactAddress == "" && c.RemoteThread == "":
		return &inbox.Error{Code: inbox.Denied, Msg: "nobody knows where an answer would go", Reason: &inbox.Reason{Code: "no_address"}}
	case r.Seen == 0 || r.Anyway:
		return nil
	}
	newest, err := tx.NewestByOthers(ctx, c.ID, scope.User)
	if err == nil && newest > r.Seen {
		err = &inbox.Error{Code: inbox.Conflict, Msg: "somebody wrote here since you looked: read it, then send again",
			Reason: &inbox.Reason{Code: "newer_message", Params: map[string]any{"current": newest}}}
	}
	return err
}

// compose makes the message of a reply: state and time, identity, thread, sender, text.
func (s *Service) compose(ctx context.Context, tx *store.Tx, scope rbac.Scope, c inbox.Conversation, shop inbox.Shop,
	connection inbox.Connection, r QueueRequest) (inbox.Message, error) {
	undo, err := undoTime(ctx, tx, scope.User)
	if err != nil {
		return inbox.Message{}, err
	}
	from, err := sender(ctx, tx, shop, connection)
	if err != nil {
		return inbox.Message{}, err
	}
	head, chain, err := tx.ThreadHead(ctx, c.ID)
	if err != nil {
		return inbox.Message{}, err
	}
	now := s.now()
	m := inbox.Message{Conversation: c.ID, Shop: c.Shop, Connection: c.Connection, Direction: inbox.Out, State: inbox.Queued, Author: scope.User,
		From: from, To: []inbox.Address{{Name: c.ContactName, Address: c.ContactAddress}}, Cc: r.Cc, Bcc: r.Bcc,
		Subject: replySubject(c.Subject), Text: r.Text, HTML: r.HTML, InReplyTo: head,
		References: references(head, chain), SendKey: r.Key, SendHash: r.hash(), At: now, SendAt: now.Add(undo)}
	if r.SendAt.After(m.SendAt) {
		m.State, m.SendAt = inbox.Scheduled, r.SendAt
	}
	if m.Problem = held(shop, connection); m.Problem != nil {
		m.State = inbox.Held
	}
	sign(&m, shop.Signature)
	return m, s.identify(ctx, tx, &m)
}

// sign puts the shop's signature under a reply; what the person wrote stays in ReplyText and above
// the mark in HTML.
func sign(m *inbox.Message, signature string) {
	if signature = strings.TrimSpace(signature); signature == "" {
		return
	}
	m.ReplyText = m.Text
	m.Text += textSignature + signature
	if m.HTML != "" {
		m.HTML += signatureOpening + content.TextToHTML(signature) + "</div>"
	}
}

// written returns what the person wrote of a reply, without the signature.
func written(m inbox.Message) (text, html string) {
	html, _, _ = strings.Cut(m.HTML, htmlSignature)
	return m.Said(), html
}

// sender is who a shop's customers get mail from: its name, and the address that the connection has
// for this shop.
func sender(ctx context.Context, tx *store.Tx, shop inbox.Shop, connection inbox.Connection) (inbox.Address, error) {
	from := inbox.Address{Name: shop.SenderName}
	if from.Name == "" {
		from.Name = shop.Name
	}
	from.Address, _ = connection.Settings["address"].(string)
	if from.Address == "" {
		from.Address = connection.Name
	}
	if connection.Shop == shop.ID {
		return from, nil
	}
	routes, err := tx.Routes(ctx, connection.ID)
	if err != nil {
		return from, err
	}
	var own []string
	for address, to := range routes {
		if to == shop.ID {
			own = append(own, address)
		}
	}
	if len(own) > 0 {
		from.Address = slices.Min(own)
	}
	return from, nil
}

// undoTime is how long a reply waits: as its author chose, else as the installation says.
func undoTime(ctx context.Context, tx *store.Tx, author inbox.UserID) (time.Duration, error) {
	limit := func(seconds float64) time.Duration {
		return min(max(time.Duration(seconds*float64(time.Second)), 0), longestUndo)
	}
	if author != 0 {
		user, err := tx.User(ctx, author)
		if err != nil {
			return 0, fmt.Errorf("author of a reply: %w", err)
		}
		if seconds, ok := user.Settings["undo_seconds"].(float64); ok {
			return limit(seconds), nil
		}
	}
	value, err := tx.Setting(ctx, store.SettingUndoSeconds)
	if err != nil || value == "" {
		return defaultUndo, err
	}
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0, fmt.Errorf("setting %s: %w", store.SettingUndoSeconds, err)
	}
	return limit(seconds), nil
}

// add keeps a new message of ours with its files and search words, and what the lists show of it.
func (s *Service) add(ctx context.Context, tx *store.Tx, m *inbox.Message, c *inbox.Conversation, files []inbox.AttachmentID) error {
	var err error
	if m.Attachments, err = tx.Uploads(ctx, m.Author, files); err != nil {
		return err
	}
	if total := fileBytes(*m); total > mostFileBytes {
		return inbox.InvalidField("body.attachments", "the files of a message can have up to %d MB together", mostFileBytes>>20)
	}
	m.Files = len(m.Attachments)
	m.CreatedAt = s.now()
	if m.ID, err = tx.AddMessage(ctx, *m); err != nil {
		return err
	}
	if err := tx.ClaimUploads(ctx, m.Author, m.ID, files); err != nil {
		return err
	}
	words := store.SearchWords{Message: m.ID, Shop: m.Shop, Words: tokens.Tokens(m.Subject + "\n" + m.Said())}
	if err := tx.AddWords(ctx, []store.SearchWords{words}); err != nil {
		return err
	}
	c.Messages++
	c.HasAttachments = c.HasAttachments || m.Files > 0
	show(c, *m)
	if m.At.After(c.LastAt) {
		c.LastAt = m.At
	}
	return tx.SaveConversation(ctx, c)
}

// show makes a message the one the lists quote.
func show(c *inbox.Conversation, m inbox.Message) {
	c.Preview, c.PreviewAuthor, c.PreviewKind = content.Preview(m.Said(), previewRunes), m.Author, m.Direction
}

func fileBytes(m inbox.Message) (total int64) {
	for _, a := range m.Attachments {
		total += a.Size
	}
	return total
}
