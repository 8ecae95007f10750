package clients_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// These are chapters of TestLifeOfAUser. Each leaves the user able to sign in
// with the password alone.

const anotherPassword = "Another-Horse-2"

// changeAttributes changes, verifies and deletes attributes.
func (w *world) changeAttributes(username string, a *types.AuthenticationResultType) {
	w.Helper()
	out := must(w.api.UpdateUserAttributes(w.Context(), &cip.UpdateUserAttributesInput{
		AccessToken: a.AccessToken, UserAttributes: listed("name", "Alice", "custom:plan", "gold", "email", "new@example.org"),
	}))(w)
	if d := out.CodeDeliveryDetailsList; len(d) != 1 || aws.ToString(d[0].AttributeName) != "email" || aws.ToString(d[0].Destination) != "n***@e***" {
		w.Errorf("UpdateUserAttributes: got the deliveries %s", text(w.T, d))
	}
	w.has(a, "name", "Alice", "custom:plan", "gold", "email", "new@example.org", "email_verified", "false")
	verify := func(code string) error {
		_, err := w.api.VerifyUserAttribute(w.Context(), &cip.VerifyUserAttributeInput{
			AccessToken: a.AccessToken, AttributeName: aws.String("email"), Code: &code,
		})
		return err
	}
	refused[*types.CodeMismatchException](w.T, verify(wrong(w.code(username))), "Invalid verification code provided, please try again.")
	old := w.code(username)
	sent := must(w.api.GetUserAttributeVerificationCode(w.Context(), &cip.GetUserAttributeVerificationCodeInput{
		AccessToken: a.AccessToken, AttributeName: aws.String("email"),
	}))(w)
	if d := sent.CodeDeliveryDetails; d == nil || d.DeliveryMedium != "EMAIL" {
		w.Errorf("GetUserAttributeVerificationCode: got %s", text(w.T, d))
	}
	if code := w.code(username); code == old {
		w.Errorf("the same code %s was sent again", code)
	} else if err := verify(code); err != nil {
		w.Error(err)
	}
	must(w.api.DeleteUserAttributes(w.Context(), &cip.DeleteUserAttributesInput{
		AccessToken: a.AccessToken, UserAttributeNames: []string{"name", "custom:plan"},
	}))(w)
	w.has(a, "name", "", "custom:plan", "", "email", "new@example.org", "email_verified", "true")
}

// has checks attributes of a signed-in user: names and values in turn, where
// an empty value stands for an attribute that is not there.
func (w *world) has(a *types.AuthenticationResultType, pairs ...string) {
	w.Helper()
	got := w.attributes(a.AccessToken)
	for i := 0; i < len(pairs); i += 2 {
		if v, there := got[pairs[i]]; v != pairs[i+1] || there != (pairs[i+1] != "") {
			w.Errorf("%s is %q (there: %v), want %q; all: %v", pairs[i], v, there, pairs[i+1], got)
		}
	}
}

// signInByApp enrols an authenticator app, signs in with it and turns it off.
func (w *world) signInByApp(username string, a *types.AuthenticationResultType) {
	w.Helper()
	_, err := w.prefer(a, nil, &types.SoftwareTokenMfaSettingsType{Enabled: true})
	refused[*types.InvalidParameterException](w.T, err, "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA")
	app := w.enrol(a)
	on := &types.SoftwareTokenMfaSettingsType{Enabled: true, PreferredMfa: true}
	must(w.prefer(a, nil, on))(w)
	w.showsFactors(a, "SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA")

	ch := w.challenged(username, password, "SOFTWARE_TOKEN_MFA")
	if ch.ChallengeParameters["FRIENDLY_DEVICE_NAME"] != "telephone" || ch.ChallengeParameters["USER_ID_FOR_SRP"] != username {
		w.Errorf("SOFTWARE_TOKEN_MFA: got the parameters %v", ch.ChallengeParameters)
	}
	_, err = w.answer(username, ch, "SOFTWARE_TOKEN_MFA_CODE", app.wrong())
	refused[*types.CodeMismatchException](w.T, err, "Invalid code received for user")
	code := app.code()
	done := must(w.answer(username, ch, "SOFTWARE_TOKEN_MFA_CODE", code))(w)
	w.has(done.AuthenticationResult, "email_verified", "true")
	ch = w.challenged(username, password, "SOFTWARE_TOKEN_MFA")
	_, err = w.answer(username, ch, "SOFTWARE_TOKEN_MFA_CODE", code)
	refused[*types.ExpiredCodeException](w.T, err, "Your software token has already been used once.")
	must(w.answer(username, ch, "SOFTWARE_TOKEN_MFA_CODE", app.code()))(w)
	must(w.prefer(a, nil, &types.SoftwareTokenMfaSettingsType{}))(w)
	w.showsFactors(a, "")
}

