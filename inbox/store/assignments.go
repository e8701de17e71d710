package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type assignmentRow struct {
	bun.BaseModel `bun:"table:assignments"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Conversation  int64  `bun:"conversation_id"`
	At            int64  `bun:"at"`
	From          int64  `bun:"from_id,nullzero"`
	To            int64  `bun:"to_id,nullzero"`
	Actor         int64  `bun:"actor_id,nullzero"`
	Reason        string `bun:"reason"`
	Candidates    string `bun:"candidates"`
}

// candidateRow is a candidate in few bytes: a shop with many people writes one per person for each
// conversation that is assigned.
type candidateRow struct {
	User     int64          `json:"u"`
	Position int            `json:"p,omitempty"`
	OnShift  bool           `json:"s,omitempty"`
	Presence string         `json:"w,omitempty"` // absent: available
	Open     int            `json:"o,omitempty"`
	DueSoon  int            `json:"d,omitempty"`
	Last     int64          `json:"a,omitempty"`
	Limit    int            `json:"l,omitempty"`
	Chosen   bool           `json:"c,omitempty"`
	Excluded string         `json:"x,omitempty"`
	Params   map[string]any `json:"y,omitempty"`
}

func newCandidateRow(c inbox.Candidate) candidateRow {
	r := candidateRow{User: int64(c.User), Position: c.Position, OnShift: c.OnShift, Open: c.Open, DueSoon: c.DueSoon,
		Last: micros(c.LastAssignedAt), Limit: c.Limit, Chosen: c.Chosen}
	if c.Presence != inbox.Available {
		r.Presence = string(c.Presence)
	}
	if c.Excluded != nil {
		r.Excluded, r.Params = c.Excluded.Code, c.Excluded.Params
	}
	return r
}

func (r candidateRow) candidate() inbox.Candidate {
	c := inbox.Candidate{User: inbox.UserID(r.User), Position: r.Position, OnShift: r.OnShift, Presence: inbox.PresenceState(r.Presence),
		Load:  inbox.Load{Open: r.Open, DueSoon: r.DueSoon, LastAssignedAt: moment(r.Last)},
		Limit: r.Limit, Chosen: r.Chosen}
	if c.Presence == "" {
		c.Presence = inbox.Available
	}
	if r.Excluded != "" {
		c.Excluded = &inbox.Reason{Code: r.Excluded, Params: r.Params}
	}
	return c
}

func newAssignmentRow(a inbox.Assignment) assignmentRow {
	candidates := make([]candidateRow, len(a.Candidates))
	for i, c := range a.Candidates {
		candidates[i] = newCandidateRow(c)
	}
	return assignmentRow{Conversation: int64(a.Conversation.ID), At: micros(a.At), From: int64(a.From), To: int64(a.To),
		Actor: int64(a.Actor), Reason: text(a.Reason), Candidates: text(candidates)}
}

// AddAssignments keeps why conversations are held by whom, and tells the log of those whose assignee
// has changed. The conversations' rows must stand; they are not written.
func (tx *Tx) AddAssignments(ctx context.Context, list []inbox.Assignment) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]assignmentRow, len(list))
	for i, a := range list {
		rows[i] = newAssignmentRow(a)
		if a.From == a.To {
			continue
		}
		tx.Append(inbox.Event{Kind: inbox.ConversationAssigned, At: a.At, Shop: a.Conversation.Shop, Conversation: a.Conversation.ID,
			Actor: a.Actor, From: a.From, To: a.To,
			Data: map[string]any{"from": userOrNone(a.From), "to": userOrNone(a.To), "reason": a.Reason}})
	}
	if _, err := tx.db.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("keep assignments: %w", err)
	}
	return nil
}

func userOrNone(user inbox.UserID) any {
	if user == 0 {
		return nil
	}
	return user
}

// SaveAssignees writes who holds conversations that are locked, and why, in one statement, and
// raises their versions.
func (tx *Tx) SaveAssignees(ctx context.Context, list []*inbox.Conversation) error {
	if len(list) == 0 {
		return nil
	}
	values := make([]bun.TupleValues, len(list))
	for i, c := range list {
		values[i] = bun.Tuple([]any{int64(c.ID), int64(c.Assignee), micros(c.AssignedAt), reasonText(c.AssignReason)})
		c.Version++
	}
	_, err := tx.db.NewRaw(`WITH v (id, assignee, at, reason) AS (VALUES ?)
		UPDATE conversations SET assignee_id = NULLIF(v.assignee, 0), assigned_at = NULLIF(v.at, 0),
			assign_reason = NULLIF(v.reason, ''), version = version + 1
		FROM v WHERE conversations.id = v.id`, bun.List(values)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save who holds conversations: %w", err)
	}
	return nil
}

// LastAssignment returns the newest decision on who holds a conversation; its Conversation is the
// one given. A decision that was never made has a zero At.
func (q queries) LastAssignment(ctx context.Context, c *inbox.Conversation) (inbox.Assignment, error) {
	var r assignmentRow
	err := q.db.NewSelect().Model(&r).Where("conversation_id = ?", int64(c.ID)).OrderExpr("id DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return inbox.Assignment{Conversation: c}, nil
	}
	if err != nil {
		return inbox.Assignment{}, fmt.Errorf("why conversation %s is held: %w", c.ID, err)
	}
	a := inbox.Assignment{Conversation: c, At: moment(r.At), From: inbox.UserID(r.From), To: inbox.UserID(r.To), Actor: inbox.UserID(r.Actor)}
	var candidates []candidateRow
	if err := errors.Join(parse(r.Reason, &a.Reason), parse(r.Candidates, &candidates)); err != nil {
		return a, fmt.Errorf("assignment %d: %w", r.ID, err)
	}
	for _, c := range candidates {
		a.Candidates = append(a.Candidates, c.candidate())
	}
	return a, nil
}
