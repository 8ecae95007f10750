package cognito_test

import (
	"strings"
	"testing"
	"time"
)

func TestErrorsOfChallenges(t *testing.T) {
	// choose answers NEW_PASSWORD_REQUIRED with changes to the responses.
	choose := func(responses obj) func(*world) *answer {
		return func(w *world) *answer { return w.call("RespondToAuthChallenge", w.open.newPassword("fred", responses)) }
	}
	change := func(change func(w *world, body obj)) func(*world) *answer {
		return func(w *world) *answer {
			body := w.open.newPassword("fred", nil)
			change(w, body)
			return w.call("RespondToAuthChallenge", body)
		}
	}
	policy := func(text string) problem {
		return problem{"InvalidPasswordException", "Password does not conform to policy: " + text, 0}
	}
	checkFacts(t, []fact{
		{"session used twice", recorded, func(w *world) *answer {
			body := w.open.newPassword("fred", nil)
			w.ok("RespondToAuthChallenge", body)
			return w.call("RespondToAuthChallenge", body)
		}, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0}},
		{
			"session too old", recorded, change(func(w *world, _ obj) { w.advance(3 * time.Minute) }),
			problem{"NotAuthorizedException", "Invalid session for the user, session is expired.", 0},
		},
		{"session is garbage", recorded, change(func(_ *world, body obj) { body["Session"] = strings.Repeat("A", 40) }), badSession},
		{"session of another client", recorded, change(func(w *world, body obj) { body["ClientId"] = w.hidden.id }), badSession},
		{"session of another user", recorded, choose(obj{"USERNAME": "alice"}), badSession},
		{"session of another challenge", unsure, change(func(_ *world, body obj) { body["ChallengeName"] = "SMS_MFA" }), badSession},
		{"session from before the password was set", unsure, change(func(w *world, _ obj) {
			w.advance(time.Second)
			w.ok("AdminSetUserPassword", obj{"UserPoolId": w.pool, "Username": "fred", "Password": goodPass})
		}), badSession},
		{"user was disabled meanwhile", unsure, change(func(w *world, _ obj) {
			w.ok("AdminDisableUser", obj{"UserPoolId": w.pool, "Username": "fred"})
		}), disabled},
		{"no Session", unsure, change(func(_ *world, body obj) { delete(body, "Session") }), missingParameter("Session")},
		{"no USERNAME", unsure, choose(obj{"USERNAME": ""}), missingParameter("USERNAME")},
		{"no responses", unsure, change(func(_ *world, body obj) { delete(body, "ChallengeResponses") }), missingParameter("USERNAME")},
		{"no NEW_PASSWORD", unsure, choose(obj{"NEW_PASSWORD": ""}), missingParameter("NEW_PASSWORD")},
		{"new password too short", recorded, choose(obj{"NEW_PASSWORD": "Aa1!"}), policy("Password not long enough")},
		{"new password without a capital", recorded, choose(obj{"NEW_PASSWORD": "passw0rd!"}), policy("Password must have uppercase characters")},
		{
			"attribute that has a value", recorded, choose(obj{"userAttributes.email": "new@example.com"}),
			problem{"NotAuthorizedException", "Cannot modify an already provided email", 0},
		},
		{
			"attribute that has the same value", recorded, choose(obj{"userAttributes.email": "fred@example.com"}),
			problem{"NotAuthorizedException", "Cannot modify an already provided email", 0},
		},
		{
			"verified flag", recorded, choose(obj{"userAttributes.email_verified": "true"}),
			problem{"NotAuthorizedException", "A client attempted to write unauthorized attribute", 0},
		},
		{
			"attribute that is not in the schema", unsure, choose(obj{"userAttributes.custom:x": "1"}),
			problem{"InvalidParameterException", "Attributes did not conform to the schema: custom:x: Attribute does not exist in the schema.\n", 0},
		},
		{
			"the sub", unsure, choose(obj{"userAttributes.sub": "x"}),
			problem{"NotAuthorizedException", "A client attempted to write unauthorized attribute", 0},
		},
		{
			"attribute that is malformed", recorded, choose(obj{"userAttributes.phone_number": "555"}),
			problem{"InvalidParameterException", "Invalid phone number format.", 0},
		},
		{"required attribute is missing", recorded, func(w *world) *answer {
			pool := w.server.pool(obj{"Schema": list{obj{"Name": "given_name", "Required": true}}})
			w.invited(pool, "gil", "email", "gil@example.com")
			c := w.client(pool, nil)
			return w.call("RespondToAuthChallenge", c.newPassword("gil", nil))
		}, problem{"InvalidParameterException", "Invalid attributes given, given_name is missing", 0}},
		{"unknown client", recorded, change(func(_ *world, body obj) { body["ClientId"] = "nosuchclient" }), noClient("nosuchclient")},
	})
}

