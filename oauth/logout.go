package oauth

import (
	"errors"
	"net/http"

	"github.com/cognate-id/cognate/identity"
)

// logout signs a browser out, and sends it to one of the client's pages: logout_uri, or the
// sign-in page for redirect_uri.
func (s *Server) logout(v *visit) {
	p := v.query
	if p["client_id"] == "" {
		v.pageError(&missingError{"client_id"})
		return
	}
	client, err := s.engine.AppClient(v.ctx, p["client_id"])
	if err != nil {
		v.pageError(err)
		return
	}
	next, err := v.afterLogout(client)
	if err != nil {
		v.pageError(err)
		return
	}
	b, err := v.browser(client)
	if err == nil {
		err = b.SignOut(v.ctx)
	}
	if err != nil && !errors.Is(err, identity.ErrNotSignedIn) {
		v.failed(err)
		v.page(http.StatusInternalServerError, v.errorOf(codeServer))
		return
	}
	v.setCookie(browserName(client.PoolID()), "", -1)
	v.redirect(next)
}

// withState adds the state of a request to the address that its answer goes to.
func withState(uri, state string) string {
	if state == "" {
		return uri
	}
	return appendQuery(uri, []pair{{"state", state}})
}

// afterLogout is where a browser goes that is signed out.
func (v *visit) afterLogout(client *identity.AppClient) (string, error) {
	p := v.query
	if uri := p["logout_uri"]; uri != "" {
		if err := client.LogoutURI(v.ctx, uri); err != nil {
			return "", err
		}
		return withState(uri, p["state"]), nil
	}
	if p["redirect_uri"] == "" {
		return "", &missingError{"redirect_uri"}
	}
	if _, err := v.readRequest(p); errors.Is(err, identity.ErrRedirectMismatch) {
		return "", err
	}
	return "/login?" + p.encode(), nil
}
