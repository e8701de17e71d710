package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// rosterDays is the longest span that is shown at once.
const rosterDays = 35

type shownRoster struct {
	Duties []shownDuty `json:"duties" nullable:"false" doc:"by user and time; somebody without any shift is not in it"`
	Gaps   []shownGap  `json:"gaps" nullable:"false" doc:"when no member of a shop is on duty, by shop and time"`
}

type shownDuty struct {
	User inbox.UserID `json:"user"`
	From instant      `json:"from"`
	To   instant      `json:"to"`
}

type shownGap struct {
	Shop inbox.ShopID `json:"shop"`
	From instant      `json:"from"`
	To   instant      `json:"to"`
}

func (a *API) roster() {
	register(a, rbac.SignedIn, huma.Operation{Method: http.MethodGet, Path: "/roster",
		Summary: "Who of one's shops is on duty when, and when nobody is. At most 35 days."}, a.getRoster)
}

func (a *API) getRoster(ctx context.Context, in *struct {
	From time.Time `query:"from" required:"true"`
	To   time.Time `query:"to" required:"true"`
}) (*body[shownRoster], error) {
	switch {
	case !in.To.After(in.From):
		return nil, inbox.InvalidField("query.to", "the end must be after the beginning")
	case in.To.Sub(in.From) > rosterDays*24*time.Hour+time.Hour: // an hour: clocks may change in between
		return nil, inbox.InvalidField("query.to", "at most %d days can be shown", rosterDays)
	}
	answer := shownRoster{Duties: []shownDuty{}, Gaps: []shownGap{}}
	if err := a.duties(ctx, in.From, in.To, &answer); err != nil {
		return nil, err
	}
	if err := a.gaps(ctx, in.From, in.To, &answer); err != nil {
		return nil, err
	}
	return &body[shownRoster]{answer}, nil
}

func (a *API) duties(ctx context.Context, from, to time.Time, answer *shownRoster) error {
	colleague, err := a.people(ctx, rbac.ConversationRead)
	if err != nil {
		return err
	}
	users, err := a.Store.Users(ctx)
	if err != nil {
		return err
	}
	self := a.actor(ctx).User
	var ids []inbox.UserID
	for _, u := range users {
		if u.Status != rbac.UserDisabled && (u.ID == self || colleague(u.ID)) {
			ids = append(ids, u.ID)
		}
	}
	duties, err := a.Routing.Duties(ctx, ids, from, to)
	for _, user := range slices.Sorted(maps.Keys(duties)) {
		for _, d := range duties[user] {
			answer.Duties = append(answer.Duties, shownDuty{user, at(d.From), at(d.To)})
		}
	}
	return err
}

func (a *API) gaps(ctx context.Context, from, to time.Time, answer *shownRoster) error {
	shops, err := a.Store.Shops(ctx, a.scope(ctx))
	if err != nil {
		return err
	}
	var ids []inbox.ShopID
	for _, s := range shops {
		if s.State != inbox.ShopClosed {
			ids = append(ids, s.ID)
		}
	}
	gaps, err := a.Routing.Gaps(ctx, ids, from, to)
	for _, shop := range slices.Sorted(maps.Keys(gaps)) {
		for _, g := range gaps[shop] {
			answer.Gaps = append(answer.Gaps, shownGap{shop, at(g.From), at(g.To)})
		}
	}
	return err
}
