package oauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/saml"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A sign-in by a SAML provider goes the way of federate.go. The state is RelayState, and holds the id of the request, which the
// response must name. So a response counts once: the state is used up, and no other state has that id. The engine remembers its
// assertion too.
//
// A sign-in without a request (IDPInit) has no state of ours. RelayState is then a request of the application, which anybody could
// have written: it is read as the parameters of the authorization endpoint, and leads to nothing but a redirect URI of the client.
// That the assertion counts once is up to the engine alone. Nothing binds it to the browser, so somebody may sign another browser in
// as themselves: that is the price of IDPInit, and why it is off by default.

// departBySAML sends the browser to a SAML provider.
func (v *visit) departBySAML(q *request, p *identity.Provider) {
	sp, err := v.serviceProvider(q.client, p)
	if err != nil {
		v.refuseSAML(q, p.Name, err)
		return
	}
	id := saml.NewID()
	state, err := v.beginTrip(q.client, &trip{Provider: p.Name, SAML: id, Request: q.params})
	if err != nil {
		v.refuse(q, err)
		return
	}
	r, err := sp.AuthnRequest(id, state)
	if err != nil {
		v.refuseSAML(q, p.Name, err)
		return
	}
	v.leaveFor(q, p, r.URL)
}

// samlResponse is where SAML providers have the browser post their response.
func (s *Server) samlResponse(v *visit) {
	if strings.Contains(v.form["RelayState"], "=") { // a state of ours has none
		v.unsolicited()
		return
	}
	client, t, err := v.endTrip(v.form["RelayState"])
	if err != nil || t.SAML == "" || t.Farewell != nil {
		v.lost(err, badRelayState)
		return
	}
	q, provider, ok := v.resume(client, t)
	if !ok {
		return
	}
	sp, err := v.serviceProvider(client, provider)
	if err != nil {
		v.refuseSAML(q, t.Provider, err)
		return
	}
	a, err := sp.Response(v.form["SAMLResponse"], t.SAML)
	if err != nil {
		v.refuseSAML(q, t.Provider, err)
		return
	}
	v.arrive(q, provider, t, v.asserted(provider, a))
}

// relayed are the parameters that RelayState of a sign-in without a request may have.
var relayed = []string{"identity_provider", "client_id", "redirect_uri", "response_type", "scope", "state"}

// relayedRequest reads RelayState of a sign-in without a request.
func relayedRequest(relayState string) (params, error) {
	p, err := parseParams(relayState)
	if err != nil {
		return nil, fmt.Errorf("%w: RelayState: %w", errUnsolicited, err)
	}
	for name := range p {
		if !slices.Contains(relayed, name) {
			return nil, fmt.Errorf("%w: RelayState has the parameter %s", errUnsolicited, name)
		}
	}
	if p["response_type"] != "code" {
		return nil, fmt.Errorf("%w: the response_type of RelayState is not code", errUnsolicited)
	}
	return p, nil
}

// errUnsolicited is of a sign-in without a request that is not accepted.
var errUnsolicited = errors.New("oauth: a sign-in that no request of ours began is not accepted")

// unsolicited signs in by a response that no request of ours has asked for.
func (v *visit) unsolicited() {
	p, err := relayedRequest(v.form["RelayState"])
	if err != nil {
		v.lost(err, badRelayState)
		return
	}
	client, provider, err := v.initiator(p)
	if err != nil {
		v.lost(err, badRelayState)
		return
	}
	v.query = p
	q, ok := v.request(p)
	if !ok {
		return
	}
	sp, err := v.serviceProvider(client, provider)
	if err != nil {
		v.refuseSAML(q, provider.Name, err)
		return
	}
	a, err := sp.Unsolicited(v.form["SAMLResponse"])
	if err != nil {
		v.refuseSAML(q, provider.Name, err)
		return
	}
	v.arrive(q, provider, &trip{}, v.asserted(provider, a))
}

// initiator returns the provider that RelayState names, if it may begin sign-ins for the client. As on the service, the client has
// SAML providers alone then.
func (v *visit) initiator(p params) (*identity.AppClient, *identity.Provider, error) {
	client, err := v.appClient(p["client_id"])
	if err != nil {
		return nil, nil, err
	}
	all, err := client.Providers(v.ctx)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all.Providers, func(of *identity.Provider) bool { return of.Name == p["identity_provider"] })
	switch {
	case i < 0:
		return nil, nil, fmt.Errorf("%w: the client does not have the provider", errUnsolicited)
	case all.Native || slices.ContainsFunc(all.Providers, func(of *identity.Provider) bool { return of.Type != identity.ProviderSAML }):
		return nil, nil, fmt.Errorf("%w: the client has other ways to sign in than SAML", errUnsolicited)
	case all.Providers[i].Details["IDPInit"] != "true":
		return nil, nil, fmt.Errorf("%w: IDPInit of the provider is not true", errUnsolicited)
	}
	return client, all.Providers[i], nil
}

