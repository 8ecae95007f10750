// Package token signs and verifies JSON Web Tokens as Amazon Cognito issues them,
// publishes the keys as a JWKS, and encrypts strings that a client keeps for the program.
//
// To accept tokens, begin with [NewVerifier] and [Verifier.Require]. [NewRemoteKeys]
// fetches the issuer's keys; [StaticKeys] holds keys that the program has. To issue tokens,
// begin with [GenerateKey], [Key.Sign] and [Set] (the JWKS), and read them back with
// [Parse] and [Parsed.Verify]. A [Box] encrypts strings: only the holder of its key can
// read or make them.
//
// The package does not know user pools. It keeps no state except for bounded caches of
// tokens and keys.
//
// # What is accepted
//
// A token is a compact JWS of at most [MaxLength] bytes: three parts in canonical
// base64url without padding. Its header has alg and kid, and at most typ, which must be
// "JWT". A header with any other member (jku, jwk, x5u, x5c, crit, b64, zip, and also
// unknown members, which RFC 7515 section 4 would ignore) is malformed. So no header brings
// a key, says where to fetch one, or changes the rules. The algorithms are RS256, RS512,
// ES256 and EdDSA with Ed25519. The key decides which of them a token must have. [ParseAs]
// is for tokens of other kinds, which another typ marks, and [ParseForeign] for ID tokens of providers that
// have other habits. The payload is one JSON object, nested at most 32 deep. No object in it has a member twice, and times
// are plain numbers from 0 to the end of the year 9999.
//
// # Caveats
//
//   - A signature proves who made a token, not what it is for. [Parsed.Verify]
//     checks nothing but the signature; [Verifier.Verify] checks the rest.
//   - A token is good until it expires, even if its user has signed out or was deleted,
//     unless [VerifierOptions].Revoked asks the server.
//   - encoding/json ignores case in names: [Claims.Decode] may read a claim "Sub" into a
//     field tagged "sub". The fields of [Claims] are matched exactly.
package token

// MaxLength is the maximum length, in bytes, of a token or of a sealed string. A longer
// string is rejected before it is decoded, and [Key.Sign] never makes a longer token.
const MaxLength = 64 << 10
