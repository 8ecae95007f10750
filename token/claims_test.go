package token_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/token"
)

func parse(t testing.TB, raw string) *token.Parsed {
	t.Helper()
	p, err := token.Parse(raw)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return p
}

func TestClaimsOfAccessToken(t *testing.T) {
	payload := marshal(t, accessClaims(claims{"nbf": now.Unix()}))
	raw, err := keys[token.ES256]().Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, raw)
	if p.KeyID() != keys[token.ES256]().ID() || p.Algorithm() != token.ES256 || p.UnverifiedClaims().Issuer != issuer {
		t.Errorf("Parse = %q, %s, %q", p.KeyID(), p.Algorithm(), p.UnverifiedClaims().Issuer)
	}
	got, err := p.Verify(keys[token.ES256]().Public())
	if err != nil {
		t.Fatal(err)
	}
	want := &token.Claims{
		Subject: "f4688488-5081-7055-3ae9-db0b8a3237e4", Issuer: issuer, ClientID: clientID,
		Use: token.UseAccess, Username: "anna", Scope: "openid orders/read aws.cognito.signin.user.admin",
		Groups: []string{"admins", "staff"}, ID: "5b9b0a1c-3a0a-4b0c-8a52-000000000003",
		OriginID: "5b9b0a1c-3a0a-4b0c-8a52-000000000001", EventID: "5b9b0a1c-3a0a-4b0c-8a52-000000000002",
		IssuedAt: now.UTC(), Expires: now.Add(time.Hour).UTC(), AuthTime: now.UTC(), NotBefore: now.UTC(),
		Raw: payload,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("claims\n got %+v\nwant %+v", got, want)
	}
	var more struct{ Version int }
	if err := got.Decode(&more); err != nil || more.Version != 2 {
		t.Errorf("Decode = %+v, %v; want version 2", more, err)
	}
	if err := got.Decode(&[]string{}); err == nil {
		t.Error("Decode into a slice succeeded")
	}
}

func TestClaimsOfIDToken(t *testing.T) {
	// A trigger may add claims of any type that mean something in access tokens only.
	p := parse(t, sign(t, token.EdDSA, idClaims(claims{
		"scope": []string{"a"}, "username": claims{"x": 1}, "client_id": 7, "aud": []string{clientID},
	})))
	got := p.UnverifiedClaims()
	if got.ClientID != clientID || got.Audience != clientID || got.Username != "anna" || got.Scope != "" {
		t.Errorf("claims = %+v", got)
	}
}

func TestClaimsWithEscapes(t *testing.T) {
	payload := `{"\u0073ub":"a\u00e4\ud83d\ude00\/\n","cognito:groups":[ "x\"y" , "a,b]" ],"exp" : 12.25 }`
	raw, err := keys[token.EdDSA]().Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, raw).UnverifiedClaims()
	if want := "aä😀/\n"; got.Subject != want {
		t.Errorf("Subject = %q, want %q", got.Subject, want)
	}
	if want := []string{`x"y`, "a,b]"}; !slices.Equal(got.Groups, want) {
		t.Errorf("Groups = %q, want %q", got.Groups, want)
	}
	if want := time.Unix(12, 250_000_000).UTC(); !got.Expires.Equal(want) {
		t.Errorf("Expires = %v, want %v", got.Expires, want)
	}
}

func TestTimesAtTheEdges(t *testing.T) {
	for value, want := range map[string]time.Time{
		"0": time.Unix(0, 0), "253402300799": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		"1.5": time.Unix(1, 500_000_000), "1.000000001": time.Unix(1, 1),
	} {
		got := parse(t, retyped(t, `{"sub":"x"}`, "exp", value)).UnverifiedClaims().Expires
		if !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("exp %s = %v, want %v", value, got, want)
		}
	}
}

func TestHasScopeAndInGroup(t *testing.T) {
	c := &token.Claims{Scope: "openid orders/read", Groups: []string{"admins"}}
	for name, want := range map[string]bool{
		"openid": true, "orders/read": true, "orders": false, "openid orders/read": false, "": false, "OPENID": false,
	} {
		if got := c.HasScope(name); got != want {
			t.Errorf("HasScope(%q) = %v, want %v", name, got, want)
		}
	}
	if !c.InGroup("admins") || c.InGroup("admin") || c.InGroup("") {
		t.Error("InGroup is wrong")
	}
}

func TestVerifyByAnotherKey(t *testing.T) {
	p := parse(t, sign(t, token.ES256, accessClaims(nil)))
	if _, err := p.Verify(keys[token.EdDSA]().Public()); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("Verify by a key of another id = %v, want ErrUnknownKey", err)
	}
	same, err := token.NewPublicKey(p.KeyID(), keys[token.EdDSA]().Public().Key())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(same); !errors.Is(err, token.ErrSignature) {
		t.Errorf("Verify by another key of the id = %v, want ErrSignature", err)
	}
}
