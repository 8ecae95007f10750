package oidc

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// The way back: the callback is checked, the code is exchanged for tokens, the ID token is verified or
// the access token is asked about, and the user info is merged.

// An Identity is a user as a provider has named them, verified.
type Identity struct {
	// Subject names the user at the provider, for ever.
	Subject string
	// Issuer is the provider's. "" for Facebook and Amazon.
	Issuer string
	// Claims are those of the ID token, and those of the user info that the ID token does not have.
	// Numbers are [json.Number].
	Claims map[string]any
	// EmailVerified reports whether the provider says that the address in the claim email is the user's.
	EmailVerified bool
	// Tokens are the provider's.
	Tokens Tokens
	// Expires is when the ID token does. Zero for Facebook and Amazon.
	Expires time.Time
	// IDToken and UserInfo are the claims of the two sources. Nil where there is none.
	IDToken, UserInfo map[string]any
}

// Tokens are those of a provider.
type Tokens struct {
	// Access, ID and Refresh are "" where there is none.
	Access, ID, Refresh Secret
	// Expires is when Access expires. Zero if the provider does not say.
	Expires time.Time
	// Scope is what the provider has granted, if it says.
	Scope string
}

// Exchange verifies who has come back. Each error is an [*Error]. One that wraps [ErrCallback] is about a
// callback that may be forged; all others may be told to the application.
func (p *Provider) Exchange(ctx context.Context, l *Login, cb Callback) (*Identity, error) {
	if l.State == "" || subtle.ConstantTimeCompare([]byte(cb.State), []byte(l.State)) != 1 {
		return nil, failure(ErrCallback, "Invalid State/RelayState provided.", errors.New("the state is another"))
	}
	if !p.config.InsecurePlain && (l.Verifier == "" || p.config.Kind.idTokens() && l.Nonce == "") {
		return nil, failure(ErrCallback, "Invalid State/RelayState provided.", errors.New("the login is not complete"))
	}
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	if cb.Issuer != "" && cb.Issuer != d.endpoints.Issuer || cb.Issuer == "" && d.iss {
		return nil, failure(ErrCallback, "Invalid issuer", errors.New("iss is not the issuer of the provider"))
	}
	if cb.Error != "" {
		return nil, p.upstream(cb)
	}
	if cb.Code == "" {
		return nil, failure(ErrCallback, "Missing code", errors.New("there is no code"))
	}
	tokens, err := p.tokens(ctx, d.endpoints, l, cb.Code)
	if err != nil {
		return nil, err
	}
	who := &Identity{Issuer: d.endpoints.Issuer, Tokens: *tokens}
	if p.config.Kind.idTokens() {
		err = p.byIDToken(ctx, d.endpoints, l.Nonce, who)
	} else {
		err = p.byProfile(ctx, d.endpoints, who)
	}
	if err != nil {
		return nil, err
	}
	if p.config.Kind == Apple {
		addAppleUser(who.Claims, cb.User)
	}
	who.EmailVerified = text(who.Claims, "email") != "" && isTrue(who.Claims, "email_verified")
	return who, nil
}

// Verify verifies an ID token that a program on a user's device has got from the provider by itself. It
// asks for no user info. nonce is the one that the program has sent; it is required. The token must be for the client of the
// configuration, or for one of clients: further client ids, such as those of apps.
func (p *Provider) Verify(ctx context.Context, idToken Secret, nonce string, clients ...string) (*Identity, error) {
	if !p.config.Kind.idTokens() {
		return nil, refusedToken("the provider has no ID tokens")
	}
	if nonce == "" {
		return nil, refusedToken("there is no nonce to compare")
	}
	claims, err := p.verify(ctx, string(idToken), nonce, "", clients...)
	if err != nil {
		return nil, err
	}
	expires, _ := timeOf(claims, "exp") // verify has read it
	return &Identity{
		Expires: expires, Subject: text(claims, "sub"), Issuer: text(claims, "iss"), Claims: claims, IDToken: claims, Tokens: Tokens{ID: idToken},
		EmailVerified: text(claims, "email") != "" && isTrue(claims, "email_verified"),
	}, nil
}

// upstream is the refusal of a provider, as the application is told: with the provider's name before it.
func (p *Provider) upstream(cb Callback) error {
	code := printable(cb.Error)
	if !errorCode(cb.Error) {
		code = invalidRequest
	}
	description := p.config.Name + " Error - " + cmp.Or(printable(cb.Description), code)
	return &Error{Code: code, Description: description, kind: ErrUpstream, cause: errors.New(code)}
}

// errorCode reports whether a text may be an error of RFC 6749, section 4.1.2.1.
func errorCode(s string) bool {
	return len(s) <= 64 && s == printable(s) && !strings.ContainsAny(s, " <>&'")
}

// printable is what may stand in an error_description (RFC 6749, section 5.2), and not too much of it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

// tokens exchanges a code.
func (p *Provider) tokens(ctx context.Context, e *Endpoints, l *Login, code string) (*Tokens, error) {
	if p.tokenMethod() == http.MethodGet {
		return p.tokensByGet(ctx, e, l, code)
	}
	client := p.client(e, l.RedirectURI)
	client.ClientSecret = string(p.config.ClientSecret)
	var options []oauth2.AuthCodeOption
	if !p.config.InsecurePlain {
		options = append(options, oauth2.VerifierOption(l.Verifier))
	}
	var err error
	switch {
	case p.config.Apple != nil:
		client.ClientSecret, err = p.appleSecret()
	case p.config.ClientKey != nil:
		var jwt string
		jwt, err = p.assertion(e.Token)
		client.ClientSecret = ""
		options = append(options, oauth2.SetAuthURLParam("client_assertion_type", assertionType),
			oauth2.SetAuthURLParam("client_assertion", jwt))
	}
	if err != nil {
		return nil, failure(ErrConfig, p.config.Name+" Error - error getting token", err)
	}
	t, err := client.Exchange(gooidc.ClientContext(ctx, p.http), code, options...)
	if err != nil {
		return nil, p.tokenFailure(err)
	}
	id, _ := t.Extra("id_token").(string)
	scope, _ := t.Extra("scope").(string)
	return &Tokens{Access: Secret(t.AccessToken), ID: Secret(id), Refresh: Secret(t.RefreshToken), Expires: t.Expiry, Scope: scope}, nil
}

