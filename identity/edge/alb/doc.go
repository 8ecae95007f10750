// Package alb makes and verifies the headers by which an Application Load Balancer of AWS tells
// programs who is signed in (its action authenticate-cognito): x-amzn-oidc-data,
// x-amzn-oidc-identity and x-amzn-oidc-accesstoken.
//
// [NewSigner] is for whoever stands in for the load balancer, as an edge of package identity/edge
// does. Programs behind it need no change, except for the address of the keys.
//
// [NewVerifier] is for programs behind a load balancer or an edge: begin with [Verifier.Require].
//
// x-amzn-oidc-data is a JWT that differs from others: its parts are base64url with padding, its header
// names the load balancer (signer), the issuer, the client and the expiry, and the key that has
// signed it is a PEM file at an address that ends in the key id. So packages for tokens refuse it, and
// package token does.
//
// # Caveats
//
//   - A program must look at the signer: each load balancer of a region signs with keys from the same
//     address, also that of somebody else. A Verifier takes those that it is given, and no other.
//   - x-amzn-oidc-identity alone is not signed. [Verifier.Require] compares it with what is.
//   - The claims are those of userInfo. They have no groups: read the access token for them.
package alb
