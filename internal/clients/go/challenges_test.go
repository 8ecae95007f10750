package clients_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/document"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// A person answers the challenges of a sign-in with what the person has.
type person struct {
	*world
	name     string
	app      *authenticator
	passkeys identitytest.Authenticator
	device   *identitytest.Device
	choices  map[types.ChallengeNameType]string // the answers to what the person is asked to choose

	proof       *prover
	deviceProof *identitytest.DeviceProof
	asked       []types.ChallengeNameType // the challenges of the last sign-in
}

// A turn is an answer to InitiateAuth or to RespondToAuthChallenge.
type turn struct {
	name       types.ChallengeNameType
	session    *string
	parameters map[string]string
	result     *types.AuthenticationResultType
}

// newPerson makes a user with a password and two verified addresses.
func (w *world) newPerson(name string) *person {
	w.Helper()
	return w.newPersonWith(name, "email", name+"@example.com", "email_verified", "true", "phone_number", "+15555550100", "phone_number_verified", "true")
}

// newPersonWith makes a user with a password and attributes, names and values in turn.
func (w *world) newPersonWith(name string, attributes ...string) *person {
	w.Helper()
	must(w.api.AdminCreateUser(w.Context(), &cip.AdminCreateUserInput{
		UserPoolId: &w.pool, Username: &name, TemporaryPassword: aws.String(anotherPassword), MessageAction: "SUPPRESS",
		UserAttributes: listed(attributes...),
	}))(w)
	must(w.api.AdminSetUserPassword(w.Context(), &cip.AdminSetUserPasswordInput{
		UserPoolId: &w.pool, Username: &name, Password: aws.String(password), Permanent: true,
	}))(w)
	return &person{world: w, name: name}
}

// signIn signs the person in, and answers whatever comes.
func (p *person) signIn(flow types.AuthFlowType, parameters map[string]string) *types.AuthenticationResultType {
	p.Helper()
	p.proof, p.asked = p.newProver(p.name, password), nil
	given := map[string]string{"USERNAME": p.name}
	maps.Copy(given, parameters)
	if _, wants := given["SRP_A"]; wants {
		given["SRP_A"] = p.proof.a()
	}
	if p.device != nil {
		given["DEVICE_KEY"] = p.device.Key
	}
	out := must(p.initiate(flow, given))(p)
	ch := turn{out.ChallengeName, out.Session, out.ChallengeParameters, out.AuthenticationResult}
	for ch.result == nil {
		if len(p.asked) > 5 {
			p.Fatalf("%v, and no end", p.asked)
		}
		p.asked = append(p.asked, ch.name)
		answers := map[string]string{"USERNAME": p.name}
		maps.Copy(answers, p.answers(&ch))
		if p.device != nil {
			answers["DEVICE_KEY"] = p.device.Key
		}
		next := must(p.api.RespondToAuthChallenge(p.Context(), &cip.RespondToAuthChallengeInput{
			ClientId: &p.client, ChallengeName: ch.name, Session: ch.session, ChallengeResponses: answers,
		}))(p)
		ch = turn{next.ChallengeName, next.Session, next.ChallengeParameters, next.AuthenticationResult}
	}
	return ch.result
}

// answers are what a challenge asks for. A challenge without a case here fails the test.
func (p *person) answers(ch *turn) map[string]string {
	p.Helper()
	switch ch.name {
	case types.ChallengeNameTypeSmsMfa:
		return map[string]string{"SMS_MFA_CODE": p.world.code(p.name)}
	case types.ChallengeNameTypeSmsOtp:
		return map[string]string{"SMS_OTP_CODE": p.world.code(p.name)}
	case types.ChallengeNameTypeEmailOtp:
		return map[string]string{"EMAIL_OTP_CODE": p.world.code(p.name)}
	case types.ChallengeNameTypeSoftwareTokenMfa:
		return map[string]string{"SOFTWARE_TOKEN_MFA_CODE": p.app.code()}
	case types.ChallengeNameTypeSelectMfaType, types.ChallengeNameTypeSelectChallenge, types.ChallengeNameTypeCustomChallenge:
		return map[string]string{"ANSWER": p.choices[ch.name]}
	case types.ChallengeNameTypeMfaSetup:
		ch.session = p.setUp(&cip.AssociateSoftwareTokenInput{Session: ch.session})
		return nil
	case types.ChallengeNameTypeNewPasswordRequired:
		return map[string]string{"NEW_PASSWORD": password}
	case types.ChallengeNameTypePassword:
		return map[string]string{"PASSWORD": password}
	case types.ChallengeNameTypePasswordSrp:
		return map[string]string{"SRP_A": p.proof.a()}
	case types.ChallengeNameTypePasswordVerifier:
		return p.proof.prove(ch.parameters)
	case types.ChallengeNameTypeWebAuthn:
		return map[string]string{"CREDENTIAL": string(must(p.passkeys.Get(origin, []byte(ch.parameters["CREDENTIAL_REQUEST_OPTIONS"])))(p))}
	case types.ChallengeNameTypeDeviceSrpAuth:
		p.deviceProof = p.device.Begin()
		return map[string]string{"SRP_A": p.deviceProof.A}
	case types.ChallengeNameTypeDevicePasswordVerifier:
		signature, timestamp, err := p.deviceProof.Prove(ch.parameters["SALT"], ch.parameters["SRP_B"], ch.parameters["SECRET_BLOCK"], p.now())
		return map[string]string{
			"PASSWORD_CLAIM_SIGNATURE": must(signature, err)(p), "PASSWORD_CLAIM_SECRET_BLOCK": ch.parameters["SECRET_BLOCK"], "TIMESTAMP": timestamp,
		}
	}
	p.Fatalf("nobody answers the challenge %s, %v", ch.name, ch.parameters)
	return nil
}