// tokenFailure is what an application is told if there are no tokens.
func (p *Provider) tokenFailure(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if _, called := errors.AsType[*url.Error](err); !called { // an answer that is none: the library's text has it
			err = errors.New("the answer is no token response")
		}
		return callFailure(ErrTokenEndpoint, "Timeout occurred in calling IdP token endpoint", p.config.Name+" Error - error getting token", err)
	}
	return p.statusFailure(refused.Response.StatusCode, refused.ErrorCode, refused.ErrorDescription)
}

func (p *Provider) statusFailure(status int, code, said string) error {
	what := ""
	switch p.config.Kind {
	case OIDC:
	case Google: // its code alone
		what = printable(code)
	case Facebook, Amazon, Apple:
		what = strings.TrimSpace(printable(code) + " " + printable(said))
	}
	what = cmp.Or(what, "error getting token")
	return failure(ErrTokenEndpoint, fmt.Sprintf("%s Error - %d %s", p.config.Name, status, what), fmt.Errorf("status %d %s", status, printable(code)))
}

// tokensByGet exchanges a code by GET, with parameters in the query, as Facebook wants it.
func (p *Provider) tokensByGet(ctx context.Context, e *Endpoints, l *Login, code string) (*Tokens, error) {
	q, err := p.grant(e, url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {l.RedirectURI}, "code": {code}})
	if err != nil {
		return nil, err
	}
	if !p.config.InsecurePlain {
		q.Set("code_verifier", l.Verifier)
	}
	status, doc, err := p.askJSON(ctx, http.MethodGet, withQuery(e.Token, q), "")
	return p.tokensOf(status, doc, err)
}

// Refresh gets a new access token by a refresh token of the provider, which may be another one then: that of the result is empty if the old
// one stays. It returns an error that wraps [ErrRefused] if the provider takes the refresh token no more.
func (p *Provider) Refresh(ctx context.Context, refresh Secret) (*Tokens, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	q, err := p.grant(d.endpoints, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(refresh)}})
	if err != nil {
		return nil, err
	}
	var status int
	var doc map[string]any
	if p.tokenMethod() == http.MethodGet {
		status, doc, err = p.askJSON(ctx, http.MethodGet, withQuery(d.endpoints.Token, q), "")
	} else {
		status, doc, err = p.postForm(ctx, d.endpoints.Token, q)
	}
	t, failed := p.tokensOf(status, doc, err)
	if code := text(doc, "error"); failed != nil && (status == http.StatusBadRequest || status == http.StatusUnauthorized) && code == "invalid_grant" {
		return nil, failure(ErrRefused, p.config.Name+" Error - error getting token", failed)
	}
	return t, failed
}

// tokenMethod is how tokens are asked for.
func (p *Provider) tokenMethod() string {
	switch {
	case p.config.TokenMethod != "":
		return p.config.TokenMethod
	case p.config.Kind == Facebook:
		return http.MethodGet
	}
	return http.MethodPost
}

// grant adds to a token request what our client proves itself by.
func (p *Provider) grant(e *Endpoints, q url.Values) (url.Values, error) {
	q.Set("client_id", p.config.ClientID)
	secret, err := string(p.config.ClientSecret), error(nil)
	switch {
	case p.config.Apple != nil:
		secret, err = p.appleSecret()
	case p.config.ClientKey != nil:
		secret = ""
		var jwt string
		jwt, err = p.assertion(e.Token)
		q.Set("client_assertion_type", assertionType)
		q.Set("client_assertion", jwt)
	}
	if err != nil {
		return nil, failure(ErrConfig, p.config.Name+" Error - error getting token", err)
	}
	if secret != "" {
		q.Set("client_secret", secret)
	}
	return q, nil
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523, section 2.2

// tokensOf reads the answer of a token endpoint.
func (p *Provider) tokensOf(status int, doc map[string]any, err error) (*Tokens, error) {
	if err != nil {
		return nil, callFailure(ErrTokenEndpoint, "Timeout occurred in calling IdP token endpoint", p.config.Name+" Error - error getting token", err)
	}
	if status != http.StatusOK {
		code, said := text(doc, "error"), text(doc, "error_description")
		if of, ok := doc["error"].(map[string]any); ok { // Facebook's
			code, said = text(of, "type"), text(of, "message")
		}
		return nil, p.statusFailure(status, code, said)
	}
	t := &Tokens{Access: Secret(text(doc, "access_token")), ID: Secret(text(doc, "id_token")), Refresh: Secret(text(doc, "refresh_token")), Scope: text(doc, "scope")}
	if t.Access == "" {
		return nil, failure(ErrTokenEndpoint, p.config.Name+" Error - error getting token", errors.New("there is no access token"))
	}
	if n, ok := doc["expires_in"].(json.Number); ok {
		if seconds, err := n.Int64(); err == nil && seconds > 0 && seconds < 1<<31 {
			t.Expires = p.config.Clock().Add(time.Duration(seconds) * time.Second)
		}
	}
	return t, nil
}

// withQuery adds parameters to a URL, which may have some.
func withQuery(to string, q url.Values) string {
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	return to + sep + q.Encode()
}
