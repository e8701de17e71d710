package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// link is another conversation that belongs to the one that is read.
type link struct {
	Conversation inbox.ConversationID    `json:"conversation" doc:"the other one"`
	Kind         inbox.LinkKind          `json:"kind" enum:"sibling,related,split,merged"`
	Reason       inbox.LinkReason        `json:"reason" enum:",answers,references,subject" doc:"why it looks related"`
	Later        bool                    `json:"later" doc:"the other one came later: it was split off this one, merged into it, or looks related to it"`
	Shop         inbox.ShopID            `json:"shop"`
	Subject      string                  `json:"subject"`
	Contact      conversationContact     `json:"contact"`
	State        inbox.ConversationState `json:"state" enum:"open,pending,snoozed,closed"`
	Messages     int                     `json:"messages"`
	Unverified   bool                    `json:"unverified"`
	LastAt       instant                 `json:"last_at"`
	Version      int64                   `json:"version"`
}

func showLink(id inbox.ConversationID, l store.LinkedConversation) link {
	c := l.Far
	return link{Conversation: c.ID, Kind: l.Kind, Reason: l.Reason, Later: l.Other == id, Shop: c.Shop, Subject: c.Subject,
		Contact: conversationContact{c.Contact, c.ContactName, c.ContactAddress}, State: c.State, Messages: c.Messages,
		Unverified: c.Unverified, LastAt: at(c.LastAt), Version: c.Version}
}

// links are those of a conversation that the caller sees both ends of, each other end once.
func (a *API) links(ctx context.Context, id inbox.ConversationID) ([]link, error) {
	found, err := a.Store.Links(ctx, a.scope(ctx), id)
	if err != nil {
		return nil, err
	}
	weight := map[inbox.LinkKind]int{inbox.Merged: 4, inbox.Split: 3, inbox.Sibling: 2, inbox.Related: 1}
	list, at := []link{}, map[inbox.ConversationID]int{}
	for _, l := range found {
		shown := showLink(id, l)
		i, seen := at[shown.Conversation]
		switch {
		case !seen:
			at[shown.Conversation] = len(list)
			list = append(list, shown)
		case weight[shown.Kind] > weight[list[i].Kind]:
			list[i] = shown
		}
	}
	return list, nil
}

func (a *API) merging() {
	register(a, rbac.ConversationClose, huma.Operation{Method: http.MethodPost, Path: "/conversations/{id}/merge",
		Summary:     "Merge it into another conversation of its shop, which then shows what was said here.",
		Description: "Doing it again changes nothing. Conversations with two customers need two_customers: else 409 with reason two_customers. Answers with the conversation that stays."},
		a.postMerge)
	register(a, rbac.ConversationClose, huma.Operation{Method: http.MethodDelete, Path: "/conversations/{id}/merge",
		Summary:     "Take it out of the conversation it was merged into.",
		Description: "What was its own before goes back; what arrived since stays there."}, a.deleteMerge)
	register(a, rbac.ConversationClose, huma.Operation{Method: http.MethodPost, Path: "/conversations/{id}/split", DefaultStatus: http.StatusCreated,
		Summary: "Begin a new conversation with one of its messages and all after it. Doing it again changes nothing."}, a.postSplit)
	register(a, rbac.ConversationClose, huma.Operation{Method: http.MethodDelete, Path: "/conversations/{id}/split",
		Summary: "Merge it back into the conversation it was split off from, and answer with that."}, a.deleteSplit)
	register(a, rbac.ContactErase, huma.Operation{Method: http.MethodDelete, Path: "/conversations/{id}", DefaultStatus: http.StatusNoContent,
		Summary:     "Delete it for good, with its messages, notes and files and all that was merged into it.",
		Description: "The ledger keeps that it was there. Should its source show it again, it does not come back."}, a.deleteConversation)
	register(a, rbac.ConversationNote, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/links/{other}", DefaultStatus: http.StatusNoContent,
		Summary: "Say that two conversations belong together."}, a.putLink)
	register(a, rbac.ConversationNote, huma.Operation{Method: http.MethodDelete, Path: "/conversations/{id}/links/{other}", DefaultStatus: http.StatusNoContent,
		Summary: "Say that two conversations that look related are not."}, a.deleteLink)
}

func (a *API) postMerge(ctx context.Context, in *struct {
	ConversationChange
	Body struct {
		Into         inbox.ConversationID `json:"into"`
		TwoCustomers bool                 `json:"two_customers,omitempty" doc:"the caller knows that these are two customers; replies go to that of the conversation that stays"`
	}
}) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Merge(ctx, a.actor(ctx), in.ID.ID, in.Body.Into, in.Body.TwoCustomers, version)
	return a.showOne(ctx, c, err)
}

func (a *API) deleteMerge(ctx context.Context, in *ConversationChange) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Unmerge(ctx, a.actor(ctx), in.ID.ID, version)
	return a.showOne(ctx, c, err)
}

func (a *API) postSplit(ctx context.Context, in *struct {
	ConversationChange
	Body struct {
		Message inbox.MessageID `json:"message" doc:"the first of the new conversation"`
	}
}) (*created[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Split(ctx, a.actor(ctx), in.ID.ID, in.Body.Message, version)
	shown, err := a.showOne(ctx, c, err)
	if err != nil {
		return nil, err
	}
	return &created[conversation]{Prefix + "/conversations/" + c.ID.String(), shown.Body}, nil
}

func (a *API) deleteSplit(ctx context.Context, in *ConversationChange) (*body[conversation], error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.acts.Unsplit(ctx, a.actor(ctx), in.ID.ID, version)
	return a.showOne(ctx, c, err)
}

// PairPath names a conversation and another one it is linked with.
type PairPath struct {
	ConversationPath
	Other ref[inbox.ConversationID] `path:"other"`
}

func (a *API) putLink(ctx context.Context, in *PairPath) (*nothing, error) {
	return nil, a.acts.Relate(ctx, a.actor(ctx), in.ID.ID, in.Other.ID, true)
}

func (a *API) deleteLink(ctx context.Context, in *PairPath) (*nothing, error) {
	return nil, a.acts.Relate(ctx, a.actor(ctx), in.ID.ID, in.Other.ID, false)
}

// deleteConversation removes a conversation for good. What it held does not come back from where it came from.
func (a *API) deleteConversation(ctx context.Context, in *ConversationChange) (*nothing, error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return nil, a.Store.InTx(ctx, func(tx *store.Tx) error {
		list, err := a.acts.several(ctx, tx, a.actor(ctx), rbac.ContactErase, in.ID.ID)
		if err != nil {
			return err
		}
		if err := outdated(list[0], version); err != nil {
			return err
		}
		if err := tx.ForgetConversation(ctx, a.actor(ctx).User, *list[0]); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditConversationDeleted, "conversation "+in.ID.ID.String(), list[0].Shop))
	})
}
