package cognito_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// A full pool answers a sign-up with a taken name and one with a free name alike.
func TestSignUpInAFullPool(t *testing.T) {
	s := newServerWith(t, serverOptions{quotas: identity.Quotas{Users: 2}})
	pool := s.pool(nil)
	c := s.client(pool, nil)
	signUp := func(name string) *answer {
		return s.call("SignUp", obj{"ClientId": c.id, "Username": name, "Password": goodPass})
	}
	signUp("alice").wantOK(t)
	signUp("bob").wantOK(t)
	for _, name := range []string{"alice", "carol"} {
		signUp(name).want(t, problem{"LimitExceededException", "Cannot exceed limit of 2 users.", 0})
	}
	s.ok("AdminCreateUser", obj{"UserPoolId": pool, "Username": "carol", "MessageAction": "SUPPRESS"})
}
