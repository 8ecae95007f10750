package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store/memory"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// newPool makes a pool with the user alice. A real program seals its store, with the same catalog.
func newPool(o *web.Options) (*identity.UserPool, *web.Visits) {
	ctx, s, catalog := context.Background(), memory.New(), identity.Tables().With(web.Tables()...)
	engine := identity.New(s, &identity.Options{Catalog: catalog, InsecureCheapHashing: true})
	pool, err := engine.OpenUserPool(ctx, "main", &identity.PoolSettings{Algorithm: "ES256"})
	must(err)
	_, err = pool.Admin().Users().Create(ctx, identity.CreateUser{Username: "alice", SuppressInvitation: true})
	must(err)
	must(pool.Admin().Users().SetPassword(ctx, "alice", password, true))
	return pool, web.NewVisits(pool, s, o)
}

// visit sends a request as a browser does, and prints the answer.
func visit(client *http.Client, method, url string) {
	req, err := http.NewRequest(method, url, nil)
	must(err)
	res, err := client.Do(req)
	must(err)
	defer res.Body.Close()
	fmt.Println(method, req.URL.Path, res.StatusCode)
}

// A program with handlers of its own.
func Example() {
	pool, visits := newPool(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", func(http.ResponseWriter, *http.Request) {}) // shows a form
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		in := identity.SignIn{Username: "alice", Password: password} // from the form
		res, err := pool.SignIn(r.Context(), in)
		must(err) // a real program shows the form again, and asks for a second factor
		must(visits.Begin(w, r, res.Tokens))
	})
	mux.Handle("GET /account", visits.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		v, _ := web.FromContext(r.Context()) // always there behind Require
		fmt.Println("hello", v.Session.Claims().Username)
	})))
	mux.Handle("GET /operators", visits.Require(http.NotFoundHandler(), "operators")) // only for a group
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) { must(visits.End(w, r)) })

	server := httptest.NewTLSServer(mux)
	defer server.Close()
	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	visit(browser, "GET", server.URL+"/account") // is sent to the form
	visit(browser, "POST", server.URL+"/sign-in")
	visit(browser, "GET", server.URL+"/account")
	visit(browser, "GET", server.URL+"/operators")
	visit(browser, "POST", server.URL+"/sign-out")
	visit(browser, "GET", server.URL+"/account")
	// Output:
	// GET /account 200
	// POST /sign-in 200
	// hello alice
	// GET /account 200
	// GET /operators 403
	// POST /sign-out 200
	// GET /account 200
}

// A site with pages of forms, in the layout of the package.
func ExampleNewSite() {
	pool, visits := newPool(&web.Options{InsecureHTTP: true})
	site, err := web.NewSite(visits, "Example", `
{{define "sign-in"}}{{template "top" (.Titled "Sign in")}}<form method="post">
{{template "field" (.Field "email" "E-mail address" "email" "username")}}
{{template "field" (.Field "current-password" "Password" "password" "current-password")}}
<button>Sign in</button></form>{{template "bottom"}}{{end}}
{{define "home"}}{{template "top" (.Titled "Your account")}}{{template "bottom"}}{{end}}`, nil)
	must(err)
	site.Page("/sign-in", "sign-in")
	site.Form("/sign-in", "sign-in", func(q *web.Request) (next string, err error) {
		in := identity.SignIn{Username: q.Text(web.FieldEmail), Password: q.Secret(web.FieldCurrentPassword)}
		res, err := pool.SignIn(q.Context(), in)
		if err != nil {
			return "", err // the page says what is wrong
		}
		return "/", q.Begin(res.Tokens)
	}, web.FieldEmail, web.FieldCurrentPassword)
	site.MemberPage("/{$}", "home")

	server := httptest.NewServer(site)
	defer server.Close()
	visit(server.Client(), "GET", server.URL+"/")
	visit(server.Client(), "POST", server.URL+"/sign-in") // a form with nothing in it
	visit(server.Client(), "GET", server.URL+"/nothing")
	// Output:
	// GET / 200
	// POST /sign-in 422
	// GET /nothing 404
}
