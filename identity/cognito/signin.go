package cognito

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// params are the texts of a request's map of parameters or answers.
type params map[string]wire.Secret

func (p params) text(name string) string            { return string(p[name]) }
func (p params) secret(name string) identity.Secret { return identity.Secret(p[name]) }

func (s *service) initiateAuth(ctx context.Context, in *idp.InitiateAuthRequest) (*idp.InitiateAuthResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	p := params(in.AuthParameters)
	switch val(in.AuthFlow) {
	case idp.AuthFlowTypeUserPasswordAuth:
		res, err := client.SignIn(ctx, identity.SignIn{
			Username: p.text("USERNAME"), Password: p.secret("PASSWORD"), SecretHash: p.text("SECRET_HASH"),
		})
		return initiated(res, err)
	case idp.AuthFlowTypeUserSrpAuth:
		return startSRP(ctx, client, p)
	case idp.AuthFlowTypeRefreshTokenAuth, idp.AuthFlowTypeRefreshToken:
		t, err := client.Refresh(ctx, identity.Refresh{Token: p.secret("REFRESH_TOKEN"), SecretHash: p.text("SECRET_HASH")})
		if err != nil {
			return nil, err
		}
		return &idp.InitiateAuthResponse{ChallengeParameters: map[string]string{}, AuthenticationResult: result(t)}, nil
	case idp.AuthFlowTypeCustomAuth, idp.AuthFlowTypeUserAuth:
		return nil, client.Refuse(ctx, identity.AuthFlow("ALLOW_"+text(in.AuthFlow)))
	}
	return nil, wire.Errorf(idp.InvalidParameterException, "Initiate Auth method not supported.")
}

func startSRP(ctx context.Context, client *identity.AppClient, p params) (*idp.InitiateAuthResponse, error) {
	ch, err := client.StartSRP(ctx, identity.StartSRP{
		Username: p.text("USERNAME"), A: p.text("SRP_A"), SecretHash: p.text("SECRET_HASH"),
	})
	if err != nil {
		return nil, err
	}
	return &idp.InitiateAuthResponse{
		ChallengeName: ptr(idp.ChallengeNameTypePasswordVerifier),
		ChallengeParameters: map[string]string{
			"SALT": ch.Salt, "SRP_B": ch.B, "SECRET_BLOCK": ch.SecretBlock, "USERNAME": ch.UserID, "USER_ID_FOR_SRP": ch.UserID,
		},
	}, nil
}

// initiated is the first answer of a sign-in: tokens or a challenge.
func initiated(res *identity.SignInResult, err error) (*idp.InitiateAuthResponse, error) {
	if err != nil {
		return nil, err
	}
	out, err := answered(res, nil)
	if err != nil {
		return nil, err
	}
	return &idp.InitiateAuthResponse{
		ChallengeName: out.ChallengeName, Session: out.Session,
		ChallengeParameters: out.ChallengeParameters, AuthenticationResult: out.AuthenticationResult,
	}, nil
}

func (s *service) respondToAuthChallenge(ctx context.Context, in *idp.RespondToAuthChallengeRequest) (*idp.RespondToAuthChallengeResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	p := params(in.ChallengeResponses)
	if p.text("USERNAME") == "" {
		return nil, missing("USERNAME")
	}
	switch val(in.ChallengeName) {
	case idp.ChallengeNameTypePasswordVerifier:
		return answered(client.PasswordVerifier(p.text("USERNAME")).Answer(ctx, identity.PasswordProof{
			Signature: p.text("PASSWORD_CLAIM_SIGNATURE"), SecretBlock: p.text("PASSWORD_CLAIM_SECRET_BLOCK"),
			Timestamp: p.text("TIMESTAMP"), SecretHash: p.text("SECRET_HASH"),
		}))
	case idp.ChallengeNameTypeNewPasswordRequired:
		if in.Session == nil {
			return nil, missing("Session")
		}
		return answered(client.NewPassword(p.text("USERNAME"), text(in.Session)).Answer(ctx, identity.NewPassword{
			Password: p.secret("NEW_PASSWORD"), Attributes: userAttributes(p), SecretHash: p.text("SECRET_HASH"),
		}))
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
func answered(res *identity.SignInResult, err error) (*idp.RespondToAuthChallengeResponse, error) {
	if err != nil {
		return nil, err
	}
	if res.Tokens != nil {
		return &idp.RespondToAuthChallengeResponse{ChallengeParameters: map[string]string{}, AuthenticationResult: result(res.Tokens)}, nil
	}
	ch := res.Challenge.(*identity.NewPasswordRequired)
	given, err := json.Marshal(ch.Attributes)
	if err != nil {
		return nil, err
	}
	required := []string{}
	for _, name := range ch.Required {
		required = append(required, "userAttributes."+name)
	}
	wanted, err := json.Marshal(required)
	if err != nil {
		return nil, err
	}
	return &idp.RespondToAuthChallengeResponse{
		ChallengeName: ptr(idp.ChallengeNameTypeNewPasswordRequired), Session: ptr(wire.Secret(ch.State())),
		ChallengeParameters: map[string]string{
			"USER_ID_FOR_SRP": ch.Username, "userAttributes": string(given), "requiredAttributes": string(wanted),
		},
	}, nil
}

// result is what a sign-in or a refresh gives.
func result(t *identity.Tokens) *idp.AuthenticationResultType {
	out := &idp.AuthenticationResultType{
		AccessToken: secret(t.Access), IdToken: secret(t.ID), TokenType: ptr("Bearer"),
		ExpiresIn: ptr(int32(t.ExpiresIn / time.Second)),
	}
	if t.Refresh != "" {
		out.RefreshToken = secret(t.Refresh)
	}
	return out
}
