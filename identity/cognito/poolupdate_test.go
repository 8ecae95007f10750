package cognito_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
)

func (s *server) arn(pool string) string {
	s.t.Helper()
	return str(s.t, s.ok("DescribeUserPool", obj{"UserPoolId": pool}), "UserPool", "Arn")
}

// What is set holds for the call after it.
func TestUpdateHoldsAtOnce(t *testing.T) {
	w := newWorld(t)
	id := obj{"UserPoolId": w.pool}
	access := w.open.access("alice")
	w.open.signUp("early")
	w.ok("UpdateUserPool", with(id, obj{"AdminCreateUserConfig": obj{"AllowAdminCreateUserOnly": true}}))
	w.call("SignUp", w.open.signUpBody("late")).want(t, problem{"NotAuthorizedException", "SignUp is not permitted for this user pool", 0})
	w.ok("UpdateUserPool", with(id, obj{"Policies": obj{"PasswordPolicy": obj{"MinimumLength": 20}}}))
	w.call("SignUp", w.open.signUpBody("late")).
		want(t, problem{"InvalidPasswordException", "Password did not conform with policy: Password not long enough", 0})
	w.ok("UpdateUserPool", with(id, obj{"LambdaConfig": obj{"PreAuthentication": function}}))
	w.call("InitiateAuth", w.open.passwordAuth("alice", goodPass)).
		want(t, problem{"UnexpectedLambdaException", "PreAuthentication invocation failed due to error ResourceNotFoundException.", 0})
	w.ok("UpdateUserPool", id)
	w.open.signUp("late")
	w.open.signIn("alice")
	w.ok("GetUser", obj{"AccessToken": access})
	w.ok("UpdateUserPool", with(id, obj{"DeletionProtection": "ACTIVE"}))
	w.call("DeleteUserPool", id).want(t, invalid("The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first."))
	w.ok("UpdateUserPool", id)
	w.ok("DeleteUserPool", id)
}

