package oauth_test

import (
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// resend presses the button that sends the code again.
func (b *browser) resend() {
	b.Helper()
	if !strings.Contains(b.page, `value="resend"`) {
		b.Fatalf("the page cannot send again:\n%s", b.page)
	}
	b.submit(map[string]string{"do": "resend"})
}

// chooser makes a client whose users choose how they begin, in a pool with codes by mail.
func chooser(t *testing.T) (*world, *identity.AppClient) {
	t.Helper()
	w := newWorld(t, func(p *identity.PoolSettings) {
		p.FirstFactors = []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}
	})
	w.user("ann")
	return w, w.client(func(c *identity.ClientSettings) {
		c.AuthFlows, c.PreventUserExistenceErrors = []identity.AuthFlow{identity.AllowUser}, new("ENABLED")
	})
}

// A code that begins a sign-in is sent again, and the code of before is not good any longer.
func TestFirstCodeIsSentAgain(t *testing.T) {
	w, client := chooser(t)
	b := w.browser()
	b.get(w.authorizeURL(client))
	b.submit(map[string]string{"username": "ann"})
	b.submit(map[string]string{"factor": "EMAIL_OTP"})
	old := w.outbox.LastCode("ann@example.com")
	b.resend()
	b.sees("We have sent you a new message.")
	b.sees("a***@e***")
	b.submit(map[string]string{"code": old})
	b.sees("This code is not right.")
	_, out := b.submit(map[string]string{"code": w.outbox.LastCode("ann@example.com")})
	b.signedIn(client, out)
}

// Somebody and nobody see the same page each time, until there are too many codes. Then the last one is still good.
func TestCodesAreSentAgainWithinTheirBudget(t *testing.T) {
	w, client := chooser(t)
	seen := map[string][]bool{}
	for _, name := range []string{"ann", "nobody"} {
		b := w.browser()
		b.get(w.authorizeURL(client))
		b.submit(map[string]string{"username": name})
		b.submit(map[string]string{"factor": "EMAIL_OTP"})
		for range 6 {
			b.resend()
			sent := strings.Contains(b.page, "We have sent you a new message.")
			if !sent {
				b.sees("Too many tries.")
			}
			seen[name] = append(seen[name], sent)
		}
		if name == "ann" {
			_, out := b.submit(map[string]string{"code": w.outbox.LastCode("ann@example.com")})
			b.signedIn(client, out)
		}
	}
	for i, sent := range seen["ann"] {
		if want := i < 4; sent != want || seen["nobody"][i] != want {
			t.Fatalf("codes were sent again: %v", seen)
		}
	}
}

// Codes of second factors are sent again.
func TestSecondCodeIsSentAgain(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) {
		p.MFA, p.SMSMFA, p.EmailMFA, p.TOTP = "ON", true, &identity.EmailMFASettings{}, new(true)
		p.Recovery = []identity.RecoveryOption{{Name: identity.RecoverByPhone, Priority: 1}}
	})
	w.user("ann")
	if err := w.pool.Admin().Users().UpdateAttributes(t.Context(), "ann", map[string]string{"phone_number": "+15550100", "phone_number_verified": "true"}); err != nil {
		t.Fatal(err)
	}
	for method, to := range map[identity.MFAMethod]string{identity.MFAEmail: "ann@example.com", identity.MFASMS: "+15550100"} {
		if err := w.pool.Admin().Users().SetMFA(t.Context(), "ann", identity.MFAUpdate{method: {Enabled: true, Preferred: true}}); err != nil {
			t.Fatal(err)
		}
		b := w.browser()
		b.get(w.authorizeURL(w.public))
		b.submit(map[string]string{"username": "ann", "password": password})
		old := w.outbox.LastCode(to)
		b.resend()
		b.sees("We have sent you a new message.")
		b.submit(map[string]string{"code": old})
		b.sees("This code is not right.")
		_, out := b.submit(map[string]string{"code": w.outbox.LastCode(to)})
		b.signedIn(w.public, out)
	}
}
