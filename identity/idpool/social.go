package idpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Logins of social providers. Google and Apple give ID tokens. Facebook and Amazon give access tokens, so they
// are asked: whose application the token was made for, and who the user is. The answers are
// those of the guarded client, so an error of it tells the host and nothing of the token.

// Endpoints are where social providers answer, for tests and for those who keep a proxy. Empty means the real ones.
type Endpoints struct {
	// Facebook is the URL of the Graph API.
	Facebook string
	// Amazon is the URL of Login with Amazon's API.
	Amazon string
	// Google and Apple are the URLs of the keys.
	Google, Apple string
	// GoogleIssuer and AppleIssuer are the issuers.
	GoogleIssuer, AppleIssuer string
}

func (e *Endpoints) fill() {
	e.Facebook = cmp.Or(e.Facebook, "https://graph.facebook.com")
	e.Amazon = cmp.Or(e.Amazon, "https://api.amazon.com")
	e.Google = cmp.Or(e.Google, "https://www.googleapis.com/oauth2/v3/certs")
	e.Apple = cmp.Or(e.Apple, "https://appleid.apple.com/auth/keys")
	e.GoogleIssuer = cmp.Or(e.GoogleIssuer, "https://accounts.google.com")
	e.AppleIssuer = cmp.Or(e.AppleIssuer, "https://appleid.apple.com")
}

// verifySocial verifies a token of a provider that the service knows by name.
func (s *Service) verifySocial(ctx context.Context, name, raw string, clients []string) (out *proof, err error) {
	clients = slices.DeleteFunc(clients, func(c string) bool { return c == "" })
	switch name {
	case google:
		accepts := []string{s.o.Endpoints.GoogleIssuer}
		if s.o.Endpoints.GoogleIssuer == "https://accounts.google.com" {
			accepts = append(accepts, "accounts.google.com") // Google's older form
		}
		out, err = s.verifyIDToken(ctx, raw, accepts, issuerKeys{accepts[0], s.o.Endpoints.Google}, clients)
	case apple:
		out, err = s.verifyIDToken(ctx, raw, []string{s.o.Endpoints.AppleIssuer}, issuerKeys{s.o.Endpoints.AppleIssuer, s.o.Endpoints.Apple}, clients)
	case facebook:
		out, err = s.verifyFacebook(ctx, raw, clients)
	case amazon:
		out, err = s.verifyAmazon(ctx, raw, clients)
	default:
		return nil, ErrUnsupportedProvider // Twitter and Digits give no tokens of a form that is described
	}
	if err != nil {
		return nil, err
	}
	out.Provider, out.mapping, out.method = name, name, name+":"+out.client+":"+out.Subject
	return out, nil
}

// maxSubject bounds what is stored of an answer.
const maxSubject = 255

// verifyFacebook asks the Graph API for the application of a token, and for its user.
func (s *Service) verifyFacebook(ctx context.Context, raw string, clients []string) (*proof, error) {
	var app, me struct {
		ID string `json:"id"`
	}
	if err := s.askSocial(ctx, s.o.Endpoints.Facebook+"/app", url.Values{"access_token": {raw}}, &app); err != nil {
		return nil, err
	}
	if !slices.Contains(clients, app.ID) {
		return nil, ErrTokenAudience
	}
	if err := s.askSocial(ctx, s.o.Endpoints.Facebook+"/me", url.Values{"access_token": {raw}, "fields": {"id"}}, &me); err != nil {
		return nil, err
	}
	return s.socialProof(proofFacebook, app.ID, me.ID, "https://"+facebook, "sub")
}

// verifyAmazon asks Login with Amazon, which tells the application and the user at once.
func (s *Service) verifyAmazon(ctx context.Context, raw string, clients []string) (*proof, error) {
	var info struct {
		Audience string `json:"aud"`
		User     string `json:"user_id"`
		Expires  int64  `json:"exp"` // in how many seconds
	}
	if err := s.askSocial(ctx, s.o.Endpoints.Amazon+"/auth/o2/tokeninfo", url.Values{"access_token": {raw}}, &info); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(clients, info.Audience):
		return nil, ErrTokenAudience
	case info.Expires <= 0:
		return nil, ErrTokenUnverified
	}
	return s.socialProof(proofAmazon, info.Audience, info.User, "https://"+amazon, "user_id")
}

func (s *Service) socialProof(kind proofKind, client, user, issuer, claim string) (*proof, error) {
	if !within(user, 1, maxSubject) {
		return nil, fmt.Errorf("%w: it names nobody", ErrExternalService)
	}
	claims := map[string]any{"iss": issuer, "aud": client, "sub": user, claim: user}
	return &proof{kind: kind, login: login{Subject: user}, client: client, claims: claims}, nil
}

// askSocial asks a provider about an access token. A refusal is about the token.
func (s *Service) askSocial(ctx context.Context, to string, query url.Values, into any) error {
	err := s.keys.getJSON(ctx, to+"?"+query.Encode(), into)
	if e, ok := errors.AsType[*statusError](err); ok && (e.status == http.StatusBadRequest || e.status == http.StatusUnauthorized) {
		return ErrTokenUnverified
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrExternalService, err)
	}
	return nil
}
