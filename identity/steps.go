package identity

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A sign-in is a list of what was proved, and a policy that names the next step
// of it, or says that it is done. Each step proves something more; what was
// proved travels in the state of the challenge, and must still hold when it is
// answered. Only [stepDone] leads to tokens.

// errUnhandled is returned for a step, a kind or a method that the code at hand
// does not know. It is a fault of this program and never of the caller.
var errUnhandled = errors.New("identity: not handled")

// A step is what a sign-in asks for next.
type step int

// The steps. The zero step is no decision, and leads to an error.
const (
	stepUndecided   step = iota
	stepDone             // nothing more: tokens are issued
	stepNewPassword      // a password in place of the temporary one
	stepFactor           // a code of one second factor
	stepChoose           // which second factor
	stepSetup            // a second factor, set up now
	stepDevice           // a proof of the device that the client has named
)

// A proofKind is a kind of thing that a user proves in a sign-in.
type proofKind string

// The kinds of proofs. Their texts are in sealed states.
const (
	provedPassword proofKind = "password" // the password was given, or proved by SRP
	provedFirst    proofKind = "first"    // a first factor that is no password was proved
	provedFactor   proofKind = "factor"   // a code of a second factor was given
	provedRecovery proofKind = "recovery" // a recovery code was given in place of a second factor
	provedCustom   proofKind = "custom"   // hooks of the program were satisfied
	provedDevice   proofKind = "device"   // a remembered device has proved itself, in place of a second factor
	provedEarlier  proofKind = "earlier"  // an earlier sign-in counts; it alone signs nobody in
	provedProvider proofKind = "provider" // an identity provider vouches for the user
	provedRounds   proofKind = "rounds"   // hooks of the program have not ended the sign-in yet
)

// A proof is one thing that a user has proved in a sign-in.
type proof struct {
	Kind    proofKind   `json:"k"`
	Changed time.Time   `json:"c,omitzero"`  // of all but provedFactor and provedDevice: when the password was set, which names its version; of provedDevice: when the device was confirmed
	Method  MFAMethod   `json:"m,omitempty"` // of provedFactor
	First   FirstFactor `json:"f,omitempty"` // of provedFirst
	Device  string      `json:"d,omitempty"` // of provedDevice: the key
	Family  string      `json:"y,omitempty"` // of provedEarlier: the id of the sign-in
	// Passkey names the passkey of a provedFirst, and Verified says that its authenticator has verified the user. Of a
	// provedEarlier, Verified says that the sign-in had two factors.
	Passkey  []byte `json:"p,omitempty"`
	Verified bool   `json:"v,omitempty"`
	Hardware bool   `json:"h,omitempty"` // the passkey cannot leave its device
	// Provider is the name of a provedProvider, and AMR what it says that it has asked for. Neither is in a state.
	Provider string   `json:"-"`
	AMR      []string `json:"-"`
}

// holds reports whether what was proved before still holds: the password was
// not replaced, the factor was not turned off.
func (p proof) holds(s *PoolSettings, o *outcome) (bool, error) {
	switch p.Kind {
	case provedPassword:
		return o.cred != nil && o.cred.Changed.Equal(p.Changed), nil
	case provedCustom, provedRounds, provedEarlier: // whether the earlier sign-in stands, outcome.earlier tells
		return o.cred.changed().Equal(p.Changed), nil
	case provedFirst:
		f, err := firstFactorOf(p.First)
		if err != nil {
			return false, err
		}
		return o.cred.changed().Equal(p.Changed) && f.usable(s, o.user, owned{o.cred, o.passkeys.proved(p)}), nil
	case provedRecovery:
		return s.RecoveryCodes, nil
	case provedProvider: // it is in no state: the sign-in has one step
		return false, nil
	case provedFactor:
		return mayUse(s, o.user, o.enrolled, p.Method), nil
	case provedDevice:
		d := o.enrolled.device
		return d.replaces(s) && d.Key == p.Device && d.Created.Equal(p.Changed), nil
	default:
		return false, fmt.Errorf("%w: the proof %q", ErrSessionInvalid, p.Kind)
	}
}

// changed is when the password was set: the zero time for a user without one.
func (c *credential) changed() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Changed
}

// allHold reports whether something was proved, and all of it still holds.
func allHold(proved []proof, s *PoolSettings, o *outcome) (bool, error) {
	for _, p := range proved {
		if ok, err := p.holds(s, o); err != nil || !ok {
			return false, err
		}
	}
	return len(proved) > 0, nil
}

func proved(proofs []proof, kind proofKind) bool {
	return slices.ContainsFunc(proofs, func(p proof) bool { return p.Kind == kind })
}

