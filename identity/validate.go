package identity

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cognate-id/cognate/token"
)

// check refuses settings of a pool that cannot be.
func (s *PoolSettings) check() error {
	for _, check := range []func() error{
		s.checkName, s.checkNames, s.checkPolicy, s.checkSchema, s.checkMFA, s.checkRecovery, s.checkTokens,
		s.checkKept, s.checkTexts, s.checkTriggers, s.checkTags,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// customName tells whether a name is that of a custom attribute: custom: or
// dev:custom: and 1 to 20 letters, marks, symbols, numbers or punctuation.
func customName(name string) bool {
	short, ok := strings.CutPrefix(strings.TrimPrefix(name, "dev:"), "custom:")
	n := utf8.RuneCountInString(short)
	return ok && n >= 1 && n <= 20 && printable(short)
}

// printable tells whether text is of the characters that names are made of.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.S, unicode.N, unicode.P)
	})
}

func (s *PoolSettings) checkName() error {
	if n := len(s.Name); n == 0 || n > 128 {
		return &SettingError{"Name", "A pool has a name of 1 to 128 characters."}
	}
	if !regionForm.MatchString(s.Region) {
		return &SettingError{"Region", fmt.Sprintf("%q is not a region such as us-east-1.", s.Region)}
	}
	switch s.Defaults {
	case SafeDefaults, CognitoDefaults:
	default: // would be neither: safe here and loose there
		return &SettingError{"Defaults", fmt.Sprintf("%q is not one of SafeDefaults, CognitoDefaults.", s.Defaults)}
	}
	return nil
}

func (s *PoolSettings) checkNames() error {
	if len(s.Aliases) > 0 && len(s.UsernameAttributes) > 0 {
		return &SettingError{"Aliases", "Only one of the aliasAttributes or usernameAttributes can be set in a user pool."}
	}
	for setting, allowed := range map[string]struct{ values, from []string }{
		"Aliases":            {s.Aliases, []string{"email", "phone_number", "preferred_username"}},
		"UsernameAttributes": {s.UsernameAttributes, []string{"email", "phone_number"}},
		"AutoVerified":       {s.AutoVerified, []string{"email", "phone_number"}},
		"VerifyBeforeUpdate": {s.VerifyBeforeUpdate, []string{"email", "phone_number"}},
	} {
		for _, v := range allowed.values {
			if !slices.Contains(allowed.from, v) {
				return &SettingError{setting, fmt.Sprintf("%q is not one of %s.", v, strings.Join(allowed.from, ", "))}
			}
		}
	}
	for _, a := range s.VerifyBeforeUpdate {
		if !slices.Contains(s.AutoVerified, a) {
			return &SettingError{"VerifyBeforeUpdate", "AttributesRequireVerificationBeforeUpdate can only contain auto verified attributes."}
		}
	}
	return nil
}

