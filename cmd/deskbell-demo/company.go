package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deskbell/deskbell/cmd/internal/client"
)

// The made-up company. Its shops lie in three countries, and its people's shifts go round the
// clock, so that somebody is on duty whenever the demo is looked at.
const organisation = "Deskbell Demo"

type shop struct {
	name, zone, language string
	address              string
	initials             string // of its order numbers
	signature            string
	items                []string
	languages            []string // customers' languages; one that is named twice is heard twice as often
	desk                 []string // people by login name, the primary first
}

var shops = []shop{
	{name: "Lumenhaus", zone: "Europe/Berlin", language: "de", address: "hallo@lumenhaus.example", initials: "LH",
		signature: "Lumenhaus · Lampen aus Leipzig", items: []string{"Lumo 40", "Stehlampe Fjell", "Kugel 12", "Wandleuchte Nord"},
		languages: []string{"de", "de", "en", "ru"}, desk: []string{"anton", "ines", "caleb", "mei"}},
	{name: "Marlow & Finch", zone: "America/New_York", language: "en", address: "help@marlowfinch.example", initials: "MF",
		signature: "Marlow & Finch, knitters since 2011", items: []string{"Harbour cardigan", "Wren scarf", "Moss jumper", "Tidewater blanket"},
		languages: []string{"en", "en", "es", "zh"}, desk: []string{"ines", "caleb", "mei", "anton"}},
	{name: "Bottega Salina", zone: "Europe/Rome", language: "it", address: "ciao@bottegasalina.example", initials: "BS",
		signature: "Bottega Salina, ceramiche fatte a mano", items: []string{"Piatto Onda", "Brocca Salina", "Ciotola Limone", "Tazza Marea"},
		languages: []string{"it", "it", "en", "de", "zh"}, desk: []string{"mei", "anton", "ines", "caleb"}},
}

type person struct {
	login    string
	name     string
	role     string
	zone     string
	from, to string // the shift, every day; "" = none
}

func (p person) email() string { return p.login + "@deskbell-demo.example" }

// people: the first is the owner, who sets up everything.
var people = []person{
	{"greta", "Greta Lindholm", "owner", "Europe/Stockholm", "", ""},
	{"tomas", "Tomas Arden", "admin", "Europe/London", "", ""},
	{"anton", "Anton Weiss", "agent", "Europe/Berlin", "08:00", "18:00"},
	{"ines", "Inés Calder", "agent", "America/New_York", "08:00", "18:00"},
	{"caleb", "Caleb Moreno", "agent", "America/Los_Angeles", "09:00", "19:00"},
	{"mei", "Mei Tan", "agent", "Asia/Singapore", "08:00", "18:00"},
}

var tags = []struct{ name, color string }{
	{"Shipping", "blue"}, {"Return", "orange"}, {"Invoice", "teal"}, {"Damaged", "red"}, {"Praise", "green"}, {"Question", "indigo"},
	{"VIP", "purple"}, {"Wholesale", "amber"}, {"Waiting for supplier", "grey"}, {"Refund", "pink"}, {"Exchange", "orange"}, {"Address", "grey"},
}

