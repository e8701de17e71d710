package mailparse

import "bytes"

// The kinds of a Cryptographic Message Syntax object that matter here (RFC 5652, RFC 5083).
const (
	cmsOther = iota
	cmsSigned
	cmsEnveloped
)

// Object identifiers under 1.2.840.113549.1, encoded.
var (
	oidSigned       = []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
	oidEnveloped    = []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")
	oidAuthEnvelope = []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17")
)

// Tags of ASN.1.
const (
	tagOctets            = 0x04
	tagObject            = 0x06
	tagSequence          = 0x30
	tagSet               = 0x31
	tagZero              = 0xa0
	tagConstructedOctets = 0x24
)

// readCMS returns the kind of an object and, of signed data, the content that was signed.
func readCMS(raw []byte) (kind int, content []byte) {
	outer, ok := nextBER(raw)
	if !ok || outer.tag != tagSequence {
		return cmsOther, nil
	}
	object, ok := nextBER(outer.content)
	if !ok || object.tag != tagObject {
		return cmsOther, nil
	}
	switch {
	case bytes.Equal(object.content, oidEnveloped), bytes.Equal(object.content, oidAuthEnvelope):
		return cmsEnveloped, nil
	case !bytes.Equal(object.content, oidSigned):
		return cmsOther, nil
	}
	explicit, _ := nextBER(object.rest)
	signed, _ := nextBER(explicit.content)
	rest := signed.content
	for range 3 { // version, algorithms, then what was signed
		value, ok := nextBER(rest)
		if !ok {
			break
		}
		if value.tag == tagSequence {
			return cmsSigned, signedContent(value.content)
		}
		rest = value.rest
	}
	return cmsSigned, nil
}

// signedContent reads an EncapsulatedContentInfo: its type and, if it is not detached, its octets.
func signedContent(raw []byte) []byte {
	kind, ok := nextBER(raw)
	if !ok {
		return nil
	}
	explicit, ok := nextBER(kind.rest)
	if !ok || explicit.tag != tagZero {
		return nil
	}
	octets, ok := nextBER(explicit.content)
	if !ok {
		return nil
	}
	return joinOctets(octets, 0)
}

// joinOctets returns the bytes of an octet string, which may come in pieces.
func joinOctets(value ber, depth int) []byte {
	if value.tag == tagOctets {
		return value.content
	}
	if value.tag != tagConstructedOctets || depth > 4 {
		return nil
	}
	var out []byte
	for rest := value.content; len(rest) > 0; {
		piece, ok := nextBER(rest)
		if !ok {
			break
		}
		out = append(out, joinOctets(piece, depth+1)...)
		rest = piece.rest
	}
	return out
}

// ber is one value of ASN.1 in its basic encoding, and what follows it.
type ber struct {
	tag           byte
	content, rest []byte
}

// nextBER reads the value at the start of raw. One without a length goes to its end mark; a length
// beyond the end is cut. Tags above 30 are not read.
func nextBER(raw []byte) (ber, bool) {
	if len(raw) < 2 || raw[0]&0x1f == 0x1f {
		return ber{}, false
	}
	tag, length := raw[0], int(raw[1])
	body := raw[2:]
	switch {
	case length == 0x80:
		return endlessBER(tag, body)
	case length > 0x80:
		n := length & 0x7f
		if n > 4 || n > len(body) {
			return ber{}, false
		}
		length = 0
		for _, b := range body[:n] {
			length = length<<8 | int(b)
		}
		body = body[n:]
	}
	length = min(length, len(body))
	return ber{tag, body[:length], body[length:]}, true
}

// endlessBER reads a value whose length is not given. Its end is looked for only where it is needed,
// so that values inside each other are not read again and again: the content is all that follows.
func endlessBER(tag byte, body []byte) (ber, bool) {
	if tag != tagConstructedOctets && tag != tagSet {
		return ber{tag, body, nil}, true
	}
	rest := body
	for len(rest) >= 2 && (rest[0] != 0 || rest[1] != 0) {
		if rest[1] == 0x80 {
			return ber{tag, body, nil}, true
		}
		piece, ok := nextBER(rest)
		if !ok {
			break
		}
		rest = piece.rest
	}
	return ber{tag, body[:len(body)-len(rest)], rest}, true
}
