package saml

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	crewjam "github.com/crewjam/saml"
)

// A Subject is whom a sign-out is about: what [Assertion] said when the person signed in.
type Subject struct {
	// NameID is that of the assertion. It is needed.
	NameID string
	// NameIDFormat, NameQualifier and SPNameQualifier are those of the assertion, or empty.
	NameIDFormat, NameQualifier, SPNameQualifier string
	// SessionIndex is that of the assertion, or empty for all sessions of the person.
	SessionIndex string
}

// Subject returns whom a later sign-out is about.
func (a *Assertion) Subject() Subject {
	return Subject{a.NameID, a.NameIDFormat, a.NameQualifier, a.SPNameQualifier, a.SessionIndex}
}

// LogoutPlace returns the URL that requests for sign-out go to, or nothing unless [Config.IDPSignout] is set and the metadata has one.
func (p *Provider) LogoutPlace() string {
	switch {
	case !p.c.IDPSignout:
		return ""
	case webURL(p.c.IdP.SLORedirect):
		return p.c.IdP.SLORedirect
	case webURL(p.c.IdP.SLOPost):
		return p.c.IdP.SLOPost
	default:
		return ""
	}
}

// LogoutByForm reports whether requests for sign-out go by HTTP-POST.
func (p *Provider) LogoutByForm() bool {
	at := p.LogoutPlace()
	return at != "" && at != p.c.IdP.SLORedirect
}

// LogoutRequest returns a signed request for sign-out with an id of [NewID], by HTTP-Redirect if the provider takes it so, and else by
// HTTP-POST. It returns [ErrNoLogout] if [Provider.LogoutPlace] has
// none. End the session here first: the identity provider may never answer.
func (p *Provider) LogoutRequest(id string, s Subject, relayState string) (*Request, error) {
	if p.LogoutPlace() == "" {
		return nil, ErrNoLogout
	}
	if s.NameID == "" {
		return nil, fmt.Errorf("%w: no NameID", ErrContent)
	}
	if err := checkRelayState(relayState); err != nil {
		return nil, err
	}
	now := p.c.Now()
	sp := p.library(nil, now)
	r := &crewjam.LogoutRequest{
		ID:           id,
		Version:      "2.0",
		IssueInstant: now.UTC(),
		Destination:  p.LogoutPlace(),
		Issuer:       &crewjam.Issuer{Value: sp.EntityID},
		NameID: &crewjam.NameID{
			Value: s.NameID, Format: s.NameIDFormat,
			NameQualifier: s.NameQualifier, SPNameQualifier: s.SPNameQualifier,
		},
	}
	if s.SessionIndex != "" {
		crewjam.WithSessionIndex(s.SessionIndex)(r)
	}
	if p.LogoutByForm() {
		return posted(sp, r, relayState)
	}
	u, err := sp.RedirectLogoutRequestURL(r, relayState)
	return request(r.ID, u, err)
}

// posted signs a request that goes by HTTP-POST.
func posted(sp *crewjam.ServiceProvider, r *crewjam.LogoutRequest, relayState string) (*Request, error) {
	err := sp.SignLogoutRequest(r)
	var doc []byte
	if err == nil {
		doc, err = r.Bytes()
	}
	if err != nil {
		return nil, fmt.Errorf("saml: request: %w", err)
	}
	form := map[string]string{"SAMLRequest": base64.StdEncoding.EncodeToString(doc)}
	if relayState != "" {
		form["RelayState"] = relayState
	}
	return &Request{ID: r.ID, URL: r.Destination, Form: form}, nil
}

// LogoutResponse verifies the value of SAMLResponse, which a browser posted to [Config.Logout]. requestID is the id
// of the request that this browser was sent with. An error of it is [ErrStatus] if the provider could not sign the
// person out; the message is genuine then.
func (p *Provider) LogoutResponse(encoded, requestID string) error {
	if !p.c.IDPSignout {
		return ErrNoLogout
	}
	if requestID == "" {
		return fmt.Errorf("%w: there is none", ErrRequest)
	}
	doc, err := decode(encoded)
	if err != nil {
		return err
	}
	parts, err := parse(doc, "LogoutResponse")
	if err != nil {
		return err
	}
	if !parts.signed {
		return fmt.Errorf("%w: there is none", ErrSignature)
	}
	if parts.root.SelectAttrValue("InResponseTo", "") != requestID {
		return ErrRequest
	}
	now := p.c.Now()
	at, err := p.pinned(parts.root, now)
	if err != nil {
		return err
	}
	v := &verifier{keys: p.c.IdP.Keys, now: now, covered: map[string]bool{}}
	form := &http.Request{
		Method: http.MethodPost, URL: &url.URL{},
		PostForm: url.Values{"SAMLResponse": {encoded}}, Form: url.Values{},
	}
	_, err = p.library(v, at).ParseLogoutResponse(form, []string{requestID})
	if err != nil {
		return refusal(parts.root, v, err)
	}
	if !v.covered["LogoutResponse "+parts.root.SelectAttrValue("ID", "")] {
		return errors.Join(ErrSignature, errors.New("it does not cover the message"))
	}
	return nil
}
