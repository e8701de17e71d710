package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/deskbell/deskbell/inbox"
)

// The cost of a password: argon2id with 19 MiB and two passes, in one thread.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	keyLength = 32
)

// How long a password may be, in characters. Any characters count.
const (
	passwordMin = 8
	passwordMax = 128
)

// Hashing takes 19 MiB and a core: two at once are worked on, some more wait, the rest is refused.
const (
	hashingAtOnce = 2
	hashingWaits  = 30
)

// passwords makes and compares hashes.
type passwords struct {
	slots   chan struct{}
	waiting atomic.Int32
	now     func() time.Time
	nobody  string // the hash of no password: compared with when there is no account
}

func newPasswords(now func() time.Time) *passwords {
	p := &passwords{slots: make(chan struct{}, hashingAtOnce), now: now}
	salt := make([]byte, 16)
	rand.Read(salt)
	p.nobody = phc{memoryKiB, passes, 1, salt, make([]byte, keyLength)}.String()
	return p
}

// checkPassword refuses a new password that is too short or too long.
func checkPassword(field, password string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return inbox.InvalidField(field, "the password is not text")
	case n < passwordMin:
		return inbox.InvalidField(field, "a password has at least %d characters", passwordMin)
	case n > passwordMax:
		return inbox.InvalidField(field, "a password has at most %d characters", passwordMax)
	}
	return nil
}

// hash returns a password as a PHC string. Limited if too many are being worked on.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	h := phc{memoryKiB, passes, 1, make([]byte, 16), nil}
	rand.Read(h.salt)
	err := p.work(ctx, func() { h.key = h.derive(password) })
	return h.String(), err
}

// matches tells whether a password is the one of a PHC string. An empty string matches nothing, at
// the same cost. Limited if too many are being worked on.
func (p *passwords) matches(ctx context.Context, stored, password string) (bool, error) {
	exists := stored != ""
	if !exists {
		stored = p.nobody
	}
	h, err := parsePHC(stored)
	if err != nil {
		return false, err
	}
	if utf8.RuneCountInString(password) > passwordMax {
		password, exists = "", false
	}
	same := false
	err = p.work(ctx, func() { same = subtle.ConstantTimeCompare(h.derive(password), h.key) == 1 })
	return same && exists, err
}

// work runs fn when it is its turn.
func (p *passwords) work(ctx context.Context, fn func()) error {
	if p.waiting.Add(1) > hashingAtOnce+hashingWaits {
		p.waiting.Add(-1)
		return &inbox.Error{Code: inbox.Limited, Msg: "too many people are signing in; try again in a moment", RetryAt: p.now().Add(2 * time.Second)}
	}
	defer p.waiting.Add(-1)
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.slots }()
	fn()
	return nil
}

// phc is a hash with what it was made of.
type phc struct {
	memory, passes uint32
	threads        uint8
	salt, key      []byte
}

// derive hashes a password. Composed and decomposed letters are the same password: keyboards differ.
func (h phc) derive(password string) []byte {
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), h.salt, h.passes, h.memory, h.threads, keyLength)
}

// String is the PHC form, $argon2id$v=19$m=…,t=…,p=…$salt$key.
func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

var errHash = errors.New("a stored password cannot be read")

// parsePHC reads what String wrote, and refuses costs that would take the server down.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errHash
	}
	var h phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil {
		return phc{}, errHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return phc{}, errHash
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return phc{}, errHash
	}
	if h.memory > 256*1024 || h.passes < 1 || h.passes > 16 || h.threads < 1 || len(h.salt) < 8 || len(h.key) != keyLength {
		return phc{}, errHash
	}
	return h, nil
}
