package cognito

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/mfa/webauthn"
)

// The rest of a sign-in. RespondToAuthChallenge and AdminRespondToAuthChallenge
// find the client, and respond looks the challenge up in the table challenges. The
// row reads the parameters and calls the Answer of the identity challenge, which
// judges and commits. answered turns the outcome into tokens or into the next
// challenge, by the same table. A new challenge is a new row.
//
// The state of a sign-in travels in Session, and belongs to one client and one
// user. A wrong code does not use the session up (recorded from the service for
// codes by mail); a right one does.

func (s *service) respondToAuthChallenge(ctx context.Context, in *idp.RespondToAuthChallengeRequest) (*idp.RespondToAuthChallengeResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	next, err := respond(ctx, client, val(in.ChallengeName), in.Session, params(in.ChallengeResponses))
	if err != nil {
		return nil, err
	}
	out := &idp.RespondToAuthChallengeResponse{}
	next.fill(&out.ChallengeName, &out.Session, &out.ChallengeParameters, &out.AuthenticationResult, &out.AvailableChallenges)
	return out, nil
}

func (s *service) adminRespondToAuthChallenge(ctx context.Context, in *idp.AdminRespondToAuthChallengeRequest) (*idp.AdminRespondToAuthChallengeResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	next, err := respond(ctx, pool.Client(text(in.ClientId)), val(in.ChallengeName), in.Session, params(in.ChallengeResponses))
	if err != nil {
		return nil, err
	}
	out := &idp.AdminRespondToAuthChallengeResponse{}
	next.fill(&out.ChallengeName, &out.Session, &out.ChallengeParameters, &out.AuthenticationResult, &out.AvailableChallenges)
	return out, nil
}

// A challengeRow is one challenge on the wire: what it is called, how it is
// shown, and how its answer is read.
type challengeRow struct {
	name idp.ChallengeNameType
	// show returns the parameters of a challenge, names and values in turn. It
	// reports false for a challenge of another type. The username becomes
	// USER_ID_FOR_SRP, unless it is empty.
	show func(identity.Challenge) (username string, parameters []string, ok bool)
	// answer answers the challenge with what the client sent.
	answer func(context.Context, *identity.AppClient, answers) (*identity.SignInResult, error)
	// stateless challenges carry their state in an answer of their own. They have a Session
	// only in a custom sign-in.
	stateless bool
}

// answers are what a client sends to answer a challenge.
type answers struct {
	params
	username string
	state    string
	hash     string
	device   string
}

// code is the answer to a challenge that asks for a code.
func (a answers) code(name string) identity.FactorCode {
	return identity.FactorCode{Code: a.secret(name), SecretHash: a.hash, DeviceKey: a.device}
}

// showing makes the show of a row from the function for its one type of challenge.
func showing[C identity.Challenge](show func(C) (string, []string)) func(identity.Challenge) (string, []string, bool) {
	return func(ch identity.Challenge) (string, []string, bool) {
		c, ok := ch.(C)
		if !ok {
			return "", nil, false
		}
		username, parameters := show(c)
		return username, parameters, true
	}
}

// either makes the show of a row for two types of challenges.
func either(one, other func(identity.Challenge) (string, []string, bool)) func(identity.Challenge) (string, []string, bool) {
	return func(ch identity.Challenge) (string, []string, bool) {
		if username, parameters, ok := one(ch); ok {
			return username, parameters, ok
		}
		return other(ch)
	}
}

