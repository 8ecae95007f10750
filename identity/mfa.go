package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Which second factors a user has turned on. SetMFA, of the user or of the
// operator, goes through changeUser: one transaction reads the user, setMFA checks
// the whole choice against the user and the pool, and user and event are written.
// A refused choice writes nothing. Enrollment of an authenticator app is in
// totp.go, and what a sign-in asks for is in factors.go and secondstep.go.

// MFAPreference says which second factors a user has turned on.
type MFAPreference struct {
	// Methods are those that are turned on, in the order of lists: SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP, WEB_AUTHN_MFA.
	Methods []MFAMethod `json:"methods,omitempty"`
	// Preferred is the one that a sign-in asks for, one of Methods. Empty means
	// that a user who has several is asked which to use.
	Preferred MFAMethod `json:"preferred,omitempty"`
}

// UnmarshalJSON reads the shape of earlier versions too, in exports and in
// records: a bool for each factor.
func (p *MFAPreference) UnmarshalJSON(text []byte) error {
	type shape MFAPreference
	in := struct {
		shape
		SMS  bool `json:"sms"`
		TOTP bool `json:"totp"`
	}{}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*p = MFAPreference(in.shape)
	if in.SMS {
		p.turn(MFASMS, true)
	}
	if in.TOTP {
		p.turn(MFATOTP, true)
	}
	return nil
}

// Has reports whether a factor is turned on.
func (p MFAPreference) Has(m MFAMethod) bool { return slices.Contains(p.Methods, m) }

// turn turns a factor on or off. The list is made anew, in the order of [factors]. Passkeys are off if
// no other factor is on: a user without the passkey at hand would have nothing to sign in with.
func (p *MFAPreference) turn(m MFAMethod, on bool) {
	had := p.Methods
	p.Methods = nil
	add := func(method MFAMethod) {
		if method == m && on || method != m && slices.Contains(had, method) {
			p.Methods = append(p.Methods, method)
		}
	}
	for _, f := range factors {
		add(f.method)
	}
	if len(p.Methods) > 0 {
		add(MFAPasskey)
	}
}

// userVersion is the version of the records of users. Version 1 had a bool for each second factor.
const userVersion = 2

// upgradeUser reads records of version 1: [MFAPreference.UnmarshalJSON] takes
// their shape as it is. The version is another all the same, so that a process of
// the earlier version refuses a record of this one, instead of finding no factor in it.
func upgradeUser(_ int, value []byte) ([]byte, error) { return value, nil }

// MFAUpdate changes which second factors a user has turned on. A factor that
// is not in it stays as it is.
//
// [MFAPasskey] is never asked for after a password. In pools with Cognito's behaviour, a user who has a second factor, or must have one, can
// begin with a passkey only if MFAPasskey is on; the passkey is then both factors. It needs a pool in which passkeys are both
// factors ([PasskeySettings].Factor), a passkey, and another factor that is turned on: in pools with Cognito's
// behaviour by the same update. In safe pools the setting of the pool is enough.
type MFAUpdate map[MFAMethod]MFASetting

// MFASetting turns a second factor on or off.
type MFASetting struct {
	Enabled bool // turns the factor on; false turns it off
	// Preferred makes the factor the one that a sign-in asks for. At most one is preferred.
	Preferred bool
}

