// Package oidc is the relying party of federation: it sends a browser to an identity provider, and
// verifies who comes back. It speaks OpenID Connect, and the forms of Google, Apple, Facebook and
// Login with Amazon.
//
//	p, err := oidc.New(oidc.Config{Kind: oidc.OIDC, Name: "Okta", Issuer: issuer, ClientID: id, ClientSecret: secret}, client)
//	login := oidc.NewLogin("https://auth.example.com/oauth2/idpresponse")
//	to, err := p.AuthURL(ctx, login, oidc.Hints{})      // send the browser there, keep login
//	who, err := p.Exchange(ctx, login, oidc.ParseCallback(form))
//
// Begin with [New], [Provider.AuthURL] and [Provider.Exchange]. [Provider.Verify] takes an ID token
// that a program got by itself. Keep a [Provider]: it caches what it has discovered and the
// provider's keys.
//
// # What is verified
//
//   - The callback: its state is that of the login, and its iss, if there is one, is the provider's
//     issuer (RFC 9207). A provider that promises an iss must send one.
//   - The ID token: signature by a key of the provider that its kid names, an algorithm of the
//     list, iss, aud, azp, exp, iat, nbf, nonce, at_hash, sub. No member is there twice. It may be
//     a minute too early or too late.
//   - The user info: its sub is that of the ID token.
//   - Facebook and Amazon, who send no ID token: the access token was issued to our client, and for
//     the user whom the profile names.
//
// # Caveats
//
//   - The package keeps no state. The caller binds a [Login] to the browser, uses it once, and lets
//     it expire.
//   - ID tokens signed with HMAC are refused, although Amazon Cognito takes them.
//   - A claim is what the provider says. An e-mail address is verified only if
//     [Identity].EmailVerified says so, and even then by that provider.
package oidc
