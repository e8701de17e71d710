package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/rbac"
)

// socketOp is what a client may ask for over the websocket. Which fields count depends on Op.
type socketOp struct {
	ID           string                  `json:"id"` // the client's own; the Idempotency-Key of what is written
	Conversation inbox.ConversationID    `json:"conversation"`
	Text         string                  `json:"text"`
	HTML         string                  `json:"html"`
	Tag          inbox.TagID             `json:"tag"`
	User         *inbox.UserID           `json:"user"`
	State        inbox.ConversationState `json:"state"`
	Reason       inbox.ClosedReason      `json:"reason"`
	Until        time.Time               `json:"until"`
	Then         inbox.ConversationState `json:"then"`
	Name         string                  `json:"name"`
	Color        string                  `json:"color"`
}

// Act does what a client asks for over the websocket: the same acts, rights and idempotency as the
// operations here. The result is what the operation would have answered.
func (a *API) Act(ctx context.Context, actor rbac.Actor, op string, message []byte) (any, error) {
	do, ok := map[string]func(context.Context, rbac.Actor, socketOp) (any, error){
		"reply": a.socketReply, "note": a.socketNote, "tag": a.socketTag, "untag": a.socketUntag, "tag_create": a.socketCreateTag,
		"assign": a.socketAssign, "status": a.socketState, "state": a.socketState, "close": a.socketClose, "snooze": a.socketSnooze,
	}[op]
	if !ok {
		return nil, inbox.InvalidField("op", "there is no such op")
	}
	var in socketOp
	if err := json.Unmarshal(message, &in); err != nil {
		return nil, inbox.InvalidField("op", "this message cannot be read")
	}
	return do(ctx, actor, in)
}

// Problem words an error as the operations here do.
func (a *API) Problem(ctx context.Context, err error) any { return a.problem(ctx, "socket", err) }

func (a *API) socketReply(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	m, err := a.acts.Reply(ctx, actor, outbox.QueueRequest{Conversation: in.Conversation, Key: in.ID, Text: in.Text, HTML: in.HTML, Then: in.Then})
	return shown(m, err, showMessage)
}

func (a *API) socketNote(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	m, err := a.acts.Note(ctx, actor, outbox.NoteRequest{Conversation: in.Conversation, Key: in.ID, Text: in.Text})
	return shown(m, err, showMessage)
}

func (a *API) socketTag(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	return a.socketConversation(ctx)(a.acts.Tag(ctx, actor, in.Conversation, in.Tag, 0))
}

func (a *API) socketUntag(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	return a.socketConversation(ctx)(a.acts.Untag(ctx, actor, in.Conversation, in.Tag, 0))
}

func (a *API) socketCreateTag(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	t, err := a.acts.CreateTag(ctx, actor, in.Name, in.Color)
	return shown(t, err, showTag)
}

func (a *API) socketAssign(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	var user inbox.UserID
	if in.User != nil {
		user = *in.User
	}
	return a.socketConversation(ctx)(a.acts.Assign(ctx, actor, in.Conversation, user, 0))
}

func (a *API) socketState(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	if _, known := stateEvents[in.State]; !known {
		return nil, inbox.InvalidField("state", "wants open, pending, snoozed or closed")
	}
	return a.socketConversation(ctx)(a.acts.SetState(ctx, actor, in.Conversation, State{State: in.State, Until: in.Until, Reason: in.Reason}, 0))
}

func (a *API) socketClose(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	in.State = inbox.Closed
	return a.socketState(ctx, actor, in)
}

func (a *API) socketSnooze(ctx context.Context, actor rbac.Actor, in socketOp) (any, error) {
	in.State = inbox.Snoozed
	return a.socketState(ctx, actor, in)
}

// shown is what an act returned as the operations show it.
func shown[T, V any](v T, err error, show func(T) V) (any, error) {
	if err != nil {
		return nil, err
	}
	return show(v), nil
}

// socketConversation shows the conversation an act returned.
func (a *API) socketConversation(ctx context.Context) func(inbox.Conversation, error) (any, error) {
	return func(c inbox.Conversation, err error) (any, error) {
		answer, err := a.showOne(ctx, c, err)
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}
}
