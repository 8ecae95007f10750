package web

import (
	"net"
	"net/url"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// FieldPasskey is the answer of a browser to [Request.ShowPasskey], as JSON. The script of the package fills it in.
const FieldPasskey = "credential"

// Passkeys are those of the user who is signed in, the oldest first, for pages of MemberPage and MemberForm. It is nil on other pages.
func (p *Page) Passkeys() ([]identity.Passkey, error) {
	if p.Visit == nil {
		return nil, nil
	}
	return p.Visit.Session.Passkeys(p.request.Context())
}

// ByName is the address to open in place of the present one, which is by a number: browsers make passkeys for names only, and on the
// machine itself the name is localhost. It is "" if the site was opened by a name.
func (p *Page) ByName() string {
	host, port, err := net.SplitHostPort(p.request.Host)
	if err != nil {
		host, port = strings.Trim(p.request.Host, "[]"), ""
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return ""
	}
	scheme := "https"
	if p.request.site.visits.options.InsecureHTTP {
		scheme = "http"
	}
	to := url.URL{Scheme: scheme, Host: "localhost"}
	if port != "" {
		to.Host = net.JoinHostPort("localhost", port)
	}
	return to.String()
}
