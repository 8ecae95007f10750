package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
)

// A hook that words messages runs for users only. An answer about nobody takes as long as one
// about a user all the same: the time of the hook tells nobody who exists.
func TestTimeOfAHookDoesNotTellWhoHasAnAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for slow hooks")
	}
	const slow = 30 * time.Millisecond
	slowly := func(context.Context, *hook.CustomMessage) (hook.CustomMessageDecision, error) {
		time.Sleep(slow)
		return hook.CustomMessageDecision{}, nil
	}
	confirmed := func(context.Context, *hook.PostConfirmation) error { time.Sleep(slow); return nil }
	wanted := func(what string, call func() error) {
		t.Helper()
		begun := time.Now()
		check(t, what, call())
		if took := time.Since(begun); took < slow {
			t.Errorf("%s: answered after %v, want at least %v", what, took, slow)
		}
	}
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Hooks = &identity.Hooks{CustomMessage: slowly} })
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}})
	sign := func(name string) func() error {
		return func() error {
			_, err := pool.SignUp(t.Context(), identity.SignUp{Username: name, Password: password})
			return err
		}
	}
	wanted("a sign-up", sign(email))
	check(t, "Confirm", pool.Admin().Users().Confirm(t.Context(), email))
	check(t, "UpdateAttributes", pool.Admin().Users().UpdateAttributes(t.Context(), email, attrs{"email": email, "email_verified": "true"}))
	wanted("a sign-up with the address of a user", sign(email))
	for _, name := range []string{email, "nobody@example.com"} {
		wanted("the forgotten password of "+name, func() error { _, err := pool.ForgotPassword(t.Context(), name, ""); return err })
		wanted("the code again of "+name, func() error { _, err := pool.ResendConfirmationCode(t.Context(), name, ""); return err })
	}
	f.SetHooks(&identity.Hooks{PostConfirmation: confirmed, PreSignUp: decideSignUp(hook.PreSignUpDecision{Confirm: true, VerifyEmail: true}).PreSignUp})
	wanted("a sign-up that is confirmed", sign("bob@example.com"))
	wanted("a sign-up with the address of a user that is confirmed", sign(email))
}
