package identity_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/token"
)

// forge is an access token with some claims changed, signed under the pool's key.
func forge(t *testing.T, client *identity.AppClient, raw identity.Secret, change map[string]any) identity.Secret {
	t.Helper()
	_, claims := parts(t, raw)
	for name, value := range change {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	text, err := json.Marshal(claims)
	check(t, "Marshal", err)
	forged, err := client.SignClaims(t.Context(), "access", text)
	check(t, "SignClaims", err)
	return forged
}

func TestSessionRefusesWhatIsNoAccessToken(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	tokens := f.signIn(t, client, "alice")
	elsewhere, err := f.OpenUserPool(t.Context(), "elsewhere", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	f.join(t, elsewhere, "alice", email)
	foreign := f.signIn(t, elsewhere.AppClient, "alice").Access
	part := strings.Split(string(tokens.Access), ".")
	body, err := base64.RawURLEncoding.DecodeString(part[1])
	check(t, "decode", err)
	other := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), `"username":"alice"`, `"username":"mallo"`, 1)))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	long := strings.Repeat("a", 40<<10)
	for name, raw := range map[string]identity.Secret{
		"nothing":                        "",
		"garbage":                        "garbage",
		"ID token":                       tokens.ID,
		"refresh token":                  tokens.Refresh,
		"token of another pool":          foreign,
		"altered signature":              identity.Secret(flip(string(tokens.Access), len(tokens.Access)-40)),
		"altered claims":                 identity.Secret(part[0] + "." + other + "." + part[2]),
		"without a signature":            identity.Secret(part[0] + "." + part[1] + "."),
		"algorithm none":                 identity.Secret(none + "." + part[1] + "."),
		"padded":                         tokens.Access + "=",
		"two tokens":                     tokens.Access + "." + tokens.Access,
		"use of an ID token":             forge(t, client, tokens.Access, map[string]any{"token_use": "id"}),
		"no use":                         forge(t, client, tokens.Access, map[string]any{"token_use": nil}),
		"pool that does not exist":       forge(t, client, tokens.Access, map[string]any{"iss": "https://example.com/us-east-1_none"}),
		"no issuer":                      forge(t, client, tokens.Access, map[string]any{"iss": nil}),
		"client that does not exist":     forge(t, client, tokens.Access, map[string]any{"client_id": "none"}),
		"client of another pool":         forge(t, client, tokens.Access, map[string]any{"client_id": elsewhere.ClientID()}),
		"no client":                      forge(t, client, tokens.Access, map[string]any{"client_id": nil}),
		"issuer longer than any key":     forge(t, client, tokens.Access, map[string]any{"iss": long}),
		"issuer with a zero byte":        forge(t, client, tokens.Access, map[string]any{"iss": "/us-east-1_\x00"}),
		"issuer of the foreign pool":     forge(t, client, tokens.Access, map[string]any{"iss": "/" + elsewhere.PoolID()}),
		"client longer than any key":     forge(t, client, tokens.Access, map[string]any{"client_id": long}),
		"refresh token of another shape": "eyJ.eyJ.eyJ",
	} {
		_, err := pool.Session(t.Context(), raw)
		wantErr(t, name, err, identity.ErrInvalidAccessToken)
	}
	_, err = f.Session(t.Context(), foreign)
	wantErr(t, "token of another pool, asked of the engine", err, nil)
}

func TestSessionEndsWithTheToken(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	access := f.signIn(t, client, "alice").Access
	f.advance(time.Hour - time.Millisecond)
	_, err := pool.Session(t.Context(), access)
	wantErr(t, "just in time", err, nil)
	f.advance(time.Millisecond)
	_, err = pool.Session(t.Context(), access)
	wantErr(t, "too late", err, identity.ErrAccessTokenExpired)
	forged := forge(t, client, access, map[string]any{"exp": nil})
	_, err = pool.Session(t.Context(), forged)
	wantErr(t, "token without an end", err, identity.ErrAccessTokenExpired)
}

