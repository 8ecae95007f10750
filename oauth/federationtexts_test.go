package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/internal/few"
)

// What the service says to an application of users of providers whom it does not sign in. Texts are recorded unless a case says otherwise.

// requiring makes one attribute required, and one that never changes.
func requiring(p *identity.PoolSettings) {
	p.CaseSensitive = new(false) // as most pools, which are made over the API
	p.Schema = identity.StandardSchema()
	for i := range p.Schema {
		switch p.Schema[i].Name {
		case "name":
			p.Schema[i].Required = true
		case "nickname":
			p.Schema[i].Mutable = false
		}
	}
}

func mapNickname(set *identity.ProviderSettings) { set.Mapping["nickname"] = "nickname" }

func TestTextsOfUsersWhoAreNotSignedIn(t *testing.T) {
	ann := func(more ...any) map[string]any {
		c := map[string]any{"sub": "U-1", "email": "ann@northwind.example", "name": "Ann", "nickname": "A"}
		for i := 0; i < len(more); i += 2 {
			c[more[i].(string)] = more[i+1]
		}
		return c
	}
	refuse := func(h *identity.Hooks, reason string) {
		h.PreSignUp = func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) {
			return hook.PreSignUpDecision{}, hook.Refuse(reason)
		}
	}
	type text struct {
		name string
		last map[string]any    // what the provider says of ann at the sign-in
		with func(*federation) // what happens before it
		want string
	}
	for _, tt := range few.Of(2, []text{
		{"required and absent", ann("name", nil), nil, "Invalid user attributes: name: The attribute is required"},
		{"required and emptied", ann("name", ""), (*federation).annIsKnown, "user.name: Required attribute cannot be deleted"}, // the words before it (unsure)
		{"never changes", ann("nickname", "B"), (*federation).annIsKnown, "user.nickname: Attribute cannot be updated."},
		{"refused by a hook", ann(), func(f *federation) { refuse(&f.hooks, "Not <you>") }, "PreSignUp failed with error Not <you>."},
		{"a hook that has failed", ann(), func(f *federation) {
			f.hooks.PostConfirmation = func(context.Context, *hook.PostConfirmation) error {
				return &hook.FailureError{Name: "ResourceNotFoundException"}
			}
		}, "PostConfirmation invocation failed due to error ResourceNotFoundException."}, // of the API (unsure here)
		{"the name of another", ann(), func(f *federation) { f.user("northwind_u-1") }, "Already found an entry for username northwind_u-1"},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := federationIn(t, newWorld(t, requiring), mapNickname)
			f.idp.SetUser(ann())
			if tt.with != nil {
				tt.with(f)
			}
			f.idp.SetUser(tt.last)
			b := f.browser()
			_, out := b.get(f.away(b, f.byNorthwind()).String())
			f.told(out, "invalid_request", tt.want)
		})
	}
}

// annIsKnown signs the provider's user in.
func (f *federation) annIsKnown() {
	f.Helper()
	b := f.browser()
	if _, out := b.get(f.away(b, f.byNorthwind()).String()); out == nil || out.Query().Get("code") == "" {
		f.Fatalf("to %v\n%s", out, b.page)
	}
}

func TestTextsOfTokenEndpoints(t *testing.T) {
	for _, tt := range []struct {
		typ  identity.ProviderType
		want string
	}{
		{identity.ProviderGoogle, "Google Error - 400 invalid_grant"},
		{identity.ProviderAmazon, "LoginWithAmazon Error - 400 invalid_grant The code is used up"},
	} {
		f := newFederation(t, nil)
		details, err := f.idp.Details(string(tt.typ))
		if err != nil {
			t.Fatal(err)
		}
		f.provider(string(tt.typ), func(set *identity.ProviderSettings) { set.Type, set.Details = tt.typ, details })
		client := f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{string(tt.typ)} })
		f.idp.Misbehave(fakeidp.Misbehave{Handler: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/token" {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"The code is used up"}`))
			return true
		}})
		b := f.browser()
		_, out := b.get(f.away(b, f.authorizeURL(client)).String())
		f.told(out, "invalid_request", tt.want)
	}
}

// TestTextsReachTheFragment has an application that gets its tokens there.
func TestTextsReachTheFragment(t *testing.T) {
	f := newFederation(t, nil)
	implicit := f.world.client(func(c *identity.ClientSettings) {
		c.OAuthFlows, c.Providers = []string{"implicit"}, []string{"Northwind"}
	})
	f.idp.Misbehave(fakeidp.Misbehave{Callback: func(q url.Values) {
		q.Del("code")
		q.Set("error", "access_denied")
	}})
	b := f.browser()
	_, out := b.get(f.away(b, f.authorizeURL(implicit, "response_type", "token", "code_challenge", "", "code_challenge_method", "")).String())
	if want := "error_description=Northwind+Error+-+access_denied&error=access_denied&state=s+t%26"; out == nil || out.RawQuery != "" || out.EscapedFragment() != want {
		t.Errorf("the application is told %v, want the fragment %s", out, want)
	}
}

func TestTextsOfSAMLUsersWhoAreNotSignedIn(t *testing.T) {
	if testing.Short() {
		t.Skip("makes an RSA key for each pool")
	}
	long := strings.Repeat("x", 130)
	for _, tt := range []struct {
		name, user, want string
		edit             func(*identity.ProviderSettings)
	}{
		{"required and absent", "ann", "Invalid SAML response received: Invalid user attributes: name: The attribute is required", func(p *identity.ProviderSettings) { p.Mapping["name"] = "nothing" }},
		{
			"username too long", long,
			"Error in SAML response processing: 1 validation error detected: Value 'contoso_" + long + "@contoso.example' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 128",
			func(p *identity.ProviderSettings) { p.Mapping["name"] = "urn:oid:0.9.2342.19200300.100.1.3" },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := samlWorldIn(t, newWorld(t, requiring), tt.edit)
			w.visit(http.MethodPut, "/users/"+tt.user, `{"name":"`+tt.user+`","email":"`+tt.user+`@contoso.example","password":"hunter2"}`)
			b := w.browser()
			_, out := w.back(b, w.awayAs(b, tt.user))
			if out == nil || !strings.HasPrefix(out.RawQuery, "error_description=") || out.Query().Get("error") != "server_error" || out.Query().Get("error_description") != tt.want {
				t.Errorf("the application is told %v, want %q\n%s", out, tt.want, b.page)
			}
		})
	}
}

// TestTextsOfHooksOnPages has people and programs read what a hook has said.
func TestTextsOfHooksOnPages(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	b := w.browser()
	code := w.browser().code(w.public, "ann")
	w.hooks.PreAuthentication = func(context.Context, *hook.PreAuthentication) error { return hook.Refuse("Ask your teacher first") }
	w.hooks.PreTokenGeneration = func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
		return hook.PreTokenGenerationDecision{}, hook.Refuse("Not today")
	}
	b.get(w.authorizeURL(w.public))
	b.submit(map[string]string{"username": "ann", "password": password})
	b.sees("PreAuthentication failed with error Ask your teacher first.")
	_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "redirect_uri", callback, "code", code, "code_verifier", verifier)
	if doc["error_description"] != "PreTokenGeneration failed with error Not today." {
		t.Errorf("%v", doc)
	}
}
