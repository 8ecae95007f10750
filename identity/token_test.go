package identity_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/token"
)

// parts are the header and the claims of a token.
func parts(t testing.TB, raw identity.Secret) (header string, claims map[string]any) {
	t.Helper()
	part := strings.Split(string(raw), ".")
	if len(part) != 3 {
		t.Fatalf("token of %d parts, want 3", len(part))
	}
	var text [2][]byte
	for i := range text {
		var err error
		text[i], err = base64.RawURLEncoding.DecodeString(part[i])
		check(t, "decode token", err)
	}
	d := json.NewDecoder(bytes.NewReader(text[1]))
	d.UseNumber()
	check(t, "decode claims", d.Decode(&claims))
	return string(text[0]), claims
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// tokenFixture is a pool with a user who has an attribute of each type.
func tokenFixture(t *testing.T, c identity.ClientSettings) (*fixture, *identity.UserPool, *identity.AppClient) {
	t.Helper()
	f := newEngine(t)
	schema := append(identity.StandardSchema(),
		identity.SchemaAttribute{Name: "custom:level", Type: identity.TypeNumber, Mutable: true},
		identity.SchemaAttribute{Name: "dev:custom:hidden", Type: identity.TypeString, DeveloperOnly: true})
	pool := f.open(t, identity.PoolSettings{SRP: true, Schema: schema})
	f.join(t, pool, "alice", email)
	f.edit(t, pool, "alice", func(u *identity.User) {
		maps.Copy(u.Attributes, map[string]string{
			"phone_number": "+15551234567", "phone_number_verified": "false", "updated_at": "1700000000", "custom:level": "7",
			"dev:custom:hidden": "x", "address": "1 \"Main\" St\n<City>", "name": "Alice \u2028 & Co",
		})
	})
	return f, pool, f.client(t, pool, c)
}

func TestAccessTokenHasExactlyTheClaimsOfTheService(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	f.advance(time.Minute)
	tokens := f.signIn(t, client, "alice")
	header, got := parts(t, tokens.Access)
	if !regexp.MustCompile(`^\{"kid":"[A-Za-z0-9+/_-]{42,43}=?","alg":"ES256"\}$`).MatchString(header) {
		t.Errorf("header %s, want kid first, then alg, and no typ", header)
	}
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	now := json.Number("1795338060")
	want := map[string]any{
		"sub": u.Sub, "iss": "https://cognito-idp.us-east-1.amazonaws.com/" + pool.PoolID(), "client_id": client.ClientID(),
		"origin_jti": got["origin_jti"], "event_id": got["event_id"], "token_use": "access", "scope": "aws.cognito.signin.user.admin",
		"auth_time": now, "exp": json.Number("1795341660"), "iat": now, "jti": got["jti"], "username": "alice",
	}
	wantClaims(t, got, want)
	for _, name := range []string{"origin_jti", "event_id", "jti"} {
		if !uuidForm.MatchString(got[name].(string)) {
			t.Errorf("%s is %v, want a UUID", name, got[name])
		}
	}
	if tokens.ExpiresIn != time.Hour {
		t.Errorf("expires in %v, want an hour", tokens.ExpiresIn)
	}
}

func wantClaims(t *testing.T, got, want map[string]any) {
	t.Helper()
	g, err := json.MarshalIndent(got, "", " ")
	check(t, "Marshal", err)
	w, err := json.MarshalIndent(want, "", " ")
	check(t, "Marshal", err)
	if !bytes.Equal(g, w) {
		t.Errorf("claims %s\nwant %s", g, w)
	}
}

func TestIDTokenHasExactlyTheClaimsOfTheService(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	f.advance(time.Minute)
	tokens := f.signIn(t, client, "alice")
	_, got := parts(t, tokens.ID)
	_, access := parts(t, tokens.Access)
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	now := json.Number("1795338060")
	wantClaims(t, got, map[string]any{
		"sub": u.Sub, "iss": "https://cognito-idp.us-east-1.amazonaws.com/" + pool.PoolID(), "aud": client.ClientID(),
		"cognito:username": "alice", "origin_jti": access["origin_jti"], "event_id": access["event_id"], "token_use": "id",
		"auth_time": now, "exp": json.Number("1795341660"), "iat": now, "jti": got["jti"],
		"email": email, "email_verified": true, "phone_number": "+15551234567", "phone_number_verified": false,
		"updated_at": json.Number("1700000000"), "custom:level": "7", "name": "Alice \u2028 & Co",
		"address": map[string]any{"formatted": "1 \"Main\" St\n<City>"},
	})
	if got["jti"] == access["jti"] {
		t.Error("both tokens have one jti")
	}
}

func TestIDTokenHasWhatTheClientMayRead(t *testing.T) {
	f, _, client := tokenFixture(t, identity.ClientSettings{ReadAttributes: []string{"email", "dev:custom:hidden"}})
	_, got := parts(t, f.signIn(t, client, "alice").ID)
	for name, want := range map[string]bool{"sub": true, "email": true, "dev:custom:hidden": true, "email_verified": false, "name": false, "custom:level": false} {
		if _, ok := got[name]; ok != want {
			t.Errorf("the ID token has %s: %t, want %t", name, ok, want)
		}
	}
}

func TestTokensLiveAsLongAsTheClientSays(t *testing.T) {
	f, _, client := tokenFixture(t, identity.ClientSettings{
		AccessTokenValidity: ptr(10), IDTokenValidity: ptr(600), RefreshTokenValidity: ptr(2),
		Units: identity.TokenUnits{Access: ptr("minutes"), ID: ptr("seconds"), Refresh: ptr("hours")},
	})
	tokens := f.signIn(t, client, "alice")
	for use, raw := range map[string]identity.Secret{"access": tokens.Access, "id": tokens.ID} {
		_, c := parts(t, raw)
		exp, _ := c["exp"].(json.Number).Int64()
		iat, _ := c["iat"].(json.Number).Int64()
		if exp-iat != 600 {
			t.Errorf("%s token lives %d seconds, want 600", use, exp-iat)
		}
	}
	f.advance(2*time.Hour - time.Millisecond)
	_, err := client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	wantErr(t, "just in time", err, nil)
	f.advance(time.Millisecond)
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	wantErr(t, "too late", err, identity.ErrRefreshTokenExpired)
}

func TestRefreshedTokensAreOfTheSameSignIn(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	first := f.signIn(t, client, "alice")
	f.advance(90 * time.Minute)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["name"] = "Alice II" })
	again, err := client.Refresh(t.Context(), identity.Refresh{Token: first.Refresh})
	check(t, "Refresh", err)
	for use, pair := range map[string][2]identity.Secret{"access": {first.Access, again.Access}, "id": {first.ID, again.ID}} {
		_, before := parts(t, pair[0])
		_, after := parts(t, pair[1])
		for _, same := range []string{"sub", "iss", "auth_time", "origin_jti", "event_id"} {
			if before[same] != after[same] {
				t.Errorf("%s: %s is %v, want %v as at sign-in", use, same, after[same], before[same])
			}
		}
		for _, other := range []string{"jti", "iat", "exp"} {
			if before[other] == after[other] {
				t.Errorf("%s: %s is %v as before, want a new one", use, other, after[other])
			}
		}
		if use == "id" && after["name"] != "Alice II" {
			t.Errorf("name is %v, want the new one", after["name"])
		}
	}
}

