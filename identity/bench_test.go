package identity_test

import (
	"fmt"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// benchUsers is how many users the store of a benchmark holds.
func benchUsers(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv("COGNATE_BENCH_USERS"))
	if err != nil {
		return 1000
	}
	return n
}

// benched is a pool full of users, of whom each is benchmarked in turn.
type benched struct {
	*fixture
	pool  *identity.UserPool
	users int
	n     int
}

// next is the next user's name. Users come up in an order that is not that of the store.
func (x *benched) next() string {
	x.n++
	return benchName(x.n * 7919 % x.users)
}

func benchName(i int) string { return fmt.Sprintf("user%07d", i) }

func benchNames(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(benchName(i)) {
				return
			}
		}
	}
}

// onStores runs a benchmark on each store, filled with users.
func onStores(b *testing.B, settings identity.PoolSettings, bench func(b *testing.B, x *benched)) {
	b.Helper()
	for _, back := range backEnds {
		b.Run(back.name, func(b *testing.B) {
			s := back.open(b)
			x := &benched{users: benchUsers(b)}
			x.fixture = newEngineWith(b, s, func(o *identity.Options) { o.Logger = slog.New(slog.DiscardHandler) })
			x.outbox.Next = nil
			x.pool = x.open(b, settings)
			entries, err := x.pool.BulkUsers(b.Context(), benchNames(x.users), password)
			check(b, "BulkUsers", err)
			check(b, "BulkLoad", s.(store.BulkLoader).BulkLoad(b.Context(), entries))
			x.fixture.signIn(b, x.pool.AppClient, benchName(0)) // makes the keys
			b.ReportAllocs()
			bench(b, x)
		})
	}
}

func BenchmarkSignUp(b *testing.B) {
	for name, withSRP := range map[string]bool{"SRP": true, "NoSRP": false} {
		b.Run(name, func(b *testing.B) {
			onStores(b, identity.PoolSettings{SRP: withSRP}, func(b *testing.B, x *benched) {
				i := 0
				for b.Loop() {
					i++
					_, err := x.pool.SignUp(b.Context(), identity.SignUp{
						Username: fmt.Sprintf("new%07d", i), Password: password,
						Attributes: map[string]string{"email": fmt.Sprintf("new%07d@example.com", i)},
					})
					check(b, "SignUp", err)
				}
			})
		})
	}
}

func BenchmarkSignIn(b *testing.B) {
	for _, alg := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(alg), func(b *testing.B) {
			onStores(b, identity.PoolSettings{Algorithm: alg}, func(b *testing.B, x *benched) {
				for b.Loop() {
					x.fixture.signIn(b, x.pool.AppClient, x.next())
				}
			})
		})
	}
}

// BenchmarkSessionTracking is a sign-in, and a refresh without rotation, where sessions are on record and where they
// are not. A session that is on record is written when it is a minute old, which the third row does each time.
func BenchmarkSessionTracking(b *testing.B) {
	for _, tracked := range []bool{false, true} {
		settings := identity.PoolSettings{Algorithm: "ES256", Sessions: &identity.SessionSettings{Tracked: tracked, MaxPerUser: 100}}
		name := fmt.Sprintf("tracked=%t,", tracked)
		b.Run(name+"SignIn", func(b *testing.B) {
			onStores(b, settings, func(b *testing.B, x *benched) {
				for b.Loop() {
					x.fixture.signIn(b, x.pool.AppClient, x.next())
				}
			})
		})
		for _, pause := range []time.Duration{0, time.Minute} {
			b.Run(fmt.Sprintf("%sRefresh/after=%s", name, pause), func(b *testing.B) {
				onStores(b, settings, func(b *testing.B, x *benched) {
					check(b, "Update", second(x.pool.Admin().Clients().Update(b.Context(), x.pool.ClientID(), func(s *identity.ClientSettings) error {
						s.Rotation, s.IdleHours, s.RefreshTokenValidity = &identity.RefreshRotation{}, new(0), new(3650)
						return nil
					})))
					in := x.fixture.signIn(b, x.pool.AppClient, x.next())
					for b.Loop() {
						x.fixture.advance(pause)
						check(b, "Refresh", second(x.pool.Refresh(b.Context(), identity.Refresh{Token: in.Refresh})))
					}
				})
			})
		}
	}
}

// BenchmarkSRP is both steps of the server; the client's work is not counted.
// All users of the bulk have the verifier of one, so the proof is of user 0.
func BenchmarkSRP(b *testing.B) {
	onStores(b, identity.PoolSettings{SRP: true}, func(b *testing.B, x *benched) {
		check(b, "SetPassword", x.pool.Admin().Users().SetPassword(b.Context(), benchName(0), password, true))
		for b.Loop() {
			e := mustBeginSRP(b, x.pool.AppClient, x.pool.PoolID(), benchName(0))
			b.StopTimer()
			proof := e.proof(b, password)
			b.StartTimer()
			_, err := e.ch.Answer(b.Context(), proof)
			check(b, "Answer", err)
		}
	})
}

func BenchmarkRefresh(b *testing.B) {
	for _, alg := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(alg), func(b *testing.B) {
			onStores(b, identity.PoolSettings{Algorithm: alg}, func(b *testing.B, x *benched) {
				_, err := x.pool.Admin().Clients().Update(b.Context(), x.pool.ClientID(), func(s *identity.ClientSettings) error {
					s.Rotation = &identity.RefreshRotation{} // off
					return nil
				})
				check(b, "Update", err)
				tokens := manyTokens(b, x)
				i := 0
				for b.Loop() {
					i++
					_, err := x.pool.Refresh(b.Context(), identity.Refresh{Token: tokens[i%len(tokens)].Refresh})
					check(b, "Refresh", err)
				}
			})
		})
	}
}

// BenchmarkRotatingRefresh is of a client that takes a new refresh token each time. The store
// has one commit more for each than for BenchmarkRefresh.
func BenchmarkRotatingRefresh(b *testing.B) {
	for _, alg := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(alg), func(b *testing.B) {
			onStores(b, identity.PoolSettings{Algorithm: alg}, func(b *testing.B, x *benched) {
				tokens := manyTokens(b, x)
				i := 0
				for b.Loop() {
					i = (i + 1) % len(tokens)
					next, err := x.pool.Refresh(b.Context(), identity.Refresh{Token: tokens[i].Refresh, Rotating: true})
					check(b, "Refresh", err)
					tokens[i] = next
				}
			})
		})
	}
}

// manyTokens signs some of the users in.
func manyTokens(b *testing.B, x *benched) []*identity.Tokens {
	b.Helper()
	var out []*identity.Tokens
	for range 100 {
		out = append(out, x.fixture.signIn(b, x.pool.AppClient, x.next()))
	}
	return out
}

// BenchmarkSession is what GetUser does.
func BenchmarkSession(b *testing.B) {
	for _, alg := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(alg), func(b *testing.B) {
			onStores(b, identity.PoolSettings{Algorithm: alg}, func(b *testing.B, x *benched) {
				tokens := manyTokens(b, x)
				i := 0
				for b.Loop() {
					i++
					s, err := x.pool.Session(b.Context(), tokens[i%len(tokens)].Access)
					check(b, "Session", err)
					_, err = s.User()
					check(b, "User", err)
				}
			})
		})
	}
}
