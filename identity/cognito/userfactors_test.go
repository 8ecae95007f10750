package cognito_test

import (
	"fmt"
	"testing"
)

func TestAuthFactors(t *testing.T) {
	w := newEmailWorld(t, "OPTIONAL")
	want := func(out obj) {
		t.Helper()
		if out["Username"] != "alice" || out["PreferredMfaSetting"] != "SOFTWARE_TOKEN_MFA" ||
			fmt.Sprint(out["UserMFASettingList"], out["ConfiguredUserAuthFactors"]) != "[SOFTWARE_TOKEN_MFA] [PASSWORD SOFTWARE_TOKEN]" {
			t.Errorf("%v", out)
		}
	}
	access := str(t, w.ok("RespondToAuthChallenge", w.answerTOTP(w.code())), "AuthenticationResult", "AccessToken")
	want(w.ok("GetUserAuthFactors", obj{"AccessToken": access}))
	alice := obj{"UserPoolId": w.pool, "Username": "alice"}
	want(w.ok("AdminGetUserAuthFactors", alice))

	w.ok("AdminDeleteSoftwareToken", alice)
	out := w.ok("AdminGetUserAuthFactors", alice)
	if out["PreferredMfaSetting"] != nil || out["UserMFASettingList"] != nil || fmt.Sprint(out["ConfiguredUserAuthFactors"]) != "[PASSWORD]" {
		t.Errorf("after AdminDeleteSoftwareToken: %v", out)
	}
	w.ok("AdminDeleteSoftwareToken", alice)
	w.ok("GetUserAuthFactors", obj{"AccessToken": access}) // the sign-in stays
}

func TestUserSettings(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	sms := list{obj{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}}
	factors := func() string {
		return fmt.Sprint(w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "pat"})["UserMFASettingList"])
	}
	w.ok("AdminSetUserSettings", obj{"UserPoolId": w.pool, "Username": "pat", "MFAOptions": list{}})
	if got := factors(); got != "<nil>" {
		t.Errorf("off: %s", got)
	}
	w.ok("SetUserSettings", obj{"AccessToken": w.open.access("pat"), "MFAOptions": sms})
	if got := factors(); got != "[SMS_MFA]" {
		t.Errorf("on: %s", got)
	}
	refused := problem{"InvalidParameterException", "MFAOptions can have SMS with the attribute phone_number only.", 0} // (unsure)
	for _, option := range []obj{{"DeliveryMedium": "EMAIL", "AttributeName": "email"}, {"DeliveryMedium": "SMS", "AttributeName": "email"}, {}} {
		w.call("AdminSetUserSettings", obj{"UserPoolId": w.pool, "Username": "pat", "MFAOptions": list{option}}).want(t, refused)
	}
	w.call("AdminSetUserSettings", obj{"UserPoolId": w.pool, "Username": "una", "MFAOptions": sms}).
		want(t, problem{"InvalidParameterException", "User does not have delivery config set to turn on SMS_MFA", 0})
}
