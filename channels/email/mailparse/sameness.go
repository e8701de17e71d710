package mailparse

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"
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
	for i, name := range samenessFields {
		h.Write([]byte(name))
		h.Write([]byte{0})
		for _, value := range head[i] {
			writeLines(h, value)
			h.Write([]byte{0})
		}
	}
	h.Write([]byte{1})
	writeLines(h, bytes.TrimRight(body, "\r\n"))
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// samenessFields are the fields that count.
var samenessFields = [...]string{"message-id", "date", "from", "to", "cc", "subject"}

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

// splitRaw cuts a mail as splitMail does, but keeps the values of the fields that count as they stand,
// folding included.
func splitRaw(raw []byte) (head [len(samenessFields)][][]byte, body []byte) {
	raw = modernLines(raw)
	raw, _ = cutMailboxLine(bytes.TrimLeft(raw, "\r\n"))
	var last *[]byte // the value of the field before, if it counts
	inField := false
	for rest := raw; len(rest) > 0; {
		line, next := cutLine(rest)
		if len(line) == 0 {
			return head, next
		}
		if name, _, ok := cutField(line); ok && !isBlank(line[0]) {
			inField, last = true, nil
			if i := slices.Index(samenessFields[:], name); i >= 0 {
				head[i] = append(head[i], rest[bytes.IndexByte(rest, ':')+1:len(rest)-len(next)])
				last = &head[i][len(head[i])-1]
			}
		} else if !inField {
			return [len(samenessFields)][][]byte{}, raw
		} else if last != nil {
			*last = (*last)[:len(*last)+len(rest)-len(next)] // the lines lie side by side
		}
		rest = next
	}
	return head, nil
}
