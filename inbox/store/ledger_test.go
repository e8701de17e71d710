package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// However long the ledger, a page of it is read from an index in its order.
func TestLedgerListsReadAnIndex(t *testing.T) {
	s := storetest.SQLite(t)
	mine := inbox.ConnectionID(7)
	for name, tt := range map[string]struct {
		filter store.LedgerFilter
		index  string
	}{
		"newest":        {store.LedgerFilter{Connection: mine}, "ledger_newest"},
		"of a time":     {store.LedgerFilter{Connection: mine, Since: time.Now().AddDate(0, -1, 0)}, "ledger_newest"},
		"of a state":    {store.LedgerFilter{Connection: mine, State: inbox.LedgerIgnored}, "ledger_state"},
		"of a sender":   {store.LedgerFilter{Connection: mine, Text: "ann@buyer.example"}, "ledger_sender"},
		"all set aside": {store.LedgerFilter{Scope: rbac.Scope{All: true}}, "ledger_aside"},
	} {
		steps, err := s.Plan(t.Context(), s.LedgerSQL(tt.filter))
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		if !strings.Contains(plan, tt.index) || strings.Contains(plan, "SCAN l\n") {
			t.Errorf("%s is read by\n%s\nwant the index %s", name, plan, tt.index)
		}
		if tt.filter.Text == "" && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s is sorted:\n%s", name, plan)
		}
	}
}
