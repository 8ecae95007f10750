// Package edge answers gateways that ask whether a request may go on, and as whom: nginx
// (auth_request), Traefik (ForwardAuth), Caddy (forward_auth) and Envoy (ext_authz over HTTP). It
// signs browsers in by OAuth, by package oauth/login, takes access tokens as bearer tokens, and
// decides by rules for paths. Programs behind the gateway read headers such as X-Auth-Request-User
// and Remote-User, and need no code for sign-ins.
//
// Begin with [ParseConfig] and [New]. An [Edge] is an [http.Handler] for the gateway to ask.
// [Edge.Handler] is the same without a gateway, around a handler of a Go program, such as a
// [net/http/httputil.ReverseProxy].
//
// # Endpoints
//
// All are below [Config].Prefix, which is /oauth2 by default.
//
//   - /auth is for nginx: 202 or 401 or 403. The original request is in X-Original-URL and
//     X-Original-Method.
//   - /forward-auth is for Traefik and Caddy: 200, or an answer that the gateway sends to the
//     client. The original request is in X-Forwarded-Method, -Proto, -Host and -Uri.
//   - /ext-authz is for Envoy: the path of the original request follows it, and method and Host are
//     the original ones.
//   - /sign_in, /callback and /sign_out are for browsers. The gateway sends these requests to the
//     edge, with the Host that the client sent.
//
// # Who decides
//
// Each site has rules, see [Rule]. What no rule names is forbidden. A path that servers could read
// in two ways is refused: encoded slashes, dot segments, empty segments, backslashes and double
// encoding. A path that differs from a rule in case, in parameters after a semicolon or in dots at
// the end must also satisfy the rule that it would have without the difference.
//
// The query parameter allowed_groups of /auth and /forward-auth asks for one of several groups,
// with commas between. It only narrows: a request must satisfy the rules and each allowed_groups.
//
// # What is trusted
//
//   - The three endpoints of gateways answer only to peers of [Config].Proxies. Everybody else gets
//     403, so a stranger can neither forge X-Forwarded-Host nor try out a token there.
//   - Identity comes from the cookie and from the bearer token, and from no other header.
//   - A sign-in is kept in the store, and its cookie names it. So a refresh of tokens changes no
//     cookie, which a gateway would not hand on. The cookie is bound to one site: it opens nothing
//     at another one.
//   - A request with a cookie that another site made the browser send is refused, unless its method
//     is GET, HEAD or OPTIONS.
//
// # Caveats
//
//   - The gateway must remove the headers of identity that a client sends. docs/edge.md has a
//     configuration for each gateway. The edge sends every header, empty if there is no value, so
//     that those gateways which replace headers leave nothing of the client's.
//   - Programs must take requests from the gateway alone.
//   - An e-mail address is sent only if it is verified.
//   - A sign-out elsewhere is noticed when the access token expires.
package edge
