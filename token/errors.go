package token

import "errors"

// Errors that a caller branches on. They are wrapped with the operation that failed. No
// error of this package contains any part of a token.
var (
	// ErrMalformed is returned for text that is not a token, a key or a key set, and for
	// one that breaks the rules in the package documentation.
	ErrMalformed = errors.New("token: malformed")
	// ErrSignature is returned if the key did not make the signature, and if the algorithm
	// is not the key's or is not accepted.
	ErrSignature = errors.New("token: signature does not verify")
	// ErrUnknownKey is returned when no known key has the token's key id.
	ErrUnknownKey = errors.New("token: unknown key")
	// ErrKeysUnavailable is returned if the keys could not be fetched. The token may be
	// good or not.
	ErrKeysUnavailable = errors.New("token: keys are not available")
	// ErrExpired is returned at and after the token's exp.
	ErrExpired = errors.New("token: expired")
	// ErrNotYetValid is returned before the token's nbf.
	ErrNotYetValid = errors.New("token: not yet valid")
	// ErrIssuer is returned for a token of another issuer.
	ErrIssuer = errors.New("token: issuer is not accepted")
	// ErrAudience is returned for a token made for another client or resource.
	ErrAudience = errors.New("token: audience is not accepted")
	// ErrUse is returned for a token of another kind than the Verifier accepts, and for a
	// token that is neither an access token nor an ID token.
	ErrUse = errors.New("token: wrong kind of token")
	// ErrScope is returned for a token without a scope that is required.
	ErrScope = errors.New("token: scope is missing")
	// ErrGroup is returned for a token whose user is in none of the required groups.
	ErrGroup = errors.New("token: user is in none of the groups")
	// ErrRevoked is for [VerifierOptions].Revoked to return.
	ErrRevoked = errors.New("token: revoked")
	// ErrSealed is returned for a sealed string that cannot be opened. It does not say why.
	ErrSealed = errors.New("token: sealed string cannot be opened")
)
