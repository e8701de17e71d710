package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
)

// thread is a conversation with Ann in which the shop has answered.
type thread struct {
	*house
	ann          string
	first        inbox.Incoming
	conversation inbox.Conversation
	reply        inbox.Message
}

const support = "help@lamps.example"

func newThread(h *house) *thread {
	h.t.Helper()
	ann := fmt.Sprintf("ann%d@buyer.example", h.n)
	first := h.mail(ann, "Lamp", "Where is it?")
	h.take(first)
	_, c := h.message(first)
	return &thread{house: h, ann: ann, first: first, conversation: c, reply: h.reply(c)}
}

// reply is a message of ours in a conversation, as the outbox makes it.
func (h *house) reply(c inbox.Conversation) (m inbox.Message) {
	h.t.Helper()
	h.do(func(tx *store.Tx) error {
		ids, err := tx.Reserve(h.context(), "messages", 1)
		if err != nil {
			return err
		}
		m = inbox.Message{ID: inbox.MessageID(ids[0]), Conversation: c.ID, Shop: c.Shop, Connection: c.Connection, Direction: inbox.Out,
			State: inbox.Sent, From: inbox.Address{Address: support}, At: time.Now(), Text: "On its way."}
		m.HeaderID = h.references.MessageID(reference.Reference{Shop: c.Shop, Conversation: c.ID, Message: m.ID}, support)
		_, err = tx.AddMessage(h.context(), m)
		return err
	})
	return m
}

// answers is a mail with References.
func (h *house) answers(from string, references ...string) inbox.Incoming {
	in := h.mail(from, "Re: Lamp", "well")
	in.References = references
	return in
}

// related returns why a conversation is linked with another one, "" if it is not.
func (h *house) related(from, to inbox.ConversationID) (inbox.LinkKind, inbox.LinkReason) {
	h.t.Helper()
	links, err := h.store.Links(h.context(), everything, from)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range links {
		if l.Far.ID == to {
			return l.Kind, l.Reason
		}
	}
	return "", ""
}

