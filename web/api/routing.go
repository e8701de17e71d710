package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type explanation struct {
	Conversation inbox.ConversationID `json:"conversation"`
	At           instant              `json:"at" doc:"null if nothing was ever decided"`
	Assignee     maybe[inbox.UserID]  `json:"assignee"`
	Actor        maybe[inbox.UserID]  `json:"actor" doc:"who decided by hand; null: the rules did"`
	Reason       *inbox.Reason        `json:"reason"`
	Candidates   []shownCandidate     `json:"candidates" nullable:"false" doc:"in the order they were looked at; none if somebody decided by hand"`
}

type shownCandidate struct {
	User           inbox.UserID        `json:"user"`
	Position       *int                `json:"position" doc:"0 = primary, then backups; null: no member of the shop"`
	OnShift        bool                `json:"on_shift"`
	Presence       inbox.PresenceState `json:"presence" enum:"available,break,leave"`
	Open           int                 `json:"open"`
	Limit          int                 `json:"limit"`
	DueSoon        int                 `json:"due_soon" doc:"answers due within 4 hours"`
	LastAssignedAt instant             `json:"last_assigned_at"`
	Chosen         bool                `json:"chosen"`
	Excluded       *inbox.Reason       `json:"excluded"`
}

type shownPreview struct {
	Shop       inbox.ShopID        `json:"shop"`
	At         instant             `json:"at"`
	Assignee   maybe[inbox.UserID] `json:"assignee" doc:"null: nobody, it waits"`
	Reason     inbox.Reason        `json:"reason"`
	Alarm      bool                `json:"alarm" doc:"nobody was foreseen for this: a person must act"`
	Next       instant             `json:"next" doc:"when somebody would get what waits; null if somebody gets it at once, or nobody would within two weeks"`
	Candidates []shownCandidate    `json:"candidates" nullable:"false" doc:"in the order they are looked at"`
}

func (a *API) routing() {
	register(a, rbac.RoutingManage, huma.Operation{Method: http.MethodGet, Path: "/routing/preview",
		Summary: "Who would get a new conversation of a shop, now or at another moment, and why. Work in hand counts as it is now."}, a.preview)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/routing/explain",
		Summary: "Why somebody holds a conversation: who was looked at, as they were then, and what spoke against them."}, a.explain)
}

func (a *API) explain(ctx context.Context, in *struct {
	Conversation ref[inbox.ConversationID] `query:"conversation" required:"true"`
}) (*body[explanation], error) {
	why, err := a.Routing.Explain(ctx, a.scope(ctx), in.Conversation.ID)
	if err != nil {
		return nil, err
	}
	answer := explanation{Conversation: why.Conversation.ID, At: at(why.At), Assignee: some(why.Conversation.Assignee), Actor: some(why.Actor),
		Candidates: make([]shownCandidate, len(why.Candidates))}
	if !why.At.IsZero() {
		answer.Reason = &why.Reason
	}
	for i, c := range why.Candidates {
		answer.Candidates[i] = showCandidate(c)
	}
	return &body[explanation]{answer}, nil
}

// previewDays is how far ahead or back a preview may lie.
const previewDays = 366

func (a *API) preview(ctx context.Context, in *struct {
	Shop ref[inbox.ShopID] `query:"shop" required:"true"`
	At   time.Time         `query:"at" doc:"default: now"`
}) (*body[shownPreview], error) {
	moment, now := in.At, a.Now()
	if moment.IsZero() {
		moment = now
	}
	if moment.Sub(now).Abs() > previewDays*24*time.Hour {
		return nil, inbox.InvalidField("query.at", "a moment within a year of now is needed")
	}
	preview, err := a.Routing.Preview(ctx, a.Rights.Scope(a.actor(ctx), rbac.RoutingManage), in.Shop.ID, moment)
	if err != nil {
		return nil, err
	}
	answer := shownPreview{Shop: in.Shop.ID, At: at(moment), Assignee: some(preview.User), Reason: preview.Reason, Alarm: preview.Alarm,
		Next: at(preview.Next), Candidates: make([]shownCandidate, len(preview.Candidates))}
	for i, c := range preview.Candidates {
		answer.Candidates[i] = showCandidate(c)
	}
	return &body[shownPreview]{answer}, nil
}

func showCandidate(c inbox.Candidate) shownCandidate {
	shown := shownCandidate{User: c.User, OnShift: c.OnShift, Presence: c.Presence, Open: c.Open, Limit: c.Limit, DueSoon: c.DueSoon,
		LastAssignedAt: at(c.LastAssignedAt), Chosen: c.Chosen, Excluded: c.Excluded}
	if c.Position != inbox.Outsider {
		shown.Position = &c.Position
	}
	return shown
}