func TestErrorsOfRefresh(t *testing.T) {
	// use changes something between sign-in and refresh.
	use := func(change func(w *world, token string) string) func(*world) *answer {
		return func(w *world) *answer {
			token := change(w, w.open.refresh("alice"))
			return w.call("InitiateAuth", w.open.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": token}))
		}
	}
	gone := problem{"NotAuthorizedException", "Refresh Token has been revoked", 0}
	checkFacts(t, []fact{
		{"garbage", recorded, use(func(*world, string) string { return "garbage" }), badRefresh},
		{"altered", recorded, use(func(_ *world, t string) string { return t[:len(t)-4] + "AAAA" }), badRefresh},
		{"an access token", recorded, use(func(w *world, _ string) string { return w.open.access("alice") }), badRefresh},
		{"another client's", recorded, use(func(w *world, _ string) string { return w.hidden.refresh("alice") }), badRefresh},
		{"another pool's", recorded, use(func(w *world, _ string) string {
			pool := w.server.pool(nil)
			w.made(pool, "alice")
			return w.client(pool, nil).refresh("alice")
		}), badRefresh},
		{"empty", unsure, use(func(*world, string) string { return "" }), missingParameter("REFRESH_TOKEN")},
		{"revoked", recorded, use(func(w *world, t string) string {
			w.ok("RevokeToken", obj{"ClientId": w.open.id, "Token": t})
			return t
		}), gone},
		{"signed out everywhere", recorded, use(func(w *world, t string) string {
			w.ok("GlobalSignOut", obj{"AccessToken": w.open.access("alice")})
			return t
		}), gone},
		{
			"expired", recorded, use(func(w *world, t string) string { w.advance(30 * 24 * time.Hour); return t }),
			problem{"NotAuthorizedException", "Refresh Token has expired", 0},
		},
		{"user was disabled", recorded, use(func(w *world, t string) string {
			w.ok("AdminDisableUser", obj{"UserPoolId": w.pool, "Username": "alice"})
			return t
		}), disabled},
		{"user was deleted", recorded, use(func(w *world, t string) string {
			w.ok("AdminDeleteUser", obj{"UserPoolId": w.pool, "Username": "alice"})
			return t
		}), gone},
		{"rotation is on", unsure, func(w *world) *answer {
			c := w.rotating(0)
			return w.call("InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": c.refresh("alice")}))
		}, problem{"InvalidParameterException", "REFRESH_TOKEN_AUTH is not available when refresh token rotation is on.", 0}},
		{"rotated token after the grace period", unsure, func(w *world) *answer {
			c := w.rotating(10)
			body := obj{"ClientId": c.id, "RefreshToken": c.refresh("alice")}
			w.ok("GetTokensFromRefreshToken", body)
			w.advance(10 * time.Second)
			return w.call("GetTokensFromRefreshToken", body)
		}, problem{"RefreshTokenReuseException", "Refresh Token has been reused.", 0}},
		{"GetTokensFromRefreshToken, garbage", recorded, func(w *world) *answer {
			return w.call("GetTokensFromRefreshToken", obj{"ClientId": w.open.id, "RefreshToken": "garbage"})
		}, badRefresh},
		{"GetTokensFromRefreshToken, unknown client", recorded, func(w *world) *answer {
			return w.call("GetTokensFromRefreshToken", obj{"ClientId": "nosuchclient", "RefreshToken": "garbage"})
		}, noClient("nosuchclient")},
		{"revocation of an access token", unsure, func(w *world) *answer {
			return w.call("RevokeToken", obj{"ClientId": w.open.id, "Token": w.open.access("alice")})
		}, problem{"UnsupportedTokenTypeException", "Wrong token type specified", 0}},
		{"revocation of another client's token", unsure, func(w *world) *answer {
			return w.call("RevokeToken", obj{"ClientId": w.open.id, "Token": w.hidden.refresh("alice")})
		}, problem{"UnauthorizedException", "Unauthorized", 401}},
		{"revocation is off", unsure, func(w *world) *answer {
			c := w.client(w.pool, obj{"EnableTokenRevocation": false})
			return w.call("RevokeToken", obj{"ClientId": c.id, "Token": c.refresh("alice")})
		}, problem{"UnsupportedOperationException", "Token revocation is not enabled for the client.", 0}},
		{"revocation, unknown client", unsure, func(w *world) *answer {
			return w.call("RevokeToken", obj{"ClientId": "nosuchclient", "Token": "x"})
		}, problem{"UnauthorizedException", "User pool client nosuchclient does not exist.", 401}},
	})
}

