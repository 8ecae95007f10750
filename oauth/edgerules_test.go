package oauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/edge"
	"github.com/cognate-id/cognate/internal/few"
)

// ways are paths, and what a stranger, bob (no groups) and ann (admins) get.
var ways = []struct {
	path               string
	stranger, bob, ann int
}{
	{"/", 401, 200, 200},
	{"/shelf", 401, 200, 200},
	{"/shelf/", 401, 200, 200},
	{"/shelf?x=/admin", 401, 200, 200},
	{"/admin", 401, 403, 200},
	{"/admin/", 401, 403, 200},
	{"/admin?x", 401, 403, 200},
	{"/admin/x/y", 401, 403, 200},
	{"/administrator", 401, 200, 200},
	{"/adm%69n/x", 401, 403, 200},
	{"/%61dmin", 401, 403, 200},
	{"/admin/help", 200, 200, 200},
	{"/admin/help/x", 200, 200, 200},
	{"/admin/helpx", 401, 403, 200},
	{"/public", 200, 200, 200},
	{"/public/x.css", 200, 200, 200},
	{"/publics", 401, 200, 200},
	{"/mail", 401, 200, 200},
	{"/users", 401, 403, 403},
	{"/secret", 403, 403, 403},
	{"/secret/x", 403, 403, 403},
	// Servers that ignore case.
	{"/ADMIN", 401, 403, 200},
	{"/Admin/x", 401, 403, 200},
	{"/SECRET", 403, 403, 403},
	{"/PUBLIC/x", 401, 200, 200},
	{"/mixed", 401, 403, 200},
	{"/MIXED", 401, 403, 200},
	{"/stra%C3%9Fe", 403, 403, 403},
	{"/STRA%E1%BA%9EE", 403, 403, 403},
	{"/%E2%84%AAilo", 403, 403, 403}, // the sign of the kelvin
	{"/\u212ailo", 403, 403, 403},
	{"/%C5%BFecret", 403, 403, 403}, // a long s
	// Servers that cut parameters off, or what Windows cuts off.
	{"/admin;x=1", 401, 403, 200},
	{"/admin;x=1/y", 401, 403, 200},
	{"/ADMIN;x", 401, 403, 200},
	{"/admin.", 401, 403, 200},
	{"/admin%20", 401, 403, 200},
	{"/secret%20.", 403, 403, 403},
	{"/public;x/y", 401, 200, 200},
	{"/wiki/Foo_Inc.", 401, 200, 200},
	{"/wiki/a.b", 401, 200, 200},
	{"/wiki/100%25", 401, 200, 200},
	// Paths that can be read in two ways.
	{"/public/../admin", 400, 400, 400},
	{"/public/%2e%2e/admin", 400, 400, 400},
	{"/public/.%2E/admin", 400, 400, 400},
	{"/public/..;/admin", 400, 400, 400},
	{"/public/..;x=1/admin", 400, 400, 400},
	{"/public/...", 400, 400, 400},
	{"/public/.%20/x", 400, 400, 400},
	{"/public/%20", 400, 400, 400},
	{"/public/./x", 400, 400, 400},
	{"/public/..", 400, 400, 400},
	{"/public/..%2fadmin", 400, 400, 400},
	{"/admin%2Fhelp", 400, 400, 400},
	{"/public%2F..%2Fadmin", 400, 400, 400},
	{"/public%5c..%5cadmin", 400, 400, 400},
	{"/public\\..\\admin", 400, 400, 400},
	{"/public/%252e%252e/admin", 400, 400, 400},
	{"/%2561dmin", 400, 400, 400},
	{"/public%252fadmin", 400, 400, 400},
	{"//admin", 400, 400, 400},
	{"/public//admin", 400, 400, 400},
	{"/public/;/admin", 400, 400, 400},
	{"/;/admin", 400, 400, 400},
	{"//app.example.com/admin", 400, 400, 400},
	{"/public%00", 400, 400, 400},
	{"/public%0d%0a", 400, 400, 400},
	{"/public%7f", 400, 400, 400},
	{"/public%", 400, 400, 400},
	{"/public%2", 400, 400, 400},
	{"/public%zz", 400, 400, 400},
	{"/public#/admin", 400, 400, 400},
	{"/public%c0%ae%c0%ae/admin", 400, 400, 400},
	{"/public/%ff", 400, 400, 400},
	{"/public/\xc0\xaf", 400, 400, 400},
	{"/public /admin", 400, 400, 400},
	{"/" + strings.Repeat("x", 9000), 400, 400, 400},
}

