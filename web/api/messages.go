package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type message struct {
	ID           inbox.MessageID      `json:"id"`
	Conversation inbox.ConversationID `json:"conversation"`
	Direction    inbox.Direction      `json:"direction" enum:"in,out,note"`
	State        inbox.MessageState   `json:"state" enum:"received,scheduled,held,queued,sending,sent,delivered,read,failed,uncertain,withdrawn"`
	Problem      *inbox.Reason        `json:"problem"`
	Author       maybe[inbox.UserID]  `json:"author"`
	From         address              `json:"from"`
	To           []address            `json:"to"`
	Cc           []address            `json:"cc"`
	Bcc          []address            `json:"bcc"`
	Subject      string               `json:"subject"`
	Text         string               `json:"text"`
	ReplyText    string               `json:"reply_text" doc:"what the person wrote now, without quote and signature"`
	HTML         bool                 `json:"html" doc:"there is an HTML form at /messages/{id}/html"`
	Remote       bool                 `json:"remote_pictures" doc:"the HTML form shows pictures from elsewhere, if asked to"`
	At           instant              `json:"at"`
	SendAt       instant              `json:"send_at"`
	CreatedAt    instant              `json:"created_at"`
	Automatic    inbox.Automatic      `json:"automatic" enum:",auto_reply,bounce,delay,feedback,receipt,list" doc:"the kind of a message that no person wrote; empty for a person's"`
	Protection   inbox.Protection     `json:"protection" enum:",smime_signed,smime_encrypted,pgp_signed,pgp_encrypted" doc:"how it was signed or encrypted; nothing is verified or decrypted"`
	Deliveries   []messageDelivery    `json:"deliveries" doc:"what reports say of a message that was sent, by recipient"`
	Unverified   bool                 `json:"unverified" doc:"the sender may not be who he claims to be"`
	Disguised    bool                 `json:"disguised" doc:"the sender's name looks like another address than his"`
	Mentions     []inbox.UserID       `json:"mentions"`
	Attachments  []attachment         `json:"attachments"`
}

type messageDelivery struct {
	Recipient string                 `json:"recipient" doc:"empty if the report does not tell"`
	Outcome   inbox.Outcome          `json:"outcome" enum:"failed,delayed,delivered,read,complained"`
	Status    string                 `json:"status" doc:"RFC 3463, such as 5.1.1; empty if nobody told"`
	Permanent bool                   `json:"permanent" doc:"trying again is useless"`
	Reason    *inbox.Reason          `json:"reason" doc:"why it failed or is delayed"`
	Report    maybe[inbox.MessageID] `json:"report" doc:"the message that says so"`
	At        instant                `json:"at"`
}

type attachment struct {
	ID          inbox.AttachmentID `json:"id"`
	Name        string             `json:"name"`
	ContentType string             `json:"content_type"`
	Size        int64              `json:"size"`
	Inline      bool               `json:"inline"`
	ContentID   string             `json:"content_id"`
}

func showMessage(m inbox.Message) message {
	reply := m.ReplyText
	if reply == "" {
		reply = m.Text
	}
	return message{ID: m.ID, Conversation: m.Conversation, Direction: m.Direction, State: m.State, Problem: m.Problem, Author: some(m.Author),
		From: address(m.From), To: showAddresses(m.To), Cc: showAddresses(m.Cc), Bcc: showAddresses(m.Bcc), Subject: m.Subject, Text: m.Text,
		ReplyText: reply, HTML: m.HTML != "", Remote: showsRemote(m.HTML), At: at(m.At), SendAt: at(m.SendAt), CreatedAt: at(m.CreatedAt), Automatic: m.Automatic, Protection: m.Protection,
		Deliveries: showDeliveries(m.Deliveries),
		Unverified: m.Unverified, Disguised: m.Direction == inbox.In && m.From.Disguised(), Mentions: notNil(m.Mentions), Attachments: showAttachments(m.Attachments)}
}

func showDeliveries(list []inbox.Delivery) []messageDelivery {
	shown := make([]messageDelivery, len(list))
	for i, d := range list {
		shown[i] = messageDelivery{d.Recipient, d.Outcome, d.Status, d.Permanent, nil, some(d.Report), at(d.At)}
		if d.Outcome == inbox.OutcomeFailed || d.Outcome == inbox.OutcomeDelayed {
			shown[i].Reason = d.Reason()
		}
	}
	return shown
}

func showAttachments(list []inbox.Attachment) []attachment {
	shown := make([]attachment, len(list))
	for i, a := range list {
		shown[i] = showAttachment(a)
	}
	return shown
}

