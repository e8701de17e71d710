package channels

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// Memory bounds the bytes that all adapters of a program hold at once, so that many mailboxes with
// large mails arriving together wait for each other instead of filling the machine. A nil *Memory
// bounds nothing.
type Memory struct {
	size int64
	free *semaphore.Weighted
}

// NewMemory makes a bound of size bytes.
func NewMemory(size int64) *Memory {
	return &Memory{size: size, free: semaphore.NewWeighted(size)}
}

// Take waits until n bytes are free and returns the function that gives them back, to be called
// once. More than the whole counts as the whole, so that one huge thing passes alone. The error is
// ctx's.
func (m *Memory) Take(ctx context.Context, n int64) (giveBack func(), err error) {
	if m == nil || n <= 0 {
		return func() {}, ctx.Err()
	}
	n = min(n, m.size)
	if err := m.free.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { m.free.Release(n) }, nil
}
