package web

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"

	"github.com/cognate-id/cognate/internal/pagejs"
)

//go:embed style.css
var style string

// selectWrong selects what is wrong, after the script that all pages have.
const selectWrong = "\ndocument.querySelector(\"input[aria-invalid]\")?.select();\n"

// policy lets pages have styles, scripts and pictures of the site itself, pictures that are
// in the page, and forms that are sent to the site. Nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm is how many bytes a form may have.
const maxForm = 16 << 10

// SiteOptions are the wiring of a [Site]. The zero value and nil are fine.
type SiteOptions struct {
	// Problems say what people are told about errors, before those of [Problems].
	Problems []Problem
	// Style is CSS that comes after the package's. Set the custom properties of its first
	// rule there for colours of your own, such as --accent. Defaults to none.
	Style string
}

// A Site is an app of pages and forms. Make one with [NewSite], and serve it as an
// [http.Handler]: it has the pages that you add, /style.css and /page.js.
type Site struct {
	name     string
	visits   *Visits
	pages    *template.Template
	problems []Problem
	mux      *http.ServeMux
	safe     http.Handler // mux, for forms of our own pages and of a size
}

// NewSite makes a site with no pages yet. name is shown on each page. pages has the
// templates that are named to the methods of Site. They are filled with a [Page], and
// call the templates "top", "field" and "bottom" of the package. Some names have a meaning:
//
//   - "note-x" is shown at the top of a page whose address has note=x.
//   - "brand" is shown above the title of each page. Define it to show a logo. It defaults
//     to the name of the site.
//   - "not-found" is the page for addresses that the site does not have, and "error" for
//     requests that fail. Both have defaults.
//
// NewSite returns an error if pages cannot be parsed. o may be nil.
func NewSite(visits *Visits, name, pages string, o *SiteOptions) (*Site, error) {
	if o == nil {
		o = &SiteOptions{}
	}
	parsed, err := parse(pages)
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	s := &Site{
		name: name, visits: visits, pages: parsed, problems: slices.Concat(o.Problems, Problems()), mux: http.NewServeMux(),
	}
	s.file("/style.css", "text/css; charset=utf-8", style+o.Style)
	s.file("/page.js", "text/javascript; charset=utf-8", pagejs.Script+selectWrong)
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, ErrCrossOrigin)
	}))
	s.safe = protection.Handler(http.MaxBytesHandler(http.HandlerFunc(s.route), maxForm))
	return s, nil
}

func (s *Site) file(path, kind, text string) {
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "max-age=300")
		w.Write([]byte(text))
	})
}

// Page shows a page to anybody, at a path.
func (s *Site) Page(path, page string) {
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		s.request(w, r, page, nil).show()
	})
}

// Form has do called for a form that is sent to path with the required fields filled in.
// Otherwise, and after an error, the page is shown again with the form as it was.
func (s *Site) Form(path, page string, do Step, required ...string) {
	s.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		s.request(w, r, page, nil).submit(do, required)
	})
}

// MemberPage shows a page to users who are signed in. Others are sent to sign in.
func (s *Site) MemberPage(path, page string) {
	s.mux.HandleFunc("GET "+path, s.member(page, (*Request).show))
}

// MemberForm is [Site.Form] for users who are signed in. Others are sent to sign in.
func (s *Site) MemberForm(path, page string, do Step, required ...string) {
	s.mux.HandleFunc("POST "+path, s.member(page, func(q *Request) { q.submit(do, required) }))
}

// Handle adds a handler of your own for a pattern of [http.ServeMux]. Put [Visits.Require]
// around it if only users who are signed in may call it.
func (s *Site) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

func (s *Site) member(page string, then func(*Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.visits.require(r, nil)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		then(s.request(w, r, page, v))
	}
}

func (s *Site) request(w http.ResponseWriter, r *http.Request, page string, v *Visit) *Request {
	return &Request{Request: r, Visit: v, site: s, w: w, page: page}
}

// ServeHTTP refuses what other sites send, and forms of more than 16 KiB.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin") // by no-referrer, forms come from the origin null and are refused
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	s.safe.ServeHTTP(w, s.visits.called(w, r))
}

func (s *Site) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.request(w, r, "not-found", nil).answer(http.StatusNotFound, &Page{})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// refuse answers a request that gets no further.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, err error) {
	q := s.request(w, r, "error", nil)
	switch {
	case errors.Is(err, ErrNoVisit):
		http.Redirect(w, r, s.visits.options.SignIn, http.StatusSeeOther)
	case errors.Is(err, ErrCrossOrigin):
		q.answer(http.StatusForbidden, &Page{Problem: "This form was sent from another site. Nothing was changed."})
	default:
		q.fail(err)
	}
}
