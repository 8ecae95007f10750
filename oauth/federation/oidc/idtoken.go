package oidc

import (
	"context"
	"crypto"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
)

// The ID token. The library verifies the signature, iss and exp, with the one key that the token
// names. The rest of OpenID Connect Core, section 3.1.3.7, is checked here, on a strict reading of
// the payload.

const (
	maxToken = 64 << 10 // bytes
	skew     = time.Minute
	maxSub   = 255 // bytes, as OpenID Connect has it
)

// A header is that of an ID token.
type header struct{ alg, kid string }

// headerOf reads the header of a token, which brings no key and changes no rule.
func headerOf(raw string) (header, error) {
	first, _, ok := strings.Cut(raw, ".")
	plain, err := base64.RawURLEncoding.DecodeString(first)
	if len(raw) > maxToken || !ok || err != nil {
		return header{}, refusedToken("it is no compact JWS, or too long")
	}
	m, err := decodeObject(plain)
	if err != nil {
		return header{}, refusedToken("its header is malformed")
	}
	for _, name := range []string{"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"} {
		if _, there := m[name]; there {
			return header{}, refusedToken("its header has " + name)
		}
	}
	if typ, there := m["typ"]; there {
		if s, _ := typ.(string); !strings.EqualFold(s, "JWT") {
			return header{}, refusedToken("its typ is not JWT")
		}
	}
	h := header{text(m, "alg"), text(m, "kid")}
	if h.kid == "" {
		return header{}, refusedToken("it names no key")
	}
	return h, nil
}

// verify verifies an ID token and returns its claims. nonce is "" if none was sent, access if there is no
// access token beside it. clients are those for whom it may be, beside our own.
func (p *Provider) verify(ctx context.Context, raw, nonce, access string, clients ...string) (map[string]any, error) {
	h, err := headerOf(raw)
	if err != nil {
		return nil, err
	}
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(d.algorithms, h.alg) {
		return nil, refusedToken("its algorithm is not on the list")
	}
	p.mu.Lock()
	keys := p.keys
	p.mu.Unlock()
	key, err := keys.key(ctx, h.kid)
	if err != nil {
		return nil, err
	}
	if key.alg != "" && key.alg != h.alg {
		return nil, refusedToken("its key is for another algorithm")
	}
	now := p.config.Clock()
	verifier := gooidc.NewVerifier(d.endpoints.Issuer, &gooidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.key}}, &gooidc.Config{
		SkipClientIDCheck:    true, // checkClaims does
		SupportedSigningAlgs: []string{h.alg}, Now: func() time.Time { return now.Add(-skew) },
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, failure(ErrIDToken, "Invalid ID token", err)
	}
	var payload json.RawMessage
	if err := token.Claims(&payload); err != nil {
		return nil, refusedToken("it has no claims")
	}
	claims, err := decodeObject(payload)
	if err != nil {
		return nil, failure(ErrIDToken, "Invalid ID token", err)
	}
	if err := checkClaims(claims, token, append([]string{p.config.ClientID}, clients...), now); err != nil {
		return nil, err
	}
	return claims, checkBinding(claims, token, nonce, access)
}

// checkClaims checks whom a token is about, for whom, and when. It must be for one of clients.
func checkClaims(claims map[string]any, token *gooidc.IDToken, clients []string, now time.Time) error {
	// The library ignores case in names of members: what it has read must be what the name says.
	if text(claims, "iss") != token.Issuer || text(claims, "sub") != token.Subject || !slices.Equal(audienceOf(claims), token.Audience) {
		return refusedToken("iss, sub or aud is there in another writing")
	}
	if err := checkSubject(token.Subject); err != nil {
		return refusedToken(err.Error())
	}
	ours := func(id string) bool { return id != "" && slices.Contains(clients, id) }
	if !slices.ContainsFunc(token.Audience, ours) {
		return refusedToken("it is for another client")
	}
	_, there := claims["azp"]
	if there && !ours(text(claims, "azp")) {
		return refusedToken("it was issued to another client")
	}
	if len(token.Audience) > 1 && !there {
		return refusedToken("it is for several clients, and does not say for which it was issued")
	}
	exp, ok := timeOf(claims, "exp")
	if !ok || !exp.After(now.Add(-skew)) {
		return refusedToken("it has expired, or does not say when it does")
	}
	issued, ok := timeOf(claims, "iat")
	if !ok || issued.After(now.Add(skew)) || issued.After(exp) {
		return refusedToken("it was issued in the future, or does not say when it was")
	}
	if _, there := claims["nbf"]; there {
		if from, ok := timeOf(claims, "nbf"); !ok || from.After(now.Add(skew)) {
			return refusedToken("it is not valid yet")
		}
	}
	return nil
}

// checkBinding checks that a token belongs to this sign-in.
func checkBinding(claims map[string]any, token *gooidc.IDToken, nonce, access string) error {
	if nonce != "" && subtle.ConstantTimeCompare([]byte(text(claims, "nonce")), []byte(nonce)) != 1 {
		return refusedToken("its nonce is not that of this sign-in")
	}
	if _, there := claims["at_hash"]; there && access != "" {
		if text(claims, "at_hash") != token.AccessTokenHash || token.VerifyAccessToken(access) != nil {
			return refusedToken("it belongs to another access token")
		}
	}
	return nil
}

// checkSubject returns an error unless a text can name a user.
func checkSubject(sub string) error {
	if sub == "" || len(sub) > maxSub || strings.ContainsFunc(sub, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return errors.New("its subject is empty, too long, or has control characters")
	}
	return nil
}

// audienceOf is the claim aud, which is a string or a list of strings.
func audienceOf(claims map[string]any) []string {
	switch v := claims["aud"].(type) {
	case string:
		return []string{v}
	case []any:
		all := make([]string, len(v))
		for i := range v {
			all[i], _ = v[i].(string)
		}
		return all
	}
	return nil
}

// timeOf is a claim that is a number of seconds.
func timeOf(claims map[string]any, name string) (time.Time, bool) {
	n, ok := claims[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	if err != nil || math.IsNaN(f) || f < 0 || f > 253402300799 { // the end of the year 9999
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}
