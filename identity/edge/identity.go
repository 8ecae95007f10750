package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity/edge/alb"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/token"
)

// An Identity is who a request comes from: a browser that is signed in, or whoever brings a bearer
// token.
type Identity struct {
	// Subject is the sub.
	Subject string
	// Username is the name of the user in the pool. It is "" for a machine.
	Username string
	// Email is the address of the user, if it is verified. It is "" with a bearer token.
	Email string
	// Name is the claim name. It is "" with a bearer token.
	Name string
	// Groups are those of the access token.
	Groups []string
	// Scopes are those of the access token.
	Scopes []string
	// Client is the app client.
	Client string
	// AccessToken is the token itself, which opens what it is for.
	AccessToken string
	// ID are the claims of the ID token. They are nil with a bearer token.
	ID *token.Claims
	// Access are the claims of the access token.
	Access *token.Claims
}

// inGroup reports whether the caller is in a group. Nobody is in none, and the group "" is none.
func (id *Identity) inGroup(name string) bool {
	return id != nil && name != "" && slices.Contains(id.Groups, name)
}

type contextKey struct{}

// FromContext returns who a request comes from, inside of [Edge.Handler], and reports whether that
// is known.
func FromContext(ctx context.Context) (*Identity, bool) {
	id, ok := ctx.Value(contextKey{}).(*Identity)
	return id, ok
}

var (
	errSignedOut   = errors.New("edge: nobody is signed in")
	errToken       = errors.New("edge: the bearer token is not good")
	errTwoTokens   = errors.New("edge: several Authorization headers")
	errForbidden   = errors.New("edge: it is forbidden")
	errCrossOrigin = errors.New("edge: the request comes from another site")
	errUnfit       = errors.New("edge: something about the caller fits into no header")
	errUnavailable = errors.New("edge: the authorization server or the store does not answer")
	errLookalike   = errors.New("edge: the request has a header that programs take for one of identity")
)

// identify returns who a request comes from. A bearer token counts alone: if it is not good, the
// cookie is not looked at. w gets the cookies that a browser must forget.
func (e *Edge) identify(w http.ResponseWriter, r *http.Request, o *original) (*Identity, error) {
	raw, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	if raw != "" {
		return e.byToken(r.Context(), raw)
	}
	s, err := o.site.login.Current(w, r)
	switch {
	case errors.Is(err, login.ErrSignedOut):
		return nil, errSignedOut
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if o.site.origins.Check(&http.Request{Method: o.method, Host: o.site.host, Header: r.Header}) != nil {
		return nil, errCrossOrigin
	}
	return bySession(s)
}

// bearer returns the token of the Authorization header, or "" if there is no bearer token.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) > 1 {
		return "", errTwoTokens
	}
	if len(values) == 0 {
		return "", nil
	}
	scheme, raw, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil // it is for the program behind
	}
	if raw = strings.Trim(raw, " "); raw == "" {
		return "", errToken
	}
	return raw, nil
}

// refusals are the errors that say that a token is not good. After all others, nobody knows.
var refusals = []error{
	token.ErrExpired, token.ErrRevoked, token.ErrMalformed, token.ErrSignature, token.ErrUnknownKey, token.ErrNotYetValid, token.ErrIssuer,
	token.ErrAudience, token.ErrUse, token.ErrScope, token.ErrGroup,
}

func (e *Edge) byToken(ctx context.Context, raw string) (*Identity, error) {
	c, err := e.bearers.Verify(ctx, raw)
	switch {
	case err == nil:
		return byAccess(c, raw), nil
	case slices.ContainsFunc(refusals, func(known error) bool { return errors.Is(err, known) }):
		return nil, fmt.Errorf("%w: %w", errToken, err)
	}
	return nil, fmt.Errorf("%w: %w", errUnavailable, err)
}

func byAccess(c *token.Claims, raw string) *Identity {
	return &Identity{
		Subject: c.Subject, Username: c.Username, Groups: c.Groups, Scopes: strings.Fields(c.Scope), Client: c.ClientID, AccessToken: raw, Access: c,
	}
}

func bySession(s *login.Session) (*Identity, error) {
	id := byAccess(s.Access, s.AccessToken())
	id.ID = s.ID
	var more struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // true, or "true" from some providers
		Name     string `json:"name"`
	}
	if err := s.ID.Decode(&more); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	id.Name = more.Name
	if more.Verified == true || more.Verified == "true" {
		id.Email = more.Email
	}
	return id, nil
}

// value returns a value as a header has it, or errUnfit. Proxies and programs cut blanks off the
// ends of a header, so a name with blanks there would become the name of somebody else.
func (id *Identity) value(v Value, signer *alb.Signer) (string, error) {
	if id == nil {
		return "", nil
	}
	var out string
	switch v {
	case Subject:
		out = id.Subject
	case Username:
		out = id.Username
	case Email:
		out = id.Email
	case Name:
		return display(id.Name), nil
	case Groups:
		for _, g := range id.Groups {
			if strings.Contains(g, ",") || strings.TrimSpace(g) != g {
				return "", fmt.Errorf("%w: a group has a comma, or a blank at an end", errUnfit)
			}
		}
		out = strings.Join(id.Groups, ",")
	case Scopes:
		out = strings.Join(id.Scopes, " ")
	case Client:
		out = id.Client
	case AccessToken:
		out = id.AccessToken
	case albData:
		return id.albData(signer)
	default:
		return "", fmt.Errorf("%w: there is no value %q", errUnfit, v)
	}
	if strings.TrimSpace(out) != out || strings.ContainsFunc(out, isControl) {
		return "", fmt.Errorf("%w: %s", errUnfit, v)
	}
	return out, nil
}

// albData is what a load balancer of AWS would say.
func (id *Identity) albData(signer *alb.Signer) (string, error) {
	if signer == nil {
		return "", fmt.Errorf("%w: nobody signs", errUnfit)
	}
	claims := id.ID
	if claims == nil {
		claims = id.Access
	}
	info, err := alb.UserInfo(claims)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnfit, err)
	}
	return signer.Sign(info)
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

// display is a name for people: it says nothing about rights, so it may be changed to fit.
func display(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, name))
}

// lookalike reports whether a request has a header that differs from one of identity in
// underscores, or asks proxies to remove one (RFC 9110, section 7.6.1). Programs behind CGI, WSGI and
// PHP read the first as if it were the header, and not all gateways drop such names.
func (e *Edge) lookalike(h http.Header) bool {
	for name := range h {
		if strings.Contains(name, "_") && e.isTold(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))) {
			return true
		}
	}
	for _, names := range h.Values("Connection") {
		for name := range strings.SplitSeq(names, ",") {
			if e.isTold(http.CanonicalHeaderKey(strings.TrimSpace(name))) {
				return true
			}
		}
	}
	return false
}

// isTold reports whether programs are told something by a header.
func (e *Edge) isTold(name string) bool {
	return slices.ContainsFunc(e.headers, func(h header) bool { return h.name == name })
}
