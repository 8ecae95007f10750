package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Second factors of one user. An authenticator app is enrolled in two calls:
// AssociateSoftwareToken makes a key, and VerifySoftwareToken proves by a code
// that the app has the key. A user who is signed in sends an access token. A user
// who is in the middle of a sign-in (challenge MFA_SETUP) sends the session of the
// challenge, and gets the next session back with each answer. If a request has
// both, the access token counts.
//
// SetUserMFAPreference turns factors on and off. With the service too, an app that
// a signed-in user has verified is not turned on by that alone (measured on a live
// pool). mfaconfig.go has the factors of pools.

// associateSoftwareToken makes a key for an authenticator app: of a signed-in
// user, or within an MFA_SETUP challenge, whose session then moves on.
func (s *service) associateSoftwareToken(ctx context.Context, in *idp.AssociateSoftwareTokenRequest) (*idp.AssociateSoftwareTokenResponse, error) {
	if in.AccessToken != nil {
		session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
		if err != nil {
			return nil, err
		}
		key, err := session.EnrollTOTP(ctx)
		if err != nil {
			return nil, err
		}
		return &idp.AssociateSoftwareTokenResponse{SecretCode: ptr(wire.Secret(key.Text()))}, nil
	}
	setup, err := s.setup(ctx, in.Session)
	if err != nil {
		return nil, err
	}
	key, err := setup.Enroll(ctx)
	if err != nil {
		return nil, err
	}
	return &idp.AssociateSoftwareTokenResponse{SecretCode: ptr(wire.Secret(key.Text())), Session: ptr(wire.Secret(setup.State()))}, nil
}

// setup resumes the challenge that a session is of.
func (s *service) setup(ctx context.Context, session *wire.Secret) (*identity.MFASetupRequired, error) {
	if session == nil {
		return nil, wire.Errorf(idp.InvalidParameterException, "Either AccessToken or Session is required.") // text (unsure)
	}
	return s.engine.MFASetup(ctx, text(session))
}

// verifySoftwareToken proves that the app has the key. The service answers a wrong
// code with EnableSoftwareTokenMFAException, and not with CodeMismatchException as
// a sign-in does.
func (s *service) verifySoftwareToken(ctx context.Context, in *idp.VerifySoftwareTokenRequest) (*idp.VerifySoftwareTokenResponse, error) {
	out := &idp.VerifySoftwareTokenResponse{Status: ptr(idp.VerifySoftwareTokenResponseTypeSuccess)}
	code, device := identity.Secret(text(in.UserCode)), text(in.FriendlyDeviceName)
	if in.AccessToken != nil {
		session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
		if err != nil {
			return nil, err
		}
		return out, session.VerifyTOTP(ctx, code, device)
	}
	setup, err := s.setup(ctx, in.Session)
	if err != nil {
		return nil, err
	}
	err = setup.Verify(ctx, code, device)
	out.Session = ptr(wire.Secret(setup.State()))
	return out, err
}

// setUserMFAPreference and adminSetUserMFAPreference refuse a factor that the user
// has not set up, with the same sentence for both callers (recorded).
func (s *service) setUserMFAPreference(ctx context.Context, in *idp.SetUserMFAPreferenceRequest) (*idp.SetUserMFAPreferenceResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	update := mfaUpdate(in.SMSMfaSettings, in.SoftwareTokenMfaSettings, in.EmailMfaSettings, in.WebAuthnMfaSettings)
	return nil, session.SetMFA(ctx, update)
}

func (s *service) adminSetUserMFAPreference(ctx context.Context, in *idp.AdminSetUserMFAPreferenceRequest) (*idp.AdminSetUserMFAPreferenceResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	update := mfaUpdate(in.SMSMfaSettings, in.SoftwareTokenMfaSettings, in.EmailMfaSettings, in.WebAuthnMfaSettings)
	return nil, pool.Admin().Users().SetMFA(ctx, text(in.Username), update)
}
