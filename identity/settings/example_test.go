package settings_test

import (
	"fmt"

	"github.com/cognate-id/cognate/identity/settings"
)

// A pool whose users sign in by e-mail address and may have an authenticator app.
func ExamplePool() {
	pool := &settings.Pool{
		Name: "main", Region: "us-east-1",
		UsernameAttributes: []string{"email"},
		MFA:                settings.MFAOptional,
		TOTP:               new(true),
	}
	fmt.Println(pool.Check())
	pool.TOTP = nil
	fmt.Println(pool.Check())
	// Output:
	// <nil>
	// identity: invalid settings: MFA: A pool with MFA has at least one second factor: turn TOTP, SMSMFA or EmailMFA on.
}

// Unmet says which rules a password breaks.
func ExamplePasswordPolicy() {
	policy := settings.PasswordPolicy{MinimumLength: 12, RequireNumbers: true}
	fmt.Println(policy.Unmet("correct horse"))
	fmt.Println(policy.Unmet("correct horse 1"))
	// Output:
	// [a digit]
	// []
}
