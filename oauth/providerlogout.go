package oauth

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A browser that signs out is signed out at its OpenID provider too, where the policy of the provider says so: it goes to the provider's end_session_endpoint with the
// ID token of the sign-in (OpenID Connect RP-Initiated Logout), and comes back to providerLogoutPath. Where it goes then is sealed in the state. The sign-out with us has
// happened before, so nothing depends on whether the browser comes back.

const providerLogoutPath = "/oauth2/idplogout"

// A leaving is what is sealed into the state.
type leaving struct {
	Client string `json:"lc"`           // the id of the client
	Next   string `json:"ln,omitempty"` // where the browser goes then; empty for a page
}

// providerLogout is where a browser goes that has signed in by a provider, to be signed out there too, on the way to next. It is next where there is no such way. idToken is the provider's.
func (v *visit) providerLogout(client *identity.AppClient, provider string, idToken identity.Secret, next string) string {
	if idToken == "" {
		return next
	}
	to, err := v.endSession(client, provider, idToken, next)
	if err != nil && !errors.Is(err, identity.ErrProviderNotFound) {
		v.server.log.WarnContext(v.ctx, "a browser is not signed out at its provider", "request", v.id, "provider", provider, "error", err)
	}
	if err != nil || to == "" {
		return next
	}
	return to
}

func (v *visit) endSession(client *identity.AppClient, provider string, idToken identity.Secret, next string) (string, error) {
	p, err := client.Provider(v.ctx, provider)
	if err != nil || p.Type != identity.ProviderOIDC {
		return "", err
	}
	rp, err := v.server.parties.of(p, &v.server.options.Federation)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(leaving{client.ClientID(), next})
	if err != nil {
		return "", err
	}
	state, err := client.BeginRoundTrip(v.ctx, data)
	if err != nil {
		return "", err
	}
	return rp.EndSessionURL(v.ctx, oidc.Secret(idToken), v.origin()+v.rooted(providerLogoutPath), state)
}

// leftProvider is where a provider sends a browser back to that it has signed out.
func (s *Server) leftProvider(v *visit) {
	var l leaving
	state := v.query["state"]
	client, err := v.appClient(identity.RoundTripClient(state))
	if err == nil {
		err = client.EndRoundTrip(v.ctx, state, func(data []byte) error {
			if err := json.Unmarshal(data, &l); err != nil {
				return err
			}
			if l.Client != client.ClientID() { // a state of a sign-in
				return identity.ErrSessionInvalid
			}
			return nil
		})
	}
	if err == nil && l.Next != "" {
		v.redirect(l.Next)
		return
	}
	page := hosted.Page{Kind: hosted.SignedOut}
	if err == nil {
		v.dress(&page, client)
	} else {
		v.explain("page", err)
	}
	v.page(http.StatusOK, page)
}
