package lambdatest

import (
	"encoding/base64"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/mfa"
)

// flows come to each source that an operation comes to. Each returns the error of the operation.
var flows = map[string]func(w *world) string{
	"PreSignUp_SignUp":          func(w *world) string { return w.signUp("bob") },
	"PreSignUp_AdminCreateUser": func(w *world) string { return w.create("bob") },
	"PostConfirmation_ConfirmSignUp": func(w *world) string {
		w.signUp("bob")
		problem, _ := w.call("AdminConfirmSignUp", obj{"UserPoolId": w.PoolID, "Username": "bob", "ClientMetadata": metadata})
		return problem
	},
	"PostConfirmation_ConfirmForgotPassword": func(w *world) string {
		w.forgot()
		problem, _ := w.call("ConfirmForgotPassword", obj{
			"ClientId": w.ClientID, "Username": "alice", "ConfirmationCode": w.LastCode("alice"), "Password": password + "2", "ClientMetadata": metadata,
		})
		return problem
	},
	"PreAuthentication_Authentication":  (*world).passwordSignIn,
	"PostAuthentication_Authentication": (*world).passwordSignIn,
	"TokenGeneration_Authentication":    (*world).passwordSignIn,
	"TokenGeneration_RefreshTokens": func(w *world) string {
		problem, _ := w.call("InitiateAuth", obj{
			"ClientId": w.ClientID, "AuthFlow": "REFRESH_TOKEN_AUTH", "ClientMetadata": metadata,
			"AuthParameters": obj{"REFRESH_TOKEN": w.tokens()["RefreshToken"]},
		})
		return problem
	},
	"TokenGeneration_NewPasswordChallenge": func(w *world) string {
		w.create("bob")
		asked := w.must("InitiateAuth", auth(w.ClientID, "USER_PASSWORD_AUTH", obj{"USERNAME": "bob", "PASSWORD": password}))
		problem, _ := w.call("RespondToAuthChallenge", obj{
			"ClientId": w.ClientID, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": asked["Session"], "ClientMetadata": metadata,
			"ChallengeResponses": obj{"USERNAME": "bob", "NEW_PASSWORD": password + "2"},
		})
		return problem
	},
	"TokenGeneration_AuthenticateDevice":         (*world).deviceSignIn,
	"DefineAuthChallenge_Authentication":         (*world).customSignIn,
	"CreateAuthChallenge_Authentication":         (*world).customSignIn,
	"VerifyAuthChallengeResponse_Authentication": (*world).customSignIn,
	"UserMigration_Authentication": func(w *world) string {
		problem, _ := w.call("InitiateAuth", auth(w.ClientID, "USER_PASSWORD_AUTH", obj{"USERNAME": "carol", "PASSWORD": password}))
		return problem
	},
	"UserMigration_ForgotPassword": func(w *world) string {
		problem, _ := w.call("ForgotPassword", obj{"ClientId": w.ClientID, "Username": "carol", "ClientMetadata": metadata})
		return problem
	},
}

// messages come to the sources of messages: CustomMessage, CustomEmailSender and CustomSMSSender
// with each of these.
var messages = map[string]func(w *world) string{
	"SignUp":          func(w *world) string { return w.signUp("bob") },
	"AdminCreateUser": func(w *world) string { return w.create("bob") },
	"ForgotPassword":  (*world).forgot,
	"ResendCode": func(w *world) string {
		w.signUp("bob")
		problem, _ := w.call("ResendConfirmationCode", obj{"ClientId": w.ClientID, "Username": "bob", "ClientMetadata": metadata})
		return problem
	},
	"UpdateUserAttribute": func(w *world) string {
		problem, _ := w.call("UpdateUserAttributes", obj{"AccessToken": w.tokens()["AccessToken"], "UserAttributes": w.attributes("alicia"), "ClientMetadata": metadata})
		return problem
	},
	"VerifyUserAttribute": func(w *world) string {
		problem, _ := w.call("GetUserAttributeVerificationCode", obj{"AccessToken": w.tokens()["AccessToken"], "AttributeName": w.attribute, "ClientMetadata": metadata})
		return problem
	},
}

