package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type bulkAction struct {
	IDs    []inbox.ConversationID `json:"ids" minItems:"1" maxItems:"500"`
	Op     string                 `json:"op" enum:"tag,untag,assign,state,read"`
	Tag    maybe[inbox.TagID]     `json:"tag" required:"false"`
	User   maybe[inbox.UserID]    `json:"user" required:"false"`
	State  string                 `json:"state,omitempty" enum:"open,pending,closed,snoozed"`
	Until  instant                `json:"until" required:"false"`
	Reason string                 `json:"reason,omitempty" enum:"done,spam"`
}

type bulkResult struct {
	Done   int          `json:"done"`
	Failed []bulkFailed `json:"failed"`
}

type bulkFailed struct {
	ID     inbox.ConversationID `json:"id"`
	Code   inbox.Code           `json:"code"`
	Detail string               `json:"detail"`
}

func (a *API) bulk() {
	register(a, rbac.ConversationRead, a.once(huma.Operation{Method: http.MethodPost, Path: "/conversations/bulk",
		Summary: "Do one thing to up to 500 conversations; each succeeds or fails by itself."}), a.postBulk)
}

// postBulk does each item as its own act: its right is asked when its turn comes, so that one
// withdrawn meanwhile ends the work.
func (a *API) postBulk(ctx context.Context, in *struct{ Body bulkAction }) (*body[bulkResult], error) {
	act, err := a.bulkAct(in.Body)
	if err != nil {
		return nil, err
	}
	result := bulkResult{Failed: []bulkFailed{}}
	for _, id := range in.Body.IDs {
		err := act(ctx, a.actor(ctx), id)
		if e, ok := errors.AsType[*inbox.Error](err); ok {
			result.Failed = append(result.Failed, bulkFailed{id, e.Code, e.Msg})
			continue
		}
		if err != nil {
			return nil, err
		}
		result.Done++
	}
	return &body[bulkResult]{result}, nil
}

// bulkAct is what an action does to one conversation.
func (a *API) bulkAct(b bulkAction) (func(context.Context, rbac.Actor, inbox.ConversationID) error, error) {
	switch b.Op {
	case "tag", "untag":
		if b.Tag == 0 {
			return nil, inbox.InvalidField("body.tag", "which tag?")
		}
		act := a.acts.Tag
		if b.Op == "untag" {
			act = a.acts.Untag
		}
		return func(ctx context.Context, actor rbac.Actor, id inbox.ConversationID) error {
			_, err := act(ctx, actor, id, b.Tag.id(), 0)
			return err
		}, nil
	case "assign":
		return func(ctx context.Context, actor rbac.Actor, id inbox.ConversationID) error {
			_, err := a.acts.Assign(ctx, actor, id, b.User.id(), 0)
			return err
		}, nil
	case "state":
		if b.State == "" {
			return nil, inbox.InvalidField("body.state", "which state?")
		}
		to, err := wantedState{b.State, b.Until, b.Reason}.state()
		return func(ctx context.Context, actor rbac.Actor, id inbox.ConversationID) error {
			_, err := a.acts.SetState(ctx, actor, id, to, 0)
			return err
		}, err
	}
	return func(ctx context.Context, actor rbac.Actor, id inbox.ConversationID) error {
		return a.acts.Read(ctx, actor, id, true)
	}, nil
}