// enrol gives a signed-in user an authenticator app.
func (w *world) enrol(a *types.AuthenticationResultType) *authenticator {
	w.Helper()
	key := must(w.api.AssociateSoftwareToken(w.Context(), &cip.AssociateSoftwareTokenInput{AccessToken: a.AccessToken}))(w)
	app := w.newAuthenticator(key.SecretCode)
	verify := func(code string) (*cip.VerifySoftwareTokenOutput, error) {
		return w.api.VerifySoftwareToken(w.Context(), &cip.VerifySoftwareTokenInput{
			AccessToken: a.AccessToken, UserCode: &code, FriendlyDeviceName: aws.String("telephone"),
		})
	}
	_, err := verify(app.wrong())
	refused[*types.EnableSoftwareTokenMFAException](w.T, err, "Code mismatch and fail enable Software Token MFA")
	if out := must(verify(app.code()))(w); out.Status != "SUCCESS" {
		w.Errorf("VerifySoftwareToken: got the status %q, want SUCCESS", out.Status)
	}
	return app
}

func (w *world) prefer(a *types.AuthenticationResultType, sms *types.SMSMfaSettingsType, app *types.SoftwareTokenMfaSettingsType) (*cip.SetUserMFAPreferenceOutput, error) {
	return w.api.SetUserMFAPreference(w.Context(), &cip.SetUserMFAPreferenceInput{
		AccessToken: a.AccessToken, SMSMfaSettings: sms, SoftwareTokenMfaSettings: app,
	})
}

// showsFactors checks what GetUser tells of the second factors.
func (w *world) showsFactors(a *types.AuthenticationResultType, preferred string, enabled ...string) {
	w.Helper()
	u := must(w.getUser(a.AccessToken))(w)
	if aws.ToString(u.PreferredMfaSetting) != preferred || !slices.Equal(u.UserMFASettingList, enabled) {
		w.Errorf("second factors: %s of %q, want %q of %q", aws.ToString(u.PreferredMfaSetting), u.UserMFASettingList, preferred, enabled)
	}
}

// signInBySMS has an operator give a user a telephone and turn it on beside
// the app of the chapter before; the user chooses it.
func (w *world) signInBySMS(username string) {
	w.Helper()
	must(w.api.AdminUpdateUserAttributes(w.Context(), &cip.AdminUpdateUserAttributesInput{
		UserPoolId: &w.pool, Username: &username, UserAttributes: listed("phone_number", "+15555550123", "phone_number_verified", "true"),
	}))(w)
	prefer := func(on bool) {
		must(w.api.AdminSetUserMFAPreference(w.Context(), &cip.AdminSetUserMFAPreferenceInput{
			UserPoolId: &w.pool, Username: &username,
			SMSMfaSettings: &types.SMSMfaSettingsType{Enabled: on}, SoftwareTokenMfaSettings: &types.SoftwareTokenMfaSettingsType{Enabled: on},
		}))(w)
	}
	prefer(true)
	ch := w.challenged(username, password, "SELECT_MFA_TYPE")
	if got := ch.ChallengeParameters["MFAS_CAN_CHOOSE"]; got != `["SMS_MFA","SOFTWARE_TOKEN_MFA"]` {
		w.Errorf("MFAS_CAN_CHOOSE: got %s", got)
	}
	asked := must(w.answer(username, ch, "ANSWER", "SMS_MFA"))(w)
	if asked.ChallengeName != "SMS_MFA" || asked.ChallengeParameters["CODE_DELIVERY_DESTINATION"] != "+*******0123" ||
		asked.ChallengeParameters["CODE_DELIVERY_DELIVERY_MEDIUM"] != "SMS" {
		w.Errorf("after the choice: got %s, %v", asked.ChallengeName, asked.ChallengeParameters)
	}
	ch = &cip.InitiateAuthOutput{ChallengeName: asked.ChallengeName, Session: asked.Session}
	_, err := w.answer(username, ch, "SMS_MFA_CODE", wrong(w.code(username)))
	refused[*types.CodeMismatchException](w.T, err, "Invalid code or auth state for the user.")
	done := must(w.answer(username, ch, "SMS_MFA_CODE", w.code(username)))(w)
	w.showsFactors(done.AuthenticationResult, "", "SMS_MFA", "SOFTWARE_TOKEN_MFA")
	prefer(false)
	must(w.api.AdminDeleteUserAttributes(w.Context(), &cip.AdminDeleteUserAttributesInput{
		UserPoolId: &w.pool, Username: &username, UserAttributeNames: []string{"phone_number"},
	}))(w)
	w.has(done.AuthenticationResult, "phone_number", "", "phone_number_verified", "")
}

