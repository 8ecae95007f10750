package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// A step is what a sign-in asks for next.
type step int

const (
	stepTokens step = iota // nothing
	stepNewPassword
	stepTOTP
	stepSMS
	stepChoose
	stepSetup
)

// asksFactor tells whether the pool asks anybody for a second factor.
func (s *PoolSettings) asksFactor() bool { return s.MFA == "ON" || s.MFA == "OPTIONAL" }

// step is what a user who proved the password is asked for. t is nil where no
// authenticator app is enrolled.
func (s *PoolSettings) step(u *User, t *totp) step {
	if u.Status == StatusForceChangePassword {
		return stepNewPassword
	}
	if !s.asksFactor() {
		return stepTokens
	}
	methods := s.methods(u, t)
	switch {
	case len(methods) == 0 && s.MFA == "ON":
		return stepSetup
	case len(methods) == 0:
		return stepTokens
	case len(methods) > 1:
		return stepChoose
	case methods[0] == MFATOTP:
		return stepTOTP
	}
	return stepSMS
}

// methods are the second factors that a user may be asked for: the preferred
// one alone, if there is one. Where everybody needs one, a factor that the user
// has counts even if it was never turned on: else the password alone would do to set up another.
func (s *PoolSettings) methods(u *User, t *totp) []MFAMethod {
	enrolled := t != nil && len(t.Secret) > 0
	texts := s.SMSMFA && u.Attributes["phone_number"] != ""
	var out []MFAMethod
	if u.MFA.SMS && texts {
		out = append(out, MFASMS)
	}
	if u.MFA.TOTP && enrolled {
		out = append(out, MFATOTP)
	}
	switch {
	case slices.Contains(out, u.MFA.Preferred):
		return []MFAMethod{u.MFA.Preferred}
	case len(out) > 0 || s.MFA != "ON":
		return out
	case enrolled:
		return []MFAMethod{MFATOTP}
	case texts:
		return []MFAMethod{MFASMS}
	}
	return nil
}

// has tells whether a factor is one that a user may be asked for, if only as a
// choice. What was begun with one that was turned off since leads nowhere.
func (s *PoolSettings) has(u *User, t *totp, m MFAMethod) bool {
	free := *u
	free.MFA.Preferred = MFANone
	return slices.Contains(s.methods(&free, t), m)
}

// setupMethods are the factors that a user who has none may set up.
func (s *PoolSettings) setupMethods() []MFAMethod {
	var out []MFAMethod
	if s.SMSMFA {
		out = append(out, MFASMS)
	}
	if s.TOTP {
		out = append(out, MFATOTP)
	}
	return out
}

// Methods are the second factors that the user has turned on.
func (p MFAPreference) Methods() []MFAMethod {
	var out []MFAMethod
	if p.SMS {
		out = append(out, MFASMS)
	}
	if p.TOTP {
		out = append(out, MFATOTP)
	}
	return out
}

// MFAUpdate changes which second factors a user has turned on; nil leaves one as it is.
type MFAUpdate struct{ SMS, TOTP *MFASetting }

// MFASetting turns a second factor on or off. At most one is preferred.
type MFASetting struct{ Enabled, Preferred bool }

// SetMFA chooses the user's second factors. A factor that the user cannot use
// yet is refused with [ErrMFANotReady], a choice that cannot be with [ErrMFAPreference].
func (s *Session) SetMFA(ctx context.Context, in MFAUpdate) error {
	if err := s.managed(); err != nil {
		return err
	}
	_, err := s.change(ctx, EventMFAChanged, func(tx store.Tx, u *User) (error, error) {
		return s.pool.Settings.setMFA(tx, u, in)
	})
	if err != nil {
		return fmt.Errorf("set MFA: %w", err)
	}
	return nil
}

// SetMFA chooses a user's second factors, see [Session.SetMFA].
func (us Users) SetMFA(ctx context.Context, name string, in MFAUpdate) error {
	_, err := us.admin.change(ctx, name, EventMFAChanged, func(tx store.Tx, p *PoolInfo, u *User) (error, error) {
		return p.Settings.setMFA(tx, u, in)
	})
	if err != nil {
		return fmt.Errorf("set MFA: %w", err)
	}
	return nil
}

func (s *PoolSettings) setMFA(r store.Reader, u *User, in MFAUpdate) (verdict, err error) {
	if in.SMS != nil && in.TOTP != nil && in.SMS.Preferred && in.TOTP.Preferred {
		return ErrMFAPreference, nil
	}
	t, err := orNil(totps.Get(r, store.Key(u.Pool, u.Sub)))
	if err != nil {
		return nil, err
	}
	ready := map[MFAMethod]bool{
		MFASMS: u.Attributes["phone_number"] != "", MFATOTP: t != nil && len(t.Secret) > 0,
	}
	had := len(u.MFA.Methods()) > 0
	for _, change := range []struct {
		to     *MFASetting
		on     *bool
		method MFAMethod
	}{{in.SMS, &u.MFA.SMS, MFASMS}, {in.TOTP, &u.MFA.TOTP, MFATOTP}} {
		if change.to == nil {
			continue
		}
		if (change.to.Enabled || change.to.Preferred) && !ready[change.method] {
			return &MFAError{change.method}, nil
		}
		if change.to.Preferred && !change.to.Enabled {
			return ErrMFAPreference, nil
		}
		*change.on = change.to.Enabled
		u.MFA.prefer(change.method, change.to.Preferred)
	}
	if had && s.MFA == "ON" && len(u.MFA.Methods()) == 0 {
		return ErrMFARequired, nil
	}
	return nil, nil
}

func (p *MFAPreference) prefer(m MFAMethod, preferred bool) {
	switch {
	case preferred:
		p.Preferred = m
	case p.Preferred == m:
		p.Preferred = MFANone
	}
}
