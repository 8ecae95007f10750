package identity

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/store"
)

// Which factors a user has set up: what the user can prove at a sign-in.

// An AuthFactor is a factor that a user has set up.
type AuthFactor string

// The factors, in the order of lists.
const (
	FactorPassword AuthFactor = "PASSWORD"
	FactorEmail    AuthFactor = "EMAIL_OTP"      // a verified e-mail address, where the pool allows codes by e-mail as a first factor
	FactorSMS      AuthFactor = "SMS_OTP"        // a verified phone number, where the pool allows codes by SMS as a first factor
	FactorPasskey  AuthFactor = "WEB_AUTHN"      // a passkey for the relying party of the pool, where the pool allows passkeys as a first factor
	FactorApp      AuthFactor = "SOFTWARE_TOKEN" // an authenticator app, which is a second factor only
)

// UserFactors are the factors of a user.
type UserFactors struct {
	Username   string        // the real one
	MFA        MFAPreference // the second factors that are turned on
	Configured []AuthFactor  // in the order of the constants; empty for a user who can prove nothing
}

// Factors returns the user's factors.
func (s *Session) Factors(ctx context.Context) (*UserFactors, error) {
	if err := s.managed(); err != nil {
		return nil, err
	}
	out, err := s.engine.factorsOf(ctx, &s.pool.Settings, s.user)
	if err != nil {
		return nil, fmt.Errorf("factors of a user: %w", err)
	}
	return out, nil
}

// Factors returns a user's factors.
func (us Users) Factors(ctx context.Context, name string) (*UserFactors, error) {
	p, u, err := us.admin.find(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("factors of a user: %w", err)
	}
	out, err := us.admin.engine.factorsOf(ctx, &p.Settings, u)
	if err != nil {
		return nil, fmt.Errorf("factors of a user: %w", err)
	}
	return out, nil
}

func (e *Engine) factorsOf(ctx context.Context, s *PoolSettings, u *User) (*UserFactors, error) {
	var cred *credential
	var app *totp
	var keys *passkeySet
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		key := store.Key(u.Pool, u.Sub)
		values, err := r.Get(credentials.Ref(key), totps.Ref(key), passkeys.Ref(key))
		if err != nil {
			return err
		}
		if cred, err = orNil(credentials.Decode(values[0])); err != nil {
			return err
		}
		if app, err = orNil(totps.Decode(values[1])); err != nil {
			return err
		}
		keys, err = orNil(passkeys.Decode(values[2]))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &UserFactors{Username: u.Username, MFA: u.MFA}
	for _, f := range firstFactors {
		if f.name != FirstPasswordSRP && f.usable(s, u, owned{cred, e.countPasskeys(s, keys)}) { // the password is one factor, however it is proved
			out.Configured = append(out.Configured, AuthFactor(f.name))
		}
	}
	if hasApp(u, enrolled{totp: app}) {
		out.Configured = append(out.Configured, FactorApp)
	}
	return out, nil
}

// DeleteTOTP forgets the key of a user's authenticator app, and turns the factor off. Sign-ins
// stay. Where the pool demands a second factor and the user has no other, the next sign-in
// asks to set one up. A user without an app stays as they are.
func (us Users) DeleteTOTP(ctx context.Context, name string) error {
	_, err := us.admin.change(ctx, name, EventMFAChanged, func(tx store.Tx, _ *PoolInfo, u *User) (refused, err error) {
		if u.Status == StatusUnconfirmed {
			return ErrUserNotConfirmed, nil
		}
		if _, err := totps.Delete(tx, store.Key(u.Pool, u.Sub)); err != nil {
			return nil, err
		}
		u.MFA.turn(MFATOTP, false)
		u.MFA.prefer(MFATOTP, false)
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("delete TOTP: %w", err)
	}
	return nil
}