// login is what somebody signs in with.
type login struct {
	Role     string `json:"role"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// company is what of the made-up company is kept beside its data.
type company struct {
	Logins []login           `json:"logins"`
	Boxes  map[string]string `json:"mailboxes"` // passwords by address
	Ready  bool              `json:"ready"`     // the first start came to its end
	path   string
}

// openCompany reads what an earlier start kept, or makes up passwords for a new company.
func openCompany(data string) (*company, error) {
	c := &company{Boxes: map[string]string{}, path: filepath.Join(data, "company.json")}
	text, err := os.ReadFile(c.path)
	if err == nil {
		if err := json.Unmarshal(text, c); err != nil {
			return nil, fmt.Errorf("%s: %w", c.path, err)
		}
		if !c.Ready {
			return nil, fmt.Errorf("the first start of the demo in %s was interrupted: remove this folder and start again", data)
		}
		return c, nil
	}
	if !os.IsNotExist(err) {
		return nil, err
	}
	for _, p := range people {
		c.Logins = append(c.Logins, login{p.role, p.name, p.email(), password()})
	}
	for _, s := range shops {
		c.Boxes[s.address] = password()
	}
	c.Boxes[spare] = password()
	return c, c.save()
}

func (c *company) save() error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return write(c.path, text, time.Now())
}

// spare is a mailbox that belongs to no shop, for trying out how one is connected.
const spare = "spare@deskbell-demo.example"

// password makes up something that can be typed: ten syllables, some 60 bits.
func password() string {
	const consonants, vowels = "bdfghklmnprstvwz", "aeio"
	random := make([]byte, 10)
	_, _ = rand.Read(random) // never fails
	var b strings.Builder
	for i, r := range random {
		if i == 4 || i == 7 {
			b.WriteByte('-')
		}
		b.WriteByte(consonants[r&15])
		b.WriteByte(vowels[r>>4&3])
	}
	return b.String()
}

func (c *company) login(role string) login {
	for _, l := range c.Logins {
		if l.Role == role {
			return l
		}
	}
	return login{}
}

// founder builds the company through the interface every other program uses.
type founder struct {
	company *company
	owner   *client.Client
	base    string
	users   map[string]string // ids by login name
	staff   map[string]*client.Client
	tags    map[string]string // ids by name
	boxes   []string          // ids of the connections, as shops
}

// found sets the company up with the one-time code of a new installation. What its mailboxes hold
// that came in before liveFrom is history.
func found(ctx context.Context, base, code string, c *company, liveFrom time.Time) (*founder, error) {
	f := &founder{company: c, base: base, owner: client.New(base), users: map[string]string{}, staff: map[string]*client.Client{}, tags: map[string]string{}}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return f.setUp(ctx, code) },
		f.makeTags,
		func(ctx context.Context) error { return f.open(ctx, liveFrom) },
	} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("set up the demo: %w", err)
		}
	}
	return f, nil
}

func (f *founder) setUp(ctx context.Context, code string) error {
	owner, secret := people[0], f.company.Logins[0].Password
	var me client.Me
	err := f.owner.Do(ctx, http.MethodPost, "/setup", "", map[string]any{"code": code, "organisation": organisation,
		"email": owner.email(), "name": owner.name, "password": secret, "language": "en", "zone": owner.zone}, &me)
	if err != nil {
		return err
	}
	f.users[owner.login], f.staff[owner.login] = me.ID, f.owner
	for i, p := range people[1:] {
		if err := f.invite(ctx, p, f.company.Logins[i+1].Password); err != nil {
			return err
		}
	}
	return nil
}

// invite gives somebody an account the way an owner does: by a link.
func (f *founder) invite(ctx context.Context, p person, password string) error {
	var invitation client.Invitation
	in := map[string]any{"email": p.email(), "name": p.name, "role": p.role}
	if err := f.owner.Do(ctx, http.MethodPost, "/invitations", "", in, &invitation); err != nil {
		return err
	}
	_, token, _ := strings.Cut(invitation.Link, "/invite/")
	browser := client.New(f.base)
	err := browser.Do(ctx, http.MethodPost, "/invitations/token/"+token, "",
		map[string]any{"name": p.name, "password": password, "language": "en", "zone": p.zone}, nil)
	if err != nil {
		return err
	}
	f.users[p.login], f.staff[p.login] = invitation.User.ID, browser
	if p.from == "" {
		return nil
	}
	return f.owner.Do(ctx, http.MethodPost, "/shifts", "", map[string]any{"user": invitation.User.ID, "zone": p.zone,
		"weekdays": []int{1, 2, 3, 4, 5, 6, 7}, "from": p.from, "to": p.to}, nil)
}

func (f *founder) makeTags(ctx context.Context) error {
	for _, t := range tags {
		var made client.Tag
		if err := f.owner.Do(ctx, http.MethodPost, "/tags", "", map[string]any{"name": t.name, "color": t.color}, &made); err != nil {
			return err
		}
		f.tags[t.name] = made.ID
	}
	return nil
}

// open opens the shops, says who works in them and connects their mailboxes.
func (f *founder) open(ctx context.Context, liveFrom time.Time) error {
	for _, s := range shops {
		var made client.Shop
		if err := f.owner.Do(ctx, http.MethodPost, "/shops", "", map[string]any{"name": s.name, "zone": s.zone}, &made); err != nil {
			return err
		}
		if err := f.owner.Do(ctx, http.MethodPatch, "/shops/"+made.ID, "", map[string]any{"language": s.language,
			"sender_name": s.name, "signature": s.signature}, nil); err != nil {
			return err
		}
		var desk []string
		for _, login := range s.desk {
			desk = append(desk, f.users[login])
		}
		if err := f.owner.Do(ctx, http.MethodPut, "/shops/"+made.ID+"/assignment", "", map[string]any{"primary": desk[0], "backups": desk[1:],
			"fallback": map[string]any{"kind": "queue"}, "limit": 40}, nil); err != nil {
			return err
		}
		if err := f.connect(ctx, made.ID, s.address, liveFrom); err != nil {
			return err
		}
	}
	return nil
}

func (f *founder) connect(ctx context.Context, shop, address string, liveFrom time.Time) error {
	var made client.Connection
	err := f.owner.Do(ctx, http.MethodPost, "/connections", "", map[string]any{"shop": shop, "kind": "email", "live_from": liveFrom.UTC(),
		"settings": map[string]any{"address": address, "sent_folder": "Sent",
			"imap": map[string]any{"host": provider, "port": 993, "security": "tls", "folders": folders},
			"smtp": map[string]any{"host": provider, "port": 465, "security": "tls"}},
		"secret": map[string]string{"password": f.company.Boxes[address]}}, &made)
	f.boxes = append(f.boxes, made.ID)
	return err
}

// leave signs everybody out.
func (f *founder) leave(ctx context.Context) error {
	for _, browser := range f.staff {
		if err := browser.Do(ctx, http.MethodDelete, "/session", "", nil, nil); err != nil {
			return err
		}
	}
	return nil
}
