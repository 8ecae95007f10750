// Package mfa is the one-time codes of authenticator apps: TOTP of RFC 6238
// with SHA-1, 6 digits and 30 seconds, the values that all apps read.
//
// Begin with [NewSecret]. Show the user its [Secret.URI] as a QR code, or its
// [Secret.Text] to type in. Then and at each sign-in ask for a code and give
// it to [Secret.Verify], together with the step that counted last; store the
// step that it returns before anything is granted.
//
// # A code counts once
//
// Section 5.2 of RFC 6238 forbids a code to be accepted twice. This package
// keeps no state, so the caller stores one integer with each secret: the last
// step that counted, 0 while there is none. Read it, call [Secret.Verify] and
// write it in one transaction. Otherwise two requests at the same moment both
// count.
//
// # Caveats
//
//   - A code is right by chance three times in a million (once for each step
//     that counts), so whoever may guess without limit gets in. Limit wrong
//     codes for the user, not for the address or the connection.
//   - The server's clock must be right to a few seconds. If it runs ahead and
//     a code counts, the user has none until the right time has caught up.
//   - A user who enrols has to wait for the next code, up to 30 seconds,
//     before the first sign-in: what confirmed the secret does not count again.
//   - JSON holds the secret itself, since that is how it is stored. A struct with
//     a Secret in it thus shows it through [log/slog.JSONHandler], and one in an unexported
//     field shows it through fmt, which calls no methods there. Seal what is stored.
package mfa

import (
	"crypto/subtle"
	"time"

	"github.com/pquerna/otp/hotp"
)

// What every code is made of. Many apps ignore any other values, though the
// URI could carry them.
const (
	Period = 30 * time.Second // a time step: how long an app shows one code
	Digits = 6                // of a code, leading zeros included
	Drift  = 1                // time steps before and after the present one that count too
)

// A Result is what [Secret.Verify] says about a code. The zero Result is Wrong.
type Result int

// The results. Only with Right may the caller let the user in.
const (
	Wrong Result = iota // no code of the steps that count, or none at all
	Used                // right, but of a step that is not after the last one that counted
	Right               // counts, if the step is stored
)

// Code returns the code of the time step that at is in: what an app shows
// then. It is for tests and tools; a server calls [Secret.Verify]. A Secret of
// less than 10 bytes has no codes, and Code returns "".
func (s Secret) Code(at time.Time) string {
	if len(s) < minSize {
		return ""
	}
	return s.code(stepAt(at))
}

// Verify tells which time step a code is for, among the one that at is in and
// [Drift] before and after it: so a code counts from 30 seconds before an app
// with the right time shows it until 30 seconds after. Steps are counted from
// 1970 in units of [Period]. The argument last is the step that counted last
// for this secret, 0 if none has; where code counts, the caller must store the
// step returned in its place. No step counts that is not after last (RFC 6238,
// section 5.2). Unless the result is [Right], step is 0.
//
// A code is exactly 6 ASCII digits: what a user may have typed around
// them is to be removed before. Whether a well-formed code is right takes no
// time to tell from when it is wrong. A Secret of less than 10 bytes, such as the zero
// Secret, has no right codes; anyone could compute those of an empty key.
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

// find returns the latest step beside now that has the code. The latest,
// since of two steps that happen to share a code the earlier one would leave
// the code good for the other. It always computes all the codes.
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
		panic("mfa: " + err.Error()) // only for what is not base32, and Text is
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