// origin is that of the page on which the person makes and uses passkeys.
const origin = "http://localhost:3000"

// setUp sets up an app, with an access token or with the session of a challenge, and returns the next session.
func (p *person) setUp(in *cip.AssociateSoftwareTokenInput) *string {
	p.Helper()
	made := must(p.api.AssociateSoftwareToken(p.Context(), in))(p)
	p.app = p.newAuthenticator(made.SecretCode)
	verified := must(p.api.VerifySoftwareToken(p.Context(), &cip.VerifySoftwareTokenInput{
		AccessToken: in.AccessToken, Session: made.Session, UserCode: aws.String(p.app.code()),
	}))(p)
	return verified.Session
}

// withApp gives the person an app that is asked for.
func (p *person) withApp() {
	p.Helper()
	p.setUp(&cip.AssociateSoftwareTokenInput{AccessToken: p.tokens(p.name, password).AccessToken})
	p.prefers(func(in *cip.AdminSetUserMFAPreferenceInput) {
		in.SoftwareTokenMfaSettings = &types.SoftwareTokenMfaSettingsType{Enabled: true}
	})
}

func (p *person) withSMS() {
	p.Helper()
	p.prefers(func(in *cip.AdminSetUserMFAPreferenceInput) {
		in.SMSMfaSettings = &types.SMSMfaSettingsType{Enabled: true}
	})
}

func (p *person) withMail() {
	p.Helper()
	p.prefers(func(in *cip.AdminSetUserMFAPreferenceInput) {
		in.EmailMfaSettings = &types.EmailMfaSettingsType{Enabled: true}
	})
}

func (p *person) prefers(set func(*cip.AdminSetUserMFAPreferenceInput)) {
	p.Helper()
	in := &cip.AdminSetUserMFAPreferenceInput{UserPoolId: &p.pool, Username: &p.name}
	set(in)
	must(p.api.AdminSetUserMFAPreference(p.Context(), in))(p)
}

func (p *person) withPasskey() {
	p.Helper()
	access := p.tokens(p.name, password).AccessToken
	began := must(p.api.StartWebAuthnRegistration(p.Context(), &cip.StartWebAuthnRegistrationInput{AccessToken: access}))(p)
	options := must(began.CredentialCreationOptions.MarshalSmithyDocument())(p)
	var credential map[string]any
	if err := json.Unmarshal(must(p.passkeys.Create(origin, options))(p), &credential); err != nil {
		p.Fatal(err)
	}
	must(p.api.CompleteWebAuthnRegistration(p.Context(), &cip.CompleteWebAuthnRegistrationInput{
		AccessToken: access, Credential: document.NewLazyDocument(credential),
	}))(p)
}

// withDevice gives the person a device that is remembered.
func (p *person) withDevice() {
	p.Helper()
	signed := p.tokens(p.name, password)
	p.device = identitytest.NewDevice(*signed.NewDeviceMetadata.DeviceKey, *signed.NewDeviceMetadata.DeviceGroupKey)
	must(p.api.ConfirmDevice(p.Context(), &cip.ConfirmDeviceInput{
		AccessToken: signed.AccessToken, DeviceKey: &p.device.Key,
		DeviceSecretVerifierConfig: &types.DeviceSecretVerifierConfigType{
			Salt:             aws.String(base64.StdEncoding.EncodeToString(p.device.Salt)),
			PasswordVerifier: aws.String(base64.StdEncoding.EncodeToString(p.device.Verifier)),
		},
	}))(p)
}

func (p *person) temporary() {
	p.Helper()
	must(p.api.AdminSetUserPassword(p.Context(), &cip.AdminSetUserPasswordInput{
		UserPoolId: &p.pool, Username: &p.name, Password: aws.String(anotherPassword),
	}))(p)
}