func TestClientWithoutRevocationHasNoOrigin(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{TokenRevocation: ptr(false)})
	tokens := f.signIn(t, client, "alice")
	_, access := parts(t, tokens.Access)
	_, id := parts(t, tokens.ID)
	for use, c := range map[string]map[string]any{"access": access, "id": id} {
		if _, ok := c["origin_jti"]; ok {
			t.Errorf("%s token has an origin_jti", use)
		}
		if c["event_id"] != access["event_id"] {
			t.Errorf("event ids %v and %v, want one", c["event_id"], access["event_id"])
		}
	}
	err := client.Revoke(t.Context(), tokens.Refresh, "")
	wantErr(t, "Revoke", err, identity.ErrRevocationDisabled)
	session, err := pool.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	check(t, "SignOutEverywhere", session.SignOutEverywhere(t.Context()))
	_, err = pool.Session(t.Context(), tokens.Access)
	wantErr(t, "Session after sign-out", err, identity.ErrAccessTokenRevoked)
}

func TestTokensAreGoodForVerifiers(t *testing.T) {
	algorithms := []token.Algorithm{token.ES256, token.EdDSA}
	if !testing.Short() { // two RSA keys take a third of a second
		algorithms = append(algorithms, token.RS256)
	}
	for _, alg := range algorithms {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{Algorithm: alg})
		f.join(t, pool, "alice", email)
		tokens := f.signIn(t, pool.AppClient, "alice")
		info, err := pool.Admin().Describe(t.Context())
		check(t, "Describe", err)
		iss := f.Issuer(t.Context(), info)
		set, err := f.JWKS(t.Context(), pool.PoolID())
		check(t, "JWKS", err)
		published, err := json.Marshal(set)
		check(t, "Marshal", err)
		set, err = token.ParseSet(published)
		check(t, "ParseSet", err)
		if len(set) != 2 || set[0].ID() == set[1].ID() {
			t.Errorf("%s: %d keys, want one for access and one for ID tokens", alg, len(set))
		}
		for use, raw := range map[token.Use]identity.Secret{token.UseAccess: tokens.Access, token.UseID: tokens.ID} {
			v, err := token.NewVerifier([]string{iss}, token.StaticKeys{iss: set}, []string{pool.ClientID()}, &token.VerifierOptions{Use: use, Now: f.now})
			check(t, "NewVerifier", err)
			c, err := v.Verify(t.Context(), string(raw))
			if err != nil || c.Username != "alice" {
				t.Errorf("%s: %s token: claims %+v, %v", alg, use, c, err)
			}
		}
	}
}

