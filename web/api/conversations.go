package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/search"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type conversation struct {
	ID             inbox.ConversationID    `json:"id"`
	Shop           inbox.ShopID            `json:"shop"`
	Connection     inbox.ConnectionID      `json:"connection"`
	Channel        string                  `json:"channel" doc:"kind of the connection"`
	Kind           inbox.ConversationKind  `json:"kind" enum:"message,review,question,feedback,claim"`
	Subject        string                  `json:"subject"`
	Contact        conversationContact     `json:"contact"`
	State          inbox.ConversationState `json:"state" enum:"open,pending,snoozed,closed"`
	ClosedReason   inbox.ClosedReason      `json:"closed_reason" enum:",done,spam,merged,history,automatic"`
	Status         maybe[inbox.StatusID]   `json:"status"`
	Assignee       maybe[inbox.UserID]     `json:"assignee"`
	AssignedAt     instant                 `json:"assigned_at"`
	AssignReason   *inbox.Reason           `json:"assign_reason"`
	Tags           []inbox.TagID           `json:"tags"`
	Preview        preview                 `json:"preview"`
	Messages       int                     `json:"messages"`
	HasAttachments bool                    `json:"has_attachments"`
	Unread         bool                    `json:"unread" doc:"by the caller"`
	Draft          bool                    `json:"draft" doc:"the caller has one"`
	LastAt         instant                 `json:"last_at"`
	WaitingSince   instant                 `json:"waiting_since"`
	DueAt          instant                 `json:"due_at"`
	SnoozedUntil   instant                 `json:"snoozed_until"`
	CreatedAt      instant                 `json:"created_at"`
	Unverified     bool                    `json:"unverified" doc:"the newest message of the customer may not be his"`
	Version        int64                   `json:"version"`
}

type conversationContact struct {
	ID      inbox.ContactID `json:"id"`
	Name    string          `json:"name"`
	Address string          `json:"address"`
}

type preview struct {
	Text      string              `json:"text"`
	Author    maybe[inbox.UserID] `json:"author"`
	Direction inbox.Direction     `json:"direction" enum:"in,out,note"`
}

// showConversation is a conversation as JSON; channel is the kind of its connection.
func showConversation(c inbox.Conversation, channel string) conversation {
	tags := c.Tags
	if tags == nil {
		tags = []inbox.TagID{}
	}
	if c.State == inbox.Closed {
		c.StopClock() // it is kept for a reopening, and concerns nobody until then
	}
	return conversation{ID: c.ID, Shop: c.Shop, Connection: c.Connection, Channel: channel, Kind: c.Kind, Subject: c.Subject,
		Contact: conversationContact{c.Contact, c.ContactName, c.ContactAddress}, State: c.State, ClosedReason: c.ClosedReason,
		Status: some(c.Status), Assignee: some(c.Assignee), AssignedAt: at(c.AssignedAt), AssignReason: c.AssignReason, Tags: tags,
		Preview: preview{c.Preview, some(c.PreviewAuthor), c.PreviewKind}, Messages: c.Messages, HasAttachments: c.HasAttachments,
		Unread: c.Unread, Draft: c.Draft, LastAt: at(c.LastAt), WaitingSince: at(c.WaitingSince), DueAt: at(c.DueAt),
		SnoozedUntil: at(c.SnoozedUntil), CreatedAt: at(c.CreatedAt),
		Unverified: c.Unverified, Version: c.Version}
}

// showConversations adds the channels, which are looked up once per connection and never change.
func (a *API) showConversations(ctx context.Context, list []inbox.Conversation) ([]conversation, error) {
	shown := make([]conversation, len(list))
	for i, c := range list {
		channel, err := a.channel(ctx, c.Connection)
		if err != nil {
			return nil, err
		}
		shown[i] = showConversation(c, channel)
	}
	return shown, nil
}

// channel is the kind of a connection.
func (a *API) channel(ctx context.Context, id inbox.ConnectionID) (string, error) {
	if kind, ok := a.channels.Load(id); ok {
		return kind.(string), nil
	}
	c, err := a.Store.Connection(ctx, id)
	if err != nil {
		return "", err
	}
	a.channels.Store(id, c.Kind)
	return c.Kind, nil
}

// showOne answers an act with the conversation as it is afterwards.
func (a *API) showOne(ctx context.Context, c inbox.Conversation, err error) (*body[conversation], error) {
	if e, ok := err.(currentError); ok {
		shown, showErr := a.showConversations(ctx, []inbox.Conversation{e.current.(inbox.Conversation)})
		if showErr != nil {
			return nil, showErr
		}
		return nil, currentError{e.error, shown[0]}
	}
	if err != nil {
		return nil, err
	}
	shown, err := a.showConversations(ctx, []inbox.Conversation{c})
	if err != nil {
		return nil, err
	}
	return &body[conversation]{shown[0]}, nil
}

