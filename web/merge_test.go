package web_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// post is a mailbox of the first shop into which customers write.
type post struct {
	desk
	t *testing.T
	n int
}

// mail takes in a mail of somebody and returns its message. Each is a second newer than the one before.
func (p *post) mail(from, subject string, references ...string) inbox.Message {
	p.t.Helper()
	p.n++
	id := fmt.Sprintf("%d@mail.example", p.n)
	sum := sha256.Sum256([]byte(id))
	in := inbox.Incoming{SourceKey: id, At: time.Now().Add(time.Duration(p.n-3600) * time.Second), Raw: []byte(id), Sameness: sum[:],
		Identity: inbox.Identity{Kind: "email", RemoteID: from, Name: from}, From: inbox.Address{Address: from},
		Subject: subject, Text: subject, HeaderID: id, References: references}
	if err := p.Ingest.Take(p.t.Context(), ingest.Source{Connection: p.Connections[0]}, []inbox.Incoming{in}, ""); err != nil {
		p.t.Fatal(err)
	}
	ledger, err := p.Store.LedgerByKeys(p.t.Context(), p.Connections[0], []string{id})
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := p.Store.Message(p.t.Context(), ledger[id].Message)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

type shownConversation struct {
	ID, Subject, State, Preview string
	ClosedReason                string `json:"closed_reason"`
	WaitingSince                string `json:"waiting_since"`
	DueAt                       string `json:"due_at"`
	Messages                    int
	Version                     int64
	Contact                     struct{ Address string }
	Links                       []struct {
		Conversation, Kind, Reason string
		Later                      bool
	}
}

func (p *post) read(user rbac.UserID, id string) (c shownConversation) {
	p.t.Helper()
	var shown struct {
		shownConversation
		Preview struct{ Text string }
	}
	p.Want(200, user, "GET", "/conversations/"+id, nil).Into(&shown)
	c = shown.shownConversation
	c.Preview = shown.Preview.Text
	return c
}

// thread is what the messages of a conversation say, the oldest first.
func (p *post) thread(id string) []string {
	p.t.Helper()
	var list struct {
		Items []struct{ Subject, Direction, Text string }
	}
	p.Want(200, p.owner, "GET", "/conversations/"+id+"/messages", nil).Into(&list)
	var said []string
	for _, m := range slices.Backward(list.Items) {
		said = append(said, m.Text)
	}
	return said
}

func (p *post) wantThread(id string, want ...string) {
	p.t.Helper()
	if got := p.thread(id); !slices.Equal(got, want) {
		p.t.Errorf("conversation %s says %q, want %q", id, got, want)
	}
}

func eachPost(t *testing.T, fn func(t *testing.T, p *post)) {
	each(t, func(t *testing.T, d desk) {
		p := &post{desk: d, t: t}
		p.World.Do(func(tx *store.Tx) error {
			c, err := tx.LockConnection(t.Context(), d.Connections[0])
			if err != nil {
				return err
			}
			c.LiveFrom = time.Now().Add(-24 * time.Hour)
			return tx.SaveConnection(t.Context(), c)
		})
		fn(t, p)
	})
}

const cora = "cora@buyer.example"

func TestMergeAndBack(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		lamp, chair := p.mail(cora, "Lamp"), p.mail(cora, "Chair")
		a, b := lamp.Conversation.String(), chair.Conversation.String()
		p.Want(201, p.ann, "POST", "/conversations/"+a+"/notes", `{"text":"about the lamp"}`)
		beforeA, beforeB := p.read(p.ann, a), p.read(p.ann, b)
		socket, _ := p.Open(p.ann, "")

		old := fmt.Sprintf(`"%d"`, beforeA.Version-1)
		if p.Want(409, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": b}, "If-Match", old).Map()["current"] == nil {
			t.Error("the conflict does not say what is there now")
		}
		for range 2 { // the second time changes nothing
			merged := p.Want(200, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": b}).Map()
			if merged["id"] != b {
				t.Errorf("merging answers with conversation %v, want %s", merged["id"], b)
			}
		}
		if data := socket.Kind("conversation.merged"); data["conversation"] != a {
			t.Errorf("event %v", data)
		}
		p.wantThread(b, "Lamp", "Chair", "about the lamp")
		p.wantThread(a, "Lamp", "Chair", "about the lamp")
		if c := p.read(p.ann, a); c.ID != b || c.Messages != 3 || c.WaitingSince != beforeA.WaitingSince || c.State != "open" ||
			len(c.Links) != 1 || c.Links[0].Conversation != a || c.Links[0].Kind != "merged" || !c.Links[0].Later {
			t.Errorf("the address of the merged one shows %+v", c)
		}
		if closed := p.Want(200, p.ann, "GET", "/conversations?view=closed", nil).IDs(); !slices.Equal(closed, []string{a}) {
			t.Errorf("closed are %v", closed)
		}
		for _, act := range [][3]string{{"PUT", "/state", `{"state":"open"}`}, {"PUT", "/assignee", `{"user":null}`}, {"PUT", "/subject", `{"subject":"x"}`},
			{"POST", "/merge", `{"into":"` + b + `x"}`}} {
			if status := p.Do(p.ann, act[0], "/conversations/"+a+act[1], act[2]).Status; status != 409 && status != 422 {
				t.Errorf("%s %s of a merged conversation: %d", act[0], act[1], status)
			}
		}
		p.Want(403, p.ann, "POST", "/conversations/"+a+"/replies", `{"text":"hello"}`)
		p.Want(403, p.ann, "POST", "/conversations/"+a+"/notes", `{"text":"hello"}`)

		if late := p.mail(cora, "Re: Lamp", lamp.HeaderID); late.Conversation != chair.Conversation {
			t.Errorf("an answer to the merged one is in %s, want %s", late.Conversation, b)
		}
		for range 2 {
			if back := p.Want(200, p.ann, "DELETE", "/conversations/"+a+"/merge", nil).Map(); back["id"] != a {
				t.Errorf("separating answers with %v", back["id"])
			}
		}
		p.wantThread(a, "Lamp", "about the lamp")
		p.wantThread(b, "Chair", "Re: Lamp")
		after := p.read(p.ann, a)
		beforeA.Version, beforeA.Links = after.Version, after.Links
		if fmt.Sprint(after) != fmt.Sprint(beforeA) || len(after.Links) != 0 {
			t.Errorf("afterwards %+v, was %+v", after, beforeA)
		}
		if c := p.read(p.ann, b); c.WaitingSince != beforeB.WaitingSince || c.DueAt != beforeB.DueAt || c.Messages != 2 || c.State != "open" {
			t.Errorf("the one that stayed is %+v, was %+v", c, beforeB)
		}
		if late := p.mail(cora, "Re: Lamp", lamp.HeaderID); late.Conversation != lamp.Conversation {
			t.Errorf("an answer to the separated one is in %s, want %s", late.Conversation, a)
		}
	})
}

