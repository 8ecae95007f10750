package doctor

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// What is looked at in any server: the discovery of the issuer, the clock, the keys, the endpoints.

// maxSkew is how far two clocks may be apart before tokens are refused by common libraries.
const maxSkew = 30 * time.Second

// discover reports whether the discovery of the issuer can be read.
func (e *examination) discover() bool {
	at, err := url.Parse(e.Issuer)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		e.wrong("issuer", "this is no address: "+e.Issuer, "Give the issuer of a pool, such as http://127.0.0.1:9229/us-east-1_AbCdEf123.")
		return false
	}
	const path = "/.well-known/openid-configuration"
	a, err := e.send(http.MethodGet, strings.TrimSuffix(e.Issuer, "/")+path, nil)
	if err != nil {
		e.wrong("issuer", "the server cannot be reached: "+err.Error(), unreachable(err))
		return false
	}
	e.clock(a)
	root := strings.Trim(at.Path, "/") == ""
	if err := json.Unmarshal(a.body, &e.discovery); a.status == http.StatusOK && root && err == nil && strings.HasSuffix(e.discovery.JWKSURI, "/.well-known/jwks_uri") {
		e.wrong("issuer", "this is the issuer of identity pools, not that of a user pool", missingPool(e.Issuer))
		return false
	}
	if a.status != http.StatusOK {
		remedy := "The issuer is the address of the server with the id of the pool after it. Look whether the pool exists: cognate pool list."
		if root {
			remedy = missingPool(e.Issuer)
		}
		e.wrong("issuer", "there is no discovery at "+strings.TrimSuffix(e.Issuer, "/")+path+": "+http.StatusText(a.status), remedy)
		return false
	}
	if err := json.Unmarshal(a.body, &e.discovery); err != nil || e.discovery.Issuer == "" {
		e.wrong("issuer", "the discovery cannot be read", "Something else answers at this address. Look where the server listens.")
		return false
	}
	if e.discovery.Issuer != e.Issuer {
		e.wrong("issuer", "the server says that its issuer is another one\n"+differ(e.Issuer, e.discovery.Issuer),
			"Libraries compare the two byte by byte. Use the issuer of the server everywhere: also localhost and 127.0.0.1 are different, and http and https.")
		return true
	}
	e.ok("issuer", "%s", e.Issuer)
	return true
}

func missingPool(server string) string {
	return "The id of the pool is missing: the issuer is " + strings.TrimSuffix(server, "/") + "/POOL_ID."
}

func unreachable(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "Its certificate is of an authority that this machine does not know. Trust that one, for instance by SSL_CERT_FILE for Go and OpenSSL, or NODE_EXTRA_CA_CERTS for Node.js."
	case errors.As(err, &name):
		return "Its certificate is for other names. Use one of these in the issuer."
	case strings.Contains(err.Error(), "HTTP response to HTTPS"):
		return "The server speaks http. Begin the issuer with http://."
	case strings.Contains(err.Error(), "refused"):
		return "Nothing listens there. Start the server, and look at the port that it prints. Inside a container, 127.0.0.1 is the container itself."
	}
	return "Look at the name of the host, and at proxies and firewalls between here and there."
}

// clock compares the clock of the server with that of this machine.
func (e *examination) clock(a *answer) {
	at, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return
	}
	if d := e.Now().Sub(at).Round(time.Second); d > maxSkew || d < -maxSkew {
		e.wrong("clock", "the clocks of this machine and of the server are "+d.Abs().String()+" apart", "Set both by NTP: tokens look as if they had expired, or were not valid yet.")
		return
	}
	e.ok("clock", "within %s of the server's", maxSkew)
}

func (e *examination) jwks() {
	a, err := e.send(http.MethodGet, e.discovery.JWKSURI, nil)
	if err == nil && a.status != http.StatusOK {
		err = errors.New(http.StatusText(a.status))
	}
	if err == nil {
		e.keys, err = token.ParseSet(a.body)
	}
	if err != nil {
		e.wrong("keys", "the keys at "+e.discovery.JWKSURI+" cannot be read: "+err.Error(), "Nobody can verify tokens without them. Look whether a proxy keeps the path from the server.")
		return
	}
	e.ok("keys", "%d at %s", len(e.keys), e.discovery.JWKSURI)
}

// endpoints finds out whether the endpoints that discovery names answer.
func (e *examination) endpoints() {
	if e.discovery.AuthorizationEndpoint == "" {
		e.wrong("endpoints", "discovery names no authorization endpoint", "This server has no sign-in pages. In a Go program, serve oauth.NewServer(engine, nil).")
		return
	}
	e.base = strings.TrimSuffix(e.discovery.AuthorizationEndpoint, "/oauth2/authorize")
	for _, to := range []string{e.discovery.AuthorizationEndpoint, e.discovery.TokenEndpoint, e.discovery.UserinfoEndpoint} {
		a, err := e.send(http.MethodGet, to, nil)
		switch {
		case err != nil:
			e.wrong("endpoints", to+" cannot be reached: "+err.Error(), unreachable(err))
			return
		case a.status == http.StatusNotFound || a.status >= http.StatusInternalServerError:
			e.wrong("endpoints", to+" answers "+http.StatusText(a.status), "A proxy in front of the server must pass /oauth2/, /login, /signup, /confirm, /forgotPassword, /account, /logout, /error, /assets/ and /branding/ to it.")
			return
		}
	}
	e.ok("endpoints", "answer at %s", e.base)
}

// cors finds out whether a browser lets an application of an origin read tokens.
func (e *examination) cors() {
	o, err := url.Parse(e.Origin)
	if err != nil || o.Host == "" || o.Path != "" {
		e.wrong("origin", "this is no origin: "+e.Origin, "An origin is scheme, host and port, without a path: http://localhost:5173.")
		return
	}
	a, err := e.send(http.MethodOptions, e.discovery.TokenEndpoint, nil, "Origin", e.Origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if err != nil {
		e.wrong("origin", "the token endpoint cannot be asked: "+err.Error(), unreachable(err))
		return
	}
	if allowed := a.header.Get("Access-Control-Allow-Origin"); allowed != "*" && allowed != e.Origin {
		e.wrong("origin", "the token endpoint allows the origin "+quoted(allowed)+", not "+e.Origin, "A proxy has taken the header Access-Control-Allow-Origin away, or answers OPTIONS by itself. Let it pass both.")
		return
	}
	e.ok("origin", "%s may ask for tokens", e.Origin)
}

func quoted(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// request asks "cognate dev" why it has refused a request.
func (e *examination) request() {
	at, err := url.Parse(e.Issuer)
	if err != nil || at.Host == "" {
		e.wrong("request", "this is no address: "+e.Issuer, "Give the address of cognate dev, such as http://127.0.0.1:9229.")
		return
	}
	a, err := e.send(http.MethodGet, at.Scheme+"://"+at.Host+"/_cognate/request?id="+url.QueryEscape(e.Request), nil)
	if err != nil {
		e.wrong("request", "the server cannot be reached: "+err.Error(), unreachable(err))
		return
	}
	var doc struct{ Method, Path, Problem, Error string }
	if err := json.Unmarshal(a.body, &doc); err != nil || a.status != http.StatusOK || doc.Problem == "" {
		e.wrong("request", "the server does not know the request "+e.Request,
			"cognate dev remembers the last 256 requests that it refused. Elsewhere, look for the id in the log of the server: error pages show it, and answers have it in X-Amz-Cognito-Request-Id.")
		return
	}
	e.wrong("request", doc.Method+" "+doc.Path+": "+doc.Problem, explain(doc.Problem))
}
