package cognito_test

import (
	"testing"
)

// verb asks the operator's operation op about a user, once others were done.
func verb(op, name string, before ...string) func(*world) *answer {
	return func(w *world) *answer {
		body := obj{"UserPoolId": w.pool, "Username": name}
		for _, op := range before {
			w.ok(op, body)
		}
		return w.call(op, body)
	}
}

func TestErrorsOfVerbs(t *testing.T) {
	status := func(s string) problem {
		return problem{"NotAuthorizedException", "User cannot be confirmed. Current status is " + s, 0}
	}
	facts := []fact{
		{"confirmed already", known, verb("AdminConfirmSignUp", "alice"), status("CONFIRMED")},
		{"confirmed just now", known, verb("AdminConfirmSignUp", "una", "AdminConfirmSignUp"), status("CONFIRMED")},
		{"invited, not signed up", known, verb("AdminConfirmSignUp", "fred"), status("FORCE_CHANGE_PASSWORD")},
		{"must reset", known, verb("AdminConfirmSignUp", "rita"), status("RESET_REQUIRED")},
		{"deleted before", recorded, verb("AdminDeleteUser", "alice", "AdminDeleteUser"), noUser},
		{"a trigger would run", known, func(w *world) *answer {
			pool := w.server.pool(obj{"LambdaConfig": obj{"PostConfirmation": "arn:aws:lambda:us-east-1:123456789012:function:f"}})
			w.client(pool, nil).signUp("ulla")
			return w.call("AdminConfirmSignUp", obj{"UserPoolId": pool, "Username": "ulla"})
		}, problem{"UnexpectedLambdaException", "PostConfirmation invocation failed due to error ResourceNotFoundException.", 0}},
	}
	for _, op := range []string{"AdminEnableUser", "AdminDisableUser", "AdminDeleteUser", "AdminConfirmSignUp", "AdminUserGlobalSignOut"} {
		facts = append(facts, fact{op + " of an unknown user", recorded, verb(op, "nobody"), noUser})
	}
	checkFacts(t, facts)
}

// What holds after an operator's call for tokens that were issued before it.
func TestTokensAfterVerbs(t *testing.T) {
	gone := problem{"NotAuthorizedException", "Refresh Token has been revoked", 0}
	fine := problem{}
	for _, tt := range []struct {
		verbs           []string
		access, refresh problem
		password        problem
	}{
		{[]string{"AdminDisableUser"}, revoked, disabled, disabled},
		{[]string{"AdminDisableUser", "AdminEnableUser"}, revoked, gone, fine},
		{[]string{"AdminUserGlobalSignOut"}, revoked, gone, fine},
		{[]string{"AdminDeleteUser"}, noUser, gone, noUser},
		{[]string{"AdminEnableUser"}, fine, fine, fine},
	} {
		w := newWorld(t)
		tokens := w.open.signIn("alice")
		for _, op := range tt.verbs {
			w.ok(op, obj{"UserPoolId": w.pool, "Username": "alice"})
		}
		rotating := obj{"ClientId": w.open.id, "RefreshToken": tokens["RefreshToken"]}
		for _, call := range []struct {
			a *answer
			p problem
		}{
			{w.call("GetUser", obj{"AccessToken": tokens["AccessToken"]}), tt.access},
			{w.call("InitiateAuth", w.open.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": tokens["RefreshToken"]})), tt.refresh},
			{w.call("GetTokensFromRefreshToken", rotating), tt.refresh},
			{w.call("InitiateAuth", w.open.passwordAuth("alice", goodPass)), tt.password},
			{w.call("InitiateAuth", w.open.passwordAuth("rita", goodPass)), mustReset}, // whom nobody touched
		} {
			if call.p == fine {
				call.a.wantOK(t)
			} else {
				call.a.want(t, call.p)
			}
		}
	}
}

// A user whom an operator confirms is confirmed, and no address is verified by it.
func TestConfirmedByAnOperator(t *testing.T) {
	w := newWorld(t)
	w.ok("AdminConfirmSignUp", obj{"UserPoolId": w.pool, "Username": "una"})
	user := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "una"})
	if a := attrMap(t, user["UserAttributes"]); user["UserStatus"] != "CONFIRMED" || a["email_verified"] == "true" {
		t.Errorf("user %v, want one who is confirmed and has no verified address", user)
	}
	w.open.signIn("una")
	w.call("ConfirmSignUp", w.open.confirmBody("una", w.outbox.LastCode("una"))).
		want(t, problem{"NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED", 0})
}

// A deleted user's name is free, and whoever takes it is another.
func TestDeletedUsersNameIsFree(t *testing.T) {
	w := newWorld(t)
	w.group("admins", nil)
	w.join("alice", "admins")
	w.ok("DeleteUser", obj{"AccessToken": w.open.access("alice")})
	if sub := w.made(w.pool, "alice"); sub == w.subs["alice"] {
		t.Errorf("the new user has the old sub")
	}
	if out := w.ok("ListUsersInGroup", obj{"UserPoolId": w.pool, "GroupName": "admins"}); len(out["Users"].(list)) != 0 {
		t.Errorf("members are %v, want none", out["Users"])
	}
	user := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"})
	if user["Enabled"] != true || len(user["UserAttributes"].(list)) != 1 {
		t.Errorf("user %v, want a new one", user)
	}
}
