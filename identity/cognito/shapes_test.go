package cognito_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"
)

// members are the names of an object's members, sorted.
func members(v any) []string {
	o, _ := v.(obj)
	return slices.Sorted(maps.Keys(o))
}

func wantMembers(t testing.TB, what string, v any, want ...string) {
	t.Helper()
	if got := members(v); !slices.Equal(got, want) {
		t.Errorf("%s has the members %q, want %q", what, got, want)
	}
}

func wantForm(t testing.TB, what string, v any, form string) {
	t.Helper()
	text, _ := v.(string)
	if !compiled(form).MatchString(text) {
		t.Errorf("%s is %v, want the form %s", what, v, form)
	}
}

func TestAnswerOfSignIn(t *testing.T) {
	w := newWorld(t)
	session := str(t, w.ok("InitiateAuth", w.open.passwordAuth("fred", goodPass)), "Session")
	_, proof := w.open.startSRP("alice")
	for _, call := range []struct {
		op   string
		body obj
	}{
		{"InitiateAuth", w.open.passwordAuth("alice", goodPass)},
		{"RespondToAuthChallenge", w.open.respond("NEW_PASSWORD_REQUIRED", session, obj{"USERNAME": "fred", "NEW_PASSWORD": otherPass})},
		{"RespondToAuthChallenge", proof(goodPass)},
	} {
		op := call.op
		a := w.call(op, call.body)
		a.wantHeaders(t)
		wantMembers(t, op, a.body, "AuthenticationResult", "ChallengeParameters")
		if p, ok := a.body["ChallengeParameters"].(obj); !ok || len(p) != 0 {
			t.Errorf("%s: ChallengeParameters %v, want {}", op, a.body["ChallengeParameters"])
		}
		result := a.body["AuthenticationResult"]
		wantMembers(t, op, result, "AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType")
		if dig(result, "ExpiresIn") != 3600.0 || dig(result, "TokenType") != "Bearer" {
			t.Errorf("%s: %v for %v, want 3600 for Bearer", op, dig(result, "ExpiresIn"), dig(result, "TokenType"))
		}
	}
	for _, flow := range []string{"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"} {
		out := w.ok("InitiateAuth", w.open.auth(flow, obj{"REFRESH_TOKEN": w.open.refresh("alice")}))
		wantMembers(t, flow, out, "AuthenticationResult", "ChallengeParameters")
		wantMembers(t, flow, out["AuthenticationResult"], "AccessToken", "ExpiresIn", "IdToken", "TokenType")
	}
	out := w.ok("GetTokensFromRefreshToken", obj{"ClientId": w.open.id, "RefreshToken": w.open.refresh("alice")})
	wantMembers(t, "GetTokensFromRefreshToken", out, "AuthenticationResult")
	wantMembers(t, "GetTokensFromRefreshToken", out["AuthenticationResult"], "AccessToken", "ExpiresIn", "IdToken", "TokenType")
}

func TestAnswerOfRotation(t *testing.T) {
	w := newWorld(t)
	c := w.rotating(10)
	first := c.refresh("alice")
	use := func(token string) string {
		out := w.ok("GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": token})
		return str(t, out, "AuthenticationResult", "RefreshToken")
	}
	second := use(first)
	if second == first {
		t.Errorf("the refresh token was not rotated")
	}
	use(first) // within the grace period
	w.advance(11 * time.Second)
	use(second)
}

