package identity_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// knownErrors are all errors that a caller branches on.
var knownErrors = []error{
	identity.ErrPoolNotFound, identity.ErrClientNotFound, identity.ErrUserNotFound, identity.ErrIncorrectCredentials,
	identity.ErrUserNotConfirmed, identity.ErrUserDisabled, identity.ErrPasswordResetRequired, identity.ErrTemporaryPasswordExpired,
	identity.ErrTooManyAttempts, identity.ErrLimitExceeded, identity.ErrBusy, identity.ErrFlowNotEnabled, identity.ErrMissingParameter,
	identity.ErrInvalidParameter, identity.ErrSecretHashMissing, identity.ErrSecretHashMismatch,
	identity.ErrSessionInvalid, identity.ErrSessionExpired, identity.ErrSessionUsed,
	identity.ErrInvalidPassword, identity.ErrBreachCheck, identity.ErrRecoveryCodesDisabled, identity.ErrRecoveryCodeMismatch, identity.ErrUsernameExists, identity.ErrAliasExists, identity.ErrSignUpDisabled,
	identity.ErrInvalidAttributes, identity.ErrAttributeNotWritable, identity.ErrAttributeProvided,
	identity.ErrCodeMismatch, identity.ErrCodeExpired, identity.ErrCannotConfirm, identity.ErrAlreadyConfirmed,
	identity.ErrNoRecovery, identity.ErrRecoveryByAdmin, identity.ErrCannotReset, identity.ErrPasswordReused,
	identity.ErrNoAddress, identity.ErrAttributeImmutable, identity.ErrUnknownAttribute,
	identity.ErrNothingToVerify, identity.ErrResendNotPossible, identity.ErrDelivery, identity.ErrNoSender, identity.ErrNoSMS, identity.ErrSuppressed, identity.ErrMessageNotFound,
	identity.ErrInvalidAccessToken, identity.ErrAccessTokenExpired, identity.ErrAccessTokenRevoked, identity.ErrRecentSignInRequired, identity.ErrAccessTokenScope,
	identity.ErrInsufficientScope, identity.ErrNotSignedIn, identity.ErrRedirectMismatch, identity.ErrGrantNotAllowed,
	identity.ErrScopeNotAllowed, identity.ErrChallengeRequired, identity.ErrConsentRequired, identity.ErrInvalidAuthCode,
	identity.ErrInvalidRefreshToken, identity.ErrRefreshTokenRevoked, identity.ErrRefreshTokenExpired, identity.ErrRefreshTokenReused,
	identity.ErrRotationRequired, identity.ErrWrongTokenType, identity.ErrRevocationDisabled, identity.ErrForeignToken,
	identity.ErrDeletionProtected, identity.ErrInvalidSettings, identity.ErrTrigger, identity.ErrHookRefused, identity.ErrHookDecision, identity.ErrHookFailed, identity.ErrUnsupported,
	identity.ErrGroupNotFound, identity.ErrGroupRuleNotFound, identity.ErrGroupExists, identity.ErrResourceServerNotFound, identity.ErrResourceServerExists, identity.ErrScopeNotFound, identity.ErrProviderNotFound, identity.ErrProviderUnknown, identity.ErrProviderExists, identity.ErrProviderIdentifierTaken,
	identity.ErrProviderUnreachable, identity.ErrProviderMetadata, identity.ErrNoSigningCertificate, identity.ErrProviderSubject, identity.ErrProviderAmbiguous,
	identity.ErrProviderDisabled, identity.ErrLinkSourceExists, identity.ErrAlreadyLinked, identity.ErrLinkSource, identity.ErrFederatedUser, identity.ErrLinkRequired, identity.ErrLinkUser, identity.ErrLastWayIn, identity.ErrNoProviderToken, identity.ErrProviderToken, identity.ErrProviderTokens,
	identity.ErrDomainNotFound, identity.ErrDomainTaken, identity.ErrDomainExists, identity.ErrPoolHasDomain,
	identity.ErrBrandingNotFound, identity.ErrBrandingExists, identity.ErrTermsNotFound, identity.ErrTermsExist, identity.ErrLastSecret, identity.ErrSecretNotFound, identity.ErrSenderKeyUnknown, identity.ErrSenderKeyMalformed,
	identity.ErrPasskeysDisabled, identity.ErrPasskeyParty, identity.ErrTooManyPasskeys, identity.ErrPasskeyChallenge, identity.ErrPasskeyClient,
	identity.ErrPasskeyRelyingParty, identity.ErrPasskeyOrigin, identity.ErrPasskeyUnsupported, identity.ErrPasskeyInvalid, identity.ErrPasskeyNotFound, identity.ErrPasskeyAlone,
	identity.ErrTOTPDisabled, identity.ErrTOTPNotFound, identity.ErrTOTPMismatch, identity.ErrTOTPUsed,
	identity.ErrMFACodeMismatch, identity.ErrMFANotReady, identity.ErrMFAPreference, identity.ErrMFARequired, identity.ErrSessionsOff, identity.ErrSessionNotFound, identity.ErrOwnSession, identity.ErrDevicesOff, identity.ErrDeviceNotFound, identity.ErrDeviceExists,
	identity.ErrQuotaExceeded, identity.ErrInvalidFilter, identity.ErrInvalidFilterAttribute, identity.ErrInvalidPosition,
	identity.ErrImportJobNotFound, identity.ErrImportState, identity.ErrImportNoFile, identity.ErrImportActive, identity.ErrImportUnverified,
	identity.ErrUploadRefused, identity.ErrUploadExpired, identity.ErrUploadTooLarge, identity.ErrNoLinks, identity.ErrNotAsked, identity.ErrPlan, identity.ErrLevelReached, identity.ErrLevelUnreachable, identity.ErrLevelRequired,
}

// wantKnown checks that an error is nil or one that a caller branches on.
func wantKnown(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, k := range knownErrors {
		if errors.Is(err, k) {
			return
		}
	}
	t.Errorf("%s: unknown error %v", what, err)
}

func TestErrorsAreTold(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
	wantErr(t, "SignIn", err, context.Canceled)
	for _, k := range knownErrors {
		if k.Error() == "" || errors.Is(err, k) {
			t.Errorf("error %v is %v", err, k)
		}
	}
}
