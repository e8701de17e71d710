package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing/shift"
)

// ExceptionFields is a roster exception without its id; exported, or the document would leave its
// fields out.
type ExceptionFields struct {
	User  inbox.UserID `json:"user"`
	Kind  string       `json:"kind" enum:"off,leave,extra" doc:"off: shifts that begin on these days are left out; leave: that, and he counts as on leave; extra: one more shift on each of them"`
	First string       `json:"first" maxLength:"10" doc:"first day, such as 2026-01-31"`
	Last  string       `json:"last" maxLength:"10" doc:"last day, inclusive; at most 366 days"`
	Zone  string       `json:"zone" maxLength:"64" doc:"IANA name in which a leave's days and an extra shift's times are read"`
	From  *string      `json:"from" required:"false" maxLength:"5" doc:"of an extra shift, such as 09:00"`
	To    *string      `json:"to" required:"false" maxLength:"5" doc:"of an extra shift, such as 17:00; 24:00 is allowed; not after from: on the next day"`
	Note  string       `json:"note,omitempty" maxLength:"200" doc:"why, for colleagues"`
}

type shownException struct {
	ID inbox.ExceptionID `json:"id"`
	ExceptionFields
}

func showException(e inbox.RosterException) shownException {
	shown := shownException{ID: e.ID, ExceptionFields: ExceptionFields{User: e.User, Kind: string(e.Kind), First: e.First, Last: e.Last, Zone: e.Zone, Note: e.Note}}
	if e.Kind == inbox.ExceptionExtra {
		shown.From, shown.To = orNull(shift.FormatMinute(e.From)), orNull(shift.FormatMinute(e.To))
	}
	return shown
}

// read makes an exception of what was sent; it is checked.
func (f ExceptionFields) read(id inbox.ExceptionID) (inbox.RosterException, error) {
	e := inbox.RosterException{ID: id, User: f.User, Kind: inbox.ExceptionKind(f.Kind), First: f.First, Last: f.Last, Zone: f.Zone, Note: f.Note}
	if e.Kind == inbox.ExceptionExtra {
		var err error
		if e.From, err = minuteOf("body.from", f.From); err != nil {
			return e, err
		}
		if e.To, err = minuteOf("body.to", f.To); err != nil {
			return e, err
		}
	}
	return e, shift.CheckException(e)
}

func minuteOf(field string, text *string) (int, error) {
	if text == nil {
		return 0, inbox.InvalidField(field, "an extra shift needs the times it begins and ends")
	}
	return shift.ParseMinute(field, *text)
}

func (a *API) exceptions() {
	register(a, rbac.SignedIn, huma.Operation{Method: http.MethodGet, Path: "/roster/exceptions",
		Summary: "List the days off, leaves and extra shifts of people of one's shops, by person and first day."}, a.listExceptions)
	register(a, rbac.RosterManage, huma.Operation{Method: http.MethodPost, Path: "/roster/exceptions", DefaultStatus: http.StatusCreated,
		Summary: "Give somebody days off, a leave or extra shifts."}, a.postException)
	register(a, rbac.RosterManage, huma.Operation{Method: http.MethodPut, Path: "/roster/exceptions/{id}", Summary: "Change a roster exception."}, a.putException)
	register(a, rbac.RosterManage, huma.Operation{Method: http.MethodDelete, Path: "/roster/exceptions/{id}", DefaultStatus: http.StatusNoContent,
		Summary: "Remove a roster exception."}, a.deleteException)
}

func (a *API) listExceptions(ctx context.Context, in *struct {
	User ref[inbox.UserID] `query:"user"`
	From string            `query:"from" format:"date" doc:"those that touch this day or later"`
	To   string            `query:"to" format:"date" doc:"those that touch this day or earlier"`
}) (*body[page[shownException]], error) {
	colleague, err := a.people(ctx, rbac.ConversationRead)
	if err != nil {
		return nil, err
	}
	list, err := a.Store.RosterExceptions(ctx, store.ExceptionFilter{User: in.User.ID, From: in.From, To: in.To})
	if err != nil {
		return nil, err
	}
	self := a.actor(ctx).User
	answer := page[shownException]{Items: []shownException{}}
	for _, e := range list {
		if e.User == self || colleague(e.User) {
			answer.Items = append(answer.Items, showException(e))
		}
	}
	return &body[page[shownException]]{answer}, nil
}

func (a *API) postException(ctx context.Context, in *struct{ Body ExceptionFields }) (*created[shownException], error) {
	e, err := in.Body.read(0)
	if err != nil {
		return nil, err
	}
	if err := a.mayRoster(ctx, e.User); err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if e.ID, err = tx.CreateRosterException(ctx, a.actor(ctx).User, e); err != nil {
			return err
		}
		return a.recordRoster(ctx, tx, inbox.AuditExceptionDrawn, exceptionObject(e), "", sketchException(e))
	})
	if err != nil {
		return nil, err
	}
	return &created[shownException]{Location: Prefix + "/roster/exceptions/" + e.ID.String(), Body: showException(e)}, nil
}

// exception reads the exception of a path that its sender may change.
func (a *API) exception(ctx context.Context, id inbox.ExceptionID) (inbox.RosterException, error) {
	e, err := a.Store.RosterException(ctx, id)
	if err != nil {
		return e, err
	}
	return e, a.mayChange(ctx, e.User, "roster exception")
}

func (a *API) putException(ctx context.Context, in *struct {
	ID   ref[inbox.ExceptionID] `path:"id"`
	Body ExceptionFields
}) (*body[shownException], error) {
	old, err := a.exception(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	e, err := in.Body.read(old.ID)
	if err != nil {
		return nil, err
	}
	if err := a.mayRoster(ctx, e.User); err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SaveRosterException(ctx, a.actor(ctx).User, e); err != nil {
			return err
		}
		return a.recordRoster(ctx, tx, inbox.AuditExceptionDrawn, exceptionObject(e), sketchException(old), sketchException(e))
	})
	return reply(showException(e), err)
}

func (a *API) deleteException(ctx context.Context, in *struct {
	ID ref[inbox.ExceptionID] `path:"id"`
}) (*nothing, error) {
	old, err := a.exception(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteRosterException(ctx, a.actor(ctx).User, old.ID); err != nil {
			return err
		}
		return a.recordRoster(ctx, tx, inbox.AuditExceptionRemoved, exceptionObject(old), sketchException(old), "")
	})
}

func exceptionObject(e inbox.RosterException) string {
	return fmt.Sprintf("roster exception %s of user %s", e.ID, e.User)
}

// sketchException is an exception in one line, for the record.
func sketchException(e inbox.RosterException) string {
	text := fmt.Sprintf("%s %s to %s %s", e.Kind, e.First, e.Last, e.Zone)
	if e.Kind == inbox.ExceptionExtra {
		text += fmt.Sprintf(" %s–%s", shift.FormatMinute(e.From), shift.FormatMinute(e.To))
	}
	return text
}
