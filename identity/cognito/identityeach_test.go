package cognito_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Tests that run over all operations of identity pools. Those of what each does are with the handlers.

// identityBodies is a request of each operation of identity pools that succeeds once.
func (f *federation) identityBodies() map[string]obj {
	f.t.Helper()
	f.made(f.client.pool, "anna")
	logins, guest := f.logins("anna"), f.identity(nil)
	user := f.identity(logins)
	victim := f.federationOf(f.client, nil).id
	arn := "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/" + f.id
	f.developer(obj{"acme": "ada"}, nil)
	f.developer(obj{"acme": "bob"}, nil)
	leaver := str(f.t, f.developer(obj{"acme": "leaver"}, nil), "IdentityId")
	f.made(f.client.pool, "otto")
	otto := f.logins("otto")
	return map[string]obj{
		"CreateIdentityPool":                 {"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": false},
		"DescribeIdentityPool":               {"IdentityPoolId": f.id},
		"UpdateIdentityPool":                 f.settings,
		"DeleteIdentityPool":                 {"IdentityPoolId": victim},
		"ListIdentityPools":                  {"MaxResults": 1},
		"TagResource":                        {"ResourceArn": arn, "Tags": obj{"k": "v"}},
		"UntagResource":                      {"ResourceArn": arn, "TagKeys": list{"k"}},
		"ListTagsForResource":                {"ResourceArn": arn},
		"SetIdentityPoolRoles":               {"IdentityPoolId": f.id, "Roles": obj{"authenticated": userRole, "unauthenticated": guestRole}},
		"GetIdentityPoolRoles":               {"IdentityPoolId": f.id},
		"SetPrincipalTagAttributeMap":        {"IdentityPoolId": f.id, "IdentityProviderName": f.key, "UseDefaults": true},
		"GetPrincipalTagAttributeMap":        {"IdentityPoolId": f.id, "IdentityProviderName": f.key},
		"GetId":                              {"IdentityPoolId": f.id, "Logins": logins},
		"GetCredentialsForIdentity":          {"IdentityId": user, "Logins": logins},
		"GetOpenIdToken":                     {"IdentityId": user, "Logins": logins},
		"UnlinkIdentity":                     {"IdentityId": f.identity(otto), "Logins": otto, "LoginsToRemove": list{f.key}},
		"DescribeIdentity":                   {"IdentityId": user},
		"ListIdentities":                     {"IdentityPoolId": f.id, "MaxResults": 2},
		"DeleteIdentities":                   {"IdentityIdsToDelete": list{guest}},
		"GetOpenIdTokenForDeveloperIdentity": {"IdentityPoolId": f.id, "Logins": obj{"acme": "ada"}},
		"LookupDeveloperIdentity":            {"IdentityPoolId": f.id, "DeveloperUserIdentifier": "ada"},
		"MergeDeveloperIdentities":           {"IdentityPoolId": f.id, "DeveloperProviderName": "acme", "SourceUserIdentifier": "ada", "DestinationUserIdentifier": "bob"},
		"UnlinkDeveloperIdentity":            {"IdentityPoolId": f.id, "IdentityId": leaver, "DeveloperProviderName": "acme", "DeveloperUserIdentifier": "leaver"},
	}
}

// Each operation is served, and its answer has what the model knows and requires.
func TestEachOperationOfIdentityPools(t *testing.T) {
	m, f := readModelOf(t, "cognito-identity"), newServer(t).federation(nil)
	bodies := f.identityBodies()
	for _, op := range cognito.Services()[1].Operations {
		if !op.Served() || bodies[op.Name] == nil {
			t.Errorf("%s: served %v, with a valid request %v", op.Name, op.Served(), bodies[op.Name] != nil)
			continue
		}
		if op.Name == "UnlinkIdentity" || op.Name == "DeleteIdentities" { // what others need
			defer f.ok(fed(op.Name), bodies[op.Name])
			continue
		}
		a := f.call(fed(op.Name), bodies[op.Name])
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s, want success", op.Name, a.status, a.raw)
			continue
		}
		if shape := m.Operations[op.Name].Output.Shape; shape != "" {
			m.wantShape(t, op.Name, shape, a.body)
		}
	}
}

