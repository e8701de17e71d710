package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every measurement runs against the program as it is built from this source, and leaves nothing.
func TestBench(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "deskbell")
	if output, err := exec.Command("go", "build", "-o", binary, "../deskbell").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	b := bench{Binary: binary, Conversations: 150, Backlog: 120, Runs: 1, Seconds: 1, Callers: 4, Sockets: 20, Limit: 2 * time.Minute}
	var out bytes.Buffer
	if err := b.run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"size of the binary", "start to first answer", "memory at rest", "backlog of 120 mails", "new mail to websocket, p50",
		"reply to mail server, p50", "first list page of 220 conversations", "thread, 4 callers", "the last of 20 sockets, p50"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	if got := median(values); got != 3 {
		t.Errorf("median = %v", got)
	}
	if got := quantile(values, 0.99); got != 5 {
		t.Errorf("p99 = %v", got)
	}
	if got := median(nil); got != 0 {
		t.Errorf("median of nothing = %v", got)
	}
}

func TestPasses(t *testing.T) {
	for _, tt := range []struct {
		f    figure
		want bool
	}{
		{figure{value: 10, mark: 10}, true},
		{figure{value: 11, mark: 10}, false},
		{figure{value: 9, mark: 10, least: true}, false},
		{figure{value: 10, mark: 10, least: true}, true},
		{figure{value: 1e9}, true},
	} {
		if got := tt.f.passes(); got != tt.want {
			t.Errorf("%+v passes: %v", tt.f, got)
		}
	}
}

func TestUnknownMeasurement(t *testing.T) {
	if err := (bench{Only: []string{"speed"}}).run(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("an unknown measurement was accepted")
	}
}