func TestWhoJoins(t *testing.T) {
	const eve = "eve@elsewhere.example"
	to := func(in inbox.Incoming, addresses ...string) inbox.Incoming {
		for _, a := range addresses {
			in.To = append(in.To, inbox.Address{Address: a})
		}
		return in
	}
	key := func(th *thread) string { return reference.OfMessageID(th.reply.HeaderID) }
	cases := map[string]func(*testing.T, *thread){}
	for name, tt := range map[string]struct {
		mail  func(th *thread) inbox.Incoming
		joins bool
		link  inbox.LinkReason // of what does not join; "" = none
	}{
		"the customer answers":                      {func(th *thread) inbox.Incoming { return th.answers(th.ann, th.first.HeaderID, th.reply.HeaderID) }, true, ""},
		"through a server that writes domains anew": {func(th *thread) inbox.Incoming { return th.answers(th.ann, key(th)+"@relay.example") }, true, ""},
		"in capitals":                               {func(th *thread) inbox.Incoming { return th.answers(th.ann, strings.ToUpper(th.reply.HeaderID)) }, true, ""},
		"by the subaddress alone": {func(th *thread) inbox.Incoming {
			return to(th.mail(th.ann, "Anything", "x"), reference.Subaddress(support, th.reply.HeaderID))
		}, true, ""},
		"by the subaddress it was delivered to": {func(th *thread) inbox.Incoming {
			in := th.mail(th.ann, "Anything", "x")
			in.Recipients = []string{reference.Subaddress(support, th.reply.HeaderID)}
			return in
		}, true, ""},
		"the customer quotes his own mail": {func(th *thread) inbox.Incoming { return th.answers(th.ann, th.first.HeaderID) }, true, ""},
		"from an alias of another name":    {func(th *thread) inbox.Incoming { return th.answers("ann@new.example", th.reply.HeaderID) }, false, inbox.LinkAnswers},
		"the customer answers a forward of it": {func(th *thread) inbox.Incoming {
			return th.answers(eve, th.first.HeaderID, th.reply.HeaderID)
		}, false, inbox.LinkAnswers},
		"somebody in Cc answers all": {func(th *thread) inbox.Incoming {
			in := to(th.answers(eve, th.first.HeaderID), support, th.ann)
			return in
		}, false, inbox.LinkReferences},
		"somebody in Cc answers all, by the subaddress": {func(th *thread) inbox.Incoming {
			return to(th.mail(eve, "Re: Lamp", "x"), reference.Subaddress(support, th.reply.HeaderID), th.ann)
		}, false, inbox.LinkAnswers},
		"a stranger quotes References": {func(th *thread) inbox.Incoming { return th.answers(eve, th.first.HeaderID) }, false, inbox.LinkReferences},
		"a forged sender": {func(th *thread) inbox.Incoming {
			in := th.answers(th.ann, th.first.HeaderID, th.reply.HeaderID)
			in.Unverified = true
			return in
		}, false, inbox.LinkAnswers},
		"a program that names the customer in Reply-To": {func(th *thread) inbox.Incoming {
			in := th.answers(th.ann, th.reply.HeaderID)
			in.From.Address = "noreply@elsewhere.example"
			return in
		}, false, inbox.LinkAnswers},
		"a computed reference": {func(th *thread) inbox.Incoming {
			others := reference.New()
			return th.answers(th.ann, others.MessageID(reference.Reference{Shop: th.shop, Conversation: th.conversation.ID, Message: th.reply.ID}, support))
		}, false, inbox.LinkSubject},
		"a reference of another shop": {func(th *thread) inbox.Incoming {
			return th.answers(th.ann, th.references.MessageID(reference.Reference{Shop: th.shop + 1, Conversation: th.conversation.ID, Message: th.reply.ID}, support))
		}, false, inbox.LinkSubject},
		"a wrong subaddress": {func(th *thread) inbox.Incoming {
			return to(th.mail(eve, "Hello", "x"), "help+"+strings.Repeat("a", reference.Length)+"@lamps.example")
		}, false, ""},
		"a number in the subject": {func(th *thread) inbox.Incoming {
			return th.mail(eve, "Re: Lamp [#"+th.conversation.ID.String()+"]", "let me in")
		}, false, ""},
		"the customer, with the subject alone": {func(th *thread) inbox.Incoming { return th.mail(th.ann, "AW: Re: lamp", "x") }, false, inbox.LinkSubject},
		"the customer, about something new":    {func(th *thread) inbox.Incoming { return th.mail(th.ann, "Chair", "x") }, false, ""},
		"the customer, the same subject anew":  {func(th *thread) inbox.Incoming { return th.mail(th.ann, "Lamp", "x") }, false, ""},
		"a stranger, with the subject alone":   {func(th *thread) inbox.Incoming { return th.mail(eve, "Re: Lamp", "x") }, false, ""},
	} {
		cases[name] = func(t *testing.T, th *thread) {
			h, in := th.house, tt.mail(th)
			h.take(in)
			_, c := h.message(in)
			if (c.ID == th.conversation.ID) != tt.joins {
				t.Fatalf("it is in conversation %s, that of Ann is %s", c.ID, th.conversation.ID)
			}
			if tt.joins {
				return
			}
			if _, reason := h.related(c.ID, th.conversation.ID); reason != tt.link {
				t.Errorf("linked for %q, want %q", reason, tt.link)
			}
			if _, reason := h.related(th.conversation.ID, c.ID); reason != tt.link {
				t.Errorf("seen from the other side linked for %q, want %q", reason, tt.link)
			}
			after, err := h.store.Conversation(t.Context(), everything, th.conversation.ID)
			if err != nil || after.Version != th.conversation.Version || after.ContactAddress != th.ann || after.Messages != th.conversation.Messages {
				t.Errorf("Ann's conversation changed: %+v, %v", after, err)
			}
		}
	}
	each(t, func(t *testing.T, h *house) {
		for name, check := range cases {
			t.Run(name, func(t *testing.T) { check(t, newThread(h)) })
		}
	})
}

func TestNobodyTakesTheNameOfAMessage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		th := newThread(h)
		for range 20 { // the same Message-ID again and again
			copied := h.mail("eve@elsewhere.example", "Lamp", "mine")
			copied.HeaderID = th.first.HeaderID
			h.take(copied)
		}
		answer := h.answers(th.ann, th.first.HeaderID)
		h.take(answer)
		if _, c := h.message(answer); c.ID != th.conversation.ID {
			t.Errorf("Ann's answer is in conversation %s, want %s", c.ID, th.conversation.ID)
		}
	})
}