func TestMergeOfTwoCustomers(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		lamp, chair := p.mail(cora, "Lamp"), p.mail("dan@buyer.example", "Chair")
		a, b := lamp.Conversation.String(), chair.Conversation.String()
		refused := p.Want(409, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": b}).Map()
		if reason := refused["reason"].(map[string]any); reason["code"] != "two_customers" {
			t.Errorf("refused for %v", reason)
		}
		p.Want(200, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": b, "two_customers": true})
		if late := p.mail(cora, "Re: Lamp", lamp.HeaderID); late.Conversation != chair.Conversation {
			t.Errorf("the first customer's answer is in %s, want %s", late.Conversation, b)
		}
		if c := p.read(p.ann, b); c.Contact.Address != "dan@buyer.example" {
			t.Errorf("replies go to %s", c.Contact.Address)
		}
	})
}

func TestMergesInEachOther(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		var ids []string
		var messages []inbox.Message
		for _, subject := range []string{"One", "Two", "Three"} {
			m := p.mail(cora, subject)
			ids, messages = append(ids, m.Conversation.String()), append(messages, m)
		}
		merge := func(status, from, into int) {
			p.Want(status, p.ann, "POST", "/conversations/"+ids[from]+"/merge", map[string]any{"into": ids[into]})
		}
		merge(422, 0, 0)
		merge(200, 0, 1)
		merge(409, 2, 0) // into a merged one
		merge(409, 0, 2) // merged elsewhere
		merge(200, 1, 2)
		merge(409, 2, 1) // no circles
		p.wantThread(ids[0], "One", "Two", "Three")
		if m := p.mail(cora, "Re: One", messages[0].HeaderID); m.Conversation != messages[2].Conversation {
			t.Errorf("an answer to the innermost is in %s, want %s", m.Conversation, ids[2])
		}
		p.Want(200, p.ann, "DELETE", "/conversations/"+ids[1]+"/merge", nil)
		p.wantThread(ids[1], "One", "Two")
		p.wantThread(ids[2], "Three", "Re: One")
		p.Want(200, p.ann, "POST", "/conversations/"+ids[1]+"/merge", map[string]any{"into": ids[2]})
		p.Want(200, p.ann, "DELETE", "/conversations/"+ids[0]+"/merge", nil) // straight out of the outermost
		p.wantThread(ids[0], "One")
		p.wantThread(ids[2], "Two", "Three", "Re: One")
	})
}