func (s *PoolSettings) checkPolicy() error {
	p := s.PasswordPolicy
	if p != nil {
		if p.MinimumLength != 0 && (p.MinimumLength < 6 || p.MinimumLength > 99) {
			return &SettingError{"PasswordPolicy", "The minimum length of a password is 6 to 99."}
		}
		if p.TemporaryDays < 0 || p.TemporaryDays > 365 {
			return &SettingError{"PasswordPolicy", "A temporary password lives 1 to 365 days."}
		}
		if h := p.HistorySize; h != nil && (*h < 0 || *h > 24) {
			return &SettingError{"PasswordPolicy", "A password history holds 0 to 24 passwords."}
		}
	}
	for _, f := range s.FirstFactors {
		if !slices.Contains([]string{"PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}, f) {
			return &SettingError{"FirstFactors", fmt.Sprintf("%q is not a factor.", f)}
		}
	}
	if s.FirstFactors != nil && !slices.Contains(s.FirstFactors, "PASSWORD") {
		return &SettingError{"FirstFactors", "Invalid SignInPolicy: AllowedFirstAuthFactors must contain PASSWORD."}
	}
	return nil
}

func (s *PoolSettings) checkSchema() error {
	if s.Schema == nil {
		return nil
	}
	seen := map[string]bool{}
	custom := 0
	for _, a := range s.Schema {
		if seen[a.Name] {
			return &SettingError{"Schema", fmt.Sprintf("%s: Existing attribute already has name %s.", a.Name, a.Name)}
		}
		seen[a.Name] = true
		if err := a.check(); err != nil {
			return err
		}
		if strings.Contains(a.Name, "custom:") {
			custom++
		}
	}
	if custom > 50 {
		return &SettingError{"Schema", "A user pool has at most 50 custom attributes."}
	}
	for _, a := range standardSchema {
		if !seen[a.Name] {
			return &SettingError{"Schema", "The schema lacks the standard attribute " + a.Name + "."}
		}
	}
	return nil
}

func (a SchemaAttribute) check() error {
	if i := slices.IndexFunc(standardSchema, func(s SchemaAttribute) bool { return s.Name == a.Name }); i >= 0 {
		if a.Type != standardSchema[i].Type || a.DeveloperOnly {
			return &SettingError{"Schema", "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute " + a.Name}
		}
		return a.checkBounds()
	}
	if !customName(a.Name) {
		return &SettingError{"Schema", fmt.Sprintf("%q is neither a standard attribute nor a custom one.", a.Name)}
	}
	if !slices.Contains([]AttributeType{TypeString, TypeNumber, TypeDateTime, TypeBoolean}, a.Type) {
		return &SettingError{"Schema", "Invalid AttributeDataType input, consider using the provided AttributeDataType enum."}
	}
	if a.Required {
		return &SettingError{"Schema", "Required custom attributes are not supported currently."}
	}
	return a.checkBounds()
}

// checkBounds holds the bounds to what the service takes; its words.
func (a SchemaAttribute) checkBounds() error {
	kind := map[AttributeType]string{TypeString: "StringAttributeConstraints", TypeNumber: "NumberAttributeConstraints"}[a.Type]
	least, badMin := parseBound(a.Min)
	most, badMax := parseBound(a.Max)
	if badMin != nil || badMax != nil || a.Type == TypeString && min(least, most) < 0 {
		return &SettingError{"Schema", "Invalid " + kind + " for schema attribute " + a.Name}
	}
	short := strings.TrimPrefix(strings.TrimPrefix(a.Name, "dev:"), "custom:")
	if a.Type == TypeString && (least > 2048 || most > 2048) {
		return &SettingError{"Schema", "user." + short + ": String attributes cannot have a length of more than 2048"}
	}
	if a.Min != nil && a.Max != nil && most < least {
		what := map[AttributeType]string{TypeString: "length"}[a.Type]
		if what == "" {
			what = "value"
		}
		return &SettingError{"Schema", fmt.Sprintf("user.%s: Max %s cannot be less than min %s.", short, what, what)}
	}
	return nil
}

func parseBound(text *string) (int, error) {
	if text == nil {
		return 0, nil
	}
	return strconv.Atoi(*text)
}

// checkMFA refuses a pool that asks for second factors and has none; its words are the service's.
func (s *PoolSettings) checkMFA() error {
	switch s.MFA {
	case "", "OFF":
		if s.SMSMFA || s.TOTP {
			return &SettingError{"MFA", "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."}
		}
		return nil
	case "ON", "OPTIONAL":
	default:
		return &SettingError{"MFA", fmt.Sprintf("%q is not one of OFF, OPTIONAL, ON.", s.MFA)}
	}
	if !s.SMSMFA && !s.TOTP {
		return &SettingError{"MFA", "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled."}
	}
	return nil
}

func (s *PoolSettings) checkRecovery() error {
	priorities := map[int]bool{}
	for _, r := range s.Recovery {
		if !slices.Contains([]string{"verified_email", "verified_phone_number", "admin_only"}, r.Name) {
			return &SettingError{"Recovery", fmt.Sprintf("%q is not one of verified_email, verified_phone_number, admin_only.", r.Name)}
		}
		if r.Priority < 1 || r.Priority > 2 {
			return &SettingError{"Recovery", "The priority of a way to recover an account is 1 or 2."}
		}
		if priorities[r.Priority] {
			return &SettingError{"Recovery", "Account Recovery Setting cannot have two mechanisms with the same priority."}
		}
		priorities[r.Priority] = true
		if r.Name == "admin_only" && len(s.Recovery) > 1 {
			return &SettingError{"Recovery", "Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms."}
		}
	}
	if s.UnusedAccountDays != nil && (*s.UnusedAccountDays < 0 || *s.UnusedAccountDays > 365) {
		return &SettingError{"UnusedAccountDays", "An invitation lives 0 to 365 days."}
	}
	return nil
}

func (s *PoolSettings) checkTokens() error {
	if !slices.Contains([]token.Algorithm{"", token.RS256, token.ES256, token.EdDSA}, s.Algorithm) {
		return &SettingError{"Algorithm", fmt.Sprintf("%q is not one of RS256, ES256, EdDSA.", s.Algorithm)}
	}
	if s.Issuer == "" || s.Issuer == AWSIssuerName || s.Issuer == AWSUpdatedIssuerName {
		return nil
	}
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return &SettingError{"Issuer", "The issuer is an absolute http or https URL without query."}
	}
	return nil
}