func TestUpdatedClientHoldsAtOnce(t *testing.T) {
	w := newWorld(t)
	id := obj{"UserPoolId": w.pool, "ClientId": w.open.id}
	old := w.open.signIn("alice")
	flow := func(name string) problem { return invalid(name) }
	w.ok("UpdateUserPoolClient", with(id, obj{"ExplicitAuthFlows": list{"ALLOW_USER_SRP_AUTH"}}))
	w.call("InitiateAuth", w.open.passwordAuth("alice", goodPass)).want(t, flow("USER_PASSWORD_AUTH flow not enabled for this client"))
	w.call("InitiateAuth", w.open.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": old["RefreshToken"]})).
		want(t, flow("REFRESH_TOKEN_AUTH flow not enabled for this client"))
	w.ok("GetUser", obj{"AccessToken": old["AccessToken"]})
	w.ok("UpdateUserPoolClient", with(id, obj{
		"ExplicitAuthFlows": list{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}, "PreventUserExistenceErrors": "ENABLED",
		"EnableTokenRevocation": false, "AccessTokenValidity": 2,
	}))
	w.call("InitiateAuth", w.open.passwordAuth("nobody", goodPass)).want(t, incorrect)
	tokens := w.ok("InitiateAuth", w.open.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": old["RefreshToken"]}))["AuthenticationResult"]
	if got := dig(tokens, "ExpiresIn"); got != 7200.0 {
		t.Errorf("the token lives %v s, want 7200", got)
	}
	access := str(t, tokens, "AccessToken")
	if claims := claimsOf(t, access); claims["origin_jti"] != nil {
		t.Errorf("a token that cannot be revoked has origin_jti: %v", claims)
	}
	w.ok("GetUser", obj{"AccessToken": access}) // of a sign-in from before the change
}

func TestAddedAttributes(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	add := func(attributes ...any) *answer {
		return s.call("AddCustomAttributes", obj{"UserPoolId": pool, "CustomAttributes": attributes})
	}
	if a := add(obj{"Name": "plan", "AttributeDataType": "String"}, obj{"Name": "tier", "AttributeDataType": "Number", "DeveloperOnlyAttribute": true}); a.raw != "{}" {
		t.Fatalf("AddCustomAttributes: %d %s", a.status, a.raw)
	}
	add(obj{"Name": "late", "AttributeDataType": "Boolean", "Mutable": false}).wantOK(t)
	want := expectedSchema(t, asJSON(t, list{
		obj{"Name": "plan", "AttributeDataType": "String", "StringAttributeConstraints": obj{}},
		obj{"Name": "tier", "AttributeDataType": "Number", "DeveloperOnlyAttribute": true, "NumberAttributeConstraints": obj{}},
		obj{"Name": "late", "AttributeDataType": "Boolean", "Mutable": false},
	}))
	shown := dig(s.ok("DescribeUserPool", obj{"UserPoolId": pool}), "UserPool", "SchemaAttributes")
	wantSame(t, "SchemaAttributes", shown, any(want))
	c := s.client(pool, nil)
	c.signUp("alice", "custom:plan", "gold")
	add(obj{"Name": "plan", "AttributeDataType": "String"}).want(t, invalid("custom:plan: Existing attribute already has name custom:plan."))
	for i := range 47 {
		add(obj{"Name": "n" + strconv.Itoa(i), "AttributeDataType": "String"}).wantOK(t)
	}
	add(obj{"Name": "toomuch", "AttributeDataType": "String"}).want(t, invalid("A user pool has at most 50 custom attributes."))
}

func TestTags(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	arn := s.arn(pool)
	wantTags := func(want obj) {
		t.Helper()
		wantSame(t, "ListTagsForResource", any(s.ok("ListTagsForResource", obj{"ResourceArn": arn})), any(obj{"Tags": want}))
		wantSame(t, "UserPoolTags", dig(s.ok("DescribeUserPool", obj{"UserPoolId": pool}), "UserPool", "UserPoolTags"), any(want))
	}
	empty := func(a *answer) {
		t.Helper()
		if a.status != 200 || a.raw != "{}" {
			t.Errorf("%s: %d %s, want {}", a.op, a.status, a.raw)
		}
	}
	wantTags(obj{})
	empty(s.call("TagResource", obj{"ResourceArn": arn, "Tags": obj{"a": "1", "b": ""}}))
	empty(s.call("TagResource", obj{"ResourceArn": arn, "Tags": obj{"b": "2", "c": "é <&>"}}))
	wantTags(obj{"a": "1", "b": "2", "c": "é <&>"})
	empty(s.call("UntagResource", obj{"ResourceArn": arn, "TagKeys": list{"a", "none"}}))
	wantTags(obj{"b": "2", "c": "é <&>"})
	s.ok("UpdateUserPool", obj{"UserPoolId": pool}) // leaves them alone
	wantTags(obj{"b": "2", "c": "é <&>"})
	s.ok("UpdateUserPool", obj{"UserPoolId": pool, "UserPoolTags": obj{"d": "4"}})
	wantTags(obj{"d": "4"})
	s.ok("UpdateUserPool", obj{"UserPoolId": pool, "UserPoolTags": obj{}})
	wantTags(obj{})
}

// manyTags are n tags.
func manyTags(n int) obj {
	out := obj{}
	for i := range n {
		out["k"+strconv.Itoa(i)] = "v"
	}
	return out
}

// Of changes to one pool at once none is lost.
func TestChangesAtOnce(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	arn := s.arn(pool)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			if i%2 == 0 {
				s.call("TagResource", obj{"ResourceArn": arn, "Tags": obj{fmt.Sprint("k", i): "v"}}).wantOK(t)
				return
			}
			s.call("AddCustomAttributes", obj{"UserPoolId": pool, "CustomAttributes": list{
				obj{"Name": fmt.Sprint("a", i), "AttributeDataType": "String"},
			}}).wantOK(t)
		})
	}
	all.Wait()
	shown := dig(s.ok("DescribeUserPool", obj{"UserPoolId": pool}), "UserPool")
	tags, schema := dig(shown, "UserPoolTags").(obj), dig(shown, "SchemaAttributes").(list)
	if len(tags) != 12 || len(schema) != len(standardSchema)+12 {
		t.Errorf("%d tags and %d attributes are left, want 12 and %d", len(tags), len(schema), len(standardSchema)+12)
	}
}
