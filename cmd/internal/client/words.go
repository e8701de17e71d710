package client

import "time"

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"` // "" at the end
}

// Me is who is signed in.
type Me struct {
	ID           string `json:"id"`
	Email        string `json:"email"`
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
}

// User is a person with an account.
type User struct {
	ID      string `json:"id"`
	Email   string `json:"email"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	OnShift bool   `json:"on_shift"`
}

// Invitation is a link by which somebody gets an account.
type Invitation struct {
	ID   string `json:"id"`
	User User   `json:"user"`
	Link string `json:"link"`
}

// Shop is a store or a brand.
type Shop struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Zone string `json:"zone"`
}

// Connection is one login of a shop.
type Connection struct {
	ID      string  `json:"id"`
	Shop    string  `json:"shop"`
	Name    string  `json:"name"`
	State   string  `json:"state"`
	Problem *Reason `json:"problem"`
}

// Reason is a sentence as data.
type Reason struct {
	Code   string         `json:"code"`
	Params map[string]any `json:"params"`
}

// Address is a mail address with its name.
type Address struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Contact is the customer of a conversation.
type Contact struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Conversation is everything said between a contact and a shop about one thing.
type Conversation struct {
	ID       string    `json:"id"`
	Shop     string    `json:"shop"`
	Subject  string    `json:"subject"`
	Contact  Contact   `json:"contact"`
	State    string    `json:"state"`
	Assignee string    `json:"assignee"` // "" = nobody
	Tags     []string  `json:"tags"`
	Messages int       `json:"messages"`
	LastAt   time.Time `json:"last_at"`
	Version  int64     `json:"version"`
}

// Message is one message of a conversation.
type Message struct {
	ID           string    `json:"id"`
	Conversation string    `json:"conversation"`
	Direction    string    `json:"direction"`
	State        string    `json:"state"`
	Problem      *Reason   `json:"problem"`
	From         Address   `json:"from"`
	Subject      string    `json:"subject"`
	Text         string    `json:"text"`
	ReplyText    string    `json:"reply_text"`
	Automatic    string    `json:"automatic"`
	At           time.Time `json:"at"`
}

// Tag is a tag.
type Tag struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Ledger is what a connection received and what became of it, counted by state.
type Ledger struct {
	Items  []LedgerEntry  `json:"items"`
	Next   string         `json:"next"`
	Counts map[string]int `json:"counts"`
}

// LedgerEntry is one thing received.
type LedgerEntry struct {
	ID        string `json:"id"`
	SourceKey string `json:"source_key"`
	State     string `json:"state"`
	Message   string `json:"message"`
	Attempts  int    `json:"attempts"`
}