// rotating is a client that rotates its refresh tokens.
func (w *world) rotating(grace int) *client {
	return w.client(w.pool, obj{
		"ExplicitAuthFlows":    list{"ALLOW_USER_PASSWORD_AUTH"},
		"RefreshTokenRotation": obj{"Feature": "ENABLED", "RetryGracePeriodSeconds": grace},
	})
}

func TestRevokingWhatMeansNothing(t *testing.T) {
	w := newWorld(t)
	token := w.open.refresh("alice")
	for range 2 {
		w.ok("RevokeToken", obj{"ClientId": w.open.id, "Token": token})
	}
	w.ok("RevokeToken", obj{"ClientId": w.open.id, "Token": "garbage"})
}

func TestErrorsOfAccessTokens(t *testing.T) {
	for _, op := range []string{"GetUser", "GlobalSignOut", "DeleteUser"} {
		// use changes something between sign-in and the call.
		use := func(change func(w *world, token string) string) func(*world) *answer {
			return func(w *world) *answer { return w.call(op, obj{"AccessToken": change(w, w.open.access("alice"))}) }
		}
		deleted := noUser
		if op == "GlobalSignOut" { // its model has no UserNotFoundException
			deleted = revoked
		}
		checkFacts(t, []fact{
			{op + ", garbage", recorded, use(func(*world, string) string { return "garbage" }), badAccess},
			{op + ", bad signature", recorded, use(func(_ *world, t string) string { return t[:len(t)-8] + "AAAAAAAA" }), badAccess},
			{op + ", an ID token", recorded, use(func(w *world, _ string) string { return str(w.t, w.open.signIn("alice"), "IdToken") }), badAccess},
			{op + ", a refresh token", recorded, use(func(w *world, _ string) string { return w.open.refresh("alice") }), badAccess},
			{
				op + ", expired", recorded, use(func(w *world, t string) string { w.advance(time.Hour); return t }),
				problem{"NotAuthorizedException", "Access Token has expired", 0},
			},
			{op + ", revoked", recorded, use(func(w *world, _ string) string {
				tokens := w.open.signIn("alice")
				w.ok("RevokeToken", obj{"ClientId": w.open.id, "Token": tokens["RefreshToken"]})
				return str(w.t, tokens, "AccessToken")
			}), revoked},
			{op + ", signed out everywhere", recorded, use(func(w *world, t string) string {
				w.ok("GlobalSignOut", obj{"AccessToken": t})
				return t
			}), revoked},
			{op + ", user was disabled", recorded, use(func(w *world, t string) string {
				w.ok("AdminDisableUser", obj{"UserPoolId": w.pool, "Username": "alice"})
				return t
			}), revoked},
			{op + ", user was deleted", recorded, use(func(w *world, t string) string {
				w.ok("AdminDeleteUser", obj{"UserPoolId": w.pool, "Username": "alice"})
				return t
			}), deleted},
			{op + ", pool was deleted", unsure, use(func(w *world, t string) string {
				w.ok("DeleteUserPool", obj{"UserPoolId": w.pool})
				return t
			}), badAccess},
			{op + ", without the scope", recorded, func(w *world) *answer {
				return w.call(op, obj{"AccessToken": w.scoped("openid email")})
			}, problem{"NotAuthorizedException", "Access Token does not have required scopes", 0}},
		})
	}
}

// scoped is an access token of alice's with scopes that only OAuth gives.
func (w *world) scoped(scope string) string {
	w.t.Helper()
	tokens := w.open.signIn("alice")
	origin := str(w.t, claimsOf(w.t, str(w.t, tokens, "AccessToken")), "origin_jti")
	w.edit("families", func(f obj) { f["scope"] = scope }, w.pool, w.subs["alice"], origin)
	out := w.ok("InitiateAuth", w.open.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": tokens["RefreshToken"]}))
	return str(w.t, out, "AuthenticationResult", "AccessToken")
}