// challenges is the one table of the challenges that are served.
var challenges = []challengeRow{
	{
		name: idp.ChallengeNameTypePasswordVerifier, stateless: true,
		// USERNAME and USER_ID_FOR_SRP are the real username, which the client must use in
		// its proof.
		show: showing(func(ch *identity.PasswordVerifier) (string, []string) {
			return ch.UserID, []string{"SALT", ch.Salt, "SRP_B", ch.B, "SECRET_BLOCK", ch.SecretBlock, "USERNAME", ch.UserID}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.PasswordVerifier(a.username).Answer(ctx, identity.PasswordProof{
				Signature: a.text("PASSWORD_CLAIM_SIGNATURE"), SecretBlock: a.text("PASSWORD_CLAIM_SECRET_BLOCK"),
				Timestamp: a.text("TIMESTAMP"), SecretHash: a.hash, Session: a.state, DeviceKey: a.device,
			})
		},
	},
	{
		name: idp.ChallengeNameTypeCustomChallenge,
		show: showing(func(ch *identity.CustomChallenge) (string, []string) {
			var parameters []string
			for name, value := range ch.Parameters {
				parameters = append(parameters, name, value)
			}
			return "", append(parameters, "USERNAME", ch.Username)
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.CustomChallenge(a.username, a.state).Answer(ctx, identity.CustomAnswer{Answer: a.secret("ANSWER"), SecretHash: a.hash, DeviceKey: a.device})
		},
	},
	{
		name: idp.ChallengeNameTypeNewPasswordRequired,
		show: showing(showNewPassword),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.NewPassword(a.username, a.state).Answer(ctx, identity.NewPassword{
				Password: a.secret("NEW_PASSWORD"), Attributes: userAttributes(a.params), SecretHash: a.hash, DeviceKey: a.device,
			})
		},
	},
	{
		name: idp.ChallengeNameTypeSoftwareTokenMfa,
		show: showing(func(ch *identity.TOTPRequired) (string, []string) {
			return ch.Username, []string{"FRIENDLY_DEVICE_NAME", ch.Device}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.TOTP(a.username, a.state).Answer(ctx, a.code("SOFTWARE_TOKEN_MFA_CODE"))
		},
	},
	{
		name: idp.ChallengeNameTypeSmsMfa,
		show: showing(func(ch *identity.SMSCodeRequired) (string, []string) { return ch.Username, delivered(ch.Delivery) }),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.SMSCode(a.username, a.state).Answer(ctx, a.code("SMS_MFA_CODE"))
		},
	},
	{
		name: idp.ChallengeNameTypeEmailOtp,
		show: either(
			showing(func(ch *identity.EmailCodeRequired) (string, []string) { return ch.Username, delivered(ch.Delivery) }),
			showing(func(ch *identity.EmailOTPRequired) (string, []string) { return "", delivered(ch.Delivery) }),
		),
		// The one name is for a first and for a second factor. No session is one of both.
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			res, err := client.EmailOTP(a.username, a.state).Answer(ctx, a.code("EMAIL_OTP_CODE"))
			if errors.Is(err, identity.ErrSessionInvalid) {
				return client.EmailCode(a.username, a.state).Answer(ctx, a.code("EMAIL_OTP_CODE"))
			}
			return res, err
		},
	},
	{
		name: idp.ChallengeNameTypeSmsOtp,
		show: showing(func(ch *identity.SMSOTPRequired) (string, []string) { return "", delivered(ch.Delivery) }),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.SMSOTP(a.username, a.state).Answer(ctx, a.code("SMS_OTP_CODE"))
		},
	},
	{
		name: idp.ChallengeNameTypeSelectChallenge,
		show: showing(func(ch *identity.FirstFactorRequired) (string, []string) {
			return "", []string{"USERNAME", ch.Username}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.FirstFactor(a.username, a.state).Answer(ctx, identity.FirstChoice{
				Factor: identity.FirstFactor(a.text("ANSWER")), Password: a.secret("PASSWORD"), A: a.text("SRP_A"), SecretHash: a.hash, DeviceKey: a.device,
			})
		},
	},
	{
		name: idp.ChallengeNameTypePassword,
		show: showing(func(ch *identity.PasswordRequired) (string, []string) { return "", []string{"USERNAME", ch.Username} }),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.Password(a.username, a.state).Answer(ctx, identity.PasswordAnswer{Password: a.secret("PASSWORD"), SecretHash: a.hash, DeviceKey: a.device})
		},
	},
	{
		name: idp.ChallengeNameTypePasswordSrp,
		show: showing(func(ch *identity.SRPRequired) (string, []string) { return "", []string{"USERNAME", ch.Username} }),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.SRP(a.username, a.state).Answer(ctx, identity.PublicValue{A: a.text("SRP_A"), SecretHash: a.hash})
		},
	},
	{
		name: idp.ChallengeNameTypeWebAuthn,
		show: showing(func(ch *identity.PasskeyRequired) (string, []string) {
			return "", []string{"CREDENTIAL_REQUEST_OPTIONS", jsonText(ch.Options)}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.Passkey(a.username, a.state).Answer(ctx, identity.PasskeyAnswer{Credential: []byte(a.text("CREDENTIAL")), SecretHash: a.hash})
		},
	},
	{
		name: idp.ChallengeNameTypeDeviceSrpAuth,
		show: showing(func(*identity.DeviceRequired) (string, []string) { return "", nil }),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.Device(a.username, a.state).Answer(ctx, identity.StartDevice{A: a.text("SRP_A"), DeviceKey: a.device, SecretHash: a.hash})
		},
	},
	{
		name: idp.ChallengeNameTypeDevicePasswordVerifier,
		show: showing(func(ch *identity.DeviceVerifier) (string, []string) {
			return "", []string{"SALT", ch.Salt, "SRP_B", ch.B, "SECRET_BLOCK", ch.SecretBlock, "USERNAME", ch.Username, "DEVICE_KEY", ch.DeviceKey}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.DeviceVerifier(a.username, a.state).Answer(ctx, identity.DeviceProof{
				Signature: a.text("PASSWORD_CLAIM_SIGNATURE"), SecretBlock: a.text("PASSWORD_CLAIM_SECRET_BLOCK"),
				Timestamp: a.text("TIMESTAMP"), DeviceKey: a.device, SecretHash: a.hash,
			})
		},
	},
	{
		name: idp.ChallengeNameTypeSelectMfaType,
		show: showing(func(ch *identity.MFAChoiceRequired) (string, []string) {
			return ch.Username, []string{"MFAS_CAN_CHOOSE", jsonText(ch.Methods)}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			return client.MFAChoice(a.username, a.state).Answer(ctx, identity.FactorChoice{Method: identity.MFAMethod(a.text("ANSWER")), SecretHash: a.hash})
		},
	},
	{
		name: idp.ChallengeNameTypeMfaSetup,
		show: showing(func(ch *identity.MFASetupRequired) (string, []string) {
			return ch.Username, []string{"MFAS_CAN_SETUP", jsonText(ch.Methods)}
		}),
		answer: func(ctx context.Context, client *identity.AppClient, a answers) (*identity.SignInResult, error) {
			setup := client.MFASetup(a.username, a.state)
			if address := a.text("EMAIL"); address != "" {
				return setup.AnswerEmail(ctx, identity.EmailSetup{Address: address, SecretHash: a.hash})
			}
			return setup.Answer(ctx, a.hash)
		},
	},
}

// respond answers a challenge. The parameters are checked first: USERNAME and
// Session are missing parameters, and not constraints of the model. A challenge
// that this version never asks can have no valid session, so its session is
// refused; what the service says to another ChallengeName than the one it asked is
// (unsure).
func respond(ctx context.Context, client *identity.AppClient, challenge idp.ChallengeNameType, session *wire.Secret, p params) (*step, error) {
	a := answers{params: p, username: p.text("USERNAME"), state: text(session), hash: p.text("SECRET_HASH"), device: p.text("DEVICE_KEY")}
	if a.username == "" {
		return nil, missing("USERNAME")
	}
	i := slices.IndexFunc(challenges, func(r challengeRow) bool { return r.name == challenge })
	if session == nil && (i < 0 || !challenges[i].stateless) {
		return nil, missing("Session")
	}
	if i < 0 { // no other challenge was ever asked, so no session can be one's answer
		return nil, identity.ErrSessionInvalid
	}
	return answered(challenges[i].answer(ctx, client, a))
}

func missing(name string) error {
	return &identity.ParameterError{Err: identity.ErrMissingParameter, Name: name}
}

// userAttributes are the attributes among the answers to a challenge: parameters
// whose names begin with "userAttributes.".
func userAttributes(p params) map[string]string {
	out := map[string]string{}
	for name, value := range p {
		if attribute, ok := strings.CutPrefix(name, "userAttributes."); ok {
			out[attribute] = string(value)
		}
	}
	return out
}

// answered is the answer to a step of a sign-in: tokens or the next challenge.
func answered(res *identity.SignInResult, err error) (*step, error) {
	if err != nil {
		return nil, err
	}
	if res.Tokens != nil {
		return &step{ChallengeParameters: map[string]string{}, AuthenticationResult: result(res.Tokens)}, nil
	}
	for _, row := range challenges {
		username, parameters, ok := row.show(res.Challenge)
		if !ok {
			continue
		}
		out := &step{ChallengeName: ptr(row.name), ChallengeParameters: map[string]string{}, AvailableChallenges: list[idp.ChallengeNameType](res.Available)}
		if state := sessionOf(res.Challenge); state != "" {
			out.Session = ptr(wire.Secret(state))
		}
		if username != "" {
			out.ChallengeParameters["USER_ID_FOR_SRP"] = username
		}
		for i := 0; i < len(parameters); i += 2 {
			out.ChallengeParameters[parameters[i]] = parameters[i+1]
		}
		return out, nil
	}
	return nil, fmt.Errorf("a challenge of type %T has no row in the table of challenges", res.Challenge)
}

// sessionOf is the Session that goes with a challenge, or empty.
func sessionOf(ch identity.Challenge) string {
	if srp, ok := ch.(*identity.PasswordVerifier); ok {
		return srp.Session
	}
	return ch.State()
}

// showNewPassword shows the attributes that the user has, and those that must come
// with the answer. Both are JSON inside of a string.
func showNewPassword(ch *identity.NewPasswordRequired) (username string, parameters []string) {
	required := []string{}
	for _, name := range ch.Required {
		required = append(required, "userAttributes."+name)
	}
	return ch.Username, []string{"userAttributes", jsonText(ch.Attributes), "requiredAttributes", jsonText(required)}
}

// delivered are the parameters that say where a code went.
func delivered(d *identity.CodeDelivery) []string {
	return []string{"CODE_DELIVERY_DELIVERY_MEDIUM", string(d.Medium), "CODE_DELIVERY_DESTINATION", d.Destination}
}

// jsonText is a parameter that is itself JSON: texts, in a list, by name or in options.
func jsonText[T []string | []identity.MFAMethod | map[string]string | *webauthn.RequestOptions](v T) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}
