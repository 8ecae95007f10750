package settings

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cognate-id/cognate/token"
)

// Check returns an [*Error] about the first setting of a pool that is invalid.
func (s *Pool) Check() error {
	for _, check := range []func() error{
		s.checkName, s.checkID, s.checkNames, s.checkPolicy, s.checkLogs, s.checkSessions, s.checkSchema, s.checkMFA, s.checkRecovery, s.checkTokens,
		s.checkKept, s.checkTexts, s.checkTriggers, s.checkTags, s.checkLevels, s.checkGrown,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// CustomName reports whether a name is that of a custom attribute: custom: or
// dev:custom: and 1 to 20 letters, marks, symbols, numbers or punctuation.
func CustomName(name string) bool {
	short, ok := strings.CutPrefix(strings.TrimPrefix(name, "dev:"), "custom:")
	n := utf8.RuneCountInString(short)
	return ok && n >= 1 && n <= 20 && Printable(short)
}

// Printable reports whether text is of the characters that names are made of.
func Printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.S, unicode.N, unicode.P)
	})
}

func (s *Pool) checkName() error {
	if n := len(s.Name); n == 0 || n > 128 {
		return plain("Name", "A pool has a name of 1 to 128 characters.")
	}
	if !regionForm.MatchString(s.Region) {
		return plain("Region", "%q is not a region such as us-east-1.", s.Region)
	}
	switch s.Defaults {
	case SafeDefaults, CognitoDefaults:
		return nil
	default: // some rules would be strict and some loose
		return plain("Defaults", "%q is not one of SafeDefaults, CognitoDefaults.", s.Defaults)
	}
}

func (s *Pool) checkNames() error {
	if len(s.Aliases) > 0 && len(s.UsernameAttributes) > 0 {
		return invalid("Aliases", AliasesExclusive, "", "A pool has Aliases or UsernameAttributes, not both.")
	}
	for setting, allowed := range map[string]struct{ values, from []string }{
		"Aliases":            {s.Aliases, []string{"email", "phone_number", "preferred_username"}},
		"UsernameAttributes": {s.UsernameAttributes, []string{"email", "phone_number"}},
		"AutoVerified":       {s.AutoVerified, []string{"email", "phone_number"}},
		"VerifyBeforeUpdate": {s.VerifyBeforeUpdate, []string{"email", "phone_number"}},
	} {
		for _, v := range allowed.values {
			if !slices.Contains(allowed.from, v) {
				return plain(setting, "%q is not one of %s.", v, strings.Join(allowed.from, ", "))
			}
		}
	}
	for _, a := range s.VerifyBeforeUpdate {
		if !slices.Contains(s.AutoVerified, a) {
			return invalid("VerifyBeforeUpdate", NotAutoVerified, a, "Only attributes in AutoVerified can be verified before an update.")
		}
	}
	return nil
}

func (s *Pool) checkPolicy() error {
	p := s.PasswordPolicy
	if p != nil {
		if p.MinimumLength != 0 && (p.MinimumLength < 6 || p.MinimumLength > 99) {
			return plain("PasswordPolicy", "The minimum length of a password is 6 to 99.")
		}
		if p.TemporaryDays < 0 || p.TemporaryDays > 365 {
			return plain("PasswordPolicy", "A temporary password lives 1 to 365 days.")
		}
		if h := p.HistorySize; h != nil && (*h < 0 || *h > 24) {
			return plain("PasswordPolicy", "A password history holds 0 to 24 passwords.")
		}
	}
	if err := s.checkPasskeyOrigins(); err != nil {
		return err
	}
	for _, f := range s.FirstFactors {
		switch f {
		case FirstPassword, FirstEmailOTP, FirstSMSOTP, FirstPasskey:
		default:
			return plain("FirstFactors", "%q is not a factor.", f)
		}
	}
	if s.FirstFactors != nil && !slices.Contains(s.FirstFactors, FirstPassword) {
		return invalid("FirstFactors", PasswordMissing, "", "PASSWORD must be among the first factors.")
	}
	return nil
}

