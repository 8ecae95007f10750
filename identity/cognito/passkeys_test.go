package cognito_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

const passkeyPage = "https://auth.example.com"

// passkeyPool makes a pool that offers passkeys, and a client.
func (s *server) passkeyPool(webAuthn obj) *client {
	s.t.Helper()
	pool := s.pool(obj{
		"AutoVerifiedAttributes": list{"email"},
		"Policies":               obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"PASSWORD", "WEB_AUTHN"}}},
	})
	if webAuthn != nil {
		s.ok("SetUserPoolMfaConfig", obj{"UserPoolId": pool, "MfaConfiguration": "OFF", "WebAuthnConfiguration": webAuthn})
	}
	return s.client(pool, nil)
}

// passkeyOptions begins a registration.
func (s *server) passkeyOptions(access any) []byte {
	s.t.Helper()
	options, err := json.Marshal(s.ok("StartWebAuthnRegistration", obj{"AccessToken": access})["CredentialCreationOptions"])
	if err != nil {
		s.t.Fatal(err)
	}
	return options
}

// passkeyBody is a request that registers a passkey.
func (s *server) passkeyBody(access any, a *webauthntest.Authenticator) obj {
	s.t.Helper()
	answer, err := a.Create(passkeyPage, s.passkeyOptions(access))
	if err != nil {
		s.t.Fatal(err)
	}
	return obj{"AccessToken": access, "Credential": json.RawMessage(answer)}
}

// validPasskeyBodies are the valid bodies about passkeys.
func (w *world) validPasskeyBodies() map[string]obj {
	c := w.server.passkeyPool(obj{"RelyingPartyId": "example.com"})
	w.made(c.pool, "pat")
	access := c.access("pat")
	w.ok("CompleteWebAuthnRegistration", w.passkeyBody(access, &webauthntest.Authenticator{}))
	id := w.ok("ListWebAuthnCredentials", obj{"AccessToken": access})["Credentials"].(list)[0].(obj)["CredentialId"]
	return map[string]obj{
		"StartWebAuthnRegistration":    {"AccessToken": access},
		"CompleteWebAuthnRegistration": w.passkeyBody(access, &webauthntest.Authenticator{}),
		"ListWebAuthnCredentials":      {"AccessToken": access},
		"DeleteWebAuthnCredential":     {"AccessToken": access, "CredentialId": id},
	}
}

// TestPasskeyRegistration compares the options with the example in the service's API reference, and the list with the model.
func TestPasskeyRegistration(t *testing.T) {
	s := newServer(t)
	c := s.passkeyPool(obj{"RelyingPartyId": "example.com"})
	sub := s.made(c.pool, "pat")
	access := c.access("pat")
	options := s.ok("StartWebAuthnRegistration", obj{"AccessToken": access})["CredentialCreationOptions"].(obj)
	if str(t, options, "challenge") == "" {
		t.Error("there is no challenge")
	}
	delete(options, "challenge")
	user := options["user"].(obj)
	if str(t, user, "id") == "" || sub == "" {
		t.Error("there is no id of the user")
	}
	delete(user, "id")
	wantSame(t, "StartWebAuthnRegistration", any(options), any(asJSON(t, obj{
		"authenticatorSelection": obj{"requireResidentKey": true, "residentKey": "required", "userVerification": "preferred"},
		"excludeCredentials":     list{},
		"pubKeyCredParams":       list{obj{"alg": -7, "type": "public-key"}, obj{"alg": -257, "type": "public-key"}},
		"rp":                     obj{"id": "example.com", "name": "example.com"},
		"timeout":                60000,
		"user":                   obj{"displayName": "pat", "name": "pat"},
	})))
	phone := &webauthntest.Authenticator{}
	wantSame(t, "CompleteWebAuthnRegistration", any(s.ok("CompleteWebAuthnRegistration", s.passkeyBody(access, phone))), any(obj{}))
	listed := s.ok("ListWebAuthnCredentials", obj{"AccessToken": access})["Credentials"].(list)
	if len(listed) != 1 {
		t.Fatalf("listed %v", listed)
	}
	shown := maps.Clone(listed[0].(obj))
	id := str(t, shown, "CredentialId")
	if _, ok := shown["CreatedAt"].(float64); !ok {
		t.Errorf("CreatedAt is %v", shown["CreatedAt"])
	}
	delete(shown, "CredentialId")
	delete(shown, "CreatedAt")
	wantSame(t, "ListWebAuthnCredentials", any(shown), any(asJSON(t, obj{
		"FriendlyCredentialName": "Passkey", "RelyingPartyId": "example.com", "AuthenticatorAttachment": "platform",
		"AuthenticatorTransports": list{"internal", "hybrid"},
	})))
	factors := s.ok("GetUserAuthFactors", obj{"AccessToken": access})
	wantSame(t, "ConfiguredUserAuthFactors", factors["ConfiguredUserAuthFactors"], any(list{"PASSWORD", "WEB_AUTHN"}))
	wantSame(t, "DeleteWebAuthnCredential", any(s.ok("DeleteWebAuthnCredential", obj{"AccessToken": access, "CredentialId": id})), any(obj{}))
	wantSame(t, "after the deletion", any(s.ok("ListWebAuthnCredentials", obj{"AccessToken": access})), any(obj{"Credentials": list{}}))
}

