package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// Options are the wiring of a [Server]. The zero value and nil are good for a server that
// browsers reach by https.
type Options struct {
	// InsecureHTTP lets browsers come by http, for a developer's own machine: cookies are then
	// sent in clear text, and other programs on the machine may be able to set them.
	InsecureHTTP bool
	// Address returns the address of the caller, by which limits of guesses count. Set it if a
	// proxy is in front of the server. Defaults to the other end of the connection.
	Address func(*http.Request) netip.Addr
	// Explain shows on error pages what a developer got wrong. Otherwise they show the id of
	// the request, and the log has the rest. Leave it off where strangers see the pages.
	Explain bool
	// BackChannel tells an application on its server that a user has signed out, see package
	// identity/backchannel. Defaults to none: only applications that are told in the browser hear of it.
	BackChannel func(ctx context.Context, uri string, token identity.Secret) error
	// MaxInFlight is how many requests are served at the same time. Those beyond it are refused with
	// 503 at once, after their body was read. Defaults to 512, also for less than 1.
	MaxInFlight int
	// Path is where the server is on its host, such as /auth. It is cleaned as by [path.Clean]. Cookies are those of the
	// whole host all the same. Defaults to the root.
	Path string
	// Pages render the pages, with assets at Path followed by /assets/. Defaults to those of package hosted with its own look.
	Pages *hosted.Pages
	// Federation is how identity providers are dealt with.
	Federation Federation
	// Logger gets unexpected errors, and what pages do not tell. Defaults to slog.Default().
	Logger *slog.Logger
}

// A Server is the authorization server. Make one with [NewServer]. Its methods are safe for
// concurrent use.
type Server struct {
	engine   *identity.Engine
	options  Options
	pages    *hosted.Pages
	assets   http.Handler
	log      *slog.Logger
	origins  *http.CrossOriginProtection
	routes   map[string]route
	refused  recent
	looks    looks
	parties  relyingParties
	metadata metadataOf
	slots    chan struct{} // holds a value for each request that is served
	telling  chan struct{} // holds a value for each application that is told of a sign-out
}

// assetsPath is where the pages find their style and script.
const assetsPath = "/assets/"

// A route serves a path.
type route struct {
	methods string // that it takes, with commas between
	serve   func(*visit)
	api     bool // programs call it: an error is JSON
	posted  bool // it takes what a SAML provider has the browser post, which is larger than other forms
}

// NewServer returns the authorization server of an engine. o may be nil.
func NewServer(e *identity.Engine, o *Options) *Server {
	s := &Server{engine: e, origins: http.NewCrossOriginProtection()}
	if o != nil {
		s.options = *o
	}
	if s.options.Address == nil {
		s.options.Address = peer
	}
	s.options.Path = strings.TrimSuffix(path.Clean("/"+s.options.Path), "/") // two slashes at its beginning would name another host
	s.slots = make(chan struct{}, cmp.Or(max(s.options.MaxInFlight, 0), maxInFlight))
	s.telling = make(chan struct{}, tellAtOnce)
	s.log = cmp.Or(s.options.Logger, slog.Default())
	if s.pages = s.options.Pages; s.pages == nil {
		var err error
		if s.pages, err = hosted.New(&hosted.Options{AssetPath: s.options.Path + assetsPath}); err != nil {
			panic(err) // its own pages are in the program
		}
	}
	if s.options.Federation.Fetch == nil {
		var err error
		if s.options.Federation.Fetch, err = fetch.New(nil); err != nil {
			panic(err) // there is nothing in it that can be wrong
		}
	}
	s.assets = s.pages.Assets()
	s.routes = map[string]route{
		"/oauth2/authorize":   {methods: "GET, HEAD, POST", serve: s.authorize},
		"/oauth2/idpresponse": {methods: "GET, POST", serve: s.idpResponse},
		providerLogoutPath:    {methods: "GET, HEAD", serve: s.leftProvider},
		"/oauth2/consent":     {methods: "GET, HEAD, POST", serve: s.consent},
		"/oauth2/token":       {methods: "POST", serve: s.token, api: true},
		"/oauth2/userInfo":    {methods: "GET, HEAD, POST", serve: s.userInfo, api: true},
		"/oauth2/revoke":      {methods: "POST", serve: s.revoke, api: true},
		"/login":              {methods: "GET, HEAD, POST", serve: s.login},
		"/signup":             {methods: "GET, HEAD, POST", serve: s.signUp},
		"/confirm":            {methods: "GET, HEAD, POST", serve: s.confirm},
		linkPath:              {methods: "GET, HEAD, POST", serve: s.confirmUser},
		"/saml2/metadata":     {methods: "GET, HEAD", serve: s.samlMetadata},
		"/saml2/idpresponse":  {methods: "POST", serve: s.samlResponse, posted: true},
		"/saml2/logout":       {methods: "POST", serve: s.samlLogout, posted: true},
		"/forgotPassword":     {methods: "GET, HEAD, POST", serve: s.forgotPassword},
		"/account":            {methods: "GET, HEAD, POST", serve: s.account},
		"/logout":             {methods: "GET, HEAD, POST", serve: s.logout},
		"/error":              {methods: "GET, HEAD", serve: s.errorPage},
	}
	return s
}

