package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity/edge/alb"
)

const (
	defaultPrefix = "/oauth2"
	maxConfig     = 1 << 20
	maxSites      = 1000
	maxRules      = 1000 // of a site
)

// Config is what an edge decides by. [ParseConfig] reads it from JSON.
type Config struct {
	// Issuer is the iss of the tokens, byte for byte.
	Issuer string `json:"issuer"`
	// ClientID is the app client. Each site's URL, followed by Prefix and "/callback", is one of
	// its callback URLs.
	ClientID string `json:"clientId"`
	// Prefix is the path of the endpoints on each site. Defaults to "/oauth2".
	Prefix string `json:"prefix,omitempty"`
	// Proxies are the addresses and networks of gateways, such as 127.0.0.1 or 10.0.0.0/8.
	// Defaults to none: then the endpoints of gateways refuse all.
	Proxies []string `json:"proxies,omitempty"`
	// Scopes are asked for at a sign-in, "openid" among them. Defaults to openid, email and
	// profile.
	Scopes []string `json:"scopes,omitempty"`
	// BearerClients are the app clients whose access tokens are taken as bearer tokens, beside
	// ClientID. Defaults to none.
	BearerClients []string `json:"bearerClients,omitempty"`
	// Resources are the names of what is behind the gateway as a resource (RFC 8707): bearer
	// tokens that are bound to one of them are taken. Defaults to none.
	Resources []string `json:"resources,omitempty"`
	// Headers are what programs behind the gateway are told, by the name of the header. Defaults
	// to [DefaultHeaders]. An empty map means none.
	Headers map[string]Value `json:"headers,omitempty"`
	// ALB adds the headers of a load balancer of AWS. Defaults to nil: there are none.
	ALB *ALB `json:"alb,omitempty"`
	// Sites are what the gateway serves. At least one is needed.
	Sites []Site `json:"sites"`
}

// An ALB is the load balancer of AWS that the edge stands in for: programs get x-amzn-oidc-data,
// x-amzn-oidc-identity and x-amzn-oidc-accesstoken, see package identity/edge/alb. The keys are served
// at the path /keys below the prefix.
type ALB struct {
	// Signer is the ARN of the load balancer.
	Signer string `json:"signer"`
}

// A Site is one origin that browsers use.
type Site struct {
	// URL is the origin, such as https://app.example.com, without a path. It is https, or http
	// on a loopback name.
	URL string `json:"url"`
	// SignedOut is where a browser goes after a sign-out: a logout URL of the client. Defaults
	// to URL and a slash.
	SignedOut string `json:"signedOut,omitempty"`
	// Origins are other origins whose pages may send requests with the cookie of a browser, and
	// with any method. Defaults to none.
	Origins []string `json:"origins,omitempty"`
	// Rules say who may do what. At least one is needed: what no rule names is forbidden.
	Rules []Rule `json:"rules"`
}

// A Rule is about a path and all paths below it. Of several rules that a path is below, the one
// with the longest path decides, in whatever order they are. Groups and Scopes are both asked for
// where both are set.
type Rule struct {
	// Path is decoded, such as /admin, and ends at a segment: /administrator is not below it.
	// The path / is that of all.
	Path string `json:"path"`
	// Access defaults to [SignedIn].
	Access Access `json:"access,omitempty"`
	// Groups are the groups of which the user must be in at least one. Defaults to none: groups
	// are not checked.
	Groups []string `json:"groups,omitempty"`
	// Scopes must all be in the access token. Defaults to none.
	Scopes []string `json:"scopes,omitempty"`
}

// An Access says who may use a path.
type Access string

const (
	// SignedIn is for whoever is signed in, or brings a bearer token.
	SignedIn Access = "signed-in"
	// Anyone is for everybody. Programs are told who it is, if the request says so.
	Anyone Access = "anyone"
	// Nobody is for nobody.
	Nobody Access = "nobody"
)

// A Value is something about the caller that a program can be told in a header.
type Value string

// The values of headers. Those that a caller does not have are empty.
const (
	// Subject is the sub: of a user, or of a machine's client.
	Subject Value = "sub"
	// Username is the unique name of the user in the pool. Machines have none.
	Username Value = "username"
	// Email is the address of the user, if it is verified. Bearer tokens have none.
	Email Value = "email"
	// Name is the claim name, for display alone: users choose it.
	Name Value = "name"
	// Groups are the groups with commas between. A caller in a group whose name has a comma is
	// refused.
	Groups Value = "groups"
	// Scopes are those of the access token with spaces between.
	Scopes Value = "scopes"
	// Client is the app client.
	Client Value = "client"
	// AccessToken is the access token itself.
	AccessToken Value = "access-token"

	albData Value = "x-amzn-oidc-data" // of [Config].ALB alone
)

// known reports whether a configuration may name a value.
func (v Value) known() bool {
	return slices.Contains([]Value{Subject, Username, Email, Name, Groups, Scopes, Client, AccessToken}, v)
}

