package idpool

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a caller may branch on, with [errors.Is]. Those that are about something have a
// name in them: they are an [*Error].
var (
	// ErrPoolNotFound is returned for an identity pool that does not exist. It is an [*Error] with the id.
	ErrPoolNotFound = errors.New("idpool: identity pool does not exist")
	// ErrIdentityNotFound is returned for an identity that does not exist. It is an [*Error] with the id.
	ErrIdentityNotFound = errors.New("idpool: identity does not exist")
	// ErrDeveloperNotFound is returned for a developer's user who has no identity in the pool. It is an [*Error].
	ErrDeveloperNotFound = errors.New("idpool: no identity has this developer user identifier")
	// ErrProviderNotFound is returned for a provider of IAM that does not exist. It is an [*Error] with the ARN.
	ErrProviderNotFound = errors.New("idpool: provider does not exist")
	// ErrInvalid is returned for settings and arguments that are invalid. It is an [*Error] with a sentence.
	ErrInvalid = errors.New("idpool: invalid parameter")
	// ErrMappingProvider is returned for a role mapping of what is no provider of the pool. It is an [*Error] with its key.
	ErrMappingProvider = errors.New("idpool: role mapping of a provider that the pool does not have")
	// ErrTooManyRules is returned for more than [MaxRules] rules in a role mapping.
	ErrTooManyRules = errors.New("idpool: too many rules")
	// ErrDeveloperProvider is returned where the name of a developer provider would change.
	ErrDeveloperProvider = errors.New("idpool: developer provider name cannot be changed")

	// ErrGuests is returned to guests of a pool that has none.
	ErrGuests = errors.New("idpool: pool has no guests")
	// ErrUnsupportedProvider is returned for a token of a provider, or for a client, that the pool does not have.
	ErrUnsupportedProvider = errors.New("idpool: token is not from a provider of the pool")
	// ErrPublicProvider is returned for a login by the developer provider where it does not count.
	ErrPublicProvider = errors.New("idpool: developer provider is no public provider")
	// ErrPoolToken is returned for a token of an identity pool where it does not count.
	ErrPoolToken = errors.New("idpool: token of an identity pool is no login here")
	// ErrTokenUnverified is returned for a token whose signature does not verify, or that is none.
	ErrTokenUnverified = errors.New("idpool: token does not verify")
	// ErrTokenExpired is returned for a token that has expired. It is an [*ExpiredError].
	ErrTokenExpired = errors.New("idpool: token has expired")
	// ErrTokenIssuer is returned for a token of another issuer than the name of the login says.
	ErrTokenIssuer = errors.New("idpool: token is of another issuer than the login")
	// ErrTokenAudience is returned for a token that an OIDC provider has made for another client.
	ErrTokenAudience = errors.New("idpool: token is for another client")
	// ErrTokenClaim is returned for a token that lacks a claim. It is an [*Error] with the name of the claim.
	ErrTokenClaim = errors.New("idpool: token lacks a claim")
	// ErrTokenInactive is returned if the user pool says that the sign-in of a token no longer stands.
	ErrTokenInactive = errors.New("idpool: sign-in of the token no longer stands")
	// ErrExternalService is returned if a provider cannot be asked.
	ErrExternalService = errors.New("idpool: provider cannot be asked")
	// ErrLogins is returned if no login belongs to the identity.
	ErrLogins = errors.New("idpool: no login is of the identity")
	// ErrForbidden is returned for an identity that is disabled or out of reach. It is an [*Error] with the id.
	ErrForbidden = errors.New("idpool: identity is disabled")
	// ErrConflict is returned if a login cannot be linked, because the identity has another one of the same provider. It is an [*Error] with a sentence.
	ErrConflict = errors.New("idpool: logins conflict")
	// ErrDeveloperRegistered is returned for a developer's user who has another identity.
	ErrDeveloperRegistered = errors.New("idpool: developer user identifier has another identity")
	// ErrLimit is returned if there would be too many of something. It is an [*Error] with its name.
	ErrLimit = errors.New("idpool: limit exceeded")
	// ErrThrottled is returned to a source that makes too many guests.
	ErrThrottled = errors.New("idpool: too many requests")

	// ErrClassicFlow is returned by the classic flow if the pool does not have it.
	ErrClassicFlow = errors.New("idpool: classic flow is not enabled")
	// ErrClassicFlowMappings is returned by the classic flow if the pool has role mappings.
	ErrClassicFlowMappings = errors.New("idpool: classic flow does not know role mappings")
	// ErrPoolRoles is returned if the pool has no role for an identity, or the role does not let it in.
	ErrPoolRoles = errors.New("idpool: pool has no role for the identity")
	// ErrAmbiguousRole is returned if no rule gives a role and the mapping refuses such logins. It is an [*Error] with the provider.
	ErrAmbiguousRole = errors.New("idpool: role mapping refuses the login")
	// ErrCustomRole is returned for a role that the login may not choose.
	ErrCustomRole = errors.New("idpool: login may not choose the role")
)

// An Error is one of the errors above, and what it is about.
type Error struct {
	// Err is the sentinel.
	Err error
	// About is an id, a name or a sentence, as the error says.
	About string
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() + ": " + e.About }

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }

func about(err error, format string, args ...any) error {
	return &Error{err, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return about(ErrInvalid, format, args...) }

// An ExpiredError is [ErrTokenExpired].
type ExpiredError struct {
	Now, Expires time.Time // the time of the clock, and the exp of the token
}

// Error implements error.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%v: %d >= %d", ErrTokenExpired, e.Now.Unix(), e.Expires.Unix())
}

// Unwrap returns [ErrTokenExpired].
func (e *ExpiredError) Unwrap() error { return ErrTokenExpired }
