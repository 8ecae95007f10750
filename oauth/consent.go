package oauth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Users are asked before an application gets anything, if its client asks for consent, or if the
// application sends prompt=consent in a pool with the setting OpenID.

// justNow is how long after a sign-in its answer to prompt=login may come.
const justNow = 10 * time.Minute

// asks sends the browser to the page that asks for consent, and reports whether it must go there, or
// that the request was refused.
func (v *visit) asks(q *request, cookie identity.Secret) bool {
	missing, err := q.auth.Unconsented(v.ctx, cookie)
	switch {
	case err != nil:
		v.refuse(q, err)
	case len(missing) == 0 && !(q.openID() && q.prompts("consent")):
		return false
	case q.prompts("none"):
		v.refuse(q, identity.ErrConsentRequired)
	default:
		v.redirect("/oauth2/consent?" + q.params.encode())
	}
	return true
}

// consent is the page that asks.
func (s *Server) consent(v *visit) {
	q, ok := v.request(v.query)
	if !ok {
		return
	}
	b, err := v.browser(q.client)
	stale := err == nil && (q.maxAge >= 0 && b.Age > q.maxAge+justNow || q.prompts("login") && b.Age > justNow)
	switch {
	case stale, errors.Is(err, identity.ErrNotSignedIn):
		v.redirect("/login?" + v.query.encode())
		return
	case err != nil:
		v.refuse(q, err)
		return
	}
	v.about = b.User.Sub + " " + strings.Join(q.auth.Scopes, " ") // which the client's settings may change meanwhile
	cookie := v.browserCookie(q)
	missing, err := q.auth.Unconsented(v.ctx, cookie)
	if err != nil {
		v.refuse(q, err)
		return
	}
	if len(missing) == 0 { // prompt=consent asks for all of them again
		missing = q.auth.Scopes
	}
	page := func() hosted.Page {
		return hosted.Page{Kind: hosted.Consent, User: b.User.Username, Scopes: v.described(q, missing), Links: hosted.Links{NotYou: v.without("/login", "login_hint")}}
	}
	if !v.formOf(q, page) {
		return
	}
	switch v.form["do"] {
	case hosted.DoAllow:
		if err := q.auth.Consent(v.ctx, cookie); err != nil {
			v.refuse(q, err)
			return
		}
		v.grantTo(q, cookie)
	case hosted.DoDeny:
		v.refuse(q, &refusal{errAccessDenied, "the user has refused"})
	default:
		v.show(q, http.StatusOK, page())
	}
}

// described adds what resource servers say of their scopes.
func (v *visit) described(q *request, scopes []string) []hosted.Scope {
	all := make([]hosted.Scope, len(scopes))
	pool, err := v.server.engine.UserPool(v.ctx, q.client.PoolID())
	for i, name := range scopes {
		all[i].Name = name
		slash := strings.LastIndexByte(name, '/')
		if err != nil || slash < 0 {
			continue
		}
		server, err := pool.Admin().ResourceServers().Get(v.ctx, name[:slash])
		if err != nil {
			continue // the name says enough
		}
		for _, scope := range server.Settings.Scopes {
			if scope.Name == name[slash+1:] {
				all[i].Description = scope.Description
			}
		}
	}
	return all
}
