package identity_test

import (
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

func TestRefreshRefusesWhatIsNoTokenOfTheClient(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	tokens := f.signIn(t, client, "alice")
	elsewhere, err := f.OpenUserPool(t.Context(), "elsewhere", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	f.join(t, elsewhere, "alice", email)
	raw := string(tokens.Refresh)
	for name, token := range map[string]identity.Secret{
		"garbage":            "garbage",
		"access token":       tokens.Access,
		"ID token":           tokens.ID,
		"another client's":   f.signIn(t, pool.AppClient, "alice").Refresh,
		"another pool's":     f.signIn(t, elsewhere.AppClient, "alice").Refresh,
		"altered":            identity.Secret(flip(raw, len(raw)-30)),
		"cut off":            tokens.Refresh[:len(raw)-1],
		"with more after it": tokens.Refresh + "A",
		"challenge state":    identity.Secret(mustBeginSRP(t, client, pool.PoolID(), "alice").ch.State()),
	} {
		_, err := client.Refresh(t.Context(), identity.Refresh{Token: token})
		wantErr(t, name, err, identity.ErrInvalidRefreshToken)
		_, err = client.Refresh(t.Context(), identity.Refresh{Token: token, Rotating: true})
		wantErr(t, name+", rotating", err, identity.ErrInvalidRefreshToken)
	}
	_, err = client.Refresh(t.Context(), identity.Refresh{})
	wantErr(t, "nothing", err, identity.ErrMissingParameter)
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	wantErr(t, "the token itself", err, nil)
}

func TestRefreshNeedsItsFlow(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowUserPassword}, Rotation: &identity.RefreshRotation{}})
	tokens := f.signIn(t, client, "alice")
	_, err := client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	wantErr(t, "flow not enabled", err, identity.ErrFlowNotEnabled)
	rotating := f.rotating(t, pool, 0)
	_, err = rotating.Refresh(t.Context(), identity.Refresh{Token: f.signIn(t, rotating, "alice").Refresh})
	wantErr(t, "flow that takes no new token", err, identity.ErrRotationRequired)
}

func TestRefreshProvesTheClientSecret(t *testing.T) {
	f, pool, _ := tokenFixture(t, identity.ClientSettings{})
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	client := f.client(t, pool, identity.ClientSettings{GenerateSecret: true})
	secrets, err := pool.Admin().Clients().Secrets(t.Context(), client.ClientID())
	check(t, "Secrets", err)
	hash := func(name string) string { return identity.SecretHash(secrets[0], name, client.ClientID()) }
	in, err := client.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password, SecretHash: hash("alice")})
	check(t, "SignIn", err)
	for _, tt := range []struct {
		name string
		in   identity.Refresh
		want error
	}{
		{"hash of the username", identity.Refresh{SecretHash: hash("alice")}, nil},
		{"hash of the sub", identity.Refresh{SecretHash: hash(u.Sub)}, nil},
		{"hash of an alias", identity.Refresh{SecretHash: hash(email)}, identity.ErrSecretHashMismatch},
		{"hash of another user", identity.Refresh{SecretHash: hash("bob")}, identity.ErrSecretHashMismatch},
		{"no proof", identity.Refresh{}, identity.ErrSecretHashMissing},
		{"the secret", identity.Refresh{Secret: secrets[0]}, nil},
		{"a wrong secret", identity.Refresh{Secret: secrets[0] + "x"}, identity.ErrSecretHashMismatch},
		{"the secret as a hash", identity.Refresh{SecretHash: string(secrets[0])}, identity.ErrSecretHashMismatch},
	} {
		tt.in.Token = in.Tokens.Refresh
		_, err := client.Refresh(t.Context(), tt.in)
		wantErr(t, tt.name, err, tt.want)
	}
}

