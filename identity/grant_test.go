package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/token"
)

// issued are the payloads of the tokens of a grant that edit has changed.
func issued(t *testing.T, edit func(g *grant, client string)) (access, id map[string]any, err error) {
	t.Helper()
	db := memory.New()
	defer db.Close()
	pool, err := New(db, nil).OpenUserPool(t.Context(), "main", &PoolSettings{Algorithm: token.ES256})
	if err != nil {
		t.Fatal(err)
	}
	s, err := pool.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.newFamily("sub", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	u := &User{Pool: pool.PoolID(), Sub: "sub", Username: "alice", Attributes: map[string]string{
		"sub": "sub", "email": "alice@example.com", "email_verified": "true", "name": "Alice",
	}}
	g := newGrant(u, []*Group{{Name: "admins"}}, f)
	edit(g, pool.ClientID())
	tokens, err := s.issue(t.Context(), g)
	if err != nil {
		return nil, nil, err
	}
	if (tokens.Refresh != "") != g.refresh {
		t.Errorf("refresh token %q for a grant with refresh %t", string(tokens.Refresh), g.refresh)
	}
	return payload(t, tokens.Access), payload(t, tokens.ID), nil
}

func payload(t *testing.T, raw Secret) (claims map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(string(raw), ".")[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// wantClaim compares a claim with its JSON; an empty want means no such claim.
func wantClaim(t *testing.T, token string, c map[string]any, name, want string) {
	t.Helper()
	got := ""
	if v, ok := c[name]; ok {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got = string(text)
	}
	if got != want {
		t.Errorf("%s token: %s is %s, want %s", token, name, got, want)
	}
}

// Each field of a grant is a claim of the token that it is for.
func TestGrantIsInTheTokens(t *testing.T) {
	access, id, err := issued(t, func(g *grant, _ string) {
		g.refresh, g.scope, g.audience, g.nonce = true, "openid orders/read", "https://api.example.com", "n-1"
		g.amr, g.acr, g.device = []string{"pwd", "otp", "mfa"}, "urn:cognito:loa:4", "us-east-1_d"
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, access, id string }{
		{"scope", `"openid orders/read"`, ""},
		{"aud", `"https://api.example.com"`, `"` + access["client_id"].(string) + `"`},
		{"nonce", "", `"n-1"`},
		{"amr", `["pwd","otp","mfa"]`, `["pwd","otp","mfa"]`},
		{"acr", `"urn:cognito:loa:4"`, `"urn:cognito:loa:4"`},
		{"device_key", `"us-east-1_d"`, ""},
		{"cognito:groups", `["admins"]`, `["admins"]`},
	} {
		wantClaim(t, "access", access, tt.name, tt.access)
		wantClaim(t, "ID", id, tt.name, tt.id)
	}
}

// What a sign-in does not tell is in no token.
func TestGrantWithoutMoreHasNoSuchClaims(t *testing.T) {
	access, id, err := issued(t, func(*grant, string) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nonce", "amr", "acr", "device_key"} {
		wantClaim(t, "access", access, name, "")
		wantClaim(t, "ID", id, name, "")
	}
	wantClaim(t, "access", access, "aud", "")
}

func TestHookChangesClaims(t *testing.T) {
	access, id, err := issued(t, func(g *grant, client string) {
		g.accessChanges = hook.Claims{
			Set:      map[string]json.RawMessage{"plan": json.RawMessage(`{"tier":["a",1,true]}`), "aud": json.RawMessage(`"` + client + `"`), "cognito:groups": json.RawMessage(`["x"]`)},
			Suppress: []string{"nothing"},
		}
		g.idChanges = hook.Claims{
			Set:      map[string]json.RawMessage{"name": json.RawMessage(`"Bob"`), "email": json.RawMessage(`"b@example.com"`), "level": json.RawMessage(`7`), "email_verified": json.RawMessage(`"no"`)},
			Suppress: []string{"email", "cognito:groups", "event_id"},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, access, id string }{
		{"plan", `{"tier":["a",1,true]}`, ""},
		{"aud", `"` + access["client_id"].(string) + `"`, `"` + access["client_id"].(string) + `"`},
		{"cognito:groups", `["x"]`, ""},
		{"name", "", `"Bob"`},
		{"email", "", ""}, // suppress wins
		{"email_verified", "", `"no"`},
		{"level", "", "7"},
	} {
		wantClaim(t, "access", access, tt.name, tt.access)
		wantClaim(t, "ID", id, tt.name, tt.id)
	}
	if _, ok := id["event_id"]; ok || access["event_id"] == nil {
		t.Errorf("event ids %v and %v, want none in the ID token", access["event_id"], id["event_id"])
	}
}

// No hook changes who a token is about, who it is from and for, and how long it is valid.
func TestReservedClaimsStay(t *testing.T) {
	both := strings.Fields("acr amr at_hash auth_time azp exp iat iss jti nbf nonce origin_jti sub token_use")
	for use, names := range map[token.Use][]string{
		token.UseAccess: append(strings.Fields("client_id device_key event_id scope username version"), both...),
		token.UseID:     append(strings.Fields("aud cognito:username identities"), both...),
	} {
		c := newClaims(use, 0)
		changes := hook.Claims{Set: map[string]json.RawMessage{}, Suppress: names}
		for i, name := range names {
			if i%2 == 0 { // half of them are there, half would be new
				c.str(name, "ours")
			}
			changes.Set[name] = json.RawMessage(`"theirs"`)
		}
		before, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.apply(changes); err != nil {
			t.Errorf("%s: %v", use, err)
		}
		if after, _ := c.encode(); string(after) != string(before) {
			t.Errorf("%s token:\n got %s\nwant %s", use, after, before)
		}
	}
}

// The audience that an access token is bound to is not the hook's to change.
func TestAudienceOfAccessTokenStays(t *testing.T) {
	access, _, err := issued(t, func(g *grant, client string) {
		g.audience = "https://api.example.com"
		g.accessChanges = hook.Claims{Set: map[string]json.RawMessage{"aud": json.RawMessage(`"` + client + `"`)}, Suppress: []string{"aud"}}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantClaim(t, "access", access, "aud", `"https://api.example.com"`)
}

// A changed claim keeps its place, and a new one comes last.
func TestChangedClaimsKeepTheirOrder(t *testing.T) {
	c := newClaims(token.UseID, 0)
	c.str("a", "1")
	c.str("b", "2")
	c.words("c", []string{"3"})
	c.words("none", nil)
	changes := hook.Claims{Set: map[string]json.RawMessage{"z": json.RawMessage(`9`), "b": json.RawMessage(`false`), "d": json.RawMessage(`[]`)}, Suppress: []string{"a"}}
	if err := c.apply(changes); err != nil {
		t.Fatal(err)
	}
	got, err := c.encode()
	if want := `{"b":false,"c":["3"],"d":[],"z":9}`; string(got) != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestHookValuesThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        error
	}{
		{"x", ``, errClaimValue},
		{"x", `{`, errClaimValue},
		{"x", `1,"sub":"eve"`, errClaimValue},
		{"x", `1 2`, errClaimValue},
		{"x", `null`, errClaimValue},
		{"x", "\"\xff\"", errClaimValue},
		{"x", `{"a":1,"a":2}`, token.ErrMalformed},
		{"x", strings.Repeat("[", 40) + strings.Repeat("]", 40), token.ErrMalformed},
		{"x", `"` + strings.Repeat("x", token.MaxLength) + `"`, token.ErrMalformed},
		{"email_verified", `[true]`, errClaimType},
		{"phone_number_verified", `{}`, errClaimType},
		{"updated_at", `[]`, errClaimType},
		{"address", `{"formatted":"x"}`, errClaimType},
		{"event_id", `7`, errClaimType},
		{"cognito:groups", `"admins"`, errClaimType},
		{"cognito:groups", `["admins",1]`, errClaimType},
	} {
		_, _, err := issued(t, func(g *grant, _ string) {
			g.idChanges.Set = map[string]json.RawMessage{tt.name: json.RawMessage(tt.value)}
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s = %.40s: %v, want %v", tt.name, tt.value, err, tt.want)
		}
	}
	_, _, err := issued(t, func(g *grant, _ string) {
		g.accessChanges.Set = map[string]json.RawMessage{"aud": json.RawMessage(`"https://other.example.com"`)}
	})
	if !errors.Is(err, errClaimAudience) {
		t.Errorf("another audience: %v, want %v", err, errClaimAudience)
	}
}

func TestClaimOfUnknownKind(t *testing.T) {
	c := newClaims(token.UseID, 0)
	c.list = append(c.list, claim{name: "x"})
	if out, err := c.encode(); err == nil {
		t.Errorf("encoded %s, want an error", out)
	}
}

// Strings are written as encoding/json writes them.
func FuzzAppendQuoted(f *testing.F) {
	for _, s := range []string{"", "plain", `"`, `\`, "<", ">", "&", "\x00", "\x1f", "\x7f", "é", "\u2028", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(appendQuoted(nil, s)), string(quote(s)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
