package identity

import (
	"fmt"
	"slices"
)

// What a sign-in has proved, as its tokens tell it: the methods (claim amr) and the level that they reach (claim acr). The
// methods are derived from the proofs of the sign-in, and kept with it, so that a refresh keeps them and a later sign-in may
// count them (stepup.go). Both claims are in the tokens of sign-ins that have named a level, and in no others.
//
// Not every proof is a method. A remembered device, a recovery code and the hooks of a program let a sign-in end, and raise no
// level: the service's table has none of them, and a token must not say more than was proved.

// The methods, in the words of RFC 8176 and the service's own.
const (
	methodPassword = "pwd"       // also by SRP
	methodTOTP     = "otp"       // a code of an authenticator app
	methodSMS      = "sms"       // a code by SMS
	methodEmail    = "email_otp" // a code by mail
	methodSoftware = "swk"       // a passkey that may be on several devices, or is part of one
	methodHardware = "hwk"       // a passkey that cannot leave a device of its own, such as a security key
	methodProvider = "fed"       // an identity provider vouches for the user, and has not said how
	methodSeveral  = "mfa"       // two or more of the others
)

// method is what a proof adds to the methods of a sign-in, or empty.
func (p proof) method() (string, error) {
	switch p.Kind {
	case provedPassword:
		return methodPassword, nil
	case provedFirst:
		m, err := methodOf(p.First)
		return p.orPasskey(m), err
	case provedFactor:
		f, err := factorOf(p.Method)
		if err != nil {
			return "", err
		}
		return p.orPasskey(f.amr), nil
	case provedProvider:
		return "", fmt.Errorf("%w: an identity provider has several methods", errUnhandled) // see methodsOfProofs
	case provedRecovery, provedCustom, provedDevice, provedRounds, provedEarlier: // outcome.aim adds those of an earlier sign-in
		return "", nil
	default:
		return "", fmt.Errorf("%w: the method of the proof %q", errUnhandled, p.Kind)
	}
}

// methodOf is the method that a first factor proves. Of a passkey it is the weaker one.
func methodOf(f FirstFactor) (string, error) {
	switch f {
	case FirstPassword, FirstPasswordSRP:
		return methodPassword, nil
	case FirstEmailOTP:
		return methodEmail, nil
	case FirstSMSOTP:
		return methodSMS, nil
	case FirstPasskey:
		return methodSoftware, nil
	default:
		return "", fmt.Errorf("%w: the method of the first factor %q", errUnhandled, f)
	}
}

// orPasskey is the method of a factor. That of a passkey depends on the passkey.
func (p proof) orPasskey(method string) string {
	if method == methodSoftware && p.Hardware {
		return methodHardware
	}
	return method
}

// methodsOfProofs are the methods of proofs, each once, in the order in which they were proved.
func methodsOfProofs(proofs []proof) ([]string, error) {
	var out []string
	for _, p := range proofs {
		if p.Kind == provedProvider {
			out = joined(out, methodsOfProvider(p.AMR)...)
			continue
		}
		m, err := p.method()
		if err != nil {
			return nil, err
		}
		out = joined(out, m)
	}
	return out, nil
}

// methodsOfProvider are the methods that a provider names, as far as they are methods that tokens name. They raise no level:
// [family.level] tells that.
func methodsOfProvider(amr []string) []string {
	var out []string
	for _, m := range amr {
		switch m {
		case methodPassword, methodTOTP, methodSMS, methodEmail, methodSoftware, methodHardware:
			out = joined(out, m)
		}
	}
	if out == nil {
		return []string{methodProvider}
	}
	return out
}

// level is the level that a sign-in has reached: that of its methods, or what an identity provider has vouched for.
func (f *family) level() Level {
	if f.Provider != "" {
		return f.Level
	}
	return levelOf(f.AMR)
}

// credits are the methods of a sign-in that a later one may count. What an identity provider says of others does not prove a factor of the pool.
func (f *family) credits() []string {
	if f.Provider != "" {
		return nil
	}
	return f.AMR
}

// joined adds methods to a list: each once, empty ones not at all, and methodSeveral last if it is due.
func joined(methods []string, more ...string) []string {
	var out []string
	for _, m := range slices.Concat(methods, more) {
		if m != "" && m != methodSeveral && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if len(out) > 1 {
		out = append(out, methodSeveral)
	}
	return out
}

// levelOf is the highest level that methods reach, or 0. What reaches a level is the service's table, and is fixed.
func levelOf(methods []string) Level {
	has := func(m string) bool { return slices.Contains(methods, m) }
	code := has(methodSMS) || has(methodEmail)
	switch {
	case has(methodPassword) && has(methodTOTP):
		return Level4
	case has(methodSoftware) || has(methodHardware) || has(methodPassword) && code:
		return Level3
	case code:
		return Level2
	case has(methodPassword):
		return Level1
	}
	return 0
}

// hardware reports whether a passkey cannot leave a device of its own. One that may be backed up can, whatever it is
// attached by. Of one that nobody has described, the weaker is told.
func (k *passkey) hardware() bool {
	switch {
	case k.Eligible || k.BackedUp:
		return false
	case k.Attachment != "":
		return k.Attachment == "cross-platform"
	}
	return !slices.Contains(k.Transports, "internal") && slices.ContainsFunc(k.Transports, func(t string) bool {
		return t == "usb" || t == "nfc" || t == "ble" || t == "smart-card"
	})
}

// marks writes into a sign-in what it has proved, see [outcome.decide].
func (s *scope) marks(f *family) { f.AMR, f.ACR = s.amr, s.acr }
