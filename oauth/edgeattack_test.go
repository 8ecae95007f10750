package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/edge"
	"github.com/cognate-id/cognate/identity/edge/alb"
)

// servedAs reports whether a careless server could take a target for a path, or for one below it.
func servedAs(target, want string) bool {
	target, _, _ = strings.Cut(target, "?")
	for range 3 { // it decodes, and decodes again
		cut := strings.Split(target, "/")
		for i, s := range cut {
			s, _, _ = strings.Cut(s, ";")
			cut[i] = s
		}
		for _, p := range []string{target, strings.Join(cut, "/"), strings.ReplaceAll(target, `\`, "/")} {
			p = strings.TrimRight(strings.ToLower(path.Clean("/"+p)), ". ")
			if p == want || strings.HasPrefix(p, want+"/") {
				return true
			}
		}
		decoded, err := url.PathUnescape(target)
		if err != nil {
			break
		}
		target = decoded
	}
	return false
}

// Nothing but the cookie and the bearer token says who somebody is.
func TestForgedHeaders(t *testing.T) {
	w := newEdgeWorld(t, nil)
	forged := []string{
		"Remote-User", "ann", "Remote-Groups", "admins", "Remote-Email", "ann@example.com", "X-Auth-Request-User", "ann", "X-Auth-Request-Groups", "admins",
		"X-Auth-Request-Email", "ann@example.com", "X-Auth-Request-Redirect", "https://evil.example/", "X-Forwarded-User", "ann", "X-Amzn-Oidc-Identity", "ann",
	}
	for path, want := range map[string]int{"/": 401, "/admin": 401} {
		for name, res := range map[string]*http.Response{
			"nginx": w.ask(nginx("GET", edgeApp+path, forged...)), "traefik": w.ask(traefik("GET", edgeApp+path, forged...)), "envoy": w.askEnvoy("GET", edgeApp+path, forged...),
		} {
			if res.StatusCode != want {
				t.Errorf("%s %s: %d, want %d", name, path, res.StatusCode, want)
			}
		}
	}
	// Where anyone may come, the answer takes the place of what the client has sent.
	for name, res := range map[string]*http.Response{
		"nginx": w.ask(nginx("GET", edgeApp+"/public", forged...)), "traefik": w.ask(traefik("GET", edgeApp+"/public", forged...)),
	} {
		for header := range edge.DefaultHeaders() {
			if got := res.Header.Values(header); len(got) != 1 || got[0] != "" {
				t.Errorf("%s: %s is %q, want one that is empty", name, header, got)
			}
		}
	}
	res := w.askEnvoy("GET", edgeApp+"/public", forged...)
	removed := strings.Split(res.Header.Get("X-Envoy-Auth-Headers-To-Remove"), ",")
	if res.StatusCode != 200 || len(removed) != len(edge.DefaultHeaders()) || !strings.Contains(strings.Join(removed, ","), "remote-user") {
		t.Errorf("envoy: %d, and is told to remove %q", res.StatusCode, removed)
	}
	b := w.browser()
	b.signIn(edgeApp, "/", "bob")
	res = w.ask(traefik("GET", edgeApp+"/", append(forged, "Cookie", b.cookie(edgeApp))...))
	if got := res.Header.Get("Remote-User"); got != "bob" {
		t.Errorf("Remote-User is %q, want bob", got)
	}
	if got := res.Header.Values("Remote-Groups"); len(got) != 1 || got[0] != "" {
		t.Errorf("Remote-Groups is %q, want none", got)
	}
	for _, name := range []string{"Remote_User", "X_Auth_Request_User", "x-auth-request_user", "REMOTE_GROUPS"} {
		if res := w.ask(traefik("GET", edgeApp+"/public", name, "ann")); res.StatusCode != 403 {
			t.Errorf("with %s: %d, want 403", name, res.StatusCode)
		}
	}
}

// Only the gateways of the configuration are believed, and each of their headers comes once.
func TestForwardedHeaders(t *testing.T) {
	w := newEdgeWorld(t, nil)
	for _, peer := range []string{"203.0.113.9:1", "10.1.2.4:5555", "127.0.0.1:1", "", "@", "[::1]:1"} {
		for name, request := range map[string][]string{"nginx": nginx("GET", edgeApp+"/public"), "traefik": traefik("GET", edgeApp+"/public")} {
			if got := w.sendTo(w.edge, peer, "GET", request[0], request[1:]...).StatusCode; got != 403 {
				t.Errorf("%s from %q: %d, want 403", name, peer, got)
			}
		}
		if got := w.sendTo(w.edge, peer, "GET", "/oauth2/ext-authz/public", "Host", "app.example.com").StatusCode; got != 403 {
			t.Errorf("envoy from %q: %d, want 403", peer, got)
		}
	}
	if got := w.sendTo(w.edge, "[::ffff:10.1.2.3]:1", "GET", "/oauth2/ext-authz/public", "Host", "app.example.com").StatusCode; got != 200 {
		t.Errorf("from a mapped address: %d", got)
	}
	good := traefik("GET", edgeApp+"/public")
	for i := 1; i < 9; i += 2 {
		without := append(append([]string{}, good[:i]...), good[i+2:]...)
		twice := append(append([]string{}, good...), good[i], good[i+1])
		empty := append([]string{}, good...)
		empty[i+1] = ""
		for what, request := range map[string][]string{"missing": without, "twice": twice, "empty": empty} {
			if got := w.ask(request).StatusCode; got != 403 {
				t.Errorf("%s is %s: %d, want 403", good[i], what, got)
			}
		}
	}
	for name, edit := range map[string][2]string{
		"host":       {"X-Forwarded-Host", "evil.example"},
		"two hosts":  {"X-Forwarded-Host", "app.example.com, evil.example"},
		"port":       {"X-Forwarded-Host", "app.example.com:8443"},
		"user":       {"X-Forwarded-Host", "app.example.com@evil.example"},
		"scheme":     {"X-Forwarded-Proto", "http"},
		"two protos": {"X-Forwarded-Proto", "https,http"},
		"method":     {"X-Forwarded-Method", "get"},
		"no method":  {"X-Forwarded-Method", "GET /x"},
	} {
		request := append([]string{}, good...)
		for i := 1; i < len(request); i += 2 {
			if request[i] == edit[0] {
				request[i+1] = edit[1]
			}
		}
		if got := w.ask(request).StatusCode; got != 403 {
			t.Errorf("%s: %d, want 403", name, got)
		}
	}
	for uri, want := range map[string]int{"http://app.example.com/public": 400, "public": 400, "*": 400, "/public?" + strings.Repeat("x", 9000): 400, "/public?x=%zz&;": 200} {
		request := append([]string{}, good...)
		request[8] = uri
		if got := w.ask(request).StatusCode; got != want {
			t.Errorf("%.40s: %d, want %d", uri, got, want)
		}
	}
	for _, host := range []string{"app.example.com:443", "APP.example.com"} {
		if got := w.ask(nginx("GET", "https://"+host+"/public")).StatusCode; got != 202 {
			t.Errorf("%s: %d, want 202", host, got)
		}
	}
	for _, address := range []string{"https://evil.example/public", "http://app.example.com/public", "https://app.example.com", "/public", "https:///public", "https://app.example.com\\/public"} {
		if got := w.ask(nginx("GET", address)).StatusCode; got != 403 {
			t.Errorf("%s: %d, want 403", address, got)
		}
	}
	for _, proto := range []string{"wss", "https"} {
		request := append([]string{}, good...)
		request[4] = proto
		if got := w.ask(request).StatusCode; got != 200 {
			t.Errorf("%s: %d", proto, got)
		}
	}
	for host, want := range map[string]int{"evil.example": 403, "app.example.com": 200, "": 403} {
		if got := w.send("GET", "/oauth2/ext-authz/public", "Host", host).StatusCode; got != want {
			t.Errorf("envoy, %q: %d, want %d", host, got, want)
		}
	}
}

func TestAllowedGroups(t *testing.T) {
	w := newEdgeWorld(t, nil)
	ann, bob := w.browser(), w.browser()
	ann.signIn(edgeApp, "/", "ann") // in admins and staff
	bob.signIn(edgeApp, "/", "bob")
	for _, tt := range []struct {
		path, query        string
		stranger, bob, ann int
	}{
		{"/", "", 401, 202, 202},
		{"/", "?allowed_groups=admins", 401, 403, 202},
		{"/", "?allowed_groups=x,admins", 401, 403, 202},
		{"/", "?allowed_groups=x", 401, 403, 403},
		{"/", "?allowed_groups=", 401, 403, 403},
		{"/", "?allowed_groups", 401, 403, 403},
		{"/", "?allowed_groups=,", 401, 403, 403},
		{"/", "?allowed_groups=x&allowed_groups=admins", 401, 403, 403},
		{"/", "?allowed_groups=admins&allowed_groups=x", 401, 403, 403},
		{"/", "?allowed_groups=admins&allowed_groups=staff", 401, 403, 202},
		{"/", "?%61llowed_groups=x", 401, 403, 403},
		{"/", "?allowed_groups=%zz", 403, 403, 403},
		{"/", "?a;allowed_groups=x&%zz=1", 401, 202, 202}, // another parameter, of the client
		{"/public", "", 202, 202, 202},
		{"/public", "?allowed_groups=admins", 401, 403, 202},
		{"/admin", "?allowed_groups=staff", 401, 403, 202},
		{"/secret", "?allowed_groups=staff", 403, 403, 403},
	} {
		for _, who := range []struct {
			name, cookie string
			want         int
		}{{"a stranger", "", tt.stranger}, {"bob", bob.cookie(edgeApp), tt.bob}, {"ann", ann.cookie(edgeApp), tt.ann}} {
			request := nginx("GET", edgeApp+tt.path, "Cookie", who.cookie)
			request[0] += tt.query
			if got := w.ask(request).StatusCode; got != who.want {
				t.Errorf("%s%s for %s: %d, want %d", tt.path, tt.query, who.name, got, who.want)
			}
		}
	}
	// For Envoy the query is the client's alone.
	if got := w.askEnvoy("GET", edgeApp+"/public?allowed_groups=x").StatusCode; got != 200 {
		t.Errorf("envoy: %d", got)
	}
}

// A sign-in leads to a site, and nowhere else.
func TestReturn(t *testing.T) {
	w := newEdgeWorld(t, nil)
	for rd, want := range map[string]string{
		"": w.idp.URL + "/", "/": w.idp.URL + "/", "/x?y": w.idp.URL + "/", edgeApp + "/x": w.idp.URL + "/", "https://APP.example.com:443/x": w.idp.URL + "/",
		edgeOther + "/only?a=b&c": edgeOther + "/oauth2/sign_in?rd=%2Fonly%3Fa%3Db%26c", edgeOther: edgeOther + "/oauth2/sign_in?rd=%2F", edgeApp: w.idp.URL + "/",
		"https://evil.example/": "", "//evil.example/": "", "/\\evil.example": "", "\\\\evil.example": "", "https:evil.example": "", "https:/evil.example": "",
		"https://app.example.com@evil.example/": "", "https://app.example.com.evil.example/": "", "https://evil.example\\.app.example.com/": "",
		"https://app.example.com:8443/": "", "http://app.example.com/": "", "javascript:alert(1)": "", "data:text/html,x": "", "/\t/evil.example": "", "/\n": "",
		"https://app.example.com\\@evil.example/": "", "https://app.example.com//evil.example": "", "https://other.example.com//evil.example": "",
		" https://app.example.com/": "", "x": "", "?x": "", "https://app.example.com?x": "", "https://app.example.com#x": "", "/%0d%0aX:y": w.idp.URL + "/",
		"/" + strings.Repeat("x", 1100): "",
	} {
		b := w.browser()
		res := b.page(http.MethodGet, edgeApp, "/oauth2/sign_in?rd="+url.QueryEscape(rd), "X-Auth-Request-Redirect", "https://evil.example/")
		to := res.Header.Get("Location")
		switch {
		case want == "" && (res.StatusCode != 400 || to != ""):
			t.Errorf("rd=%.60q: %d to %q, want 400", rd, res.StatusCode, to)
		case want != "" && (res.StatusCode != 303 || !strings.HasPrefix(to, want)):
			t.Errorf("rd=%.60q: %d to %q, want %q", rd, res.StatusCode, to, want)
		}
	}
	for _, query := range []string{"rd=/a&rd=/b", "rd=%zz", "rd=/a;b=c"} {
		if res := w.browser().page(http.MethodGet, edgeApp, "/oauth2/sign_in?"+query); res.StatusCode != 400 {
			t.Errorf("%s: %d, want 400", query, res.StatusCode)
		}
	}
	b := w.browser()
	if to := b.signIn(edgeApp, edgeApp+"/shelf?a=b", "ann"); to != "/shelf?a=b" {
		t.Errorf("after the sign-in: to %q", to)
	}
	// return_to is a word of package login alone: the edge does not hand it on.
	res := b.page(http.MethodGet, edgeApp, "/oauth2/sign_in?return_to=//evil.example")
	if back := b.authorize(res.Header.Get("Location"), "ann"); b.page(http.MethodGet, edgeApp, strings.TrimPrefix(back, edgeApp)).Header.Get("Location") != "/" {
		t.Error("return_to was handed on")
	}
	for _, host := range []string{"evil.example", "edge.internal:9230", "app.example.com:80", "app.example.com.evil.example", ""} {
		for _, target := range []string{"/oauth2/sign_in", "/oauth2/callback?code=x&state=y", "/oauth2/sign_out"} {
			if res := w.send("GET", target, "Host", host); res.StatusCode != 403 || res.Header.Get("Location") != "" {
				t.Errorf("%s at %q: %d", target, host, res.StatusCode)
			}
		}
	}
	for method, target := range map[string]string{"POST": "/oauth2/sign_in", "PUT": "/oauth2/sign_out"} {
		if res := b.page(method, edgeApp, target); res.StatusCode != 405 {
			t.Errorf("%s %s: %d, want 405", method, target, res.StatusCode)
		}
	}
	for _, target := range []string{"/", "/oauth2", "/oauth2/", "/oauth2/x", "/oauth2/sign_in/", "/x/oauth2/auth", "/oauth2/auth/", "/oauth2/ext-authz", "/OAUTH2/auth"} {
		if res := w.send("GET", target, "Host", "app.example.com"); res.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", target, res.StatusCode)
		}
	}
}

// The cookie of one site opens nothing at another one, in whatever name.
func TestCookieIsBoundToTheSite(t *testing.T) {
	w := newEdgeWorld(t, func(c *edge.Config) { c.Sites[1].Rules = []edge.Rule{{Path: "/"}} })
	b := w.browser()
	b.signIn(edgeApp, "/", "ann")
	name, value, _ := strings.Cut(b.cookie(edgeApp), "=")
	b.signIn(edgeOther, "/", "bob")
	mine, _, _ := strings.Cut(b.cookie(edgeOther), "=")
	if name == mine {
		t.Fatal("the cookies of two sites have one name")
	}
	for _, cookie := range []string{name + "=" + value, mine + "=" + value} {
		if got := w.ask(traefik("GET", edgeOther+"/", "Cookie", cookie)).StatusCode; got != 401 {
			t.Errorf("%s at the other site: %d, want 401", cookie, got)
		}
	}
}

func TestEdgeCrossOrigin(t *testing.T) {
	w := newEdgeWorld(t, func(c *edge.Config) { c.Sites[0].Origins = []string{"https://friend.example.com"} })
	b := w.browser()
	b.signIn(edgeApp, "/", "ann")
	access, _ := w.token("ann")
	for _, tt := range []struct {
		method string
		want   int
		head   []string
	}{
		{"GET", 200, []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", 403, []string{"Sec-Fetch-Site", "same-site", "Origin", "https://www.example.com"}},
		{"DELETE", 403, []string{"Origin", "https://evil.example"}},
		{"POST", 200, []string{"Sec-Fetch-Site", "same-origin"}},
		{"POST", 200, []string{"Origin", edgeApp}},
		{"POST", 200, []string{"Sec-Fetch-Site", "same-site", "Origin", "https://friend.example.com"}},
		{"POST", 200, nil},
	} {
		for name, res := range map[string]*http.Response{
			"traefik": w.ask(traefik(tt.method, edgeApp+"/", append(tt.head, "Cookie", b.cookie(edgeApp))...)),
			"envoy":   w.askEnvoy(tt.method, edgeApp+"/", append(tt.head, "Cookie", b.cookie(edgeApp))...),
		} {
			if res.StatusCode != tt.want {
				t.Errorf("%s: %s with %v: %d, want %d", name, tt.method, tt.head, res.StatusCode, tt.want)
			}
		}
	}
	if got := w.ask(traefik("POST", edgeApp+"/", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer "+access)).StatusCode; got != 200 {
		t.Errorf("with a bearer token: %d", got)
	}
	res := w.ask(traefik("POST", edgeApp+"/public", "Sec-Fetch-Site", "cross-site", "Cookie", b.cookie(edgeApp)))
	if res.StatusCode != 200 || res.Header.Get("Remote-User") != "" {
		t.Errorf("where anyone may come: %d as %q, want nobody", res.StatusCode, res.Header.Get("Remote-User"))
	}
}

func TestBearer(t *testing.T) {
	w := newEdgeWorld(t, nil)
	b := w.browser()
	b.signIn(edgeApp, "/", "bob")
	access, id := w.token("ann")
	foreign := newEdgeWorld(t, nil)
	theirs, _ := foreign.token("ann")
	another := w.newClient()
	res, err := another.SignIn(t.Context(), identity.SignIn{Username: "ann", Password: edgePassword, SecretHash: identity.SecretHash(edgeClientSecret, "ann", another.ClientID())})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path string
		head       []string
		want       int
		user       string
	}{
		{"good", "/admin", []string{"Authorization", "Bearer " + access}, 200, "ann"},
		{"case of the scheme", "/admin", []string{"Authorization", "bearer " + access}, 200, "ann"},
		{"it counts before the cookie", "/", []string{"Authorization", "Bearer " + access, "Cookie", b.cookie(edgeApp)}, 200, "ann"},
		{"a scope is missing", "/mail", []string{"Authorization", "Bearer " + access}, 403, ""},
		{"a scope of the API", "/users", []string{"Authorization", "Bearer " + access}, 200, "ann"},
		{"an ID token", "/", []string{"Authorization", "Bearer " + id}, 401, ""},
		{"of another pool", "/", []string{"Authorization", "Bearer " + theirs}, 401, ""},
		{"of another client", "/", []string{"Authorization", "Bearer " + string(res.Tokens.Access)}, 401, ""},
		{"nonsense, though there is a cookie", "/", []string{"Authorization", "Bearer x", "Cookie", b.cookie(edgeApp)}, 401, ""},
		{"empty, though there is a cookie", "/", []string{"Authorization", "Bearer ", "Cookie", b.cookie(edgeApp)}, 401, ""},
		{"very long", "/", []string{"Authorization", "Bearer " + strings.Repeat("x", 1<<20)}, 401, ""},
		{"very long cookie", "/", []string{"Cookie", "__Host-login-0=" + strings.Repeat("x", 1<<20)}, 401, ""},
		{"two", "/", []string{"Authorization", "Bearer " + access, "Authorization", "Bearer " + access}, 401, ""},
		{"another scheme, with a cookie", "/", []string{"Authorization", "Basic eDp5", "Cookie", b.cookie(edgeApp)}, 200, "bob"},
		{"another scheme", "/", []string{"Authorization", "Basic eDp5"}, 401, ""},
		{"bad, where anyone may come", "/public", []string{"Authorization", "Bearer x"}, 200, ""},
	} {
		res := w.ask(traefik("GET", edgeApp+tt.path, tt.head...))
		if got := res.Header.Get("Remote-User"); res.StatusCode != tt.want || got != tt.user {
			t.Errorf("%s: %d as %q, want %d as %q", tt.name, res.StatusCode, got, tt.want, tt.user)
		}
		if got := res.Header.Get("Remote-Email"); tt.user == "ann" && got != "" {
			t.Errorf("%s: an access token has no address, and Remote-Email is %q", tt.name, got)
		}
	}
	res2 := w.ask(traefik("GET", edgeApp+"/", "Authorization", "Bearer x", "Accept", "text/html"))
	if res2.StatusCode != 401 || !strings.Contains(res2.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("a browser with a bad token: %d, %q", res2.StatusCode, res2.Header.Get("WWW-Authenticate"))
	}
	w.config.BearerClients = []string{another.ClientID()}
	w.edge = w.newEdge(&w.config)
	if got := w.ask(traefik("GET", edgeApp+"/", "Authorization", "Bearer "+string(res.Tokens.Access))).StatusCode; got != 200 {
		t.Errorf("of a client of the configuration: %d", got)
	}
}

// What cannot be found out lets nobody in.
func TestUnavailable(t *testing.T) {
	w := newEdgeWorld(t, nil)
	access, _ := w.token("ann")
	w.down.Store(true)
	for name, res := range map[string]*http.Response{
		"nginx": w.ask(nginx("GET", edgeApp+"/", "Authorization", "Bearer "+access)), "traefik": w.ask(traefik("GET", edgeApp+"/", "Authorization", "Bearer "+access)),
		"envoy": w.askEnvoy("GET", edgeApp+"/", "Authorization", "Bearer "+access), "sign-in": w.browser().page("GET", edgeApp, "/oauth2/sign_in"),
	} {
		if res.StatusCode != 503 {
			t.Errorf("%s: %d, want 503", name, res.StatusCode)
		}
	}
	if res := w.ask(nginx("GET", edgeApp+"/public", "Authorization", "Bearer "+access)); res.StatusCode != 202 || res.Header.Get("Remote-User") != "" {
		t.Errorf("where anyone may come: %d", res.StatusCode)
	}
}

// What would be taken for somebody or something else does not reach a program.
func TestUnfitValues(t *testing.T) {
	w := newEdgeWorld(t, func(c *edge.Config) {
		c.Headers = edge.DefaultHeaders()
		c.Headers["X-Auth-Request-Access-Token"] = edge.AccessToken
	})
	w.user("eve", "staff2,admins")
	w.user("mallory")
	w.user("zoë")
	set := func(name string, attributes map[string]string) {
		if err := w.pool.Admin().Users().UpdateAttributes(t.Context(), name, attributes); err != nil {
			t.Fatal(err)
		}
	}
	set("mallory", map[string]string{"email": "ann@example.com", "email_verified": "false", "preferred_username": "ann", "name": " ann\r\nRemote-User: ann"})
	for _, tt := range []struct {
		name, want, email, display string
		status                     int
	}{
		{"eve", "", "", "", 403},
		{"mallory", "mallory", "", "ann  Remote-User: ann", 200},
		{"zoë", "zoë", "zoë@example.com", "Dr. zoë", 200},
	} {
		b := w.browser()
		b.signIn(edgeApp, "/", tt.name)
		res := w.ask(traefik("GET", edgeApp+"/", "Cookie", b.cookie(edgeApp)))
		h := res.Header
		if res.StatusCode != tt.status || h.Get("Remote-User") != tt.want || h.Get("Remote-Email") != tt.email || h.Get("X-Auth-Request-Preferred-Username") != tt.want || h.Get("Remote-Name") != tt.display {
			t.Errorf("%s: %d, %q %q %q %q", tt.name, res.StatusCode, h.Get("Remote-User"), h.Get("Remote-Email"), h.Get("X-Auth-Request-Preferred-Username"), h.Get("Remote-Name"))
		}
		if got := h.Get("X-Auth-Request-Access-Token"); tt.status == 200 && strings.Count(got, ".") != 2 {
			t.Errorf("%s: the access token is %q", tt.name, got)
		}
	}
}

// A program that was written for a load balancer of AWS reads who it is.
func TestALB(t *testing.T) {
	const arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/edge/0123456789abcdef"
	w := newEdgeWorld(t, func(c *edge.Config) { c.ALB = &edge.ALB{Signer: arn}; c.Headers = map[string]edge.Value{} })
	keys := httptest.NewServer(w.edge)
	defer keys.Close()
	v, err := alb.NewVerifier(keys.URL+"/oauth2/keys", []string{arn}, w.config.Issuer, w.config.ClientID, &alb.Options{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.signIn(edgeApp, "/", "ann")
	access, _ := w.token("ann")
	for name, tt := range map[string]struct {
		head  []string
		email string
	}{"cookie": {[]string{"Cookie", b.cookie(edgeApp)}, "ann@example.com"}, "bearer token": {[]string{"Authorization", "Bearer " + access}, ""}} {
		res := w.ask(traefik("GET", edgeApp+"/", tt.head...))
		c, err := v.Verify(t.Context(), res.Header.Get(alb.DataHeader))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var more struct {
			Email    string `json:"email"`
			Verified string `json:"email_verified"`
			Username string `json:"username"`
		}
		if err := c.Decode(&more); err != nil || more.Email != tt.email || more.Username != "ann" || tt.email != "" && more.Verified != "true" {
			t.Errorf("%s: %+v, %v", name, more, err)
		}
		if res.Header.Get(alb.IdentityHeader) != c.Subject || strings.Count(res.Header.Get(alb.AccessTokenHeader), ".") != 2 || res.Header.Get("Remote-User") != "" {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
	res := w.ask(traefik("GET", edgeApp+"/public", alb.IdentityHeader, "ann", alb.DataHeader, "x"))
	for _, name := range []string{alb.DataHeader, alb.IdentityHeader, alb.AccessTokenHeader} {
		if got := res.Header.Values(name); len(got) != 1 || got[0] != "" {
			t.Errorf("a stranger: %s is %q, want one that is empty", name, got)
		}
	}
	if res := w.send("GET", "/oauth2/keys/x"); res.StatusCode != 404 {
		t.Errorf("no key: %d", res.StatusCode)
	}
	c := w.config
	c.ALB = &edge.ALB{Signer: "x"}
	if _, err := edge.New(&c, [][]byte{edgeKey}, w.store, nil); err == nil {
		t.Error("an ARN that is none was taken")
	}
}

// A handler of the same program gets the headers of the edge, and none of the client's.
func TestHandler(t *testing.T) {
	w := newEdgeWorld(t, nil)
	var got *http.Request
	h := w.edge.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { got = r; rw.WriteHeader(http.StatusTeapot) }))
	b := w.browser()
	b.signIn(edgeApp, "/", "bob")
	res := w.sendTo(h, "203.0.113.9:1", "GET", "/shelf", "Host", "app.example.com", "Cookie", b.cookie(edgeApp), "Remote-User", "ann", "Remote-Groups", "admins", "X-Auth-Request-User", "ann")
	if res.StatusCode != http.StatusTeapot || got.Header.Get("Remote-User") != "bob" || got.Header.Values("Remote-Groups") != nil || len(got.Header.Values("X-Auth-Request-User")) != 1 {
		t.Errorf("%d, and the program reads %v", res.StatusCode, got.Header)
	}
	if who, ok := edge.FromContext(got.Context()); !ok || who.Username != "bob" {
		t.Errorf("the context has %v", who)
	}
	got = nil
	for target, want := range map[string]int{"/admin": 403, "/secret": 403, "/public/../admin": 400, "/oauth2/auth": 418, "/oauth2/sign_in": 303} {
		res := w.sendTo(h, "203.0.113.9:1", "GET", target, "Host", "app.example.com", "Cookie", b.cookie(edgeApp))
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, want)
		}
	}
	res = w.sendTo(h, "203.0.113.9:1", "GET", "/public", "Host", "app.example.com", "Remote-User", "ann")
	if _, ok := edge.FromContext(got.Context()); ok || res.StatusCode != 418 || got.Header.Values("Remote-User") != nil {
		t.Errorf("a stranger: %d, and the program reads %v", res.StatusCode, got.Header)
	}
	if res := w.sendTo(h, "203.0.113.9:1", "GET", "/shelf", "Host", "app.example.com", "Accept", "text/html"); res.StatusCode != 302 {
		t.Errorf("signed out: %d", res.StatusCode)
	}
	for _, names := range []string{"Remote-User", "close, remote-groups", "keep-alive,X-Auth-Request-User ,x"} {
		res := w.sendTo(h, "203.0.113.9:1", "GET", "/shelf", "Host", "app.example.com", "Cookie", b.cookie(edgeApp), "Connection", names)
		if res.StatusCode != 403 {
			t.Errorf("a client has proxies remove %s: %d", names, res.StatusCode)
		}
	}
	if res := w.sendTo(h, "203.0.113.9:1", "GET", "/public", "Host", "evil.example"); res.StatusCode != 403 {
		t.Errorf("another host: %d", res.StatusCode)
	}
}

// FuzzForwarded: no headers make the edge fail, or let a stranger in where somebody must be signed in.
func FuzzForwarded(f *testing.F) {
	w := newEdgeWorld(f, func(c *edge.Config) { c.Sites[0].Rules = []edge.Rule{{Path: "/"}} })
	f.Add("GET", "https", "app.example.com", "/", "allowed_groups=x", "Bearer x.y.z", "a=b")
	f.Add("POST", "wss", "APP.example.com:443", "/x?y", "%zz", "bearer", "__Host-login-0=2.x")
	f.Fuzz(func(t *testing.T, method, proto, host, uri, query, authorization, cookie string) {
		for _, request := range [][]string{
			{"/oauth2/forward-auth?" + query, "X-Forwarded-Method", method, "X-Forwarded-Proto", proto, "X-Forwarded-Host", host, "X-Forwarded-Uri", uri},
			{"/oauth2/auth?" + query, "X-Original-Method", method, "X-Original-URL", proto + "://" + host + uri},
			{"/oauth2/ext-authz" + uri, "X-Forwarded-Proto", proto, "Host", host},
			{"/oauth2/sign_out?" + query, "Host", host},
		} {
			res := w.send("GET", request[0], append(request[1:], "Authorization", authorization, "Cookie", cookie, "Accept", "text/html")...)
			if res.StatusCode >= 500 || res.StatusCode < 300 && !strings.HasPrefix(request[0], "/oauth2/sign_out") {
				t.Errorf("%q: %d", request, res.StatusCode)
			}
			if to := res.Header.Get("Location"); to != "" && !strings.HasPrefix(to, edgeApp+"/oauth2/sign_in") && !strings.HasPrefix(to, edgeOther+"/oauth2/sign_in") {
				t.Errorf("%q leads to %q", request, to)
			}
		}
	})
}
