package sample

import (
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Insert measures the insert of a user. The store has n users.
func Insert(b *testing.B, s store.Store, n int) {
	b.ReportAllocs()
	for i := n; b.Loop(); i++ {
		u := NewUser(i)
		if err := s.Update(b.Context(), func(tx store.Tx) error { return Users.Insert(tx, u) }); err != nil {
			b.Fatal(err)
		}
	}
}

// Change measures a sign-in of one of n users: it changes a record and none of its index
// keys.
func Change(b *testing.B, s store.Store, n int) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		u := NewUser(i * 7919 % n)
		u.Changed = u.Changed.Add(time.Duration(i+1) * time.Second)
		if err := s.Update(b.Context(), func(tx store.Tx) error { return Users.Put(tx, u) }); err != nil {
			b.Fatal(err)
		}
	}
}

// Get measures reading and decoding one of n users.
func Get(b *testing.B, s store.Store, n int) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := store.Key(Pool, Sub(i*7919%n))
		err := s.View(b.Context(), func(r store.Reader) error { _, err := Users.Get(r, key); return err })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// Prefix measures a search: it finds twenty of n users by the beginning of their email
// address and reads them.
func Prefix(b *testing.B, s store.Store, n int) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rng := store.StartsWith(fmt.Sprintf("user%05d", i*7919%n/100), Pool)
		rng.Limit = 20
		found := 0
		err := s.View(b.Context(), func(r store.Reader) error {
			var refs []store.Ref
			for key, err := range Users.ScanIndex(r, Emails, rng) {
				if err != nil {
					return err
				}
				refs = append(refs, Users.Ref(key))
			}
			values, err := r.Get(refs...)
			found = len(values)
			return err
		})
		if err != nil || found != rng.Limit {
			b.Fatal(found, err)
		}
	}
}