// everything is a pool with all factors and with devices.
func everything(in *cip.CreateUserPoolInput) {
	in.Policies = &types.UserPoolPolicyType{SignInPolicy: &types.SignInPolicyType{
		AllowedFirstAuthFactors: []types.AuthFactorType{"PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"},
	}}
	in.DeviceConfiguration = &types.DeviceConfigurationType{ChallengeRequiredOnNewDevice: true}
	in.SmsConfiguration = smsSender()
	in.EmailConfiguration = &types.EmailConfigurationType{
		EmailSendingAccount: "DEVELOPER", SourceArn: aws.String("arn:aws:ses:us-east-1:123456789012:identity/a@example.com"),
	}
}

func everyFlow(in *cip.CreateUserPoolClientInput) {
	in.ExplicitAuthFlows = []types.ExplicitAuthFlowsType{
		"ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH",
	}
}

// asksFor has the pool ask for second factors of every kind.
func (w *world) asksFor(of types.UserPoolMfaType) {
	w.Helper()
	must(w.api.SetUserPoolMfaConfig(w.Context(), &cip.SetUserPoolMfaConfigInput{
		UserPoolId: &w.pool, MfaConfiguration: of,
		SoftwareTokenMfaConfiguration: &types.SoftwareTokenMfaConfigType{Enabled: true},
		SmsMfaConfiguration:           &types.SmsMfaConfigType{SmsConfiguration: smsSender()},
		EmailMfaConfiguration:         &types.EmailMfaConfigType{},
	}))(w)
}

// riddle are the hooks of a custom sign-in with one question, of which the answer is Rex.
var riddle = &identity.Hooks{
	DefineAuthChallenge: func(_ context.Context, e *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error) {
		if n := len(e.Rounds); n > 0 {
			return hook.DefineAuthChallengeDecision{IssueTokens: e.Rounds[n-1].Correct, Fail: !e.Rounds[n-1].Correct}, nil
		}
		return hook.DefineAuthChallengeDecision{Challenge: "CUSTOM_CHALLENGE"}, nil
	},
	CreateAuthChallenge: func(context.Context, *hook.CreateAuthChallenge) (hook.CreateAuthChallengeDecision, error) {
		return hook.CreateAuthChallengeDecision{Public: map[string]string{"question": "What is your dog called?"}}, nil
	},
	VerifyAuthChallengeResponse: func(_ context.Context, e *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error) {
		return hook.VerifyAuthChallengeDecision{Correct: e.Answer == "Rex"}, nil
	},
}

// never are the challenges that no sign-in asks for, and why.
var never = map[types.ChallengeNameType]string{
	types.ChallengeNameTypeAdminNoSrpAuth: "the flow of this name takes the password at once, see TestAdminNoSRPAuth",
}

type challengeNames = []types.ChallengeNameType

