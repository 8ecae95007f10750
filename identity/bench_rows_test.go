package identity_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// BenchmarkRows reports the bytes of the rows that sign-ins add, each with its
// expiry entry: 100 users sign in by SRP, and then give a wrong password.
//
//	go test ./identity -run xxx -bench Rows -benchtime 1x
func BenchmarkRows(b *testing.B) {
	for b.Loop() {
		f := newEngineOn(b, memory.New())
		pool := f.open(b, identity.PoolSettings{SRP: true})
		ctx := identity.WithCall(b.Context(), identity.Call{RequestID: "3f0c1c5e-6a0b-4c88-9a51-1f0f6b8a2c11"})
		for i := range 100 {
			name := fmt.Sprintf("maria.%07d", i)
			enroll(b, pool, name, map[string]string{"email": name + "@example.com"})
			check(b, "SetPassword", pool.Admin().Users().SetPassword(b.Context(), name, password, true))
		}
		before := f.rows(b)
		for i := range 100 {
			name := fmt.Sprintf("maria.%07d", i)
			x, err := beginSRP(ctx, pool.AppClient, pool.PoolID(), name)
			check(b, "StartSRP", err)
			_, err = x.ch.Answer(ctx, x.proof(b, password))
			check(b, "Answer", err)
			_, err = pool.AppClient.SignIn(ctx, identity.SignIn{Username: name, Password: wrong})
			if !errors.Is(err, identity.ErrIncorrectCredentials) {
				b.Fatalf("SignIn: %v, want %v", err, identity.ErrIncorrectCredentials)
			}
		}
		after := f.rows(b)
		for _, table := range []string{"families", "events", "throttles", "spent"} {
			was, is := before[table], after[table]
			expiry := after[table+".expiry"].bytes - before[table+".expiry"].bytes
			b.ReportMetric(float64(is.bytes-was.bytes+expiry)/float64(is.rows-was.rows), table+"-B/row")
		}
	}
}

// rows counts the rows of each table, and the bytes of their keys and values.
func (f *fixture) rows(t testing.TB) map[string]struct{ rows, bytes int } {
	t.Helper()
	counts := map[string]struct{ rows, bytes int }{}
	check(t, "View", f.store.View(t.Context(), func(r store.Reader) error {
		for _, table := range identity.Tables().Tables() {
			c := counts[table]
			for e, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				c.rows, c.bytes = c.rows+1, c.bytes+len(e.Key)+len(e.Value)
			}
			counts[table] = c
		}
		return nil
	}))
	return counts
}