func (a *API) conversations() {
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/conversations", Summary: "List conversations."}, a.listConversations)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/conversations/counts",
		Summary: "Count the lists and shops, each up to 1000."}, a.countConversations)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/conversations/{id}", Summary: "Read one conversation.",
		Description: "One that was merged into another is answered with that one: its id tells."}, a.getConversation)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/conversations/{id}/events",
		Summary: "Read what happened to a conversation, newest first."}, a.listConversationEvents)
	register(a, rbac.ConversationTag, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/tags/{tag}", Summary: "Put a tag on."}, a.putTag)
	register(a, rbac.ConversationTag, huma.Operation{Method: http.MethodDelete, Path: "/conversations/{id}/tags/{tag}", Summary: "Take a tag off."}, a.deleteTag)
	register(a, rbac.ConversationAssign, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/assignee",
		Summary: "Give it to somebody, or to nobody."}, a.putAssignee)
	register(a, rbac.ConversationClose, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/state",
		Summary: "Open, close, snooze or set to wait for the customer."}, a.putState)
	register(a, rbac.ConversationSnooze, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/snooze", Summary: "Let it sleep until a time."}, a.putSnooze)
	register(a, rbac.ConversationNote, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/subject", Summary: "Name it anew."}, a.putSubject)
}

type conversationQuery struct {
	View     string            `query:"view" enum:"mine,unassigned,mentions,snoozed,drafts,sent,closed,all" doc:"all if there is none"`
	Shop     ref[inbox.ShopID] `query:"shop"`
	State    string            `query:"state" enum:"open,pending,snoozed,closed,any" doc:"instead of the states of the view"`
	Assignee string            `query:"assignee" pattern:"^(me|none|[1-9][0-9]{0,17})$" doc:"me, none or an id"`
	Tag      ref[inbox.TagID]  `query:"tag"`
	Q        string            `query:"q" maxLength:"500" doc:"a search line, such as from:ann is:open \"late parcel\""`
	Sort     string            `query:"sort" enum:"due,newest,oldest,waiting" default:"due"`
	Paging
}

// filter is the query as the store understands it; false if it cannot find anything.
func (a *API) filter(ctx context.Context, scope rbac.Scope, in *conversationQuery) (store.ConversationFilter, bool, error) {
	f := store.ConversationFilter{View: store.View(in.View)}
	line := search.Parse(in.Q)
	if !line.Empty() {
		found, err := search.Apply(ctx, a.Store, scope, line, &f)
		if err != nil || !found {
			return f, false, err
		}
		f.AnyState = in.View == "" && len(f.States) == 0
	}
	if in.Shop.ID != 0 {
		if f.Shop != 0 && f.Shop != in.Shop.ID {
			return f, false, nil
		}
		f.Shop = in.Shop.ID
	}
	switch in.State {
	case "":
	case "any":
		f.AnyState, f.States = true, nil
	default:
		f.AnyState, f.States = false, []inbox.ConversationState{inbox.ConversationState(in.State)}
	}
	if in.Tag.ID != 0 {
		f.Tags = append(f.Tags, in.Tag.ID)
	}
	switch in.Assignee {
	case "":
	case "me":
		f.Assignee = &scope.User
	case "none":
		f.Assignee = new(inbox.UserID)
	default:
		f.Assignee = new(inbox.UserID)
		if err := f.Assignee.UnmarshalText([]byte(in.Assignee)); err != nil {
			return f, false, inbox.InvalidField("query.assignee", "this is not an id")
		}
	}
	return f, true, nil
}

// searchTimeout bounds what one search may cost.
const searchTimeout = time.Second

// listed reads a page of conversations. A search that takes too long is given up.
func (a *API) listed(ctx context.Context, scope rbac.Scope, f store.ConversationFilter, sort store.Sort, p Paging) (page[conversation], error) {
	var after *store.Place
	if p.Cursor != "" {
		after = new(store.Place)
		if err := readCursor(p.Cursor, after); err != nil {
			return page[conversation]{}, err
		}
	}
	if len(f.Words) > 0 || f.Customer != "" {
		limited, cancel := context.WithTimeoutCause(ctx, searchTimeout, errSearchTooLong)
		defer cancel()
		ctx = limited
	}
	found, err := a.Store.ListConversations(ctx, scope, f, sort, after, p.Limit)
	if err != nil {
		if context.Cause(ctx) == errSearchTooLong {
			return page[conversation]{}, errSearchTooLong
		}
		return page[conversation]{}, err
	}
	shown, err := a.showConversations(ctx, found.Items)
	if err != nil {
		return page[conversation]{}, err
	}
	result := page[conversation]{Items: shown}
	if found.Next != nil {
		next := cursor(found.Next)
		result.Next = &next
	}
	return result, nil
}

var errSearchTooLong = &inbox.Error{Code: inbox.Unavailable, Msg: "this search took too long: add a word or a filter",
	Reason: &inbox.Reason{Code: "search_too_long"}}

func (a *API) listConversations(ctx context.Context, in *conversationQuery) (*body[page[conversation]], error) {
	scope := a.scope(ctx)
	f, found, err := a.filter(ctx, scope, in)
	if err != nil || !found {
		return reply(page[conversation]{Items: []conversation{}}, err)
	}
	return reply(a.listed(ctx, scope, f, store.Sort(in.Sort), in.Paging))
}

type count struct {
	Total  int `json:"total"`
	Unread int `json:"unread"`
}

type counts struct {
	Views map[string]count `json:"views"`
	Shops map[string]count `json:"shops"`
}

func (a *API) countConversations(ctx context.Context, _ *struct{}) (*body[counts], error) {
	found, err := a.Store.CountConversations(ctx, a.scope(ctx))
	if err != nil {
		return nil, err
	}
	answer := counts{Views: make(map[string]count, len(found.Views)), Shops: make(map[string]count, len(found.Shops))}
	for view, n := range found.Views {
		answer.Views[string(view)] = count{n.Total, n.Unread}
	}
	for shop, n := range found.Shops {
		answer.Shops[shop.String()] = count{n.Total, n.Unread}
	}
	return &body[counts]{answer}, nil
}

// ConversationPath names one conversation in a path. Like the next, it is exported because huma reads
// only exported parts of an input.
type ConversationPath struct {
	ID ref[inbox.ConversationID] `path:"id"`
}

// ConversationChange is the path of what changes one conversation, and what the change is based on.
type ConversationChange struct {
	ID      ref[inbox.ConversationID] `path:"id"`
	IfMatch string                    `header:"If-Match" maxLength:"40" doc:"the version this is based on"`
}

type conversationTag struct {
	ConversationChange
	Tag ref[inbox.TagID] `path:"tag"`
}

func (a *API) putTag(ctx context.Context, in *conversationTag) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Tag(ctx, a.actor(ctx), in.ID.ID, in.Tag.ID, version)
	return a.showOne(ctx, c, err)
}

