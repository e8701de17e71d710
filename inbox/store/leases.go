package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// Lease is the right of one node to act for something until it ends. Fence rises with every
// acquisition and never falls, so that what an earlier holder still writes can be told apart.
type Lease struct {
	Name      string
	Node      string // the holder's name
	Fence     int64
	ExpiresAt time.Time
}

// ConnectionLease is the name of the lease under which a connection is polled and sends.
func ConnectionLease(connection inbox.ConnectionID) string {
	return "connection:" + connection.String()
}

const nodeLease = "node:"

// Node is one run of the program. Fence tells it from earlier runs under the same name.
type Node struct {
	Name  string
	Fence int64
}

// String is how attempts and jobs remember the run they belong to.
func (n Node) String() string { return n.Name + "/" + strconv.FormatInt(n.Fence, 10) }

// clock is the time leases are dated by. Nodes share the database's clock, so that none of theirs
// counts.
func (q queries) clock() bun.Safe {
	if q.postgres {
		return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
	}
	return bun.Safe(strconv.FormatInt(micros(q.now()), 10))
}

// ended is the time up to which leases have run out. In a SQLite database they never do: its one
// program cannot be overtaken while it pauses, and a clock that jumps must not stop it.
func (q queries) ended() bun.Safe {
	if q.postgres {
		return q.clock()
	}
	return "0"
}

// AcquireLease takes a lease that nobody holds, or that this node itself held, and returns a fence
// above every earlier one; 0 if another node holds it.
func (tx *Tx) AcquireLease(ctx context.Context, name, node string, lasts time.Duration) (fence int64, err error) {
	err = tx.db.NewRaw(`INSERT INTO leases (name, node, fence, expires_at) VALUES (?0, ?1, 1, ?2 + ?3)
		ON CONFLICT (name) DO UPDATE SET node = excluded.node, fence = leases.fence + 1, expires_at = excluded.expires_at
		WHERE leases.expires_at <= ?4 OR leases.node = excluded.node
		RETURNING fence`, name, node, tx.clock(), lasts.Microseconds(), tx.ended()).Scan(ctx, &fence)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	return fence, nil
}

