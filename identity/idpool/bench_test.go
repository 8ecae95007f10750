package idpool_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/token"
)

const password identity.Secret = "Correct-Horse-Battery-1"

// BenchmarkCredentials compares the enhanced flow with its floor: the ID token is verified once, and a session is sealed once. Both
// run in turn, and the metric is the ratio of their medians.
func BenchmarkCredentials(b *testing.B) {
	w := newWorld(b, func(o *idpool.Options) {
		o.DevelopmentTrust = false
	})
	users, err := w.engine.OpenUserPool(b.Context(), "users", &identity.PoolSettings{Algorithm: "RS256"})
	if err != nil {
		b.Fatal(err)
	}
	create := identity.CreateUser{Username: "ann", TemporaryPassword: password, SuppressInvitation: true}
	if _, err := users.Admin().Users().Create(b.Context(), create); err != nil {
		b.Fatal(err)
	}
	if err := users.Admin().Users().SetPassword(b.Context(), "ann", password, true); err != nil {
		b.Fatal(err)
	}
	in, err := users.SignIn(b.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		b.Fatal(err)
	}
	raw, provider := in.Tokens.ID, "cognito-idp.us-east-1.amazonaws.com/"+users.PoolID()
	p := w.pool(idpool.Settings{UserPools: []idpool.UserPool{{Name: provider, ClientID: users.ClientID()}}})
	if _, err := w.pools.STS().CreateRole(b.Context(), &sts.Role{ARN: userRole, Trust: sts.PoolTrust(p.ID, false)}); err != nil {
		b.Fatal(err)
	}
	logins := idpool.Logins{provider: raw}
	id, err := w.pools.GetID(b.Context(), p.ID, logins)
	if err != nil {
		b.Fatal(err)
	}
	var session *sts.Session
	ask := func() {
		c, err := w.pools.Credentials(b.Context(), id, logins, "")
		if err != nil {
			b.Fatal(err)
		}
		session = c.Session
	}
	ask()
	keys, err := w.engine.JWKS(b.Context(), users.PoolID())
	if err != nil {
		b.Fatal(err)
	}
	box, err := token.NewBox(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	floor := func() {
		parsed, err := token.Parse(string(raw))
		if err != nil {
			b.Fatal(err)
		}
		i := slices.IndexFunc(keys, func(k token.PublicKey) bool { return k.ID() == parsed.KeyID() })
		if _, err := parsed.Verify(keys[i]); err != nil {
			b.Fatal(err)
		}
		plain, err := json.Marshal(session)
		if err != nil {
			b.Fatal(err)
		}
		box.Seal(plain, nil)
	}
	var least, all []time.Duration
	for i := 0; b.Loop(); i++ {
		first, second := floor, ask
		if i%2 == 1 {
			first, second = ask, floor
		}
		one, two := took(first), took(second)
		if i%2 == 1 {
			one, two = two, one
		}
		least, all = append(least, one), append(all, two)
	}
	b.ReportMetric(float64(median(all))/float64(median(least)), "×floor")
	b.ReportMetric(float64(median(all))/1e3, "µs/credentials")
}

func took(fn func()) time.Duration {
	begun := time.Now()
	fn()
	return time.Since(begun)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