func TestSessionEndsWithTheUser(t *testing.T) {
	for name, tt := range map[string]struct {
		end           func(t *testing.T, f *fixture, pool *identity.UserPool, sub string)
		access, fresh error
	}{
		"disabled": {func(t *testing.T, f *fixture, pool *identity.UserPool, _ string) {
			check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
		}, identity.ErrAccessTokenRevoked, identity.ErrUserDisabled},
		"deleted": {func(t *testing.T, f *fixture, pool *identity.UserPool, sub string) {
			check(t, "DeleteUser", pool.Admin().Users().Delete(t.Context(), sub))
		}, identity.ErrUserNotFound, identity.ErrRefreshTokenRevoked},
		"pool deleted": {func(t *testing.T, _ *fixture, pool *identity.UserPool, _ string) {
			check(t, "Delete", pool.Admin().Delete(t.Context()))
		}, identity.ErrInvalidAccessToken, identity.ErrClientNotFound},
		"pool deleted and swept": {func(t *testing.T, f *fixture, pool *identity.UserPool, _ string) {
			check(t, "Delete", pool.Admin().Delete(t.Context()))
			_, err := f.Sweep(t.Context())
			check(t, "Sweep", err)
		}, identity.ErrInvalidAccessToken, identity.ErrClientNotFound},
	} {
		f, pool, client := tokenFixture(t, identity.ClientSettings{})
		tokens := f.signIn(t, client, "alice")
		session, err := pool.Session(t.Context(), tokens.Access)
		check(t, "Session", err)
		tt.end(t, f, pool, session.Claims().Subject)
		_, err = pool.Session(t.Context(), tokens.Access)
		wantErr(t, name+": access token", err, tt.access)
		_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
		wantErr(t, name+": refresh token", err, tt.fresh)
	}
}

func TestSignOutEndsAllSignInsOfTheUser(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	f.join(t, pool, "bob", "bob@example.com")
	var ended []*identity.Tokens
	for range 3 {
		ended = append(ended, f.signIn(t, client, "alice"), f.signIn(t, pool.AppClient, "alice"))
	}
	bob := f.signIn(t, client, "bob")
	f.advance(time.Second)
	session, err := pool.Session(t.Context(), ended[0].Access)
	check(t, "Session", err)
	check(t, "SignOutEverywhere", session.SignOutEverywhere(t.Context()))
	check(t, "SignOutEverywhere again", session.SignOutEverywhere(t.Context()))
	for _, tokens := range ended {
		_, err = pool.Session(t.Context(), tokens.Access)
		wantErr(t, "access token", err, identity.ErrAccessTokenRevoked)
	}
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: ended[0].Refresh})
	wantErr(t, "refresh token", err, identity.ErrRefreshTokenRevoked)
	for name, tokens := range map[string]*identity.Tokens{"another user": bob, "a later sign-in": f.signIn(t, client, "alice")} {
		_, err = pool.Session(t.Context(), tokens.Access)
		wantErr(t, name, err, nil)
	}
}

func TestSignOutOfMoreSignInsThanOneTransactionTakes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 510 sign-ins")
	}
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MaxSignIns = new(0) })) // no limit
	var all []*identity.Tokens
	for range 510 {
		all = append(all, f.signIn(t, client, "alice"))
		f.advance(time.Millisecond)
	}
	session, err := pool.Session(t.Context(), all[0].Access)
	check(t, "Session", err)
	check(t, "SignOutEverywhere", session.SignOutEverywhere(t.Context()))
	for _, tokens := range all {
		_, err = pool.Session(t.Context(), tokens.Access)
		wantErr(t, "access token", err, identity.ErrAccessTokenRevoked)
		_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
		wantErr(t, "refresh token", err, identity.ErrRefreshTokenRevoked)
	}
}

func TestRevokeEndsOneSignIn(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	one, two := f.signIn(t, client, "alice"), f.signIn(t, client, "alice")
	again, err := client.Refresh(t.Context(), identity.Refresh{Token: one.Refresh})
	check(t, "Refresh", err)
	for range 2 { // an ended sign-in is no error
		check(t, "Revoke", client.Revoke(t.Context(), one.Refresh, ""))
	}
	for _, raw := range []identity.Secret{one.Access, again.Access} {
		_, err := pool.Session(t.Context(), raw)
		wantErr(t, "access token of the sign-in", err, identity.ErrAccessTokenRevoked)
	}
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: one.Refresh})
	wantErr(t, "refresh token of the sign-in", err, identity.ErrRefreshTokenRevoked)
	_, err = pool.Session(t.Context(), two.Access)
	wantErr(t, "access token of another sign-in", err, nil)
}

func TestRevokeIsForTheOwnRefreshTokens(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	secret := identity.Secret("a_secret_of_26_characters_x")
	confidential := f.client(t, pool, identity.ClientSettings{Secret: secret})
	tokens := f.signIn(t, client, "alice")
	for _, tt := range []struct {
		name        string
		client      *identity.AppClient
		raw, secret identity.Secret
		want        error
	}{
		{"access token", client, tokens.Access, "", identity.ErrWrongTokenType},
		{"ID token", client, tokens.ID, "", identity.ErrWrongTokenType},
		{"garbage", client, "garbage", "", nil},
		{"another client's", pool.AppClient, tokens.Refresh, "", identity.ErrForeignToken},
		{"without the secret", confidential, "garbage", "", identity.ErrSecretHashMissing},
		{"with a wrong secret", confidential, "garbage", "wrong", identity.ErrSecretHashMismatch},
		{"with the secret", confidential, "garbage", secret, nil},
	} {
		wantErr(t, tt.name, tt.client.Revoke(t.Context(), tt.raw, tt.secret), tt.want)
	}
	_, err := pool.Session(t.Context(), tokens.Access)
	wantErr(t, "the sign-in after all that", err, nil)
}

