package postgres_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/internal/sample"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// BenchmarkUsers is what a user costs, with COGNATE_BENCH_USERS of them, by default a thousand.
//
//	COGNATE_BENCH_USERS=1000000 .ci/postgres go test ./store/postgres -run xxx -bench Users -timeout 1h
func BenchmarkUsers(b *testing.B) {
	users, err := strconv.Atoi(os.Getenv("COGNATE_BENCH_USERS"))
	if err != nil {
		users = 1000
	}
	s := postgrestest.Open(b, postgrestest.Address(b), nil)
	defer s.Close()
	if err := s.BulkLoad(b.Context(), sample.Entries(users)); err != nil {
		b.Fatal(err)
	}
	b.Run("size", func(b *testing.B) {
		n, err := s.Size(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() { // nothing is timed
		}
		b.ReportMetric(float64(n)/float64(users), "B/user")
	})
	b.Run("get", func(b *testing.B) { sample.Get(b, s, users) })
	b.Run("prefix", func(b *testing.B) { sample.Prefix(b, s, users) })
	b.Run("change", func(b *testing.B) { sample.Change(b, s, users) })
	var next atomic.Int64
	next.Store(int64(users))
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint("insert/writers=", writers), func(b *testing.B) { insert(b, s, &next, writers) })
	}
}

// insert signs up new users, from so many goroutines.
func insert(b *testing.B, s store.Store, next *atomic.Int64, writers int) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				u := sample.NewUser(int(next.Add(1)))
				if err := s.Update(b.Context(), func(tx store.Tx) error { return sample.Users.Insert(tx, u) }); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
