package cognito_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/store"
)

// A store that fails is nobody's business but the operator's: the answer says
// that there was an error, the log says which.
func TestInternalErrorsHaveNoDetail(t *testing.T) {
	const detail = "dial tcp 10.1.2.3:5432: password authentication failed for user cognate"
	s := newServerWith(t, serverOptions{mayFail: true})
	w, bodies := newAskedWorld(t)
	s.engine, s.store, s.handler = w.engine, w.store, cognito.NewHandler(w.engine, &cognito.Options{Logger: s.logger()})
	w.store.failWith(errors.New(detail))
	for op, body := range bodies {
		before := len(s.log.String())
		a := s.call(op, body)
		want := `{"__type":"InternalErrorException"}`
		if strings.HasSuffix(op, "ClientSecret") || strings.HasSuffix(op, "ClientSecrets") { // by their model
			want = `{"__type":"InternalServerException"}`
		}
		if a.raw != want || a.status != http.StatusInternalServerError {
			t.Errorf("%s: %d %s, want an error without detail", op, a.status, a.raw)
		}
		if entry := s.log.String()[before:]; !strings.Contains(entry, detail) || !strings.Contains(entry, op) {
			t.Errorf("%s: the log says %q", op, entry)
		}
		a.wantHeaders(t)
	}
	for _, name := range []string{"jwks.json", "openid-configuration"} {
		a := s.get("/" + w.pool + "/.well-known/" + name)
		if a.status != http.StatusInternalServerError || strings.Contains(a.raw, "10.1.2.3") {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	// Told to be: a transaction that kept losing, and one that is too large.
	w.store.failWith(store.ErrConflict)
	s.call("AdminGetUser", bodies["AdminGetUser"]).want(t, problem{"TooManyRequestsException", "Rate exceeded", 0})
	w.store.failWith(nil)
	if text := s.log.String(); strings.Contains(text, goodPass) {
		t.Errorf("the log has a password: %s", text)
	}
}

// Whatever users and clients keep secret is in no log, not even where things fail.
func TestSecretsAreNotLogged(t *testing.T) {
	s := newServerWith(t, serverOptions{mayFail: true})
	pool := s.pool(obj{"AutoVerifiedAttributes": list{"email"}})
	c := s.client(pool, obj{"GenerateSecret": true})
	secrets := []string{goodPass, otherPass, ownSecret, c.secret, c.hash("jane")}
	c.signUp("jane", "email", "jane@example.com")
	code := s.outbox.LastCode("jane")
	c.confirm("jane", "jane")
	tokens := c.signIn("jane")
	_, proof := c.startSRP("jane")
	s.invited(pool, "fred")
	session := str(t, s.ok("InitiateAuth", c.passwordAuth("fred", goodPass)), "Session")
	secrets = append(secrets, code, str(t, tokens, "AccessToken"), str(t, tokens, "IdToken"), str(t, tokens, "RefreshToken"), session)
	requests := []struct {
		op   string
		body obj
	}{
		{"SignUp", c.signUpBody("joe", "email", "joe@example.com")},
		{"ConfirmSignUp", c.confirmBody("jane", code)},
		{"InitiateAuth", c.passwordAuth("jane", goodPass)},
		{"InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": tokens["RefreshToken"], "SECRET_HASH": c.hash("jane")})},
		{"GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": tokens["RefreshToken"], "ClientSecret": c.secret}},
		{"RespondToAuthChallenge", proof(goodPass)},
		{"RespondToAuthChallenge", c.respond("NEW_PASSWORD_REQUIRED", session, obj{"USERNAME": "fred", "NEW_PASSWORD": otherPass, "SECRET_HASH": c.hash("fred")})},
		{"GetUser", obj{"AccessToken": tokens["AccessToken"]}},
		{"AdminCreateUser", obj{"UserPoolId": pool, "Username": "jill", "TemporaryPassword": otherPass}},
		{"AdminSetUserPassword", obj{"UserPoolId": pool, "Username": "jane", "Password": otherPass}},
		{"CreateUserPoolClient", obj{"UserPoolId": pool, "ClientName": "c", "ClientSecret": c.secret}},
		{"AddUserPoolClientSecret", obj{"UserPoolId": pool, "ClientId": c.id, "ClientSecret": ownSecret}},
	}
	s.store.failWith(errors.New("the disk is gone"))
	for _, r := range requests {
		s.call(r.op, r.body)
	}
	s.store.failWith(nil)
	for _, r := range requests {
		s.call(r.op, r.body)
		s.call(r.op, r.body) // most fail the second time
	}
	text := s.log.String()
	if !strings.Contains(text, "the disk is gone") {
		t.Errorf("nothing was logged")
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("the log has the secret %s", secret)
		}
	}
}

