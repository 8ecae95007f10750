package settings

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Check returns an [*Error] about the first setting of a client that is invalid
// in a pool with settings p.
func (c *Client) Check(p *Pool) error {
	if n := len(c.Name); n == 0 || n > 128 {
		return plain("Name", "A client has a name of 1 to 128 characters.")
	}
	for _, check := range []func(*Pool) error{c.checkID, c.checkSecret, c.checkFlows, c.checkValidity, c.checkAttributes, c.checkOAuth} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

var secretForm = regexp.MustCompile(`^[\w+]{24,64}$`)

// CheckSecret returns an error if a client secret that an operator chose does not have the right form.
func CheckSecret(secret Secret) error {
	if secretForm.MatchString(string(secret)) {
		return nil
	}
	return plain("Secret", "A client secret is 24 to 64 letters, digits, underscores or plus signs.")
}

func (c *Client) checkSecret(*Pool) error {
	if c.Secret != "" && c.GenerateSecret {
		return invalid("Secret", SecretGivenAndMade, "", "A client has Secret or GenerateSecret, not both.")
	}
	if c.Secret != "" {
		if err := CheckSecret(c.Secret); err != nil {
			return err
		}
	}
	if c.PropagateContext != nil && *c.PropagateContext && c.Secret == "" && !c.GenerateSecret {
		return invalid("PropagateContext", ContextWithoutSecret, "", "Only a client with a secret can pass context data on.")
	}
	return nil
}

func (c *Client) checkFlows(*Pool) error {
	old, current := false, false
	for _, f := range c.AuthFlows {
		switch f {
		case AllowUserSRP, AllowUserPassword, AllowAdminPassword, AllowCustom, AllowRefresh, AllowUser, AllowClientToken, AllowImpersonation, AllowDelegation:
			current = true
		case LegacyAdminNoSRP, LegacyCustomOnly, LegacyUserPassword:
			old = true
		default:
			return plain("AuthFlows", "%q is not a flow.", f)
		}
	}
	if old && current {
		return invalid("AuthFlows", FlowNamesMixed, "", "Flows with and without the prefix ALLOW_ do not mix.")
	}
	if c.Rotates() && slices.Contains(c.AuthFlows, AllowRefresh) {
		return invalid("Rotation", RotationAndRefreshFlow, "", "A client that rotates refresh tokens does not allow ALLOW_REFRESH_TOKEN_AUTH.")
	}
	if c.Rotation != nil && c.Rotation.GraceSeconds != nil && (*c.Rotation.GraceSeconds < 0 || *c.Rotation.GraceSeconds > 60) {
		return plain("Rotation", "The grace period is 0 to 60 seconds.")
	}
	if c.SessionMinutes != nil && (*c.SessionMinutes < 3 || *c.SessionMinutes > 15) {
		return plain("SessionMinutes", "A session is valid for 3 to 15 minutes.")
	}
	if m := c.SSOMinutes; m != nil && (*m < 0 || *m > 129600) {
		return plain("SSOMinutes", "A sign-in in a browser is taken for 1 to 129600 minutes, or never, which is 0.")
	}
	if h := c.IdleHours; h != nil && (*h < 0 || *h > 87600) {
		return plain("IdleHours", "A sign-in ends after 1 to 87600 hours without a refresh, or never, which is 0.")
	}
	if p := c.PreventUserExistenceErrors; p != nil && *p != "ENABLED" && *p != "LEGACY" {
		return plain("PreventUserExistenceErrors", "It is ENABLED or LEGACY.")
	}
	return nil
}

const year = 365 * 24 * time.Hour

func (c *Client) checkValidity(*Pool) error {
	between := func(d, least, most time.Duration) bool { return least <= d && d <= most }
	day := 24 * time.Hour
	for _, u := range []*string{c.Units.Access, c.Units.ID, c.Units.Refresh} {
		if u != nil && unitLength(u, 0) == 0 {
			return plain("Units", "%q is not one of seconds, minutes, hours, days.", *u)
		}
	}
	if !between(c.AccessTokenLife(), 5*time.Minute, day) || !between(c.IDTokenLife(), 5*time.Minute, day) ||
		!between(c.RefreshTokenLife(), time.Hour, 10*year) {
		return invalid("AccessTokenValidity", ValidityOutOfRange, "", "Access and ID tokens are valid for 5 minutes to a day, refresh tokens for an hour to 10 years.")
	}
	if c.RefreshTokenLife() < c.AccessTokenLife() || c.RefreshTokenLife() < c.IDTokenLife() {
		return invalid("RefreshTokenValidity", RefreshTooShort, "", "A refresh token is valid for at least as long as access and ID tokens.")
	}
	return nil
}

func (c *Client) checkAttributes(p *Pool) error {
	for _, a := range c.ReadAttributes {
		if _, ok := p.Attribute(a); !ok {
			return invalid("ReadAttributes", NotReadable, a, fmt.Sprintf("The pool has no attribute %q.", a))
		}
	}
	bad := invalid("WriteAttributes", NotWritable, "", "A client can write attributes of the schema that are not the engine's own, and must be able to write all that are required.")
	for _, a := range c.WriteAttributes {
		if _, ok := p.Attribute(a); !ok || Reserved(a) || a == "email_verified" || a == "phone_number_verified" {
			return bad
		}
	}
	for _, a := range p.Attributes() {
		if c.WriteAttributes != nil && a.Required && a.Name != "sub" && !slices.Contains(c.WriteAttributes, a.Name) {
			return bad
		}
	}
	return nil
}

func (c *Client) checkOAuth(*Pool) error {
	if c.OAuth && (len(c.OAuthFlows) == 0 || len(c.OAuthScopes) == 0) {
		return invalid("OAuthFlows", OAuthIncomplete, "", "A client with OAuth has at least one grant and one scope.")
	}
	if slices.Contains(c.OAuthFlows, "client_credentials") {
		if len(c.OAuthFlows) > 1 {
			return invalid(oauthFlow, GrantsExclusive, "", "client_credentials excludes the other grants.")
		}
		if c.Secret == "" && !c.GenerateSecret {
			return invalid(oauthFlow, GrantNeedsSecret, "", "client_credentials needs a client secret.")
		}
	} else if len(c.OAuthFlows) > 0 && len(c.CallbackURLs) == 0 {
		return invalid(oauthFlow, GrantNeedsCallback, "", "The grants code and implicit need a callback URL.")
	}
	for i, u := range slices.Concat(c.CallbackURLs, c.LogoutURLs) {
		setting := "CallbackURLs"
		if i >= len(c.CallbackURLs) {
			setting = "LogoutURLs"
		}
		if err := checkURL(setting, u); err != nil {
			return err
		}
	}
	for setting, u := range map[string]*string{"BackChannelLogoutURI": c.BackChannelLogoutURI, "FrontChannelLogoutURI": c.FrontChannelLogoutURI} {
		if u == nil {
			continue
		}
		if err := checkURL(setting, *u); err != nil {
			return err
		}
		if !strings.HasPrefix(*u, "https://") && !strings.HasPrefix(*u, "http://") {
			return plain(setting, "%s is not an address that can be called.", *u)
		}
	}
	if d := c.DefaultRedirectURI; d != nil && !slices.Contains(c.CallbackURLs, *d) {
		return invalid("DefaultRedirectURI", RedirectNotListed, *d, "The default redirect URI must be one of the callback URLs.")
	}
	return nil
}

// checkURL refuses a URL that nobody may be redirected to. It may be https, http
// to this machine only, or an application's own scheme.
func checkURL(setting, text string) error {
	bad := plain(setting, "%s is not an absolute URL without fragment, https unless to the loopback address.", text)
	u, err := url.Parse(text)
	if err != nil || !u.IsAbs() {
		return bad
	}
	if strings.Contains(text, "#") {
		return invalid(setting, URLFragment, text, text+" has a fragment.")
	}
	switch strings.ToLower(u.Scheme) {
	case "https":
		if u.Host == "" {
			return bad
		}
	case "http":
		if !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
			return invalid(setting, URLInsecure, text, text+" is plain http, to another machine.")
		}
	case "javascript", "data", "vbscript", "file", "blob", "about":
		return bad
	}
	return nil
}
