package receive_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/channels/email/receive"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

// A certificate that was renewed is used for the next connection; one that is broken leaves the one
// before in use.
func TestTheRenewedCertificateIsUsed(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	renewals := 0
	renew := func() *x509.CertPool {
		t.Helper()
		certificate, key, err := emailtest.CertificatePEM()
		if err != nil {
			t.Fatal(err)
		}
		renewals++
		changed := time.Now().Add(time.Duration(renewals) * time.Minute)
		for name, content := range map[string][]byte{certFile: certificate, keyFile: key} {
			if err := errors.Join(os.WriteFile(name, content, 0o600), os.Chtimes(name, changed, changed)); err != nil {
				t.Fatal(err)
			}
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(certificate)
		return roots
	}
	roots := renew()
	certificate, err := receive.NewCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := storetest.SQLite(t)
	h := open(t, s, receive.Options{TLS: certificate.Config()})
	h.sendEncrypted(roots, "1")
	roots = renew()
	h.sendEncrypted(roots, "2")
	if err := os.WriteFile(certFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.sendEncrypted(roots, "3")
	entries, err := s.Ledger(t.Context(), store.LedgerFilter{Connection: h.connection}, store.Place{}, 10)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	raw, err := s.SmallBlobContent(t.Context(), entries[0].RawHash)
	if err != nil || !strings.Contains(string(raw), "with ESMTPS id ") {
		t.Errorf("%v in\n%s", err, raw)
	}
}

// sendEncrypted hands a mail over to a door whose certificate is one of roots.
func (h *house) sendEncrypted(roots *x509.CertPool, text string) {
	h.t.Helper()
	c, err := smtp.Dial(h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{RootCAs: roots, ServerName: "localhost"}); err != nil {
		h.t.Fatalf("mail %s: %v", text, err)
	}
	if err := errors.Join(c.Mail("ann@buyer.example"), c.Rcpt(lamps)); err != nil {
		h.t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = w.Write([]byte(header + text + "\r\n"))
	if err := errors.Join(err, w.Close(), c.Quit()); err != nil {
		h.t.Fatal(err)
	}
}
