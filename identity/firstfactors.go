package identity

import (
	"context"
	"fmt"
	"slices"
)

// A firstFactor is a factor that a sign-in may begin with: one row of
// [firstFactors]. Everything that depends on the factor is in the row, but for how it is
// asked for. To add a factor, add a row, a case of [firstFactor.ask], and a type of challenge with a method Answer.
type firstFactor struct {
	name FirstFactor
	kind stateKind // of the challenge that asks for the factor
	// address is the attribute that codes are sent to; empty if none is sent.
	address string

	// allowed reports whether the pool lets sign-ins begin with the factor.
	allowed func(*PoolSettings) bool
	// ready reports whether the user has what the factor needs.
	ready func(*PoolSettings, *User, owned) bool
}

// firstFactors are all first factors, in the order in which lists show them.
var firstFactors = [...]*firstFactor{
	{
		name: FirstPasswordSRP, kind: stateFirstSRP,
		allowed: func(s *PoolSettings) bool { return s.SRP },
		ready:   func(_ *PoolSettings, _ *User, own owned) bool { return own.cred != nil && len(own.cred.Verifier) > 0 },
	},
	{
		name: FirstPassword, kind: stateFirstPassword,
		allowed: func(*PoolSettings) bool { return true },
		ready:   func(_ *PoolSettings, _ *User, own owned) bool { return own.cred != nil && own.cred.Hash != "" },
	},
	{
		name: FirstEmailOTP, kind: stateEmailOTP, address: "email",
		allowed: listed(FirstEmailOTP), ready: reached("email"),
	},
	{
		name: FirstSMSOTP, kind: stateSMSOTP, address: "phone_number",
		allowed: listed(FirstSMSOTP), ready: reached("phone_number"),
	},
	{
		name: FirstPasskey, kind: statePasskeySignIn,
		allowed: passkeysAllowed, ready: passkeyReady,
	},
}

// owned is what tables other than users store about a user's first factors.
type owned struct {
	cred     *credential // nil for a user without a password
	passkeys int         // how many there are for the relying party of the pool
}

// firstFactorOf returns the row of a first factor. It returns an error that names the
// factor if it has no row.
func firstFactorOf(name FirstFactor) (*firstFactor, error) {
	for _, f := range firstFactors {
		if f.name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: the first factor %q", errUnhandled, name)
}

// ask asks for the factor, or judges what came with the choice of it. It uses the state of the choice up. It is in no row, because
// the transactions that it leads to look rows up.
func (f *firstFactor) ask(ctx context.Context, c *firstStep) (*SignInResult, error) {
	switch f.name {
	case FirstPasswordSRP:
		return f.askSRP(ctx, c)
	case FirstPassword:
		return f.askPassword(ctx, c)
	case FirstEmailOTP, FirstSMSOTP:
		return f.sendCode(ctx, c)
	case FirstPasskey:
		return f.askPasskey(ctx, c)
	default:
		return nil, fmt.Errorf("%w: asking for the first factor %q", errUnhandled, f.name)
	}
}

// usable reports whether the user can begin a sign-in with the factor.
func (f *firstFactor) usable(s *PoolSettings, u *User, own owned) bool {
	return f.allowed(s) && f.ready(s, u, own)
}

// listed is allowed for a factor without a password. It stands in the settings of the pool, and
// counts in no pool that demands a second factor.
func listed(f FirstFactor) func(*PoolSettings) bool {
	return func(s *PoolSettings) bool {
		return s.MFA != MFAOn && s.Tier != TierLite && slices.Contains(s.FirstFactors, f)
	}
}

// reached is ready for codes that are sent to an address. The address must be verified. If codes to
// it are a second factor of the user, they are no first factor: otherwise the address alone
// would do for both.
func reached(attribute string) func(*PoolSettings, *User, owned) bool {
	return func(s *PoolSettings, u *User, _ owned) bool {
		return u.Status == StatusConfirmed && u.Attributes[attribute] != "" && u.verified(attribute) && !provesFactor(s, u, attribute)
	}
}

// available returns the factors that the sign-in of an attempt may begin with. If the client may not know
// the state of an account, it is the same list for everybody: what the pool allows. In
// pools with the service's behaviour it is what the user has, and for a user who does not exist, what
// most users have. Of a sign-in that has named levels, it is what leads to one.
func (t *attempt) available() []*firstFactor {
	s := t.scope
	tells := s.settings.DisclosesStatus(&s.client.Settings)
	nobodys := t.nobodysAddress()
	var out []*firstFactor
	for _, f := range firstFactors {
		switch {
		case !f.allowed(s.settings) || !s.offers(f):
		case f.name == FirstPasskey && (t.party == nil || tells && t.user == nil): // a pool without a relying party has no passkeys, and neither have most users
		case tells && t.user != nil && !f.ready(s.settings, t.user, t.owned()):
		case tells && t.user == nil && f.address != "" && f.address != nobodys:
		default:
			out = append(out, f)
		}
	}
	if t.aim != nil {
		out = slices.DeleteFunc(out, func(f *firstFactor) bool { return !t.aim.leads(f) })
	}
	return out
}

// nobodysAddress is the attribute that a user with the name of the attempt would have a code sent to.
func (t *attempt) nobodysAddress() string {
	var attributes []string
	for _, f := range firstFactors {
		if f.address != "" && f.allowed(t.scope.settings) {
			attributes = append(attributes, f.address)
		}
	}
	return t.scope.decoyRecipient(t.who, t.name, attributes).attribute
}

// reachable reports whether codes to an address begin sign-ins of the pool's users, and the user has one.
func reachable(s *PoolSettings, u *User, attribute string) bool {
	return u.Attributes[attribute] != "" && slices.ContainsFunc(firstFactors[:], func(f *firstFactor) bool {
		return f.address == attribute && f.allowed(s)
	})
}

// passwordless reports whether an operator may create the user without a password: codes to a verified
// address of the user begin a sign-in.
func passwordless(s *PoolSettings, u *User) bool {
	return slices.ContainsFunc(addresses, func(a string) bool { return u.verified(a) && reachable(s, u, a) })
}

// factorBy is the first factor that a code to an address is.
func factorBy(attribute string) FirstFactor {
	for _, f := range firstFactors {
		if f.address == attribute {
			return f.name
		}
	}
	return ""
}

func namesOf(factors []*firstFactor) []FirstFactor {
	out := make([]FirstFactor, len(factors))
	for i, f := range factors {
		out[i] = f.name
	}
	return out
}
