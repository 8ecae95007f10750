package login

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/token"
)

const (
	callTime  = 10 * time.Second
	maxAnswer = 256 << 10
)

// Endpoints are the addresses of an authorization server.
type Endpoints struct {
	// Authorization is where browsers are sent.
	Authorization string `json:"authorization_endpoint"`
	// Token exchanges codes and refresh tokens.
	Token string `json:"token_endpoint"`
	// Revocation ends a sign-in by its refresh token. It may be empty.
	Revocation string `json:"revocation_endpoint"`
	// EndSession is where browsers are signed out of the server. It may be empty.
	EndSession string `json:"end_session_endpoint"`
	// NamesIssuer says that the server names itself in each answer (RFC 9207), so one that
	// does not is refused.
	NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
}

// A server is the authorization server, as the program calls it.
type server struct {
	m             *Middleware
	ids, accesses *token.Verifier

	mu        sync.Mutex
	discovery *discovery // nil before the first read, and after one that failed
}

func newServer(m *Middleware) (*server, error) {
	s := &server{m: m, ids: m.options.IDTokens, accesses: m.options.AccessTokens}
	if e := m.options.Endpoints; e != nil {
		own := *e
		if err := own.check(); err != nil {
			return nil, err
		}
		s.discovery = &discovery{done: make(chan struct{}), endpoints: &own}
		close(s.discovery.done)
	}
	if s.ids != nil {
		return s, nil
	}
	issuers, clients := []string{m.issuer}, []string{m.clientID}
	keys, err := token.NewRemoteKeys(issuers, &token.RemoteOptions{Client: m.options.Client, Now: m.options.Clock})
	if err != nil {
		return nil, err
	}
	if s.ids, err = token.NewVerifier(issuers, keys, clients, &token.VerifierOptions{Use: token.UseID, Now: m.options.Clock}); err != nil {
		return nil, err
	}
	access := &token.VerifierOptions{Use: token.UseAccess, Now: m.options.Clock}
	if resource := m.options.Parameters["resource"]; resource != "" {
		access.Resources = []string{resource}
	}
	s.accesses, err = token.NewVerifier(issuers, keys, clients, access)
	return s, err
}

// check returns an error for addresses that are missing or go in clear text over a network.
func (e *Endpoints) check() error {
	for _, address := range []struct {
		name, url string
		needed    bool
	}{
		{"authorization", e.Authorization, true},
		{"token", e.Token, true},
		{"revocation", e.Revocation, false},
		{"end of session", e.EndSession, false},
	} {
		if address.url == "" && !address.needed {
			continue
		}
		u, err := url.Parse(address.url)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("the endpoint of %s, %q, is not an absolute URL", address.name, address.url)
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u)) {
			return fmt.Errorf("the endpoint of %s, %q, is not https", address.name, address.url)
		}
	}
	return nil
}

// A discovery is one read of the discovery document.
type discovery struct {
	done      chan struct{}
	endpoints *Endpoints
	err       error
}

// endpoints returns those of the discovery document, which is read once. All who need it wait for
// one read. After an error, whoever comes next reads it again.
func (s *server) endpoints(ctx context.Context) (*Endpoints, error) {
	s.mu.Lock()
	if d := s.discovery; d != nil {
		s.mu.Unlock()
		select {
		case <-d.done:
			return d.endpoints, d.err
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	d := &discovery{done: make(chan struct{}), err: ErrUnavailable}
	s.discovery = d
	s.mu.Unlock()
	defer s.discovered(d)
	e, err := s.discover(context.WithoutCancel(ctx))
	if err != nil {
		d.err = fmt.Errorf("%w: discovery: %w", ErrUnavailable, err)
		return nil, d.err
	}
	d.endpoints, d.err = e, nil
	return e, nil
}

// discovered wakes those who wait, after a panic too.
func (s *server) discovered(d *discovery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.err != nil {
		s.discovery = nil
	}
	close(d.done)
}

func (s *server) discover(ctx context.Context) (*Endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.m.issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	status, body, err := s.call(r)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d", status)
	}
	var d struct {
		Issuer string `json:"issuer"`
		Endpoints
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, err
	}
	if d.Issuer != s.m.issuer {
		return nil, fmt.Errorf("the document is of the issuer %.200q, not of %q", d.Issuer, s.m.issuer)
	}
	return &d.Endpoints, d.Endpoints.check()
}

// call returns the status and the bounded body of an answer.
func (s *server) call(r *http.Request) (int, []byte, error) {
	r.Header.Set("Accept", "application/json")
	res, err := s.m.options.Client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	return res.StatusCode, body, err
}

// post sends a form to an endpoint for programs. The client proves its secret by Basic
// (RFC 6749, section 2.3.1), or names itself if it has none.
func (s *server) post(ctx context.Context, to string, form url.Values) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if s.m.options.Secret == "" {
		form.Set("client_id", s.m.clientID)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.m.options.Secret != "" {
		r.SetBasicAuth(url.QueryEscape(s.m.clientID), url.QueryEscape(s.m.options.Secret))
	}
	return s.call(r)
}

// A tokenAnswer is what the token endpoint answers.
type tokenAnswer struct {
	ID      string `json:"id_token"`
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Type    string `json:"token_type"`
	Error   string `json:"error"`
}

// tokens calls the token endpoint. Only the error invalid_grant is errGrant: all others are
// temporary, or mistakes of whoever has set the program up.
func (s *server) tokens(ctx context.Context, e *Endpoints, form url.Values) (*tokenAnswer, error) {
	status, body, err := s.post(ctx, e.Token, form)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var a tokenAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("%w: the token endpoint answers %d without JSON", ErrUnavailable, status)
	}
	switch {
	case status == http.StatusOK && strings.EqualFold(a.Type, "Bearer") && a.Access != "":
		return &a, nil
	case status == http.StatusOK:
		return nil, fmt.Errorf("%w: it has no bearer token", errInvalid)
	case status == http.StatusBadRequest && a.Error == "invalid_grant":
		return nil, errGrant
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return nil, fmt.Errorf("%w: the token endpoint answers %d", ErrUnavailable, status)
	}
	return nil, fmt.Errorf("the token endpoint answers %d, %s", status, known(a.Error))
}