// RenewLease prolongs a lease. Code Conflict if somebody acquired it since; one that only ran out
// is taken up again.
func (tx *Tx) RenewLease(ctx context.Context, name string, fence int64, lasts time.Duration) error {
	result, err := tx.db.NewRaw("UPDATE leases SET expires_at = ? + ? WHERE name = ? AND fence = ?",
		tx.clock(), lasts.Microseconds(), name, fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("renew lease %s: %w", name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return lostLease(err)
	}
	return nil
}

// ReleaseLease ends a lease now, so that others need not wait for its end. No error if it is lost.
func (tx *Tx) ReleaseLease(ctx context.Context, name string, fence int64) error {
	if _, err := tx.db.NewRaw("UPDATE leases SET expires_at = 0 WHERE name = ? AND fence = ?", name, fence).Exec(ctx); err != nil {
		return fmt.Errorf("release lease %s: %w", name, err)
	}
	return nil
}

// CheckFence makes sure that nobody acquired a lease since it had this fence, and that nobody does
// before the transaction ends. Code Conflict otherwise.
func (tx *Tx) CheckFence(ctx context.Context, name string, fence int64) error {
	query := tx.db.NewSelect().Table("leases").Column("fence").Where("name = ?", name)
	if tx.postgres {
		query.For("SHARE")
	}
	var newest int64
	err := query.Scan(ctx, &newest)
	if err == nil && newest == fence {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("check lease %s: %w", name, err)
	}
	return lostLease(err)
}

func lostLease(cause error) error {
	return &inbox.Error{Code: inbox.Conflict, Msg: "another node has taken over", Reason: &inbox.Reason{Code: "lease_lost"}, Err: cause}
}

// Lease returns a lease that has not run out; NotFound if nobody holds it.
func (q queries) Lease(ctx context.Context, name string) (Lease, error) {
	l := Lease{Name: name}
	var expires int64
	err := q.db.NewRaw("SELECT node, fence, expires_at FROM leases WHERE name = ? AND expires_at > ?", name, q.ended()).
		Scan(ctx, &l.Node, &l.Fence, &expires)
	l.ExpiresAt = moment(expires)
	return l, notFound(err, "lease")
}

// LiveNodes returns the runs that are under way, as Node.String gives them.
func (q queries) LiveNodes(ctx context.Context) ([]string, error) {
	var nodes []Node
	err := q.db.NewRaw("SELECT node AS name, fence FROM leases WHERE name LIKE ? AND expires_at > ?", nodeLease+"%", q.ended()).Scan(ctx, &nodes)
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	live := make([]string, len(nodes))
	for i, n := range nodes {
		live[i] = n.String()
	}
	return live, nil
}

// Join makes this program known as a node. Earlier runs under the name count as ended from now on.
// A SQLite database belongs to one program, so there the leases taken under other names end too.
func (tx *Tx) Join(ctx context.Context, name string, lasts time.Duration) (Node, error) {
	if !tx.postgres {
		if _, err := tx.db.NewRaw("UPDATE leases SET expires_at = 0 WHERE node <> ?", name).Exec(ctx); err != nil {
			return Node{}, fmt.Errorf("end leases of an earlier run: %w", err)
		}
	}
	fence, err := tx.AcquireLease(ctx, nodeLease+name, name, lasts)
	return Node{Name: name, Fence: fence}, err
}

// Stay says that a node still runs. Code Conflict if another program has joined under its name.
func (tx *Tx) Stay(ctx context.Context, n Node, lasts time.Duration) error {
	return tx.RenewLease(ctx, nodeLease+n.Name, n.Fence, lasts)
}

// CheckNode makes sure that no other program has joined under a node's name. Code Conflict otherwise.
func (tx *Tx) CheckNode(ctx context.Context, n Node) error {
	return tx.CheckFence(ctx, nodeLease+n.Name, n.Fence)
}

// Leave says that a node has ended.
func (tx *Tx) Leave(ctx context.Context, n Node) error {
	return tx.ReleaseLease(ctx, nodeLease+n.Name, n.Fence)
}

// How long a lease lasts unless renewed. Alone with its database a program competes with nobody,
// and each renewal is a synced write.
const (
	leaseLasts      = 30 * time.Second
	leaseLastsAlone = time.Hour
)

// LeaseLasts is how long leases last on this database.
func (s *Store) LeaseLasts() time.Duration {
	if s.postgres {
		return leaseLasts
	}
	return leaseLastsAlone
}

// Leases deals leases to one node, each call in a transaction of its own.
type Leases struct {
	store *Store
	node  string
}

// Leases returns the leases as the node of this name takes them.
func (s *Store) Leases(node string) *Leases { return &Leases{store: s, node: node} }

// Acquire takes a lease; fence 0 if another node holds it.
func (l *Leases) Acquire(ctx context.Context, name string) (fence int64, lasts time.Duration, err error) {
	lasts = l.store.LeaseLasts()
	err = l.store.InTx(ctx, func(tx *Tx) error {
		var err error
		fence, err = tx.AcquireLease(ctx, name, l.node, lasts)
		return err
	})
	return fence, lasts, err
}

// Renew prolongs a lease. Code Conflict if it is lost.
func (l *Leases) Renew(ctx context.Context, name string, fence int64) (lasts time.Duration, err error) {
	lasts = l.store.LeaseLasts()
	return lasts, l.store.InTx(ctx, func(tx *Tx) error { return tx.RenewLease(ctx, name, fence, lasts) })
}

// Release gives a lease up.
func (l *Leases) Release(ctx context.Context, name string, fence int64) error {
	return l.store.InTx(ctx, func(tx *Tx) error { return tx.ReleaseLease(ctx, name, fence) })
}
