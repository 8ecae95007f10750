package mfa_test

import (
	"fmt"
	"time"

	"github.com/cognate-id/cognate/mfa"
)

// A user enrols an app and signs in with it. What is stored with the user is
// the secret and the last step that counted.
func Example() {
	var user struct {
		Secret mfa.Secret
		Last   int64
	}

	// Enrol. For the example the secret is a known one, and the time too.
	user.Secret, _ = mfa.ParseSecret("gezd gnbv gy3t qojq gezd gnbv gy3t qojq") // mfa.NewSecret()
	fmt.Println(user.Secret.URI("Example", "alice"))                            // as a QR code

	// Sign in.
	now := time.Unix(1_770_120_000, 0) // time.Now()
	code := user.Secret.Code(now)      // what the app shows
	for range 2 {
		step, result := user.Secret.Verify(code, now, user.Last)
		if result != mfa.Right {
			fmt.Println("try the next code")
			continue
		}
		user.Last = step // in the transaction that read it
		fmt.Println("welcome")
	}
	fmt.Println("logs say", user.Secret)

	// Output:
	// otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example&algorithm=SHA1&digits=6&period=30
	// welcome
	// try the next code
	// logs say [redacted]
}

// A Secret is enrolled as a QR code or as text that the user types, and does not print.
func ExampleSecret() {
	s, err := mfa.ParseSecret("gezd gnbv gy3t qojq gezd gnbv gy3t qojq") // mfa.NewSecret() for a new user
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Text())
	fmt.Println(s.URI("Example", "alice"))
	fmt.Printf("%v %x\n", s, s)
	// Output:
	// GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
	// otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example&algorithm=SHA1&digits=6&period=30
	// [redacted] [redacted]
}
