package mailparse

import (
	"bytes"
	"strings"
)

// Protection tells how a mail is signed or encrypted. Nothing is verified or decrypted.
type Protection string

// The kinds of Protection; "" is none.
const (
	SMIMESigned    Protection = "smime_signed"
	SMIMEEncrypted Protection = "smime_encrypted"
	PGPSigned      Protection = "pgp_signed"
	PGPEncrypted   Protection = "pgp_encrypted"
)

// protect notes what one part says; that something is encrypted counts more than that it is signed.
func (p *parser) protect(found Protection) {
	encrypted := found == SMIMEEncrypted || found == PGPEncrypted
	if found != "" && (p.message.Protection == "" || encrypted) {
		p.message.Protection = found
	}
}

// protectionOf tells what a multipart says of its parts (RFC 1847).
func protectionOf(x part, children []part) Protection {
	if x.kind != "multipart/signed" && x.kind != "multipart/encrypted" {
		return ""
	}
	kinds := strings.ToLower(x.params["protocol"])
	for _, child := range children {
		kinds += " " + child.kind
	}
	switch pgp := strings.Contains(kinds, "pgp"); {
	case x.kind == "multipart/encrypted" && pgp:
		return PGPEncrypted
	case x.kind == "multipart/encrypted":
		return SMIMEEncrypted
	case pgp:
		return PGPSigned
	case strings.Contains(kinds, "pkcs7"):
		return SMIMESigned
	}
	return ""
}

// inlineProtection tells whether a text holds a PGP message between its lines.
func inlineProtection(text string) Protection {
	const mark = "-----BEGIN PGP "
	for i := strings.Index(text, mark); i >= 0; {
		if i == 0 || text[i-1] == '\n' {
			switch rest := text[i+len(mark):]; {
			case strings.HasPrefix(rest, "MESSAGE-----"):
				return PGPEncrypted
			case strings.HasPrefix(rest, "SIGNED MESSAGE-----"):
				return PGPSigned
			}
		}
		next := strings.Index(text[i+1:], mark)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return ""
}

// isPKCS7 tells of the parts that hold a whole mail of S/MIME (RFC 8551, section 3.2).
func isPKCS7(x part) bool {
	return x.kind == "application/pkcs7-mime" || x.kind == "application/x-pkcs7-mime" ||
		x.kind == "application/octet-stream" && strings.HasSuffix(strings.ToLower(x.name), ".p7m")
}

// openPKCS7 returns the mail inside signed data, without looking at the signature. What is encrypted
// stays a file.
func (p *parser) openPKCS7(x part, body []byte) (inner []byte, ok bool) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("MI")) { // base64 that no header told of
		body = decodeBase64(body)
	}
	kind, content := readCMS(body)
	switch {
	case kind == cmsSigned && len(content) > 0:
		p.protect(SMIMESigned)
		return content, true
	case kind == cmsEnveloped || strings.Contains(x.params["smime-type"], "enveloped"):
		p.protect(SMIMEEncrypted)
	case kind == cmsSigned || strings.Contains(x.params["smime-type"], "signed"):
		p.protect(SMIMESigned)
	case x.kind != "application/octet-stream" && x.params["smime-type"] == "":
		p.protect(SMIMEEncrypted)
	}
	return nil, false
}
