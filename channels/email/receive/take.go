package receive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/inbox"
)

// handed is a mail in memory: room for our trace, then the bytes as they came.
type handed struct {
	buffer   []byte
	sameness [32]byte
	giveBack func()
}

const (
	traceRoom = 4 << 10
	smallMail = 64 << 10 // mails up to here are bounded by the number of connections alone
	roomWait  = time.Minute
)

// read reads a mail. Memory for a large one is asked for before its bytes are: by the size the peer
// announced or, if there is more, by the limit.
func (d *Door) read(r io.Reader, declared int64) (*handed, error) {
	h := &handed{buffer: make([]byte, traceRoom, traceRoom+8<<10), giveBack: func() {}}
	err := h.fill(r, smallMail)
	for _, size := range []int64{min(declared, d.limits.Size) + smallMail, d.limits.Size + smallMail} {
		if err != errMore {
			break
		}
		if size <= int64(len(h.buffer)) {
			continue // the peer announced less than it has sent
		}
		h.giveBack()
		if err := d.reserve(h, size); err != nil {
			return nil, err
		}
		err = h.fill(r, size)
	}
	if err != nil {
		h.giveBack()
		return nil, err
	}
	h.sameness = mailparse.Sameness(h.buffer[traceRoom:])
	return h, nil
}

// reserve waits until there is memory for a mail of this size and for its parts once more.
func (d *Door) reserve(h *handed, size int64) error {
	ctx, done := context.WithTimeout(context.Background(), roomWait)
	defer done()
	giveBack, err := d.options.Memory.Take(ctx, 2*size)
	if err != nil {
		return errNoRoom
	}
	h.giveBack = giveBack
	grown := make([]byte, len(h.buffer), traceRoom+size)
	copy(grown, h.buffer)
	h.buffer = grown
	return nil
}

var errMore = fmt.Errorf("the mail is larger than the room for it")

// fill reads until the end (nil) or until the mail has size bytes (errMore).
func (h *handed) fill(r io.Reader, size int64) error {
	for {
		if int64(len(h.buffer)-traceRoom) >= size {
			return errMore
		}
		if len(h.buffer) == cap(h.buffer) {
			h.buffer = append(h.buffer, 0)[:len(h.buffer)]
		}
		n, err := r.Read(h.buffer[len(h.buffer):cap(h.buffer)])
		h.buffer = h.buffer[:len(h.buffer)+n]
		switch err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// with returns the mail under a trace of how it came. The bytes are the same array for every
// recipient, so they are good until the next call.
func (h *handed) with(trace []byte) []byte {
	start := traceRoom - len(trace)
	copy(h.buffer[start:], trace)
	return h.buffer[start:]
}

// take stores a mail for one recipient. Only nil means that it is stored, or was before.
func (d *Door) take(e envelope, to recipient, mail *handed) error {
	ctx, done := context.WithTimeout(context.Background(), d.limits.Store)
	defer done()
	outcome, err := d.store(ctx, e, to, mail)
	if err != nil {
		d.log.Error("a mail cannot be stored; its sender will repeat it", "connection", to.box.Connection.String(), "error", err)
		d.options.Metrics.Received("later")
		return errNotStored
	}
	d.options.Metrics.Received(outcome)
	return nil
}

// store goes the way of the pull: the mail's key is marked before anything of it is parsed, so that a
// mail that kills the program is set aside when it comes for the third time. Many mails are read at
// once, and all of them are marked when the program dies; so those that were marked before are read
// one after the other, or bystanders would be blamed. No lease is held: each node may take mail, the
// key keeps two of them from storing one mail twice, and there is no cursor to move.
func (d *Door) store(ctx context.Context, e envelope, to recipient, mail *handed) (outcome string, err error) {
	hold := channels.Hold{Connection: to.box.Connection}
	now := d.options.Now()
	key := keyOf(to.address, mail.sameness)
	raw := mail.with(d.trace(e, to.address, key, now))
	mark := channels.Key{SourceKey: key, Size: int64(len(raw)), At: now, Beside: true}
	taking, err := d.options.Sink.Taking(ctx, hold, []channels.Key{mark})
	if err == nil && taking.Alone {
		d.suspects.Lock()
		defer d.suspects.Unlock()
		mark.Beside = false
		taking, err = d.options.Sink.Taking(ctx, hold, []channels.Key{mark})
	}
	if err != nil {
		return "", fmt.Errorf("mark a mail: %w", err)
	}
	if len(taking.Verdicts) != 1 {
		return "", fmt.Errorf("the sink gave %d verdicts for a mail", len(taking.Verdicts))
	}
	var item inbox.Incoming
	switch taking.Verdicts[0] {
	case channels.Known:
		return "repeated", nil
	case channels.SetAside:
		item = inbox.Incoming{SourceKey: key, At: now, Raw: raw, Problem: &inbox.Reason{Code: "reading_failed_thrice"}}
	default:
		item = to.box.Reader.Receive(key, now, raw)
	}
	if err := d.options.Sink.Take(ctx, hold, []inbox.Incoming{item}, ""); err != nil {
		return "", d.release(ctx, hold, key, err)
	}
	if item.Problem != nil {
		return "set_aside", nil
	}
	return "stored", nil
}

// release takes the mark back: the mail was fine, storing it was not possible.
func (d *Door) release(ctx context.Context, hold channels.Hold, key string, why error) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if err := d.options.Sink.Release(ctx, hold, []string{key}); err != nil {
		return fmt.Errorf("store a mail: %w; its mark stays: %w", why, err)
	}
	return fmt.Errorf("store a mail: %w", why)
}

// keyOf names a mail for a recipient. A peer that never heard our answer repeats both.
func keyOf(address string, sameness [32]byte) string {
	sum := sha256.New()
	sum.Write([]byte(strings.ToLower(address)))
	sum.Write([]byte{0})
	sum.Write(sameness[:])
	return "smtp:" + hex.EncodeToString(sum.Sum(nil))
}

// trace is what a server that takes a mail for good writes above it (RFC 5321, section 4.4): whom it
// came from and went to, and by whom and how it was handed over. The mail below stays as it was.
func (d *Door) trace(e envelope, to, key string, now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", word(e.from), word(to))
	from := word(e.helo)
	if e.address != "" {
		from += " ([" + e.address + "])"
	}
	fmt.Fprintf(&b, "Received: from %s\r\n\tby %s (Deskbell) with %s id %s\r\n\tfor <%s>; %s\r\n",
		from, d.options.Name, e.with, key[len("smtp:"):][:16], word(to), now.Format(time.RFC1123Z))
	return b.Bytes()
}

// word keeps what a peer said on its line and within the room there is.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '<' || r == '>' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return s[:min(len(s), 320)]
}
