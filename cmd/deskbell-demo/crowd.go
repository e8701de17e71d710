package main

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-message/mail"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/channels/email/mailparse"
)

// crowd is the customers: they write, and they answer when they are answered. What a customer has
// said so far is told by the Message-ID of his mail, "<story>.<language>.<turn>.<number>@…", which
// comes back in the references of a reply, so nothing about them has to be kept.
type crowd struct {
	post   *post
	shops  []shop
	answer time.Duration // about how long customers take; 0 = at once
	log    *slog.Logger

	mu     sync.Mutex
	random *rand.Rand

	life   context.Context
	end    context.CancelFunc
	timers sync.WaitGroup
}

func newCrowd(p *post, shops []shop, seed uint64, answer time.Duration, log *slog.Logger) *crowd {
	c := &crowd{post: p, shops: shops, answer: answer, log: log, random: rand.New(rand.NewPCG(seed, seed))}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// listen has customers answer what the shops send.
func (c *crowd) listen() {
	c.post.mu.Lock()
	defer c.post.mu.Unlock()
	for _, s := range c.shops {
		c.post.boxes[s.address].OnSubmit(func(m emailtest.Submission) { c.heard(s, m) })
	}
}

// write lets customers write, pace mails a minute, until the crowd is stopped; none if pace is 0.
func (c *crowd) write(pace float64) {
	if pace <= 0 {
		return
	}
	c.timers.Go(func() {
		for {
			c.mu.Lock()
			wait := time.Duration((0.5 + c.random.Float64()) * 60 / pace * float64(time.Second))
			c.mu.Unlock()
			if !c.rest(wait) {
				return
			}
			if err := c.begin(time.Now()); err != nil {
				c.log.Error("a customer could not write", "error", err)
			}
		}
	})
}

// rest waits; it returns false once the crowd is stopped.
func (c *crowd) rest(d time.Duration) bool {
	select {
	case <-c.life.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (c *crowd) stop() {
	c.end()
	c.timers.Wait()
}

// begin has a customer write to one of the shops about something new.
func (c *crowd) begin(at time.Time) error {
	c.mu.Lock()
	s, l, err := c.opening(at)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.send(s, l)
}

// opening makes up the first mail of a story. mu is held.
func (c *crowd) opening(at time.Time) (shop, letter, error) {
	s := c.shops[c.random.IntN(len(c.shops))]
	language := s.languages[c.random.IntN(len(s.languages))]
	number := c.random.IntN(len(tongues[language].stories))
	told := tongues[language].stories[number]
	from := somebody(c.random, language)
	fill := c.fill(s, from)
	l := letter{From: from, To: mail.Address{Name: s.name, Address: s.address}, Subject: fill.Replace(told.subject),
		ID: c.id(number, language, 1, from), At: at, Text: fill.Replace(told.text)}
	c.dress(&l)
	if !told.picture {
		return s, l, nil
	}
	var err error
	l.Picture, err = picture(c.random)
	return s, l, err
}

// fill replaces what stands in braces.
func (c *crowd) fill(s shop, from mail.Address) *strings.Replacer {
	return strings.NewReplacer("{order}", fmt.Sprintf("%s-%05d", s.initials, 10000+c.random.IntN(80000)),
		"{item}", s.items[c.random.IntN(len(s.items))], "{name}", from.Name)
}

// dress gives one mail in three a second body in HTML, as most programs write.
func (c *crowd) dress(l *letter) {
	if c.random.IntN(3) == 0 {
		l.HTML = `<div style="font-family:Arial,sans-serif;font-size:14px">` + strings.ReplaceAll(html.EscapeString(l.Text), "\n", "<br>\n") + "</div>"
	}
}

func (c *crowd) id(story int, language string, turn int, from mail.Address) string {
	_, host, _ := strings.Cut(from.Address, "@")
	return fmt.Sprintf("%d.%s.%d.%016x@%s", story, language, turn, c.random.Uint64(), host)
}

// place is where in its story a mail stands.
type place struct {
	story    int
	language string
	turn     int
}

// placeOf reads a Message-ID of ours; ok is false for any other.
func placeOf(id string) (p place, ok bool) {
	id = strings.ReplaceAll(id, ".", " ")
	if n, _ := fmt.Sscanf(id, "%d %s %d", &p.story, &p.language, &p.turn); n != 3 {
		return place{}, false
	}
	t, known := tongues[p.language]
	return p, known && p.story >= 0 && p.story < len(t.stories)
}

// heard has the customer of a reply answer after a while. It returns at once: the mail server waits.
func (c *crowd) heard(s shop, sent emailtest.Submission) {
	m, err := mailparse.Parse(sent.Raw, mailparse.Options{})
	if err != nil || len(m.To) == 0 {
		return // not to a customer
	}
	p, ok := placeOf(m.InReplyTo)
	if !ok || p.turn >= lastTurn {
		return
	}
	c.timers.Go(func() {
		c.mu.Lock()
		away := c.random.IntN(12) == 0
		wait := time.Duration((0.5 + c.random.Float64()) * float64(c.answer))
		c.mu.Unlock()
		if !c.rest(soonest) {
			return
		}
		if away {
			c.say(s, c.reply(s, m, p, true))
		}
		if c.rest(wait - soonest) {
			c.say(s, c.reply(s, m, p, false))
		}
	})
}

// lastTurn is the customer's last mail of a story: he thanks.
const lastTurn = 3

// soonest is how fast anybody answers. Mail servers note whole seconds, so that an answer within the
// same second would seem to be older than what it answers.
const soonest = time.Second

// reply makes up what a customer answers.
func (c *crowd) reply(s shop, m *mailparse.Message, p place, away bool) letter {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := tongues[p.language]
	from := mail.Address(m.To[0])
	l := letter{From: from, To: mail.Address{Name: m.From.Name, Address: s.address}, Subject: again(t.re, m.Subject),
		References: append(m.References, m.MessageID), At: time.Now(), Automatic: away}
	text, turn := t.stories[p.story].follow, p.turn+1
	switch {
	case away:
		text, turn = t.away, p.turn
	case text == "" || p.turn > 1:
		text, turn = t.thanks[c.random.IntN(len(t.thanks))], lastTurn
	}
	l.ID = c.id(p.story, p.language, turn, from)
	l.Text = c.fill(s, from).Replace(text)
	if !away {
		intro := strings.NewReplacer("{date}", sentAt(m), "{from}", m.From.Name).Replace(t.wrote)
		l.Text += "\n\n" + intro + "\n" + quote(m.Text) + "\n"
		c.dress(&l)
	}
	return l
}

func sentAt(m *mailparse.Message) string { return m.Date.Format("2006-01-02 15:04") }

// again is the subject of an answer.
func again(re, subject string) string {
	if strings.HasPrefix(strings.ToLower(subject), strings.ToLower(re)) || strings.HasPrefix(subject, "Re: ") {
		return subject
	}
	return re + subject
}

func (c *crowd) say(s shop, l letter) {
	if err := c.send(s, l); err != nil {
		c.log.Error("a customer could not answer", "error", err)
	}
}

func (c *crowd) send(s shop, l letter) error {
	raw, err := l.write()
	if err != nil {
		return err
	}
	return c.post.deliver(s.address, "INBOX", raw, l.At)
}