func TestUnverifiedSenderChangesNoCustomer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		th := newThread(h)
		forged := h.mail(th.ann, "Hello", "I am Ann")
		forged.Unverified, forged.Identity.Name, forged.Cc = true, "Mallory", []inbox.Address{{Address: "eve@elsewhere.example"}}
		h.take(forged)
		m, c := h.message(forged)
		if !m.Unverified || !c.Unverified || c.Contact == th.conversation.Contact {
			t.Errorf("message unverified %v, conversation unverified %v, contact %s, Ann's is %s", m.Unverified, c.Unverified, c.Contact, th.conversation.Contact)
		}
		ann, err := h.store.Contact(t.Context(), everything, th.conversation.Contact)
		if err != nil || ann.Conversations != 1 || len(ann.Identities) != 1 || ann.Name != "A" {
			t.Errorf("Ann is now %+v, %v", ann, err)
		}
		honest := h.mail(th.ann, "Chair", "It is me")
		h.take(honest)
		if _, c := h.message(honest); c.Contact != th.conversation.Contact || c.Unverified {
			t.Errorf("Ann's next mail: contact %s, unverified %v", c.Contact, c.Unverified)
		}
	})
}

func TestProtectionStaysWithTheMessage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		th := newThread(h)
		sealed := h.mail(th.ann, "Hello", "")
		sealed.Protection = inbox.SMIMEEncrypted
		h.take(sealed)
		if m, _ := h.message(sealed); m.Protection != inbox.SMIMEEncrypted {
			t.Errorf("protection is %q", m.Protection)
		}
	})
}

func TestTheRealSenderAnswersWhatWasForged(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		forged := h.mail("ann@buyer.example", "Lamp", "I am Ann")
		forged.Unverified = true
		h.take(forged)
		_, c := h.message(forged)
		answer := h.answers("ann@buyer.example", h.reply(c).HeaderID)
		h.take(answer)
		if _, joined := h.message(answer); joined.ID != c.ID || joined.Unverified {
			t.Errorf("the answer is in conversation %s (unverified %v), want %s", joined.ID, joined.Unverified, c.ID)
		}
	})
}

// otherShop adds a second shop that mail to chairs@both.example belongs to.
func (h *house) otherShop() (other inbox.ShopID) {
	h.t.Helper()
	h.do(func(tx *store.Tx) (err error) {
		if other, err = tx.CreateShop(h.context(), inbox.Shop{Name: "Chairs", Zone: "UTC", State: inbox.ShopActive}); err != nil {
			return err
		}
		if err := tx.AddRoute(h.context(), h.connection, "lamps@both.example", h.shop); err != nil {
			return err
		}
		return tx.AddRoute(h.context(), h.connection, "chairs@both.example", other)
	})
	return other
}

func TestOneMessageIDInTwoShopsStaysApart(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other := h.otherShop()
		both := h.mail("ann@buyer.example", "Both", "one of each")
		both.Recipients = []string{"lamps@both.example", "chairs+sale@both.example"}
		h.take(both)
		answer := h.answers("ann@buyer.example", both.HeaderID)
		answer.Recipients = []string{"chairs@both.example"}
		h.take(answer)
		m, c := h.message(answer)
		if m.Shop != other || c.Messages != 2 {
			t.Errorf("the answer is in shop %s, in a conversation of %d messages", m.Shop, c.Messages)
		}
		first, sibling := h.message(both)
		if first.Shop != h.shop || sibling.Messages != 1 {
			t.Errorf("the first shop's copy: %+v", sibling)
		}
		if kind, _ := h.related(sibling.ID, c.ID); kind != inbox.Sibling {
			t.Errorf("the two are linked as %q", kind)
		}
		key := h.answers("ann@buyer.example", h.reply(sibling).HeaderID)
		key.Recipients = []string{"chairs@both.example"}
		h.take(key)
		if _, joined := h.message(key); joined.ID == sibling.ID || joined.Shop != other {
			t.Errorf("a reference of shop %s led into conversation %s of shop %s", h.shop, joined.ID, joined.Shop)
		}
	})
}

func TestOurOwnReplyComesBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		th := newThread(h)
		back := h.mail(th.ann, "Re: Lamp", "On its way.")
		back.From, back.Outbound, back.HeaderID = inbox.Address{Address: support}, true, th.reply.HeaderID
		h.take(back)
		counts := h.counts()
		if counts[inbox.LedgerIgnored] != 1 || counts[inbox.LedgerMessage] != 1 {
			t.Errorf("ledger %v, want our reply recognised", counts)
		}
	})
}
