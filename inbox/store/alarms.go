package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// This file keeps the rhythm of connections and what is wrong with them beyond their state.

// rhythmHours is how far back a connection's rhythm goes from its last arrival.
const rhythmHours = 4 * 7 * 24

// Vitals are the signs of life of one connection.
type Vitals struct {
	Connection inbox.ConnectionID
	Watched    bool // people expect mail: the shop is active, nobody disabled the connection
	State      inbox.ConnectionState
	// SilenceHours is the connection's setting.
	SilenceHours int
	LastInAt     time.Time // zero: never
	TakenAt      time.Time // when something new was last taken in; zero: never
	CheckedAt    time.Time // last successful poll; zero: never
	CreatedAt    time.Time
	Alarms       []inbox.AlarmKind
	Arrivals     []inbox.HourCount // the oldest first; none if something came after the time asked for
}

// Vitals returns those of all connections in one statement. The rhythm is read of those alone that
// received nothing since a time.
func (q queries) Vitals(ctx context.Context, quietSince time.Time) ([]Vitals, error) {
	query := q.db.NewSelect().TableExpr("connections AS c").Join("JOIN shops AS s ON s.id = c.shop_id").
		Join("LEFT JOIN arrivals AS a ON a.connection_id = c.id AND c.silence_hours >= 0 AND COALESCE(c.last_in_at, 0) < ?", micros(quietSince)).
		ColumnExpr("c.id, CASE WHEN s.state = ? AND c.state <> ? THEN 1 ELSE 0 END", string(inbox.ShopActive), string(inbox.ConnectionDisabled)).
		ColumnExpr("c.state, c.silence_hours, c.last_in_at, c.taken_at, c.checked_at, c.created_at, a.hour, a.items")
	kinds := []inbox.AlarmKind{inbox.AlarmSilence, inbox.AlarmNotChecked, inbox.AlarmCountDiffers}
	for _, kind := range kinds {
		query.ColumnExpr("CASE WHEN EXISTS (SELECT 1 FROM alarms WHERE connection_id = c.id AND kind = ?) THEN 1 ELSE 0 END", string(kind))
	}
	var list []Vitals
	err := q.readRows(ctx, query.OrderExpr("c.id, a.hour"), 10+len(kinds), func(v []any) {
		id := inbox.ConnectionID(number(v[0]))
		if len(list) == 0 || list[len(list)-1].Connection != id {
			one := Vitals{Connection: id, Watched: number(v[1]) != 0, State: inbox.ConnectionState(words(v[2])), SilenceHours: int(number(v[3])),
				LastInAt: moment(number(v[4])), TakenAt: moment(number(v[5])), CheckedAt: moment(number(v[6])), CreatedAt: moment(number(v[7]))}
			for i, kind := range kinds {
				if number(v[10+i]) != 0 {
					one.Alarms = append(one.Alarms, kind)
				}
			}
			list = append(list, one)
		}
		if v[8] != nil {
			one := &list[len(list)-1]
			one.Arrivals = append(one.Arrivals, inbox.HourCount{Hour: number(v[8]), Items: int(number(v[9]))})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("signs of life: %w", err)
	}
	return list, nil
}

type alarmRow struct {
	bun.BaseModel `bun:"table:alarms,alias:al"`
	Connection    int64  `bun:"connection_id,pk"`
	Kind          string `bun:"kind,pk"`
	Reason        string `bun:"reason"`
	Since         int64  `bun:"since"`
}

// Alarms returns what is wrong with the connections of a scope, the newest first.
func (q queries) Alarms(ctx context.Context, scope rbac.Scope) ([]inbox.Alarm, error) {
	var rows []alarmRow
	query := q.db.NewSelect().Model(&rows).Join("JOIN connections AS c ON c.id = al.connection_id").OrderExpr("al.since DESC, al.connection_id, al.kind")
	within(query, rbac.Scope{All: scope.All, Shops: scope.Shops}, "c.shop_id", "NULL")
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read alarms: %w", err)
	}
	list := make([]inbox.Alarm, len(rows))
	for i, r := range rows {
		list[i] = inbox.Alarm{Connection: inbox.ConnectionID(r.Connection), Kind: inbox.AlarmKind(r.Kind), Since: moment(r.Since)}
		if err := parse(r.Reason, &list[i].Reason); err != nil {
			return nil, fmt.Errorf("alarm of connection %d: %w", r.Connection, err)
		}
	}
	return list, nil
}

// SetAlarm raises an alarm, or keeps one that is raised with its newest reason; a nil reason ends it.
// Only when it begins or ends there is an event.
func (tx *Tx) SetAlarm(ctx context.Context, c inbox.Connection, kind inbox.AlarmKind, why *inbox.Reason) error {
	changed := false
	if why == nil {
		n, err := tx.drop(ctx, "an alarm", tx.db.NewDelete().Table("alarms").Where("connection_id = ? AND kind = ?", int64(c.ID), string(kind)))
		if err != nil {
			return err
		}
		changed = n > 0
	} else {
		row := alarmRow{Connection: int64(c.ID), Kind: string(kind), Reason: reasonText(why), Since: micros(tx.now())}
		result, err := tx.db.NewInsert().Model(&row).On("CONFLICT (connection_id, kind) DO NOTHING").Returning("NULL").Exec(ctx)
		if err != nil {
			return fmt.Errorf("raise an alarm: %w", err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if changed = n > 0; !changed {
			if _, err := tx.db.NewUpdate().Model(&row).Column("reason").WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("keep an alarm: %w", err)
			}
		}
	}
	if changed {
		tx.Append(inbox.Event{Kind: inbox.ConnectionChanged, Shop: c.Shop,
			Data: map[string]any{"connection": c.ID, "state": c.State, "alarm": kind, "raised": why != nil}})
	}
	return nil
}

// addArrivals counts what was received in which hour; what is older than any rhythm is left out.
func (tx *Tx) addArrivals(ctx context.Context, id inbox.ConnectionID, arrived []time.Time) error {
	type row struct {
		bun.BaseModel `bun:"table:arrivals,alias:a"`
		Connection    int64 `bun:"connection_id"`
		Hour          int64 `bun:"hour"`
		Items         int   `bun:"items"`
	}
	hours := map[int64]int{}
	oldest := tx.now().Add(-rhythmHours * time.Hour)
	for _, at := range arrived {
		if at.After(oldest) {
			hours[at.Unix()/3600]++
		}
	}
	if len(hours) == 0 {
		return nil
	}
	rows := make([]row, 0, len(hours))
	for hour, items := range hours {
		rows = append(rows, row{Connection: int64(id), Hour: hour, Items: items})
	}
	_, err := tx.db.NewInsert().Model(&rows).On("CONFLICT (connection_id, hour) DO UPDATE").Set("items = a.items + EXCLUDED.items").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("count arrivals: %w", err)
	}
	return nil
}

// DropArrivals forgets hours that no rhythm is made of any more. The rhythm of a connection that fell
// silent stays.
func (tx *Tx) DropArrivals(ctx context.Context) (int, error) {
	return tx.drop(ctx, "old arrivals", tx.db.NewDelete().Table("arrivals").
		Where("hour < (SELECT max(n.hour) FROM arrivals AS n WHERE n.connection_id = arrivals.connection_id) - ?", rhythmHours))
}

// DueCounts returns up to limit connections whose folders were not counted since a time, though they
// are polled and well.
func (q queries) DueCounts(ctx context.Context, since time.Time, limit int) ([]inbox.ConnectionID, error) {
	var ids []inbox.ConnectionID
	err := q.db.NewSelect().TableExpr("connections AS c").Join("JOIN shops AS s ON s.id = c.shop_id").Column("c.id").
		Where("c.state = ? AND s.state = ?", string(inbox.ConnectionConnected), string(inbox.ShopActive)).
		Where("NOT EXISTS (SELECT 1 FROM folders AS f WHERE f.connection_id = c.id AND f.counted_at > ?)", micros(since)).
		Order("c.id").Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("connections to be counted: %w", err)
	}
	return ids, nil
}