// A panic is answered as an internal error, and the server goes on.
func TestPanicInASender(t *testing.T) {
	s := newServerWith(t, serverOptions{mayFail: true, sender: panicSender{}})
	c := s.client(s.pool(obj{"AutoVerifiedAttributes": list{"email"}}), nil)
	s.call("SignUp", c.signUpBody("jane", "email", "jane@example.com")).want(t, problem{"InternalErrorException", "", 500})
	if !strings.Contains(s.log.String(), "relay is on fire") {
		t.Errorf("the panic is not in the log: %s", s.log.String())
	}
	s.ok("AdminGetUser", obj{"UserPoolId": c.pool, "Username": "jane"})
}

// Operators' calls, and they alone, need a signature where signatures are verified.
func TestSignatures(t *testing.T) {
	s := newServerWith(t, serverOptions{mayFail: true, handler: cognito.Options{VerifySignatures: true}})
	p, err := s.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: identity.CognitoDefaults})
	if err != nil {
		t.Fatal(err)
	}
	unknown := problem{"UnrecognizedClientException", "The security token included in the request is invalid.", 0}
	public := map[string]bool{
		"SignUp": true, "ConfirmSignUp": true, "ResendConfirmationCode": true, "InitiateAuth": true, "RespondToAuthChallenge": true,
		"ForgotPassword": true, "ConfirmForgotPassword": true,
		"GetTokensFromRefreshToken": true, "RevokeToken": true, "GetClientToken": true, "GlobalSignOut": true, "GetUser": true,
		"UpdateUserAttributes": true, "DeleteUserAttributes": true, "DeleteUser": true, "ChangePassword": true,
		"GetUserAttributeVerificationCode": true, "VerifyUserAttribute": true,
		"AssociateSoftwareToken": true, "VerifySoftwareToken": true, "SetUserMFAPreference": true, "GetUserAuthFactors": true, "SetUserSettings": true,
		"StartWebAuthnRegistration": true, "CompleteWebAuthnRegistration": true, "ListWebAuthnCredentials": true, "DeleteWebAuthnCredential": true,
		"ConfirmDevice": true, "GetDevice": true, "ListDevices": true, "UpdateDeviceStatus": true, "ForgetDevice": true,
		"ListUserSessions": true, "RevokeUserSession": true,
	}
	for _, op := range cognito.Services()[0].Operations {
		if !op.Served() {
			continue
		}
		if signed := op.Caller == wire.Operator; signed == public[op.Name] {
			t.Errorf("%s is called by: %s. The map public in this test names the operations that need no operator's signature, and no others", op.Name, op.Caller)
			continue
		}
		s.region = "us-east-1"
		if a := s.call(op.Name, "{}"); public[op.Name] {
			a.wantBadRequest(t)
		} else if a.body["__type"] != unknown.exception && a.body["__type"] != "IncompleteSignatureException" {
			t.Errorf("%s with a signature that is none: %d %s", op.Name, a.status, a.raw)
		}
		s.region = ""
		if a := s.call(op.Name, obj{"UserPoolId": p.ID}); public[op.Name] {
			a.wantBadRequest(t)
		} else {
			a.want(t, problem{"MissingAuthenticationTokenException", "Missing Authentication Token", 0})
		}
	}
	if written := s.store.written(); len(written) != 4 { // the pool and its event, each with an index
		t.Errorf("wrote %v", written)
	}
}

// wantBadRequest checks that a request got as far as its constraints.
func (a *answer) wantBadRequest(t testing.TB) {
	t.Helper()
	want := "validation error"
	if a.op == "AssociateSoftwareToken" { // the model demands none of its members
		want = "is required"
	}
	if message, _ := a.body["message"].(string); !strings.Contains(message, want) {
		t.Errorf("%s: %d %s, want a validation error", a.op, a.status, a.raw)
	}
}

// The time that one request may take is limited. Its end is no fault of the server's.
func TestTimeout(t *testing.T) {
	s := newServerWith(t, serverOptions{mayFail: true, handler: cognito.Options{Timeout: time.Nanosecond}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"MaxResults":1}`))
	r.Header.Set("X-Amz-Target", idpPrefix+"ListUserPools")
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
	if a := s.do(r, "ListUserPools"); a.status != http.StatusBadRequest || a.body["__type"] != "TooManyRequestsException" {
		t.Errorf("%d %s, want a TooManyRequestsException", a.status, a.raw)
	}
}
