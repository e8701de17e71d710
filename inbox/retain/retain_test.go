package retain_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/retain"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

func TestTidy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		blobs, err := blob.NewDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		put := func(text string) string {
			hash, _, err := blobs.Put(ctx, bytes.NewReader([]byte(text)))
			if err != nil {
				t.Fatal(err)
			}
			return hash
		}
		used, orphan := put("sent with a message"), put("left by a crash")
		var user rbac.User
		err = s.InTx(ctx, func(tx *store.Tx) (err error) {
			if user, err = tx.CreateUser(ctx, rbac.User{Email: "ann@desk.example", Name: "Ann", Status: rbac.UserActive}, ""); err != nil {
				return err
			}
			if _, err = tx.AddUpload(ctx, inbox.Attachment{Uploader: user.ID, Name: "label.pdf", Hash: used}); err != nil {
				return err
			}
			tx.Append(inbox.Event{Kind: inbox.TagChanged, At: time.Now().Add(-retain.KeepEvents - time.Hour)})
			tx.Append(inbox.Event{Kind: inbox.TagChanged})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		client, err := jobs.New(s, jobs.Options{Node: "test"})
		if err != nil {
			t.Fatal(err)
		}
		tidy := func(later time.Duration) {
			t.Helper()
			service := retain.New(retain.Options{Store: s, Jobs: client, Blobs: blobs, Now: func() time.Time { return time.Now().Add(later) }})
			if err := service.Tidy(ctx); err != nil {
				t.Fatal(err)
			}
			if client, err = jobs.New(s, jobs.Options{Node: "test"}); err != nil {
				t.Fatal(err)
			}
		}
		has := func(hash string) bool {
			content, _, err := blobs.Open(context.WithoutCancel(ctx), hash)
			if errors.Is(err, blob.ErrNotFound) {
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			return content.Close() == nil
		}

		tidy(0)
		if !has(used) || !has(orphan) {
			t.Error("content that was just put is gone: its row may not be committed yet")
		}
		for _, e := range allEvents(t, s) {
			if time.Since(e.At) > retain.KeepEvents {
				t.Errorf("event %d of %s is still there", e.Seq, e.At)
			}
		}
		if len(allEvents(t, s)) == 0 {
			t.Error("young events are gone")
		}
		tidy(2 * time.Hour)
		if !has(used) || has(orphan) {
			t.Errorf("after two hours: used content there %v, orphan there %v; want only the first", has(used), has(orphan))
		}
		tidy(retain.KeepUploads + 2*time.Hour)
		if has(used) {
			t.Error("a file that was never sent is still there")
		}
	})
}

func allEvents(t *testing.T, s *store.Store) []inbox.Event {
	t.Helper()
	events, err := s.EventsAfter(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
