package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/cognate-id/cognate/identity"
)

// A member is a user who is signed in, at one request.
type member struct {
	visit   visit
	session *identity.Session
	email   string
	app     bool // an authenticator app is asked for at sign-in
}

// member finds out who sends a request. Whatever is wrong with a visit, what
// helps is to sign in again.
func (a *app) member(r *http.Request) (*member, error) {
	v, err := a.visit(r)
	if err != nil {
		return nil, err
	}
	s, err := a.session(r.Context(), &v)
	if err != nil {
		return nil, err
	}
	u, err := s.User()
	if err != nil {
		return nil, err
	}
	return &member{visit: v, session: s, email: u.Attributes["email"], app: u.MFA.TOTP}, nil
}

// session is the engine's view of a visit. It is asked for at each request, so
// a sign-in that was ended elsewhere is over at once.
func (a *app) session(ctx context.Context, v *visit) (*identity.Session, error) {
	s, err := a.pool.Session(ctx, v.access)
	if !errors.Is(err, identity.ErrAccessTokenExpired) {
		return s, err
	}
	tokens, err := a.pool.Refresh(ctx, identity.Refresh{Token: v.refresh})
	if err != nil {
		return nil, err
	}
	v.access = tokens.Access
	a.visits.put(v)
	return a.pool.Session(ctx, v.access)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request, m *member) (next string, err error) {
	a.end(w, &m.visit)
	return "/sign-in?note=out", a.pool.Revoke(r.Context(), m.visit.refresh, "")
}

func (a *app) enroll(_ http.ResponseWriter, r *http.Request, m *member) (next string, err error) {
	key, err := m.session.EnrollTOTP(r.Context())
	if err != nil {
		return "", err
	}
	m.visit.key, m.visit.uri = key.Text(), key.URI("Cognate example", m.email)
	a.visits.put(&m.visit)
	return "/app", nil
}

func (a *app) verify(_ http.ResponseWriter, r *http.Request, m *member) (next string, err error) {
	if err := m.session.VerifyTOTP(r.Context(), secret(r, "code"), ""); err != nil {
		return "", err
	}
	m.visit.key, m.visit.uri = "", ""
	a.visits.put(&m.visit)
	on := identity.MFAUpdate{TOTP: &identity.MFASetting{Enabled: true, Preferred: true}}
	return "/?note=app", m.session.SetMFA(r.Context(), on)
}