// Serves reports whether a path is one of the server's. A program that serves more on the same
// host gives the server these paths.
func (s *Server) Serves(path string) bool {
	at, below := strings.CutPrefix(path, s.options.Path)
	_, ok := s.routes[at]
	return below && (ok || strings.HasPrefix(at, assetsPath) || strings.HasPrefix(at, lookPath))
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, below := strings.CutPrefix(r.URL.Path, s.options.Path)
	if strings.HasPrefix(at, assetsPath) && below {
		s.assets.ServeHTTP(w, r)
		return
	}
	if below && s.options.Path != "" {
		r = r.Clone(r.Context())
		r.URL.Path = at // what follows knows nothing of Options.Path: see rooted
	}
	v := s.visit(w, r)
	if err := v.findDomain(); err != nil {
		v.pageError(err)
		return
	}
	if strings.HasPrefix(r.URL.Path, lookPath) && below {
		v.branding()
		return
	}
	rt, ok := s.routes[r.URL.Path]
	if !ok || !below {
		v.page(http.StatusNotFound, v.errorOf(codeNotFound))
		return
	}
	if rt.api && v.crossOrigin(rt.methods) {
		return
	}
	if !strings.Contains(", "+rt.methods+",", ", "+r.Method+",") {
		w.Header().Set("Allow", rt.methods)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if err := v.parse(rt); err != nil {
		v.refuseRequest(rt.api, err)
		return
	}
	select { // not before the body is there: who owes one takes no slot
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
		rt.serve(v)
	default:
		v.busy(rt.api)
	}
}

const (
	maxInFlight = 512              // by default
	bodyTime    = 10 * time.Second // in which a body must arrive
)

// busy refuses a request because of load.
func (v *visit) busy(api bool) {
	v.w.Header().Set("Retry-After", "1")
	if api {
		v.tokenRefusal(http.StatusServiceUnavailable, refusal{"temporarily_unavailable", ""})
		return
	}
	v.page(http.StatusServiceUnavailable, v.errorOf("busy"))
}

// crossOrigin lets applications in browsers call the endpoints for programs, which take no
// cookie. It answers the question that a browser asks before, and reports whether it was one.
func (v *visit) crossOrigin(methods string) bool {
	h := v.w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if v.r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Requested-With, Amz-Sdk-Request, X-Amz-User-Agent")
	h.Set("Access-Control-Max-Age", "600")
	v.w.WriteHeader(http.StatusNoContent)
	return true
}

// A visit is one request of a browser or an application.
type visit struct {
	server  *Server
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context
	id      string // of the request
	query   params
	form    params
	pool    string // of the client of a program that has said which it is
	openID  bool   // the pool of the request keeps to OpenID Connect
	about   string // whom and what the forms of the page are about, if they are only good for that
	linking string // the sub of the user whom somebody at a provider is to be linked to, in a request of the account page; empty in others
	domain  string // the pool that the host is a domain of, or "" on a host of all pools
}

// maxUserAgent is how many bytes of the User-Agent are kept.
const maxUserAgent = 1024

// visit begins a request: headers that every answer has, and the call that the engine sees.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) *visit {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	v := &visit{server: s, w: w, r: r, id: hex.EncodeToString(raw[:])}
	h := w.Header()
	h.Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "0")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Amz-Cognito-Request-Id", v.id)
	if !s.options.InsecureHTTP && !loopback(r.Host) { // a browser would ask this machine's other programs for TLS too
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	agent := r.UserAgent()
	agent = strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")
	v.ctx = identity.WithCall(r.Context(), identity.Call{
		RequestID: v.id, Address: s.options.Address(r), UserAgent: agent, Device: v.device(),
	})
	return v
}

// loopback reports whether a Host header names this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(strings.ToLower(host), "[]")
	a, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && a.IsLoopback()
}

// peer returns the other end of the connection, unless the address is private: then that is a
// proxy, perhaps, and all browsers would seem to be one.
func peer(r *http.Request) netip.Addr {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	a := p.Addr().WithZone("").Unmap()
	if err != nil || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	return a
}