func TestRules(t *testing.T) {
	w := newEdgeWorld(t, func(c *edge.Config) {
		c.Sites[0].Rules = append(c.Sites[0].Rules, edge.Rule{Path: "/Mixed", Groups: []string{"admins"}}, edge.Rule{Path: "/mixed", Access: edge.Anyone},
			edge.Rule{Path: "/straße", Access: edge.Nobody}, edge.Rule{Path: "/kilo", Access: edge.Nobody})
	})
	ann, bob := w.browser(), w.browser()
	ann.signIn(edgeApp, "/", "ann")
	bob.signIn(edgeApp, "/", "bob")
	for _, tt := range few.Of(2, ways) {
		for i, who := range []struct {
			name, cookie string
			want         int
		}{{"a stranger", "", tt.stranger}, {"bob", bob.cookie(edgeApp), tt.bob}, {"ann", ann.cookie(edgeApp), tt.ann}} {
			if got := w.ask(traefik("GET", edgeApp+tt.path, "Cookie", who.cookie)).StatusCode; got != who.want {
				t.Errorf("%.80q for %s: %d, want %d", tt.path, who.name, got, who.want)
			}
			want := map[int]int{200: 202, 400: 403}[who.want]
			if want == 0 {
				want = who.want
			}
			if i == 1 && w.ask(nginx("GET", edgeApp+tt.path, "Cookie", who.cookie)).StatusCode != want {
				t.Errorf("%.80q for %s by nginx: not %d", tt.path, who.name, want)
			}
			if i > 0 {
				continue
			}
			if got := w.askEnvoy("GET", edgeApp+tt.path, "Cookie", who.cookie).StatusCode; got != who.want {
				t.Errorf("%.80q for %s by Envoy: %d, want %d", tt.path, who.name, got, who.want)
			}
		}
	}
}