func TestAccessAndIDTokensHaveKeysOfTheirOwn(t *testing.T) {
	f, pool, client := tokenFixture(t, identity.ClientSettings{})
	tokens := f.signIn(t, client, "alice")
	access, _ := parts(t, tokens.Access)
	id, claims := parts(t, tokens.ID)
	if access == id {
		t.Errorf("both tokens have the header %s, want two kids", id)
	}
	// An ID token that says it is an access token, with the claims of one.
	claims["token_use"], claims["client_id"], claims["scope"] = "access", client.ClientID(), "aws.cognito.signin.user.admin"
	forged, err := json.Marshal(claims)
	check(t, "Marshal", err)
	raw, err := client.SignClaims(t.Context(), "id", forged)
	check(t, "SignClaims", err)
	_, err = pool.Session(t.Context(), raw)
	wantErr(t, "access token under the key for ID tokens", err, identity.ErrInvalidAccessToken)
	raw, err = client.SignClaims(t.Context(), "access", forged)
	check(t, "SignClaims", err)
	_, err = pool.Session(t.Context(), raw)
	wantErr(t, "the same under the key for access tokens", err, nil)
}

func TestIssuerIsWhatThePoolSays(t *testing.T) {
	f := newEngineWith(t, newEngine(t).store, func(o *identity.Options) { o.Issuer = identity.FixedIssuer("https://auth.example.com/") })
	for issuer, want := range map[string]string{
		"":                              "https://auth.example.com/",
		"aws":                           "https://cognito-idp.eu-west-1.amazonaws.com/",
		"aws-updated":                   "https://issuer-cognito-idp.eu-west-1.amazonaws.com/",
		"http://localhost:9229":         "http://localhost:9229/",
		"https://id.example.com/tenant": "https://id.example.com/tenant/",
	} {
		pool, err := f.OpenUserPool(t.Context(), "pool "+issuer, &identity.PoolSettings{Algorithm: "ES256", Region: "eu-west-1", Issuer: issuer})
		check(t, "OpenUserPool", err)
		f.join(t, pool, "alice", email)
		tokens := f.signIn(t, pool.AppClient, "alice")
		for _, raw := range []identity.Secret{tokens.Access, tokens.ID} {
			if _, c := parts(t, raw); c["iss"] != want+pool.PoolID() {
				t.Errorf("issuer %q: iss %v, want %s", issuer, c["iss"], want+pool.PoolID())
			}
		}
		_, err = pool.Session(t.Context(), tokens.Access)
		wantErr(t, "Session", err, nil)
	}
	if !slices.Contains([]string{"https://cognito-idp.cn-north-1.amazonaws.com.cn"}, identity.AWSIssuer(t.Context(), "cn-north-1")) {
		t.Error("the issuer in China is another")
	}
}

// texts returns the strings of a claim that is a list.
func texts(claim any) []string {
	out := []string{}
	list, _ := claim.([]any)
	for _, v := range list {
		out = append(out, v.(string))
	}
	return out
}
