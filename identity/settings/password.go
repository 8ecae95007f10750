package settings

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A PasswordRule is one rule of a [PasswordPolicy].
type PasswordRule string

// The rules that a password can break, in the order in which they are checked.
const (
	RuleLength    PasswordRule = "long enough"
	RuleMaximum   PasswordRule = "at most 256 characters"
	RuleUppercase PasswordRule = "an uppercase letter"
	RuleLowercase PasswordRule = "a lowercase letter"
	RuleNumber    PasswordRule = "a digit"
	RuleSymbol    PasswordRule = "a symbol"
	RuleSpace     PasswordRule = "no space at either end"
	RuleCommon    PasswordRule = "no common password"   // see [Pool.BlockCommonPasswords]
	RuleBreached  PasswordRule = "no breached password" // as the program's own check says
)

// MaxPasswordBytes is the length in UTF-8 of the longest password that any pool takes.
const MaxPasswordBytes = 4 * maxPassword

const (
	maxPassword = 256 // characters
	symbols     = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+-"
)

// A PasswordPolicy says what a password must have. The zero value asks for 15
// characters and no particular kinds of them (NIST SP 800-63B-4).
type PasswordPolicy struct {
	MinimumLength    int  `json:"minimumLength,omitempty"`    // 6 to 99 characters; 0 means 15, or 8 in a pool with MFA ON
	RequireUppercase bool `json:"requireUppercase,omitempty"` // at least one of A to Z
	RequireLowercase bool `json:"requireLowercase,omitempty"` // at least one of a to z
	RequireNumbers   bool `json:"requireNumbers,omitempty"`   // at least one digit
	RequireSymbols   bool `json:"requireSymbols,omitempty"`   // at least one symbol or inner space
	HistorySize      *int `json:"historySize,omitempty"`      // 0 to 24 passwords that a new one must differ from, the present one included; nil means 0
	TemporaryDays    int  `json:"temporaryDays,omitempty"`    // life of a temporary password, 1 to 365 days; 0 means [Pool.UnusedAccountDays], or 7
}

// CognitoPasswordPolicy is the policy of a pool that Amazon Cognito makes
// without being told one: 8 characters, of all four kinds.
func CognitoPasswordPolicy() PasswordPolicy {
	return PasswordPolicy{
		MinimumLength: 8, RequireUppercase: true, RequireLowercase: true, RequireNumbers: true, RequireSymbols: true, TemporaryDays: 7,
	}
}

// EffectivePasswordPolicy is the pool's password policy with its defaults
// filled in: the one that passwords are held to.
func (s *Pool) EffectivePasswordPolicy() PasswordPolicy {
	p := PasswordPolicy{}
	switch {
	case s.PasswordPolicy != nil:
		p = *s.PasswordPolicy
	case s.Defaults == CognitoDefaults:
		p = CognitoPasswordPolicy()
	}
	if p.MinimumLength == 0 {
		p.MinimumLength = 15
		if s.MFA == MFAOn {
			p.MinimumLength = 8
		}
	}
	if p.TemporaryDays == 0 {
		p.TemporaryDays = 7
	}
	return p
}

// Rules returns the rules that the policy has, in the order in which they are checked.
func (p PasswordPolicy) Rules() []PasswordRule {
	var rules []PasswordRule
	for _, r := range p.rules() {
		rules = append(rules, r.rule)
	}
	return rules
}

// Unmet returns which rules of the policy a password breaks. Every code
// point of its composed form counts as one character. Of a password of more than
// [MaxPasswordBytes] only [RuleMaximum] is checked.
func (p PasswordPolicy) Unmet(password Secret) []PasswordRule {
	if len(password) > MaxPasswordBytes {
		return []PasswordRule{RuleMaximum}
	}
	text := norm.NFC.String(string(password))
	var unmet []PasswordRule
	for _, r := range p.rules() {
		if !r.met(text) {
			unmet = append(unmet, r.rule)
		}
	}
	return unmet
}

// A passwordCheck is a rule, and whether a password in its composed form meets it.
type passwordCheck struct {
	rule PasswordRule
	met  func(text string) bool
}

// rules returns the checks of the policy.
func (p PasswordPolicy) rules() []passwordCheck {
	checks := []passwordCheck{
		{RuleLength, func(text string) bool { return utf8.RuneCountInString(text) >= p.MinimumLength }},
		{RuleMaximum, func(text string) bool { return utf8.RuneCountInString(text) <= maxPassword }},
	}
	for _, c := range []struct {
		wanted bool
		passwordCheck
	}{
		{p.RequireUppercase, passwordCheck{RuleUppercase, func(text string) bool { return has(text, 'A', 'Z') }}},
		{p.RequireLowercase, passwordCheck{RuleLowercase, func(text string) bool { return has(text, 'a', 'z') }}},
		{p.RequireNumbers, passwordCheck{RuleNumber, func(text string) bool { return has(text, '0', '9') }}},
		{p.RequireSymbols, passwordCheck{RuleSymbol, func(text string) bool { return strings.ContainsAny(strings.TrimSpace(text), symbols+" ") }}},
		{true, passwordCheck{RuleSpace, func(text string) bool { return text == strings.TrimSpace(text) }}},
	} {
		if c.wanted {
			checks = append(checks, c.passwordCheck)
		}
	}
	return checks
}

func has(text string, from, to rune) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return from <= r && r <= to })
}

// PasswordHistory is how many of a user's passwords, the present one included, a new
// one must differ from.
func (s *Pool) PasswordHistory() int {
	p := s.EffectivePasswordPolicy()
	if p.HistorySize == nil {
		return 0
	}
	return *p.HistorySize
}
