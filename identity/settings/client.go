package settings

import (
	"math"
	"time"
)

// Client are the settings of an app client, as they are stored.
type Client struct {
	// Name is for people: 1 to 128 bytes. It is required.
	Name string `json:"name"`
	// ID is the id of a new client: 1 to 128 letters, digits, underscores or plus
	// signs. It is for tests, and is not stored with the settings. Empty means a
	// random one. The id of another client is refused. A client that exists keeps its id.
	ID string `json:"-"`
	// GenerateSecret makes a secret for a client that can keep one. Secret sets
	// it instead. Neither is stored with the settings;
	// in [Clients.Update] GenerateSecret says whether there is a secret.
	GenerateSecret bool `json:"-"`
	// Secret is the client's secret: 24 to 64 letters, digits, underscores or plus
	// signs. Empty means that GenerateSecret decides. Excludes GenerateSecret.
	Secret Secret `json:"-"`

	// AuthFlows are the flows the client may use, with or without the prefix ALLOW_
	// but not mixed. Empty means SRP, custom and refresh with [CognitoDefaults]. With
	// [SafeDefaults] it means password, SRP (where the pool keeps verifiers) and refresh.
	AuthFlows []AuthFlow `json:"authFlows,omitempty"`
	// PreventUserExistenceErrors is ENABLED or LEGACY: whether answers hide who has
	// an account. Nil means ENABLED with SafeDefaults and LEGACY with CognitoDefaults.
	PreventUserExistenceErrors *string `json:"preventUserExistenceErrors,omitempty"`
	// TokenRevocation puts origin_jti into tokens, as Rotation does, and lets them be
	// revoked. Nil means true.
	TokenRevocation *bool `json:"tokenRevocation,omitempty"`

	// AccessTokenValidity is the life of access tokens, 5 minutes to 1 day, in hours
	// unless Units says otherwise. Nil and 0 mean 1 hour.
	AccessTokenValidity *int `json:"accessTokenValidity,omitempty"`
	// IDTokenValidity is the life of ID tokens, as AccessTokenValidity.
	IDTokenValidity *int `json:"idTokenValidity,omitempty"`
	// RefreshTokenValidity is the life of refresh tokens, 1 hour to 10 years, in
	// days unless Units says otherwise. Nil and 0 mean 30 days. It is not shorter
	// than the other two.
	RefreshTokenValidity *int `json:"refreshTokenValidity,omitempty"`
	// Units are those of the three validities above.
	Units TokenUnits `json:"units,omitzero"`
	// SessionMinutes is how long a challenge may take, 3 to 15 minutes. Nil means 3.
	SessionMinutes *int `json:"sessionMinutes,omitempty"`
	// Rotation replaces a refresh token at each use. Nil is off with CognitoDefaults.
	// With SafeDefaults of generation 1 it is then on, unless AuthFlows has
	// AllowRefresh in it. A client that rotates must not have AllowRefresh there.
	Rotation *RefreshRotation `json:"rotation,omitempty"`

	// IdleHours ends a sign-in that was not refreshed for so many hours: 1 to 87600,
	// or 0 for no such limit. Unset, it is 336 (14 days) where refresh tokens
	// rotate by the safe defaults of generation 1, and 0 otherwise.
	IdleHours *int `json:"idleHours,omitempty"`
	// ForceAlias lets users take over an address that another user has verified as
	// an alias. Unset, that is false with SafeDefaults of generation 1, and true
	// otherwise. Operators may always do so.
	ForceAlias *bool `json:"forceAlias,omitempty"`

	// ReadAttributes are what the client may see of a user, beside the sub: names of
	// the schema. Nil means all but those for operators (dev:).
	ReadAttributes []string `json:"readAttributes,omitempty"`
	// WriteAttributes are what the client may set: names of the schema, all required
	// ones among them, and none that only the engine sets (sub, identities,
	// email_verified, phone_number_verified). Nil means all that may be named, but
	// for those for operators (dev:), which no client writes.
	WriteAttributes []string `json:"writeAttributes,omitempty"`

	// Providers are the identity providers that the client's users sign in by, by name. COGNITO stands for the pool itself. An
	// empty list means the pool itself alone.
	Providers []string `json:"providers,omitempty"`
	// CallbackURLs are where a browser may go after a sign-in, byte by byte. They are absolute URLs without fragment, https unless to
	// localhost, 127.0.0.1 or ::1, or of a scheme of the application's own.
	CallbackURLs []string `json:"callbackUrls,omitempty"`
	// LogoutURLs are where a browser may go after a sign-out, byte by byte. They have the form of CallbackURLs.
	LogoutURLs []string `json:"logoutUrls,omitempty"`
	// DefaultRedirectURI is the one of CallbackURLs that counts where a request names none.
	// Nil means that each request must name one.
	DefaultRedirectURI *string `json:"defaultRedirectUri,omitempty"`
	// OAuth says whether the client may use the authorization server. It requires OAuthFlows and OAuthScopes.
	OAuth bool `json:"oauth,omitempty"`
	// OAuthFlows are the grants: code and implicit, which
	// require CallbackURLs, or client_credentials alone, which requires a secret.
	OAuthFlows []string `json:"oauthFlows,omitempty"`
	// OAuthScopes are what OAuth tokens may be for: openid, email, phone, profile,
	// aws.cognito.signin.user.admin, and scopes of resource servers of the pool, such as
	// https://api.example.com/read.
	OAuthScopes []string `json:"oauthScopes,omitempty"`
	// AnyLoopbackPort lets redirect URIs with the host 127.0.0.1 or [::1] have another port than the
	// one in CallbackURLs, for applications on the user's own machine, which take a free port (RFC 8252,
	// section 7.3). It is false by default.
	AnyLoopbackPort bool `json:"anyLoopbackPort,omitempty"`
	// BackChannelLogoutURI is told by a POST that a user has signed out of a browser (OpenID Connect
	// Back-Channel Logout): https, or http to the loopback address. ID tokens then have a sid. Nil means nobody is told.
	BackChannelLogoutURI *string `json:"backChannelLogoutUri,omitempty"`
	// FrontChannelLogoutURI is told so by a frame in the browser (Front-Channel Logout). It is as BackChannelLogoutURI.
	FrontChannelLogoutURI *string `json:"frontChannelLogoutUri,omitempty"`
	// Consent asks users, once for each scope, before the client gets anything on their behalf. It is
	// false by default.
	Consent bool `json:"consent,omitempty"`
	// SSOMinutes is for how long after a user's sign-in in a browser the client takes it without asking
	// again: 0 to 129600, where 0 means never. Nil means 60. It counts in pools that track sessions, see
	// [Pool.SSOLife].
	SSOMinutes *int `json:"ssoMinutes,omitempty"`
	// Analytics is stored and shown, and not acted on: nothing is sent anywhere. Nil
	// means not given.
	Analytics *Analytics `json:"analytics,omitempty"`
	// PropagateContext is stored and shown, and not acted on: whether the client may
	// pass the address of its user on. It requires a secret. Nil means false.
	PropagateContext *bool `json:"propagateContext,omitempty"`
}

