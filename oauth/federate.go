package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A sign-in by an identity provider, in this order:
//
//  1. depart seals the request of the application, and what the way back is compared with, into the state, and sends the browser to
//     the provider. A digest of a cookie is sealed too, so that no other browser can come back with the state.
//  2. The provider sends the browser to /oauth2/idpresponse, by GET or by POST. idpResponse opens the state, compares the cookie, and
//     uses the state up. Until then, nothing is known of an application, and an error is a page.
//  3. The relying party verifies who it is (package oidc), and the engine signs the user in. Errors go to the application.
//  4. The browser gets its cookie, and the application its answer, as after a password.

// maxState is how long a state may be, in bytes. Providers send it back in the query of a URL.
const maxState = 6 << 10

// A trip is what is sealed into a state.
type trip struct {
	Provider string      `json:"p"`
	Login    *oidc.Login `json:"l,omitempty"` // without the state; nil for SAML
	SAML     string      `json:"s,omitempty"` // the id of the request; empty for others
	Browser  string      `json:"b"`           // a digest of the cookie
	Request  params      `json:"r,omitempty"` // of the application
	Farewell *farewell   `json:"f,omitempty"` // for a sign-out at a SAML provider; nil for a sign-in
	Link     string      `json:"u,omitempty"` // the sub of the user whom somebody is to be linked to; empty for a sign-in
}

const tripCookie = "csrf-state"

// depart sends the browser to a provider.
func (v *visit) depart(q *request, p *identity.Provider) {
	switch p.Type {
	case identity.ProviderOIDC, identity.ProviderGoogle, identity.ProviderFacebook, identity.ProviderAmazon, identity.ProviderApple:
		v.departByCode(q, p)
	case identity.ProviderSAML:
		v.departBySAML(q, p)
	default:
		v.failed(fmt.Errorf("oauth: no way to a provider of type %q", p.Type))
		v.unavailable(q, p.Name)
	}
}

// departByCode sends the browser to a provider that answers by a code.
func (v *visit) departByCode(q *request, p *identity.Provider) {
	rp, err := v.server.parties.of(p, &v.server.options.Federation)
	if err != nil {
		v.refuseProvider(q, p.Name, err)
		return
	}
	login := oidc.NewLogin(v.origin() + v.rooted("/oauth2/idpresponse"))
	login.State = ""
	state, err := v.beginTrip(q.client, &trip{Provider: p.Name, Login: login, Request: q.params})
	if err != nil {
		v.refuse(q, err)
		return
	}
	login.State = state
	to, err := rp.AuthURL(v.ctx, login, oidc.Hints{LoginHint: v.query["login_hint"], Prompt: q.prompt})
	if err != nil {
		v.refuseProvider(q, p.Name, err)
		return
	}
	v.leaveFor(q, p, to)
}

// leaveFor sends the browser to a provider. A redirect of a form to another site is blocked by the policy of our pages, so a form gets a page that leads on.
func (v *visit) leaveFor(q *request, p *identity.Provider, to string) {
	if v.linking == "" {
		v.redirect(to)
		return
	}
	v.w.Header().Set("Refresh", "0; url="+to)
	name, mark := called(p)
	v.show(q, http.StatusOK, hosted.Page{Kind: hosted.SignIn, NoForm: true, Providers: []hosted.Provider{{Name: name, Brand: mark, Href: to}}})
}

// beginTrip seals what a browser takes along.
func (v *visit) beginTrip(client *identity.AppClient, t *trip) (string, error) {
	secret := v.cookie(tripCookie)
	if len(secret) != tokenLength {
		secret = rand.Text()
	}
	v.setTripCookie(secret)
	t.Browser, t.Link = browserDigest(secret), v.linking
	data, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	state, err := client.BeginRoundTrip(v.ctx, data)
	if err == nil && len(state) > maxState {
		err = &refusal{errInvalidRequest, "the request is too long for a sign-in by a provider"}
	}
	return state, err
}

// setTripCookie sets the cookie that a state belongs to. Providers may send the browser back by a POST from their site, so by https it goes with these too.
func (v *visit) setTripCookie(secret string) {
	c := &http.Cookie{
		Name: v.server.cookieName(tripCookie), Value: secret, Path: "/", MaxAge: int(identity.RoundTripLife.Seconds()),
		HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode,
	}
	if v.server.options.InsecureHTTP {
		c.Secure, c.SameSite = false, http.SameSiteDefaultMode // None is for https alone
	}
	http.SetCookie(v.w, c)
}

