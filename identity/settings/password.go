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

// Unmet returns which rules of the policy a password breaks. Every code
// point of its composed form counts as one character.
func (p PasswordPolicy) Unmet(password Secret) []PasswordRule {
	text := norm.NFC.String(string(password))
	var unmet []PasswordRule
	need := func(met bool, r PasswordRule) {
		if !met {
			unmet = append(unmet, r)
		}
	}
	n := utf8.RuneCountInString(text)
	need(n >= p.MinimumLength, RuleLength)
	need(n <= maxPassword && len(password) <= MaxPasswordBytes, RuleMaximum)
	need(!p.RequireUppercase || has(text, 'A', 'Z'), RuleUppercase)
	need(!p.RequireLowercase || has(text, 'a', 'z'), RuleLowercase)
	need(!p.RequireNumbers || has(text, '0', '9'), RuleNumber)
	need(!p.RequireSymbols || strings.ContainsAny(strings.TrimSpace(text), symbols+" "), RuleSymbol)
	need(text == strings.TrimSpace(text), RuleSpace)
	return unmet
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
