package identity

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
)

// Passwords: the check by the policy, and the record with the hash. The hash takes
// a tenth of a second or so by design. Flows therefore call newCredential before
// their transaction, and only write its result within.

// checkPassword returns an error if a password does not meet the policy of the
// pool. signUp says that the user is just signing up, which errors tell apart.
func checkPassword(s *PoolSettings, password Secret, signUp bool) error {
	policy := s.EffectivePasswordPolicy()
	if unmet := policy.Unmet(password); len(unmet) > 0 {
		return &PasswordError{Unmet: unmet, SignUp: signUp, Minimum: policy.MinimumLength}
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