// TokenUnits are the units of token validities: seconds, minutes, hours or days.
type TokenUnits struct {
	Access  *string `json:"access,omitempty"`  // of AccessTokenValidity; nil means hours
	ID      *string `json:"id,omitempty"`      // of IDTokenValidity; nil means hours
	Refresh *string `json:"refresh,omitempty"` // of RefreshTokenValidity; nil means days
}

// RefreshRotation replaces a refresh token at each use.
type RefreshRotation struct {
	Enabled      bool `json:"enabled"`                // whether refresh tokens are replaced; false by default
	GraceSeconds *int `json:"graceSeconds,omitempty"` // how long a replaced token can still be used, 0 to 60 seconds; nil means 0
}

// Analytics are stored and shown, and not acted on: nothing is sent anywhere.
type Analytics struct {
	ApplicationID  *string `json:"applicationId,omitempty"`  // of the project
	ApplicationARN *string `json:"applicationArn,omitempty"` // of the project, instead of ApplicationID
	RoleARN        *string `json:"roleArn,omitempty"`        // that events would be sent with
	ExternalID     *string `json:"externalId,omitempty"`     // goes with RoleARN
	UserDataShared *bool   `json:"userDataShared,omitempty"` // whether events would carry data of users
}

// An AuthFlow is a way to sign in that a client may be allowed.
type AuthFlow string