// exchange exchanges the code of an attempt for tokens, and verifies them.
func (m *Middleware) exchange(ctx context.Context, e *Endpoints, code string, a *attempt) (*signedIn, error) {
	t, err := m.server.tokens(ctx, e, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {m.callback}, "code_verifier": {a.Verifier},
	})
	if err != nil {
		return nil, err
	}
	s := &signedIn{ID: t.ID, Access: t.Access, Refresh: t.Refresh}
	id, err := m.server.verify(ctx, s)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return nil, fmt.Errorf("%w: the nonce is another one", errInvalid)
	}
	return s, nil
}

// idClaims are the claims of an ID token that [token.Claims] has no field for.
type idClaims struct {
	*token.Claims
	more
}

type more struct {
	Nonce      string `json:"nonce"`
	Party      string `json:"azp"`
	AccessHash string `json:"at_hash"`
}

// verify verifies the tokens of a sign-in, each by itself and both together.
func (s *server) verify(ctx context.Context, in *signedIn) (*idClaims, error) {
	claims, err := s.ids.Verify(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("%w: the ID token: %w", temporary(err), err)
	}
	access, err := s.accesses.Verify(ctx, in.Access)
	if err != nil {
		return nil, fmt.Errorf("%w: the access token: %w", temporary(err), err)
	}
	id := &idClaims{Claims: claims}
	if err := claims.Decode(&id.more); err != nil {
		return nil, fmt.Errorf("%w: the ID token: %w", errInvalid, err)
	}
	switch {
	case id.Subject != access.Subject:
		return nil, fmt.Errorf("%w: the tokens are of two users", errInvalid)
	case id.Party != "" && id.Party != s.m.clientID:
		return nil, fmt.Errorf("%w: azp is another client", errInvalid)
	case id.AccessHash != "" && !hashes(in, id.AccessHash):
		return nil, fmt.Errorf("%w: at_hash is of another access token", errInvalid)
	}
	return id, nil
}

// hashes reports whether at_hash is of the access token (OpenID Connect Core, section 3.1.3.6): the
// left half of a hash as wide as that of the ID token's algorithm.
func hashes(in *signedIn, atHash string) bool {
	p, err := token.Parse(in.ID)
	if err != nil {
		return false
	}
	var half []byte
	switch p.Algorithm() {
	case token.RS256, token.ES256:
		sum := sha256.Sum256([]byte(in.Access))
		half = sum[:len(sum)/2]
	case token.EdDSA:
		sum := sha512.Sum512([]byte(in.Access))
		half = sum[:len(sum)/2]
	default:
		return false
	}
	want := base64.RawURLEncoding.EncodeToString(half)
	return subtle.ConstantTimeCompare([]byte(want), []byte(atHash)) == 1
}

// revoke ends a sign-in at the server. The browser is signed out whether or not the server answers.
func (m *Middleware) revoke(ctx context.Context, s *signedIn) {
	if s == nil || s.Refresh == "" {
		return
	}
	e, err := m.server.endpoints(ctx)
	if err == nil && e.Revocation == "" {
		return
	}
	status := 0
	if err == nil {
		status, _, err = m.server.post(context.WithoutCancel(ctx), e.Revocation, url.Values{"token": {s.Refresh}, "token_type_hint": {"refresh_token"}})
	}
	if err != nil || status != http.StatusOK {
		m.options.Logger.WarnContext(ctx, "refresh token not revoked", "status", status, "error", err)
	}
}