func TestRotationReplacesTheRefreshToken(t *testing.T) {
	f, pool, _ := tokenFixture(t, identity.ClientSettings{})
	client := f.client(t, pool, identity.ClientSettings{
		AuthFlows: allFlows[:1], Rotation: &identity.RefreshRotation{Enabled: true}, RefreshTokenValidity: ptr(1),
	})
	next := f.signIn(t, client, "alice").Refresh
	seen := map[identity.Secret]bool{next: true}
	for range 3 {
		f.advance(6 * time.Hour)
		tokens, err := client.Refresh(t.Context(), identity.Refresh{Token: next, Rotating: true})
		check(t, "Refresh", err)
		if seen[tokens.Refresh] || tokens.Refresh == "" {
			t.Fatal("the refresh token is not a new one")
		}
		next = tokens.Refresh
		seen[next] = true
	}
	f.advance(6 * time.Hour) // the life is that of the first
	_, err := client.Refresh(t.Context(), identity.Refresh{Token: next, Rotating: true})
	wantErr(t, "a day after the sign-in", err, identity.ErrRefreshTokenExpired)
}

func TestRotatedTokenIsGoodForTheGracePeriod(t *testing.T) {
	for _, tt := range []struct {
		name  string
		grace int
		after time.Duration
		want  error
	}{
		{"no grace, at once", 0, 0, identity.ErrRefreshTokenReused},
		{"grace, at once", 10, 0, nil},
		{"grace, just in time", 10, 10*time.Second - time.Millisecond, nil},
		{"grace, too late", 10, 10 * time.Second, identity.ErrRefreshTokenReused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, pool, _ := tokenFixture(t, identity.ClientSettings{})
			client := f.rotating(t, pool, tt.grace)
			old := f.signIn(t, client, "alice")
			next, err := client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
			check(t, "Refresh", err)
			f.advance(tt.after)
			_, err = client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
			wantErr(t, "the old token", err, tt.want)
			want := identity.ErrRefreshTokenRevoked
			if tt.want == nil {
				want = nil
			}
			_, err = client.Refresh(t.Context(), identity.Refresh{Token: next.Refresh, Rotating: true})
			wantErr(t, "the new token", err, want)
			_, err = pool.Session(t.Context(), next.Access)
			if want != nil {
				want = identity.ErrAccessTokenRevoked
			}
			wantErr(t, "the new access token", err, want)
		})
	}
}

func TestRotationTurnedOnTakesTokensOfBefore(t *testing.T) {
	f, _, client := tokenFixture(t, identity.ClientSettings{})
	old := f.signIn(t, client, "alice")
	check(t, "EditClient", f.EditClient(t.Context(), client.ClientID(), func(c *identity.ClientSettings) {
		c.Rotation = &identity.RefreshRotation{Enabled: true}
	}))
	next, err := client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh, Rotating: true})
	check(t, "Refresh", err)
	check(t, "EditClient", f.EditClient(t.Context(), client.ClientID(), func(c *identity.ClientSettings) { c.Rotation = nil }))
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: old.Refresh})
	wantErr(t, "rotated token, once nothing is rotated", err, identity.ErrInvalidRefreshToken)
	again, err := client.Refresh(t.Context(), identity.Refresh{Token: next.Refresh, Rotating: true})
	if err != nil || again.Refresh != "" {
		t.Errorf("Refresh = %+v, %v, want tokens without a refresh token", again, err)
	}
}

func TestRefreshTokenOfAnotherUserOrSignInIsUnknown(t *testing.T) {
	_, pool, client := tokenFixture(t, identity.ClientSettings{})
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	for name, claims := range map[string]string{
		"sign-in that does not exist": `{"s":"` + u.Sub + `","f":"none","c":"` + client.ClientID() + `","e":99999999999999}`,
		"user that does not exist":    `{"s":"none","f":"none","c":"` + client.ClientID() + `","e":99999999999999}`,
	} {
		raw, err := client.SealRefresh(t.Context(), []byte(claims))
		check(t, "SealRefresh", err)
		_, err = client.Refresh(t.Context(), identity.Refresh{Token: raw})
		wantErr(t, name, err, identity.ErrRefreshTokenRevoked)
	}
}
