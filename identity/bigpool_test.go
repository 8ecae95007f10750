package identity_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// A scaleStore weighs what each transaction writes.
type scaleStore struct {
	store.Store

	mu                sync.Mutex
	updates           int
	records, mostRecs int // records deleted by all, and by the largest
	mostWrites        int
}

func (s *scaleStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	var w *scaleTx
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		w = &scaleTx{Tx: tx}
		return fn(w)
	})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.updates++
		s.records += w.records
		s.mostRecs = max(s.mostRecs, w.records)
		s.mostWrites = max(s.mostWrites, w.writes)
	}
	return err
}

type scaleTx struct {
	store.Tx

	records, writes int
}

func (w *scaleTx) Delete(table, key string) error {
	if w.writes++; table == "users" || table == "credentials" {
		w.records++
	}
	return w.Tx.Delete(table, key)
}

// crowded makes a pool with so many users.
func (f *fixture) crowded(t testing.TB, users int) *identity.UserPool {
	t.Helper()
	pool := f.open(t, identity.PoolSettings{SRP: true})
	entries, err := pool.BulkRecords(t.Context(), users, password, person)
	check(t, "BulkRecords", err)
	s := f.store
	if w, ok := s.(*scaleStore); ok {
		s = w.Store
	}
	check(t, "BulkLoad", s.(store.BulkLoader).BulkLoad(t.Context(), entries))
	return pool
}

// A burial is what it took to remove a deleted pool, while others wrote.
type burial struct {
	took    time.Duration
	removed int
	served  int           // writes of others meanwhile
	longest time.Duration // that one of them took
}

// purgePool deletes a pool and sweeps it, while somebody writes to another one.
func (f *fixture) purgePool(t testing.TB, pool, other *identity.UserPool) (b burial) {
	t.Helper()
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		var err error
		b.removed, err = f.Sweep(context.Background())
		b.took = time.Since(began)
		done <- err
	}()
	for n := 0; ; n++ {
		select {
		case err := <-done:
			check(t, "Sweep", err)
			return b
		default:
		}
		start := time.Now()
		err := other.Admin().Users().UpdateAttributes(t.Context(), "alice", map[string]string{"nickname": fmt.Sprint(n)})
		check(t, "UpdateAttributes", err)
		b.longest = max(b.longest, time.Since(start))
		b.served++
	}
}

// A pool of many users is removed in small transactions, and others write in
// between. COGNATE_POOL_USERS says how many; 6,000 by default.
func TestDeletedPoolOfManyUsersHoldsNobodyUp(t *testing.T) {
	if testing.Short() {
		t.Skip("makes and deletes a pool of 6000 users")
	}
	users, err := strconv.Atoi(os.Getenv("COGNATE_POOL_USERS"))
	if err != nil {
		users = 6000
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			s := &scaleStore{Store: back.open(t)}
			f := newEngineOn(t, s)
			other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
			check(t, "OpenUserPool", err)
			f.join(t, other, "alice", email)
			pool := f.crowded(t, users)
			b := f.purgePool(t, pool, other)
			t.Logf("%d users: %d records in %v, %d transactions of at most %d records and %d writes; %d writes of others meanwhile, the slowest took %v",
				users, b.removed, b.took, s.updates, s.mostRecs, s.mostWrites, b.served, b.longest)
			if s.records < 2*users {
				t.Errorf("%d records were deleted, want %d", s.records, 2*users)
			}
			if s.mostRecs > 500 || s.mostWrites > 500*16 {
				t.Errorf("a transaction deleted %d records by %d writes", s.mostRecs, s.mostWrites)
			}
			if batches := 2 * users / 500; b.served < batches/4 {
				t.Errorf("others wrote %d times during %d batches", b.served, batches)
			}
			if left := entries(t, f.store, pool.PoolID()); len(left) > 0 {
				t.Errorf("%d entries are left", len(left))
			}
			check(t, "Verify", verify(t, f.store))
		})
	}
}

// BenchmarkDeletePool removes a pool of COGNATE_BENCH_USERS, and reports how
// long others waited at most for a write meanwhile.
//
//	COGNATE_BENCH_USERS=1000000 go test ./identity -run xxx -bench DeletePool -benchtime 1x -timeout 1h
func BenchmarkDeletePool(b *testing.B) {
	onTowns(b, func(b *testing.B, c *town) {
		other, err := c.OpenUserPool(b.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
		check(b, "OpenUserPool", err)
		enroll(b, other, "alice", map[string]string{"email": email})
		b.ResetTimer() // once: there is one pool to delete
		done := c.purgePool(b, c.pool, other)
		b.ReportMetric(float64(c.users)/done.took.Seconds(), "users/s")
		b.ReportMetric(float64(done.served)/done.took.Seconds(), "others/s")
		b.ReportMetric(float64(done.longest.Microseconds())/1000, "longest-ms")
	})
}