// What no rule names is forbidden, also to those who are signed in.
func TestNoRule(t *testing.T) {
	w := newEdgeWorld(t, nil)
	b := w.browser()
	b.signIn(edgeOther, "/", "ann")
	for path, want := range map[string]int{"/only": 200, "/only/x": 200, "/": 403, "/x": 403, "/onlyx": 403, "/only;/x": 403, "/ONLY": 403} {
		if got := w.ask(traefik("GET", edgeOther+path, "Cookie", b.cookie(edgeOther))).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}

func TestParseConfig(t *testing.T) {
	const good = `{"issuer": "http://localhost/p", "clientId": "c", "sites": [{"url": "https://a.example", "rules": [{"path": "/"}]}]}`
	if _, err := edge.ParseConfig([]byte(good)); err != nil {
		t.Fatal(err)
	}
	site := func(s string) string {
		return `{"issuer": "http://localhost/p", "clientId": "c", "sites": [` + s + `]}`
	}
	rule := func(s string) string { return site(`{"url": "https://a.example", "rules": [` + s + `]}`) }
	with := func(s string) string { return strings.Replace(good, `"clientId"`, s+`, "clientId"`, 1) }
	for name, tt := range map[string]struct{ text, want string }{
		"no JSON":                  {`{`, "unexpected EOF"},
		"two values":               {good + `{}`, "something after it"},
		"unknown member":           {rule(`{"path": "/", "group": ["a"]}`), `unknown field "group"`},
		"no issuer":                {`{"clientId": "c"}`, "issuer and clientId"},
		"no sites":                 {site(``), "from 1 to"},
		"no rules":                 {site(`{"url": "https://a.example"}`), "what no rule names is forbidden"},
		"path in a site":           {site(`{"url": "https://a.example/x", "rules": [{"path": "/"}]}`), "not an origin"},
		"user in a site":           {site(`{"url": "https://u@a.example", "rules": [{"path": "/"}]}`), "not an origin"},
		"scheme of a site":         {site(`{"url": "ftp://a.example", "rules": [{"path": "/"}]}`), "not an origin"},
		"plain http":               {site(`{"url": "http://a.example", "rules": [{"path": "/"}]}`), "must be https"},
		"two sites":                {site(`{"url": "https://a.example", "rules": [{"path": "/"}]}, {"url": "https://A.example:443", "rules": [{"path": "/"}]}`), "another site has this host"},
		"bad origin":               {site(`{"url": "https://a.example", "origins": ["a.example"], "rules": [{"path": "/"}]}`), "origins"},
		"relative path":            {rule(`{"path": "admin"}`), "begin with a slash"},
		"encoded path":             {rule(`{"path": "/%61"}`), "is decoded"},
		"asterisk":                 {rule(`{"path": "/a/*"}`), "is decoded"},
		"dots":                     {rule(`{"path": "/a/../b"}`), "dot segment"},
		"two slashes":              {rule(`{"path": "//a"}`), "empty segment"},
		"two rules":                {rule(`{"path": "/a"}, {"path": "/a/"}`), "another rule"},
		"unknown access":           {rule(`{"path": "/", "access": "public"}`), `access is "public"`},
		"anyone with groups":       {rule(`{"path": "/", "access": "anyone", "groups": ["a"]}`), "no meaning"},
		"empty group":              {rule(`{"path": "/", "groups": [""]}`), "is empty"},
		"everything is a proxy":    {with(`"proxies": ["0.0.0.0/0"]`), "anyone could say"},
		"no proxy":                 {with(`"proxies": ["nginx"]`), "neither an address"},
		"prefix":                   {with(`"prefix": "oauth2"`), "prefix"},
		"prefix of all":            {with(`"prefix": "/"`), "prefix"},
		"unknown value":            {with(`"headers": {"X-User": "preferred_username"}`), "there is no value"},
		"underscore in a header":   {with(`"headers": {"X_User": "sub"}`), "cannot be the name"},
		"header of HTTP":           {with(`"headers": {"authorization": "sub"}`), "cannot be the name"},
		"header of the gateway":    {with(`"headers": {"X-Forwarded-User": "sub"}`), "cannot be the name"},
		"one header in two cases":  {with(`"headers": {"X-User": "sub", "x-user": "email"}`), "is there twice"},
		"more than a megabyte":     {strings.Repeat(" ", 1<<20) + good, "more than"},
		"an empty name":            {with(`"headers": {"": "sub"}`), "cannot be the name"},
		"a blank in a header name": {with(`"headers": {"X User": "sub"}`), "cannot be the name"},
	} {
		if _, err := edge.ParseConfig([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// FuzzPath: whoever may not see /admin sees no path that a server could take for it.
func FuzzPath(f *testing.F) {
	w := newEdgeWorld(f, func(c *edge.Config) {
		c.Sites[0].Rules = []edge.Rule{{Path: "/", Access: edge.Anyone}, {Path: "/admin", Access: edge.Nobody}}
	})
	for _, p := range []string{"/admin", "/x/../admin", "/%61dmin", "/ADMIN;x", "//admin", "/%2561dmin", "/x/..%2fadmin", "/admin.", "/adm\u0131n"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if strings.ContainsAny(path, "\r\n") {
			return // no request has one in its first line
		}
		res := w.send(http.MethodGet, "/oauth2/forward-auth", "X-Forwarded-Method", "GET", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", path)
		if res.StatusCode >= 500 {
			t.Fatalf("%d", res.StatusCode)
		}
		if res.StatusCode == 200 && servedAs(path, "/admin") {
			t.Errorf("%q may be seen", path)
		}
	})
}
