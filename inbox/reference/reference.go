// Package reference makes and reads the references by which a customer's answer finds its
// conversation. A reference stands in the Message-ID of each reply and, where the mailbox takes
// subaddresses, in the address it asks answers to be sent to. It names shop, conversation and message
// under a MAC, so nobody who has not received the reply can compute it, and it is worth nothing in
// another shop. The numbers in it are veiled: customers cannot count what a shop sends.
package reference

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"

	"github.com/deskbell/deskbell/inbox"
)

// Purpose is what the keys of references are derived for from the sealing keys.
const Purpose = "reply reference"

// Length of a reference in characters: ten bytes of MAC and five of each number, in base32.
const Length = 32

const (
	macSize  = 10 // 80 bits, which can only be guessed by sending mails
	idSize   = 5
	bodySize = 2 * idSize
	// localLimit is the longest local part of an address (RFC 5321, section 4.5.3.1.1).
	localLimit = 64
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Reference is what a reply carries. Numbers from 2^40 on do not survive the way and are not read.
type Reference struct {
	Shop         inbox.ShopID
	Conversation inbox.ConversationID
	Message      inbox.MessageID
}

// Keys make references with the newest key and read those of all. Safe for concurrent use.
type Keys struct{ keys [][]byte }

// New takes the keys, newest first. Without any, one is drawn that nobody else has.
func New(keys ...[]byte) *Keys {
	if len(keys) == 0 {
		drawn := make([]byte, sha256.Size)
		_, _ = rand.Read(drawn) // never fails: the program ends instead
		keys = [][]byte{drawn}
	}
	return &Keys{keys}
}

// Make returns the text of a reference: Length lower-case letters and digits.
func (k *Keys) Make(r Reference) string {
	out := mac(k.keys[0], r)
	body := pad(k.keys[0], out)
	veil(body, numbers(r))
	return encoding.EncodeToString(append(out, body...))
}

// Read returns what a text refers to in a shop; false if it is no reference, or not of this shop. Mail
// programs may have changed the case of its letters.
func (k *Keys) Read(shop inbox.ShopID, text string) (Reference, bool) {
	if len(text) != Length {
		return Reference{}, false
	}
	raw, err := encoding.DecodeString(strings.ToLower(text))
	if err != nil || len(raw) != macSize+bodySize {
		return Reference{}, false
	}
	for _, key := range k.keys {
		body := pad(key, raw[:macSize])
		veil(body, raw[macSize:])
		r := Reference{shop, inbox.ConversationID(number(body[:idSize])), inbox.MessageID(number(body[idSize:]))}
		if hmac.Equal(mac(key, r), raw[:macSize]) {
			return r, true
		}
	}
	return Reference{}, false
}

// MessageID is the reference as a Message-ID without <>, in the domain of the address it is sent from.
func (k *Keys) MessageID(r Reference, from string) string {
	_, domain, found := strings.Cut(from, "@")
	if !found || domain == "" {
		domain = "deskbell.invalid"
	}
	return k.Make(r) + "@" + domain
}

// OfMessageID returns the part of a Message-ID that may be a reference. The domain does not count.
func OfMessageID(id string) string {
	text, _, _ := strings.Cut(id, "@")
	return text
}

// OfAddress returns the part of a mail address that may be a reference: what stands behind the plus.
func OfAddress(address string) string {
	local, _, _ := strings.Cut(address, "@")
	_, text, _ := strings.Cut(local, "+")
	return text
}

// Subaddress returns address with the reference of a Message-ID behind a plus, so that an answer finds
// its conversation even through a mail program that drops References. "" if it would be too long.
func Subaddress(address, messageID string) string {
	text := OfMessageID(messageID)
	local, domain, found := strings.Cut(address, "@")
	if !found || len(text) != Length || len(local)+1+Length > localLimit {
		return ""
	}
	return local + "+" + text + "@" + domain
}

func mac(key []byte, r Reference) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("is"))
	var ids [24]byte
	binary.BigEndian.PutUint64(ids[0:], uint64(r.Shop))
	binary.BigEndian.PutUint64(ids[8:], uint64(r.Conversation))
	binary.BigEndian.PutUint64(ids[16:], uint64(r.Message))
	h.Write(ids[:])
	return h.Sum(nil)[:macSize:macSize]
}

// pad returns the bytes that veil the numbers of the reference with a MAC.
func pad(key, mac []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("veil"))
	h.Write(mac)
	return h.Sum(nil)[:bodySize:bodySize]
}

func veil(pad, text []byte) {
	for i := range pad {
		pad[i] ^= text[i]
	}
}

func numbers(r Reference) []byte {
	var out [16]byte
	binary.BigEndian.PutUint64(out[0:], uint64(r.Conversation))
	binary.BigEndian.PutUint64(out[8:], uint64(r.Message))
	return append(append([]byte{}, out[8-idSize:8]...), out[16-idSize:16]...)
}

func number(b []byte) int64 {
	var n int64
	for _, digit := range b {
		n = n<<8 | int64(digit)
	}
	return n
}
