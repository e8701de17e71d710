package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"

	"github.com/deskbell/deskbell/cmd/internal/client"
)

// How much there is to see when the demo is opened for the first time.
const (
	oldStories = 28             // answered and closed before the company came to Deskbell
	newStories = 36             // of the last hours
	recent     = 20 * time.Hour // how long these hours are
	oldest     = 14 * 24 * time.Hour
)

// past fills the mailboxes before the product sees them.
func (c *crowd) past(now time.Time) error {
	for i := range oldStories {
		age := recent + 2*time.Hour + (oldest-recent)*time.Duration(i)/oldStories
		if err := c.old(now.Add(-age)); err != nil {
			return err
		}
	}
	for i := range newStories {
		if err := c.begin(now.Add(-recent * time.Duration(newStories-i) / (newStories + 1))); err != nil {
			return err
		}
	}
	return nil
}

// old is a story from its begin to its end: the shop's answers lie in the Sent folder.
func (c *crowd) old(at time.Time) error {
	c.mu.Lock()
	s, first, err := c.opening(at)
	p, _ := placeOf(first.ID)
	t := tongues[p.language]
	answer := letter{From: mail.Address{Name: s.name, Address: s.address}, To: first.From, Subject: again("Re: ", first.Subject),
		ID: fmt.Sprintf("%016x@%s", c.random.Uint64(), s.address), References: []string{first.ID}, At: at.Add(40 * time.Minute),
		Text: c.fill(s, first.From).Replace(answers[p.language])}
	thanks := letter{From: first.From, To: first.To, Subject: again(t.re, first.Subject), ID: c.id(p.story, p.language, lastTurn, first.From),
		References: []string{first.ID, answer.ID}, At: at.Add(65 * time.Minute),
		Text: c.fill(s, first.From).Replace(t.thanks[c.random.IntN(len(t.thanks))])}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	for _, step := range []struct {
		folder string
		letter
	}{{"INBOX", first}, {"Sent", answer}, {"INBOX", thanks}} {
		raw, err := step.write()
		if err != nil {
			return err
		}
		if err := c.post.deliver(s.address, step.folder, raw, step.At); err != nil {
			return err
		}
	}
	return nil
}

// answers are what a shop says in each language.
var answers = map[string]string{
	"en": "Dear {name},\n\nthank you for writing. We have looked into it and taken care of it; you should hear from the carrier tomorrow.\n\nKind regards",
	"de": "Guten Tag {name},\n\nvielen Dank für Ihre Nachricht. Wir haben nachgesehen und uns darum gekümmert, morgen hören Sie vom Paketdienst.\n\nFreundliche Grüße",
	"it": "Gentile {name},\n\ngrazie del messaggio. Abbiamo controllato e sistemato tutto: domani riceverà notizie dal corriere.\n\nCordiali saluti",
	"ru": "{name}, здравствуйте!\n\nСпасибо за письмо. Мы всё проверили и исправили, завтра с вами свяжется служба доставки.\n\nС уважением",
	"zh": "{name}，您好：\n\n感谢来信。我们已经核实并处理，明天快递公司会与您联系。\n\n祝好",
	"es": "Hola, {name}:\n\nGracias por escribirnos. Ya lo hemos revisado y solucionado; mañana tendrá noticias del transportista.\n\nUn saludo",
}

