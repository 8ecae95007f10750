package oauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Ways to sign in. A client names the identity providers by which its users sign in, and COGNITO if they may also sign in
// with what they have in the pool. A client that names none has the pool alone. An application may choose one way by
// identity_provider or idp_identifier: then the browser goes there without a page.

// native is how the pool itself is named among providers.
const native = "COGNITO"

// A way is what an application has chosen. The zero value is that the user chooses.
type way struct {
	native   bool
	provider *identity.Provider
}

// matches reports whether a browser has signed in that way.
func (w way) matches(b *identity.Browser) bool {
	switch {
	case w.provider != nil:
		return b.Provider == w.provider.Name
	case w.native:
		return b.Provider == ""
	}
	return true
}

// ways are those of the client of a request.
func (v *visit) ways(q *request) (*identity.ClientProviders, error) {
	if !slices.ContainsFunc(q.auth.Client.Settings.Providers, func(name string) bool { return name != native }) {
		return &identity.ClientProviders{Native: true}, nil // nothing to read
	}
	return q.client.Providers(v.ctx)
}

// chosenWay returns the way that an application has chosen. Where the client does not have it, a page says so, and ok is false.
func (v *visit) chosenWay(q *request) (w way, ok bool) {
	name, identifier := q.params["identity_provider"], q.params["idp_identifier"]
	var err error
	switch {
	case name == native:
		all, err := v.ways(q)
		if err == nil && all.Native {
			return way{native: true}, true
		}
		return v.noWay(q, name, err)
	case name != "":
		w.provider, err = q.client.Provider(v.ctx, name)
	case identifier != "":
		w.provider, err = q.client.ProviderByIdentifier(v.ctx, identifier)
	}
	if err != nil {
		return v.noWay(q, name, err)
	}
	return w, true
}

// noWay shows that a way to sign in is not there.
func (v *visit) noWay(q *request, name string, err error) (way, bool) {
	if err != nil && !errors.Is(err, identity.ErrProviderNotFound) {
		v.pageError(err)
		return way{}, false
	}
	v.unavailable(q, name)
	return way{}, false
}

func (v *visit) unavailable(q *request, name string) {
	page := hosted.Page{Kind: hosted.Unavailable, Client: q.auth.Client.Settings.Name, Provider: name, Links: hosted.Links{SignIn: v.without("/login", "identity_provider", "idp_identifier")}}
	v.dress(&page, q.client)
	v.page(http.StatusOK, page)
}

// nativeRequest is request, for pages about what users have in the pool. It answers if users of the client have nothing there.
func (v *visit) nativeRequest(p params) (*request, bool) {
	q, ok := v.request(p)
	if !ok {
		return nil, false
	}
	all, err := v.ways(q)
	switch {
	case err != nil:
		v.pageError(err)
	case !all.Native:
		v.unavailable(q, "")
	default:
		return q, true
	}
	return nil, false
}

// leads sends the browser of a sign-in page to the provider that the application has chosen, or to the only one that there is. It
// reports whether the request was answered.
func (v *visit) leads(q *request) bool {
	w, ok := v.chosenWay(q)
	if !ok {
		return true
	}
	all, err := v.ways(q)
	switch {
	case err != nil:
		v.pageError(err)
	case w.provider != nil:
		v.depart(q, w.provider)
	case all.Native:
		return false
	case len(all.Providers) == 0:
		v.unavailable(q, "")
	case len(all.Providers) == 1:
		v.depart(q, all.Providers[0])
	case v.r.Method == http.MethodPost: // there is no form
		v.unavailable(q, "")
	default:
		v.show(q, http.StatusOK, v.firstPage(q))
	}
	return true
}

// called is what people call a provider, and its brand.
func called(p *identity.Provider) (string, hosted.Brand) {
	switch p.Type {
	case identity.ProviderAmazon:
		return "Amazon", hosted.Amazon
	case identity.ProviderApple:
		return "Apple", hosted.Apple
	case identity.ProviderGoogle:
		return p.Name, hosted.Google
	case identity.ProviderFacebook:
		return p.Name, hosted.Facebook
	case identity.ProviderOIDC, identity.ProviderSAML:
		return p.Name, hosted.NoBrand
	default:
		return p.Name, hosted.NoBrand
	}
}

// offer adds the buttons of providers to the first page. It reports whether the page asks for a name first, because the name may
// lead to a provider.
func (v *visit) offer(q *request, page *hosted.Page) (nameFirst bool) {
	all, err := v.ways(q)
	if err != nil {
		v.failed(err) // the page has the form at least
		return false
	}
	page.NoForm = !all.Native
	for _, p := range all.Providers {
		page.Providers = append(page.Providers, v.button(p))
		nameFirst = nameFirst || slices.ContainsFunc(p.Identifiers, isDomain)
	}
	return nameFirst && all.Native
}

// button leads to a provider.
func (v *visit) button(p *identity.Provider) hosted.Provider {
	request := v.query.encode("identity_provider", "idp_identifier", "lang", "username")
	name, brand := called(p)
	return hosted.Provider{Name: name, Brand: brand, Href: v.rooted("/oauth2/authorize?" + request + "&" + encode([]pair{{"identity_provider", p.Name}}))}
}

func isDomain(identifier string) bool {
	return strings.Contains(identifier, ".") && !strings.ContainsAny(identifier, "@ ")
}

// leadsHome leads the browser to the provider that has the domain of a mail address among its identifiers. It reports whether
// the request was answered.
func (v *visit) leadsHome(q *request, name string) bool {
	domain := name[strings.LastIndexByte(name, '@')+1:]
	if domain == name || domain == "" {
		return false
	}
	all, err := v.ways(q)
	if err != nil {
		v.pageError(err)
		return true
	}
	for _, p := range all.Providers {
		if slices.ContainsFunc(p.Identifiers, func(id string) bool { return isDomain(id) && strings.EqualFold(id, domain) }) {
			v.query["login_hint"] = name
			page := hosted.Page{Kind: hosted.SignIn, NoForm: true, Providers: []hosted.Provider{v.button(p)}}
			v.w.Header().Set("Refresh", "0; url="+page.Providers[0].Href) // a redirect of a form to another site is blocked by the page's policy
			v.show(q, http.StatusOK, page)
			return true
		}
	}
	return false
}
