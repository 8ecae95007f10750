package token_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/token"
)

const (
	issuer   = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf123"
	clientID = "1example23456789abcdefghij"
)

// now is the time at which the tests take place.
var now = time.Unix(1_800_000_000, 0)

var algorithms = []token.Algorithm{token.RS256, token.ES256, token.EdDSA}

// keys are made once. The RSA key is ready, because one takes its time.
var keys = func() map[token.Algorithm]func() *token.Key {
	m := make(map[token.Algorithm]func() *token.Key)
	for _, alg := range algorithms {
		m[alg] = sync.OnceValue(func() *token.Key {
			k, err := token.GenerateKey(alg)
			if err != nil {
				panic(err)
			}
			return k
		})
	}
	m[token.RS256] = sync.OnceValue(func() *token.Key {
		text, err := os.ReadFile("testdata/rs256.json")
		if err != nil {
			panic(err)
		}
		k, err := token.ParsePrivate(text)
		if err != nil {
			panic(err)
		}
		return k
	})
	return m
}()

type claims map[string]any

// accessClaims are those of an access token as Cognito makes it; over replaces some of
// them, nil removes.
func accessClaims(over claims) claims {
	return merged(claims{
		"sub": "f4688488-5081-7055-3ae9-db0b8a3237e4", "iss": issuer, "client_id": clientID,
		"cognito:groups": []string{"admins", "staff"}, "version": 2,
		"origin_jti": "5b9b0a1c-3a0a-4b0c-8a52-000000000001", "event_id": "5b9b0a1c-3a0a-4b0c-8a52-000000000002",
		"token_use": "access", "scope": "openid orders/read aws.cognito.signin.user.admin",
		"auth_time": now.Unix(), "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"jti": "5b9b0a1c-3a0a-4b0c-8a52-000000000003", "username": "anna",
	}, over)
}

// idClaims are those of an ID token.
func idClaims(over claims) claims {
	return merged(claims{
		"sub": "f4688488-5081-7055-3ae9-db0b8a3237e4", "iss": issuer, "aud": clientID,
		"cognito:groups": []string{"admins"}, "cognito:username": "anna",
		"email": "anna@example.com", "email_verified": true, "token_use": "id",
		"auth_time": now.Unix(), "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"jti": "5b9b0a1c-3a0a-4b0c-8a52-000000000004",
	}, over)
}

func merged(c, over claims) claims {
	maps.Copy(c, over)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sign returns a token by the key of alg.
func sign(t testing.TB, alg token.Algorithm, c claims) string {
	t.Helper()
	raw, err := keys[alg]().Sign(marshal(t, c))
	if err != nil {
		t.Fatalf("Sign: %v", err)
	}
	return raw
}

// options accept what accessClaims and idClaims make, by any of the three keys, cache off.
func options() setup {
	set := make(token.Set, 0, len(algorithms))
	for _, alg := range algorithms {
		set = append(set, keys[alg]().Public())
	}
	return setup{
		Issuers:   []string{issuer},
		Keys:      token.StaticKeys{issuer: set},
		ClientIDs: []string{clientID},
		VerifierOptions: token.VerifierOptions{
			AnyUse:    true,
			Now:       func() time.Time { return now },
			CacheSize: -1,
		},
	}
}

// A setup is everything that NewVerifier takes.
type setup struct {
	Issuers   []string
	Keys      token.KeySource
	ClientIDs []string
	token.VerifierOptions
}

func (s setup) verifier() (*token.Verifier, error) {
	return token.NewVerifier(s.Issuers, s.Keys, s.ClientIDs, &s.VerifierOptions)
}

func newVerifier(t testing.TB, o setup) *token.Verifier {
	t.Helper()
	v, err := o.verifier()
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	return v
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode(t testing.TB, s string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// parts splits a token.
func parts(t testing.TB, raw string) (header, payload, signature string) {
	t.Helper()
	p := strings.Split(raw, ".")
	if len(p) != 3 {
		t.Fatalf("token has %d parts, want 3", len(p))
	}
	return p[0], p[1], p[2]
}

// replaceMember sets a member of a JSON object to any JSON text.
func replaceMember(t testing.TB, object, name, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	delete(members, name)
	rest := marshal(t, members)
	return string(rest[:len(rest)-1]) + `,"` + name + `":` + value + "}"
}
