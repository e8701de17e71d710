package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// liveFrame is an act asked for over the websocket. ID is its idempotency key.
type liveFrame struct {
	Op           string                      `json:"-"`
	ID           string                      `json:"id"`
	Conversation maybe[inbox.ConversationID] `json:"conversation"`
	Text         string                      `json:"text"`
	HTML         string                      `json:"html"`
	Tag          maybe[inbox.TagID]          `json:"tag"`
	User         maybe[inbox.UserID]         `json:"user"`
	Until        instant                     `json:"until"`
	Name         string                      `json:"name"`
	Color        string                      `json:"color"`
	Then         string                      `json:"then"`
	State        string                      `json:"state"`
	Reason       string                      `json:"reason"`
	Mentions     []inbox.UserID              `json:"mentions"`
	Seen         maybe[inbox.MessageID]      `json:"seen"`
	Anyway       bool                        `json:"anyway"`
}

// Act does what a client asks for over the websocket: the same acts, rights and idempotency as the
// operations here. The result is what the operation would have answered.
func (a *API) Act(ctx context.Context, actor rbac.Actor, op string, message []byte) (any, error) {
	f := liveFrame{}
	if hasNUL(message) {
		return nil, &inbox.Error{Code: inbox.Invalid, Field: "body", Msg: errNUL.Error()}
	}
	if err := json.Unmarshal(message, &f); err != nil {
		return nil, &inbox.Error{Code: inbox.Invalid, Field: "body", Msg: "this frame is not understood", Err: err}
	}
	f.Op = op
	if f.ID == "" || !validKey(f.ID) {
		return nil, inbox.InvalidField("body.id", "a frame has an id of 1 to %d visible ASCII characters", maxKey)
	}
	if f.Op == "tag_create" {
		return a.createTagOnce(ctx, actor, f)
	}
	if f.Conversation == 0 {
		return nil, inbox.InvalidField("body.conversation", "which conversation?")
	}
	switch f.Op {
	case "reply", "note":
		return a.writeByFrame(ctx, actor, f)
	}
	c, err := a.changeByFrame(ctx, actor, f)
	shown, err := a.showOne(ctx, c, err)
	if err != nil {
		return nil, err
	}
	return shown.Body, nil
}

func (a *API) writeByFrame(ctx context.Context, actor rbac.Actor, f liveFrame) (any, error) {
	var m inbox.Message
	var err error
	if f.Op == "note" {
		m, err = a.acts.Note(ctx, actor, outbox.NoteRequest{Conversation: f.Conversation.id(), Key: f.ID, Text: f.Text, Mentions: f.Mentions})
	} else {
		then, known := thenStates[f.Then]
		if !known && f.Then != "" && f.Then != "stay" {
			return nil, inbox.InvalidField("body.then", "close, pending or stay")
		}
		m, err = a.acts.Reply(ctx, actor, outbox.QueueRequest{Conversation: f.Conversation.id(), Key: f.ID, Text: f.Text, HTML: f.HTML, Then: then,
			Seen: f.Seen.id(), Anyway: f.Anyway})
	}
	if err != nil {
		return nil, err
	}
	return showMessage(m), nil
}

// changeByFrame does an act that gives the same result when it is repeated.
func (a *API) changeByFrame(ctx context.Context, actor rbac.Actor, f liveFrame) (inbox.Conversation, error) {
	id := f.Conversation.id()
	switch f.Op {
	case "tag":
		return a.acts.Tag(ctx, actor, id, f.Tag.id(), 0)
	case "untag":
		return a.acts.Untag(ctx, actor, id, f.Tag.id(), 0)
	case "assign":
		return a.acts.Assign(ctx, actor, id, f.User.id(), 0)
	case "state", "status":
		to, err := wantedState{f.State, f.Until, f.Reason}.state()
		if _, known := stateEvents[to.State]; !known && err == nil {
			err = inbox.InvalidField("body.state", "open, pending, snoozed or closed")
		}
		if err != nil {
			return inbox.Conversation{}, err
		}
		return a.acts.SetState(ctx, actor, id, to, 0)
	case "close":
		return a.acts.SetState(ctx, actor, id, State{State: inbox.Closed}, 0)
	case "snooze":
		return a.acts.SetState(ctx, actor, id, State{State: inbox.Snoozed, Until: f.Until.Time}, 0)
	}
	return inbox.Conversation{}, inbox.InvalidField("body.op", "there is no such op")
}

// createTagOnce makes a tag under the key of its frame, in the same place as POST /tags keeps its
// keys.
func (a *API) createTagOnce(ctx context.Context, actor rbac.Actor, f liveFrame) (any, error) {
	if !a.Rights.CanAnywhere(actor, rbac.TagManage) {
		return nil, errDenied
	}
	hash := sha256.Sum256([]byte(Prefix + "/tags\n" + f.Name + "\n" + f.Color))
	var answer *store.Answer
	err := a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		answer, err = tx.ClaimKey(ctx, actor.User, "post-tags", f.ID, hash[:])
		return err
	})
	if err != nil {
		return nil, err
	}
	if answer != nil {
		return json.RawMessage(answer.Body), nil
	}
	t, err := a.acts.CreateTag(ctx, actor, f.Name, f.Color)
	shown := showTag(t)
	var kept *store.Answer
	if err == nil {
		text, marshalErr := json.Marshal(shown)
		if marshalErr != nil {
			return nil, marshalErr
		}
		kept = &store.Answer{Status: 201, Body: text, Location: Prefix + "/tags/" + t.ID.String()}
	}
	a.finish(ctx, actor.User, "post-tags", f.ID, kept)
	return shown, err
}

// Problem words an error as the operations here do.
func (a *API) Problem(ctx context.Context, err error) any { return a.problem(ctx, "socket", err) }
