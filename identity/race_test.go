package identity_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// repeats is how often each race is run on each store.
func repeats(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("COGNATE_RACE_REPEATS"))
	if err != nil {
		return 1
	}
	return n
}

// onBackEnds runs a race on each store, on an engine and a pool of its own each time.
func onBackEnds(t *testing.T, settings identity.PoolSettings, race func(t *testing.T, f *fixture, pool *identity.UserPool)) {
	t.Helper()
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			for i := range repeats(t) {
				t.Run(strconv.Itoa(i), func(t *testing.T) {
					f := newEngineOn(t, back.open(t))
					race(t, f, f.open(t, settings))
				})
			}
		})
	}
}

// crowd is how many take part in a race. TestMain makes it smaller in the short tier.
var crowd = 200

// wantOneWinner checks that one call succeeded and all others failed with one of the errors given.
func wantOneWinner(t *testing.T, errs []error, losers ...error) {
	t.Helper()
	if n := tally(t, errs, append(losers, nil)...)[nil]; n != 1 {
		t.Errorf("%d of %d won, want 1", n, len(errs))
	}
}

func TestOneOfManySignUpsUnderOneNameWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{ReplaceUnconfirmed: new(false)}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		names := []string{"zo\u00eb", "Zo\u00eb", "zoe\u0308", "ZOE\u0308"}
		errs := together(crowd, func(i int) error {
			_, err := pool.SignUp(t.Context(), identity.SignUp{
				Username: names[i%len(names)], Password: password,
				Attributes: map[string]string{"email": fmt.Sprintf("%d@example.com", i)},
			})
			return err
		})
		wantOneWinner(t, errs, identity.ErrUsernameExists)
		if n, err := pool.Admin().CountUsers(t.Context()); n != 1 || err != nil {
			t.Errorf("the pool has %d users, %v, want 1", n, err)
		}
		if n := len(f.outbox.Messages(nil)); n != 1 {
			t.Errorf("%d codes were sent, want 1", n)
		}
		check(t, "Verify", verify(t, f.store))
	})
}

func TestOneOfManyConfirmationsOfOneAliasWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{Aliases: []string{"email"}}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		n := crowd
		name := func(i int) string { return fmt.Sprintf("user%d", i) }
		for i := range n {
			f.signUp(t, pool, name(i), email)
		}
		errs := together(n, func(i int) error {
			code := identity.Secret(f.outbox.LastCode(name(i)))
			return pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: name(i), Code: code})
		})
		wantOneWinner(t, errs, identity.ErrAliasExists)
		wantOneOwner(t, pool, n, name)

		f.mayForce(t, pool)
		errs = together(n, func(i int) error { // and by force each that is not confirmed yet takes it over in turn
			code := identity.Secret(f.outbox.LastCode(name(i)))
			return pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: name(i), Code: code, ForceAlias: true})
		})
		tally(t, errs, nil, identity.ErrCodeMismatch)
		wantOneOwner(t, pool, n, name)
		check(t, "Verify", verify(t, f.store))
	})
}

// wantOneOwner checks that exactly one user has verified the address, and signs in with it.
func wantOneOwner(t *testing.T, pool *identity.UserPool, n int, name func(int) string) {
	t.Helper()
	owners := map[string]bool{}
	for i := range n {
		u, err := pool.Admin().Users().Get(t.Context(), name(i))
		check(t, "Get", err)
		if u.Attributes["email_verified"] == "true" {
			owners[u.Username] = true
		}
	}
	u, err := pool.Admin().Users().Get(t.Context(), email)
	if err != nil || len(owners) != 1 || !owners[u.Username] {
		t.Errorf("the address is verified for %v and signs in %+v, %v, want one user", owners, u, err)
	}
}

func TestOneOfManyUsesOfACodeWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.signUp(t, pool, "alice", email)
		code := f.outbox.LastCode("alice")
		errs := together(crowd, func(int) error { return confirmAs(t, pool, "alice", code) })
		wantOneWinner(t, errs, identity.ErrCodeMismatch, identity.ErrLimitExceeded)
	})
}

func TestFifteenOfManyGuessesOfACodeAreJudged(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.signUp(t, pool, "alice", email)
		code := otherCode(f.outbox.LastCode("alice"))
		for _, name := range lockable {
			errs := together(crowd, func(int) error { return confirmAs(t, pool, name, code) })
			if n := tally(t, errs, identity.ErrCodeMismatch, identity.ErrLimitExceeded)[identity.ErrCodeMismatch]; n != 15 {
				t.Errorf("%s: %d guesses were judged, want 15", name, n)
			}
		}
	})
}

func TestOneOfManyAnswersToAChallengeWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.invite(t, pool, "alice", nil)
		state := challenge(t, pool.AppClient, "alice").State()
		errs := together(crowd, func(i int) error {
			_, err := pool.NewPassword("alice", state).Answer(t.Context(), identity.NewPassword{
				Password: identity.Secret(fmt.Sprintf("%s %d", password, i)),
			})
			return err
		})
		wantOneWinner(t, errs, identity.ErrSessionUsed)
		winner := 0
		for i := range crowd {
			if errs[i] == nil {
				winner = i
			}
		}
		wantErr(t, "the winner's password", byPassword(t, pool.AppClient, "alice", fmt.Sprintf("%s %d", password, winner)), nil)
		check(t, "Verify", verify(t, f.store))
	})
}

