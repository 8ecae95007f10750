package oauth

import (
	"errors"
	"net/http"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A browser signs out. Amazon Cognito's way takes client_id with logout_uri, or with
// redirect_uri for the sign-in page. Pools with the setting OpenID also know that of OpenID Connect
// RP-Initiated Logout: id_token_hint, post_logout_redirect_uri and state. There a person is asked
// first, unless the hint shows that the application knows who is signed in.

// A goodbye is a request to sign out.
type goodbye struct {
	client *identity.AppClient
	pool   *identity.PoolInfo
	info   *identity.ClientInfo
	known  string   // the sub of id_token_hint; empty for none
	next   string   // where the browser goes then; empty for a page
	ours   bool     // the request is Amazon Cognito's
	frames []string // that tell applications
	away   bool     // next is the identity provider of the browser
}

// logout signs a browser out.
func (s *Server) logout(v *visit) {
	p := v.query
	if v.r.Method == http.MethodPost && v.form["_csrf"] == "" { // of an application: by GET the browser sends its cookies
		v.redirect("/logout?" + v.form.encode())
		return
	}
	g, err := v.goodbye(p)
	if err != nil {
		v.pageError(err)
		return
	}
	b, err := v.browser(g.client)
	switch {
	case errors.Is(err, identity.ErrNotSignedIn):
		v.leave(g)
		return
	case err != nil:
		v.pageError(err)
		return
	case !g.ours && b.User.Sub != g.known && !v.agreed():
		page := hosted.Page{
			Kind: hosted.SignOut, Client: g.info.Settings.Name, CSRF: v.csrfToken(), LeadsTo: leadsTo(g.next, v.upstream(b)),
			Action: "/logout?" + p.encode(),
		}
		v.dress(&page, g.client)
		v.page(http.StatusOK, page)
		return
	}
	away := v.upstream(b)
	hint, err := b.ProviderIDToken(v.ctx)
	if err != nil {
		v.failed(err) // the browser is signed out here at least
	}
	if g.frames, err = v.signOutBrowser(b); err != nil && !errors.Is(err, identity.ErrNotSignedIn) {
		v.pageError(err)
		return
	}
	if away != nil && v.bidFarewell(g, away) {
		return
	}
	if away == nil {
		next := g.next
		g.next = v.providerLogout(g.client, b.Provider, hint, next)
		g.away = g.next != next
	}
	v.leave(g)
}

// agreed reports whether the person has pressed the button of the page.
func (v *visit) agreed() bool {
	return v.r.Method == http.MethodPost && v.form["do"] == hosted.DoSignOut && !v.forged()
}

// leadsTo are the addresses that the form of the page may lead to: the application's, and that of a provider.
func leadsTo(uri string, away *departure) (all []string) {
	if uri != "" {
		all = append(all, uri)
	}
	if away != nil {
		all = append(all, away.place)
	}
	return all
}

// leave sends a browser on that is signed out.
func (v *visit) leave(g *goodbye) {
	v.setCookie(browserName(g.client.PoolID()), "", -1)
	v.sendOff(g)
}

// sendOff sends a browser on that was signed out before.
func (v *visit) sendOff(g *goodbye) {
	byForm := g.away && v.r.Method == http.MethodPost // see leaveFor
	if byForm && len(g.frames) == 0 {
		v.w.Header().Set("Refresh", "0; url="+g.next)
	}
	if g.next == "" || len(g.frames) > 0 || byForm {
		page := hosted.Page{Kind: hosted.SignedOut, Client: g.info.Settings.Name}
		v.dress(&page, g.client)
		v.page(http.StatusOK, framed(page, g.frames, g.next))
		return
	}
	v.redirect(g.next)
}

// goodbye reads a request to sign out.
func (v *visit) goodbye(p params) (*goodbye, error) {
	hint, err := v.logoutHint(p)
	if err != nil {
		return nil, err
	}
	id := p["client_id"]
	if id == "" && hint != nil {
		id = hint.Client
	}
	if id == "" {
		return nil, &missingError{"client_id"}
	}
	g := &goodbye{}
	if g.client, g.pool, g.info, err = v.settingsOf(id); err != nil {
		return nil, err
	}
	v.openID = g.pool.Settings.FollowsOpenID()
	g.ours = !g.pool.Settings.FollowsOpenID() || p["logout_uri"] != "" || p["redirect_uri"] != ""
	if g.ours {
		g.next, err = v.afterLogout(g, p)
		return g, err
	}
	if hint != nil {
		if hint.Client != id || hint.Pool != g.pool.ID {
			return nil, errHint
		}
		g.known = hint.Sub
	}
	uri := p["post_logout_redirect_uri"]
	if uri != "" && !slices.Contains(g.info.Settings.LogoutURLs, uri) {
		return nil, identity.ErrRedirectMismatch
	}
	if uri != "" {
		g.next = withState(uri, p["state"])
	}
	return g, nil
}

// errHint is told on a page: no application can be told.
var errHint = errors.New("oauth: id_token_hint is not an ID token of the client")

// logoutHint reads id_token_hint. A request of Amazon Cognito's has none that counts.
func (v *visit) logoutHint(p params) (*identity.IDTokenHint, error) {
	if p["id_token_hint"] == "" || p["logout_uri"] != "" || p["redirect_uri"] != "" {
		return nil, nil
	}
	hint, err := v.server.engine.IDTokenHint(v.ctx, identity.Secret(p["id_token_hint"]))
	switch {
	case err == nil && v.follows(hint.Pool):
		return hint, nil
	case err == nil, errors.Is(err, identity.ErrInvalidParameter) && !v.followsClient(p["client_id"]):
		return nil, nil // the service does not know the parameter
	case errors.Is(err, identity.ErrInvalidParameter):
		return nil, errHint
	}
	return nil, err
}

// withState adds the state of a request to the address that its answer goes to.
func withState(uri, state string) string {
	if state == "" {
		return uri
	}
	return appendQuery(uri, []pair{{"state", state}})
}

// afterLogout is where a browser goes that is signed out as Amazon Cognito does it.
func (v *visit) afterLogout(g *goodbye, p params) (string, error) {
	if uri := p["logout_uri"]; uri != "" {
		if !slices.Contains(g.info.Settings.LogoutURLs, uri) {
			return "", identity.ErrRedirectMismatch
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
