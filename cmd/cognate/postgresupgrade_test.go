package main_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// A failing store ends after some transactions that may write.
type failing struct {
	store.Store
	left int
}

var errFailed = errors.New("the connection is gone")

func (s *failing) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.left == 0 {
		return errFailed
	}
	s.left--
	return s.Store.Update(ctx, fn)
}

// The search index of a store from before it was folded is made again in several
// transactions: an upgrade that breaks off goes on when it is called again, and then finds
// every user.
func TestUpgradeInBatches(t *testing.T) {
	const n = 601 // more than two transactions take
	s := postgrestest.Open(t, postgrestest.Address(t), &postgres.Options{Views: identity.Tables().Views()})
	t.Cleanup(func() { s.Close() })
	pool, err := identity.New(s, &identity.Options{InsecureUnsealed: true}).OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	users := pool.Admin().Users()
	recs := make([]*identity.UserRecord, n)
	for i := range recs {
		recs[i] = &identity.UserRecord{Username: fmt.Sprint("user", i), Attributes: map[string]string{"email": mixedCase(i)}}
	}
	if res, err := users.Import(t.Context(), recs); err != nil || res.Imported != n {
		t.Fatalf("Import = %+v, %v", res, err)
	}
	unfold(t, s, pool.PoolID())
	if found := wrong(t, s); found != 2*n { // one entry is missing and one is extra for each user
		t.Fatalf("before the upgrade check finds %d problems, want %d", found, 2*n)
	}
	for _, left := range []int{2, 5} {
		if err := identity.Upgrade(t.Context(), &failing{s, left}); !errors.Is(err, errFailed) {
			t.Fatalf("an upgrade that breaks off after %d transactions: %v, want %v", left, err, errFailed)
		}
		if found := wrong(t, s); found == 0 {
			t.Errorf("%d transactions have mended everything, so the upgrade is not in batches", left)
		}
	}
	if err := identity.Upgrade(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if found := wrong(t, s); found != 0 {
		t.Errorf("after the upgrade check finds %d problems", found)
	}
	for _, i := range []int{0, 1, n / 2, n - 1} {
		page, _, err := users.Page(t.Context(), identity.UserQuery{Filter: fmt.Sprintf("email = %q", strings.ToUpper(mixedCase(i)))})
		if err != nil || len(page) != 1 || page[0].Username != recs[i].Username {
			t.Errorf("%s: %d users, %v", mixedCase(i), len(page), err)
		}
	}
	if err := identity.Upgrade(t.Context(), &failing{s, 0}); err != nil {
		t.Errorf("the upgrade of a store in its present form writes: %v", err)
	}
}

func mixedCase(i int) string { return fmt.Sprintf("User%04d@Example.com", i) }

// unfold gives the search index the form that earlier versions wrote.
func unfold(t *testing.T, s store.Store, pool string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx store.Tx) error {
		var keys []string
		values := map[string][]byte{}
		for e, err := range tx.Scan("users.search", store.Prefix(pool, "email")) {
			if err != nil {
				return err
			}
			keys, values[e.Key] = append(keys, e.Key), e.Value
		}
		for _, key := range keys {
			old := strings.NewReplacer("user", "User", "example", "Example").Replace(key)
			if err := errors.Join(tx.Delete("users.search", key), tx.Put("users.search", old, values[key])); err != nil {
				return err
			}
		}
		return tx.Delete("formats", store.Key("search"))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wrong returns how many index entries are missing, wrong or extra.
func wrong(t *testing.T, s store.Store) (n int) {
	t.Helper()
	err := identity.Check(t.Context(), s, identity.Tables(), func(p store.Problem) {
		if p.Index {
			n++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
