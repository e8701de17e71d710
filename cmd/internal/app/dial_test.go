package app_test

import (
	"net/http"
	"testing"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/rbac"
)

// The admin of a single shop does not reach the server's own network by connecting a mailbox, and is
// told so for each half of it; the operator's setting lets him. Who manages all connections does.
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
			owner, admin := d.hire("Olga", rbac.Owner), d.hire("Adam", rbac.Agent)
			id := owner.call("POST", "/shops", map[string]any{"name": "Lamps", "zone": "Europe/Rome"}, http.StatusCreated)["id"]
			owner.call("PUT", "/users/"+admin.id+"/roles", map[string]any{"roles": []any{map[string]any{"role": "admin", "shop": id}}}, http.StatusOK)
			mailbox := map[string]any{"shop": id, "kind": "email", "settings": settings(shop, dovecot, postfix), "secret": map[string]any{"password": "secret"}}
			if tested := owner.call("POST", "/connections/test", mailbox, http.StatusOK); tested["ok"] != true {
				t.Errorf("by the owner: %v", tested)
			}
			tested := admin.call("POST", "/connections/test", mailbox, http.StatusOK)
			if tested["ok"] != tt.ok {
				t.Fatalf("tested %v", tested)
			}
			for _, check := range tested["checks"].([]any) {
				problem, _ := check.(map[string]any)["problem"].(map[string]any)
				if !tt.ok && problem["code"] != "own_network" {
					t.Errorf("check %v", check)
				}
			}
			made := owner.call("POST", "/connections", mailbox, http.StatusCreated)["id"].(string)
			if tested := admin.call("POST", "/connections/"+made+"/test", nil, http.StatusOK); tested["ok"] != true {
				t.Errorf("the owner's connection, tested by the shop's admin: %v", tested)
			}
			// Whoever names another server is asked what he may reach.
			elsewhere := settings(shop, dovecot, postfix)
			elsewhere["imap"].(map[string]any)["port"] = 1
			admin.call("PATCH", "/connections/"+made, map[string]any{"settings": elsewhere, "secret": map[string]any{"password": "secret"}}, http.StatusOK)
			for _, check := range admin.call("POST", "/connections/"+made+"/test", nil, http.StatusOK)["checks"].([]any) {
				problem, _ := check.(map[string]any)["problem"].(map[string]any)
				if !tt.ok && problem["code"] != "own_network" {
					t.Errorf("after the shop's admin named another server: %v", check)
				}
			}
		})
	}
}
