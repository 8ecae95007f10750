package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/internal/blocklist"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/identity/settings"
)

// Passwords: the rules for new ones, and the record with the hash. Each flow that
// sets a password takes it in two steps, before its transaction:
//
//  1. checkPassword holds it to the policy and to the lists of passwords that many
//     people use. This is quick, so it is done for anybody.
//  2. chosen asks the program's own check of breaches, if there is one, and makes the
//     hash. Both are slow: the hash takes a tenth of a second or so by design. Flows call
//     it after what limits strangers.
//
// A password that is brought from elsewhere, as a hash or by the hook UserMigration, is
// no new one, and is held to none of this.

// checkPassword returns an error if a password does not meet the policy of the
// pool, or is a common one. signUp says that the user is just signing up, which errors tell apart.
func (e *Engine) checkPassword(s *PoolSettings, password Secret, signUp bool) error {
	unmet, err := e.unmet(s, password)
	if err != nil || len(unmet) == 0 {
		return err
	}
	return &PasswordError{Unmet: unmet, SignUp: signUp, Minimum: s.EffectivePasswordPolicy().MinimumLength}
}

// unmet returns the rules that a password breaks, by what the engine itself knows.
func (e *Engine) unmet(s *PoolSettings, password Secret) ([]PasswordRule, error) {
	unmet := s.EffectivePasswordPolicy().Unmet(password)
	if !s.BlocksCommonPasswords() || len(password) > settings.MaxPasswordBytes {
		return unmet, nil
	}
	common, err := blocklist.Contains(string(password))
	if err != nil {
		return nil, err
	}
	if common || e.blocked[blocklist.Fold(string(password))] {
		unmet = append(unmet, RuleCommon)
	}
	return unmet, nil
}

func foldAll(passwords []string) map[string]bool {
	folded := make(map[string]bool, len(passwords))
	for _, p := range passwords {
		folded[blocklist.Fold(p)] = true
	}
	return folded
}

// A PasswordRuleCheck is a rule for passwords, and whether a password meets it.
type PasswordRuleCheck struct {
	Rule  PasswordRule // one of the constants, such as [RuleLength]
	Words string       // what the rule asks for, for people, such as "at least 15 characters"
	Met   bool         // whether the password meets the rule
}

// PasswordRules returns the rules that the pool has for new passwords, in the order in which they
// are checked, and whether a password meets each: for pages that show it while the user
// types. Options.Breached is not asked, and the history of a user is not read. The work is
// bounded, whatever the password.
func (p *UserPool) PasswordRules(ctx context.Context, password Secret) ([]PasswordRuleCheck, error) {
	info, err := p.engine.poolInfo(ctx, p.pool)
	if err != nil {
		return nil, fmt.Errorf("password rules: %w", err)
	}
	s := &info.Settings
	unmet, err := p.engine.unmet(s, password)
	if err != nil {
		return nil, fmt.Errorf("password rules: %w", err)
	}
	policy := s.EffectivePasswordPolicy()
	rules := policy.Rules()
	if s.BlocksCommonPasswords() {
		rules = append(rules, RuleCommon)
	}
	checks := make([]PasswordRuleCheck, len(rules))
	for i, r := range rules {
		met := !slices.Contains(unmet, r) && (r == RuleMaximum || len(password) <= settings.MaxPasswordBytes)
		checks[i] = PasswordRuleCheck{Rule: r, Words: wanted(r, policy.MinimumLength), Met: met}
	}
	return checks, nil
}

// breachWait is how long Options.Breached may take.
const breachWait = 2 * time.Second

// checkBreach returns an error if the program's own check knows a password. A check that fails
// lets no password pass.
func (e *Engine) checkBreach(ctx context.Context, s *PoolSettings, password Secret, signUp bool) error {
	if e.breached == nil || !s.BlocksCommonPasswords() {
		return nil
	}
	asked, cancel := context.WithTimeout(ctx, breachWait)
	defer cancel()
	known, err := e.breached(asked, password)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err() // the caller has gone
	case err != nil:
		e.log.ErrorContext(ctx, "the check for breached passwords has failed", "error", err)
		return ErrBreachCheck
	case known:
		return &PasswordError{Unmet: []PasswordRule{RuleBreached}, SignUp: signUp, Minimum: s.EffectivePasswordPolicy().MinimumLength}
	}
	return nil
}

// chosen makes the credential of a password that was chosen for a user, and that checkPassword has passed.
func (e *Engine) chosen(ctx context.Context, s *PoolSettings, u *User, password Secret, signUp bool, now time.Time) (*credential, error) {
	if err := e.checkBreach(ctx, s, password, signUp); err != nil {
		return nil, err
	}
	return e.newCredential(ctx, s, u, password, now)
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
func temporaryPassword(p PasswordPolicy) (Secret, error) {
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
