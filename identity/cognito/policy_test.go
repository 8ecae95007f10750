package cognito_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store/memory"
)

// A pool made in Go without a policy is shown with the one that it is held to.
func TestPolicyInForceIsShown(t *testing.T) {
	for defaults, want := range map[identity.Defaults]string{
		identity.CognitoDefaults: `"MinimumLength":8,"RequireUppercase":true`,
		identity.SafeDefaults:    `"MinimumLength":15,"RequireUppercase":false`,
	} {
		e := identity.New(memory.New(), nil)
		p, err := e.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: defaults})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"UserPoolId":"`+p.ID+`"}`))
		r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.DescribeUserPool")
		r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
		w := httptest.NewRecorder()
		cognito.NewHandler(e, nil).ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("defaults %q: %s, want %s", defaults, w.Body, want)
		}
	}
}
