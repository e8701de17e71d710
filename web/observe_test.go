package web

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskbell/deskbell/web/live"
)

func observed(t *testing.T, handler http.HandlerFunc) (*Server, http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s := &Server{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	var err error
	if s.figures, err = newFigures(prometheus.NewRegistry(), live.New(live.Options{})); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /links/{token}", handler)
	return s, s.observe(noted(mux)), &log
}

func TestPanicIsAnsweredWithoutTrace(t *testing.T) {
	_, handler, log := observed(t, func(http.ResponseWriter, *http.Request) { panic("the cellar is flooded") })
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/links/s3cret?q=s3cret", nil))
	var p struct {
		Status        int
		Code, Request string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 500 || p.Status != 500 || p.Code != "internal" || p.Request == "" {
		t.Errorf("answer %d %s, %v", w.Code, w.Body, err)
	}
	if strings.Contains(w.Body.String(), "cellar") || strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("the cause went out: %s", w.Body)
	}
	for _, want := range []string{p.Request, "the cellar is flooded", `operation="GET /links/{token}"`, "status=500"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the log has the address:\n%s", log)
	}
	if w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("headers %v", w.Header())
	}
}

// Half an answer is cut off rather than taken for a whole one.
func TestPanicAfterTheAnswerBegan(t *testing.T) {
	_, handler, _ := observed(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic("the cellar is flooded")
	})
	server := httptest.NewServer(handler)
	defer server.Close()
	answer, err := http.Get(server.URL + "/links/x")
	if err == nil {
		defer answer.Body.Close()
		var rest bytes.Buffer
		_, err = rest.ReadFrom(answer.Body)
	}
	if err == nil {
		t.Error("half an answer looked whole")
	}
}
