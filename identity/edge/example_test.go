package edge_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"

	"github.com/cognate-id/cognate/identity/edge"
	"github.com/cognate-id/cognate/store/memory"
)

// region handler
func newSite(program *url.URL, key []byte) (http.Handler, error) {
	e, err := edge.New(&edge.Config{
		Issuer: "https://auth.example.com/us-east-1_AbCdEf123", ClientID: "1example23456789",
		Sites: []edge.Site{{URL: "https://app.example.com", Rules: []edge.Rule{
			{Path: "/"},
			{Path: "/admin", Groups: []string{"admins"}},
			{Path: "/status", Access: edge.Anyone},
		}}},
	}, [][]byte{key}, memory.New(), nil) // in memory, a restart signs everybody out
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(program) }}
	return e.Handler(proxy), nil
}

// endregion

// A proxy signs people in to a program that knows no sign-ins.
func ExampleEdge_Handler() {
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "the user is %q", r.Header.Get("Remote-User"))
	}))
	defer program.Close()
	to, err := url.Parse(program.URL)
	if err != nil {
		log.Fatal(err)
	}
	site, err := newSite(to, []byte("32 random bytes: openssl rand 32"))
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/shelf", "/status", "/status/../admin"} {
		r := httptest.NewRequest(http.MethodGet, "https://app.example.com"+path, nil)
		r.RequestURI = path
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Remote-User", "ann") // a client may send anything
		rec := httptest.NewRecorder()
		site.ServeHTTP(rec, r)
		switch {
		case rec.Code == http.StatusOK:
			fmt.Println(path, rec.Code, rec.Body)
		default:
			fmt.Println(path, rec.Code, rec.Header().Get("Location"))
		}
	}
	// Output:
	// /shelf 302 https://app.example.com/oauth2/sign_in?rd=%2Fshelf
	// /status 200 the user is ""
	// /status/../admin 400
}

// A configuration can be tried out.
func ExampleEdge_Rules() {
	config, err := edge.ParseConfig([]byte(`{
		"issuer": "https://auth.example.com/us-east-1_AbCdEf123", "clientId": "1example23456789", "proxies": ["127.0.0.1"],
		"sites": [{"url": "https://app.example.com", "rules": [{"path": "/"}, {"path": "/admin", "groups": ["admins"]}]}]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	e, err := edge.New(config, [][]byte{[]byte("32 random bytes: openssl rand 32")}, memory.New(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/shelf", "/admin/users", "/ADMIN", "/x/..%2fadmin"} {
		rules, err := e.Rules("https://app.example.com" + path)
		fmt.Println(path, rules, err)
	}
	// Output:
	// /shelf [{/ signed-in [] []}] <nil>
	// /admin/users [{/admin signed-in [admins] []}] <nil>
	// /ADMIN [{/ signed-in [] []} {/admin signed-in [admins] []}] <nil>
	// /x/..%2fadmin [] edge: the path can be read in two ways
}
