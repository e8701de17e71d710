package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing/shift"
)

// ShiftFields is a shift without its id; exported, or the document would leave its fields out.
type ShiftFields struct {
	User     inbox.UserID `json:"user"`
	Zone     string       `json:"zone" maxLength:"64" doc:"IANA name the times are read in, such as Europe/Rome"`
	Weekdays []int        `json:"weekdays" minItems:"1" maxItems:"7" doc:"on which the shift begins: 1 = Monday … 7 = Sunday"`
	From     string       `json:"from" maxLength:"5" doc:"such as 09:00"`
	To       string       `json:"to" maxLength:"5" doc:"such as 17:00; 24:00 is allowed; not after from: on the next day"`
	Since    *string      `json:"since" required:"false" doc:"first day, such as 2026-01-31; null: always"`
	Until    *string      `json:"until" required:"false" doc:"last day on which it begins; null: for ever"`
}

type shownShift struct {
	ID inbox.ShiftID `json:"id"`
	ShiftFields
}

func showShift(s inbox.Shift) shownShift {
	return shownShift{ID: s.ID, ShiftFields: ShiftFields{User: s.User, Zone: s.Zone, Weekdays: s.Weekdays, From: shift.FormatMinute(s.From),
		To: shift.FormatMinute(s.To), Since: orNull(s.Since), Until: orNull(s.Until)}}
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// read makes a shift of what was sent; it is checked.
func (f ShiftFields) read(id inbox.ShiftID) (inbox.Shift, error) {
	from, err := shift.ParseMinute("body.from", f.From)
	if err != nil {
		return inbox.Shift{}, err
	}
	to, err := shift.ParseMinute("body.to", f.To)
	if err != nil {
		return inbox.Shift{}, err
	}
	s := inbox.Shift{ID: id, User: f.User, Zone: f.Zone, Weekdays: f.Weekdays, From: from, To: to}
	if f.Since != nil {
		s.Since = *f.Since
	}
	if f.Until != nil {
		s.Until = *f.Until
	}
	return s, shift.Check(s)
}

func (a *API) shifts() {
	register(a, rbac.SignedIn, huma.Operation{Method: http.MethodGet, Path: "/shifts",
		Summary: "List the shifts of people of one's shops, or of one of them."}, a.listShifts)
	register(a, rbac.RosterManage, huma.Operation{Method: http.MethodPost, Path: "/shifts", DefaultStatus: http.StatusCreated,
		Summary: "Draw a shift."}, a.postShift)
	register(a, rbac.RosterManage, huma.Operation{Method: http.MethodPut, Path: "/shifts/{id}", Summary: "Draw a shift anew."}, a.putShift)
	register(a, rbac.RosterManage, huma.Operation{Method: http.MethodDelete, Path: "/shifts/{id}", DefaultStatus: http.StatusNoContent,
		Summary: "Remove a shift."}, a.deleteShift)
}

// people tells who belongs to the shops in which the sender of the request has a permission:
// everybody, if that is everywhere.
func (a *API) people(ctx context.Context, permission rbac.Permission) (belongs func(inbox.UserID) bool, err error) {
	scope := a.Rights.Scope(a.actor(ctx), permission)
	if scope.All {
		return func(inbox.UserID) bool { return true }, nil
	}
	members, err := a.Store.Members(ctx, 0)
	if err != nil {
		return nil, err
	}
	known := map[inbox.UserID]bool{}
	for _, m := range members {
		known[m.User] = known[m.User] || scope.SeesShop(m.Shop)
	}
	return func(user inbox.UserID) bool { return known[user] }, nil
}

func (a *API) listShifts(ctx context.Context, in *struct {
	User ref[inbox.UserID] `query:"user"`
}) (*body[page[shownShift]], error) {
	colleague, err := a.people(ctx, rbac.ConversationRead)
	if err != nil {
		return nil, err
	}
	shifts, err := a.Store.Shifts(ctx, in.User.ID)
	if err != nil {
		return nil, err
	}
	self := a.actor(ctx).User
	answer := page[shownShift]{Items: []shownShift{}}
	for _, s := range shifts {
		if s.User == self || colleague(s.User) {
			answer.Items = append(answer.Items, showShift(s))
		}
	}
	return &body[page[shownShift]]{answer}, nil
}

// mayRoster returns nil if the sender may draw the shifts of a user; as a field error of the body if
// not, because whether there is such a user is not his to know.
func (a *API) mayRoster(ctx context.Context, user inbox.UserID) error {
	mine, err := a.people(ctx, rbac.RosterManage)
	if err == nil && !mine(user) {
		err = inbox.InvalidField("body.user", "there is no such user in your shops")
	}
	return err
}

func (a *API) postShift(ctx context.Context, in *struct{ Body ShiftFields }) (*created[shownShift], error) {
	s, err := in.Body.read(0)
	if err != nil {
		return nil, err
	}
	if err := a.mayRoster(ctx, s.User); err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if s.ID, err = tx.CreateShift(ctx, a.actor(ctx).User, s); err != nil {
			return err
		}
		return a.recordRoster(ctx, tx, inbox.AuditShiftDrawn, shiftObject(s), "", sketch(s))
	})
	if err != nil {
		return nil, err
	}
	return &created[shownShift]{Location: Prefix + "/shifts/" + s.ID.String(), Body: showShift(s)}, nil
}

