package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// Preview is what would be decided at a moment.
type Preview struct {
	Decision
	// Next is the first moment after it at which somebody would get what waits now; zero if somebody
	// gets it at once, or nobody would within two weeks.
	Next time.Time
}

const (
	previewAhead = 14 * 24 * time.Hour
	previewEdges = 500 // a bound for rosters in which somebody comes or goes every minute
)

// Preview says who would get a new conversation of a shop at a moment, by the same rules as one that
// arrives: roster, rights and presence as they are drawn for that moment, and everybody's work as it
// is now. Code NotFound if the shop is unknown or outside the scope.
func (s *Service) Preview(ctx context.Context, scope rbac.Scope, shop inbox.ShopID, at time.Time) (Preview, error) {
	r, err := s.begin(ctx, s.store, []inbox.ShopID{shop}, nil)
	if err != nil {
		return Preview{}, fmt.Errorf("preview shop %s: %w", shop, err)
	}
	if _, known := r.roster.shops[shop]; !known || !scope.SeesShop(shop) {
		return Preview{}, inbox.Errorf(inbox.NotFound, "there is no such shop")
	}
	answer := Preview{Decision: r.at(at).decide(&inbox.Conversation{Shop: shop})}
	if answer.User != 0 || answer.Reason.Code == ReasonShopStopped {
		return answer, nil
	}
	edge, last := at, at.Add(previewAhead)
	for range previewEdges {
		if edge = r.roster.nextEdge(edge, last.Sub(edge)); edge.IsZero() {
			break
		}
		if r.at(edge).decide(&inbox.Conversation{Shop: shop}).User != 0 {
			answer.Next = edge
			break
		}
	}
	return answer, nil
}

// at is the same round at another moment.
func (r *round) at(now time.Time) *round {
	later := *r
	later.now, later.duty = now, map[inbox.UserID]duty{}
	return &later
}
