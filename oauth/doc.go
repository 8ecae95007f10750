// Package oauth is the authorization server of the pools of an engine: OAuth 2.0 and OpenID
// Connect, with sign-in pages, at the paths of Amazon Cognito's domains.
//
// Begin with [NewServer], which returns an [http.Handler] for all pools: the client id of a
// request says which.
//
//	engine := identity.New(s, nil)
//	http.ListenAndServeTLS(addr, cert, key, oauth.NewServer(engine, nil))
//
// It serves these paths:
//
//	/oauth2/authorize   where an application sends a browser (RFC 6749, section 4.1)
//	/oauth2/idpresponse where an identity provider sends a browser back to
//	/oauth2/token       codes, refresh tokens and clients' secrets for tokens (RFC 6749)
//	/oauth2/userInfo    what an access token shows of its user (OpenID Connect Core, section 5.3)
//	/oauth2/revoke      ends a sign-in by its refresh token (RFC 7009)
//	/login, /signup, /confirm, /forgotPassword   pages for people
//	/logout             signs a browser out
//	/error              what went wrong, if no application can be told
//
// A web program in which people sign in is a client of the server, and may run elsewhere: see package
// oauth/login. If it runs the engine too, begin with [Server.Middleware].
//
// Documents about a pool, such as its keys, are at the pool's issuer: package
// identity/cognito serves them.
//
// # Caveats
//
//   - Cookies need https. [Options].InsecureHTTP is for a developer's own machine.
//   - Put the server below a host of its own, or at the root: the paths are fixed.
package oauth
