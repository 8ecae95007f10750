package clients_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/coreos/go-oidc/v3/oidc"
)

func TestLifeOfAUser(t *testing.T) {
	for _, tt := range []struct {
		name   string
		secret bool
	}{
		{"PublicClient", false},
		{"ClientWithSecret", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, withPlan, func(in *cip.CreateUserPoolClientInput) { in.GenerateSecret = tt.secret })
			w.askFactors("OPTIONAL")
			if got := w.secret != ""; got != tt.secret {
				t.Fatalf("client has a secret: %v, want %v", got, tt.secret)
			}
			w.register("alice")
			signed := w.tokens("alice", password)
			w.inspect(signed)
			w.verify(signed, true)
			w.changeAttributes("alice", signed)
			w.signInByApp("alice", signed)
			w.signInBySMS("alice")
			w.forget("alice")
			w.changePassword("alice", signed)
			w.join("alice")
			w.refresh("alice", signed)
			w.revoke(signed)
			w.signOutEverywhere("alice")
			w.disable("alice")
			w.leave("alice")
		})
	}
}

// register signs a user up and confirms it, seeing on the way that a user who
// is not confirmed, or whose code is wrong, gets no further.
func (w *world) register(username string) {
	w.Helper()
	out, err := w.signUp(username)
	if err != nil {
		w.Fatal(err)
	}
	d := out.CodeDeliveryDetails
	if out.UserConfirmed || d == nil || aws.ToString(d.Destination) != "a***@e***" ||
		d.DeliveryMedium != "EMAIL" || aws.ToString(d.AttributeName) != "email" {
		w.Errorf("SignUp: got confirmed %v, delivery %s", out.UserConfirmed, text(w.T, d))
	}
	_, err = w.signIn(username, "even with a wrong password")
	refused[*types.UserNotConfirmedException](w.T, err, "User is not confirmed.")
	refused[*types.CodeMismatchException](w.T, w.confirm(username, wrong(w.code(username))), "Invalid verification code provided, please try again.")
	if err := w.confirm(username, w.code(username)); err != nil {
		w.Fatal(err)
	}
	refused[*types.NotAuthorizedException](w.T, w.confirm(username, "123456"), "User cannot be confirmed. Current status is CONFIRMED")
}

// wrong is another code than the one given.
func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// inspect looks at what a sign-in gave, and at its user.
func (w *world) inspect(a *types.AuthenticationResultType) {
	w.Helper()
	if a.ExpiresIn != 3600 || aws.ToString(a.TokenType) != "Bearer" || aws.ToString(a.RefreshToken) == "" {
		w.Errorf("got a %s for %d s, refresh token %v", aws.ToString(a.TokenType), a.ExpiresIn, a.RefreshToken != nil)
	}
	id, access := claims(w.T, a.IdToken), claims(w.T, a.AccessToken)
	for name, want := range map[string]any{
		"token_use": "access", "client_id": w.client, "username": id["cognito:username"], "sub": id["sub"],
		"scope": "aws.cognito.signin.user.admin", "origin_jti": id["origin_jti"], "event_id": id["event_id"], "aud": nil,
	} {
		if got := access[name]; got != want {
			w.Errorf("access token: %s is %v, want %v", name, got, want)
		}
	}
	u, err := w.getUser(a.AccessToken)
	if err != nil {
		w.Fatal(err)
	}
	got := map[string]string{}
	for _, attribute := range u.UserAttributes {
		got[*attribute.Name] = *attribute.Value
	}
	want := map[string]string{"sub": id["sub"].(string), "email": *u.Username + "@example.com", "email_verified": "true"}
	if !maps.Equal(got, want) {
		w.Errorf("GetUser: got %v, want %v", got, want)
	}
}

