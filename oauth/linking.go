package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Linking. Somebody has signed in by a provider, and a user of the pool has the same verified address. In pools that ask, it goes on so:
//
//  1. askToLink puts the engine's state into a cookie, and shows a page with two ways on.
//  2. "Sign in and link" leads to the sign-in page, with linkParam in the request: a full sign-in, with all factors that the pool asks for.
//  3. give calls acceptLink before the application gets anything. The state is in the cookie alone, so nobody can have another person
//     sign in with it. The engine checks that the sign-in is of the user who has the address, and younger than the state.
//
// "Use a separate account" goes to the provider once more, with separateParam. On the account page, users link and remove providers by themselves:
// the trip has the user, and whoever comes back must be signed in as that user still.

// Parameters of a request that are ours. Applications may send them too: they only choose what the person could choose.
const (
	linkParam     = "cognate_link"     // the sign-in is for the state in the cookie
	separateParam = "cognate_separate" // whoever is new gets a user of their own
	linkCookie    = "cognito-link"
)

// askToLink asks whether somebody is to be linked to the user who has the address.
func (v *visit) askToLink(q *request, p *identity.Provider, err error) {
	e, ok := errors.AsType[*identity.LinkRequiredError](err)
	if !ok {
		v.refuse(q, err)
		return
	}
	v.setCookie(linkCookie, string(e.State), identity.LinkLife)
	request := v.query.encode("identity_provider", "idp_identifier", "prompt", "lang", linkParam, separateParam)
	name, _ := called(p)
	page := hosted.Page{Kind: hosted.LinkAccount, Client: q.auth.Client.Settings.Name, User: e.Address, Provider: name}
	page.Links.SignIn = "/login?" + request + "&" + encode([]pair{{"prompt", "login"}, {linkParam, "1"}})
	page.Links.Another = v.rooted("/oauth2/authorize?" + request + "&" + encode([]pair{{"prompt", "login"}, {separateParam, "1"}, {"identity_provider", p.Name}}))
	v.dress(&page, q.client)
	v.page(http.StatusOK, page)
}

// acceptLink links whom the state in the cookie names, if the request is for it. It returns false if the browser was answered.
func (v *visit) acceptLink(q *request, cookie identity.Secret) bool {
	state := v.cookie(linkCookie)
	if q.params[linkParam] == "" || state == "" {
		return true
	}
	b, err := q.client.Browser(v.ctx, cookie)
	if err == nil {
		_, err = b.Session().AcceptLink(v.ctx, identity.Secret(state))
	}
	if errors.Is(err, identity.ErrRecentSignInRequired) || errors.Is(err, identity.ErrNotSignedIn) {
		v.redirect(v.without("/login"))
		return false
	}
	v.setCookie(linkCookie, "", -1)
	switch {
	case err == nil, errors.Is(err, identity.ErrAlreadyLinked):
		return true
	case errors.Is(err, identity.ErrUserDisabled), errors.Is(err, identity.ErrProviderNotFound):
		return true // what comes next tells, or nobody needs to know
	}
	page := v.errorOf(v.problemOf(err))
	page.Links.SignIn = v.without("/login", linkParam)
	v.explain("link", err)
	v.page(http.StatusBadRequest, page)
	return false
}

// addLinked adds who is linked to the account, and the providers that can be.
func (m *managing) addLinked(p *hosted.Profile) error {
	u := m.browser.User
	for i := range u.Identities {
		id := &u.Identities[i]
		p.Linked = append(p.Linked, hosted.Linked{ID: linkedID(id), Provider: id.Provider, Created: id.Created, Fixed: id.Primary})
	}
	if m.pool.Settings.Linking == identity.LinkingOff {
		return nil
	}
	all, err := m.app.Providers(m.ctx)
	if err != nil {
		return err
	}
	for _, other := range all.Providers {
		if !slices.ContainsFunc(u.Identities, func(i identity.Identity) bool { return i.Provider == other.Name }) {
			p.Linkable = append(p.Linkable, other.Name)
		}
	}
	return nil
}

// linkedID names an identity in a form, which needs not have the subject in it.
func linkedID(id *identity.Identity) string {
	sum := sha256.Sum256([]byte(id.Provider + "\x00" + id.Subject + "\x00" + id.Attribute + "\x00" + id.Value))
	return hex.EncodeToString(sum[:8])
}

// unlink removes an identity.
func (m *managing) unlink() error {
	for i := range m.browser.User.Identities {
		id := &m.browser.User.Identities[i]
		if linkedID(id) != m.form["id"] {
			continue
		}
		who := identity.ProviderUser{Provider: id.Provider, Attribute: id.Attribute, Value: id.Value}
		if id.Subject != "" {
			who = identity.ProviderUser{Provider: id.Provider, Value: id.Subject}
		}
		if err := m.session.Unlink(m.ctx, who); err != nil && !errors.Is(err, identity.ErrUserNotFound) {
			return err
		}
	}
	return m.done("unlinked")
}

// link sends the browser to a provider, to come back as who is to be linked.
func (m *managing) link() error {
	if m.pool.Settings.Linking == identity.LinkingOff {
		return identity.ErrFlowNotEnabled
	}
	p, err := m.app.Provider(m.ctx, m.form["provider"])
	if err != nil {
		return err
	}
	if err := m.session.MayLink(); err != nil {
		return err
	}
	q, ok := m.request(m.ownRequest())
	if !ok {
		return nil
	}
	m.linking = m.browser.User.Sub
	m.depart(q, p)
	return nil
}

// linked links who has come back from a provider to the user who has left.
func (v *visit) linked(sub string, who identity.FederatedIdentity) {
	m, err := v.managing()
	if err == nil && m.browser.User.Sub != sub {
		err = identity.ErrNotSignedIn
	}
	if err == nil {
		err = m.session.Link(m.ctx, who)
	}
	switch {
	case err == nil || errors.Is(err, identity.ErrAlreadyLinked):
		err = m.done("linked")
	case m != nil && (gone(err) || errors.Is(err, identity.ErrRecentSignInRequired)):
		m.signIn("login")
		return
	case m != nil && m.session != nil:
		m.overview(hosted.Page{Problem: v.problemOf(err)})
		return
	}
	if err != nil {
		v.pageError(err)
	}
}
