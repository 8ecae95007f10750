package delivery_test

import (
	"io"
	"mime/quotedprintable"
	"regexp"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// TestACodeArrives signs a user up, who confirms with what the mail says.
func TestACodeArrives(t *testing.T) {
	s := newServer(t, asIs)
	engine := identity.New(memory.New(), &identity.Options{Sender: sender(t, s, asIs), InsecureCheapHashing: true})
	pool, err := engine.OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256", AutoVerified: []string{"email"}})
	if err != nil {
		t.Fatal(err)
	}
	in := identity.SignUp{Username: "alice", Password: "correct horse battery staple", Attributes: map[string]string{"email": "alice@example.com"}}
	if _, err := pool.SignUp(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	m, err := readMail(s.last(t).data)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	code := identity.Secret(regexp.MustCompile(`\d{6,}`).Find(body))
	if err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: code}); err != nil {
		t.Errorf("the code %q of %q: %v", code, body, err)
	}
}