func (s *Pool) checkSchema() error {
	if s.Schema == nil {
		return nil
	}
	seen := map[string]bool{}
	custom := 0
	for _, a := range s.Schema {
		if seen[a.Name] {
			return invalid("Schema", AttributeTwice, a.Name, "The attribute "+a.Name+" is there twice.")
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
		return plain("Schema", "A user pool has at most 50 custom attributes.")
	}
	for _, a := range standardSchema {
		if !seen[a.Name] {
			return plain("Schema", "%s", "The schema lacks the standard attribute "+a.Name+".")
		}
	}
	return nil
}

func (a Attribute) check() error {
	if i := slices.IndexFunc(standardSchema, func(s Attribute) bool { return s.Name == a.Name }); i >= 0 {
		if a.Type != standardSchema[i].Type || a.DeveloperOnly {
			return invalid("Schema", StandardFixed, a.Name, "The standard attribute "+a.Name+" has a fixed type and is for all clients.")
		}
		return a.checkBounds()
	}
	if !CustomName(a.Name) {
		return plain("Schema", "%q is neither a standard attribute nor a custom one.", a.Name)
	}
	if !slices.Contains([]AttributeType{TypeString, TypeNumber, TypeDateTime, TypeBoolean}, a.Type) {
		return invalid("Schema", TypeUnknown, a.Name, fmt.Sprintf("%q is not one of String, Number, DateTime, Boolean.", a.Type))
	}
	if a.Required {
		return invalid("Schema", CustomRequired, a.Name, "A custom attribute cannot be required.")
	}
	return a.checkBounds()
}

// checkBounds holds the bounds to what the service takes; its words.
func (a Attribute) checkBounds() error {
	bounds := a.bounds()
	least, badMin := parseBound(bounds.Min)
	most, badMax := parseBound(bounds.Max)
	if badMin != nil || badMax != nil || a.Type == TypeString && min(least, most) < 0 {
		code := map[AttributeType]Code{TypeString: StringBoundsMalformed, TypeNumber: NumberBoundsMalformed}[a.Type]
		return invalid("Schema", cmp.Or(code, BoundsMalformed), a.Name, "The bounds of "+a.Name+" are malformed.")
	}
	short := strings.TrimPrefix(strings.TrimPrefix(a.Name, "dev:"), "custom:")
	if a.Type == TypeString && (least > 2048 || most > 2048) {
		return invalid("Schema", StringTooLong, short, "The bounds of "+a.Name+" are at most 2048.")
	}
	if bounds.Min != nil && bounds.Max != nil && most < least {
		code := NumberBoundsReversed
		if a.Type == TypeString {
			code = StringBoundsReversed
		}
		return invalid("Schema", code, a.Name, "The upper bound of "+a.Name+" is below the lower one.")
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
func (s *Pool) checkMFA() error {
	switch s.MFA {
	case "", MFAOff:
		if s.OffersFactor() {
			return invalid("MFA", FactorsWithoutMFA, "", "A pool without MFA has no second factors.")
		}
		return nil
	case MFAOn, MFAOptional:
	default:
		return plain("MFA", "%q is not one of OFF, OPTIONAL, ON.", s.MFA)
	}
	if !s.OffersFactor() {
		return invalid("MFA", MFAWithoutFactor, "", "A pool with MFA has at least one second factor: turn TOTP, SMSMFA or EmailMFA on.")
	}
	return nil
}

func (s *Pool) checkRecovery() error {
	priorities := map[int]bool{}
	for _, r := range s.Recovery {
		switch r.Name {
		case RecoverByEmail, RecoverByPhone, RecoverByAdmin:
		default:
			return plain("Recovery", "%q is not one of verified_email, verified_phone_number, admin_only.", r.Name)
		}
		if r.Priority < 1 || r.Priority > 2 {
			return plain("Recovery", "The priority of a way to recover an account is 1 or 2.")
		}
		if priorities[r.Priority] {
			return invalid("Recovery", RecoveryPriorityTwice, "", "Two ways to recover an account have the same priority.")
		}
		priorities[r.Priority] = true
		if r.Name == RecoverByAdmin && len(s.Recovery) > 1 {
			return invalid("Recovery", RecoveryByAdminAndMore, "", "admin_only excludes other ways to recover an account.")
		}
	}
	if s.UnusedAccountDays != nil && (*s.UnusedAccountDays < 0 || *s.UnusedAccountDays > 365) {
		return plain("UnusedAccountDays", "An invitation lives 0 to 365 days.")
	}
	return nil
}

func (s *Pool) checkTokens() error {
	if !slices.Contains([]token.Algorithm{"", token.RS256, token.ES256, token.EdDSA}, s.Algorithm) {
		return plain("Algorithm", "%q is not one of RS256, ES256, EdDSA.", s.Algorithm)
	}
	if t := s.IssuerType; t != nil && *t != IssuerOriginal && *t != IssuerUpdated {
		return plain("IssuerType", "%q is neither %s nor %s.", *t, IssuerOriginal, IssuerUpdated)
	}
	if s.Issuer == "" || s.Issuer == AWSIssuerName || s.Issuer == AWSUpdatedIssuerName {
		return nil
	}
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return plain("Issuer", "The issuer is an absolute http or https URL without query.")
	}
	return nil
}

// CheckChange returns an [*Error] if the settings are invalid, or change what a pool
// keeps from the settings before, such as its region.
func (s *Pool) CheckChange(before *Pool) error {
	if fixed := s.Fixed(before); len(fixed) > 0 {
		return plain(fixed[0], "%s", "What a pool was made with cannot be changed: "+strings.Join(fixed, ", ")+".")
	}
	return s.Check()
}

// Fixed are the settings that differ from those before and cannot be changed.
func (s *Pool) Fixed(before *Pool) (settings []string) {
	for _, fixed := range []struct {
		setting string
		same    bool
	}{
		{"Region", s.Region == before.Region},
		{"Defaults", s.Defaults == before.Defaults},
		{"Generation", s.Generation >= before.Generation},
		{"Algorithm", s.SigningAlgorithm() == before.SigningAlgorithm()},
		{"Aliases", slices.Equal(s.Aliases, before.Aliases)},
		{"UsernameAttributes", slices.Equal(s.UsernameAttributes, before.UsernameAttributes)},
		{"CaseSensitive", s.DistinguishesCase() == before.DistinguishesCase()},
		{"Schema", s.extends(before)},
	} {
		if !fixed.same {
			settings = append(settings, fixed.setting)
		}
	}
	return settings
}

// extends reports whether the schema has all that the one before has, unchanged and in its order.
func (s *Pool) extends(before *Pool) bool {
	had, has := before.Attributes(), s.Attributes()
	return len(has) >= len(had) && reflect.DeepEqual(has[:len(had)], had)
}