// A refresh keeps when and as what the user signed in, and reads the attributes again.
func TestRefreshedTokens(t *testing.T) {
	w := newWorld(t)
	first := w.open.signIn("alice")
	w.advance(10 * time.Minute)
	w.editUser("alice", func(u obj) { u["attributes"].(obj)["nickname"] = "al" })
	out := w.ok("InitiateAuth", w.open.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": first["RefreshToken"]}))
	for _, name := range []string{"AccessToken", "IdToken"} {
		before, after := claimsOf(t, str(t, first, name)), claimsOf(t, str(t, out, "AuthenticationResult", name))
		for _, claim := range []string{"auth_time", "origin_jti", "sub", "iss"} {
			if before[claim] != after[claim] {
				t.Errorf("%s: %s was %v and is %v", name, claim, before[claim], after[claim])
			}
		}
		if before["jti"] == after["jti"] || after["iat"] != before["iat"].(float64)+600 {
			t.Errorf("%s: jti %v, iat %v after jti %v, iat %v", name, after["jti"], after["iat"], before["jti"], before["iat"])
		}
	}
	if got := claimsOf(t, str(t, out, "AuthenticationResult", "IdToken"))["nickname"]; got != "al" {
		t.Errorf("nickname after a refresh is %v, want al", got)
	}
}

func TestAnswerOfChallenges(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"AliasAttributes": list{"email"}, "Schema": list{
		obj{"Name": "given_name", "Required": true}, obj{"Name": "family_name", "Required": true}, obj{"Name": "email", "Required": true},
	}})
	c := s.client(pool, nil)
	s.invited(pool, "fred", "email", "fred@example.com", "email_verified", "true", "family_name", "Fox")
	out := s.ok("InitiateAuth", c.passwordAuth("fred@example.com", goodPass))
	wantMembers(t, "NEW_PASSWORD_REQUIRED", out, "ChallengeName", "ChallengeParameters", "Session")
	if out["ChallengeName"] != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("challenge is %v", out["ChallengeName"])
	}
	wantForm(t, "Session", out["Session"], `^[\w-]{20,1000}$`)
	params := out["ChallengeParameters"]
	wantMembers(t, "parameters", params, "USER_ID_FOR_SRP", "requiredAttributes", "userAttributes")
	for name, want := range map[string]string{
		"USER_ID_FOR_SRP":    "fred",
		"requiredAttributes": `["userAttributes.given_name"]`,
		"userAttributes":     `{"email":"fred@example.com","email_verified":"true","family_name":"Fox"}`,
	} {
		if got := dig(params, name); got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	s.ok("RespondToAuthChallenge", c.respond("NEW_PASSWORD_REQUIRED", str(t, out, "Session"), obj{
		"USERNAME": "fred", "NEW_PASSWORD": otherPass, "userAttributes.given_name": "Fred",
	}))

	challenge, answer := c.startSRP("fred@example.com")
	wantMembers(t, "PASSWORD_VERIFIER", challenge, "ChallengeName", "ChallengeParameters")
	params = challenge["ChallengeParameters"]
	wantMembers(t, "parameters", params, "SALT", "SECRET_BLOCK", "SRP_B", "USERNAME", "USER_ID_FOR_SRP")
	wantForm(t, "SALT", dig(params, "SALT"), `^[0-9a-f]{1,34}$`)
	wantForm(t, "SRP_B", dig(params, "SRP_B"), `^[0-9a-f]{1,768}$`)
	if _, err := base64.StdEncoding.DecodeString(str(t, params, "SECRET_BLOCK")); err != nil {
		t.Errorf("SECRET_BLOCK: %v", err)
	}
	if dig(params, "USER_ID_FOR_SRP") != "fred" {
		t.Errorf("USER_ID_FOR_SRP is %v, want the real name", dig(params, "USER_ID_FOR_SRP"))
	}
	s.ok("RespondToAuthChallenge", answer(otherPass))
}

// For an unknown user the exchange looks as for any, and is the same each time.
func TestMadeUpExchange(t *testing.T) {
	w := newWorld(t)
	w.made(w.pool, "alicia")
	first, _ := w.hidden.startSRP("nobody")
	second, _ := w.hidden.startSRP("nobody")
	known, _ := w.hidden.startSRP("alicia") // a name of the same length
	for _, name := range []string{"SALT", "USER_ID_FOR_SRP", "USERNAME"} {
		a, b := dig(first, "ChallengeParameters", name), dig(second, "ChallengeParameters", name)
		if a != b {
			t.Errorf("%s is %v and then %v", name, a, b)
		}
	}
	if a, b := members(first["ChallengeParameters"]), members(known["ChallengeParameters"]); !slices.Equal(a, b) {
		t.Errorf("parameters %v for an unknown user, %v for another", a, b)
	}
	a, b := len(str(t, first, "ChallengeParameters", "SECRET_BLOCK")), len(str(t, known, "ChallengeParameters", "SECRET_BLOCK"))
	if a != b {
		t.Errorf("SECRET_BLOCK has %d characters for an unknown user, %d for another", a, b)
	}
}

