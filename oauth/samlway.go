package oauth

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/saml"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A sign-in by a SAML provider goes the way of federate.go. The state is RelayState, and holds the id of the request, which the
// response must name. So a response counts once: the state is used up, and no other state has that id. Nobody signs in without
// a request (IDPInit is kept, and has no effect yet).

// departBySAML sends the browser to a SAML provider.
func (v *visit) departBySAML(q *request, p *identity.Provider) {
	sp, err := v.serviceProvider(q.client, p)
	if err != nil {
		v.refuseSAML(q, p.Name, err)
		return
	}
	id := saml.NewID()
	state, err := v.beginTrip(q, &trip{Provider: p.Name, SAML: id})
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
	client, t, err := v.endTrip(v.form["RelayState"])
	if err != nil || t.SAML == "" {
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
	v.arrive(q, provider, t, asserted(provider, a))
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
	m, err := v.server.metadata.of(v, p)
	if err != nil {
		return nil, err
	}
	keys, err := client.SAMLKeys(v.ctx, p.Name)
	if err != nil {
		return nil, err
	}
	return federation.ServiceProvider(p, m, keys, v.origin()+v.rooted("/saml2/idpresponse"), time.Now)
}

// asserted is what the engine is told of a user.
func asserted(p *identity.Provider, a *saml.Assertion) identity.FederatedIdentity {
	in := identity.FederatedIdentity{Provider: p.Name, Subject: a.NameID, ACR: a.AuthnContextClassRef, Claims: map[string]any{}}
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

// metadataLife is how long metadata from a URL is used. After that it is read again; metadata that cannot be read then is used until the time
// that it names, and not tried again for a minute.
const (
	metadataLife  = 6 * time.Hour
	metadataPause = time.Minute
)

// metadataOf is the metadata of SAML providers that were used before.
type metadataOf struct{ memory[heldMetadata] }

type heldMetadata struct {
	document *saml.Metadata
	next     time.Time // when it is read again
}

// of returns the metadata of a provider.
func (all *metadataOf) of(v *visit, p *identity.Provider) (*saml.Metadata, error) {
	raw, err := json.Marshal(map[string]string{"url": p.Details["MetadataURL"], "file": p.Details["MetadataFile"]})
	if err != nil {
		return nil, err
	}
	sum, now := sha256.Sum256(raw), time.Now()
	held, ok := all.get(p, sum)
	ok = ok && (held.document.ValidUntil.IsZero() || now.Before(held.document.ValidUntil))
	if ok && now.Before(held.next) {
		return held.document, nil
	}
	m, err := federation.Metadata(v.ctx, v.server.options.Federation.Fetch, &p.ProviderSettings, now)
	switch {
	case err == nil:
		all.put(p, sum, heldMetadata{m, now.Add(metadataLife)})
		return m, nil
	case ok:
		all.put(p, sum, heldMetadata{held.document, now.Add(metadataPause)})
		return held.document, nil
	}
	return nil, err
}