func showAttachment(a inbox.Attachment) attachment {
	return attachment{a.ID, a.Name, a.ContentType, a.Size, a.Inline, a.ContentID}
}

func (a *API) messages() {
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/conversations/{id}/messages",
		Summary: "Read the messages of a conversation, newest first."}, a.listMessages)
	register(a, rbac.ConversationReply, keyed(huma.Operation{Method: http.MethodPost, Path: "/conversations/{id}/replies", DefaultStatus: http.StatusAccepted,
		Summary: "Queue a reply. It leaves when the time to undo it has passed."}), a.postReply)
	register(a, rbac.ConversationNote, keyed(huma.Operation{Method: http.MethodPost, Path: "/conversations/{id}/notes", DefaultStatus: http.StatusCreated,
		Summary: "Add a note, which customers never see."}), a.postNote)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/conversations/{id}/draft", Summary: "Read the caller's draft."}, a.getDraft)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/draft", Summary: "Keep the caller's draft."}, a.putDraft)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodDelete, Path: "/conversations/{id}/draft", Summary: "Discard the caller's draft.",
		DefaultStatus: http.StatusNoContent}, a.deleteDraft)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodPut, Path: "/conversations/{id}/read",
		Summary: "Mark as read or unread by the caller.", DefaultStatus: http.StatusNoContent}, a.putRead)
	register(a, rbac.ConversationReply, huma.Operation{Method: http.MethodPost, Path: "/messages/{id}/undo",
		Summary: "Take back a reply that has not left; the draft comes back."}, a.postUndo)
	register(a, rbac.ConversationReply, huma.Operation{Method: http.MethodPost, Path: "/messages/{id}/retry", DefaultStatus: http.StatusAccepted,
		Summary: "Send a failed, held or uncertain reply again, or say that it arrived."}, a.postRetry)
}

// keyed documents the Idempotency-Key of what the outbox keeps unique for ever.
func keyed(operation huma.Operation) huma.Operation {
	operation.Description = "The Idempotency-Key is unique for ever among the caller's replies and notes."
	return operation
}

func (a *API) listMessages(ctx context.Context, in *struct {
	ConversationPath
	Paging
}) (*body[page[message]], error) {
	id, err := a.Store.CurrentConversation(ctx, a.scope(ctx), in.ID.ID)
	if err != nil {
		return nil, err
	}
	var before store.Place
	if err := readCursor(in.Cursor, &before); err != nil {
		return nil, err
	}
	found, err := a.Store.Messages(ctx, id, store.Position{At: time.UnixMicro(before.Key), ID: before.ID}, in.Limit+1)
	position := func(m inbox.Message) any { return store.Place{Key: m.At.UnixMicro(), ID: int64(m.ID)} }
	return reply(list(found, in.Limit, position, showMessage), err)
}

type writtenReply struct {
	Text        string                 `json:"text" required:"false"`
	HTML        string                 `json:"html,omitempty"`
	Attachments []inbox.AttachmentID   `json:"attachments,omitempty" maxItems:"100"`
	Cc          []address              `json:"cc,omitempty"`
	Bcc         []address              `json:"bcc,omitempty"`
	SendAt      instant                `json:"send_at" required:"false"`
	Then        string                 `json:"then,omitempty" enum:"close,pending,stay" doc:"what becomes of the conversation; stay if left out"`
	Seen        maybe[inbox.MessageID] `json:"seen" required:"false" doc:"newest message the author has seen: 409 if there is a newer one"`
	Anyway      bool                   `json:"anyway,omitempty" doc:"also if somebody wrote since"`
}

// thenStates are the states a reply may leave a conversation in.
var thenStates = map[string]inbox.ConversationState{"close": inbox.Closed, "pending": inbox.Pending}

func (a *API) postReply(ctx context.Context, in *struct {
	ConversationPath
	Key  string `header:"Idempotency-Key" maxLength:"128"`
	Body writtenReply
}) (*created[message], error) {
	b := in.Body
	m, err := a.acts.Reply(ctx, a.actor(ctx), outbox.QueueRequest{Conversation: in.ID.ID, Key: in.Key, Text: b.Text, HTML: b.HTML, Attachments: b.Attachments,
		Cc: addresses(b.Cc), Bcc: addresses(b.Bcc), SendAt: b.SendAt.Time, Then: thenStates[b.Then], Seen: b.Seen.id(), Anyway: b.Anyway})
	return createdMessage(m, err)
}