func TestAnsweredWhileMergedDoesNotWait(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		lamp, chair := p.mail(cora, "Lamp"), p.mail(cora, "Chair")
		a, b := lamp.Conversation.String(), chair.Conversation.String()
		p.Want(200, p.ann, "PUT", "/conversations/"+b+"/state", `{"state":"closed"}`)
		if c := p.Want(200, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": b}).Map(); c["state"] != "open" || c["waiting_since"] == nil {
			t.Errorf("what a waiting one is merged into is %v, waiting since %v", c["state"], c["waiting_since"])
		}
		p.World.Do(func(tx *store.Tx) error { // as an answer that was sent does
			c, err := tx.LockConversation(t.Context(), rbac.Scope{All: true}, chair.Conversation)
			if err != nil {
				return err
			}
			c.Answered(time.Now(), time.Time{}, 0)
			return tx.SaveConversation(t.Context(), &c)
		})
		p.Want(200, p.ann, "DELETE", "/conversations/"+a+"/merge", nil)
		if c := p.read(p.ann, a); c.WaitingSince != "" || c.State != "open" {
			t.Errorf("answered and taken out again: %+v", c)
		}
		if c := p.read(p.ann, b); c.State != "closed" || c.ClosedReason != "done" {
			t.Errorf("the one it was in: %+v", c)
		}
	})
}

func TestSplitAndBack(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		first := p.mail(cora, "Lamp")
		second := p.mail(cora, "Chair", first.HeaderID)
		third := p.mail(cora, "Re: Chair", second.HeaderID)
		a := first.Conversation.String()
		before := p.read(p.ann, a)
		split := func(status int, m inbox.Message) map[string]any {
			t.Helper()
			return p.Want(status, p.ann, "POST", "/conversations/"+a+"/split", map[string]any{"message": m.ID}).Map()
		}
		split(422, first) // nothing would be left
		b := split(201, second)["id"].(string)
		if again := split(201, second)["id"]; again != b {
			t.Errorf("splitting again makes %v, want %s", again, b)
		}
		split(422, third) // it is in the other one now
		p.wantThread(a, "Lamp")
		p.wantThread(b, "Chair", "Re: Chair")
		here, there := p.read(p.ann, a), p.read(p.ann, b)
		if here.Messages != 1 || here.Preview != "Lamp" || here.WaitingSince != before.WaitingSince || here.DueAt != before.DueAt {
			t.Errorf("the first part is %+v, was %+v", here, before)
		}
		if there.Messages != 2 || there.Subject != "Chair" || there.State != "open" || there.WaitingSince <= here.WaitingSince || there.Preview != "Re: Chair" ||
			len(there.Links) != 1 || there.Links[0].Conversation != a || there.Links[0].Kind != "split" || there.Links[0].Later {
			t.Errorf("the later part is %+v", there)
		}
		if m := p.mail(cora, "Re: Chair", first.HeaderID, third.HeaderID); m.Conversation.String() != b {
			t.Errorf("an answer to the later part is in %s, want %s", m.Conversation, b)
		}
		if m := p.mail(cora, "Re: Lamp", first.HeaderID); m.Conversation.String() != a {
			t.Errorf("an answer to the first part is in %s, want %s", m.Conversation, a)
		}
		if back := p.Want(200, p.ann, "DELETE", "/conversations/"+b+"/split", nil).Map(); back["id"] != a {
			t.Errorf("undoing the split answers with %v", back["id"])
		}
		p.wantThread(b, "Lamp", "Chair", "Re: Chair", "Re: Chair", "Re: Lamp")
		if c := p.read(p.ann, a); c.Messages != 5 || c.WaitingSince != before.WaitingSince || c.DueAt != before.DueAt {
			t.Errorf("put together again: %+v, was %+v", c, before)
		}
	})
}

