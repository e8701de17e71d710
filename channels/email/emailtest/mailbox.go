package emailtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Mailbox is one account: its folders, and what was submitted with its login.
type Mailbox struct {
	Address  string
	password string
	user     *imapmemserver.User

	mu        sync.Mutex
	folders   map[string][]Stored
	submitted []Submission
	onSubmit  func(Submission)
	changed   chan struct{} // closed and replaced when a mail comes into any folder
}

// Stored is a mail in a folder.
type Stored struct {
	UID uint32
	Raw []byte
	At  time.Time
}

// Submission is a mail handed in for sending.
type Submission struct {
	From string // of the envelope
	To   []string
	Raw  []byte
	At   time.Time
}

func newMailbox(address, password string) *Mailbox {
	box := &Mailbox{
		Address:  address,
		password: password,
		user:     imapmemserver.NewUser(address, password),
		folders:  map[string][]Stored{},
		changed:  make(chan struct{}),
	}
	for _, folder := range []string{"INBOX", "Sent"} {
		box.CreateFolder(folder)
	}
	return box
}

// CreateFolder adds an empty folder. It panics if there is one of that name: that is a mistake in
// the caller.
func (m *Mailbox) CreateFolder(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	must(m.user.Create(name, nil))
	m.folders[name] = nil
}

// DeleteFolder removes a folder with everything in it.
func (m *Mailbox) DeleteFolder(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	must(m.user.Delete(name))
	delete(m.folders, name)
}

// Renumber gives a folder a new UIDVALIDITY and its mails new UIDs, in the same order.
func (m *Mailbox) Renumber(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	must(m.user.Delete(name))
	must(m.user.Create(name, nil))
	mails := m.folders[name]
	m.folders[name] = nil
	for _, mail := range mails {
		m.keep(name, mail.Raw, &imap.AppendOptions{Time: mail.At})
	}
}

// Deliver puts a mail into INBOX as received at that time (whole seconds) and returns its UID.
func (m *Mailbox) Deliver(raw []byte, at time.Time) uint32 { return m.DeliverTo("INBOX", raw, at) }

// DeliverTo puts a mail into a folder.
func (m *Mailbox) DeliverTo(folder string, raw []byte, at time.Time) uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keep(folder, raw, &imap.AppendOptions{Time: at})
}

func (m *Mailbox) keep(folder string, raw []byte, o *imap.AppendOptions) uint32 {
	data, err := m.user.Append(folder, literal{bytes.NewReader(raw)}, o)
	must(err)
	m.arrived(folder, Stored{UID: uint32(data.UID), Raw: raw, At: o.Time})
	return uint32(data.UID)
}

// arrived keeps our own copy of a mail and tells those who idle.
func (m *Mailbox) arrived(folder string, mail Stored) {
	m.folders[folder] = append(m.folders[folder], mail)
	close(m.changed)
	m.changed = make(chan struct{})
}

// changes is closed at the next change.
func (m *Mailbox) changes() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// Folder returns the mails of a folder, oldest first.
func (m *Mailbox) Folder(name string) []Stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.folders[name])
}

// Untouched tells whether nobody has marked or deleted a mail of the folder.
func (m *Mailbox) Untouched(name string) bool {
	status, err := m.user.Status(name, &imap.StatusOptions{NumMessages: true, NumUnseen: true, NumDeleted: true})
	must(err)
	n := uint32(len(m.Folder(name)))
	return *status.NumMessages == n && *status.NumUnseen == n && *status.NumDeleted == 0
}

// Submitted returns what was handed in with this account's login, oldest first.
func (m *Mailbox) Submitted() []Submission {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.submitted)
}

// OnSubmit has f called after each submission, from the goroutine of its connection.
func (m *Mailbox) OnSubmit(f func(Submission)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onSubmit = f
}

func (m *Mailbox) submit(s Submission) {
	m.mu.Lock()
	m.submitted = append(m.submitted, s)
	f := m.onSubmit
	m.mu.Unlock()
	if f != nil {
		f(s)
	}
}

// note keeps what a client appended, so that Folder shows it.
func (m *Mailbox) note(folder string, raw []byte, o *imap.AppendOptions) (*imap.AppendData, error) {
	if strings.EqualFold(folder, "INBOX") {
		folder = "INBOX"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := m.user.Append(folder, literal{bytes.NewReader(raw)}, o)
	if err == nil {
		m.arrived(folder, Stored{UID: uint32(data.UID), Raw: raw, At: o.Time})
	}
	return data, err
}

// literal is a message as the IMAP library takes it.
type literal struct{ *bytes.Reader }

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("emailtest: %v", err))
	}
}