// arrived waits until everything that lies in the mailboxes has been taken in.
func (f *founder) arrived(ctx context.Context, want map[string]int) error {
	for i, id := range f.boxes {
		for {
			var ledger client.Ledger
			if err := f.owner.Get(ctx, "/connections/"+id+"/ledger?limit=1", &ledger); err != nil {
				return err
			}
			if ledger.Counts["message"] >= want[shops[i].address] {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("the mails of %s did not arrive: %v: %w", shops[i].address, ledger.Counts, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// agents are the people who answer.
var agents = []string{"anton", "ines", "caleb", "mei"}

// work lets the company's people do what they would have done in the last hours: tag, answer, close,
// ask each other and put aside.
func (f *founder) work(ctx context.Context, random *rand.Rand) error {
	list, err := client.List[client.Conversation](ctx, f.owner, "/conversations?view=all&sort=oldest")
	if err != nil {
		return err
	}
	for _, login := range agents {
		if err := f.undo(ctx, login, 0); err != nil {
			return err
		}
	}
	for i, c := range list {
		if err := f.handle(ctx, random, i, c); err != nil {
			return fmt.Errorf("conversation %s: %w", c.ID, err)
		}
	}
	for _, login := range agents {
		if err := f.undo(ctx, login, nil); err != nil {
			return err
		}
	}
	return nil
}

// undo sets how long a person's replies wait; nil is the company's own time.
func (f *founder) undo(ctx context.Context, login string, seconds any) error {
	return f.staff[login].Do(ctx, http.MethodPatch, "/me", "", map[string]any{"settings": map[string]any{"undo_seconds": seconds}}, nil)
}

// handle treats conversation number i, oldest first.
func (f *founder) handle(ctx context.Context, random *rand.Rand, i int, c client.Conversation) error {
	login := agents[random.IntN(len(agents))]
	by, path := f.staff[login], "/conversations/"+c.ID
	if i%3 != 2 {
		if err := by.Do(ctx, http.MethodPut, path+"/tags/"+f.suits(random, c.Subject), "", nil, nil); err != nil {
			return err
		}
	}
	if i%4 == 1 {
		if err := by.Do(ctx, http.MethodPut, path+"/assignee", "", map[string]any{"user": f.users[login]}, nil); err != nil {
			return err
		}
	}
	switch i {
	case 2, 5, 9, 14, 20:
		return by.Do(ctx, http.MethodPost, path+"/replies", "demo-"+c.ID, map[string]any{"text": words(c), "then": "pending"}, nil)
	case 3, 7, 12:
		return by.Do(ctx, http.MethodPost, path+"/replies", "demo-"+c.ID, map[string]any{"text": words(c), "then": "close"}, nil)
	case 4:
		return by.Do(ctx, http.MethodPost, path+"/notes", "demo-note-"+c.ID, map[string]any{
			"text": "The carrier says it is at the depot. Tomas, may I promise a replacement?", "mentions": []string{f.users["tomas"]}}, nil)
	case 11:
		return by.Do(ctx, http.MethodPost, path+"/notes", "demo-note-"+c.ID, map[string]any{
			"text": "Same crack as last week. Let us tell the workshop."}, nil)
	case 6, 16:
		return by.Do(ctx, http.MethodPut, path+"/snooze", "", map[string]any{"until": time.Now().Add(26 * time.Hour).UTC()}, nil)
	case 8:
		return by.Do(ctx, http.MethodPut, path+"/state", "", map[string]any{"state": "closed", "reason": "done"}, nil)
	}
	return nil
}

// subjects are words by which a subject tells its tag.
var subjects = []struct{ tag, words string }{
	{"Invoice", "invoice rechnung fattura 发票 factura счёт"},
	{"Return", "return rückgabe reso возврат 退货"},
	{"Damaged", "broken beschädigt rotto трещ roto 损坏"},
	{"Exchange", "size größe taglia размер 尺码"},
	{"Praise", "thank lob complimenti спасибо 满意 gracias"},
	{"Address", "address"},
	{"Shipping", "where bestellung ordine заказ 订单 pedido"},
}

// suits chooses the tag of a subject; another by chance if none of its words is known.
func (f *founder) suits(random *rand.Rand, subject string) string {
	subject = strings.ToLower(subject)
	for _, s := range subjects {
		for word := range strings.FieldsSeq(s.words) {
			if strings.Contains(subject, word) {
				return f.tags[s.tag]
			}
		}
	}
	return f.tags[tags[random.IntN(len(tags))].name]
}

// words answer a customer in his language.
func words(c client.Conversation) string {
	return strings.ReplaceAll(answers[languageOf(c.Contact.Name)], "{name}", c.Contact.Name)
}