// forget has a user who forgot the password choose another one, by the user's
// own wish and then by an operator's.
func (w *world) forget(username string) {
	w.Helper()
	sent := must(w.api.ForgotPassword(w.Context(), &cip.ForgotPasswordInput{ClientId: &w.client, Username: &username, SecretHash: w.hash(username)}))(w)
	if d := sent.CodeDeliveryDetails; d == nil || aws.ToString(d.AttributeName) != "email" || aws.ToString(d.Destination) != "n***@e***" {
		w.Errorf("ForgotPassword: got %s", text(w.T, d))
	}
	code := w.code(username)
	refused[*types.CodeMismatchException](w.T, w.remember(username, wrong(code), anotherPassword), "Invalid verification code provided, please try again.")
	refused[*types.InvalidPasswordException](w.T, w.remember(username, code, "Short-1"), "Password does not conform to policy: Password not long enough")
	if err := w.remember(username, code, anotherPassword); err != nil {
		w.Fatal(err)
	}
	refused[*types.ExpiredCodeException](w.T, w.remember(username, code, anotherPassword), "Invalid code provided, please request a code again.")
	_, err := w.signIn(username, password)
	refused[*types.NotAuthorizedException](w.T, err, "Incorrect username or password.")
	w.tokens(username, anotherPassword)

	must(w.api.AdminResetUserPassword(w.Context(), &cip.AdminResetUserPasswordInput{UserPoolId: &w.pool, Username: &username}))(w)
	if u := must(w.api.AdminGetUser(w.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: &username}))(w); u.UserStatus != "RESET_REQUIRED" {
		w.Errorf("AdminResetUserPassword leaves the status %s", u.UserStatus)
	}
	_, err = w.signIn(username, anotherPassword)
	refused[*types.PasswordResetRequiredException](w.T, err, "Password reset required for the user")
	if err := w.remember(username, w.code(username), anotherPassword); err != nil {
		w.Fatal(err)
	}
	w.tokens(username, anotherPassword)
}

// remember sets a new password by the code that was sent.
func (w *world) remember(username, code, password string) error {
	_, err := w.api.ConfirmForgotPassword(w.Context(), &cip.ConfirmForgotPasswordInput{
		ClientId: &w.client, Username: &username, ConfirmationCode: &code, Password: &password, SecretHash: w.hash(username),
	})
	return err
}

func (w *world) changePassword(username string, a *types.AuthenticationResultType) {
	w.Helper()
	change := func(from, to string) error {
		_, err := w.api.ChangePassword(w.Context(), &cip.ChangePasswordInput{AccessToken: a.AccessToken, PreviousPassword: &from, ProposedPassword: &to})
		return err
	}
	refused[*types.NotAuthorizedException](w.T, change("Wrong-Horse-1", password), "Incorrect username or password.")
	refused[*types.InvalidPasswordException](w.T, change(anotherPassword, "lower-case1"), "Password does not conform to policy: Password must have uppercase characters")
	if err := change(anotherPassword, password); err != nil {
		w.Fatal(err)
	}
	_, err := w.signIn(username, anotherPassword)
	refused[*types.NotAuthorizedException](w.T, err, "Incorrect username or password.")
	w.tokens(username, password)
}

