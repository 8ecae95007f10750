package webhook

import (
	"encoding/json"

	"github.com/cognate-id/cognate/identity/hook"
)

// The event of a sign-in by another identity provider. That its response comes with null
// is (unsure).
type (
	federationRequest struct {
		ProviderName string             `json:"providerName"`
		ProviderType string             `json:"providerType"`
		Attributes   providerAttributes `json:"attributes"`
	}
	providerAttributes struct {
		TokenResponse map[string]json.RawMessage `json:"tokenResponse,omitzero"`
		IDToken       map[string]json.RawMessage `json:"idToken,omitzero"`
		UserInfo      map[string]json.RawMessage `json:"userInfo,omitzero"`
		SAMLResponse  map[string]json.RawMessage `json:"samlResponse,omitzero"`
	}
	federationResponse struct {
		UserAttributesToMap *empty `json:"userAttributesToMap"`
	}
)

func federationEvent(e *hook.InboundFederation) (*envelope, error) {
	request := federationRequest{e.Provider, e.ProviderType, providerAttributes{e.TokenResponse, e.IDToken, e.UserInfo, e.SAMLResponse}}
	return enclose(&e.Event, request, federationResponse{}), nil
}

func readFederation(_ *hook.InboundFederation, r members) (d hook.InboundFederationDecision, err error) {
	d.Attributes, err = r.strings("userAttributesToMap")
	return d, err
}