func TestPasskeyPages(t *testing.T) {
	s := newServer(t)
	c := s.passkeyPool(obj{"RelyingPartyId": "example.com"})
	s.made(c.pool, "pat")
	s.made(c.pool, "sam")
	access := c.access("pat")
	for range 5 {
		s.ok("CompleteWebAuthnRegistration", s.passkeyBody(access, &webauthntest.Authenticator{}))
	}
	var all []string
	body := obj{"AccessToken": access, "MaxResults": 2}
	pages := 0
	for ; ; pages++ {
		out := s.ok("ListWebAuthnCredentials", body)
		for _, p := range out["Credentials"].(list) {
			all = append(all, str(t, p.(obj), "CredentialId"))
		}
		token, more := out["NextToken"]
		if !more {
			break
		}
		body["NextToken"] = token
	}
	if pages != 2 || len(all) != 5 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 5 {
		t.Errorf("%d more pages, passkeys %q", pages, all)
	}
	s.call("ListWebAuthnCredentials", obj{"AccessToken": c.access("sam"), "NextToken": body["NextToken"]}).wantMarker(t, body["NextToken"])
	s.call("ListWebAuthnCredentials", obj{"AccessToken": access, "MaxResults": 21}).want(t, problem{
		"InvalidParameterException",
		"1 validation error detected: Value '21' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 20", 0,
	})
}

// TestPasskeyErrors has each exception of the model. Only the text of data that is not valid was recorded.
func TestPasskeyErrors(t *testing.T) {
	s := newServer(t)
	c := s.passkeyPool(obj{"RelyingPartyId": "example.com"})
	s.made(c.pool, "pat")
	access := c.access("pat")
	other := s.client(c.pool, nil)
	forged := func(forge func(*webauthntest.Forgery)) func(t *testing.T) *answer {
		return func(*testing.T) *answer {
			return s.call("CompleteWebAuthnRegistration", s.passkeyBody(access, &webauthntest.Authenticator{Forge: forge}))
		}
	}
	start := func(c *client) *answer {
		s.made(c.pool, "kim")
		return s.call("StartWebAuthnRegistration", obj{"AccessToken": c.access("kim")})
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T) *answer
		want problem
	}{
		{"not enabled", func(*testing.T) *answer { return start(s.client(s.pool(nil), nil)) }, problem{"WebAuthnNotEnabledException", "Passkeys are not enabled for the user pool.", 0}},
		{"no relying party", func(*testing.T) *answer { return start(s.passkeyPool(nil)) }, problem{"WebAuthnConfigurationMissingException", "The user pool does not have a configured relying party id or a user pool domain.", 0}},
		{"no challenge", forged(func(f *webauthntest.Forgery) { f.ClientData["challenge"] = "AAAA" }), problem{"WebAuthnChallengeNotFoundException", "The challenge from StartWebAuthnRegistration was not found or has expired.", 0}},
		{"another client", func(*testing.T) *answer {
			return s.call("CompleteWebAuthnRegistration", with(s.passkeyBody(access, &webauthntest.Authenticator{}), obj{"AccessToken": other.access("pat")}))
		}, problem{"WebAuthnClientMismatchException", "The access token is for a different client than the one in the original StartWebAuthnRegistration request.", 0}},
		{"another relying party", forged(func(f *webauthntest.Forgery) { f.RPID = "example.org" }), problem{"WebAuthnRelyingPartyMismatchException", "The passkey credential is associated with a different relying party ID than the user pool relying party ID.", 0}},
		{"another origin", forged(func(f *webauthntest.Forgery) { f.ClientData["origin"] = "https://example.org" }), problem{"WebAuthnOriginNotAllowedException", "The passkey credential's registration origin does not align with the user pool relying party id.", 0}},
		{"an attestation", forged(func(f *webauthntest.Forgery) { f.Format = "tpm" }), problem{"WebAuthnCredentialNotSupportedException", "The passkey credentials are from an unsupported device or provider.", 0}},
		{"no such passkey", func(*testing.T) *answer {
			return s.call("DeleteWebAuthnCredential", obj{"AccessToken": access, "CredentialId": "AQID"})
		}, problem{"ResourceNotFoundException", "The passkey credential was not found.", 0}},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.do(t).want(t, tt.want) })
	}
	for _, value := range []any{obj{}, list{}, "x", 5, true, obj{"id": "AQID"}} {
		a := s.call("CompleteWebAuthnRegistration", obj{"AccessToken": access, "Credential": value})
		a.want(t, problem{"InvalidParameterException", "Credential data is not valid", 0})
	}
}