// check refuses settings of a client that cannot be in a pool with settings p.
func (c *ClientSettings) check(p *PoolSettings) error {
	if n := len(c.Name); n == 0 || n > 128 {
		return &SettingError{"Name", "A client has a name of 1 to 128 characters."}
	}
	for _, check := range []func(*PoolSettings) error{c.checkSecret, c.checkFlows, c.checkValidity, c.checkAttributes, c.checkOAuth} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

var secretForm = regexp.MustCompile(`^[\w+]{24,64}$`)

func checkSecretForm(secret Secret) error {
	if secretForm.MatchString(string(secret)) {
		return nil
	}
	return &SettingError{"Secret", "A client secret is 24 to 64 letters, digits, underscores or plus signs."}
}

func (c *ClientSettings) checkSecret(*PoolSettings) error {
	if c.Secret != "" && c.GenerateSecret {
		return &SettingError{"Secret", "ClientSecret cannot be specified when GenerateSecret is true."}
	}
	if c.Secret != "" {
		if err := checkSecretForm(c.Secret); err != nil {
			return err
		}
	}
	if c.PropagateContext != nil && *c.PropagateContext && c.Secret == "" && !c.GenerateSecret {
		return &SettingError{"PropagateContext", "EnablePropagateAdditionalUserContextData can only be set for a client with a secret."}
	}
	return nil
}

func (c *ClientSettings) checkFlows(*PoolSettings) error {
	old, current := false, false
	for _, f := range c.AuthFlows {
		switch f {
		case AllowUserSRP, AllowUserPassword, AllowAdminPassword, AllowCustom, AllowRefresh, AllowUser:
			current = true
		case LegacyAdminNoSRP, LegacyCustomOnly, LegacyUserPassword:
			old = true
		default:
			return &SettingError{"AuthFlows", fmt.Sprintf("%q is not a flow.", f)}
		}
	}
	if old && current {
		return &SettingError{"AuthFlows", "ExplicitAuthFlows cannot mix values with and without the ALLOW_ prefix."}
	}
	if c.rotates() && slices.Contains(c.AuthFlows, AllowRefresh) {
		return &SettingError{"Rotation", "ALLOW_REFRESH_TOKEN_AUTH cannot be used with refresh token rotation."}
	}
	if c.Rotation != nil && c.Rotation.GraceSeconds != nil && (*c.Rotation.GraceSeconds < 0 || *c.Rotation.GraceSeconds > 60) {
		return &SettingError{"Rotation", "The grace period is 0 to 60 seconds."}
	}
	if c.SessionMinutes != nil && (*c.SessionMinutes < 3 || *c.SessionMinutes > 15) {
		return &SettingError{"SessionMinutes", "A session is valid for 3 to 15 minutes."}
	}
	if p := c.PreventUserExistenceErrors; p != nil && *p != "ENABLED" && *p != "LEGACY" {
		return &SettingError{"PreventUserExistenceErrors", "It is ENABLED or LEGACY."}
	}
	return nil
}

const year = 365 * 24 * time.Hour

func (c *ClientSettings) checkValidity(*PoolSettings) error {
	between := func(d, least, most time.Duration) bool { return least <= d && d <= most }
	day := 24 * time.Hour
	for _, u := range []*string{c.Units.Access, c.Units.ID, c.Units.Refresh} {
		if u != nil && unitLength(u, 0) == 0 {
			return &SettingError{"Units", fmt.Sprintf("%q is not one of seconds, minutes, hours, days.", *u)}
		}
	}
	if !between(c.accessLife(), 5*time.Minute, day) || !between(c.idLife(), 5*time.Minute, day) ||
		!between(c.refreshLife(), time.Hour, 10*year) {
		return &SettingError{"AccessTokenValidity", "Invalid range for token validity."}
	}
	if c.refreshLife() < c.accessLife() || c.refreshLife() < c.idLife() {
		return &SettingError{"RefreshTokenValidity", "Invalid range for token validity."}
	}
	return nil
}

func (c *ClientSettings) checkAttributes(p *PoolSettings) error {
	for _, a := range c.ReadAttributes {
		if _, ok := p.attribute(a); !ok {
			return &SettingError{"ReadAttributes", "Invalid read attributes specified while creating a client"}
		}
	}
	bad := &SettingError{"WriteAttributes", "Invalid write attributes specified while creating a client"}
	for _, a := range c.WriteAttributes {
		if _, ok := p.attribute(a); !ok || reserved(a) || a == "email_verified" || a == "phone_number_verified" {
			return bad
		}
	}
	for _, a := range p.schema() {
		if c.WriteAttributes != nil && a.Required && a.Name != "sub" && !slices.Contains(c.WriteAttributes, a.Name) {
			return bad
		}
	}
	return nil
}

func (c *ClientSettings) checkOAuth(*PoolSettings) error {
	if c.OAuth && (len(c.OAuthFlows) == 0 || len(c.OAuthScopes) == 0) {
		return &SettingError{"OAuthFlows", "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."}
	}
	if slices.Contains(c.OAuthFlows, "client_credentials") {
		if len(c.OAuthFlows) > 1 {
			return &SettingError{settingOAuthFlow, "client_credentials flow can not be selected along with code flow or implicit flow."}
		}
		if c.Secret == "" && !c.GenerateSecret {
			return &SettingError{settingOAuthFlow, "client_credentials flow can not be selected if client does not have a client secret."}
		}
	} else if len(c.OAuthFlows) > 0 && len(c.CallbackURLs) == 0 {
		return &SettingError{settingOAuthFlow, "CallbackUrls can not be empty when code flow or implicit flow is selected"}
	}
	for _, u := range slices.Concat(c.CallbackURLs, c.LogoutURLs) {
		if !callbackURL(u) {
			return &SettingError{"CallbackURLs", fmt.Sprintf("%s is not an absolute URL without fragment, https unless to the loopback address.", u)}
		}
	}
	if d := c.DefaultRedirectURI; d != nil && !slices.Contains(c.CallbackURLs, *d) {
		return &SettingError{"DefaultRedirectURI", "The default redirect URI must be in the list of callback URLs."}
	}
	return nil
}

// callbackURL tells whether a URL may be redirected to: https, http to this
// machine only, or an application's own scheme.
func callbackURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || strings.Contains(s, "#") {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "https":
		return u.Host != ""
	case "http":
		return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
	case "javascript", "data", "vbscript", "file", "blob", "about":
		return false
	}
	return true
}