func TestSessionManagesTheAccountByScopeOnly(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	tokens := f.signIn(t, client, "alice")
	session, err := pool.Session(t.Context(), forge(t, client, tokens.Access, map[string]any{"scope": "openid email"}))
	check(t, "Session", err)
	_, err = session.User()
	wantErr(t, "User", err, identity.ErrAccessTokenScope)
	wantErr(t, "SignOutEverywhere", session.SignOutEverywhere(t.Context()), identity.ErrAccessTokenScope)
	wantErr(t, "Passkeys", second(session.Passkeys(t.Context())), identity.ErrAccessTokenScope)
	wantErr(t, "RecoveryCodesLeft", second(session.RecoveryCodesLeft(t.Context())), identity.ErrAccessTokenScope)
	_, err = pool.Session(t.Context(), tokens.Access)
	wantErr(t, "the sign-in after that", err, nil)
}

func TestSessionShowsWhatTheClientMayRead(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{ReadAttributes: []string{"email"}})
	session, err := pool.Session(t.Context(), f.signIn(t, client, "alice").Access)
	check(t, "Session", err)
	u, err := session.User()
	if want := map[string]string{"email": email}; err != nil || !maps.Equal(u.Attributes, want) {
		t.Errorf("attributes %v, %v, want %v", u.Attributes, err, want)
	}
}

func TestAccessTokenOutlivesTheRefreshTokenItCameFrom(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{RefreshTokenValidity: ptr(1), Units: identity.TokenUnits{Refresh: ptr("hours")}})
	tokens := f.signIn(t, client, "alice")
	f.advance(50 * time.Minute)
	again, err := client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	check(t, "Refresh", err)
	f.advance(50 * time.Minute)
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	wantErr(t, "refresh token", err, identity.ErrRefreshTokenExpired)
	_, err = f.Sweep(t.Context())
	check(t, "Sweep", err)
	_, err = pool.Session(t.Context(), again.Access)
	wantErr(t, "access token, after a sweep", err, nil)
}

// kids are the key ids that a pool publishes.
func kids(t *testing.T, f *fixture, pool *identity.UserPool) map[string]bool {
	t.Helper()
	set, err := f.JWKS(t.Context(), pool.PoolID())
	check(t, "JWKS", err)
	out := map[string]bool{}
	for _, k := range set {
		out[k.ID()] = true
	}
	return out
}

// kid is the key that a token was signed with.
func kid(t *testing.T, raw identity.Secret) string {
	t.Helper()
	p, err := token.Parse(string(raw))
	check(t, "Parse", err)
	return p.KeyID()
}

func TestRotatedKeysSignAfterTheirLead(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{AccessTokenValidity: ptr(24), IDTokenValidity: ptr(24)})
	before := f.signIn(t, client, "alice")
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), time.Hour))
	if n := len(kids(t, f, pool)); n != 4 {
		t.Errorf("%d keys are published, want the old two and the new two", n)
	}
	if got := kid(t, f.signIn(t, client, "alice").Access); got != kid(t, before.Access) {
		t.Error("the new key signs before its lead is over")
	}
	f.advance(time.Hour - time.Second)
	last := f.signIn(t, client, "alice")
	f.advance(time.Second)
	after := f.signIn(t, client, "alice")
	if kid(t, after.Access) == kid(t, before.Access) || kid(t, after.ID) == kid(t, before.ID) {
		t.Error("the old key signs after the lead")
	}
	f.advance(24*time.Hour - 2*time.Second)
	_, err := pool.Session(t.Context(), last.Access)
	wantErr(t, "the last token of the old key, while it lives", err, nil)
	if !kids(t, f, pool)[kid(t, last.Access)] {
		t.Error("a key is not published while a token of it lives")
	}
	f.advance(2 * time.Second)
	if set := kids(t, f, pool); len(set) != 2 || !set[kid(t, after.Access)] || !set[kid(t, after.ID)] {
		t.Errorf("%d keys are published, want the new two only", len(set))
	}
}

// TestTokenOfAStolenKeyIsRefusedAtOnce revokes the keys of a pool while others are still to
// begin.
func TestTokenOfAStolenKeyIsRefusedAtOnce(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	before := f.signIn(t, client, "alice")
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), time.Hour))
	check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
	if _, err := pool.Session(t.Context(), before.Access); !errors.Is(err, identity.ErrInvalidAccessToken) {
		t.Errorf("Session with a token of a revoked key = %v", err)
	}
	res := f.signIn(t, client, "alice")
	set := kids(t, f, pool)
	if len(set) != 2 || set[kid(t, before.Access)] || !set[kid(t, res.Access)] || !set[kid(t, res.ID)] {
		t.Errorf("published are %v, want the two keys that sign now", set)
	}
	_, err := pool.Session(t.Context(), res.Access)
	wantErr(t, "Session", err, nil)
	f.advance(2 * time.Hour)
	if got := kid(t, f.signIn(t, client, "alice").Access); got != kid(t, res.Access) {
		t.Error("a key that was to begin later signs, though it was revoked")
	}
}

