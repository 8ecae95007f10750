package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/saml"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A sign-out at a SAML provider (IDPSignout), in this order:
//
//  1. At the sign-in, whom a sign-out there is about is sealed into the record of the browser (upstreamOf).
//  2. /logout reads it (upstream), and ends the sign-in here. It never waits for the provider, which may not answer.
//  3. bidFarewell seals where the browser goes in the end, and the id of the request, into the state. The browser takes the signed
//     request to the provider.
//  4. The provider has the browser post its answer to /saml2/logout. samlLogout opens the state, compares the cookie, uses the state up,
//     and verifies the answer. Only then the browser goes to where the application wanted.
//
// A provider cannot begin a sign-out here, as on the service.

// A farewell is what is sealed into the state of a sign-out.
type farewell struct {
	Via    string   `json:"v"`           // the client on whose page the user signed in, which has the provider
	Next   string   `json:"n,omitempty"` // where the browser goes in the end; empty for a page
	Frames []string `json:"r,omitempty"` // that tell applications, if the browser left by a form: a page cannot have both
}

// A departure is a sign-out at a provider that is due.
type departure struct {
	via      *identity.AppClient
	provider *identity.Provider
	sp       *saml.Provider
	subject  saml.Subject
	place    string // of the provider
}

// An upstreamSession is what a sign-out at the provider needs.
type upstreamSession struct {
	Issuer  string       `json:"i"` // the entity id of the provider: another one under its name is told nothing
	Subject saml.Subject `json:"s"`
}

// upstreamOf is what a sign-out at the provider will need. A name that is too long is not kept: such a person is signed out here alone.
func (v *visit) upstreamOf(a *saml.Assertion) []byte {
	data, err := json.Marshal(upstreamSession{a.Issuer, a.Subject()})
	if err != nil || len(data) > identity.MaxUpstream {
		v.server.log.WarnContext(v.ctx, "a browser will not be signed out at its provider: the name or the session is too long", "request", v.id, "error", err)
		return nil
	}
	return data
}

// upstream says at which provider a browser is to sign out, or returns nil if there is none. What keeps it from doing so is logged: the
// sign-out here goes on.
func (v *visit) upstream(b *identity.Browser) *departure {
	if b.Provider == "" {
		return nil
	}
	data, err := b.Upstream()
	if err == nil && data == nil {
		return nil
	}
	d, session := &departure{}, upstreamSession{}
	if err == nil {
		err = json.Unmarshal(data, &session)
	}
	if err == nil {
		err = v.findDeparture(d, b.Client, b.Provider)
	}
	if err == nil && d.sp.Issuer() != session.Issuer {
		err = saml.ErrNoLogout
	}
	d.subject = session.Subject
	switch {
	case errors.Is(err, saml.ErrNoLogout), errors.Is(err, identity.ErrProviderNotFound), errors.Is(err, identity.ErrClientNotFound):
		return nil // it is off by now, or gone
	case err != nil:
		v.server.log.WarnContext(v.ctx, "a browser is not signed out at its provider", "request", v.id, "provider", b.Provider, "error", err)
		return nil
	}
	return d
}

// findDeparture reads the provider of a sign-out.
func (v *visit) findDeparture(d *departure, via, provider string) (err error) {
	if d.via, err = v.appClient(via); err != nil {
		return err
	}
	if d.provider, err = d.via.Provider(v.ctx, provider); err != nil {
		return err
	}
	if d.provider.Type != identity.ProviderSAML || d.provider.Details["IDPSignout"] != "true" {
		return saml.ErrNoLogout
	}
	if d.sp, err = v.serviceProvider(d.via, d.provider); err != nil {
		return err
	}
	if d.place = d.sp.LogoutPlace(); d.place == "" {
		return saml.ErrNoLogout
	}
	return nil
}

// bidFarewell sends a browser that is signed out here to the provider. If the provider takes requests by a redirect, or cannot be told, it
// returns false, and g says where the browser goes.
func (v *visit) bidFarewell(g *goodbye, d *departure) bool {
	f := &farewell{Via: d.via.ClientID(), Next: g.next}
	if d.sp.LogoutByForm() {
		f.Frames = g.frames
	}
	id := saml.NewID()
	state, err := v.beginTrip(g.client, &trip{Provider: d.provider.Name, SAML: id, Farewell: f})
	var r *saml.Request
	if err == nil {
		r, err = d.sp.LogoutRequest(id, d.subject, state)
	}
	switch {
	case err != nil:
		v.server.log.WarnContext(v.ctx, "a browser is not signed out at its provider", "request", v.id, "provider", d.provider.Name, "error", err)
		return false
	case r.Form == nil:
		g.next = r.URL
		return false
	}
	v.setCookie(browserName(g.client.PoolID()), "", -1)
	v.page(http.StatusOK, hosted.Page{Kind: hosted.FormPost, Client: g.info.Settings.Name, Action: r.URL, Hidden: r.Form, LeadsTo: []string{r.URL}})
	return true
}

// samlLogout is where SAML providers have the browser post their answer to a sign-out.
func (s *Server) samlLogout(v *visit) {
	if v.form["SAMLRequest"] != "" {
		v.lost(fmt.Errorf("%w: a sign-out begins at the application", errUnsolicited), badRelayState)
		return
	}
	client, t, err := v.endTrip(v.form["RelayState"])
	if err != nil || t.Farewell == nil || t.SAML == "" {
		v.lost(err, badRelayState)
		return
	}
	d := &departure{}
	if err = v.findDeparture(d, t.Farewell.Via, t.Provider); err == nil {
		err = d.sp.LogoutResponse(v.form["SAMLResponse"], t.SAML)
	}
	if err != nil {
		v.stayed(t.Provider, err)
		return
	}
	g := &goodbye{client: client, next: t.Farewell.Next, frames: t.Farewell.Frames}
	if _, g.pool, g.info, err = v.settingsOf(client.ClientID()); err != nil {
		v.pageError(err)
		return
	}
	v.openID = g.pool.Settings.FollowsOpenID()
	v.sendOff(g)
}

// stayed tells a person that the provider has not confirmed the sign-out. The application is told nothing: it would say that all is done.
func (v *visit) stayed(provider string, err error) {
	v.server.log.WarnContext(v.ctx, "a sign-out at a provider failed", "request", v.id, "provider", provider, "error", err)
	v.explain("page", err)
	page := v.errorOf(codeRequest)
	if v.server.options.Explain {
		page.Findings = []hosted.Finding{{Title: badRelayState, Got: err.Error()}}
	}
	v.page(http.StatusBadRequest, page)
}
