package emailtest_test

import (
	"testing"

	"github.com/deskbell/deskbell/channels/email/emailtest"
)

func TestRealServersStartAndStop(t *testing.T) {
	d := emailtest.StartDovecot(t, map[string]string{"help@shop.example": "secret"})
	p := emailtest.StartPostfix(t, d)
	if d.Port == 0 || p.Port == 0 {
		t.Fatal("no ports")
	}
}
