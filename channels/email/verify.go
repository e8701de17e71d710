package email

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/publicsuffix"
)

// The ways to tell whether a sender is who he claims to be, as in the settings. By the receiver's word
// alone, or where it says nothing also by the signature of the sender's domain.
const (
	verifyReceiver  = "receiver"
	verifySignature = "signature"
)

// unverified tells whether the sender of a mail is not proved to be who he claims to be. Where nobody
// says anything he is neither. live tells that the mail has just come; of what is imported nothing is
// looked up.
func (a *Adapter) unverified(raw []byte, from string, results []string, live bool) bool {
	if severalSenders(raw) {
		return true // RFC 5322, section 3.6: whoever judged may have looked at the other one
	}
	if i := slices.IndexFunc(results, a.fromReceiver); i >= 0 {
		return denied(results[i], domainOf(from))
	}
	return a.settings.Verify == verifySignature && live && !a.signed(raw, domainOf(from))
}

// severalSenders tells whether a mail has more than one From field.
func severalSenders(raw []byte) bool {
	n := 0
	for line := range bytes.Lines(raw) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		name, _, found := bytes.Cut(line, []byte(":"))
		if found && bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte("from")) {
			n++
		}
	}
	return n > 1
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// verdict is what a server says of one method.
type verdict struct {
	result     string
	properties map[string]string // such as header.from
}

// denied reads the receiving server's line (RFC 8601) and tells whether it denies that a mail is of a
// domain. Only its own line counts; it removes others that bear its name (section 5), so the newest is
// its. ARC passes on what others say, and does not count.
func denied(line, domain string) bool {
	stated := map[string][]verdict{}
	for part := range strings.SplitSeq(withoutComments(line), ";") {
		words := strings.Fields(strings.ReplaceAll(part, "=", " = "))
		if len(words) < 3 || words[1] != "=" {
			continue
		}
		v := verdict{result: strings.ToLower(words[2]), properties: map[string]string{}}
		for i := 3; i+2 < len(words); i++ {
			if words[i+1] == "=" {
				v.properties[strings.ToLower(words[i])] = strings.Trim(words[i+2], `"`)
			}
		}
		method, _, _ := strings.Cut(strings.ToLower(words[0]), "/")
		stated[method] = append(stated[method], v)
	}
	for _, v := range stated["dmarc"] {
		of := v.properties["header.from"]
		switch {
		case v.result == "fail", v.result == "pass" && of != "" && domainOf(of) != domain:
			return true
		case v.result == "pass":
			return false
		}
	}
	signed := slices.ContainsFunc(stated["dkim"], func(v verdict) bool {
		by := v.properties["header.d"]
		if by == "" {
			by = domainOf(v.properties["header.i"])
		}
		return v.result == "pass" && (by == "" || aligned(by, domain))
	})
	refused := slices.ContainsFunc(stated["spf"], func(v verdict) bool { return v.result == "fail" })
	return refused && !signed
}

// aligned tells whether two domains are of one organisation (RFC 7489, section 3.1.1, relaxed).
func aligned(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	if a == b {
		return a != ""
	}
	of, err := publicsuffix.EffectiveTLDPlusOne(a)
	other, otherErr := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && otherErr == nil && of == other
}

// The bounds of checking signatures: a mail may bear many, and name servers that never answer.
const (
	mostSignatures = 5
	lookupTime     = 3 * time.Second
	quietAfter     = time.Minute // how long nothing is asked after an answer that did not come in time
	keysKept       = 1000
	keyLife        = 10 * time.Minute
)

// signed tells whether the domain of the sender has signed a mail (DKIM, RFC 6376); also true if nobody
// can know, because the key could not be looked up.
func (a *Adapter) signed(raw []byte, domain string) bool {
	unknown := false
	lookup := func(name string) ([]string, error) {
		_, of, _ := strings.Cut(name, "._domainkey.")
		if !aligned(of, domain) {
			return nil, errNotSender
		}
		found, err := a.keys.lookup(a.life, name)
		if e, ok := errors.AsType[*net.DNSError](err); ok && !e.IsNotFound {
			unknown = true
		}
		return found, err
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: serial(lookup), MaxVerifications: mostSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return false
	}
	for _, v := range found {
		if v.Err == nil && aligned(v.Domain, domain) {
			return true
		}
	}
	return unknown
}

var errNotSender = &net.DNSError{Err: "not a domain of the sender", IsNotFound: true}

// serial lets one caller in at a time: signatures of one mail are checked side by side.
func serial(lookup func(string) ([]string, error)) func(string) ([]string, error) {
	var mu sync.Mutex
	return func(name string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		return lookup(name)
	}
}

// keyring keeps what name servers said about keys for a while.
type keyring struct {
	ask func(ctx context.Context, name string) ([]string, error)
	now func() time.Time

	mu    sync.Mutex
	known map[string]keyAnswer
	quiet time.Time // nothing is asked before
}

type keyAnswer struct {
	records []string
	err     error
	until   time.Time
}

func (k *keyring) lookup(ctx context.Context, name string) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if answer, ok := k.known[name]; ok && now.Before(answer.until) {
		return answer.records, answer.err
	}
	if now.Before(k.quiet) {
		return nil, &net.DNSError{Err: "name servers do not answer", Name: name, IsTemporary: true}
	}
	ctx, done := context.WithTimeout(ctx, lookupTime)
	defer done()
	records, err := k.ask(ctx, name)
	if e, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || !e.IsNotFound) {
		k.quiet = k.now().Add(quietAfter)
		return nil, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	}
	if len(k.known) >= keysKept {
		clear(k.known)
	}
	k.known[name] = keyAnswer{records, err, now.Add(keyLife)}
	return records, err
}
