package oauth

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/cognate-id/cognate/identity"
)

// What differs in pools with the setting OpenID, which keep to the specifications where
// Amazon Cognito does not.

func (q *request) openID() bool { return q.auth.Pool.Settings.FollowsOpenID() }

// A claimsParam is the parameter claims (OpenID Connect Core, section 5.5).
type claimsParam struct {
	request identity.ClaimsRequest
	subject string // whom the ID token must be about; empty for anybody
	err     error
}

// parseClaims reads the parameter claims. Members that it does not know are ignored, as the
// specification says.
func parseClaims(raw string) (c claimsParam) {
	if raw == "" {
		return c
	}
	var doc struct {
		UserInfo map[string]json.RawMessage `json:"userinfo"`
		ID       map[string]json.RawMessage `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		c.err = &refusal{errInvalidRequest, "Invalid claims"}
		return c
	}
	var sub struct {
		Value string `json:"value"`
	}
	if asked := doc.ID["sub"]; asked != nil {
		if err := json.Unmarshal(asked, &sub); err != nil { // it may name a user
			c.err = &refusal{errInvalidRequest, "Invalid claims"}
			return c
		}
		c.subject = sub.Value
	}
	for name := range doc.ID {
		c.request.ID = append(c.request.ID, name)
	}
	for name := range doc.UserInfo {
		c.request.UserInfo = append(c.request.UserInfo, name)
	}
	return c
}

// readOpenID reads the parameters that only pools with the setting OpenID know: claims, and
// id_token_hint, which says who the application believes is signed in.
func (v *visit) readOpenID(q *request) error {
	if !q.openID() {
		return nil
	}
	if q.asked.err != nil {
		return q.asked.err
	}
	q.auth.Subject = q.asked.subject
	if q.params["id_token_hint"] == "" {
		return nil
	}
	hint, err := v.server.engine.IDTokenHint(v.ctx, identity.Secret(q.params["id_token_hint"]))
	switch {
	case errors.Is(err, identity.ErrInvalidParameter), err == nil && hint.Pool != q.client.PoolID():
		return &refusal{errInvalidRequest, "Invalid id_token_hint"}
	case err != nil:
		return err
	case q.asked.subject != "" && q.asked.subject != hint.Sub:
		return &refusal{errLoginRequired, "claims and id_token_hint name different users"}
	}
	q.auth.Subject = hint.Sub
	return nil
}

// follows reports whether a pool has the setting OpenID. It is false for a pool that does not exist.
func (v *visit) follows(pool string) bool {
	p, err := v.server.engine.UserPool(v.ctx, pool)
	if err != nil {
		return false
	}
	info, err := p.Admin().Describe(v.ctx)
	return err == nil && info.Settings.FollowsOpenID()
}

// followsClient is follows for the pool of a client.
func (v *visit) followsClient(id string) bool {
	c, err := v.appClient(id)
	return err == nil && v.follows(c.PoolID())
}

// followsForToken is follows for the pool that a token claims to be of. The token may be forged:
// only the form of an error depends on it.
func (v *visit) followsForToken(raw string) bool {
	return v.follows(identity.ClaimedPool(identity.Secret(raw)))
}

// challengeClient tells a program that its proof of the client was refused: 401, and by which scheme
// it may come again (RFC 6749, section 5.2).
func (v *visit) challengeClient(r refusal) {
	v.w.Header().Set("WWW-Authenticate", `Basic realm="token endpoint"`)
	v.tokenRefusal(http.StatusUnauthorized, r)
}

// challengeBearer is an error of the userinfo endpoint as RFC 6750, section 3 has it.
func (v *visit) challengeBearer(r refusal) {
	status := http.StatusUnauthorized
	if r.code == errInsufficientScope {
		status = http.StatusForbidden
	}
	v.w.Header().Set("WWW-Authenticate", `Bearer error="`+r.code+`", error_description="`+r.description+`"`)
	v.tokenRefusal(status, r)
}
