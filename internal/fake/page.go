package fake

import (
	"context"
	"html/template"
	"net"
	"net/http"
	"net/url"
)

// page is what a person sees who opens the address of the fake in a browser. It has no
// codes and no secrets, so any host name may be used.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Cognate, a fake of Amazon Cognito</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:44rem;padding:0 1rem}dt{font-weight:bold}code{overflow-wrap:anywhere}</style>
<h1>The fake runs</h1>
<p>This is Cognate, a fake of Amazon Cognito for tests. It is not for real users. Point your SDK at the endpoint.</p>
<dl>
<dt>Endpoint<dd><code>{{.Endpoint}}</code>
<dt>Region<dd><code>{{.Region}}</code>
{{with .Pool}}<dt>User pool<dd><code>{{.}}</code>
{{end}}{{with .Client}}<dt>Client<dd><code>{{.}}</code>
{{end}}{{with .SignIn}}<dt>Sign-in page<dd><a href="{{.}}">/login</a>
{{end}}{{with .Passkeys}}<dt>Passkeys<dd>Browsers make passkeys for localhost, and not for this address: open <a href="{{.}}">{{.}}</a>
{{end}}<dt>Messages, with their codes<dd><a href="/_cognate/outbox">/_cognate/outbox</a>
<dt>Version<dd>{{.Version}}
</dl>
</html>
`))

// isPage reports whether a request is for the page. The API takes only POST here.
func isPage(r *http.Request) bool {
	return r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// passkeysAt is where to open the page for passkeys instead, or "": browsers bind passkeys to names, not to addresses.
func passkeysAt(scheme, host string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil || net.ParseIP(name) == nil || !net.ParseIP(name).IsLoopback() {
		return ""
	}
	return scheme + net.JoinHostPort("localhost", port)
}

// signInPage is where users of the ready client sign in, or "" if the client has no address to send them to then.
func (s *Server) signInPage(ctx context.Context) string {
	info, err := s.ready.Admin().Clients().Get(ctx, s.ready.ClientID())
	if err != nil || !info.Settings.OAuth || len(info.Settings.CallbackURLs) == 0 { // the client may have been deleted
		return ""
	}
	q := url.Values{"client_id": {info.ID}, "response_type": {"code"}, "redirect_uri": info.Settings.CallbackURLs[:1]}
	return "/login?" + q.Encode()
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	about := struct{ Endpoint, Region, Pool, Client, SignIn, Passkeys, Version string }{
		Endpoint: scheme + r.Host, Region: s.engine.Region(), Passkeys: passkeysAt(scheme, r.Host), Version: s.version,
	}
	if s.ready != nil {
		about.Pool, about.Client, about.SignIn = s.ready.PoolID(), s.ready.ClientID(), s.signInPage(r.Context())
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if err := page.Execute(w, about); err != nil {
		s.log.DebugContext(r.Context(), "the page was not sent", "error", err) // the browser has gone
	}
}