// walks are the sign-ins of TestEveryChallenge. Each has a user of its own.
var walks = []struct {
	name       string
	has        []func(*person)
	choices    map[types.ChallengeNameType]string
	flow       types.AuthFlowType
	parameters map[string]string
	asked      challengeNames
}{
	{"sms", []func(*person){(*person).withSMS}, nil, "USER_PASSWORD_AUTH", byPassword, challengeNames{"SMS_MFA"}},
	{"app", []func(*person){(*person).withApp}, nil, "USER_PASSWORD_AUTH", byPassword, challengeNames{"SOFTWARE_TOKEN_MFA"}},
	{"mail", []func(*person){(*person).withMail}, nil, "USER_PASSWORD_AUTH", byPassword, challengeNames{"EMAIL_OTP"}},
	{
		"kinds",
		[]func(*person){(*person).withApp, (*person).withSMS},
		map[types.ChallengeNameType]string{"SELECT_MFA_TYPE": "SOFTWARE_TOKEN_MFA"},
		"USER_PASSWORD_AUTH", byPassword,
		challengeNames{"SELECT_MFA_TYPE", "SOFTWARE_TOKEN_MFA"},
	},
	{
		"new",
		[]func(*person){(*person).temporary},
		nil, "USER_PASSWORD_AUTH",
		map[string]string{"PASSWORD": anotherPassword},
		challengeNames{"NEW_PASSWORD_REQUIRED"},
	},
	{"srp", nil, nil, "USER_SRP_AUTH", map[string]string{"SRP_A": ""}, challengeNames{"PASSWORD_VERIFIER"}},
	{"choicemail", nil, nil, "USER_AUTH", map[string]string{"PREFERRED_CHALLENGE": "EMAIL_OTP"}, challengeNames{"EMAIL_OTP"}},
	{"choicesms", nil, nil, "USER_AUTH", map[string]string{"PREFERRED_CHALLENGE": "SMS_OTP"}, challengeNames{"SMS_OTP"}},
	{"choicekey", []func(*person){(*person).withPasskey}, nil, "USER_AUTH", map[string]string{"PREFERRED_CHALLENGE": "WEB_AUTHN"}, challengeNames{"WEB_AUTHN"}},
	{
		"choosekey",
		[]func(*person){(*person).withPasskey},
		map[types.ChallengeNameType]string{"SELECT_CHALLENGE": "WEB_AUTHN"},
		"USER_AUTH", nil,
		challengeNames{"SELECT_CHALLENGE", "WEB_AUTHN"},
	},
	{
		"choosepassword", nil,
		map[types.ChallengeNameType]string{"SELECT_CHALLENGE": "PASSWORD"},
		"USER_AUTH", nil,
		challengeNames{"SELECT_CHALLENGE", "PASSWORD"},
	},
	{
		"choosesrp",
		[]func(*person){(*person).withApp},
		map[types.ChallengeNameType]string{"SELECT_CHALLENGE": "PASSWORD_SRP"},
		"USER_AUTH", nil,
		challengeNames{"SELECT_CHALLENGE", "PASSWORD_SRP", "PASSWORD_VERIFIER", "SOFTWARE_TOKEN_MFA"},
	},
	{
		"device",
		[]func(*person){(*person).withDevice, (*person).withApp},
		nil, "USER_PASSWORD_AUTH", byPassword,
		challengeNames{"DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"},
	},
	{
		"devicesrp",
		[]func(*person){(*person).withDevice, (*person).withApp},
		nil, "USER_SRP_AUTH",
		map[string]string{"SRP_A": ""},
		challengeNames{"PASSWORD_VERIFIER", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"},
	},
}

var byPassword = map[string]string{"PASSWORD": password}

// TestEveryChallenge answers each challenge that the SDK has a name for, or says why it never comes.
func TestEveryChallenge(t *testing.T) {
	met := map[types.ChallengeNameType]bool{}
	check := func(p *person, signed *types.AuthenticationResultType, want challengeNames) {
		p.Helper()
		if !slices.Equal(p.asked, want) {
			p.Errorf("%s was asked %v, want %v", p.name, p.asked, want)
		}
		if got := claims(p.T, signed.AccessToken)["username"]; got != p.name {
			p.Errorf("the tokens are of %v, want %s", got, p.name)
		}
		for _, name := range p.asked {
			met[name] = true
		}
	}
	w := newWorld(t, everything, everyFlow)
	w.asksFor("OPTIONAL")
	for _, tt := range walks {
		p := w.newPerson(tt.name)
		p.choices = tt.choices
		for _, give := range tt.has {
			give(p)
		}
		check(p, p.signIn(tt.flow, tt.parameters), tt.asked)
	}

	strict := newWorld(t, nil, everyFlow)
	strict.askFactors("ON")
	p := strict.newPersonWith("setup")
	check(p, p.signIn("USER_PASSWORD_AUTH", byPassword), challengeNames{"MFA_SETUP"})

	p = newWorldAt(t, identitytest.NewServer(t, &identitytest.Options{Hooks: riddle}).URL, nil, everyFlow).newPerson("custom")
	p.choices = map[types.ChallengeNameType]string{"CUSTOM_CHALLENGE": "Rex"}
	check(p, p.signIn("CUSTOM_AUTH", nil), challengeNames{"CUSTOM_CHALLENGE"})
	check(p, p.signIn("CUSTOM_AUTH", nil), challengeNames{"CUSTOM_CHALLENGE"})

	for _, name := range types.ChallengeNameType("").Values() {
		if why := never[name]; met[name] == (why != "") {
			t.Errorf("%s was met: %t, and the reason why it never comes is %q", name, met[name], why)
		}
	}
}

// TestAdminNoSRPAuth signs in by the old name of the flow of operators, which is no challenge.
func TestAdminNoSRPAuth(t *testing.T) {
	w := newWorld(t, nil, everyFlow)
	w.newPerson("alice")
	out := must(w.api.AdminInitiateAuth(t.Context(), &cip.AdminInitiateAuthInput{
		UserPoolId: &w.pool, ClientId: &w.client, AuthFlow: "ADMIN_NO_SRP_AUTH", AuthParameters: map[string]string{"USERNAME": "alice", "PASSWORD": password},
	}))(t)
	if out.AuthenticationResult == nil {
		t.Errorf("got the challenge %q, want tokens", out.ChallengeName)
	}
	ch := must(w.initiate("USER_AUTH", map[string]string{"USERNAME": "alice"}))(t)
	_, err := w.answer("alice", &cip.InitiateAuthOutput{ChallengeName: "ADMIN_NO_SRP_AUTH", Session: ch.Session}, "PASSWORD", password)
	refused[*types.NotAuthorizedException](t, err, "Invalid session for the user.")
}