// TestPasskeySignIn has the challenge WEB_AUTHN in the shape that Amplify reads: the options are JSON in a parameter.
func TestPasskeySignIn(t *testing.T) {
	s := newServer(t)
	pool := s.passkeyPool(obj{"RelyingPartyId": "example.com", "UserVerification": "required"}).pool
	c := s.client(pool, obj{"ExplicitAuthFlows": list{"ALLOW_USER_AUTH", "ALLOW_USER_PASSWORD_AUTH"}})
	s.made(pool, "pat")
	phone := &webauthntest.Authenticator{}
	s.ok("CompleteWebAuthnRegistration", s.passkeyBody(c.access("pat"), phone))
	begin := func(more obj) obj {
		return s.ok("InitiateAuth", c.auth("USER_AUTH", with(obj{"USERNAME": "pat"}, more)))
	}
	available := list{"PASSWORD_SRP", "PASSWORD", "WEB_AUTHN"}
	wantStep(t, begin(nil), "SELECT_CHALLENGE", available, obj{"USERNAME": "pat"})
	out := begin(obj{"PREFERRED_CHALLENGE": "WEB_AUTHN"})
	session, text := str(t, out, "Session"), str(t, out["ChallengeParameters"].(obj), "CREDENTIAL_REQUEST_OPTIONS")
	wantStep(t, out, "WEB_AUTHN", available, obj{"CREDENTIAL_REQUEST_OPTIONS": text})
	options := parse[obj](t, text)
	id := str(t, options["allowCredentials"].(list)[0].(obj), "id")
	if str(t, options, "challenge") == "" {
		t.Error("there is no challenge")
	}
	delete(options, "challenge")
	wantSame(t, "CREDENTIAL_REQUEST_OPTIONS", any(options), any(asJSON(t, obj{
		"allowCredentials": list{obj{"id": id, "transports": list{"internal", "hybrid"}, "type": "public-key"}},
		"rpId":             "example.com", "timeout": 60000, "userVerification": "required",
	})))
	answer := func(credential string) obj {
		return c.respond("WEB_AUTHN", session, obj{"USERNAME": "pat", "CREDENTIAL": credential})
	}
	s.call("RespondToAuthChallenge", answer("{}")).want(t, problem{"InvalidParameterException", "Credential data is not valid", 0})
	s.call("RespondToAuthChallenge", answer("")).want(t, missingParameter("CREDENTIAL"))
	phone.Forge = func(f *webauthntest.Forgery) { f.ClientData["origin"] = "https://example.org" }
	lie, err := phone.Get(passkeyPage, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s.call("RespondToAuthChallenge", answer(string(lie))).want(t, incorrect)
	phone.Forge = nil
	truth, err := phone.Get(passkeyPage, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	wantTokens(t, s.ok("RespondToAuthChallenge", answer(string(truth))))
	s.call("RespondToAuthChallenge", answer(string(truth))).want(t, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0})
}