func TestLinksStayInScope(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		here, there := p.mail(cora, "Lamp"), p.conversation(1)
		related := p.mail("dan@buyer.example", "Re: Lamp", here.HeaderID)
		p.World.Do(func(tx *store.Tx) error {
			return tx.AddLinks(t.Context(), []inbox.Link{{Conversation: there.ID, Other: here.Conversation, Kind: inbox.Sibling}})
		})
		a, b := here.Conversation.String(), related.Conversation.String()
		if c := p.read(p.owner, a); len(c.Links) != 2 {
			t.Errorf("the owner sees %+v", c.Links)
		}
		if c := p.read(p.ann, a); len(c.Links) != 1 || c.Links[0].Conversation != b || c.Links[0].Reason != "references" || !c.Links[0].Later {
			t.Errorf("an agent of the one shop sees %+v", c.Links)
		}
		if c := p.read(p.bob, there.ID.String()); len(c.Links) != 0 {
			t.Errorf("an agent of the other shop sees %+v", c.Links)
		}
		p.Want(404, p.ann, "PUT", "/conversations/"+a+"/links/"+there.ID.String(), nil)
		p.Want(404, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": there.ID})
		p.Want(422, p.owner, "POST", "/conversations/"+a+"/merge", map[string]any{"into": there.ID})
		p.Want(204, p.ann, "DELETE", "/conversations/"+b+"/links/"+a, nil)
		if c := p.read(p.ann, a); len(c.Links) != 0 {
			t.Errorf("what is not related is still linked: %+v", c.Links)
		}
		p.Want(204, p.ann, "PUT", "/conversations/"+a+"/links/"+b, nil)
		if c := p.read(p.ann, b); len(c.Links) != 1 {
			t.Errorf("what is related is not linked: %+v", c.Links)
		}
	})
}

func TestWhatIsDeletedStaysDeleted(t *testing.T) {
	eachPost(t, func(t *testing.T, p *post) {
		lamp, chair := p.mail(cora, "Lamp"), p.mail(cora, "Chair")
		a, b := lamp.Conversation.String(), chair.Conversation.String()
		p.Want(200, p.ann, "POST", "/conversations/"+a+"/merge", map[string]any{"into": b})
		p.Want(201, p.ann, "POST", "/conversations/"+b+"/notes", `{"text":"secret words"}`)
		p.Want(403, p.ann, "DELETE", "/conversations/"+b, nil)
		p.Want(404, p.bob, "DELETE", "/conversations/"+b, nil)
		p.Want(409, p.owner, "DELETE", "/conversations/"+a, nil) // merged: the one that shows it goes, or it is taken out first
		p.Want(204, p.owner, "DELETE", "/conversations/"+b, nil)
		for _, id := range []string{a, b} {
			p.Want(404, p.owner, "GET", "/conversations/"+id, nil)
		}
		if found := p.Want(200, p.owner, "GET", "/conversations?q=secret&state=any", nil).IDs(); len(found) != 0 {
			t.Errorf("still found: %v", found)
		}
		if _, err := p.Store.SmallBlobContent(t.Context(), lamp.RawHash); err == nil {
			t.Error("its bytes are still kept")
		}
		ledger, err := p.Store.LedgerByKeys(t.Context(), p.Connections[0], []string{lamp.HeaderID})
		if e := ledger[lamp.HeaderID]; err != nil || e.State != inbox.LedgerMessage || e.Message != 0 || e.Reason == nil || e.Reason.Code != "deleted" {
			t.Errorf("the ledger has %+v, %v", e, err)
		}

		// The mailbox was renumbered: the same mail lies there under another key.
		sum := sha256.Sum256([]byte(lamp.HeaderID))
		again := inbox.Incoming{SourceKey: "renumbered", At: time.Now(), Raw: []byte(lamp.HeaderID), Sameness: sum[:],
			Identity: inbox.Identity{Kind: "email", RemoteID: cora}, From: inbox.Address{Address: cora}, Subject: "Lamp", Text: "Lamp", HeaderID: lamp.HeaderID}
		if err := p.Ingest.Take(t.Context(), ingest.Source{Connection: p.Connections[0]}, []inbox.Incoming{again}, ""); err != nil {
			t.Fatal(err)
		}
		ledger, err = p.Store.LedgerByKeys(t.Context(), p.Connections[0], []string{"renumbered"})
		if e := ledger["renumbered"]; err != nil || e.State != inbox.LedgerSame || e.Message != 0 {
			t.Errorf("read again it is %+v, %v", e, err)
		}
		if left := p.Want(200, p.owner, "GET", "/conversations?state=any", nil).IDs(); len(left) != 0 {
			t.Errorf("conversations came back: %v", left)
		}
	})
}
