// Package token signs and verifies JSON Web Tokens as Amazon Cognito issues them,
// publishes the keys as a JWKS, and seals opaque strings.
//
// Whoever accepts tokens begins with [NewVerifier] and [Verifier.Require]; its keys come
// from [NewRemoteKeys], or from [StaticKeys] where they are at hand. Whoever issues tokens
// begins with [GenerateKey], [Key.Sign] and [Set], and reads its own tokens back with
// [Parse] and [Parsed.Verify]. A [Box] makes strings that only its owner can read or make.
//
// The package knows no user pool and keeps no state but a bounded memory of tokens and
// keys.
//
// # What is accepted
//
// A token is a compact JWS of at most [MaxLength] bytes: three parts in canonical
// base64url without padding. Its header has alg and kid, and at most typ, which must be
// "JWT". Any other member (jku, jwk, x5u, x5c, crit, b64, zip and also unknown ones, which
// RFC 7515 section 4 would have ignored) makes it malformed: nothing in a header ever
// names a key, a place to fetch one, or a change of rules. The algorithms are RS256, ES256
// and EdDSA with Ed25519, and the key decides which: alg must name the key's own. The
// payload is one JSON object, nested at most 32 deep, in which no object has a member
// twice; times are plain numbers from 0 to the end of the year 9999.
//
// # Caveats
//
//   - A signature proves who made a token, not what it is for. [Parsed.Verify]
//     checks nothing but the signature; [Verifier.Verify] checks the rest.
//   - A token is good until it expires, whatever happened to its user, unless
//     [VerifierOptions].Revoked asks the server.
//   - encoding/json matches names without regard to case, so that
//     [Claims.Decode] may read a claim "Sub" into a field tagged "sub". The
//     fields of [Claims] itself are matched exactly.
package token

// MaxLength is the greatest length, in bytes, of a token or of a sealed string. A longer
// one is refused before anything of it is decoded, and [Key.Sign] makes none.
const MaxLength = 64 << 10
