package identity_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store/memory"
)

// fuzzed is a pool with a user, an invited user and what each of them holds.
type fuzzed struct {
	*fixture
	pool   *identity.UserPool
	tokens *identity.Tokens
	state  string // of a challenge for a new password
	proof  identity.PasswordProof
	sub    string
}

func newFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	fx := &fuzzed{fixture: newEngineOn(f, memory.New())}
	fx.pool = fx.open(f, identity.PoolSettings{SRP: true, Aliases: []string{"email"}})
	fx.sub = fx.join(f, fx.pool, "alice", email).Sub
	fx.tokens = fx.signIn(f, fx.pool.AppClient, "alice")
	fx.invite(f, fx.pool, "bob", nil)
	fx.state = challenge(f, fx.pool.AppClient, "bob").State()
	fx.proof = mustBeginSRP(f, fx.pool.AppClient, fx.pool.PoolID(), "alice").proof(f, password)
	return fx
}

// seal makes of fuzzed text a sealed state too, so that what lies behind the seal is fuzzed as well.
func (x *fuzzed) seal(t *testing.T, kind, text string) string {
	t.Helper()
	sealed, err := x.pool.SealState(t.Context(), kind, []byte(text))
	check(t, "SealState", err)
	return sealed
}

func FuzzChallengeState(f *testing.F) {
	x := newFuzzed(f)
	f.Add("bob", x.state, chosen)
	f.Add("alice", x.state, "short")
	f.Add("bob", `{"k":"new-password","i":"1","n":"bob","s":"`+x.sub+`","e":"2030-01-01T00:00:00Z"}`, chosen)
	f.Add("", `{}`, "")
	f.Add("bob", `{"k":1}`, "\xff")
	f.Fuzz(func(t *testing.T, name, state, password string) {
		for _, state := range []string{state, x.seal(t, "new-password", state)} {
			res, err := x.pool.NewPassword(name, state).Answer(t.Context(), identity.NewPassword{
				Password: identity.Secret(password), Attributes: map[string]string{"name": name},
			})
			wantKnown(t, "Answer", err)
			if err == nil && res.Tokens == nil {
				t.Errorf("Answer = %+v, want tokens", res)
			}
		}
	})
}

func FuzzSecretBlock(f *testing.F) {
	x := newFuzzed(f)
	f.Add("alice", x.proof.SecretBlock, x.proof.Signature, timestamp)
	f.Add("alice", flip(x.proof.SecretBlock, 20), x.proof.Signature, timestamp)
	f.Add("alice", `{"k":"srp","n":"alice","s":"`+x.sub+`","A":"AQ==","U":"AQ==","b":"AQ==","e":"2030-01-01T00:00:00Z"}`, x.proof.Signature, timestamp)
	f.Add("alice", `{"k":"srp","A":"","x":true,"e":"2030-01-01T00:00:00Z"}`, "", "")
	var used atomic.Bool // the one proof that is right
	f.Fuzz(func(t *testing.T, name, block, signature, at string) {
		raw, err := base64.RawURLEncoding.DecodeString(x.seal(t, "srp", block))
		check(t, "decode", err)
		for _, block := range []string{block, base64.StdEncoding.EncodeToString(raw)} {
			x.advance(time.Hour) // past any lock
			_, err := x.pool.PasswordVerifier(name).Answer(t.Context(), identity.PasswordProof{
				Signature: signature, SecretBlock: block, Timestamp: at,
			})
			if errors.Is(err, srp.ErrA) || errors.Is(err, srp.ErrVerifier) {
				continue // of a state that only the holder of the key can seal
			}
			wantKnown(t, "Answer", err)
			if err == nil && used.Swap(true) {
				t.Errorf("a proof of nothing signs in: block %q, signature %q, timestamp %q", block, signature, at)
			}
		}
		_, err = x.pool.StartSRP(t.Context(), identity.StartSRP{Username: name, A: block})
		wantKnown(t, "StartSRP", err)
	})
}

func FuzzRefreshToken(f *testing.F) {
	x := newFuzzed(f)
	f.Add(string(x.tokens.Refresh))
	f.Add(string(x.tokens.Access))
	f.Add(flip(string(x.tokens.Refresh), 90))
	f.Add(`{"s":"` + x.sub + `","f":"x","c":"` + x.pool.ClientID() + `","e":9999999999999}`)
	f.Add(`{"s":"\u0000","f":"` + strings.Repeat("a", 2000) + `","c":"` + x.pool.ClientID() + `","g":-1,"e":9999999999999}`)
	f.Fuzz(func(t *testing.T, raw string) {
		sealed, err := x.pool.SealRefresh(t.Context(), []byte(raw))
		check(t, "SealRefresh", err)
		for _, token := range []identity.Secret{identity.Secret(raw), sealed} {
			_, err := x.pool.Refresh(t.Context(), identity.Refresh{Token: token})
			wantKnown(t, "Refresh", err)
			if err == nil && token != x.tokens.Refresh {
				t.Errorf("%q gives tokens", raw)
			}
			if token != x.tokens.Refresh {
				wantKnown(t, "Revoke", x.pool.Revoke(t.Context(), token, ""))
			}
		}
	})
}

