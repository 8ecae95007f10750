// Package saml is the side of a user pool that a SAML 2.0 identity provider talks to: a service provider. It
// reads the provider's metadata, sends people there, and verifies the responses that they come back with. It
// stores nothing, fetches nothing and serves no route.
//
// Begin with [ParseMetadata] and [New]. [Provider.AuthnRequest] makes the URL of a sign-in,
// [Provider.Response] verifies its answer, and [Provider.Unsolicited] verifies a response that no request asked
// for. [Provider.LogoutRequest] and [Provider.LogoutResponse] are the two halves of a sign-out.
//
// # How a response is verified
//
// The order is fixed, and each step refuses what it does not know:
//
//  1. The size, then the raw tokens: no document type, no processing instruction, no comment, bounded depth and
//     number of elements.
//  2. The shape: one Response at the root, one assertion as its child and nowhere else, unique ids, signatures
//     only where they belong, one reference each, which names the element that holds the signature, and only
//     algorithms of a short list.
//  3. The signature, by github.com/crewjam/saml and goxmldsig. The keys are those of the metadata: KeyInfo in the
//     document is not read. Everything after this step is read from the bytes that the signature covers.
//  4. Issuer, destination, recipient, audience, the request that is answered, and the time.
//
// # Caveats
//
// The package does not remember what it has seen. The caller stores [Assertion.ReplayKey] until
// [Assertion.Expires], once, in the step in which it lets the person in, and refuses a key that is there already.
// The caller also remembers the id of each request, and accepts one answer to it.
//
// It is stricter than the standard where leniency has been the way in: it refuses comments and processing
// instructions, SHA-1, canonicalisation that is not exclusive, RSA keys of less than 2048 bits, encrypted names and
// attributes, blanks around a NameID, and conditions that it does not know.
//
// RelayState is opaque to this package. It comes from a browser: never redirect to it.
package saml