// DefaultHeaders are the headers of the two families that programs expect: those of oauth2-proxy
// and those of Authelia. The access token is not among them: add X-Auth-Request-Access-Token for
// programs that call APIs as the user. The preferred_username of a user is not used, because users
// of many pools can set it to the name of somebody else.
func DefaultHeaders() map[string]Value {
	return map[string]Value{
		"X-Auth-Request-User":               Subject,
		"X-Auth-Request-Email":              Email,
		"X-Auth-Request-Preferred-Username": Username,
		"X-Auth-Request-Groups":             Groups,
		"Remote-User":                       Username,
		"Remote-Groups":                     Groups,
		"Remote-Name":                       Name,
		"Remote-Email":                      Email,
	}
}

// ParseConfig reads a Config from JSON. It returns an error for members that it does not know, so
// that a misspelt rule is no missing rule, and for whatever [New] refuses.
func ParseConfig(text []byte) (*Config, error) {
	if len(text) > maxConfig {
		return nil, fmt.Errorf("edge: the configuration has more than %d bytes", maxConfig)
	}
	c := &Config{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("edge: read the configuration: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("edge: read the configuration: there is something after it")
	}
	if _, err := c.compile(); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	return c, nil
}

// compiled is a Config that was checked.
type compiled struct {
	prefix  string
	proxies []netip.Prefix
	scopes  []string
	headers []header // by name
	sites   map[string]*site
}

// A header is one of those that programs are told.
type header struct {
	name  string // canonical
	value Value
}

// compile checks a Config, and fills in what it leaves out.
func (c *Config) compile() (*compiled, error) {
	if c.Issuer == "" || c.ClientID == "" {
		return nil, errors.New("issuer and clientId are needed")
	}
	out := &compiled{prefix: c.Prefix, scopes: slices.Clone(c.Scopes), sites: map[string]*site{}}
	if out.prefix == "" {
		out.prefix = defaultPrefix
	}
	if err := checkPath(out.prefix); err != nil || out.prefix == "/" || !plain(out.prefix) {
		return nil, fmt.Errorf("prefix: %q is not a path such as %s", c.Prefix, defaultPrefix)
	}
	if len(out.scopes) == 0 {
		out.scopes = []string{"openid", "email", "profile"}
	}
	var err error
	if out.proxies, err = parseProxies(c.Proxies); err != nil {
		return nil, err
	}
	if out.headers, err = c.compileHeaders(); err != nil {
		return nil, err
	}
	if c.ALB != nil {
		out.headers = append(out.headers, header{alb.DataHeader, albData}, header{alb.IdentityHeader, Subject}, header{alb.AccessTokenHeader, AccessToken})
	}
	if len(c.Sites) == 0 || len(c.Sites) > maxSites {
		return nil, fmt.Errorf("sites: from 1 to %d are needed", maxSites)
	}
	for i := range c.Sites {
		s, err := c.Sites[i].compile()
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", c.Sites[i].URL, err)
		}
		if out.sites[s.host] != nil {
			return nil, fmt.Errorf("site %q: another site has this host", c.Sites[i].URL)
		}
		out.sites[s.host] = s
	}
	return out, nil
}

// plain reports whether a path needs no encoding.
func plain(path string) bool { return (&url.URL{Path: path}).EscapedPath() == path }

func parseProxies(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("proxies: %q is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8", text)
		}
		if p.Bits() == 0 {
			return nil, fmt.Errorf("proxies: %q is everything: then anyone could say what a request is", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (c *Config) compileHeaders() ([]header, error) {
	headers := c.Headers
	if headers == nil {
		headers = DefaultHeaders()
	}
	var out []header
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		v := headers[name]
		if !v.known() {
			return nil, fmt.Errorf("headers: %s: there is no value %q", name, v)
		}
		h := header{textproto.CanonicalMIMEHeaderKey(name), v}
		if !validName(name) || reserved(h.name) {
			return nil, fmt.Errorf("headers: %q cannot be the name of a header of identity", name)
		}
		if slices.ContainsFunc(out, func(o header) bool { return o.name == h.name }) {
			return nil, fmt.Errorf("headers: %s is there twice", h.name)
		}
		out = append(out, h)
	}
	return out, nil
}

// validName reports whether a name has letters, digits and hyphens alone: underscores are the same
// as hyphens to many programs, so they are left to be refused.
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return name != ""
}

// reserved reports whether a header has a meaning in HTTP or for the edge.
func reserved(name string) bool {
	switch name {
	case "Authorization", "Cookie", "Set-Cookie", "Host", "Location", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding",
		"Connection", "Upgrade", "Te", "Trailer", "Cache-Control", "Www-Authenticate", "Proxy-Authorization", "Date":
		return true
	}
	return strings.HasPrefix(name, "X-Amzn-Oidc-") || strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Original-") || strings.HasPrefix(name, "X-Envoy-")
}

// compile checks a site.
func (s *Site) compile() (*site, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("it is not an origin such as https://app.example.com")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, errors.New("it must be https: http is for loopback names alone")
	}
	out := &site{scheme: u.Scheme, host: hostOf(u.Scheme, u.Host), signedOut: s.SignedOut, origins: http.NewCrossOriginProtection()}
	out.origin = out.scheme + "://" + out.host
	if out.signedOut == "" {
		out.signedOut = out.origin + "/"
	}
	for _, o := range s.Origins {
		if err := out.origins.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("origins: %w", err)
		}
	}
	out.rules, err = compileRules(s.Rules)
	return out, err
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// hostOf returns a host in lower case, without the port that the scheme has anyway.
func hostOf(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}