// Each constraint of the model is broken once.
func TestConstraintsOfIdentityPools(t *testing.T) {
	breakConstraints(t, readModelOf(t, "cognito-identity"), cognito.Services()[1], fedidPrefix, "ValidationException", 23, 200)
}

// A pool, and an identity, is found in its own region alone.
func TestIdentityPoolsKeepToTheirRegion(t *testing.T) {
	f := newServer(t).federation(nil)
	bodies := f.identityBodies()
	f.region = "eu-west-1"
	f.store.written()
	asked := 0
	for _, op := range cognito.Services()[1].Operations {
		if op.Caller != wire.Operator || op.Name == "CreateIdentityPool" || op.Name == "ListIdentityPools" || op.Name == "DeleteIdentities" {
			continue
		}
		asked++
		a := f.call(fed(op.Name), bodies[op.Name])
		if a.body["__type"] != "ResourceNotFoundException" {
			t.Errorf("%s from another region: %d %s", op.Name, a.status, a.raw)
		}
	}
	if asked != 16 {
		t.Errorf("asked %d operations, want 16", asked)
	}
	if written := f.store.written(); len(written) != 0 {
		t.Errorf("wrote %v", written)
	}
	if got := f.ok(fed("ListIdentityPools"), obj{"MaxResults": 60})["IdentityPools"].(list); len(got) != 0 {
		t.Errorf("another region has the pools %v", got)
	}
	f.ok(fed("DeleteIdentities"), bodies["DeleteIdentities"])
	f.region = "us-east-1"
	f.ok(fed("DescribeIdentity"), obj{"IdentityId": bodies["DeleteIdentities"]["IdentityIdsToDelete"].(list)[0]})
}

// Wrong values in each member are refused, and change nothing.
func TestForgedMembersOfIdentityPools(t *testing.T) {
	if testing.Short() {
		t.Skip("sends each wrong value in each member of each operation")
	}
	m, f := readModelOf(t, "cognito-identity"), newServer(t).federation(nil)
	bodies := f.identityBodies()
	f.store.written()
	for op, base := range bodies {
		shape := m.Shapes[m.Operations[op].Input.Shape]
		for _, name := range slices.Sorted(maps.Keys(shape.Members)) {
			put := func(v json.RawMessage) any { return with(base, obj{name: v}) }
			m.walk(shape.Members[name].Shape, put, func(kind string, put func(json.RawMessage) any) {
				for _, value := range append(slices.Clone(wrongValues[kind]), nul) {
					a, took := timed(f.server, fed(op), jsonText(put(json.RawMessage(value))))
					what := name + " " + kind + " " + value[:min(len(value), 40)]
					wantRefusal(t, f.server, what, a, took)
					if value == nul && a.status == http.StatusOK {
						t.Errorf("%s: %s is accepted", op, what)
					}
				}
			})
		}
	}
}

// Without identity pools, none of their operations is served.
func TestNoIdentityPools(t *testing.T) {
	s := newServer(t)
	h := cognito.NewHandler(s.engine, &cognito.Options{Logger: s.logger()})
	s.handler = h
	for _, op := range cognito.Services()[1].Operations {
		s.call(fed(op.Name), "{}").want(t, problem{"UnknownOperationException", "The operation " + op.Name + " is not served by this version.", 0})
	}
	if a := s.get("/.well-known/jwks_uri"); a.status == http.StatusOK {
		t.Errorf("there are keys: %s", a.raw)
	}
}

// A store that fails is an error without detail.
func TestFailuresOfIdentityPoolsHaveNoDetail(t *testing.T) {
	s := newServerWith(t, serverOptions{mayFail: true})
	f := s.federation(nil)
	bodies := f.identityBodies()
	s.store.failWith(errDetail)
	for op, body := range bodies {
		a := s.call(fed(op), body)
		if a.raw != `{"__type":"InternalErrorException"}` || a.status != http.StatusInternalServerError {
			t.Errorf("%s: %d %s, want an error without detail", op, a.status, a.raw)
		}
	}
	if !strings.Contains(s.log.String(), errDetail.Error()) {
		t.Error("the log does not say what failed")
	}
}
