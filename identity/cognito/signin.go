package cognito

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The beginning of a sign-in. InitiateAuth is public and names the app client;
// AdminInitiateAuth is signed and names the pool too. The flow of the request
// chooses the method of identity.AppClient (or, for a password of an operator's
// call, of identity.Admin), and with it all checks and the commit. The result is a
// step: tokens or a challenge. challenges.go has the answers to challenges, which
// end in the same step.
//
// USER_PASSWORD_AUTH exists for programs only and ADMIN_USER_PASSWORD_AUTH for
// operators only. The other call answers "Initiate Auth method not supported."
// (recorded for both).

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
	next, err := clientBegin(ctx, client, val(in.AuthFlow), in.Session, p)
	if err != nil {
		return nil, err
	}
	out := &idp.InitiateAuthResponse{}
	next.fill(&out.ChallengeName, &out.Session, &out.ChallengeParameters, &out.AuthenticationResult, &out.AvailableChallenges)
	return out, nil
}

func (s *service) adminInitiateAuth(ctx context.Context, in *idp.AdminInitiateAuthRequest) (*idp.AdminInitiateAuthResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p := params(in.AuthParameters)
	next, err := adminBegin(ctx, pool, text(in.ClientId), val(in.AuthFlow), in.Session, p)
	if err != nil {
		return nil, err
	}
	out := &idp.AdminInitiateAuthResponse{}
	next.fill(&out.ChallengeName, &out.Session, &out.ChallengeParameters, &out.AuthenticationResult, &out.AvailableChallenges)
	return out, nil
}

// clientBegin begins the one flow that only programs have, or one of the common
// ones.
func clientBegin(ctx context.Context, client *identity.AppClient, flow idp.AuthFlowType, session *wire.Secret, p params) (*step, error) {
	if flow == idp.AuthFlowTypeUserPasswordAuth {
		return answered(client.SignIn(ctx, p.password()))
	}
	return begin(ctx, client, flow, session, p)
}

// adminBegin begins the one flow that only operators have, under its two names, or
// one of the common ones.
func adminBegin(ctx context.Context, pool *identity.UserPool, client string, flow idp.AuthFlowType, session *wire.Secret, p params) (*step, error) {
	if flow == idp.AuthFlowTypeAdminUserPasswordAuth || flow == idp.AuthFlowTypeAdminNoSrpAuth {
		return answered(pool.Admin().SignIn(ctx, client, p.password()))
	}
	return begin(ctx, pool.Client(client), flow, session, p)
}

// password is a sign-in by password.
func (p params) password() identity.SignIn {
	return identity.SignIn{Username: p.text("USERNAME"), Password: p.secret("PASSWORD"), SecretHash: p.text("SECRET_HASH"), DeviceKey: p.text("DEVICE_KEY")}
}

// begin begins a flow that programs and operators have in common. Only USER_AUTH has a session, of ConfirmSignUp.
func begin(ctx context.Context, client *identity.AppClient, flow idp.AuthFlowType, session *wire.Secret, p params) (*step, error) {
	switch flow {
	case idp.AuthFlowTypeUserSrpAuth:
		return startSRP(ctx, client, p)
	case idp.AuthFlowTypeRefreshTokenAuth, idp.AuthFlowTypeRefreshToken:
		t, err := client.Refresh(ctx, identity.Refresh{Token: p.secret("REFRESH_TOKEN"), SecretHash: p.text("SECRET_HASH"), DeviceKey: p.text("DEVICE_KEY")})
		if err != nil {
			return nil, err
		}
		return &step{ChallengeParameters: map[string]string{}, AuthenticationResult: result(t)}, nil
	case idp.AuthFlowTypeCustomAuth:
		return startCustom(ctx, client, p)
	case idp.AuthFlowTypeUserAuth:
		return beginUserAuth(ctx, client, session, p)
	}
	return nil, wire.Errorf(idp.InvalidParameterException, "Initiate Auth method not supported.")
}

