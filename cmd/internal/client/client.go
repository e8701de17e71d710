// Package client speaks to a Deskbell server as any other program would: JSON over HTTP and the
// websocket. The demo, the measuring tool and the tests of the programs use it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const prefix = "/api/v1"

// answerLimit is how much of an answer is read.
const answerLimit = 32 << 20

// Client is one caller of a server: with Token that of a program, after SignIn or SetUp that of a
// browser. Safe for concurrent use.
type Client struct {
	Base  string // such as http://127.0.0.1:8080
	Token string // bearer token; "" = the session's cookie
	HTTP  *http.Client
}

// New returns a caller without a token. Its connections are kept and reused, as many as there are
// concurrent calls.
func New(base string) *Client {
	jar, _ := cookiejar.New(nil) // fails never
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &Client{Base: strings.TrimSuffix(base, "/"), HTTP: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
}

// Problem is an answer that refuses (RFC 9457).
type Problem struct {
	Status int             `json:"status"`
	Code   string          `json:"code"`
	Detail string          `json:"detail"`
	Errors []FieldError    `json:"errors"`
	After  string          `json:"-"` // Retry-After as it came
	Now    json.RawMessage `json:"current"`
}

// FieldError says what is wrong with one field.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
	for _, e := range p.Errors {
		text += "; " + e.Location + ": " + e.Message
	}
	return text
}

// StatusOf returns the status a call was refused with; 0 if it did not come to an answer.
func StatusOf(err error) int {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Status
	}
	return 0
}

// Get reads a resource into out. The path stands below /api/v1 and may have a query.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Do(ctx, http.MethodGet, path, "", nil, out)
}

// Do sends in as JSON, none if nil, and reads the answer into out, if that is not nil. key is the
// Idempotency-Key; "" for none. A refusal is a *Problem.
func (c *Client) Do(ctx context.Context, method, path, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Base+prefix+path, body)
	if err != nil {
		return err
	}
	c.sign(request.Header)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", method, path, problemOf(answer, text))
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) sign(h http.Header) {
	if c.Token != "" {
		h.Set("Authorization", "Bearer "+c.Token)
	}
}

func problemOf(answer *http.Response, text []byte) *Problem {
	p := &Problem{}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(text, p) != nil {
		p.Detail = strings.TrimSpace(string(text[:min(len(text), 200)]))
	}
	p.Status, p.After = answer.StatusCode, answer.Header.Get("Retry-After")
	return p
}

// SignIn begins a session, kept in the client's cookies.
func (c *Client) SignIn(ctx context.Context, email, password string) (Me, error) {
	var me Me
	err := c.Do(ctx, http.MethodPost, "/session", "", map[string]any{"email": email, "password": password}, &me)
	return me, err
}

// List reads every page of a list.
func List[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	var all []T
	for cursor := ""; ; {
		var page Page[T]
		if err := c.Get(ctx, path+join+"limit=200&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}

// Ready waits until the server answers /healthz and returns how long that took.
func (c *Client) Ready(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	for {
		err := c.healthy(ctx)
		if err == nil {
			return time.Since(begun), nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%s does not answer: %w", c.Base, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (c *Client) healthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := c.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz: %s", answer.Status)
	}
	return nil
}
