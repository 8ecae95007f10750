package identity

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cognate-id/cognate/identity/internal/srp"
)

const (
	maxPassword      = 256             // characters
	maxPasswordBytes = 4 * maxPassword // in UTF-8
	symbols          = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+-"
)

// checkPassword tells which rules of the policy a password breaks. Every code
// point of its composed form counts as one character.
func (p PasswordPolicy) checkPassword(password Secret) []PasswordRule {
	text := norm.NFC.String(string(password))
	var unmet []PasswordRule
	need := func(met bool, r PasswordRule) {
		if !met {
			unmet = append(unmet, r)
		}
	}
	n := utf8.RuneCountInString(text)
	need(n >= p.MinimumLength, RuleLength)
	need(n <= maxPassword && len(password) <= maxPasswordBytes, RuleMaximum)
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

func (s *PoolSettings) checkPassword(password Secret, signUp bool) error {
	if unmet := s.EffectivePasswordPolicy().checkPassword(password); len(unmet) > 0 {
		return &PasswordError{Unmet: unmet, SignUp: signUp}
	}
	return nil
}

// newCredential hashes a password for a user.
func (e *Engine) newCredential(ctx context.Context, s *PoolSettings, u *User, password Secret, now time.Time) (*credential, error) {
	hash, err := e.hasher.Hash(ctx, string(password))
	if err != nil {
		return nil, err
	}
	c := &credential{Pool: u.Pool, Sub: u.Sub, Hash: hash, Changed: now}
	if s.SRP {
		c.addVerifier(u.Username, password)
	}
	return c, nil
}

// addVerifier makes the SRP verifier that goes with the password.
func (c *credential) addVerifier(username string, password Secret) {
	c.Salt = make([]byte, srp.SaltSize)
	rand.Read(c.Salt)
	c.Verifier = srp.Verifier(srpName(c.Pool), username, string(password), c.Salt)
}

// srpName is the pool's name in SRP: its id after the region.
func srpName(pool string) string {
	_, name, _ := strings.Cut(pool, "_")
	return name
}

// temporaryPassword makes a password that meets any policy.
func (p PasswordPolicy) temporaryPassword() (Secret, error) {
	classes := []string{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!@#%&*?"}
	var b strings.Builder
	for i := range max(p.MinimumLength, 12) {
		c, err := random(rand.Reader, classes[i%len(classes)], 1)
		if err != nil {
			return "", err
		}
		b.WriteString(c)
	}
	return Secret(b.String()), nil
}
