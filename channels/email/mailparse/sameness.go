package mailparse

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Sameness tells whether two fetches brought the same mail: a SHA-256 over the raw values of
// Message-ID, Date, From, To, Cc and Subject, with their folding, and the raw body. Trace fields
// (Received, Delivered-To), Status and UID fields do not count, because servers add them on the way
// and change them in place.
//
// The kind of line end and empty lines at the end do not count either: servers store mails with LF
// or CRLF and convert between them, so a mailbox that moves to another server would come twice. Two
// mails that differ in nothing else say the same.
func Sameness(raw []byte) [32]byte {
	h := sha256.New()
	head, body := splitRaw(raw)
	for _, name := range []string{"message-id", "date", "from", "to", "cc", "subject"} {
		h.Write([]byte(name))
		h.Write([]byte{0})
		for _, f := range head {
			if f.name == name {
				writeLines(h, f.value)
				h.Write([]byte{0})
			}
		}
	}
	h.Write([]byte{1})
	writeLines(h, bytes.TrimRight(body, "\r\n"))
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// writeLines writes b with line feeds as its only line ends.
func writeLines(h hash.Hash, b []byte) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			h.Write(b)
			return
		}
		h.Write(bytes.TrimRight(b[:i], "\r"))
		h.Write([]byte{'\n'})
		b = b[i+1:]
	}
}

// splitRaw cuts a mail as splitMail does, but keeps the values as they stand, folding included.
func splitRaw(raw []byte) (header, []byte) {
	raw = modernLines(raw)
	raw, _ = cutMailboxLine(bytes.TrimLeft(raw, "\r\n"))
	var head header
	rest := raw
	for len(rest) > 0 {
		line, next := cutLine(rest)
		if len(line) == 0 {
			return head, next
		}
		if name, _, ok := cutField(line); ok && !isBlank(line[0]) {
			value := rest[bytes.IndexByte(rest, ':')+1 : len(rest)-len(next)]
			head = append(head, field{name, value})
		} else if len(head) > 0 {
			last := &head[len(head)-1]
			last.value = last.value[:len(last.value)+len(rest)-len(next)] // the lines lie side by side
		} else {
			return nil, raw
		}
		rest = next
	}
	return head, nil
}
