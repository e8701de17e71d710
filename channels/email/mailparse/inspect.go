package mailparse

import "time"

// Inspection is the JSON object that "deskbell mail inspect" prints for one mail. Lists are never
// null; text is valid UTF-8.
type Inspection struct {
	From        InspectedAddress      `json:"from"`
	To          []InspectedAddress    `json:"to"`
	Cc          []InspectedAddress    `json:"cc"`
	Subject     string                `json:"subject"`
	MessageID   string                `json:"message_id"`
	InReplyTo   string                `json:"in_reply_to"`
	References  []string              `json:"references"`
	Date        string                `json:"date"` // RFC 3339 in UTC; "" if the mail has no readable date
	Text        string                `json:"text"`
	HTML        string                `json:"html"`
	ReplyText   string                `json:"reply_text"`
	Attachments []InspectedAttachment `json:"attachments"`
	AutoReply   bool                  `json:"auto_reply"`
	Automatic   string                `json:"automatic"` // the kind of automatic mail; "" for a person's
	Bounce      InspectedBounce       `json:"bounce"`
	Protection  string                `json:"protection"` // "smime_encrypted" and its like; "" if there is none
	Error       string                `json:"error"`      // "" unless nothing could be taken from the mail
}

// InspectedAddress is an address in an Inspection.
type InspectedAddress struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// InspectedAttachment is a file in an Inspection; Size is in decoded bytes.
type InspectedAttachment struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Size        int    `json:"size"`
	Inline      bool   `json:"inline"`
	ContentID   string `json:"content_id"`
}

// InspectedBounce is the Bounce of an Inspection.
type InspectedBounce struct {
	Is        bool   `json:"is"`
	Recipient string `json:"recipient"`
	Status    string `json:"status"`
	Permanent bool   `json:"permanent"`
}

// Inspect parses raw with the default Options and returns what the parser understood.
func Inspect(raw []byte) Inspection {
	m, err := Parse(raw, Options{})
	i := Inspection{
		From:        InspectedAddress(m.From),
		To:          inspectAddresses(m.To),
		Cc:          inspectAddresses(m.Cc),
		Subject:     m.Subject,
		MessageID:   m.MessageID,
		InReplyTo:   m.InReplyTo,
		References:  append([]string{}, m.References...),
		Text:        m.Text,
		HTML:        m.HTML,
		ReplyText:   m.ReplyText,
		Attachments: make([]InspectedAttachment, 0, len(m.Attachments)),
		AutoReply:   m.autoReply,
		Automatic:   string(m.Automatic),
		Protection:  string(m.Protection),
	}
	if m.Report.Bounced() {
		i.Bounce = InspectedBounce{true, m.Report.Recipient, m.Report.Status, m.Report.Permanent}
	}
	if !m.Date.IsZero() {
		i.Date = m.Date.UTC().Format(time.RFC3339)
	}
	for _, a := range m.Attachments {
		i.Attachments = append(i.Attachments, InspectedAttachment{a.Name, a.ContentType, len(a.Content), a.Inline, a.ContentID})
	}
	if err != nil {
		i.Error = err.Error()
	}
	return i
}

func inspectAddresses(list []Address) []InspectedAddress {
	out := make([]InspectedAddress, 0, len(list))
	for _, a := range list {
		out = append(out, InspectedAddress(a))
	}
	return out
}
