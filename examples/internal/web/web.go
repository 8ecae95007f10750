// Package web is what a web app of server-rendered forms needs and has
// nothing to do with identity: pages, forms with problems beside their fields,
// visits, and the headers and cookies that keep browsers safe. Begin with [New]
// and [Site.Form]; [Main] runs the app.
//
// Caveats: it is for examples. Visits are in memory, so that they end with the
// process, and there is no limit to their number.
package web

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed style.css
var style []byte

// Options say how the app is reached. The zero value is by http, on port 80.
type Options struct {
	// Addr is the host and the port to listen on.
	Addr string
	// HTTPS says that browsers come by https, through a proxy: cookies go nowhere else.
	HTTPS bool
}

// A Site is an app of pages and forms. V is what it knows of a browser that is
// signed in: of a member.
type Site[V any] struct {
	// Check is called at each request of a member, with a copy of the visit
	// that it may change for the request. After an error, whatever it is, the
	// visitor is asked to sign in again. Nil accepts all visits.
	Check func(context.Context, *V) error

	name     string
	pages    *template.Template
	problems []Problem
	options  Options
	visits   visits[V]
	mux      *http.ServeMux
	safe     http.Handler // mux, for forms of our own pages and of a size
}

// New makes a site with no forms yet. In pages, templates are defined for [Page],
// one of each name that is given to the methods of Site. A template "note-x"
// is shown at the top of a page whose address has note=x. Pages call the templates
// "top", "field" and "bottom" of this package. New panics if pages cannot be parsed.
func New[V any](name, pages string, problems []Problem, o Options) *Site[V] {
	s := &Site[V]{
		name: name, pages: parse(pages), problems: problems, options: o,
		visits: visits[V]{byID: map[string]stored[V]{}}, mux: http.NewServeMux(),
	}
	s.mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write(style)
	})
	s.safe = http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(s.mux, 16<<10))
	return s
}

// Form has do called for a form that is sent to path with the required fields
// filled in. Otherwise, and after an error, the page is shown again with the form
// as it was.
func (s *Site[V]) Form(path, page string, do Step[V], required ...string) {
	s.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		q := &Request[V]{Request: r, site: s, w: w, page: page}
		q.submit(do, required)
	})
}

// Pages shows pages to anybody, each at the address of its name.
func (s *Site[V]) Pages(names ...string) {
	for _, name := range names {
		s.mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			q := &Request[V]{Request: r, site: s, w: w, page: name}
			q.show()
		})
	}
}

// MemberForm is Form for members: others are sent to /sign-in.
func (s *Site[V]) MemberForm(path, page string, do Step[V], required ...string) {
	s.mux.HandleFunc("POST "+path, s.member(page, func(q *Request[V]) { q.submit(do, required) }))
}

// MemberPage shows a page to members alone.
func (s *Site[V]) MemberPage(path, page string) {
	s.mux.HandleFunc("GET "+path, s.member(page, (*Request[V]).show))
}

func (s *Site[V]) member(page string, then func(*Request[V])) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := &Request[V]{Request: r, site: s, w: w, page: page}
		if err := q.enter(); err != nil {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		then(q)
	}
}

// ServeHTTP refuses what other sites send, and forms beyond 16 KiB.
func (s *Site[V]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", // our style, forms to us, and nothing else
		"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin") // by no-referrer, forms come from the origin null and are refused
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	s.safe.ServeHTTP(w, r)
}
