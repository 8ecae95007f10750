package cognito_test

import "testing"

// machine is a client that gets tokens for itself over the API, with the secret ownSecret.
func (w *world) machine() *client {
	w.t.Helper()
	w.call("CreateResourceServer", obj{
		"UserPoolId": w.pool, "Identifier": "machines", "Name": "API",
		"Scopes": list{obj{"ScopeName": "read", "ScopeDescription": "Read"}, obj{"ScopeName": "write", "ScopeDescription": "Write"}},
	})
	c := w.server.client(w.pool, obj{"ExplicitAuthFlows": list{"ALLOW_CLIENT_TOKEN_AUTH"}, "ClientSecret": ownSecret, "AllowedOAuthScopes": list{"machines/read", "machines/write"}})
	c.secret = ownSecret
	return c
}

// A program gets a token by its secret, and by no signature.
func TestGetClientToken(t *testing.T) {
	w := newWorld(t)
	m := w.machine()
	for name, tt := range map[string]struct {
		scopes list
		want   string
	}{"all": {nil, "machines/read machines/write"}, "one": {list{"machines/write"}, "machines/write"}} {
		body := obj{"ClientId": m.id, "Secret": ownSecret}
		if tt.scopes != nil {
			body["Scopes"] = tt.scopes
		}
		out := w.ok("GetClientToken", body)
		if got := dig(out, "ClientAuthenticationResult", "TokenType"); got != "Bearer" {
			t.Errorf("%s: TokenType %v", name, got)
		}
		if got := dig(out, "ClientAuthenticationResult", "ExpiresIn"); got != 3600.0 {
			t.Errorf("%s: ExpiresIn %v", name, got)
		}
		c := claimsOf(t, str(t, out, "ClientAuthenticationResult", "AccessToken"))
		if c["scope"] != tt.want || c["client_id"] != m.id || c["sub"] != m.id || c["token_use"] != "access" {
			t.Errorf("%s: claims %v", name, c)
		}
	}
	both := w.server.client(w.pool, obj{"ExplicitAuthFlows": list{"ALLOW_CLIENT_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"}, "ClientSecret": ownSecret, "AllowedOAuthScopes": list{"machines/read"}})
	other := w.server.client(w.pool, obj{"ClientSecret": ownSecret, "AllowedOAuthScopes": list{"machines/read"}})
	off := problem{"NotAuthorizedException", "Client is not enabled for the CLIENT_TOKEN_AUTH flow.", 0}
	for name, tt := range map[string]struct {
		body obj
		want problem
	}{
		"a wrong secret":      {obj{"ClientId": m.id, "Secret": ownSecret + "x"}, problem{"NotAuthorizedException", "Invalid client or secret", 0}},
		"an unknown client":   {obj{"ClientId": "nosuchclient", "Secret": ownSecret}, problem{"ResourceNotFoundException", "User pool client nosuchclient does not exist.", 0}},
		"a scope of no one":   {obj{"ClientId": m.id, "Secret": ownSecret, "Scopes": list{"machines/admin"}}, problem{"InvalidParameterException", "Invalid scope requested", 0}},
		"a scope about users": {obj{"ClientId": m.id, "Secret": ownSecret, "Scopes": list{"openid"}}, problem{"InvalidParameterException", "Invalid scope requested", 0}},
		"another flow too":    {obj{"ClientId": both.id, "Secret": ownSecret}, off},
		"another flow":        {obj{"ClientId": other.id, "Secret": ownSecret}, off},
	} {
		t.Run(name, func(t *testing.T) { w.call("GetClientToken", tt.body).want(t, tt.want) })
	}
}