// samlMetadata answers with what a pool is as a service provider, for the administrator of a SAML provider: the provider
// identity_provider of the client client_id. Amazon Cognito has no such document.
func (s *Server) samlMetadata(v *visit) {
	client, err := v.appClient(v.query["client_id"])
	if err != nil {
		v.pageError(err)
		return
	}
	p, err := client.Provider(v.ctx, v.query["identity_provider"])
	if errors.Is(err, identity.ErrProviderNotFound) || err == nil && p.Type != identity.ProviderSAML {
		v.problemPage(codeRequest, hosted.Finding{Title: "There is no such SAML provider."})
		return
	}
	var sp *saml.Provider
	if err == nil {
		sp, err = v.serviceProvider(client, p)
	}
	var doc []byte
	if err == nil {
		doc, err = sp.Metadata()
	}
	if err != nil {
		v.pageError(err)
		return
	}
	v.w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = v.w.Write(doc) // a browser that is gone needs no answer
}

// serviceProvider is what a pool is for a SAML provider.
func (v *visit) serviceProvider(client *identity.AppClient, p *identity.Provider) (*saml.Provider, error) {
	m, err := v.server.metadata.of(v.ctx, v.server.options.Federation.Fetch, p, time.Now())
	if err != nil {
		return nil, err
	}
	keys, err := client.SAMLKeys(v.ctx, p.Name)
	if err != nil {
		return nil, err
	}
	return federation.ServiceProvider(p, m, keys, v.origin()+v.server.options.Path, time.Now)
}

// asserted is what the engine is told of a user.
func (v *visit) asserted(p *identity.Provider, a *saml.Assertion) identity.FederatedIdentity {
	in := identity.FederatedIdentity{
		Provider: p.Name, Subject: a.NameID, ACR: a.AuthnContextClassRef, Claims: map[string]any{},
		ReplayKey: a.ReplayKey, ReplayLife: max(time.Until(a.Expires), time.Second), // it was accepted a moment ago
	}
	if p.Details["IDPSignout"] == "true" {
		in.Upstream = v.upstreamOf(a)
	}
	for name, values := range a.Attributes {
		in.Claims[name] = values
	}
	in.SAMLResponse = federation.Raw(in.Claims)
	return in
}

const receivedSAML = "Invalid SAML response received: "

// refuseSAML tells the application what is wrong with a response. Of our own checks it tells the one about signatures apart,
// as the service does; what it says of the others is not known.
func (v *visit) refuseSAML(q *request, name string, err error) {
	v.server.log.WarnContext(v.ctx, "a sign-in by a provider failed", "request", v.id, "provider", name, "error", err)
	if e, ok := errors.AsType[*saml.StatusError](err); ok {
		v.refuse(q, &refusal{errAccessDenied, fmt.Sprintf("Error in SAML Identity Provider; %s: No SAML assertion found in the SAML response. ", e.Code)})
		return
	}
	text := ""
	for _, row := range samlRefusals {
		if errors.Is(err, row.err) {
			text = receivedSAML + row.text
			break
		}
	}
	if text == "" {
		v.failed(fmt.Errorf("oauth: provider %s: %w", name, err))
	}
	v.refuse(q, &refusal{errServer, text})
}

var samlRefusals = []struct {
	err  error
	text string
}{
	{saml.ErrSignature, "SAML Assertion signature is invalid. "},
	{saml.ErrAudience, "Audience restriction in SAML Assertion does not allow it. "},
	{saml.ErrRecipient, "Recipient is invalid. "},
	{saml.ErrRequest, "InResponseTo is invalid. "},
	{saml.ErrTime, "SAML Assertion is not valid at this time. "},
	{saml.ErrEncryption, "SAML Assertion is not encrypted as it must be. "},
	{saml.ErrIssuer, "Issuer is invalid. "},
	{saml.ErrContent, "SAML Assertion has no usable NameID. "},
	{saml.ErrMalformed, "SAML response is malformed. "},
}