// TestRotationsMayOverlap rotates keys in several orders of lead. Whatever is
// signed must verify for as long as it lives, by the published keys.
func TestRotationsMayOverlap(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in at each step of six plans of rotations and verifies all tokens again, which takes a second")
	}
	hour := time.Hour
	for name, rotations := range map[string][]struct{ wait, lead time.Duration }{
		"at once, twice":                    {{hour, 0}, {hour, 0}},
		"a long lead after one at once":     {{hour, 0}, {hour, 48 * hour}},
		"at once while one is to come":      {{hour, 48 * hour}, {hour, 0}},
		"a shorter lead while one is ahead": {{hour, 48 * hour}, {hour, 4 * hour}},
		"a longer lead while one is ahead":  {{hour, 4 * hour}, {hour, 48 * hour}},
		"one after the other":               {{hour, hour}, {24 * hour, hour}, {24 * hour, hour}},
	} {
		t.Run(name, func(t *testing.T) {
			f, pool, client := tokenFixture(t, identity.ClientSettings{AccessTokenValidity: ptr(24), IDTokenValidity: ptr(24)})
			living := map[identity.Secret]time.Time{}
			step := func() {
				living[f.signIn(t, client, "alice").Access] = f.now().Add(24 * hour)
				published := kids(t, f, pool)
				for raw, until := range living {
					if !f.now().Before(until) {
						delete(living, raw)
						continue
					}
					_, err := pool.Session(t.Context(), raw)
					if err != nil || !published[kid(t, raw)] {
						t.Fatalf("at %v: token until %v: %v, published %t", f.now(), until, err, published[kid(t, raw)])
					}
				}
				f.advance(2 * hour)
			}
			for _, r := range rotations {
				for begin := f.now(); f.now().Sub(begin) < r.wait; {
					step()
				}
				check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), r.lead))
			}
			for range 60 {
				step()
			}
			if n := len(kids(t, f, pool)); n != 2 {
				t.Errorf("%d keys are published at last, want 2", n)
			}
		})
	}
}

// Of many engines that find a pool's keys too old one makes new ones.
func TestOldKeysAreReplacedOnce(t *testing.T) {
	const after, day = 30 * 24 * time.Hour, 24 * time.Hour
	f, pool, client := tokenFixture(t, identity.ClientSettings{AccessTokenValidity: ptr(24), IDTokenValidity: ptr(24)})
	_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "nobody has signed in"})
	check(t, "CreateUserPool", err)
	rotate := func() {
		t.Helper()
		var engines sync.WaitGroup
		for range 8 {
			engines.Go(func() {
				e := identity.New(f.store, &identity.Options{Clock: f.now, RotateKeysAfter: after})
				if err := e.RotateOldKeys(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		engines.Wait()
	}
	first := kid(t, f.signIn(t, client, "alice").Access)
	f.advance(after - time.Second)
	rotate()
	if n := len(kids(t, f, pool)); n != 2 {
		t.Fatalf("%d keys a second before they are too old, want 2", n)
	}
	f.advance(time.Second)
	for range 3 {
		rotate()
		if n := len(kids(t, f, pool)); n != 4 {
			t.Fatalf("%d keys, want the old two and the new two", n)
		}
		if kid(t, f.signIn(t, client, "alice").Access) != first {
			t.Error("a new key signs before it has been published for a day")
		}
		f.advance(day/3 - time.Second)
	}
	f.advance(3 * time.Second)
	second := kid(t, f.signIn(t, client, "alice").Access)
	if second == first {
		t.Error("the old key signs after a day")
	}
	f.advance(day)
	if set := kids(t, f, pool); len(set) != 2 || !set[second] {
		t.Errorf("%d keys are published a day later, want the new two", len(set))
	}
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	f.advance(after)
	rotate() // what waits to be swept is no error
}

func TestRotationLooksAhead(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	err := pool.Admin().RotateKeys(t.Context(), -time.Second)
	if !errors.Is(err, identity.ErrInvalidParameter) {
		t.Errorf("RotateKeys: %v, want a lead that is not negative", err)
	}
}

func TestClockThatStepsBackStillSigns(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
	f.advance(-time.Hour)
	access := f.signIn(t, client, "alice").Access
	_, err := pool.Session(t.Context(), access)
	wantErr(t, "Session", err, nil)
}
