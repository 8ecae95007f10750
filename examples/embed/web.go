package main

import (
	"html/template"
	"log"
	"net/http"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// An app is the web app. Its pages are in pages.html, each by its name.
type app struct {
	pool   *identity.UserPool
	https  bool
	visits visits
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	for _, name := range []string{"sign-up", "confirm", "sign-in", "forgot", "reset"} {
		mux.HandleFunc("GET /"+name, show(name))
	}
	mux.HandleFunc("POST /sign-up", form("sign-up", a.signUp, "email", "password"))
	mux.HandleFunc("POST /confirm", form("confirm", a.confirm, "email", "code"))
	mux.HandleFunc("POST /resend", form("confirm", a.resend, "email"))
	mux.HandleFunc("POST /sign-in", form("sign-in", a.signIn, "email", "password"))
	mux.HandleFunc("POST /factor", form("factor", a.factor, "code"))
	mux.HandleFunc("POST /forgot", form("forgot", a.forgot, "email"))
	mux.HandleFunc("POST /reset", form("reset", a.reset, "email", "code", "password"))

	mux.HandleFunc("GET /{$}", a.members("home", nil))
	mux.HandleFunc("GET /app", a.members("app", nil))
	mux.HandleFunc("POST /app", a.members("home", a.enroll))
	mux.HandleFunc("POST /app/verify", a.members("app", a.verify, "code"))
	mux.HandleFunc("POST /sign-out", a.members("home", a.signOut))

	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write(style)
	})
	return headers(http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, 16<<10)))
}

// headers lets a page load our style and send forms to us, and nothing else.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "same-origin") // by no-referrer, forms come from the origin null and are refused
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func show(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		(&page{Note: notes[r.FormValue("note")], Form: remembered(r)}).write(w, http.StatusOK, name)
	}
}

// A step does what a form asks for and says which page comes next; "" if it has
// answered itself. After an error the page of the form is shown again.
type step func(w http.ResponseWriter, r *http.Request) (next string, err error)

func form(name string, do step, required ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		submit(w, r, &page{}, name, do, required)
	}
}

// members is for pages of users who are signed in. Without a step the page is shown.
func (a *app) members(name string, do func(http.ResponseWriter, *http.Request, *member) (string, error), required ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m, err := a.member(r)
		if err != nil {
			http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
			return
		}
		p := &page{Email: m.email, App: m.app, Key: m.visit.key, URI: template.URL(m.visit.uri)} // a URI by EnrollTOTP
		if do == nil {
			p.Note = notes[r.FormValue("note")]
			p.write(w, http.StatusOK, name)
			return
		}
		bound := func(w http.ResponseWriter, r *http.Request) (string, error) { return do(w, r, m) }
		submit(w, r, p, name, bound, required)
	}
}

func submit(w http.ResponseWriter, r *http.Request, p *page, name string, do step, required []string) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	r.PostForm.Set("email", strings.TrimSpace(r.PostForm.Get("email")))
	r.PostForm.Set("code", strings.ReplaceAll(r.PostForm.Get("code"), " ", "")) // apps show 123 456
	p.Form, p.State = r.PostForm, r.PostForm.Get("state")
	for _, field := range required {
		if r.PostForm.Get(field) == "" {
			p.Problem = problem{http.StatusUnprocessableEntity, field, "Fill this in, please."}
			p.write(w, p.Problem.status, name)
			return
		}
	}
	next, err := do(w, r)
	switch {
	case err != nil:
		p.Problem = explain(err)
		if p.Problem.status == http.StatusInternalServerError {
			log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		p.write(w, p.Problem.status, name)
	case next != "":
		http.Redirect(w, r, next, http.StatusSeeOther)
	}
}

func secret(r *http.Request, name string) identity.Secret {
	return identity.Secret(r.PostFormValue(name))
}