// nextStep is the policy: what a user who has proved so much is asked for, and
// of which factor. It returns an error where no rule says that the sign-in may go on.
func nextStep(s *PoolSettings, u *User, e enrolled, proofs []proof) (step, MFAMethod, error) {
	if proved(proofs, provedRounds) {
		return stepUndecided, MFANone, fmt.Errorf("%w: a custom sign-in that has not ended", errUnhandled)
	}
	if proved(proofs, provedProvider) {
		return afterProvider(u, proofs)
	}
	if proved(proofs, provedCustom) && !proved(proofs, provedPassword) {
		return afterHooks(s, u, e, proofs)
	}
	if proved(proofs, provedFirst) && !proved(proofs, provedPassword) {
		return afterFirst(s, u, e, proofs)
	}
	if proved(proofs, provedEarlier) && proved(proofs, provedFactor) && !proved(proofs, provedPassword) {
		return afterFirst(s, u, e, proofs)
	}
	if !proved(proofs, provedPassword) {
		return stepUndecided, MFANone, fmt.Errorf("%w: a sign-in without a first factor", errUnhandled)
	}
	switch u.Status {
	case StatusForceChangePassword:
		return stepNewPassword, MFANone, nil
	case StatusConfirmed:
	case StatusUnconfirmed, StatusResetRequired, StatusExternalProvider: // refused before
		fallthrough
	default:
		return stepUndecided, MFANone, fmt.Errorf("%w: a sign-in of a user in the state %q", errUnhandled, u.Status)
	}
	return factorStep(s, u, e, proofs)
}

// afterProvider is the policy after a sign-in by an identity provider, which proves nothing beside it. Passwords and factors are the provider's affair. A password of
// the pool that must be replaced or reset is no concern of somebody who has not used it.
func afterProvider(u *User, proofs []proof) (step, MFAMethod, error) {
	if len(proofs) != 1 {
		return stepUndecided, MFANone, fmt.Errorf("%w: a sign-in by an identity provider with other proofs", errUnhandled)
	}
	switch u.Status {
	case StatusExternalProvider, StatusConfirmed, StatusForceChangePassword, StatusResetRequired:
		return stepDone, MFANone, nil
	case StatusUnconfirmed: // refused before
		fallthrough
	default:
		return stepUndecided, MFANone, fmt.Errorf("%w: a sign-in by an identity provider of a user in the state %q", errUnhandled, u.Status)
	}
}

// afterHooks is the policy after a custom sign-in without a password. The hooks have
// decided what the user proves, so pools with the service's behaviour ask for nothing more
// (unsure), not even for a password in place of a temporary one, which was not given. Safe
// pools ask for a second factor all the same.
func afterHooks(s *PoolSettings, u *User, e enrolled, proofs []proof) (step, MFAMethod, error) {
	switch u.Status {
	case StatusConfirmed, StatusForceChangePassword:
	case StatusUnconfirmed, StatusResetRequired, StatusExternalProvider: // refused before
		fallthrough
	default:
		return stepUndecided, MFANone, fmt.Errorf("%w: a custom sign-in of a user in the state %q", errUnhandled, u.Status)
	}
	if s.Defaults == CognitoDefaults {
		return stepDone, MFANone, nil
	}
	return factorStep(s, u, e, proofs)
}

// afterFirst is the policy after a first factor that is no password, or after what an earlier sign-in has proved and a second factor. Only users who are
// confirmed can prove one.
func afterFirst(s *PoolSettings, u *User, e enrolled, proofs []proof) (step, MFAMethod, error) {
	switch u.Status {
	case StatusConfirmed:
		return factorStep(s, u, e, proofs)
	case StatusUnconfirmed, StatusForceChangePassword, StatusResetRequired, StatusExternalProvider: // have no such factor
		fallthrough
	default:
		return stepUndecided, MFANone, fmt.Errorf("%w: a sign-in without a password of a user in the state %q", errUnhandled, u.Status)
	}
}

// factorStep is the policy of second factors. A remembered device replaces the factors that a
// user has set up, and not the setup of one.
func factorStep(s *PoolSettings, u *User, e enrolled, proofs []proof) (step, MFAMethod, error) {
	switch s.MFA {
	case "", MFAOff:
		return stepDone, MFANone, nil
	case MFAOptional, MFAOn:
	default:
		return stepUndecided, MFANone, fmt.Errorf("%w: the setting MFA %q", errUnhandled, s.MFA)
	}
	if proved(proofs, provedFactor) || proved(proofs, provedRecovery) || proved(proofs, provedDevice) || bothFactors(s, proofs) || severalBefore(proofs) {
		return stepDone, MFANone, nil
	}
	switch methods := methodsOf(s, u, e); {
	case len(methods) > 0 && e.device.replaces(s):
		return stepDevice, MFANone, nil
	case len(methods) > 1:
		return stepChoose, MFANone, nil
	case len(methods) == 1:
		return stepFactor, methods[0], nil
	case s.MFA == MFAOn:
		return stepSetup, MFANone, nil
	default: // optional, and the user has none
		return stepDone, MFANone, nil
	}
}
