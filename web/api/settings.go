package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// settings declares what holds for the whole installation.
func (a *API) settings() {
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/settings", Summary: "Show what holds for everybody."}, a.getSettings)
	register(a, rbac.ShopManage, huma.Operation{Method: "PATCH", Path: "/settings",
		Summary: "Change what holds for everybody. This takes shop.manage in all shops."}, a.patchSettings)
}

// Settings hold for the whole installation.
type Settings struct {
	Organisation string `json:"organisation"`
	UndoSeconds  int    `json:"undo_seconds" enum:"0,5,10,20,30" doc:"how long a reply waits to be undone, unless its author chose otherwise"`
}

// undoDefault is how long a reply waits while nobody has chosen.
const undoDefault = 10

func (a *API) readSettings(ctx context.Context) (Settings, error) {
	organisation, err := a.Store.Setting(ctx, store.SettingOrganisation)
	if err != nil {
		return Settings{}, err
	}
	undo, err := a.Store.Setting(ctx, store.SettingUndoSeconds)
	if err != nil || undo == "" {
		return Settings{organisation, undoDefault}, err
	}
	seconds, err := strconv.Atoi(undo)
	return Settings{organisation, seconds}, err
}

func (a *API) getSettings(ctx context.Context, _ *struct{}) (*body[Settings], error) {
	return reply(a.readSettings(ctx))
}

func (a *API) patchSettings(ctx context.Context, in *struct {
	Body struct {
		Organisation *string `json:"organisation,omitempty" minLength:"1" maxLength:"200"`
		UndoSeconds  *int    `json:"undo_seconds,omitempty" enum:"0,5,10,20,30"`
	}
}) (*body[Settings], error) {
	if err := a.mayIn(ctx, rbac.ShopManage, 0, ""); err != nil {
		return nil, err
	}
	changes := map[string]string{}
	if name := in.Body.Organisation; name != nil {
		if changes[store.SettingOrganisation] = strings.TrimSpace(*name); changes[store.SettingOrganisation] == "" {
			return nil, inbox.InvalidField("body.organisation", "this is missing")
		}
	}
	if seconds := in.Body.UndoSeconds; seconds != nil {
		changes[store.SettingUndoSeconds] = strconv.Itoa(*seconds)
	}
	by := auth.From(ctx)
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		for name, value := range changes {
			before, err := tx.Setting(ctx, name)
			if err != nil {
				return err
			}
			if err := tx.SetSetting(ctx, name, value); err != nil {
				return err
			}
			if err := tx.Audit(ctx, inbox.AuditEntry{Actor: by.Actor.User, Address: by.Address, Action: inbox.AuditSettingsChanged,
				Object: "setting " + name, Before: before, After: value}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return reply(a.readSettings(ctx))
}