// smsSignIn comes to the message of a second factor, which is a text message.
func (w *world) smsSignIn() string {
	w.must("SetUserPoolMfaConfig", obj{
		"UserPoolId": w.PoolID, "MfaConfiguration": "OPTIONAL",
		"SmsMfaConfiguration": obj{"SmsConfiguration": obj{"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}},
	})
	w.must("AdminSetUserMFAPreference", obj{"UserPoolId": w.PoolID, "Username": "alice", "SMSMfaSettings": obj{"Enabled": true, "PreferredMfa": true}})
	return w.passwordSignIn()
}

// emailSignIn comes to the message of a second factor, which is a mail.
func (w *world) emailSignIn() string {
	w.must("SetUserPoolMfaConfig", obj{"UserPoolId": w.PoolID, "MfaConfiguration": "OPTIONAL", "EmailMfaConfiguration": obj{"Subject": "sign in"}})
	w.must("AdminSetUserMFAPreference", obj{"UserPoolId": w.PoolID, "Username": "alice", "EmailMfaSettings": obj{"Enabled": true, "PreferredMfa": true}})
	return w.passwordSignIn()
}

var metadata = obj{"from": "metadata"}

func auth(client, flow string, parameters obj) obj {
	return obj{"ClientId": client, "AuthFlow": flow, "AuthParameters": parameters, "ClientMetadata": metadata}
}

func (w *world) signUp(name string) string {
	problem, _ := w.call("SignUp", obj{
		"ClientId": w.ClientID, "Username": name, "Password": password, "UserAttributes": w.attributes(name),
		"ClientMetadata": metadata, "ValidationData": []obj{{"Name": "from", "Value": "validation"}},
	})
	return problem
}

func (w *world) create(name string) string {
	medium := map[string]string{"email": "EMAIL", "phone_number": "SMS"}[w.attribute]
	problem, _ := w.call("AdminCreateUser", obj{
		"UserPoolId": w.PoolID, "Username": name, "TemporaryPassword": password, "UserAttributes": w.attributes(name),
		"DesiredDeliveryMediums": []string{medium}, "ClientMetadata": metadata, "ValidationData": []obj{{"Name": "from", "Value": "validation"}},
	})
	return problem
}

func (w *world) forgot() string {
	problem, _ := w.call("ForgotPassword", obj{"ClientId": w.ClientID, "Username": "alice", "ClientMetadata": metadata})
	return problem
}

func (w *world) passwordSignIn() string {
	problem, _ := w.call("InitiateAuth", auth(w.ClientID, "USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": password}))
	return problem
}

func (w *world) tokens() obj {
	w.t.Helper()
	return w.must("InitiateAuth", auth(w.ClientID, "USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": password}))["AuthenticationResult"].(obj)
}

func (w *world) customSignIn() string {
	problem, asked := w.call("InitiateAuth", auth(w.ClientID, "CUSTOM_AUTH", obj{"USERNAME": "alice"}))
	if problem != "" {
		return problem
	}
	problem, _ = w.call("RespondToAuthChallenge", obj{
		"ClientId": w.ClientID, "ChallengeName": "CUSTOM_CHALLENGE", "Session": asked["Session"], "ClientMetadata": metadata,
		"ChallengeResponses": obj{"USERNAME": "alice", "ANSWER": "right"},
	})
	return problem
}

// deviceSignIn comes to the tokens of a device that has proved itself in place of a second factor.
func (w *world) deviceSignIn() string {
	on := true
	if _, err := w.Pool().Admin().Update(w.t.Context(), func(s *identity.PoolSettings) error {
		s.MFA, s.TOTP, s.Devices = identity.MFAOptional, &on, &identity.DeviceSettings{ChallengeNew: &on}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	tokens := w.tokens()
	access, made := tokens["AccessToken"], tokens["NewDeviceMetadata"].(obj)
	d := identitytest.NewDevice(made["DeviceKey"].(string), made["DeviceGroupKey"].(string))
	w.must("ConfirmDevice", obj{"AccessToken": access, "DeviceKey": d.Key, "DeviceSecretVerifierConfig": obj{
		"Salt": base64.StdEncoding.EncodeToString(d.Salt), "PasswordVerifier": base64.StdEncoding.EncodeToString(d.Verifier),
	}})
	key, err := mfa.ParseSecret(w.must("AssociateSoftwareToken", obj{"AccessToken": access})["SecretCode"].(string))
	if err != nil {
		w.t.Fatal(err)
	}
	w.must("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": key.Code(time.Now())})
	w.must("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": obj{"Enabled": true, "PreferredMfa": true}})

	asked := w.must("InitiateAuth", auth(w.ClientID, "USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": password, "DEVICE_KEY": d.Key}))
	proof := d.Begin()
	asked = w.must("RespondToAuthChallenge", obj{
		"ClientId": w.ClientID, "ChallengeName": "DEVICE_SRP_AUTH", "Session": asked["Session"],
		"ChallengeResponses": obj{"USERNAME": "alice", "DEVICE_KEY": d.Key, "SRP_A": proof.A},
	})
	p := asked["ChallengeParameters"].(obj)
	signature, at, err := proof.Prove(p["SALT"].(string), p["SRP_B"].(string), p["SECRET_BLOCK"].(string), time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	problem, _ := w.call("RespondToAuthChallenge", obj{
		"ClientId": w.ClientID, "ChallengeName": "DEVICE_PASSWORD_VERIFIER", "Session": asked["Session"], "ClientMetadata": metadata,
		"ChallengeResponses": obj{
			"USERNAME": "alice", "DEVICE_KEY": d.Key, "TIMESTAMP": at,
			"PASSWORD_CLAIM_SECRET_BLOCK": p["SECRET_BLOCK"], "PASSWORD_CLAIM_SIGNATURE": signature,
		},
	})
	return problem
}
