// Package mfa implements the one-time codes of authenticator apps: TOTP of RFC 6238 with
// SHA-1, 6 digits and 30 seconds. All apps support these values.
//
// Begin with [NewSecret]. Show the user its [Secret.URI] as a QR code, or its [Secret.Text]
// to type in. Then ask for a code, and ask again at each sign-in. Time is counted in steps
// of 30 seconds, and each step has its own code. Call [Secret.Verify] with the code and the
// last step that was accepted. Store the step that Verify returns before you grant anything.
//
// # A code counts once
//
// Section 5.2 of RFC 6238 forbids accepting a code twice. This package keeps no state, so
// the caller stores one integer with each secret: the last accepted step, or 0 if there is
// none. Read that step, call [Secret.Verify] and write the new step in one transaction.
// Otherwise two requests at the same moment can both use the code.
//
// # Caveats
//
//   - A random guess is right with a probability of three in a million, because the codes
//     of three steps count: the present one, the one before and the one after. So limit
//     wrong codes, for each user and not for each address or connection. Without a limit
//     an attacker gets in.
//   - The server's clock must be right to a few seconds. If the server and the app both run
//     ahead, a step in the future is stored as the last one. After the clocks are set back,
//     all codes are refused until that step has passed.
//   - A user who enrols must wait for the next code, up to 30 seconds, before the first
//     sign-in. The code that confirmed the secret does not count again.
//   - JSON holds the secret itself, because a Secret is stored as JSON. So
//     [log/slog.JSONHandler] prints the secret of a struct that has a Secret field. fmt
//     prints a Secret in an unexported field, because fmt calls no methods there. Seal
//     stored secrets.
package mfa

import (
	"crypto/subtle"
	"time"

	"github.com/pquerna/otp/hotp"
)

// The parameters of every code. Many apps ignore other values, although a URI can state
// them.
const (
	Period = 30 * time.Second // length of a time step: an app shows one code this long
	Digits = 6                // digits of a code, leading zeros included
	Drift  = 1                // number of time steps before and after the present one that count too
)

// A Result is what [Secret.Verify] says about a code. The zero Result is Wrong.
type Result int

// The results. Let the user in only if the result is Right.
const (
	Wrong Result = iota // the code belongs to no step that counts, or is malformed
	Used                // the code is right, but its step is not after the last accepted step
	Right               // the code is right; store its step before you grant anything
)

// Code returns the code that an app shows at a time. It is for tests and tools; a server
// calls [Secret.Verify]. Code returns "" if the Secret has less than 10 bytes.
func (s Secret) Code(at time.Time) string {
	if len(s) < minSize {
		return ""
	}
	return s.code(stepAt(at))
}

// Verify checks a code and returns its time step. The steps that count are the step of the
// time at, and [Drift] steps before and after it. So a code counts from 30 seconds before
// an app with the right time shows it until 30 seconds after. Steps are counted from 1970
// in units of [Period].
//
// last is the step that was last accepted for this secret, or 0. If the result is [Right],
// the caller must store the returned step in place of last. Verify accepts only steps after
// last (RFC 6238, section 5.2). The step is 0 unless the result is Right.
//
// A code is exactly 6 ASCII digits. Remove other characters, such as spaces, before the
// call. Verify takes the same time for right and wrong codes. A Secret of less than 10
// bytes, such as the zero Secret, has no right codes, because anyone could compute the
// codes of an empty key.
func (s Secret) Verify(code string, at time.Time, last int64) (step int64, result Result) {
	if !wellFormed(code) || len(s) < minSize {
		return 0, Wrong
	}
	step, ok := s.find(code, stepAt(at))
	switch {
	case !ok:
		return 0, Wrong
	case step <= last:
		return 0, Used
	}
	return step, Right
}

// find returns the latest step near now that has the code. If two steps share a code,
// accepting the earlier one would leave the code valid for the later one. find always
// computes all codes.
func (s Secret) find(code string, now int64) (step int64, ok bool) {
	const none = -Drift - 1
	found := none
	for i := -Drift; i <= Drift; i++ {
		same := subtle.ConstantTimeCompare([]byte(s.code(now+int64(i))), []byte(code))
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	return now + int64(found), found != none
}

// code returns the code of a step: the HOTP value of RFC 4226 with the step as
// its counter (RFC 6238, section 4.2). Steps before 1970 wrap around.
func (s Secret) code(step int64) string {
	code, err := hotp.GenerateCode(s.Text(), uint64(step))
	if err != nil {
		panic("mfa: " + err.Error()) // only for a text that is not base32, and Text is base32
	}
	return code
}

// stepAt returns T of RFC 6238, section 4.2, with T0 = 0. It rounds down before 1970 too.
func stepAt(t time.Time) int64 {
	const period = int64(Period / time.Second)
	seconds := t.Unix()
	step := seconds / period
	if seconds%period < 0 {
		step--
	}
	return step
}

func wellFormed(code string) bool {
	if len(code) != Digits {
		return false
	}
	for _, c := range []byte(code) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