// beginUserAuth begins a sign-in with a factor of the user's choice, which may name levels.
func beginUserAuth(ctx context.Context, client *identity.AppClient, session *wire.Secret, p params) (*step, error) {
	in := identity.BeginSignIn{
		Username: p.text("USERNAME"), Preferred: identity.FirstFactor(p.text("PREFERRED_CHALLENGE")),
		Password: p.secret("PASSWORD"), A: p.text("SRP_A"), SecretHash: p.text("SECRET_HASH"), Session: text(session), DeviceKey: p.text("DEVICE_KEY"),
		Access: p.secret("ACCESS_TOKEN"),
	}
	if names, ok := p["TARGET_ACR_VALUES"]; ok {
		in.Levels = append([]string{}, strings.Fields(string(names))...)
	}
	if age, ok := p["MAX_AGE"]; ok {
		seconds, err := strconv.ParseUint(string(age), 10, 32)
		if err != nil {
			return nil, wire.Errorf(idp.InvalidParameterException, "MAX_AGE must be a number of seconds, 0 or more.") // text (unsure)
		}
		in.MaxAge = ptr(time.Duration(seconds) * time.Second)
	}
	return answered(client.Begin(ctx, in))
}

// startSRP answers with PASSWORD_VERIFIER. Its state is in SECRET_BLOCK, so
// Session stays absent, as measured with the service. A DEVICE_KEY has no effect here: clients
// repeat it with their proof, and leave it out there once the device does not exist any more.
func startSRP(ctx context.Context, client *identity.AppClient, p params) (*step, error) {
	ch, err := client.StartSRP(ctx, identity.StartSRP{
		Username: p.text("USERNAME"), A: p.text("SRP_A"), SecretHash: p.text("SECRET_HASH"),
	})
	if err != nil {
		return nil, err
	}
	return answered(&identity.SignInResult{Challenge: ch}, nil)
}

// startCustom begins a custom sign-in. It begins with a password if the client names SRP_A as
// its challenge: SDKs call the parameter CHALLENGE_NAME, the API reference ChallengeName.
func startCustom(ctx context.Context, client *identity.AppClient, p params) (*step, error) {
	in := identity.StartCustom{Username: p.text("USERNAME"), SecretHash: p.text("SECRET_HASH"), DeviceKey: p.text("DEVICE_KEY")}
	if cmp.Or(p.text("CHALLENGE_NAME"), p.text("ChallengeName")) == "SRP_A" {
		if in.A = p.text("SRP_A"); in.A == "" {
			return nil, missing("SRP_A")
		}
	}
	return answered(client.StartCustom(ctx, in))
}

// A step is the answer to any step of a sign-in: tokens or the next challenge.
type step struct {
	ChallengeName        *idp.ChallengeNameType
	Session              *wire.Secret
	ChallengeParameters  map[string]string
	AuthenticationResult *idp.AuthenticationResultType
	AvailableChallenges  []idp.ChallengeNameType // of USER_AUTH, until a first factor is proved
}

// fill fills in an answer: four operations answer with a step, each with a type of its own.
func (s *step) fill(name **idp.ChallengeNameType, session **wire.Secret, parameters *map[string]string, tokens **idp.AuthenticationResultType, available *[]idp.ChallengeNameType) {
	*name, *session, *parameters, *tokens = s.ChallengeName, s.Session, s.ChallengeParameters, s.AuthenticationResult
	*available = s.AvailableChallenges
}

// result is what a sign-in or a refresh gives. RefreshToken is absent after a
// refresh that does not rotate. ExpiresIn counts seconds of the access token.
func result(t *identity.Tokens) *idp.AuthenticationResultType {
	out := &idp.AuthenticationResultType{
		AccessToken: secret(t.Access), IdToken: secret(t.ID), TokenType: ptr("Bearer"),
		ExpiresIn: ptr(int32(t.ExpiresIn / time.Second)),
	}
	if t.Refresh != "" {
		out.RefreshToken = secret(t.Refresh)
	}
	if d := t.NewDevice; d != nil {
		out.NewDeviceMetadata = &idp.NewDeviceMetadataType{DeviceKey: ptr(d.Key), DeviceGroupKey: ptr(d.Group)}
	}
	return out
}
