package ledger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// checkedAtLeast is how long nobody may have looked at a source before that is told.
const checkedAtLeast = 10 * time.Minute

// Watch raises and ends the alarms of all connections. It reads one statement, and writes only where
// an alarm begins or ends.
func (s *Service) Watch(ctx context.Context) error {
	now := s.now()
	all, err := s.store.Vitals(ctx, now.Add(-quietAtLeast))
	if err != nil {
		return err
	}
	var errs []error
	for _, v := range all {
		for kind, why := range s.judge(v, now) {
			if (why != nil) == slices.Contains(v.Alarms, kind) {
				continue
			}
			errs = append(errs, s.store.InTx(ctx, func(tx *store.Tx) error {
				c, err := tx.Connection(ctx, v.Connection)
				if err != nil {
					return err
				}
				return tx.SetAlarm(ctx, c, kind, why)
			}))
		}
	}
	return errors.Join(errs...)
}

// judge tells which alarms a connection should have now, each with its reason, nil for those it
// should not. What only a count can tell is missing, unless nobody wants to know.
func (s *Service) judge(v store.Vitals, now time.Time) map[inbox.AlarmKind]*inbox.Reason {
	if !v.Watched {
		return map[inbox.AlarmKind]*inbox.Reason{inbox.AlarmSilence: nil, inbox.AlarmNotChecked: nil, inbox.AlarmCountDiffers: nil}
	}
	return map[inbox.AlarmKind]*inbox.Reason{inbox.AlarmSilence: silence(v), inbox.AlarmNotChecked: s.notChecked(v, now)}
}

// silence judges up to the last time somebody looked: when nobody can look, that is another alarm.
// What was taken just now, however old, means that there is more to come.
func silence(v store.Vitals) *inbox.Reason {
	since := latest(v.LastInAt, v.TakenAt, v.CreatedAt)
	expected, alarm := Silent(v.Arrivals, since, v.CheckedAt, v.SilenceHours)
	switch {
	case !alarm:
		return nil
	case v.LastInAt.IsZero():
		return &inbox.Reason{Code: "silence_never", Params: map[string]any{"hours": v.SilenceHours}}
	case v.SilenceHours > 0:
		return &inbox.Reason{Code: "silence_hours", Params: map[string]any{"since": v.LastInAt.UTC().Format(time.RFC3339), "hours": v.SilenceHours}}
	}
	return &inbox.Reason{Code: "silence", Params: map[string]any{"since": v.LastInAt.UTC().Format(time.RFC3339), "expected": expected}}
}

// notChecked tells that no node looks at a source though nothing is known to be wrong with it. A
// program that has just started is given time to look.
func (s *Service) notChecked(v store.Vitals, now time.Time) *inbox.Reason {
	if v.State != inbox.ConnectionConnected && v.State != inbox.ConnectionNew {
		return nil
	}
	if now.Sub(latest(v.CheckedAt, v.CreatedAt, s.started)) < max(checkedAtLeast, 5*s.Poll) {
		return nil
	}
	return &inbox.Reason{Code: "not_checked", Params: map[string]any{"since": latest(v.CheckedAt, v.CreatedAt).UTC().Format(time.RFC3339)}}
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
