// Package login signs people in to a Go program by OAuth 2.0 and OpenID Connect: the program
// sends browsers to an authorization server, such as Cognate, and gets tokens. It is for web
// programs whose pages are made by the server. It does not link the engine.
//
// Begin with [New], and put [Middleware.Handler] around all handlers of the program. Put
// [Middleware.Require] around those for people who are signed in, and find who it is by
// [FromContext].
//
//	m, err := login.New(issuer, clientID, "https://app.example.com/callback", keys, nil)
//	mux := http.NewServeMux()
//	mux.Handle("GET /me", m.Require(me, nil))
//	mux.Handle("GET /desk", m.Require(desk, &login.Rights{Groups: []string{"operators"}}))
//	http.ListenAndServe(addr, m.Handler(mux))
//
// The paths of [Middleware.Handler] are that of the callback, [Options].SignIn (GET, with
// return_to, a path of the program) and [Options].SignOut (POST). All others are the program's.
//
// # Where tokens are
//
// Without [Options].Store, tokens are in a cookie that is encrypted with the first of the keys.
// A cookie of more than 3.8 kB is split into several, up to four. Tokens that need more are
// refused: use a store.
//
// With [Options].Store, the cookie is a random text, and the tokens are in the store, encrypted
// with the same keys. Add [Tables] to the catalog of the store.
//
// Whoever has the keys can read the tokens and sign in as anybody. A key has 32 random bytes.
// To change the key, put a new one in front, and remove the old one after [Options].Life.
//
// # What is checked
//
//   - A sign-in has a state, a nonce and a PKCE verifier (S256), in an encrypted cookie of the
//     browser that began it. An answer with the state of another browser is refused (login
//     CSRF), and so is one that comes twice.
//   - The issuer of the answer (RFC 9207), if the server names one. It must if its discovery
//     document says so.
//   - The signature, issuer, audience, expiry and kind of both tokens, and of the ID token the
//     nonce, azp, and at_hash if there is one. Both must be of one user.
//   - Requests that another site makes the browser send are refused, unless their method is GET,
//     HEAD or OPTIONS ([http.CrossOriginProtection]). So change nothing in answer to a GET.
//   - Each sign-in makes a new cookie (session fixation), and ends the sign-in that the browser
//     had before.
//   - An address to return to is a path of the program, and nothing else (open redirects).
//
// By https each cookie has the prefix __Host-, is Secure, HttpOnly and SameSite=Lax. Over http,
// which is for loopback names alone, it has another name.
//
// # Refresh
//
// The first request after the access token has expired refreshes it, and other requests wait for
// it: a second use of a rotating refresh token would end the sign-in. What came of a refresh is
// remembered for a minute, for requests that the browser sent before it got the new cookie.
// Across processes only the store can hold requests to this: if the program runs in several
// processes, use a store, or give the client a grace period for retries.
//
// # Caveats
//
//   - A sign-out elsewhere is noticed at the next refresh: after the life of an access token. Give
//     [Options].AccessTokens a verifier of the engine, if the program has one, to notice it at once.
//   - If the process stops in the middle of a refresh, or the browser never gets the answer, the
//     person may have to sign in again.
//   - Proxies bound the size of headers. Those of nginx take 8 kB by default, which is two cookies.
package login