func FuzzAccessToken(f *testing.F) {
	x := newFuzzed(f)
	f.Add(string(x.tokens.Access))
	f.Add(string(x.tokens.ID))
	f.Add(flip(string(x.tokens.Access), 30))
	iss := "https://cognito-idp.us-east-1.amazonaws.com/" + x.pool.PoolID()
	f.Add(`{"iss":"` + iss + `","sub":"` + x.sub + `","client_id":"` + x.pool.ClientID() + `","token_use":"access","exp":1900000000}`)
	f.Add(`{"iss":"` + strings.Repeat("/\\u0000", 600) + `","token_use":"access"}`)
	f.Add(`{"iss":"/","sub":"` + strings.Repeat("a", 2000) + `","token_use":"access"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		tokens := []identity.Secret{identity.Secret(raw)}
		if signed, err := x.pool.SignClaims(t.Context(), "access", []byte(raw)); err == nil {
			tokens = append(tokens, signed)
		}
		for _, token := range tokens {
			_, err := x.pool.Session(t.Context(), token)
			wantKnown(t, "Session", err)
			if err == nil && token != x.tokens.Access {
				t.Errorf("%q is a session", raw)
			}
		}
	})
}

func FuzzSignUp(f *testing.F) {
	x := newFuzzed(f)
	var n atomic.Int64
	pools := []*identity.UserPool{x.pool}
	for i, settings := range []identity.PoolSettings{
		{UsernameAttributes: []string{"email", "phone_number"}}, {CaseSensitive: ptr(true), AutoVerified: []string{}}, cognitoPool,
	} {
		settings.Algorithm = "ES256"
		pool, err := x.OpenUserPool(f.Context(), fmt.Sprint(i), &settings)
		check(f, "OpenUserPool", err)
		check(f, "EditClient", x.EditClient(f.Context(), pool.ClientID(), func(c *identity.ClientSettings) { c.AuthFlows = allFlows }))
		pools = append(pools, pool)
	}
	f.Add("carol", password, "name", "Carol")
	f.Add("carol@example.com", password, "email", "carol@example.com")
	f.Add("+15551234567", password, "phone_number", "+15551234567")
	f.Add("zo\u00eb\u0345", "", "birthdate", "2000-01-01")
	f.Add("a\x00\xff", password+"\xff\xff", "updated_at", "1")
	f.Add("\u1e9e\u0130\u0390", password, "address", "\\\"\u2028")
	f.Add(strings.Repeat("\ufdfa", 128), strings.Repeat("\ufdfa", 256), "preferred_username", "x")
	f.Fuzz(func(t *testing.T, name, password, attribute, value string) {
		for _, pool := range pools {
			address := fmt.Sprintf("%d@example.com", n.Add(1))
			attributes := map[string]string{"email": address, attribute: value}
			res, err := pool.SignUp(t.Context(), identity.SignUp{Username: name, Password: identity.Secret(password), Attributes: attributes})
			wantKnown(t, "SignUp", err)
			for _, n := range []string{name, value} {
				wantKnown(t, "SignIn", byPassword(t, pool.AppClient, n, password))
				wantKnown(t, "ConfirmSignUp", confirmAs(t, pool, n, value))
				_, err := pool.ResendConfirmationCode(t.Context(), n, attribute)
				wantKnown(t, "ResendConfirmationCode", err)
			}
			if res == nil {
				continue
			}
			u, err := pool.Admin().Users().Get(t.Context(), name) // who has signed up is found by the name
			if err != nil || u.Sub != res.Sub {
				t.Errorf("user %q: %+v, %v, want sub %s", name, u, err, res.Sub)
			}
			x.edit(t, pool, res.Sub, func(u *identity.User) { u.Status = identity.StatusConfirmed })
			check(t, "sign in as who has signed up", byPassword(t, pool.AppClient, name, password))
			if signed := x.edited(t, pool, res.Sub); signed.Username != u.Username {
				t.Errorf("username %q, want %q", signed.Username, u.Username)
			}
			check(t, "DeleteUser", pool.Admin().Users().Delete(t.Context(), res.Sub))
		}
	})
}

// edited reads a user back after a change.
func (f *fixture) edited(t testing.TB, pool *identity.UserPool, name string) *identity.User {
	t.Helper()
	u, err := pool.Admin().Users().Get(t.Context(), name)
	check(t, "Get", err)
	return u
}
