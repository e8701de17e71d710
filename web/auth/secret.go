package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// newSecret is 32 random bytes as text: what a cookie or a link holds.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenPrefix lets scanners of published code recognise a token that leaked.
const tokenPrefix = "deskbell_"

// hashOf is how a secret is stored. It is random and long, so a fast hash is enough.
func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// newCode is 80 random bits in a form that can be typed: ABCD-EFGH-IJKL-MNOP.
func newCode() string {
	b := make([]byte, 10)
	rand.Read(b)
	text := base32.StdEncoding.EncodeToString(b)
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
}

// plainCode undoes what people do to a code: spaces, dashes and small letters do not matter.
func plainCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(strings.TrimSpace(code)))
}