func browserDigest(secret string) string {
	sum := sha256.Sum256([]byte("trip\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// origin is the server's, as the browser has called it.
func (v *visit) origin() string {
	if v.server.options.InsecureHTTP && v.r.TLS == nil {
		return "http://" + v.r.Host
	}
	return "https://" + v.r.Host
}

// errForeign is returned for a state that another browser has begun with.
var errForeign = errors.New("oauth: the state belongs to another browser")

// endTrip opens a state and uses it up. Its errors are told on a page.
func (v *visit) endTrip(state string) (*identity.AppClient, *trip, error) {
	client, err := v.appClient(identity.RoundTripClient(state))
	if err != nil {
		return nil, nil, err
	}
	var t trip
	secret := v.cookie(tripCookie)
	err = client.EndRoundTrip(v.ctx, state, func(data []byte) error {
		if err := json.Unmarshal(data, &t); err != nil {
			return err
		}
		if len(secret) != tokenLength || subtle.ConstantTimeCompare([]byte(t.Browser), []byte(browserDigest(secret))) != 1 {
			return errForeign
		}
		return nil
	})
	return client, &t, err
}

// idpResponse is where providers that answer by a code send the browser back to.
func (s *Server) idpResponse(v *visit) {
	p := v.query
	if v.r.Method == http.MethodPost {
		p = v.form
	}
	state := p["state"]
	client, t, err := v.endTrip(state)
	if err != nil || t.Login == nil || t.Farewell != nil {
		v.lost(err, badState)
		return
	}
	q, provider, ok := v.resume(client, t)
	if !ok {
		return
	}
	t.Login.State = state
	rp, err := v.server.parties.of(provider, &v.server.options.Federation)
	if err != nil {
		v.refuseProvider(q, t.Provider, err)
		return
	}
	who, err := rp.Exchange(v.ctx, t.Login, oidc.Callback{
		State: p["state"], Code: p["code"], Issuer: p["iss"], Error: p["error"], Description: p["error_description"], User: p["user"],
	})
	if err != nil {
		v.refuseProvider(q, t.Provider, err)
		return
	}
	v.arrive(q, provider, t, federation.Identity(provider, who))
}

// resume goes on with the request that a browser has left with. It returns false once it has answered.
func (v *visit) resume(client *identity.AppClient, t *trip) (*request, *identity.Provider, bool) {
	v.query = t.Request
	q, ok := v.request(t.Request)
	if !ok {
		return nil, nil, false
	}
	p, err := client.Provider(v.ctx, t.Provider)
	switch {
	case errors.Is(err, identity.ErrProviderNotFound):
		v.unavailable(q, t.Provider) // it was there when the browser left
	case err != nil:
		v.refuse(q, err)
	}
	return q, p, err == nil
}

// arrive signs in who has come back, and answers the application.
func (v *visit) arrive(q *request, p *identity.Provider, t *trip, who identity.FederatedIdentity) {
	if t.Link != "" {
		v.linked(t.Link, who)
		return
	}
	who.Separate = q.params[separateParam] != ""
	res, err := q.client.Pages().FederatedSignIn(v.ctx, who)
	if errors.Is(err, identity.ErrLinkRequired) {
		v.askToLink(q, p, err)
		return
	}
	if err != nil {
		v.refuseFederated(q, p, who, err)
		return
	}
	if res.Browser == "" {
		v.refuse(q, fmt.Errorf("oauth: a sign-in by %s gives no browser", who.Provider))
		return
	}
	v.proceed(q, "", res, "")
}

// What developers read of an answer that belongs to no sign-in, as the service says it.
const (
	badState      = "Invalid State/RelayState provided."
	badRelayState = "Invalid samlResponse or relayState from identity provider"
)

// lost tells a person that a provider's answer belongs to no sign-in of this browser. No application can be told.
func (v *visit) lost(err error, title string) {
	if err == nil {
		err = identity.ErrSessionInvalid
	}
	v.explain("page", err)
	switch {
	case errors.Is(err, identity.ErrSessionExpired):
		v.page(http.StatusBadRequest, v.errorOf(codeExpired))
	case errors.Is(err, identity.ErrSessionInvalid), errors.Is(err, identity.ErrSessionUsed), errors.Is(err, identity.ErrClientNotFound), errors.Is(err, errForeign), errors.Is(err, errUnsolicited):
		v.problemPage(codeRequest, hosted.Finding{Title: title})
	default:
		v.failed(err)
		v.page(http.StatusInternalServerError, v.errorOf(codeServer))
	}
}

// refuseProvider tells the application what is wrong with a provider or its answer.
func (v *visit) refuseProvider(q *request, name string, err error) {
	e, ok := errors.AsType[*oidc.Error](err)
	switch {
	case !ok:
		v.refuse(q, err)
	case errors.Is(err, oidc.ErrConfig):
		v.failed(fmt.Errorf("oauth: provider %s: %w", name, err))
		v.refuse(q, &refusal{errServer, ""})
	case errors.Is(err, oidc.ErrCallback):
		v.lost(fmt.Errorf("%w: %w", errForeign, err), badState)
	default:
		v.server.log.WarnContext(v.ctx, "a sign-in by a provider failed", "request", v.id, "provider", name, "error", err)
		v.refuse(q, &refusal{e.Code, e.Description})
	}
}

// federatedRefusals are the errors of the engine about what a provider has said.
var federatedRefusals = []struct {
	err  error
	text string
}{
	{identity.ErrUserDisabled, "User is not enabled"},
	{identity.ErrProviderDisabled, "User is not enabled"},
	{identity.ErrUserNotConfirmed, "User is not confirmed"},
	{identity.ErrProviderAmbiguous, "Invalid ProviderName/Username combination. "},
	{identity.ErrProviderSubject, "Invalid subject from identity provider"},
	{identity.ErrSessionUsed, "SAML Assertion was used before. "},
}

// refuseFederated tells the application why a user whom a provider has named is not signed in.
func (v *visit) refuseFederated(q *request, p *identity.Provider, who identity.FederatedIdentity, err error) {
	if errors.Is(err, identity.ErrProviderNotFound) {
		v.unavailable(q, who.Provider)
		return
	}
	text, name := attributeText(err), usernameOf(q, who)
	if errors.Is(err, identity.ErrAliasExists) || errors.Is(err, identity.ErrUsernameExists) {
		text = "Already found an entry for username " + name
	}
	for _, row := range federatedRefusals {
		if errors.Is(err, row.err) {
			text = row.text
		}
	}
	if text == "" {
		v.refuse(q, err)
		return
	}
	switch {
	case p.Type != identity.ProviderSAML:
		v.refuse(q, &refusal{errInvalidRequest, text})
	case errors.Is(err, identity.ErrProviderSubject) && utf8.RuneCountInString(name) > maxUsername:
		v.refuse(q, &refusal{errServer, fmt.Sprintf("Error in SAML response processing: 1 validation error detected: Value '%.*s' at 'userName' failed to satisfy constraint: Member must have length less than or equal to %d", maxTold, name, maxUsername)})
	default:
		v.refuse(q, &refusal{errServer, receivedSAML + text})
	}
}

const (
	maxUsername = 128 // characters of a username
	maxTold     = 512 // characters of a name in an error
)

// usernameOf is the username that a first sign-in would give.
func usernameOf(q *request, who identity.FederatedIdentity) string {
	name := who.Provider + "_" + who.Subject
	if q.auth.Pool.Settings.DistinguishesCase() {
		return name
	}
	return strings.ToLower(name)
}

// attributeText is the service's sentence about attributes, or "".
func attributeText(err error) string {
	e, ok := errors.AsType[*identity.AttributeError](err)
	if !ok {
		return ""
	}
	var all []string
	for _, p := range e.Problems {
		switch p.Code {
		case settings.AttributeImmutable:
			return "user." + p.Name + ": Attribute cannot be updated."
		case settings.AttributeKept:
			return "user." + p.Name + ": Required attribute cannot be deleted"
		case settings.AttributeRequired:
			all = append(all, p.Name+": The attribute is required")
		default:
			all = append(all, p.String())
		}
	}
	slices.Sort(all)
	return "Invalid user attributes: " + strings.Join(all, "; ") // how the service joins several is not known
}
