package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/token"
)

// TestParseForeign: a header of another provider may have what says nothing, and nothing that brings a key or changes a rule.
func TestParseForeign(t *testing.T) {
	const alg = token.ES256
	const payload = `{"iss":"https://idp.example.com","sub":"u","aud":["first","second"],"exp":9999999999,"scope":["a"],"username":5,"cognito:groups":"x"}`
	for _, more := range []string{"", `,"typ":"JWT"`, `,"typ":"jwt"`, `,"x5t":"abc"`, `,"x5t#S256":"abc","nonce":"n"`, `,"unknown":{"a":[1]}`, `,"cty":"JWT"`, `,"KID":"x"`} {
		p, err := token.ParseForeign(forge(t, alg, header(alg, more), payload))
		if err != nil {
			t.Errorf("%s: %v", more, err)
			continue
		}
		c, err := p.Verify(keys[alg]().Public())
		if err != nil || c.Subject != "u" || c.Audience != "first" || c.Issuer != "https://idp.example.com" {
			t.Errorf("%s: %+v, %v", more, c, err)
		}
	}
	jwk := string(marshal(t, keys[alg]().Public()))
	for _, more := range []string{
		`,"jku":"https://evil.example/jwks.json"`, `,"x5u":"https://evil.example/c.pem"`, `,"jwk":` + jwk, `,"x5c":["MIIB"]`,
		`,"crit":["exp"]`, `,"crit":[]`, `,"b64":false`, `,"zip":"DEF"`, `,"enc":"A256GCM"`, `,"typ":"at+jwt"`, `,"typ":["JWT"]`,
		`,"alg":"none"`, `,"x5t":"a","x5t":"b"`, `,"a"`, strings.Repeat(" ", 600),
	} {
		if _, err := token.ParseForeign(forge(t, alg, header(alg, more), payload)); !errors.Is(err, token.ErrMalformed) {
			t.Errorf("%s: %v", more, err)
		}
	}
	for _, bad := range []string{`{"iss":5}`, `{"aud":5}`, `{"aud":[5]}`, `{"exp":"1"}`, `{"sub":["u"]}`, `{"iss":"a","iss":"b"}`, `[]`} {
		if _, err := token.ParseForeign(forge(t, alg, header(alg, ""), bad)); !errors.Is(err, token.ErrMalformed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := token.ParseForeign(forge(t, alg, `{"kid":"k","alg":"none","x5t":"a"}`, payload)); !errors.Is(err, token.ErrSignature) {
		t.Errorf("no algorithm: %v", err)
	}
}