// SetMFA chooses the user's second factors. A factor that the user cannot use
// yet is refused with [ErrMFANotReady], an invalid choice with [ErrMFAPreference].
// In pools with SignOutOnFactorChange the user's other sign-ins end.
func (s *Session) SetMFA(ctx context.Context, in MFAUpdate) error {
	if err := s.settleFactors(); err != nil {
		return err
	}
	by, told := s.origin(), false
	by.told = &told
	_, err := s.engine.changeUser(ctx, by, EventMFAChanged, func(tx store.Tx, u *User) (refused, err error) {
		before := u.MFA
		if refused, err = s.engine.setMFA(tx, &s.pool.Settings, u, in); err != nil || refused != nil {
			return refused, err
		}
		told, err = toldOfApp(tx, u, before, by.now)
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("set MFA: %w", err)
	}
	return nil
}

// SetMFA chooses a user's second factors, see [Session.SetMFA].
func (us Users) SetMFA(ctx context.Context, name string, in MFAUpdate) error {
	_, err := us.admin.change(ctx, name, EventMFAChanged, func(tx store.Tx, p *PoolInfo, u *User) (refused, err error) {
		before := u.MFA
		if refused, err = us.admin.engine.setMFA(tx, &p.Settings, u, in); err != nil || refused != nil {
			return refused, err
		}
		_, err = toldOfApp(tx, u, before, u.Modified) // an operator's change is another thing, and has its own notice
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("set MFA: %w", err)
	}
	return nil
}

// enrollTime is how long after a notice that an app was set up turning it on needs no notice.
const enrollTime = time.Hour

// toldOfApp reports whether the change of a user's factors is the end of an enrollment of
// which the owner was told: it only turns on, or prefers, the app that was set up just before.
func toldOfApp(tx store.Tx, u *User, before MFAPreference, now time.Time) (bool, error) {
	t, err := orNil(totps.Get(tx, store.Key(u.Pool, u.Sub)))
	if err != nil || t == nil || t.Told.IsZero() || !before.Has(MFATOTP) && !u.MFA.Has(MFATOTP) {
		return false, err
	}
	told := now.Before(t.Told.Add(enrollTime)) && u.MFA.onlyAdds(before, MFATOTP)
	t.Told = time.Time{}
	return told, totps.Put(tx, t)
}

// onlyAdds reports whether p differs from an earlier choice only in that a factor is turned on or preferred.
func (p MFAPreference) onlyAdds(before MFAPreference, m MFAMethod) bool {
	preferred := before.Preferred
	before.turn(m, true)
	return slices.Equal(p.Methods, before.Methods) && (p.Preferred == m || p.Preferred == preferred)
}

// setMFA changes the factors of u as in asks. It refuses, in this order: a factor
// that does not exist, two preferred ones, a factor that the user has not set up,
// one that is preferred and not turned on, and the end of the last factor in a
// pool that demands one. A user who never had a factor may still have none: the
// next sign-in asks to set one up.
func (eng *Engine) setMFA(r store.Reader, s *PoolSettings, u *User, in MFAUpdate) (refused, err error) {
	if refused := in.check(s); refused != nil {
		return refused, nil
	}
	var e enrolled
	if e.totp, err = orNil(totps.Get(r, store.Key(u.Pool, u.Sub))); err != nil {
		return nil, err
	}
	had := len(u.MFA.Methods) > 0
	for _, f := range factors {
		to, given := in[f.method]
		if !given {
			continue
		}
		if (to.Enabled || to.Preferred) && !f.ready(u, e) {
			return &MFAError{f.method}, nil
		}
		if to.Preferred && !to.Enabled {
			return ErrMFAPreference, nil
		}
		u.MFA.turn(f.method, to.Enabled)
		u.MFA.prefer(f.method, to.Preferred)
	}
	if refused, err = eng.setPasskeyMFA(r, s, u, in); err != nil || refused != nil {
		return refused, err
	}
	if had && s.MFA == MFAOn && len(u.MFA.Methods) == 0 {
		return ErrMFARequired, nil
	}
	return nil, nil
}

// check refuses what no user may ask for.
func (in MFAUpdate) check(s *PoolSettings) (refused error) {
	preferred, others := 0, 0
	for m, to := range in {
		if !m.known() && m != MFAPasskey {
			return invalid("MFA", fmt.Sprintf("There is no second factor %q.", m))
		}
		if to.Preferred {
			preferred++
		}
		if to.Enabled && m != MFAPasskey {
			others++
		}
	}
	switch {
	case preferred > 1 || in[MFAPasskey].Preferred:
		return ErrMFAPreference
	case in[MFAPasskey].Enabled && others == 0 && s.Defaults == CognitoDefaults:
		return ErrPasskeyAlone
	}
	return nil
}

// setPasskeyMFA says whether a passkey is both factors of a user whose other factors are set. The passkey must have
// verified the user when it was used last.
func (eng *Engine) setPasskeyMFA(r store.Reader, s *PoolSettings, u *User, in MFAUpdate) (refused, err error) {
	to, given := in[MFAPasskey]
	if !given {
		return nil, nil
	}
	if !to.Enabled {
		u.MFA.turn(MFAPasskey, false)
		return nil, nil
	}
	if !s.PasskeysAreBothFactors() {
		return invalid("MFA", "Passkeys are no second factor in this pool."), nil
	}
	keys, err := getPasskeys(r, u.Pool, u.Sub)
	if err != nil {
		return nil, err
	}
	if !eng.hasVerified(s, keys) {
		return &MFAError{MFAPasskey}, nil
	}
	if u.MFA.turn(MFAPasskey, true); !u.MFA.Has(MFAPasskey) {
		return ErrPasskeyAlone, nil
	}
	return nil, nil
}

// prefer makes a factor the preferred one, or takes that away from it. The
// preference for another factor stays.
func (p *MFAPreference) prefer(m MFAMethod, preferred bool) {
	switch {
	case preferred:
		p.Preferred = m
	case p.Preferred == m:
		p.Preferred = MFANone
	}
}
