package token

import "errors"

// Errors that a caller branches on. They come wrapped in what was being done; none of
// them, wrapped or not, repeats any part of a token.
var (
	// ErrMalformed is returned for what is not a token, a key or a key set at all, or one
	// that breaks the rules in the package documentation.
	ErrMalformed = errors.New("token: malformed")
	// ErrSignature is returned when the signature is not the key's, and when the algorithm
	// is not the key's or not an accepted one.
	ErrSignature = errors.New("token: signature does not verify")
	// ErrUnknownKey is returned when no known key has the token's key id.
	ErrUnknownKey = errors.New("token: unknown key")
	// ErrKeysUnavailable is returned when the keys could not be fetched, so that nothing
	// can be said about the token.
	ErrKeysUnavailable = errors.New("token: keys are not available")
	// ErrExpired is returned at and after the token's exp.
	ErrExpired = errors.New("token: expired")
	// ErrNotYetValid is returned before the token's nbf.
	ErrNotYetValid = errors.New("token: not yet valid")
	// ErrIssuer is returned for a token of another issuer.
	ErrIssuer = errors.New("token: issuer is not accepted")
	// ErrAudience is returned for a token made for another client or resource.
	ErrAudience = errors.New("token: audience is not accepted")
	// ErrUse is returned for an ID token where an access token is due, the other way
	// round, and for a token that says it is neither.
	ErrUse = errors.New("token: wrong kind of token")
	// ErrScope is returned for a token without a scope that is required.
	ErrScope = errors.New("token: scope is missing")
	// ErrGroup is returned for a token whose user is in none of the required groups.
	ErrGroup = errors.New("token: user is in none of the groups")
	// ErrRevoked is for [VerifierOptions].Revoked to return.
	ErrRevoked = errors.New("token: revoked")
	// ErrSealed is returned for a sealed string that cannot be opened, whatever is wrong
	// with it.
	ErrSealed = errors.New("token: sealed string cannot be opened")
)
