package ingest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
)

// claim is one thing in a copy that names a conversation.
type claim struct {
	conversation inbox.ConversationID // as it was named, before any merging
	contact      inbox.ContactID      // of the conversation the named message was written in; 0 = unknown
	reason       inbox.LinkReason
	thread       bool // the marketplace itself says so
}

// The most that is read of one mail: the nearest ids count, and the first addresses.
const (
	quotedRead    = 50
	addressesRead = 100
)

// readReferences fills in what a copy quotes, nearest first, and which of that are references of ours.
func (p *page) readReferences(c *copy) {
	c.quoted = slices.Clone(c.References[max(0, len(c.References)-quotedRead):])
	slices.Reverse(c.quoted)
	base, marked := content.BaseSubject(c.Subject)
	c.topic = store.Topic{Contact: c.contact, Shop: c.shop, Subject: base}
	c.answers = (marked || len(c.quoted) > 0) && !c.Outbound && c.Thread == "" && base != ""
	read := func(text string) {
		if r, ok := p.service.references.Read(c.shop, text); ok && !slices.Contains(c.keyed, r) {
			c.keyed = append(c.keyed, r)
		}
	}
	for _, id := range c.quoted {
		read(reference.OfMessageID(id))
	}
	for _, address := range c.addressed() {
		read(reference.OfAddress(address))
	}
}

// addressed returns the addresses a mail was written or delivered to.
func (c *copy) addressed() []string {
	list := slices.Clone(c.Recipients)
	for _, to := range slices.Concat(c.To, c.Cc) {
		list = append(list, to.Address)
	}
	return list[:min(len(list), addressesRead)]
}

// findThreads looks up every conversation the copies may belong to, and locks these.
func (p *page) findThreads(ctx context.Context) error {
	var headers []store.Header
	var messages []inbox.MessageID
	var threads []string
	var ids []inbox.ConversationID
	for _, c := range p.copies {
		p.readReferences(c)
		for _, id := range c.quoted {
			headers = append(headers, store.Header{Shop: c.shop, ID: id})
		}
		if c.HeaderID != "" && c.Outbound {
			headers = append(headers, store.Header{Shop: c.shop, ID: c.HeaderID})
		}
		for _, r := range c.keyed {
			messages = append(messages, r.Message)
			ids = append(ids, r.Conversation)
		}
		if c.Thread != "" {
			threads = append(threads, c.Thread)
		}
	}
	if err := p.findMessages(ctx, headers, messages); err != nil {
		return err
	}
	remote, err := p.tx.ConversationsByThread(ctx, p.source.Connection, unique(threads))
	if err != nil {
		return err
	}
	p.threads = make(map[threadKey]inbox.ConversationID, len(remote))
	for _, c := range remote {
		p.threads[threadKey{c.Shop, c.RemoteThread}] = c.ID
		ids = append(ids, c.ID)
	}
	if p.topics, err = p.tx.NewestByTopic(ctx, p.lostTopics()); err != nil {
		return err
	}
	ids = slices.AppendSeq(ids, maps.Values(p.topics))
	for _, k := range p.messages {
		ids = append(ids, k.Conversation)
	}
	for _, list := range p.headers {
		for _, k := range list {
			ids = append(ids, k.Conversation)
		}
	}
	return p.lock(ctx, ids)
}

func (p *page) findMessages(ctx context.Context, headers []store.Header, messages []inbox.MessageID) error {
	slices.SortFunc(headers, func(a, b store.Header) int {
		if a.Shop != b.Shop {
			return int(a.Shop - b.Shop)
		}
		return strings.Compare(a.ID, b.ID)
	})
	quoted, err := p.tx.MessagesByHeader(ctx, slices.Compact(headers))
	if err != nil {
		return err
	}
	p.headers = make(map[store.Header][]store.KnownMessage, len(quoted))
	for _, k := range quoted {
		at := store.Header{Shop: k.Shop, ID: k.HeaderID}
		p.headers[at] = append(p.headers[at], k)
	}
	answered, err := p.tx.MessagesByID(ctx, unique(messages))
	if err != nil {
		return err
	}
	p.messages = make(map[inbox.MessageID]store.KnownMessage, len(answered))
	for _, k := range answered {
		p.messages[k.ID] = k
	}
	return nil
}