// verify has the ID token verified as a program that trusts the pool does: by
// its discovery document and its keys.
func (w *world) verify(a *types.AuthenticationResultType, emailVerified bool) {
	w.Helper()
	provider, err := oidc.NewProvider(w.Context(), w.url+"/"+w.pool)
	if err != nil {
		w.Fatal(err)
	}
	token, err := provider.Verifier(&oidc.Config{ClientID: w.client}).Verify(w.Context(), *a.IdToken)
	if err != nil {
		w.Fatal(err)
	}
	var said struct {
		Use      string `json:"token_use"`
		Username string `json:"cognito:username"`
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := token.Claims(&said); err != nil || said.Use != "id" || said.Verified != emailVerified || said.Email != said.Username+"@example.com" {
		w.Errorf("ID token: %v, %+v", err, said)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: "another"}).Verify(w.Context(), *a.IdToken); err == nil {
		w.Error("another client accepts the ID token")
	}
}

// refresh gets new tokens by both calls.
func (w *world) refresh(username string, first *types.AuthenticationResultType) {
	w.Helper()
	one, err := w.initiate("REFRESH_TOKEN_AUTH", w.with(username, map[string]string{"REFRESH_TOKEN": *first.RefreshToken}))
	if err != nil {
		w.Fatal(err)
	}
	two, err := w.api.GetTokensFromRefreshToken(w.Context(), &cip.GetTokensFromRefreshTokenInput{
		ClientId: &w.client, RefreshToken: first.RefreshToken, ClientSecret: optional(w.secret),
	})
	if err != nil {
		w.Fatal(err)
	}
	old := claims(w.T, first.AccessToken)
	for _, a := range []*types.AuthenticationResultType{one.AuthenticationResult, two.AuthenticationResult} {
		if a.RefreshToken != nil || a.IdToken == nil {
			w.Error("a refresh without rotation gives an access and an ID token, and no refresh token")
		}
		got := claims(w.T, a.AccessToken)
		if got["origin_jti"] != old["origin_jti"] || got["auth_time"] != old["auth_time"] || got["jti"] == old["jti"] {
			w.Errorf("after a refresh: got %v, before %v", got, old)
		}
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// revoke ends one sign-in by its refresh token.
func (w *world) revoke(a *types.AuthenticationResultType) {
	w.Helper()
	in := &cip.RevokeTokenInput{ClientId: &w.client, ClientSecret: optional(w.secret), Token: a.RefreshToken}
	for range 2 { // what is revoked can be revoked again
		if _, err := w.api.RevokeToken(w.Context(), in); err != nil {
			w.Fatal(err)
		}
	}
	_, err := w.getUser(a.AccessToken)
	refused[*types.NotAuthorizedException](w.T, err, "Access Token has been revoked")
	_, err = w.initiate("REFRESH_TOKEN_AUTH", w.with("alice", map[string]string{"REFRESH_TOKEN": *a.RefreshToken}))
	refused[*types.NotAuthorizedException](w.T, err, "Refresh Token has been revoked")
	in.Token = a.AccessToken
	_, err = w.api.RevokeToken(w.Context(), in)
	refused[*types.UnsupportedTokenTypeException](w.T, err, "Wrong token type specified")
}

func (w *world) signOutEverywhere(username string) {
	w.Helper()
	here, there := w.tokens(username, password), w.tokens(username, password)
	if _, err := w.api.GlobalSignOut(w.Context(), &cip.GlobalSignOutInput{AccessToken: here.AccessToken}); err != nil {
		w.Fatal(err)
	}
	_, err := w.getUser(there.AccessToken)
	refused[*types.NotAuthorizedException](w.T, err, "Access Token has been revoked")
	_, err = w.initiate("REFRESH_TOKEN_AUTH", w.with(username, map[string]string{"REFRESH_TOKEN": *there.RefreshToken}))
	refused[*types.NotAuthorizedException](w.T, err, "Refresh Token has been revoked")
	if _, err := w.getUser(w.tokens(username, password).AccessToken); err != nil {
		w.Errorf("a sign-in after the sign-out: %v", err)
	}
}

func TestRotation(t *testing.T) {
	w := newWorld(t, nil, func(in *cip.CreateUserPoolClientInput) {
		in.ExplicitAuthFlows = []types.ExplicitAuthFlowsType{"ALLOW_USER_PASSWORD_AUTH"}
		in.RefreshTokenRotation = &types.RefreshTokenRotationType{Feature: "ENABLED", RetryGracePeriodSeconds: aws.Int32(0)}
	})
	w.newUser("alice")
	refresh := func(token *string) (*types.AuthenticationResultType, error) {
		out, err := w.api.GetTokensFromRefreshToken(t.Context(), &cip.GetTokensFromRefreshTokenInput{ClientId: &w.client, RefreshToken: token})
		if err != nil {
			return nil, err
		}
		return out.AuthenticationResult, nil
	}
	first := w.tokens("alice", password)
	second, err := refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	third, err := refresh(second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	_, err = refresh(first.RefreshToken)
	if e, ok := errors.AsType[*types.RefreshTokenReuseException](err); !ok {
		t.Errorf("a token that was used: got %v, want %T", err, e)
	}
	if _, err = refresh(third.RefreshToken); err == nil {
		t.Error("after a token was used twice, its family still refreshes")
	}
	_, err = w.initiate("REFRESH_TOKEN_AUTH", map[string]string{"REFRESH_TOKEN": *w.tokens("alice", password).RefreshToken})
	if err == nil {
		t.Error("REFRESH_TOKEN_AUTH works in a client that rotates")
	}
}

func TestInvitation(t *testing.T) {
	w := newWorld(t, nil, nil)
	_, err := w.api.AdminCreateUser(t.Context(), &cip.AdminCreateUserInput{
		UserPoolId: &w.pool, Username: aws.String("bob"), DesiredDeliveryMediums: []types.DeliveryMediumType{"EMAIL"},
		UserAttributes: []types.AttributeType{
			{Name: aws.String("email"), Value: aws.String("bob@example.com")},
			{Name: aws.String("email_verified"), Value: aws.String("true")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ch, err := w.signIn("bob", w.code("bob"))
	if err != nil {
		t.Fatal(err)
	}
	if ch.ChallengeName != types.ChallengeNameTypeNewPasswordRequired || ch.Session == nil || ch.ChallengeParameters["USER_ID_FOR_SRP"] != "bob" ||
		ch.ChallengeParameters["requiredAttributes"] != "[]" {
		t.Fatalf("got the challenge %s, %v", ch.ChallengeName, ch.ChallengeParameters)
	}
	given := map[string]string{}
	if err := json.Unmarshal([]byte(ch.ChallengeParameters["userAttributes"]), &given); err != nil || given["email_verified"] != "true" {
		t.Errorf("userAttributes: %v, %v", given, err)
	}
	answer := func(password string) (*cip.RespondToAuthChallengeOutput, error) {
		return w.api.RespondToAuthChallenge(t.Context(), &cip.RespondToAuthChallengeInput{
			ClientId: &w.client, ChallengeName: ch.ChallengeName, Session: ch.Session,
			ChallengeResponses: map[string]string{"USERNAME": "bob", "NEW_PASSWORD": password},
		})
	}
	_, err = answer("Short-1")
	refused[*types.InvalidPasswordException](t, err, "Password does not conform to policy: Password not long enough")
	out, err := answer(password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.getUser(out.AuthenticationResult.AccessToken); err != nil {
		t.Error(err)
	}
	_, err = answer(password)
	refused[*types.NotAuthorizedException](t, err, "Invalid session for the user, session can only be used once.")
	w.setPassword("bob")
}

// setPassword has an operator set a password, first a temporary one.
func (w *world) setPassword(username string) {
	w.Helper()
	for _, tt := range []struct {
		permanent bool
		status    types.UserStatusType
		challenge types.ChallengeNameType
	}{
		{false, "FORCE_CHANGE_PASSWORD", "NEW_PASSWORD_REQUIRED"},
		{true, "CONFIRMED", ""},
	} {
		_, err := w.api.AdminSetUserPassword(w.Context(), &cip.AdminSetUserPasswordInput{
			UserPoolId: &w.pool, Username: &username, Password: aws.String("Another-Horse-2"), Permanent: tt.permanent,
		})
		if err != nil {
			w.Fatal(err)
		}
		u, err := w.api.AdminGetUser(w.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: &username})
		if err != nil || u.UserStatus != tt.status || !u.Enabled {
			w.Errorf("AdminGetUser: %v, %+v, want %s", err, u, tt.status)
		}
		if out, err := w.signIn(username, "Another-Horse-2"); err != nil || out.ChallengeName != tt.challenge {
			w.Errorf("sign-in: %v, %+v, want the challenge %q", err, out, tt.challenge)
		}
	}
}

// Where everybody needs a second factor, an invited user sets one up while
// signing in, by an operator's program as by an app.
func TestInvitationWithSecondFactor(t *testing.T) {
	w := newWorld(t, nil, func(in *cip.CreateUserPoolClientInput) {
		in.ExplicitAuthFlows = append(in.ExplicitAuthFlows, "ALLOW_ADMIN_USER_PASSWORD_AUTH")
	})
	w.askFactors("ON")
	must(w.api.AdminCreateUser(t.Context(), &cip.AdminCreateUserInput{
		UserPoolId: &w.pool, Username: aws.String("bob"), TemporaryPassword: aws.String(anotherPassword), MessageAction: "SUPPRESS",
	}))(t)
	ch := must(w.answer("bob", w.challenged("bob", anotherPassword, "NEW_PASSWORD_REQUIRED"), "NEW_PASSWORD", password))(t)
	if ch.ChallengeName != "MFA_SETUP" {
		t.Fatalf("after a new password: got %s, %v, want MFA_SETUP", ch.ChallengeName, ch.ChallengeParameters)
	}
	var can []string
	if err := json.Unmarshal([]byte(ch.ChallengeParameters["MFAS_CAN_SETUP"]), &can); err != nil || !slices.Contains(can, "SOFTWARE_TOKEN_MFA") {
		t.Errorf("MFAS_CAN_SETUP: %v, %v", can, err)
	}
	key := must(w.api.AssociateSoftwareToken(t.Context(), &cip.AssociateSoftwareTokenInput{Session: ch.Session}))(t)
	app := w.newAuthenticator(key.SecretCode)
	verified := must(w.api.VerifySoftwareToken(t.Context(), &cip.VerifySoftwareTokenInput{Session: key.Session, UserCode: aws.String(app.code())}))(t)
	done := must(w.answer("bob", &cip.InitiateAuthOutput{ChallengeName: "MFA_SETUP", Session: verified.Session}))(t)
	w.has(done.AuthenticationResult, "sub", claims(t, done.AuthenticationResult.IdToken)["sub"].(string))

	asked := must(w.api.AdminInitiateAuth(t.Context(), &cip.AdminInitiateAuthInput{
		UserPoolId: &w.pool, ClientId: &w.client, AuthFlow: "ADMIN_USER_PASSWORD_AUTH",
		AuthParameters: map[string]string{"USERNAME": "bob", "PASSWORD": password},
	}))(t)
	if asked.ChallengeName != "SOFTWARE_TOKEN_MFA" {
		t.Fatalf("AdminInitiateAuth: got %q, want SOFTWARE_TOKEN_MFA", asked.ChallengeName)
	}
	in := must(w.api.AdminRespondToAuthChallenge(t.Context(), &cip.AdminRespondToAuthChallengeInput{
		UserPoolId: &w.pool, ClientId: &w.client, ChallengeName: asked.ChallengeName, Session: asked.Session,
		ChallengeResponses: map[string]string{"USERNAME": "bob", "SOFTWARE_TOKEN_MFA_CODE": app.code()},
	}))(t)
	must(w.getUser(in.AuthenticationResult.AccessToken))(t)
}
