package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// file decides for each item, in the order of arrival, what becomes of it: which conversation each
// copy joins or begins, what that does to the conversation, and what the ledger says. Ids are
// reserved first, so that all rows can be written at once.
func (p *page) file(ctx context.Context) error {
	messages, err := p.tx.Reserve(ctx, "messages", len(p.copies)+len(p.reports))
	if err != nil {
		return err
	}
	conversations, err := p.tx.Reserve(ctx, "conversations", len(p.copies))
	if err != nil {
		return err
	}
	p.changed = map[inbox.ConversationID]bool{}
	p.siblings = map[string][]inbox.ConversationID{}
	p.outcome = make(map[string]inbox.LedgerEntry, len(p.items))
	for i, c := range p.copies {
		if known, state, why := p.recognise(c); why != nil {
			p.record(c.prepared, state, known.ID, why)
			if known.Conversation != 0 {
				p.sibling(c, known.Conversation)
			}
			continue
		}
		conversation, seems := p.conversationOf(c)
		if p.floods(c) {
			p.record(c.prepared, inbox.LedgerAutomatic, 0, &inbox.Reason{Code: inbox.ReasonFlood})
			continue
		}
		if conversation == nil {
			conversation = p.begin(c, inbox.ConversationID(conversations[i]))
		}
		if seems.Other != 0 {
			seems.Conversation = conversation.ID
			p.relate(seems)
		}
		p.join(c, conversation, inbox.MessageID(messages[i]))
		p.sibling(c, conversation.ID)
	}
	for i := range p.items {
		if item := &p.items[i]; item.Problem != nil && !p.done(item) {
			p.setAside(item)
		}
	}
	return p.fileReports(ctx, messages[len(p.copies):])
}

// recognise finds a copy that is here already: the same message under another source key, or the
// trace that a reply of ours left in the Sent folder. It returns no reason for one that is new.
func (p *page) recognise(c *copy) (known store.KnownMessage, state inbox.LedgerState, why *inbox.Reason) {
	if known, ok := p.same[copyKey{c.shop, string(c.sameness)}]; ok {
		return known, inbox.LedgerSame, whySame(p.origin[known.ID], c.Place)
	}
	if known, ok := p.returned(c); ok {
		return known, inbox.LedgerIgnored, &inbox.Reason{Code: inbox.ReasonReturned}
	}
	if c.Outbound && c.HeaderID != "" {
		for _, known := range p.headers[store.Header{Shop: c.shop, ID: c.HeaderID}] {
			if known.Direction == inbox.Out && known.Connection == p.source.Connection {
				return known, inbox.LedgerIgnored, &inbox.Reason{Code: inbox.ReasonOwnCopy}
			}
		}
	}
	return store.KnownMessage{}, "", nil
}

// whySame tells what happened at the source, that it has a message twice.
func whySame(first, again inbox.Place) *inbox.Reason {
	switch {
	case first.Folder != again.Folder:
		return &inbox.Reason{Code: inbox.ReasonMoved}
	case first.Epoch != again.Epoch:
		return &inbox.Reason{Code: inbox.ReasonRenumbered}
	}
	return &inbox.Reason{Code: inbox.ReasonCopied}
}

// begin makes a new conversation for a copy; the message itself is added by join.
func (p *page) begin(c *copy, id inbox.ConversationID) *inbox.Conversation {
	conversation := &inbox.Conversation{ID: id, Shop: c.shop, Connection: p.source.Connection, Contact: c.contact,
		Kind: inbox.KindMessage, RemoteThread: c.Thread, Subject: c.Subject, State: inbox.Open}
	switch {
	case p.history(c):
		conversation.SetState(inbox.Closed, conversation.SnoozedUntil, inbox.ClosedOld)
	case c.Automatic == inbox.AutoReply:
		conversation.SetState(inbox.Closed, conversation.SnoozedUntil, inbox.ClosedAuto)
	}
	p.fresh = append(p.fresh, conversation)
	p.existing[id] = conversation
	if c.Thread != "" {
		p.threads[threadKey{c.shop, c.Thread}] = id
	}
	p.topics[c.topic] = id
	p.tx.Append(inbox.Event{Kind: inbox.ConversationCreated, Shop: c.shop, Conversation: id})
	return conversation
}

// join adds a copy to a conversation as a message.
func (p *page) join(c *copy, conversation *inbox.Conversation, id inbox.MessageID) {
	message := inbox.Message{ID: id, Conversation: conversation.ID, Shop: c.shop, Connection: p.source.Connection, Direction: inbox.In,
		State: inbox.Received, From: c.From, To: c.To, Cc: c.Cc, Subject: c.Subject, Text: c.Text, HTML: c.HTML, HeaderID: c.HeaderID,
		References: c.References, RemoteID: c.RemoteID, RawHash: c.rawHash, Automatic: c.Automatic, Protection: c.Protection, Unverified: c.Unverified,
		Attachments: c.files, Files: len(c.files), At: c.At}
	if c.ReplyText != c.Text {
		message.ReplyText = c.ReplyText
	}
	if len(c.References) > 0 {
		message.InReplyTo = c.References[len(c.References)-1]
	}
	if c.Outbound {
		message.Direction, message.State = inbox.Out, inbox.Sent
	}
	first := conversation.Messages == 0
	p.touch(c, conversation, &message)
	p.written = append(p.written, store.Arrival{Message: message, Sameness: c.sameness, Words: c.words})
	p.same[copyKey{c.shop, string(c.sameness)}] = store.KnownMessage{ID: id, Conversation: conversation.ID, Shop: c.shop, Direction: message.Direction}
	if c.HeaderID != "" {
		at := store.Header{Shop: c.shop, ID: c.HeaderID}
		p.headers[at] = append(p.headers[at], store.KnownMessage{ID: id, Conversation: conversation.ID, Contact: conversation.Contact,
			Shop: c.shop, Connection: p.source.Connection, Direction: message.Direction, HeaderID: c.HeaderID})
	}
	p.origin[id] = c.Place
	state, why := p.became(c)
	p.record(c.prepared, state, id, why)
	p.tx.Append(inbox.Event{Kind: p.eventKind(c), Shop: c.shop, Conversation: conversation.ID, From: conversation.Assignee, To: conversation.Assignee,
		Data: map[string]any{"message": id, "first": first, "automatic": c.Automatic, "unverified": c.Unverified}})
}

