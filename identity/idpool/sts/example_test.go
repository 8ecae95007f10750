package sts_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/policy"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
	"github.com/cognate-id/cognate/store/memory"
)

// region api
func newCatalog(service *sts.Service) http.Handler {
	catalog := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, _ := sts.FromContext(r.Context()) // always there behind Middleware
		fmt.Fprintf(w, "hello %s, you are a %s", v.Session.IdentityID, v.Session.RoleName())
	})
	resource := sts.InvokeARN("us-east-1", "123456789012", "shop", "prod") // the ARN that API Gateway would have
	return service.Middleware(nil)(service.RequireFunc("execute-api:Invoke", resource)(catalog))
}

// endregion

// An API whose callers sign with temporary credentials of a role.
func ExampleService_Middleware() {
	service, err := sts.New(memory.New(), &sts.Options{Roles: []sts.Role{{
		ARN:      "arn:aws:iam::123456789012:role/guest",
		Trust:    sts.PoolTrust("us-east-1:1f3a", true),
		Policies: map[string]string{"catalog": sts.Statement(false, []string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:*:*:shop/prod/GET/catalog/*"})},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := service.Assume(context.Background(), &sts.Assumption{
		RoleARN: "arn:aws:iam::123456789012:role/guest", PoolID: "us-east-1:1f3a", IdentityID: "us-east-1:2b4c", AMR: []string{"unauthenticated"}, Guest: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := newCatalog(service)
	for _, path := range []string{"/catalog/1", "/orders/1"} {
		r := httptest.NewRequest(http.MethodGet, "https://shop.example.com"+path, nil)
		sigv4.Sign(r, nil, sigv4.Key{ID: c.AccessKeyID, Secret: string(c.SecretKey), Token: string(c.SessionToken)}, "us-east-1", "execute-api", time.Now()) // as an SDK does
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 hello us-east-1:2b4c, you are a guest
	// 403 {"Message":"User: arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:123456789012:shop/prod/GET/orders/1"}
}

// documented is a policy in docs/roles.md, below a comment with the name of its role.
var documented = regexp.MustCompile("(?s)<!-- role (\\w+) -->\n```json\n(.*?)```")

// TestRolesOfTheDocumentation makes the three roles of docs/roles.md, and tries what they may do.
func TestRolesOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/roles.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	sessions := map[string]*sts.Session{}
	for _, m := range documented.FindAllStringSubmatch(string(page), -1) {
		name, guests := m[1], m[1] == "guest"
		a := user()
		if guests {
			a = guest()
		}
		a.RoleARN = "arn:aws:iam::123456789012:role/" + name
		a.Tags = map[string]string{"region": "north"}
		w.role(a.RoleARN, guests, m[2])
		sessions[name] = w.assume(a).Session
	}
	if len(sessions) != 3 {
		t.Fatalf("the page has %d roles, want 3", len(sessions))
	}
	const shop, users = "arn:aws:execute-api:us-east-1:123456789012:shop/prod/", "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Shop"
	for _, tt := range []struct{ action, resource, allowed string }{
		{"execute-api:Invoke", shop + "GET/catalog/1", "guest customer"},
		{"execute-api:Invoke", shop + "POST/catalog/1", ""},
		{"execute-api:Invoke", shop + "GET/customers/" + identityID + "/orders", "customer"},
		{"execute-api:Invoke", shop + "PUT/customers/" + identityID + "/address", "customer"},
		{"execute-api:Invoke", shop + "GET/customers/us-east-1:other/orders", ""},
		{"execute-api:Invoke", shop + "GET/orders/north/1", "support"},
		{"execute-api:Invoke", shop + "GET/orders/south/1", ""},
		{"execute-api:Invoke", shop + "DELETE/orders/north/1", ""},
		{"execute-api:Invoke", strings.Replace(shop, "prod", "test", 1) + "GET/catalog/1", ""},
		{"cognito-idp:ListUsers", users, "support"},
		{"cognito-idp:AdminDeleteUser", users, ""},
		{"cognito-idp:ListUsers", users + "2", ""},
	} {
		for name, x := range sessions {
			d, err := w.Allows(t.Context(), x, tt.action, tt.resource, policy.Context{})
			if want := strings.Contains(tt.allowed, name); err != nil || d.Allowed != want {
				t.Errorf("%s, %s on %s: %+v, %v, want %t", name, tt.action, tt.resource, d, err, want)
			}
		}
	}
}
