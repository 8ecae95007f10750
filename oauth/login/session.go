package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cognate-id/cognate/token"
)

// A signedIn is what is kept of a browser that is signed in.
type signedIn struct {
	ID      string    `json:"i"` // the ID token
	Access  string    `json:"a"`
	Refresh string    `json:"r,omitempty"`
	Began   time.Time `json:"b"`
	Seen    time.Time `json:"s"` // of a request; it is not written at each one
}

// kept is a signedIn as a keeper has it.
type kept struct {
	signedIn
	cookie string // without the store, the sealed cookie; with it, the key of the record
	tokens int    // with the store, how often the tokens were renewed
}

// A keeper keeps what is known of browsers: in cookies, or in the store.
type keeper interface {
	// load returns what is kept of the browser of a request, or [ErrSignedOut].
	load(r *http.Request) (*kept, error)
	// begin signs a browser in. It returns the sign-in that the browser had before, or nil.
	begin(w http.ResponseWriter, r *http.Request, s *signedIn) (*signedIn, error)
	// touch notes that the browser was seen.
	touch(w http.ResponseWriter, r *http.Request, k *kept) error
	// renew returns k with new tokens, which this request or another one has fetched.
	renew(w http.ResponseWriter, r *http.Request, k *kept) (*kept, error)
	// end forgets the browser. It returns the sign-in that it had, or nil.
	end(w http.ResponseWriter, r *http.Request) (*signedIn, error)
}

// A Session is a browser that is signed in, during one request.
type Session struct {
	// ID are the claims of the ID token: who the person is.
	ID *token.Claims
	// Access are the claims of the access token: groups and scopes, as they were at the last
	// refresh.
	Access *token.Claims
	// Began is when the person signed in here.
	Began time.Time

	access string
}

// AccessToken returns the access token, for calls of APIs. It is valid for 30 seconds at least,
// unless the authorization server does not answer.
func (s *Session) AccessToken() string { return s.access }

// early is how long before its expiry an access token is renewed.
const early = 30 * time.Second

// Rights are what [Middleware.Require] asks for.
type Rights struct {
	// Groups are the groups of which the person must be in at least one. For several of them,
	// call Require twice. Defaults to none: groups are not checked.
	Groups []string
	// Scopes must all be in the access token. Defaults to none.
	Scopes []string
}

// Current returns the session of a request, or [ErrSignedOut]. It is for pages that anybody may
// see, and does not check where the request comes from: [Middleware.Handler] does. Call it before
// the answer is written: it may set cookies.
func (m *Middleware) Current(w http.ResponseWriter, r *http.Request) (*Session, error) {
	k, err := m.keeper.load(r)
	if err != nil {
		return nil, err
	}
	s, err := m.current(w, r, k)
	if isOver(err) {
		m.options.Logger.InfoContext(r.Context(), "sign-in is over", "error", err)
		if _, err = m.keeper.end(w, r); err == nil {
			err = ErrSignedOut
		}
	}
	return s, err
}

