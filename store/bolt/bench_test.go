package bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/internal/sample"
	"go.etcd.io/bbolt"
)

// BenchmarkWrite compares the store with bbolt alone, given the same entries:
// one transaction for each user, or one for as many users as there are writers.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("store/writers=", writers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			defer s.Close()
			b.ResetTimer()
			parallel(b, writers, func(i int) error {
				u := sample.NewUser(i)
				return s.Update(b.Context(), func(tx store.Tx) error { return sample.Users.Insert(tx, u) })
			})
			b.ReportMetric(float64(b.N)/float64(s.Commits()), "writes/commit")
		})
		b.Run(fmt.Sprint("raw/writers=", writers), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			b.ResetTimer()
			for i := 0; i < b.N; i += writers {
				if err := db.Update(func(tx *bbolt.Tx) error { return putRaw(tx, i, min(i+writers, b.N)) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// parallel calls fn for each i below b.N, on so many goroutines.
func parallel(b *testing.B, writers int, fn func(i int) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if err := fn(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func putRaw(tx *bbolt.Tx, from, to int) error {
	for i := from; i < to; i++ {
		refs, values, err := sample.Users.Entries(sample.NewUser(i))
		if err != nil {
			return err
		}
		for i, ref := range refs {
			bucket, err := tx.CreateBucketIfNotExists([]byte(ref.Table))
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(ref.Key), values[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// BenchmarkUsers loads users and reports what each takes in the file.
func BenchmarkUsers(b *testing.B) {
	const users = 100_000
	path := filepath.Join(b.TempDir(), "store.db")
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			os.Remove(path)
			s := open(b, path)
			if err := s.BulkLoad(b.Context(), sample.Entries(users)); err != nil {
				b.Fatal(err)
			}
			s.Close()
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/users, "B/user")
		}
	})
	b.Run("open", func(b *testing.B) { benchmarkOpen(b, path, &bolt.Options{CheckUpTo: -1}) })
	b.Run("open and check", func(b *testing.B) { benchmarkOpen(b, path, &bolt.Options{CheckUpTo: 1 << 40}) })
	s := open(b, path)
	defer s.Close()
	b.Run("get", func(b *testing.B) { sample.Get(b, s, users) })
	b.Run("prefix", func(b *testing.B) { sample.Prefix(b, s, users) })
	b.Run("insert", func(b *testing.B) { sample.Insert(b, s, users) })
}

// BenchmarkUpdate changes one user after another, each in a commit of its own,
// after a bulk load in no order, and again with many pages free: what that costs
// must hardly depend on either. COGNATE_BENCH_USERS is up to how many users
// there are; 10,000 by default.
func BenchmarkUpdate(b *testing.B) {
	most := 10_000
	if n, err := strconv.Atoi(os.Getenv("COGNATE_BENCH_USERS")); err == nil {
		most = n
	}
	for users := 1000; users <= most; users *= 10 {
		b.Run(fmt.Sprint("users=", users), func(b *testing.B) { benchmarkUpdate(b, users) })
	}
}

func benchmarkUpdate(b *testing.B, users int) {
	path := filepath.Join(b.TempDir(), "store.db")
	s := open(b, path)
	if err := s.BulkLoad(b.Context(), sample.Entries(users)); err != nil {
		b.Fatal(err)
	}
	b.Run("loaded", func(b *testing.B) { sample.Change(b, s, users) })
	s.Crash()
	b.Run("open/loaded", func(b *testing.B) { benchmarkReopen(b, path) })
	s = open(b, path)
	freeMany(b, s, 25_000)
	b.Run("freed", func(b *testing.B) { sample.Change(b, s, users) })
	s.Crash()
	b.Run("open/freed", func(b *testing.B) { benchmarkReopen(b, path) })
}

// benchmarkReopen opens a file after a crash.
func benchmarkReopen(b *testing.B, path string) {
	for b.Loop() {
		open(b, path).Crash()
	}
}

func benchmarkOpen(b *testing.B, path string, o *bolt.Options) {
	for b.Loop() {
		s, err := bolt.Open(path, o)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
