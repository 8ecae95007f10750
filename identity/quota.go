package identity

import (
	"cmp"
	"context"
	"math"

	"github.com/cognate-id/cognate/store"
)

// Quotas limit how many pools, clients and groups operators can make, and how many
// users strangers can make. Zero means the default, which for what operators make is
// the service's figure. A negative number means no limit. A quota is checked
// before the transaction that makes something, so several makers at once may exceed it a little.
type Quotas struct {
	Pools           int // of a region; 1,000
	Clients         int // of a pool; 1,000
	Groups          int // of a pool; 10,000
	GroupsPerUser   int // 100
	ResourceServers int // of a pool; 25
	Providers       int // identity providers of a pool; 300
	// Users is how many users a pool may have before sign-ups are refused. What operators
	// make counts and is never refused. Each process counts the users every minute or more rarely,
	// so several processes may exceed it by what they add in between. Defaults to no limit.
	Users int
	// Unconfirmed is how many users of a pool may be unconfirmed at the same time before
	// sign-ups are refused, counted as Users are. Defaults to 100,000 in pools whose unconfirmed users expire, see
	// [PoolSettings], and to no limit in others, where nothing would ever make room.
	Unconfirmed int
}

// The service's quotas.
var serviceQuotas = Quotas{Pools: 1000, Clients: 1000, Groups: 10_000, GroupsPerUser: 100, ResourceServers: 25, Providers: 300}

// What there can be too many of, as a [QuotaError] calls it.
const (
	quotaPools   = "user pools"
	quotaClients = "app clients"
	quotaSecrets = "client secrets"

	quotaUsers       = "users"
	quotaUnconfirmed = "unconfirmed users"
)

// unconfirmed is the limit of unconfirmed users of a pool.
func (q *Quotas) unconfirmed(s *PoolSettings) int {
	if q.Unconfirmed == 0 && s.UnconfirmedLife() == 0 {
		return math.MaxInt
	}
	return limitOr(q.Unconfirmed, 100_000)
}

// checkPoolLimit refuses one more pool in a region that has as many as it may have.
func (e *Engine) checkPoolLimit(ctx context.Context, region string) error {
	index := pools.IndexRef(poolsByRegion, "").Table
	return e.checkLimit(ctx, quotaPools, e.quotas.Pools, serviceQuotas.Pools, index, store.Prefix(region))
}

// checkClientLimit refuses one more app client in a pool that has as many as it may have.
func (e *Engine) checkClientLimit(ctx context.Context, pool string) error {
	index := clients.IndexRef(clientsByPool, "").Table
	return e.checkLimit(ctx, quotaClients, e.quotas.Clients, serviceQuotas.Clients, index, store.Prefix(pool))
}

// checkLimit returns [ErrQuotaExceeded] if there is no room for one more under a
// quota, given by its setting and the service's figure. It counts the entries of
// rng in a table, up to the quota.
func (e *Engine) checkLimit(ctx context.Context, what string, set, service int, table string, rng store.Range) error {
	limit := cmp.Or(set, service)
	if limit < 0 {
		return nil
	}
	n := 0
	err := e.store.View(ctx, func(r store.Reader) error {
		n = 0
		rng.Limit = limit
		for _, err := range r.Scan(table, rng) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err == nil && n >= limit {
		err = &QuotaError{what, limit}
	}
	return err
}