func TestEmptyAnswers(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		op   string
		body obj
	}{
		{"ConfirmSignUp", w.open.confirmBody("una", w.outbox.LastCode("una"))},
		{"ConfirmForgotPassword", w.open.resetBody("alice", w.open.forgot("alice"), goodPass)},
		{"ChangePassword", obj{"AccessToken": w.open.access("alice"), "PreviousPassword": goodPass, "ProposedPassword": goodPass}},
		{"UpdateUserAttributes", obj{"AccessToken": w.open.access("alice"), "UserAttributes": attrs("name", "Al")}},
		{"DeleteUserAttributes", obj{"AccessToken": w.open.access("alice"), "UserAttributeNames": list{"name"}}},
		{"AdminUpdateUserAttributes", obj{"UserPoolId": w.pool, "Username": "alice", "UserAttributes": attrs("name", "Al")}},
		{"AdminDeleteUserAttributes", obj{"UserPoolId": w.pool, "Username": "alice", "UserAttributeNames": list{"name"}}},
		{"AdminResetUserPassword", obj{"UserPoolId": w.pool, "Username": "rita"}},
		{"RevokeToken", obj{"ClientId": w.open.id, "Token": w.open.refresh("alice")}},
		{"GlobalSignOut", obj{"AccessToken": w.open.access("alice")}},
		{"AdminSetUserPassword", obj{"UserPoolId": w.pool, "Username": "alice", "Password": goodPass}},
	} {
		a := w.call(tt.op, tt.body)
		if a.status != http.StatusOK || a.raw != "{}" {
			t.Errorf("%s: %d %q, want {}", tt.op, a.status, a.raw)
		}
		a.wantHeaders(t)
	}
	a := w.call("DeleteUserPool", obj{"UserPoolId": w.pool})
	if a.status != http.StatusOK || a.raw != "" || a.header.Get("Content-Length") != "0" {
		t.Errorf("DeleteUserPool: %d %q, want nothing", a.status, a.raw)
	}
	a.wantHeaders(t)
}

var timeForm = regexp.MustCompile(`Date":(\d+(?:\.\d{1,3})?)[,}]`)

// wantTimes checks that all n times of an answer are of this server's clock.
func wantTimes(t testing.TB, a *answer, n int) {
	t.Helper()
	got := timeForm.FindAllStringSubmatch(a.raw, -1)
	if len(got) != n {
		t.Errorf("%s has %d times, want %d: %s", a.op, len(got), n, a.raw)
	}
	for _, m := range got {
		if m[1] != "1795338307.123" {
			t.Errorf("%s: time %s, want 1795338307.123", a.op, m[1])
		}
	}
}

func TestTimesAndIDs(t *testing.T) {
	s := newServer(t)
	made := s.call("CreateUserPool", obj{"PoolName": "p"})
	pool := str(t, made.body, "UserPool", "Id")
	wantForm(t, "pool id", pool, `^us-east-1_[0-9A-Za-z]{9}$`)
	if got, want := dig(made.body, "UserPool", "Arn"), "arn:aws:cognito-idp:us-east-1:123456789012:userpool/"+pool; got != want {
		t.Errorf("ARN %v, want %s", got, want)
	}
	wantTimes(t, made, 2)
	wantTimes(t, s.call("DescribeUserPool", obj{"UserPoolId": pool}), 2)
	wantTimes(t, s.call("ListUserPools", obj{"MaxResults": 60}), 2)
	client := s.call("CreateUserPoolClient", obj{"UserPoolId": pool, "ClientName": "c", "GenerateSecret": true})
	wantTimes(t, client, 2)
	wantForm(t, "client id", dig(client.body, "UserPoolClient", "ClientId"), `^[0-9a-z]{26}$`)
	wantForm(t, "client secret", dig(client.body, "UserPoolClient", "ClientSecret"), `^[0-9a-z]{51,52}$`)
	user := s.call("AdminCreateUser", obj{"UserPoolId": pool, "Username": "alice"})
	wantTimes(t, user, 2)
	wantTimes(t, s.call("AdminGetUser", obj{"UserPoolId": pool, "Username": "alice"}), 2)
	wantForm(t, "sub", attrMap(t, dig(user.body, "User", "Attributes"))["sub"], uuidForm.String())
}
