package auth

import "context"

// Passwords lets tests look at the work on passwords.
type Passwords = passwords

var (
	NewPasswords = newPasswords
	HashOf       = hashOf
)

func (p *passwords) Hash(ctx context.Context, password string) (string, error) {
	return p.hash(ctx, password)
}

func (p *passwords) Matches(ctx context.Context, stored, password string) (bool, error) {
	return p.matches(ctx, stored, password)
}

func (p *passwords) Work(ctx context.Context, fn func()) error { return p.work(ctx, fn) }