// shift reads the shift of a path that its sender may draw.
func (a *API) shift(ctx context.Context, id inbox.ShiftID) (inbox.Shift, error) {
	s, err := a.Store.Shift(ctx, id)
	if err != nil {
		return s, err
	}
	return s, a.mayChange(ctx, s.User, "shift")
}

// mayChange returns nil if the sender may draw the roster of a user. NotFound if that user is outside
// his shops, Denied if he may see but not draw it.
func (a *API) mayChange(ctx context.Context, user inbox.UserID, what string) error {
	mine, err := a.people(ctx, rbac.RosterManage)
	if err != nil || mine(user) {
		return err
	}
	colleague, err := a.people(ctx, rbac.ConversationRead)
	switch {
	case err != nil:
		return err
	case user == a.actor(ctx).User, colleague(user):
		return inbox.Errorf(inbox.Denied, "you may not do this")
	}
	return inbox.Errorf(inbox.NotFound, "there is no such %s", what)
}

func (a *API) putShift(ctx context.Context, in *struct {
	ID   ref[inbox.ShiftID] `path:"id"`
	Body ShiftFields
}) (*body[shownShift], error) {
	old, err := a.shift(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	s, err := in.Body.read(old.ID)
	if err != nil {
		return nil, err
	}
	if err := a.mayRoster(ctx, s.User); err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SaveShift(ctx, a.actor(ctx).User, s); err != nil {
			return err
		}
		return a.recordRoster(ctx, tx, inbox.AuditShiftDrawn, shiftObject(s), sketch(old), sketch(s))
	})
	return reply(showShift(s), err)
}

func (a *API) deleteShift(ctx context.Context, in *struct {
	ID ref[inbox.ShiftID] `path:"id"`
}) (*nothing, error) {
	old, err := a.shift(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteShift(ctx, a.actor(ctx).User, old.ID); err != nil {
			return err
		}
		return a.recordRoster(ctx, tx, inbox.AuditShiftRemoved, shiftObject(old), sketch(old), "")
	})
}

// recordRoster puts a change of somebody's roster on record.
func (a *API) recordRoster(ctx context.Context, tx *store.Tx, action inbox.AuditAction, object, before, after string) error {
	line := a.entry(ctx, action, object, 0)
	line.Before, line.After = before, after
	return tx.Audit(ctx, line)
}

func shiftObject(s inbox.Shift) string { return fmt.Sprintf("shift %s of user %s", s.ID, s.User) }

// sketch is a shift in one line, for the record.
func sketch(s inbox.Shift) string {
	return fmt.Sprintf("%v %s–%s %s, %s to %s", s.Weekdays, shift.FormatMinute(s.From), shift.FormatMinute(s.To), s.Zone,
		cmp.Or(s.Since, "always"), cmp.Or(s.Until, "for ever"))
}
