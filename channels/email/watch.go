package email

import (
	"context"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/sync/errgroup"

	"github.com/deskbell/deskbell/inbox"
)

// Watch idles on the first folders, each on a connection of its own, and calls wake when one grows.
// It returns nil if the server does not offer IDLE, or if mail is handed over and not pulled.
func (a *Adapter) Watch(ctx context.Context, wake func()) error {
	if !a.settings.pulled() {
		return nil
	}
	ctx, done := a.living(ctx)
	defer done()
	stir := func() {
		select {
		case a.grown <- struct{}{}:
		default:
		}
		wake()
	}
	group, under := errgroup.WithContext(ctx) // one broke: the runner looks, and begins all again
	folders := a.settings.IMAP.Folders
	for _, folder := range folders[:min(len(folders), idleFolders)] {
		group.Go(func() error { return a.idle(under, folder, stir) })
	}
	err := group.Wait()
	if inbox.CodeOf(err) == inbox.Expired {
		a.refused.Store(true) // a connection that is still open must not hide that
	}
	return err
}

// idle watches one folder until its connection breaks. IDLE is ended and begun again every few
// minutes, so that a line that died silently is noticed.
func (a *Adapter) idle(ctx context.Context, folder string, wake func()) error {
	s, err := a.signIn(ctx, wake)
	if err != nil {
		return err
	}
	defer s.close()
	if offered, err := a.offersIdle(ctx, s); !offered {
		return err
	}
	if _, err := s.examine(ctx, folder); err != nil {
		return a.broken(ctx, err)
	}
	first := true
	for {
		err := s.idleOnce(ctx, func() {
			if first {
				wake() // what arrived before IDLE began was told to nobody
			}
			first = false
		})
		if err != nil {
			return a.broken(ctx, err)
		}
	}
}

func (a *Adapter) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.lostIMAP(err)
}

func (a *Adapter) offersIdle(ctx context.Context, s *session) (offered bool, err error) {
	err = s.during(ctx, smallAnswer, func() error {
		caps := s.client.Caps()
		offered = caps.Has(imap.CapIdle) || caps.Has(imap.CapIMAP4rev2)
		return nil
	})
	return offered, err
}

// idleOnce idles for some minutes, then ends IDLE and sees that the server still answers.
func (s *session) idleOnce(ctx context.Context, begun func()) error {
	stop := context.AfterFunc(ctx, func() { s.cut(ctx.Err()) })
	defer stop()
	var cmd *imapclient.IdleCommand
	err := s.during(ctx, smallAnswer, func() (err error) {
		cmd, err = s.client.Idle()
		return err
	})
	if err != nil {
		return err
	}
	begun()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timer := time.NewTimer(idleLimit)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err == nil {
			err = errStalled // the server ended IDLE by itself: begin again on a new connection
		}
		return err
	case <-timer.C:
	}
	return s.during(ctx, smallAnswer, func() error {
		if err := cmd.Close(); err != nil {
			return err
		}
		return <-ended
	})
}