func (m *Middleware) current(w http.ResponseWriter, r *http.Request, k *kept) (*Session, error) {
	now := m.options.Clock()
	access, err := m.server.accesses.Verify(r.Context(), k.Access)
	expired := errors.Is(err, token.ErrExpired)
	if expired || err == nil && k.Refresh != "" && !now.Before(access.Expires.Add(-early)) {
		renewed, failed := m.keeper.renew(w, r, k)
		switch {
		case failed == nil:
			k = renewed
			access, err = m.server.accesses.Verify(r.Context(), k.Access)
		case expired || isOver(failed):
			return nil, failed
		default:
			m.options.Logger.WarnContext(r.Context(), "tokens not refreshed yet", "error", failed)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the access token: %w", temporary(err), err)
	}
	if now.Sub(k.Seen) >= m.options.Idle/seenParts {
		if err := m.keeper.touch(w, r, k); err != nil {
			return nil, err
		}
	}
	id, err := token.Parse(k.ID) // it was verified before it was kept
	if err != nil {
		return nil, fmt.Errorf("%w: the ID token: %w", errInvalid, err)
	}
	return &Session{ID: id.UnverifiedClaims(), Access: access, Began: k.Began, access: k.Access}, nil
}

// over are the errors that say that a sign-in does not stand any more.
var over = []error{
	ErrSignedOut, errGrant, errInvalid, token.ErrExpired, token.ErrRevoked, token.ErrMalformed, token.ErrSignature, token.ErrUnknownKey,
	token.ErrNotYetValid, token.ErrIssuer, token.ErrAudience, token.ErrUse,
}

// isOver reports whether an error is one of over. After all others, such as those of a network,
// the sign-in may stand.
func isOver(err error) bool {
	return slices.ContainsFunc(over, func(e error) bool { return errors.Is(err, e) })
}

// temporary tells a token that is not good from one that cannot be judged now.
func temporary(err error) error {
	if isOver(err) {
		return errInvalid
	}
	return ErrUnavailable
}

// lives reports whether a sign-in has not come to its end by Life and Idle.
func (m *Middleware) lives(s *signedIn) bool { return m.options.Clock().Before(m.expires(s)) }

// expires is when a sign-in ends. What is in use is written a part of the idle time later, perhaps.
func (m *Middleware) expires(s *signedIn) time.Time {
	end := s.Began.Add(m.options.Life)
	if idle := s.Seen.Add(m.options.Idle + m.options.Idle/seenParts); idle.Before(end) {
		return idle
	}
	return end
}

type contextKey struct{}

// FromContext returns the session that [Middleware.Require] put into the context of a request, and
// reports whether there is one.
func FromContext(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(contextKey{}).(*Session)
	return s, ok
}

// Require is middleware for handlers of people who are signed in. rights may be nil. It answers all
// other requests, as [Options].Refuse does:
//
//   - 303 to the sign-in if the browser is not signed in and asks for a page, otherwise 401,
//   - 403 if the person lacks a right, or if the request comes from another site and its method is
//     not GET, HEAD or OPTIONS,
//   - 503 if the authorization server or the store does not answer.
//
// Answers have Cache-Control: no-store, unless next sets it.
func (m *Middleware) Require(next http.Handler, rights *Rights) http.Handler {
	var need Rights
	if rights != nil {
		need = Rights{slices.Clone(rights.Groups), slices.Clone(rights.Scopes)}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		s, err := m.require(w, r, &need)
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, s)))
		case errors.Is(err, ErrSignedOut) && wantsPage(r):
			seeOther(w, m.toSignIn(r))
		default:
			m.fail(w, r, err)
		}
	})
}

func (m *Middleware) require(w http.ResponseWriter, r *http.Request, need *Rights) (*Session, error) {
	if m.origins.Check(r) != nil {
		return nil, errCrossOrigin
	}
	s, err := m.session(w, r)
	if err != nil {
		return nil, err
	}
	if len(need.Groups) > 0 && !slices.ContainsFunc(need.Groups, s.Access.InGroup) {
		return nil, errForbidden
	}
	for _, scope := range need.Scopes {
		if !s.Access.HasScope(scope) {
			return nil, errForbidden
		}
	}
	return s, nil
}

// session returns the session of the context, if Require is around Require, or else the current one.
func (m *Middleware) session(w http.ResponseWriter, r *http.Request) (*Session, error) {
	if s, ok := FromContext(r.Context()); ok {
		return s, nil
	}
	return m.Current(w, r)
}

// toSignIn is the way to the sign-in and back. What was sent by a form is not sent again.
func (m *Middleware) toSignIn(r *http.Request) string {
	back := r.URL.RequestURI()
	if r.Method != http.MethodGet || !IsLocal(back) {
		return m.options.SignIn
	}
	return withQuery(m.options.SignIn, url.Values{"return_to": {back}})
}

// signOut signs the browser out here and ends its tokens, then sends it on to be signed out of the
// authorization server.
func (m *Middleware) signOut(w http.ResponseWriter, r *http.Request) error {
	s, err := m.keeper.end(w, r)
	if err != nil {
		return err
	}
	m.revoke(r.Context(), s)
	next := m.options.SignedOut
	if e, err := m.server.endpoints(r.Context()); err != nil {
		m.options.Logger.WarnContext(r.Context(), "signed out here alone", "error", err)
	} else if e.EndSession != "" {
		next = withQuery(e.EndSession, url.Values{"client_id": {m.clientID}, "logout_uri": {m.options.SignedOut}})
	}
	seeOther(w, next)
	return nil
}
