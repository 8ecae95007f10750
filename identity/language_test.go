package identity_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// TestMessagesAreInTheLanguageOfTheUser signs users up in pools with texts of their own and without.
func TestMessagesAreInTheLanguageOfTheUser(t *testing.T) {
	outbox := identity.NewOutbox(0)
	engine := identity.New(memory.New(), &identity.Options{Sender: outbox, InsecureCheapHashing: true})
	own := "Code {####}"
	for name, test := range map[string]struct {
		pool       identity.PoolSettings
		subject, a string
	}{
		"a safe pool":           {identity.PoolSettings{}, "Ihr Bestätigungscode", "Ihr Bestätigungscode lautet "},
		"a text of its own":     {identity.PoolSettings{EmailVerificationMessage: &own}, "Ihr Bestätigungscode", "Code "},
		"like the service's":    {identity.PoolSettings{Defaults: identity.CognitoDefaults}, "Your verification code", "Your verification code is "},
		"a template of its own": {identity.PoolSettings{Verification: &identity.VerificationTemplate{Email: &own, Subject: &own}}, "Code ", "Code "},
	} {
		test.pool.Algorithm, test.pool.AutoVerified = "ES256", []string{"email"}
		p, err := engine.OpenUserPool(t.Context(), name, &test.pool)
		if err != nil {
			t.Fatal(err)
		}
		in := identity.SignUp{Username: "anna", Password: "correct horse battery staple A1!", Attributes: map[string]string{"email": "anna@example.com", "locale": "de-AT"}}
		if _, err := p.SignUp(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		m := outbox.Messages(nil)[0]
		code := string(m.Code)
		if body := m.Body; body != test.a+code && body != test.a+code+"." {
			t.Errorf("%s: the mail is %q", name, body)
		}
		if m.Subject != test.subject && m.Subject != test.subject+code {
			t.Errorf("%s: the subject is %q", name, m.Subject)
		}
	}
}
