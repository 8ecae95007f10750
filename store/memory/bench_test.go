package memory_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/internal/sample"
	"github.com/cognate-id/cognate/store/memory"
)

func filled(b *testing.B, users int) *memory.Store {
	b.Helper()
	s := memory.New()
	if err := s.BulkLoad(b.Context(), sample.Entries(users)); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkGet(b *testing.B) {
	for _, users := range []int{1e3, 1e6} {
		b.Run(fmt.Sprint("users=", users), func(b *testing.B) {
			s := filled(b, users)
			refs := make([]store.Ref, 1024)
			for i := range refs {
				refs[i] = sample.Users.Ref(store.Key(sample.Pool, sample.Sub(i*7919%users)))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_ = s.View(b.Context(), func(r store.Reader) error { _, err := r.Get(refs[i%1024]); return err })
			}
		})
	}
}

func BenchmarkInsert(b *testing.B) {
	for _, users := range []int{1e3, 1e6} {
		b.Run(fmt.Sprint("users=", users), func(b *testing.B) {
			s := filled(b, users)
			b.ReportAllocs()
			value := []byte(`{"v":1}`)
			for i := 0; b.Loop(); i++ {
				key := store.Key(sample.Pool, sample.Sub(users+i))
				err := s.Update(b.Context(), func(tx store.Tx) error { return tx.Insert("users", key, value) })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFork(b *testing.B) {
	for _, users := range []int{1e3, 1e6} {
		b.Run(fmt.Sprint("users=", users), func(b *testing.B) {
			s := filled(b, users)
			for b.Loop() {
				if _, err := s.Fork(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUsers loads users and reports what each takes in memory.
func BenchmarkUsers(b *testing.B) {
	const users = 100_000
	b.Run("load", func(b *testing.B) {
		var before, after runtime.MemStats
		for b.Loop() {
			runtime.GC()
			runtime.ReadMemStats(&before)
			s := filled(b, users)
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(s)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/users, "B/user")
		}
	})
	s := filled(b, users)
	b.Run("insert", func(b *testing.B) { sample.Insert(b, s, users) })
	b.Run("get", func(b *testing.B) { sample.Get(b, s, users) })
	b.Run("prefix", func(b *testing.B) { sample.Prefix(b, s, users) })
}
