package cognito_test

import (
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// The texts of settings that the service does not have, on pools of the wire that have them.

func (w *world) set(edit func(*identity.PoolSettings)) {
	w.t.Helper()
	pool, err := w.engine.UserPool(w.t.Context(), w.pool)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := pool.Admin().Update(w.t.Context(), func(s *identity.PoolSettings) error { edit(s); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

func TestOldSignInsChangeNothing(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	w.set(func(s *identity.PoolSettings) { s.RecentSignInMinutes = new(15) })
	w.made(w.pool, "quinn", "email", "quinn@example.com")
	access := w.open.access("quinn")
	w.advance(15*time.Minute + time.Second)
	old := problem{"NotAuthorizedException", "A recent sign-in is required. Sign in again.", 0}
	for op, body := range map[string]obj{
		"ChangePassword":         {"PreviousPassword": goodPass, "ProposedPassword": otherPass},
		"UpdateUserAttributes":   {"UserAttributes": attrs("email", "new@example.com")},
		"DeleteUserAttributes":   {"UserAttributeNames": list{"email"}},
		"AssociateSoftwareToken": {},
		"VerifySoftwareToken":    {"UserCode": "123456"},
		"SetUserMFAPreference":   {"SMSMfaSettings": obj{"Enabled": true}},
		"SetUserSettings":        {"MFAOptions": list{}},
	} {
		t.Run(op, func(t *testing.T) { w.call(op, with(obj{"AccessToken": access}, body)).want(t, old) })
	}
	w.ok("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("name", "Quinn")})
	w.ok("GetUser", obj{"AccessToken": access})
}

func TestCommonPasswordsOverTheWire(t *testing.T) {
	w := newWorld(t)
	body := w.open.signUpBody("newcomer")
	body["Password"] = "P@ssw0rd"
	w.ok("SignUp", body)
	w.set(func(s *identity.PoolSettings) { s.BlockCommonPasswords = new(true) })
	body = w.open.signUpBody("late")
	body["Password"] = "P@ssw0rd"
	w.call("SignUp", body).want(t, problem{"InvalidPasswordException", "Password did not conform with policy: Password is too common", 0})
	w.call("AdminSetUserPassword", obj{"UserPoolId": w.pool, "Username": "alice", "Password": "P@ssw0rd", "Permanent": true}).
		want(t, problem{"InvalidPasswordException", "Password does not conform to policy: Password is too common", 0})
}