// join puts a user into groups, which tokens then tell of.
func (w *world) join(username string) {
	w.Helper()
	role := func(name string) *string { return aws.String("arn:aws:iam::123456789012:role/" + name) }
	for _, in := range []cip.CreateGroupInput{
		{GroupName: aws.String("readers"), Precedence: aws.Int32(9), RoleArn: role("reader")},
		{GroupName: aws.String("editors"), Precedence: aws.Int32(0), RoleArn: role("editor"), Description: aws.String("who writes")},
		{GroupName: aws.String("everybody")},
	} {
		in.UserPoolId = &w.pool
		g := must(w.api.CreateGroup(w.Context(), &in))(w).Group
		same(w.T, g, &types.GroupType{GroupName: in.GroupName, UserPoolId: &w.pool, Precedence: in.Precedence, RoleArn: in.RoleArn, Description: in.Description})
		for range 2 { // the second time changes nothing
			must(w.api.AdminAddUserToGroup(w.Context(), &cip.AdminAddUserToGroupInput{UserPoolId: &w.pool, Username: &username, GroupName: in.GroupName}))(w)
		}
	}
	signed := w.tokens(username, password)
	id, access := claims(w.T, signed.IdToken), claims(w.T, signed.AccessToken)
	sameClaim(w.T, access, "cognito:groups", []any{"editors", "readers", "everybody"})
	sameClaim(w.T, id, "cognito:groups", []any{"editors", "readers", "everybody"})
	sameClaim(w.T, id, "cognito:roles", []any{*role("editor"), *role("reader")})
	sameClaim(w.T, id, "cognito:preferred_role", *role("editor"))

	must(w.api.AdminRemoveUserFromGroup(w.Context(), &cip.AdminRemoveUserFromGroupInput{UserPoolId: &w.pool, Username: &username, GroupName: aws.String("readers")}))(w)
	must(w.api.DeleteGroup(w.Context(), &cip.DeleteGroupInput{UserPoolId: &w.pool, GroupName: aws.String("everybody")}))(w)
	again := must(w.initiate("REFRESH_TOKEN_AUTH", w.with(username, map[string]string{"REFRESH_TOKEN": *signed.RefreshToken})))(w)
	sameClaim(w.T, claims(w.T, again.AuthenticationResult.AccessToken), "cognito:groups", []any{"editors"})
}

func sameClaim(t *testing.T, claims map[string]any, name string, want any) {
	t.Helper()
	if got := claims[name]; !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

// disable has an operator lock a user out, and in again.
func (w *world) disable(username string) {
	w.Helper()
	signed := w.tokens(username, password)
	must(w.api.AdminDisableUser(w.Context(), &cip.AdminDisableUserInput{UserPoolId: &w.pool, Username: &username}))(w)
	if u := must(w.api.AdminGetUser(w.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: &username}))(w); u.Enabled {
		w.Error("a user who was disabled is enabled")
	}
	_, err := w.signIn(username, password)
	refused[*types.NotAuthorizedException](w.T, err, "User is disabled.")
	_, err = w.getUser(signed.AccessToken)
	refused[*types.NotAuthorizedException](w.T, err, "Access Token has been revoked")
	must(w.api.AdminEnableUser(w.Context(), &cip.AdminEnableUserInput{UserPoolId: &w.pool, Username: &username}))(w)

	signed = w.tokens(username, password)
	must(w.api.AdminUserGlobalSignOut(w.Context(), &cip.AdminUserGlobalSignOutInput{UserPoolId: &w.pool, Username: &username}))(w)
	_, err = w.getUser(signed.AccessToken)
	refused[*types.NotAuthorizedException](w.T, err, "Access Token has been revoked")
}

// leave has a user delete the account. The name is then free, for a user whom
// an operator confirms, and deletes again.
func (w *world) leave(username string) {
	w.Helper()
	signed := w.tokens(username, password)
	must(w.api.DeleteUser(w.Context(), &cip.DeleteUserInput{AccessToken: signed.AccessToken}))(w)
	_, err := w.getUser(signed.AccessToken)
	refused[*types.UserNotFoundException](w.T, err, "User does not exist.")
	_, err = w.signIn(username, password)
	refused[*types.UserNotFoundException](w.T, err, "User does not exist.")
	if _, err = w.initiate("REFRESH_TOKEN_AUTH", w.with(username, map[string]string{"REFRESH_TOKEN": *signed.RefreshToken})); err == nil {
		w.Error("a user who was deleted refreshes")
	}

	must(w.signUp(username))(w)
	must(w.api.AdminConfirmSignUp(w.Context(), &cip.AdminConfirmSignUpInput{UserPoolId: &w.pool, Username: &username}))(w)
	signed = w.tokens(username, password)
	if got := claims(w.T, signed.IdToken)["cognito:groups"]; got != nil {
		w.Errorf("a new user of an old name is in %v", got)
	}
	if got := w.attributes(signed.AccessToken)["email_verified"]; got == "true" {
		w.Error("an address that nobody verified is verified")
	}
	must(w.api.AdminDeleteUser(w.Context(), &cip.AdminDeleteUserInput{UserPoolId: &w.pool, Username: &username}))(w)
	_, err = w.api.AdminGetUser(w.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: &username})
	refused[*types.UserNotFoundException](w.T, err, "User does not exist.")
}
