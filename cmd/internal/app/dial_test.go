package app_test

import (
	"net/http"
	"testing"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/rbac"
)

// The admin of a shop does not reach the server's own network by connecting a mailbox, and is told so
// for each half of it; the operator's setting alone lets him.
func TestConnectionsStayOutside(t *testing.T) {
	const shop = "help@lamps.example"
	dovecot := emailtest.StartDovecot(t, map[string]string{shop: "secret"})
	postfix := emailtest.StartPostfix(t, dovecot)
	for name, tt := range map[string]struct {
		allow []string
		ok    bool
	}{"nothing allowed": {[]string{}, false}, "another network allowed": {[]string{"10.0.0.0/8"}, false}, "this network allowed": {[]string{"127.0.0.1"}, true}} {
		t.Run(name, func(t *testing.T) {
			d := open(t, app.Config{AllowNetworks: tt.allow}, app.Far{Roots: dovecot.Roots})
			owner := d.hire("Olga", rbac.Owner)
			id := owner.call("POST", "/shops", map[string]any{"name": "Lamps", "zone": "Europe/Rome"}, http.StatusCreated)["id"]
			tested := owner.call("POST", "/connections/test", map[string]any{"shop": id, "kind": "email", "settings": settings(shop, dovecot, postfix),
				"secret": map[string]any{"password": "secret"}}, http.StatusOK)
			if tested["ok"] != tt.ok {
				t.Fatalf("tested %v", tested)
			}
			for _, check := range tested["checks"].([]any) {
				problem, _ := check.(map[string]any)["problem"].(map[string]any)
				if !tt.ok && problem["code"] != "own_network" {
					t.Errorf("check %v", check)
				}
			}
		})
	}
}