func (a *API) deleteTag(ctx context.Context, in *conversationTag) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Untag(ctx, a.actor(ctx), in.ID.ID, in.Tag.ID, version)
	return a.showOne(ctx, c, err)
}

func (a *API) putAssignee(ctx context.Context, in *struct {
	ConversationChange
	Body struct {
		User maybe[inbox.UserID] `json:"user"`
	}
}) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Assign(ctx, a.actor(ctx), in.ID.ID, in.Body.User.id(), version)
	return a.showOne(ctx, c, err)
}

type wantedState struct {
	State  string  `json:"state" enum:"open,pending,closed,snoozed"`
	Until  instant `json:"until" required:"false" doc:"for snoozed"`
	Reason string  `json:"reason,omitempty" enum:"done,spam" doc:"for closed; done if left out"`
}

func (w wantedState) state() (State, error) {
	s := State{State: inbox.ConversationState(w.State), Until: w.Until.Time, Reason: inbox.ClosedReason(w.Reason)}
	switch {
	case s.State != inbox.Snoozed && !s.Until.IsZero():
		return s, inbox.InvalidField("body.until", "only snoozing has a time")
	case s.State != inbox.Closed && s.Reason != "":
		return s, inbox.InvalidField("body.reason", "only closing has a reason")
	}
	return s, nil
}

func (a *API) putState(ctx context.Context, in *struct {
	ConversationChange
	Body wantedState
}) (*body[conversation], error) {
	to, err := in.Body.state()
	if err != nil {
		return nil, err
	}
	return a.setState(ctx, in.ConversationChange, to)
}

func (a *API) putSnooze(ctx context.Context, in *struct {
	ConversationChange
	Body struct {
		Until time.Time `json:"until"`
	}
}) (*body[conversation], error) {
	return a.setState(ctx, in.ConversationChange, State{State: inbox.Snoozed, Until: in.Body.Until})
}

func (a *API) setState(ctx context.Context, in ConversationChange, to State) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.SetState(ctx, a.actor(ctx), in.ID.ID, to, version)
	return a.showOne(ctx, c, err)
}

func (a *API) putSubject(ctx context.Context, in *struct {
	ConversationChange
	Body struct {
		Subject string `json:"subject" minLength:"1" maxLength:"500"`
	}
}) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	subject := strings.Join(strings.Fields(in.Body.Subject), " ")
	if subject == "" {
		return nil, inbox.InvalidField("body.subject", "the subject is empty")
	}
	c, err := a.acts.SetSubject(ctx, a.actor(ctx), in.ID.ID, subject, version)
	return a.showOne(ctx, c, err)
}

