package cognito_test

import (
	"fmt"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// resourceServer makes a resource server with the scopes that are named.
func (s *server) resourceServer(pool, identifier string, scopes ...string) obj {
	s.t.Helper()
	body := obj{"UserPoolId": pool, "Identifier": identifier, "Name": "API", "Scopes": scopeList(scopes...)}
	return s.ok("CreateResourceServer", body)["ResourceServer"].(obj)
}

func scopeList(names ...string) list {
	out := list{}
	for _, name := range names {
		out = append(out, obj{"ScopeName": name, "ScopeDescription": "To " + name})
	}
	return out
}

// validResourceServerBodies are the valid bodies about resource servers.
func (w *world) validResourceServerBodies() map[string]obj {
	w.resourceServer(w.pool, "doomed")
	w.resourceServer(w.pool, "api", "read")
	api := obj{"UserPoolId": w.pool, "Identifier": "api"}
	return map[string]obj{
		"CreateResourceServer":   {"UserPoolId": w.pool, "Identifier": "new", "Name": "New", "Scopes": scopeList("read")},
		"DescribeResourceServer": api,
		"UpdateResourceServer":   with(api, obj{"Name": "API"}),
		"DeleteResourceServer":   {"UserPoolId": w.pool, "Identifier": "doomed"},
		"ListResourceServers":    {"UserPoolId": w.pool},
	}
}

func TestAnswersAboutResourceServers(t *testing.T) {
	w := newWorld(t)
	made := w.resourceServer(w.pool, "https://api.example.com", "read", "write")
	want := obj{"UserPoolId": w.pool, "Identifier": "https://api.example.com", "Name": "API", "Scopes": scopeList("read", "write")}
	wantSame(t, "CreateResourceServer", made, want)
	api := obj{"UserPoolId": w.pool, "Identifier": "https://api.example.com"}
	wantSame(t, "DescribeResourceServer", w.ok("DescribeResourceServer", api), obj{"ResourceServer": want})
	wantSame(t, "ListResourceServers", w.ok("ListResourceServers", obj{"UserPoolId": w.pool}), obj{"ResourceServers": list{want}})

	changed := obj{"UserPoolId": w.pool, "Identifier": "https://api.example.com", "Name": "Other"}
	wantSame(t, "UpdateResourceServer without scopes", w.ok("UpdateResourceServer", with(api, obj{"Name": "Other"})), obj{"ResourceServer": changed})
	wantSame(t, "DescribeResourceServer", w.ok("DescribeResourceServer", api), obj{"ResourceServer": changed})

	if a := w.call("DeleteResourceServer", api); a.status != 200 || a.raw != "" {
		t.Errorf("DeleteResourceServer: %d %q, want no body", a.status, a.raw)
	}
	gone := problem{"ResourceNotFoundException", "Resource server https://api.example.com does not exist.", 0}
	w.call("DescribeResourceServer", api).want(t, gone)
	w.call("DeleteResourceServer", api).want(t, gone)
	w.call("UpdateResourceServer", with(api, obj{"Name": "x"})).want(t, gone)
	wantSame(t, "ListResourceServers", w.ok("ListResourceServers", obj{"UserPoolId": w.pool}), obj{"ResourceServers": list{}})
}

func TestErrorsAboutResourceServers(t *testing.T) {
	w := newWorld(t)
	w.resourceServer(w.pool, "api", "read")
	body := obj{"UserPoolId": w.pool, "Identifier": "new", "Name": "New"}
	w.call("CreateResourceServer", with(body, obj{"Identifier": "api"})).
		want(t, problem{"InvalidParameterException", "api already exists in user pool " + w.pool + ".", 0})
	w.call("CreateResourceServer", with(body, obj{"Identifier": "a b"})).want(t, problem{
		"InvalidParameterException",
		`1 validation error detected: Value 'a b' at 'identifier' failed to satisfy constraint: Member must satisfy regular expression pattern: [\x21\x23-\x5B\x5D-\x7E]+`, 0,
	})
	w.call("CreateResourceServer", with(body, obj{"Scopes": scopeList("a/b")})).want(t, problem{
		"InvalidParameterException",
		`1 validation error detected: Value 'a/b' at 'scopes.1.member.scopeName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+`, 0,
	})
	w.call("CreateResourceServer", with(body, obj{"Scopes": scopeList("a", "a")})).
		want(t, problem{"InvalidParameterException", "Duplicate scope name a in the resource server.", 0})
	w.call("ListResourceServers", obj{"UserPoolId": w.pool, "NextToken": "x"}).
		want(t, problem{"InvalidParameterException", "Invalid pagination token given.", 0})
	for i := range 24 {
		w.resourceServer(w.pool, fmt.Sprintf("api%d", i))
	}
	w.call("CreateResourceServer", body).want(t, problem{"LimitExceededException", "Cannot exceed limit of 25 resource servers.", 0})
}

func TestPagesOfResourceServers(t *testing.T) {
	s := newServerWith(t, serverOptions{quotas: identity.Quotas{ResourceServers: 60}})
	pool := s.pool(nil)
	for i := range 51 {
		s.resourceServer(pool, fmt.Sprintf("api%02d", i))
	}
	page := s.ok("ListResourceServers", obj{"UserPoolId": pool}) // without MaxResults: the most that the model allows
	if n := len(page["ResourceServers"].(list)); n != 50 || page["NextToken"] == nil {
		t.Errorf("a page of %d, want 50 and a token", n)
	}
	page = s.ok("ListResourceServers", obj{"UserPoolId": pool, "NextToken": page["NextToken"]})
	if n := len(page["ResourceServers"].(list)); n != 1 || page["NextToken"] != nil {
		t.Errorf("a page of %d, want 1 and no token", n)
	}
}

// A client asks for scopes that exist, when it is made and whenever it is changed.
func TestScopesOfResourceServers(t *testing.T) {
	w := newWorld(t)
	w.resourceServer(w.pool, "api", "read")
	body := obj{"UserPoolId": w.pool, "ClientName": "c", "AllowedOAuthScopes": list{"openid", "api/read"}}
	made := w.ok("CreateUserPoolClient", body)
	wantSame(t, "scopes", dig(made, "UserPoolClient", "AllowedOAuthScopes"), any(list{"openid", "api/read"}))
	update := with(body, obj{"ClientId": dig(made, "UserPoolClient", "ClientId")})
	none := func(scope string) problem {
		return problem{"ScopeDoesNotExistException", "Invalid scope requested: " + scope, 0}
	}
	w.call("CreateUserPoolClient", with(body, obj{"AllowedOAuthScopes": list{"api/write"}})).want(t, none("api/write"))
	w.call("UpdateUserPoolClient", with(update, obj{"AllowedOAuthScopes": list{"openid", "api/write"}})).want(t, none("api/write"))
	w.ok("UpdateUserPoolClient", update)
	w.ok("DeleteResourceServer", obj{"UserPoolId": w.pool, "Identifier": "api"})
	w.call("UpdateUserPoolClient", update).want(t, none("api/read"))
	shown := w.ok("DescribeUserPoolClient", obj{"UserPoolId": w.pool, "ClientId": update["ClientId"]})
	wantSame(t, "scopes", dig(shown, "UserPoolClient", "AllowedOAuthScopes"), any(list{"openid", "api/read"}))
}