// The flows. The last three are the older names, which do not mix with the others,
// see [Pool.Flows].
const (
	AllowUserSRP       AuthFlow = "ALLOW_USER_SRP_AUTH"
	AllowUserPassword  AuthFlow = "ALLOW_USER_PASSWORD_AUTH"
	AllowAdminPassword AuthFlow = "ALLOW_ADMIN_USER_PASSWORD_AUTH"
	AllowCustom        AuthFlow = "ALLOW_CUSTOM_AUTH"
	AllowRefresh       AuthFlow = "ALLOW_REFRESH_TOKEN_AUTH"
	AllowUser          AuthFlow = "ALLOW_USER_AUTH"
	AllowClientToken   AuthFlow = "ALLOW_CLIENT_TOKEN_AUTH" // GetClientToken, if it is the only flow
	// The next two are stored and shown, and not acted on.
	AllowImpersonation AuthFlow = "ALLOW_TOKEN_EXCHANGE_IMPERSONATION"
	AllowDelegation    AuthFlow = "ALLOW_TOKEN_EXCHANGE_DELEGATION"
	LegacyAdminNoSRP   AuthFlow = "ADMIN_NO_SRP_AUTH"
	LegacyCustomOnly   AuthFlow = "CUSTOM_AUTH_FLOW_ONLY"
	LegacyUserPassword AuthFlow = "USER_PASSWORD_AUTH"
)

// legacy reports whether a flow has a name without the prefix ALLOW_.
func (f AuthFlow) legacy() bool {
	return f == LegacyAdminNoSRP || f == LegacyCustomOnly || f == LegacyUserPassword
}

// Revocable reports whether the tokens of the client can be revoked.
func (c *Client) Revocable() bool { return c.TokenRevocation == nil || *c.TokenRevocation }

// Rotates reports whether rotation is given and on. See [Pool.Rotates] for where it is not given.
func (c *Client) Rotates() bool { return c.Rotation != nil && c.Rotation.Enabled }

// GracePeriod is how long a refresh token that was replaced can still be used.
func (c *Client) GracePeriod() time.Duration {
	if c.Rotation == nil || c.Rotation.GraceSeconds == nil {
		return 0
	}
	return time.Duration(*c.Rotation.GraceSeconds) * time.Second
}

// SessionLife is how long the challenge of a sign-in may take.
func (c *Client) SessionLife() time.Duration {
	if c.SessionMinutes == nil {
		return 3 * time.Minute
	}
	return time.Duration(*c.SessionMinutes) * time.Minute
}

// AccessTokenLife is how long an access token is valid.
func (c *Client) AccessTokenLife() time.Duration {
	return life(c.AccessTokenValidity, c.Units.Access, time.Hour, time.Hour)
}

// IDTokenLife is how long an ID token is valid.
func (c *Client) IDTokenLife() time.Duration {
	return life(c.IDTokenValidity, c.Units.ID, time.Hour, time.Hour)
}

// RefreshTokenLife is how long a refresh token is valid after the sign-in.
func (c *Client) RefreshTokenLife() time.Duration {
	return life(c.RefreshTokenValidity, c.Units.Refresh, 24*time.Hour, 30*24*time.Hour)
}

// life is n units long, or fallback where n is unset or zero.
func life(n *int, unit *string, defaultUnit, fallback time.Duration) time.Duration {
	if n == nil || *n == 0 {
		return fallback
	}
	u := unitLength(unit, defaultUnit)
	if *n < 0 || int64(*n) > math.MaxInt64/int64(u) {
		return -1 // which is in no range
	}
	return time.Duration(*n) * u
}

func unitLength(unit *string, fallback time.Duration) time.Duration {
	if unit == nil {
		return fallback
	}
	switch *unit {
	case "seconds":
		return time.Second
	case "minutes":
		return time.Minute
	case "hours":
		return time.Hour
	case "days":
		return 24 * time.Hour
	}
	return fallback
}

// ToldOfLogouts reports whether applications of the client are told when a user signs out of a browser.
func (c *Client) ToldOfLogouts() bool {
	return c.BackChannelLogoutURI != nil || c.FrontChannelLogoutURI != nil
}
