package auth

import (
	"context"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// SetPassword gives somebody a new password and ends all his sessions. It is the operator's way back
// in, so it asks nobody's right; an invited account becomes active by it.
func (s *Service) SetPassword(ctx context.Context, by Identity, user rbac.UserID, password string) error {
	if err := checkPassword("password", password); err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *store.Tx, _ giver) error {
		u, err := tx.User(ctx, user)
		if err != nil {
			return err
		}
		if err := tx.SetPassword(ctx, user, hash); err != nil {
			return err
		}
		if u.Status == rbac.UserInvited {
			if err := tx.SetUserStatus(ctx, user, rbac.UserActive); err != nil {
				return err
			}
		}
		if err := tx.EndSessions(ctx, user, 0); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditPasswordChanged, userObject(user)))
	})
}
