package identitytest

import "github.com/cognate-id/cognate/mfa/webauthn/webauthntest"

// An Authenticator makes passkeys and signs in with them, in place of a browser and a device. It takes the options that
// StartWebAuthnRegistration and the challenge WEB_AUTHN return, and returns the credential that their answers have.
type Authenticator = webauthntest.Authenticator

// A Forgery is what an [Authenticator] is about to sign, for tests of servers that must refuse it.
type Forgery = webauthntest.Forgery