func (p *page) eventKind(c *copy) inbox.EventKind {
	if c.Outbound {
		return inbox.MessageSent
	}
	return inbox.MessageReceived
}

// touch changes the conversation as its new message demands: clock, state, last words.
func (p *page) touch(c *copy, conversation *inbox.Conversation, message *inbox.Message) {
	p.changed[conversation.ID] = true
	conversation.Messages++
	conversation.HasAttachments = conversation.HasAttachments || message.Files > 0
	if !message.At.Before(conversation.LastAt) {
		conversation.LastAt = message.At
		conversation.Preview, conversation.PreviewAuthor, conversation.PreviewKind = c.preview, 0, message.Direction
	}
	if conversation.ContactAddress == "" || message.Direction == inbox.In && !c.Unverified && c.contact == conversation.Contact && !c.Automatic.Reports() {
		conversation.ContactName, conversation.ContactAddress = c.Identity.Name, c.answerTo
	}
	if message.Direction == inbox.In && !c.Automatic.Reports() {
		conversation.Unverified = c.Unverified
	}
	switch {
	case p.history(c):
	case c.Automatic != "": // an absence notice of the shop itself answers nobody either
	case c.Outbound:
		conversation.LastOutAt = message.At
		if !conversation.WaitingSince.After(message.At) {
			conversation.StopClock()
		}
	default:
		conversation.LastInID = message.ID
		p.receive(c, conversation)
	}
}

// receive is what a live message of the customer does: re-open, start the clock, assign.
func (p *page) receive(c *copy, conversation *inbox.Conversation) {
	shop := p.shops[c.shop]
	spam := conversation.ClosedReason == inbox.ClosedSpam
	before := conversation.State
	if reopened := conversation.Receive(c.At, shop.ReplyTarget()); reopened {
		conversation.Reopened = before == inbox.Closed
		p.tx.Append(inbox.Event{Kind: inbox.ConversationOpened, Shop: c.shop, Conversation: conversation.ID,
			From: conversation.Assignee, To: conversation.Assignee, Data: map[string]any{"state": inbox.Open, "from": before}})
	}
	if !spam && shop.State != inbox.ShopStopped && !slices.Contains(p.toRoute, conversation) {
		p.toRoute = append(p.toRoute, conversation)
	}
}

// became tells what a copy that is stored is in the ledger, and why, where that needs saying.
func (p *page) became(c *copy) (inbox.LedgerState, *inbox.Reason) {
	switch {
	case c.Automatic != "":
		return inbox.LedgerAutomatic, &inbox.Reason{Code: inbox.ReasonAutomatic + strings.TrimPrefix(string(c.Automatic), "auto_")}
	case c.Outbound:
		return inbox.LedgerMessage, &inbox.Reason{Code: inbox.ReasonSentElsewhere}
	case p.history(c):
		return inbox.LedgerMessage, &inbox.Reason{Code: inbox.ReasonHistory}
	}
	return inbox.LedgerMessage, nil
}

// setAside keeps the bytes of an item that could not be processed, and why.
func (p *page) setAside(item *prepared) {
	p.record(item, inbox.LedgerSetAside, 0, item.Problem)
	if !p.again {
		p.tellAside(true)
	}
}

// tellAside says that something was set aside, or is no more.
func (p *page) tellAside(is bool) {
	p.tx.Append(inbox.Event{Kind: inbox.ConnectionChanged, Shop: p.connection.Shop,
		Data: map[string]any{"connection": p.connection.ID, "state": p.connection.State, "set_aside": is}})
}

// record says what becomes of an item. Of an item that went to several shops the ledger names the
// first message it became.
func (p *page) record(item *prepared, state inbox.LedgerState, message inbox.MessageID, why *inbox.Reason) {
	before, ok := p.outcome[item.SourceKey]
	if ok && before.State != inbox.LedgerSame && before.State != inbox.LedgerIgnored {
		return
	}
	entry := p.ledger[item.SourceKey]
	place := item.Place
	if place == (inbox.Place{}) {
		place = entry.Place
	}
	p.outcome[item.SourceKey] = inbox.LedgerEntry{Connection: p.source.Connection, SourceKey: item.SourceKey, Place: place, State: state,
		Message: message, Reason: why, Sender: cut(strings.ToLower(item.From.Address), labelLimit), Subject: cut(item.Subject, labelLimit),
		HeaderID: cut(item.HeaderID, labelLimit), Size: max(entry.Size, int64(len(item.Raw))), Attempts: entry.Attempts,
		RawHash: item.rawHash, ReceivedAt: item.At, TakenAt: p.service.now()}
}

// labelLimit bounds what the ledger keeps of a message to be found by; the rest is in the message.
const labelLimit = 250