func TestOneOfManyAnswersToAnSRPExchangeWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{SRP: true}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
		proof := x.proof(t, password)
		errs := together(crowd/4, func(int) error { _, err := x.ch.Answer(t.Context(), proof); return err })
		wantOneWinner(t, errs, identity.ErrSessionUsed)
		wantErr(t, "and nobody is locked out", byPassword(t, pool.AppClient, "alice", password), nil)
	})
}

// rotating makes a client that rotates refresh tokens.
func (f *fixture) rotating(t testing.TB, pool *identity.UserPool, grace int) *identity.AppClient {
	t.Helper()
	return f.client(t, pool, identity.ClientSettings{
		AuthFlows: allFlows[:2], Rotation: &identity.RefreshRotation{Enabled: true, GraceSeconds: &grace},
	})
}

func TestReuseOfARotatedTokenEndsTheSignIn(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		client := f.rotating(t, pool, 0)
		old := f.signIn(t, client, "alice")
		other := f.signIn(t, client, "alice")
		tokens := make([]*identity.Tokens, crowd)
		errs := together(crowd, func(i int) (err error) {
			tokens[i], err = client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
			return err
		})
		wantOneWinner(t, errs, identity.ErrRefreshTokenReused, identity.ErrRefreshTokenRevoked)
		for i, won := range tokens {
			if errs[i] != nil {
				continue
			}
			_, err := client.Refresh(t.Context(), identity.Refresh{Token: won.Refresh, Rotating: true})
			wantErr(t, "the winner's refresh token", err, identity.ErrRefreshTokenRevoked)
			_, err = pool.Session(t.Context(), won.Access)
			wantErr(t, "the winner's access token", err, identity.ErrAccessTokenRevoked)
		}
		_, err := client.Refresh(t.Context(), identity.Refresh{Token: other.Refresh, Rotating: true})
		wantErr(t, "another sign-in", err, nil)
	})
}

func TestManyUsesWithinTheGracePeriodGiveOneGeneration(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		client := f.rotating(t, pool, 60)
		old := f.signIn(t, client, "alice")
		tokens := make([]*identity.Tokens, crowd)
		errs := together(crowd, func(i int) (err error) {
			tokens[i], err = client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
			return err
		})
		tally(t, errs, nil)
		f.advance(59 * time.Second)
		for i, next := range tokens { // each is of the second generation: none makes another reused
			_, err := client.Refresh(t.Context(), identity.Refresh{Token: next.Refresh, Rotating: true})
			wantErr(t, "token "+strconv.Itoa(i), err, nil)
		}
		_, err := client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
		wantErr(t, "the first generation beside the third", err, identity.ErrRefreshTokenReused)
	})
}

func TestManyOpenOnePool(t *testing.T) {
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			s := back.open(t)
			engines := []*fixture{newEngineOn(t, s), newEngineOn(t, s)}
			ids, keys := make([]string, 50), make([]string, 50)
			errs := together(50, func(i int) error {
				e := engines[i%2]
				pool, err := e.OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
				if err != nil {
					return err
				}
				set, err := e.JWKS(t.Context(), pool.PoolID())
				if err != nil {
					return err
				}
				ids[i] = pool.PoolID() + " " + pool.ClientID()
				keys[i] = set[0].ID() + " " + set[1].ID()
				return nil
			})
			tally(t, errs, nil)
			for i := range ids {
				if ids[i] != ids[0] || keys[i] != keys[0] {
					t.Fatalf("one opened %s with keys %s, another %s with keys %s", ids[0], keys[0], ids[i], keys[i])
				}
			}
			n := 0
			for _, err := range engines[0].UserPools(t.Context(), "us-east-1", "") {
				check(t, "UserPools", err)
				n++
			}
			if n != 1 {
				t.Errorf("there are %d pools, want 1", n)
			}
		})
	}
}

// A client keeps one secret, however many are deleted at once.
func TestOneOfManyDeletionsOfASecretWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		clients := pool.Admin().Clients()
		id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
		check(t, "AddSecret", second(clients.AddSecret(t.Context(), id, "")))
		infos, err := clients.SecretInfos(t.Context(), id)
		check(t, "SecretInfos", err)
		errs := together(crowd, func(i int) error { return clients.DeleteSecret(t.Context(), id, infos[i%2].ID) })
		wantOneWinner(t, errs, identity.ErrLastSecret, identity.ErrSecretNotFound)
		if left, err := clients.SecretInfos(t.Context(), id); err != nil || len(left) != 1 {
			t.Errorf("%d secrets are left, %v, want 1", len(left), err)
		}
	})
}

func TestOneOfManyAdditionsOfASecretWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		clients := pool.Admin().Clients()
		id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
		errs := together(crowd, func(int) error { return second(clients.AddSecret(t.Context(), id, "")) })
		wantOneWinner(t, errs, identity.ErrQuotaExceeded)
	})
}

func TestOneOfManyCreationsOfAGroupWins(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		groups := pool.Admin().Groups()
		errs := together(crowd, func(i int) error {
			description := fmt.Sprint(i)
			return second(groups.Create(t.Context(), identity.GroupSettings{Name: "admins", Description: &description}))
		})
		wantOneWinner(t, errs, identity.ErrGroupExists)
		g, err := groups.Get(t.Context(), "admins")
		check(t, "Get", err)
		for i, err := range errs {
			if err == nil && *g.Description != fmt.Sprint(i) {
				t.Errorf("the group is that of %s, %d won", *g.Description, i)
			}
		}
		check(t, "Verify", verify(t, f.store))
	})
}

// verify checks that every index of the store agrees with its records.
func verify(t testing.TB, s store.Store) error {
	t.Helper()
	return identity.VerifyIndexes(t.Context(), s)
}
