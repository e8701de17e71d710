package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Frame is what the server says on the websocket: hello, at, an event of the log, …
type Frame struct {
	Kind         string         `json:"kind"`
	Seq          int64          `json:"seq"`
	Prev         int64          `json:"prev"`
	At           time.Time      `json:"at"`
	Shop         string         `json:"shop"`
	Conversation string         `json:"conversation"`
	Actor        string         `json:"actor"`
	Data         map[string]any `json:"data"`
}

// Socket is one open websocket. One goroutine reads it.
type Socket struct{ conn *websocket.Conn }

// Live opens the websocket and reads the greeting. after is the number of the last event known; -1
// begins with the next one.
func (c *Client) Live(ctx context.Context, after int64) (*Socket, Frame, error) {
	address := "ws" + strings.TrimPrefix(c.Base, "http") + prefix + "/live"
	if after >= 0 {
		address += "?after=" + strconv.FormatInt(after, 10)
	}
	header := http.Header{}
	c.sign(header)
	dialer := websocket.Dialer{Jar: c.HTTP.Jar, HandshakeTimeout: 30 * time.Second}
	conn, answer, err := dialer.DialContext(ctx, address, header)
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w (%s)", err, answer.Status)
		}
		return nil, Frame{}, fmt.Errorf("open the socket: %w", err)
	}
	s := &Socket{conn: conn}
	hello, err := s.Next(time.Now().Add(30 * time.Second))
	if err == nil && hello.Kind != "hello" {
		err = fmt.Errorf("the socket began with %q", hello.Kind)
	}
	if err != nil {
		conn.Close()
		return nil, Frame{}, err
	}
	return s, hello, nil
}

// Read returns the next frame as it came, and when; an error once the deadline has passed or the
// socket is closed.
func (s *Socket) Read(deadline time.Time) (frame []byte, at time.Time, err error) {
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return nil, time.Time{}, err
	}
	_, frame, err = s.conn.ReadMessage()
	return frame, time.Now(), err
}

// Parse reads a frame.
func Parse(frame []byte) (f Frame, err error) {
	err = json.Unmarshal(frame, &f)
	return f, err
}

// Next returns the next frame; errors as Read.
func (s *Socket) Next(deadline time.Time) (Frame, error) {
	text, _, err := s.Read(deadline)
	if err != nil {
		return Frame{}, err
	}
	return Parse(text)
}

// Until reads frames until one satisfies want.
func (s *Socket) Until(deadline time.Time, want func(Frame) bool) (Frame, error) {
	for {
		f, err := s.Next(deadline)
		if err != nil || want(f) {
			return f, err
		}
	}
}

// Close ends the socket.
func (s *Socket) Close() error { return s.conn.Close() }