// lostTopics returns the subjects of copies that answer something and name nothing that is here: mail
// programs that drop the references leave no more than the subject.
func (p *page) lostTopics() []store.Topic {
	var lost []store.Topic
	for _, c := range p.copies {
		known := func(id string) bool { return len(p.headers[store.Header{Shop: c.shop, ID: id}]) > 0 }
		if c.answers && len(c.keyed) == 0 && !slices.ContainsFunc(c.quoted, known) {
			lost = append(lost, c.topic)
		}
	}
	return lost
}

// lock locks conversations, and those they were merged into.
func (p *page) lock(ctx context.Context, ids []inbox.ConversationID) error {
	p.existing = make(map[inbox.ConversationID]*inbox.Conversation, len(ids))
	for len(ids) > 0 {
		locked, err := p.tx.LockConversations(ctx, unique(ids))
		if err != nil {
			return err
		}
		ids = nil
		for i := range locked {
			c := &locked[i]
			p.existing[c.ID] = c
			if c.MergedInto != 0 && p.existing[c.MergedInto] == nil {
				ids = append(ids, c.MergedInto)
			}
		}
	}
	return nil
}

// conversationOf finds the conversation a copy joins, nil if it begins one of its own. seems is then the
// one it looks related to, if any.
func (p *page) conversationOf(c *copy) (joined *inbox.Conversation, seems inbox.Link) {
	for _, named := range p.claims(c) {
		found := p.current(named.conversation)
		if found == nil || found.Shop != c.shop {
			continue
		}
		if p.joins(c, named, found) {
			return found, inbox.Link{}
		}
		if seems.Other == 0 {
			seems = inbox.Link{Other: found.ID, Kind: inbox.Related, Reason: named.reason}
		}
	}
	return nil, seems
}

// claims are what a copy names, the strongest first.
func (p *page) claims(c *copy) []claim {
	var list []claim
	for _, r := range c.keyed {
		named := claim{conversation: r.Conversation, reason: inbox.LinkAnswers}
		if k, ok := p.messages[r.Message]; ok && k.Shop == c.shop { // it may have moved since
			named.conversation, named.contact = k.Conversation, k.Contact
		}
		list = append(list, named)
	}
	for _, id := range c.quoted {
		for _, k := range p.headers[store.Header{Shop: c.shop, ID: id}] {
			list = append(list, claim{conversation: k.Conversation, contact: k.Contact, reason: inbox.LinkReferences})
		}
	}
	if c.Thread != "" {
		list = append(list, claim{conversation: p.threads[threadKey{c.shop, c.Thread}], thread: true})
	}
	if id, ok := p.topics[c.topic]; ok && c.answers {
		list = append(list, claim{conversation: id, reason: inbox.LinkSubject})
	}
	return list
}

// current is the conversation that shows what was said in another one.
func (p *page) current(id inbox.ConversationID) *inbox.Conversation {
	found := p.existing[id]
	for found != nil && found.MergedInto != 0 {
		found = p.existing[found.MergedInto]
	}
	return found
}

// joins tells whether a copy may enter the conversation it names. See the comment of the package.
func (p *page) joins(c *copy, named claim, found *inbox.Conversation) bool {
	switch {
	case named.thread:
		return true
	case c.Unverified, named.reason == inbox.LinkSubject, found.Connection != p.source.Connection:
		return false
	case !c.Outbound && c.From.Address != "" && !strings.EqualFold(c.From.Address, c.answerTo):
		return false // a program that speaks for somebody: nobody has proved who that is
	}
	return c.contact == found.Contact || c.contact == named.contact ||
		c.answerTo != "" && strings.EqualFold(c.answerTo, found.ContactAddress)
}

// relate keeps that a conversation looks related to another one.
func (p *page) relate(link inbox.Link) {
	p.links = append(p.links, link)
	other := p.existing[link.Other]
	if other == nil || other.Version == 0 { // it begins with this page: whoever hears of it reads its links
		return
	}
	p.tx.Append(inbox.Event{Kind: inbox.ConversationLinked, Shop: other.Shop, Conversation: other.ID, From: other.Assignee, To: other.Assignee,
		Data: map[string]any{"kind": link.Kind}})
}

// siblingsLinked bounds the shops whose copies of one mail are linked.
const siblingsLinked = 10

// sibling links a conversation with those that got other shops' copies of the same mail.
func (p *page) sibling(c *copy, id inbox.ConversationID) {
	before := p.siblings[c.SourceKey]
	if slices.Contains(before, id) || len(before) >= siblingsLinked {
		return
	}
	for _, other := range before {
		p.relate(inbox.Link{Conversation: id, Other: other, Kind: inbox.Sibling})
	}
	p.siblings[c.SourceKey] = append(before, id)
}

func unique[T ~int64 | ~string](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}