func (a *API) postNote(ctx context.Context, in *struct {
	ConversationPath
	Key  string `header:"Idempotency-Key" maxLength:"128"`
	Body struct {
		Text     string         `json:"text" minLength:"1"`
		Mentions []inbox.UserID `json:"mentions,omitempty" maxItems:"50"`
	}
}) (*created[message], error) {
	m, err := a.acts.Note(ctx, a.actor(ctx), outbox.NoteRequest{Conversation: in.ID.ID, Key: in.Key, Text: in.Body.Text, Mentions: in.Body.Mentions})
	return createdMessage(m, err)
}

func createdMessage(m inbox.Message, err error) (*created[message], error) {
	if err != nil {
		return nil, err
	}
	return &created[message]{Prefix + "/conversations/" + m.Conversation.String() + "/messages", showMessage(m)}, nil
}

// MessagePath names one message in a path.
type MessagePath struct {
	ID ref[inbox.MessageID] `path:"id"`
}

func (a *API) postUndo(ctx context.Context, in *MessagePath) (*body[message], error) {
	m, err := a.acts.Undo(ctx, a.actor(ctx), in.ID.ID)
	return reply(showMessage(m), err)
}

func (a *API) postRetry(ctx context.Context, in *struct {
	MessagePath
	Body *struct {
		Arrived bool `json:"arrived,omitempty" doc:"it arrived: do not send it again"`
	}
}) (*body[message], error) {
	m, err := a.acts.Retry(ctx, a.actor(ctx), in.ID.ID, in.Body != nil && in.Body.Arrived)
	return reply(showMessage(m), err)
}

type draft struct {
	Kind        inbox.DraftKind `json:"kind" enum:"reply,note"`
	Text        string          `json:"text"`
	HTML        string          `json:"html"`
	Cc          []address       `json:"cc"`
	Bcc         []address       `json:"bcc"`
	Attachments []attachment    `json:"attachments"`
	UpdatedAt   instant         `json:"updated_at"`
}

// DraftPath names one draft of the caller.
type DraftPath struct {
	ConversationPath
	Kind string `query:"kind" enum:"reply,note" default:"reply"`
}

func (a *API) getDraft(ctx context.Context, in *DraftPath) (*body[draft], error) {
	if err := a.acts.sees(ctx, a.actor(ctx), in.ID.ID); err != nil {
		return nil, err
	}
	d, err := a.Store.Draft(ctx, a.actor(ctx).User, in.ID.ID, inbox.DraftKind(in.Kind))
	return reply(showDraft(d), err)
}

func showDraft(d inbox.Draft) draft {
	return draft{d.Kind, d.Text, d.HTML, showAddresses(d.Cc), showAddresses(d.Bcc), showAttachments(d.Attachments), at(d.UpdatedAt)}
}

type attachmentRef struct {
	_  struct{}           `additionalProperties:"true"`
	ID inbox.AttachmentID `json:"id"`
}

func (a *API) putDraft(ctx context.Context, in *struct {
	DraftPath
	Body struct {
		_           struct{}        `additionalProperties:"true"`
		Text        string          `json:"text" required:"false" maxLength:"1000000"`
		HTML        string          `json:"html,omitempty" maxLength:"1000000"`
		Cc          []address       `json:"cc,omitempty" maxItems:"100"`
		Bcc         []address       `json:"bcc,omitempty" maxItems:"100"`
		Attachments []attachmentRef `json:"attachments,omitempty" maxItems:"100"`
	}
}) (*body[draft], error) {
	d := inbox.Draft{Conversation: in.ID.ID, User: a.actor(ctx).User, Kind: inbox.DraftKind(in.Kind), Text: in.Body.Text, HTML: in.Body.HTML,
		Cc: addresses(in.Body.Cc), Bcc: addresses(in.Body.Bcc)}
	ids := make([]inbox.AttachmentID, len(in.Body.Attachments))
	for i, file := range in.Body.Attachments {
		ids[i] = file.ID
	}
	d, err := a.acts.SaveDraft(ctx, a.actor(ctx), d, ids)
	return reply(showDraft(d), err)
}

func (a *API) deleteDraft(ctx context.Context, in *DraftPath) (*nothing, error) {
	return nil, a.acts.DiscardDraft(ctx, a.actor(ctx), in.ID.ID, inbox.DraftKind(in.Kind))
}

func (a *API) putRead(ctx context.Context, in *struct {
	ConversationPath
	Body struct {
		Read bool `json:"read"`
	}
}) (*nothing, error) {
	return nil, a.acts.Read(ctx, a.actor(ctx), in.ID.ID, in.Body.Read)
}
