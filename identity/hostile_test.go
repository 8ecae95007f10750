package identity_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
)

const victims = "+15559876543"

// texted is a pool with a user, alice, whose second factor is text messages.
func (f *fixture) texted(t testing.TB, settings identity.PoolSettings) (*identity.UserPool, *identity.AppClient, *identity.Session) {
	t.Helper()
	pool := f.open(t, settings)
	a := f.client(t, pool, identity.ClientSettings{})
	s := f.member(t, pool, a, "alice", attrs{"phone_number": phone, "email": email, "email_verified": "true"})
	check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{SMS: &identity.MFASetting{Enabled: true}}))
	return pool, a, s
}

// A code of a sign-in verifies no number but the one that it was sent to, and
// is good only while that is the user's.
func TestCodeOfASignInIsOfOneNumber(t *testing.T) {
	f := newEngine(t)
	settings := mfaPool("OPTIONAL")
	settings.Aliases = []string{"phone_number"}
	pool, a, s := f.texted(t, settings)
	ch := asked[*identity.SMSCodeRequired](t, a)
	code := f.outbox.LastCode(phone)
	check(t, "UpdateAttributes", second(s.UpdateAttributes(t.Context(), attrs{"phone_number": victims})))
	wantErr(t, "the code to the other number", answer(t.Context(), ch, code), identity.ErrMFACodeMismatch)
	if got := f.user(t, pool, "alice").Attributes["phone_number_verified"]; got == "true" {
		t.Error("a number was verified by a code that went to another")
	}
}