func (a *API) listConversationEvents(ctx context.Context, in *struct {
	ConversationPath
	Paging
}) (*body[page[loggedEvent]], error) {
	scope := a.scope(ctx)
	id, err := a.Store.CurrentConversation(ctx, scope, in.ID.ID)
	if err != nil {
		return nil, err
	}
	var before int64
	if err := readCursor(in.Cursor, &before); err != nil {
		return nil, err
	}
	events, err := a.Store.ConversationEvents(ctx, scope, id, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return reply(list(events, in.Limit, func(e inbox.Event) any { return e.Seq }, showEvent), nil)
}

// conversationDetail is one conversation with what is needed to answer it.
type conversationDetail struct {
	conversation
	Reply   replyRules `json:"reply"`
	Links   []link     `json:"links"`
	SeenSeq int64      `json:"seen_seq" doc:"number of the newest event this answer is sure to include"`
}

// replyRules say whether and how a conversation can be answered by the caller.
type replyRules struct {
	Allowed   bool          `json:"allowed"`
	Reason    *inbox.Reason `json:"reason" doc:"why not"`
	From      string        `json:"from"`
	To        []address     `json:"to"`
	Cc        []address     `json:"cc"`
	MaxLength *int          `json:"max_length"`
	Files     bool          `json:"files"`
}

func (a *API) getConversation(ctx context.Context, in *ConversationPath) (*body[conversationDetail], error) {
	seq, err := a.Store.LastSeq(ctx)
	if err != nil {
		return nil, err
	}
	id, err := a.Store.CurrentConversation(ctx, a.scope(ctx), in.ID.ID)
	if err != nil {
		return nil, err
	}
	c, err := a.Store.Conversation(ctx, a.scope(ctx), id)
	if err != nil {
		return nil, err
	}
	links, err := a.links(ctx, id)
	if err != nil {
		return nil, err
	}
	connection, err := a.Store.Connection(ctx, c.Connection)
	if err != nil {
		return nil, err
	}
	rules, err := a.replyRules(ctx, c, connection)
	if err != nil {
		return nil, err
	}
	return &body[conversationDetail]{conversationDetail{showConversation(c, connection.Kind), rules, links, seq}}, nil
}

// replyRules reads them from the shop, the connection and the newest message of the customer. What is
// only held for a while, because the shop or its connection rests, is allowed.
func (a *API) replyRules(ctx context.Context, c inbox.Conversation, connection inbox.Connection) (replyRules, error) {
	shop, err := a.Store.Shop(ctx, c.Shop)
	if err != nil {
		return replyRules{}, err
	}
	rules := replyRules{From: ownAddresses(connection)[0], To: []address{}, Cc: []address{}, Files: true}
	if c.ContactAddress != "" {
		rules.To = append(rules.To, address{c.ContactName, c.ContactAddress})
	}
	if last := c.LastInID; last != 0 {
		m, err := a.Store.Message(ctx, last)
		if err != nil {
			return rules, err
		}
		rules.Cc = copies(m, connection)
	}
	switch {
	case !a.Rights.Can(a.actor(ctx), rbac.ConversationReply, c.Shop):
		rules.Reason = &inbox.Reason{Code: "not_allowed"}
	case shop.State == inbox.ShopClosed:
		rules.Reason = &inbox.Reason{Code: "shop_closed"}
	case c.ClosedReason == inbox.ClosedMerged:
		rules.Reason = &inbox.Reason{Code: "conversation_merged"}
	case c.ContactAddress == "" && c.RemoteThread == "":
		rules.Reason = &inbox.Reason{Code: "no_address"}
	}
	rules.Allowed = rules.Reason == nil
	return rules, nil
}

// ownAddresses are those a connection itself has, the one it sends from first.
func ownAddresses(c inbox.Connection) []string {
	own := []string{c.Name}
	if sender, ok := c.Settings["address"].(string); ok && sender != "" {
		own[0] = sender
	}
	aliases, _ := c.Settings["aliases"].([]any)
	for _, alias := range aliases {
		if text, ok := alias.(string); ok {
			own = append(own, text)
		}
	}
	return own
}

// copies are the people a message was also sent to, without its sender and the shop itself. An
// unverified sender adds no readers.
func copies(m inbox.Message, connection inbox.Connection) []address {
	list := []address{}
	if m.Unverified {
		return list
	}
	known := append(ownAddresses(connection), m.From.Address)
	for _, to := range slices.Concat(m.To, m.Cc) {
		same := func(k string) bool {
			return strings.EqualFold(k, to.Address) || strings.EqualFold(k, inbox.BaseAddress(to.Address))
		}
		if !slices.ContainsFunc(known, same) {
			list = append(list, address(to))
			known = append(known, to.Address)
		}
	}
	return list
}
