package cognito

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

func (s *service) respondToAuthChallenge(ctx context.Context, in *idp.RespondToAuthChallengeRequest) (*idp.RespondToAuthChallengeResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	return respond(ctx, client, val(in.ChallengeName), in.Session, params(in.ChallengeResponses))
}

func (s *service) adminRespondToAuthChallenge(ctx context.Context, in *idp.AdminRespondToAuthChallengeRequest) (*idp.AdminRespondToAuthChallengeResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	out, err := respond(ctx, pool.Client(text(in.ClientId)), val(in.ChallengeName), in.Session, params(in.ChallengeResponses))
	if err != nil {
		return nil, err
	}
	return &idp.AdminRespondToAuthChallengeResponse{
		ChallengeName: out.ChallengeName, Session: out.Session,
		ChallengeParameters: out.ChallengeParameters, AuthenticationResult: out.AuthenticationResult,
	}, nil
}

// respond answers a challenge.
func respond(ctx context.Context, client *identity.AppClient, challenge idp.ChallengeNameType, session *wire.Secret, p params) (*step, error) {
	name, hash := p.text("USERNAME"), p.text("SECRET_HASH")
	if name == "" {
		return nil, missing("USERNAME")
	}
	if challenge == idp.ChallengeNameTypePasswordVerifier {
		return answered(client.PasswordVerifier(name).Answer(ctx, identity.PasswordProof{
			Signature: p.text("PASSWORD_CLAIM_SIGNATURE"), SecretBlock: p.text("PASSWORD_CLAIM_SECRET_BLOCK"),
			Timestamp: p.text("TIMESTAMP"), SecretHash: hash,
		}))
	}
	if session == nil {
		return nil, missing("Session")
	}
	state := text(session)
	switch challenge {
	case idp.ChallengeNameTypeNewPasswordRequired:
		return answered(client.NewPassword(name, state).Answer(ctx, identity.NewPassword{
			Password: p.secret("NEW_PASSWORD"), Attributes: userAttributes(p), SecretHash: hash,
		}))
	case idp.ChallengeNameTypeSoftwareTokenMfa:
		return answered(client.TOTP(name, state).Answer(ctx, identity.FactorCode{Code: p.secret("SOFTWARE_TOKEN_MFA_CODE"), SecretHash: hash}))
	case idp.ChallengeNameTypeSmsMfa:
		return answered(client.SMSCode(name, state).Answer(ctx, identity.FactorCode{Code: p.secret("SMS_MFA_CODE"), SecretHash: hash}))
	case idp.ChallengeNameTypeSelectMfaType:
		return answered(client.MFAChoice(name, state).Answer(ctx, identity.FactorChoice{Method: identity.MFAMethod(p.text("ANSWER")), SecretHash: hash}))
	case idp.ChallengeNameTypeMfaSetup:
		return answered(client.MFASetup(name, state).Answer(ctx, hash))
	}
	// No other challenge was ever asked, so no session can be one's answer.
	return nil, identity.ErrSessionInvalid
}

func missing(name string) error {
	return &identity.ParameterError{Err: identity.ErrMissingParameter, Name: name}
}

// userAttributes are the attributes among the answers to a challenge.
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
	out := &step{Session: ptr(wire.Secret(res.Challenge.State()))}
	switch ch := res.Challenge.(type) {
	case *identity.NewPasswordRequired:
		askNewPassword(out, ch)
	case *identity.TOTPRequired:
		ask(out, idp.ChallengeNameTypeSoftwareTokenMfa, ch.Username, "FRIENDLY_DEVICE_NAME", ch.Device)
	case *identity.SMSCodeRequired:
		ask(out, idp.ChallengeNameTypeSmsMfa, ch.Username,
			"CODE_DELIVERY_DELIVERY_MEDIUM", ch.Delivery.Medium, "CODE_DELIVERY_DESTINATION", ch.Delivery.Destination)
	case *identity.MFAChoiceRequired:
		ask(out, idp.ChallengeNameTypeSelectMfaType, ch.Username, "MFAS_CAN_CHOOSE", jsonText(ch.Methods))
	case *identity.MFASetupRequired:
		ask(out, idp.ChallengeNameTypeMfaSetup, ch.Username, "MFAS_CAN_SETUP", jsonText(ch.Methods))
	}
	return out, nil
}

// ask fills in a challenge and its parameters, which are names and values in turn.
func ask(out *step, challenge idp.ChallengeNameType, username string, parameters ...string) {
	out.ChallengeName = ptr(challenge)
	out.ChallengeParameters = map[string]string{"USER_ID_FOR_SRP": username}
	for i := 0; i < len(parameters); i += 2 {
		out.ChallengeParameters[parameters[i]] = parameters[i+1]
	}
}

func askNewPassword(out *step, ch *identity.NewPasswordRequired) {
	required := []string{}
	for _, name := range ch.Required {
		required = append(required, "userAttributes."+name)
	}
	ask(out, idp.ChallengeNameTypeNewPasswordRequired, ch.Username,
		"userAttributes", jsonText(ch.Attributes), "requiredAttributes", jsonText(required))
}

// jsonText is a parameter that is itself JSON: texts, in a list or by name.
func jsonText[T []string | []identity.MFAMethod | map[string]string](v T) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}
