package edge

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/cognate-id/cognate/oauth/login"
)

// Browsers sign in and out at the site itself, so that the cookie is the site's own. These pages
// take the site from the Host of the request. Where rd leads to another site, the browser goes to
// the sign-in of that site: a cookie of this one would not count there.

var (
	errReturn = errors.New("edge: rd leads to no site")
	errMethod = errors.New("edge: another method is needed")
)

// isPage reports whether a path below the prefix is one of a page.
func (e *Edge) isPage(path string) bool {
	switch path {
	case signInPath, callbackPath, signOutPath:
		return true
	default:
		return false
	}
}

// serve serves a page.
func (e *Edge) serve(w http.ResponseWriter, r *http.Request, path string) {
	if !e.isPage(path) {
		http.NotFound(w, r)
		return
	}
	s := e.siteOf(r.Host)
	switch {
	case s == nil:
		e.refuse(w, r, forwardAuth, nil, errForeign)
	case path == signInPath:
		e.signIn(w, r, s)
	case path == signOutPath && r.Method == http.MethodGet:
		view{"Sign out?", e.prefix + signOutPath}.write(w, http.StatusOK)
	default:
		s.pages.ServeHTTP(w, r)
	}
}

// signIn begins a sign-in at the site that rd leads to.
func (e *Edge) signIn(w http.ResponseWriter, r *http.Request, s *site) {
	if r.Method != http.MethodGet {
		e.refuse(w, r, forwardAuth, nil, errMethod)
		return
	}
	to, path, err := e.returnTo(s, r.URL.RawQuery)
	if err != nil {
		e.refuse(w, r, forwardAuth, nil, err)
		return
	}
	if to != s {
		w.Header().Set("Location", to.origin+e.prefix+signInPath+"?rd="+url.QueryEscape(path))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	in := r.Clone(r.Context())
	in.URL.RawQuery = url.Values{"return_to": {path}}.Encode()
	s.pages.ServeHTTP(w, in)
}

// returnTo reads rd: a path of the site, or a URL of any site. It returns the site and a path there,
// so that no part of a host comes from the request.
func (e *Edge) returnTo(s *site, query string) (*site, string, error) {
	q, err := url.ParseQuery(query)
	if err != nil || len(q["rd"]) > 1 {
		return nil, "", errReturn
	}
	rd := q.Get("rd")
	switch {
	case rd == "":
		return s, "/", nil
	case strings.HasPrefix(rd, "/"):
		if !login.IsLocal(rd) {
			return nil, "", errReturn
		}
		return s, rd, nil
	}
	scheme, rest, ok := strings.Cut(rd, "://")
	end := strings.IndexAny(rest, "/?#\\")
	if !ok || end < 0 {
		rest, end = rest+"/", len(rest)
	}
	to := e.siteOf(rest[:end])
	if to == nil || to.scheme != scheme || !login.IsLocal(rest[end:]) {
		return nil, "", errReturn
	}
	return to, rest[end:], nil
}
