// Package seal keeps secrets at rest: tokens, mailbox passwords, webhook secrets. Each is encrypted
// and bound to the row, field and shop it belongs to, so that a copy of the database is worth nothing
// without the key file and a sealed value moved to another row does not open.
//
// The cipher is XChaCha20-Poly1305 with a random nonce: it authenticates the binding along with the
// secret, which a format for files, such as age, cannot do by itself.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrSealed says that a sealed value does not open: it was changed, belongs to another row or shop,
// or was sealed by a key that is not in the ring.
var ErrSealed = errors.New("the sealed value does not open here")

// Binding says where a sealed value belongs; it opens only there.
type Binding struct {
	Table string // such as "connections"
	Field string // such as "secret"
	Row   int64
	Shop  int64 // 0 if the row belongs to no shop
}

// bytes writes b so that no two bindings look alike: texts with their length in front.
func (b Binding) bytes() []byte {
	var out []byte
	for _, text := range []string{b.Table, b.Field} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
		out = append(out, text...)
	}
	out = binary.BigEndian.AppendUint64(out, uint64(b.Row))
	return binary.BigEndian.AppendUint64(out, uint64(b.Shop))
}

// Ring holds the keys of an installation. The newest seals, all open. Safe for concurrent use.
type Ring struct {
	keys []key // oldest first, at least one
}

type key struct {
	secret      [keySize]byte
	fingerprint string
	aead        cipher.AEAD
}

const (
	keySize = chacha20poly1305.KeySize
	// A sealed value is version, id of the key, nonce, ciphertext. The id only saves trying every key.
	version   = 1
	idSize    = 4
	nonceSize = chacha20poly1305.NonceSizeX
	headSize  = 1 + idSize + nonceSize
)

func newKey(secret [keySize]byte) (key, error) {
	sealing, err := derive(secret, "seal")
	if err != nil {
		return key{}, err
	}
	aead, err := chacha20poly1305.NewX(sealing)
	if err != nil {
		return key{}, err
	}
	print, err := derive(secret, "fingerprint")
	if err != nil {
		return key{}, err
	}
	return key{secret: secret, fingerprint: hex.EncodeToString(print[:16]), aead: aead}, nil
}

func derive(secret [keySize]byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, secret[:], nil, "deskbell/"+purpose, keySize)
}

func (k key) id() []byte {
	id, _ := hex.DecodeString(k.fingerprint[:2*idSize]) // written by newKey
	return id
}

func (r *Ring) newest() key { return r.keys[len(r.keys)-1] }

// Seal encrypts secret for the place b names. The same secret looks different each time.
func (r *Ring) Seal(secret []byte, b Binding) []byte {
	k := r.newest()
	head := append(make([]byte, 0, headSize+len(secret)+k.aead.Overhead()), version)
	head = append(head, k.id()...)
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails: the program ends instead
	head = append(head, nonce...)
	return k.aead.Seal(head, nonce, secret, b.bytes())
}

// Open returns the secret sealed for the place b names, or ErrSealed.
func (r *Ring) Open(sealed []byte, b Binding) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != version {
		return nil, ErrSealed
	}
	id, nonce, text := sealed[1:1+idSize], sealed[1+idSize:headSize], sealed[headSize:]
	for _, k := range slices.Backward(r.keys) {
		if !slices.Equal(k.id(), id) {
			continue
		}
		if secret, err := k.aead.Open(nil, nonce, text, b.bytes()); err == nil {
			return secret, nil
		}
	}
	return nil, ErrSealed
}

// Reseal returns sealed as the newest key seals it, and whether that is a change. It is what re-keying
// calls for every sealed value, each in the transaction that replaces it.
func (r *Ring) Reseal(sealed []byte, b Binding) (fresh []byte, changed bool, err error) {
	secret, err := r.Open(sealed, b)
	if err != nil {
		return nil, false, err
	}
	if slices.Equal(sealed[1:1+idSize], r.newest().id()) {
		return sealed, false, nil
	}
	return r.Seal(secret, b), true, nil
}

// Fingerprint names the newest key without telling anything about it. The database keeps it beside
// the values sealed by it.
func (r *Ring) Fingerprint() string { return r.newest().fingerprint }

// Has tells whether the key with this fingerprint is in the ring, newest or not.
func (r *Ring) Has(fingerprint string) bool {
	return slices.ContainsFunc(r.keys, func(k key) bool { return k.fingerprint == fingerprint })
}

// Derive returns one 32-byte key for another purpose from each key of the ring, newest first: to
// sign with the first and to check with all. Different purposes give unrelated keys. For references
// in mails, cursors and the like, never for sealing.
func (r *Ring) Derive(purpose string) ([][]byte, error) {
	var keys [][]byte
	for _, k := range slices.Backward(r.keys) {
		derived, err := derive(k.secret, "for/"+purpose)
		if err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
		keys = append(keys, derived)
	}
	return keys, nil
}

// String keeps the keys out of logs and messages, whichever way a ring gets there.
func (r *Ring) String() string { return "sealing key " + r.Fingerprint() }

// GoString is String.
func (r *Ring) GoString() string { return r.String() }
