package cognito_test

import (
	"strings"
	"testing"
	"time"
)

// A fact is a row of the catalogue of errors: a situation, what the service
// answers, and how sure that is.
type fact struct {
	situation string
	mark      evidence
	ask       func(w *world) *answer
	problem
}

// An evidence says how sure it is that the service answers so.
type evidence string

const (
	recorded evidence = "†"        // found in recordings, tests or clients of the live service
	recalled evidence = "‡"        // published text, recalled and not found again
	known    evidence = "[K]"      // general knowledge of the service
	moto     evidence = "[moto]"   // another emulator, whose authors say that they looked
	unsure   evidence = "(unsure)" // the exception is known, its text is not, or neither
	ours     evidence = "ours"     // nothing is known; the text says what is the matter
)

// checkFacts asks each situation of a world of its own.
func checkFacts(t *testing.T, facts []fact) {
	t.Helper()
	for _, f := range few(2, facts) {
		t.Run(f.situation+" "+string(f.mark), func(t *testing.T) {
			t.Parallel()
			f.ask(newWorld(t)).want(t, f.problem)
		})
	}
}

// Errors of sign-in that several situations share.
var (
	incorrect   = problem{"NotAuthorizedException", "Incorrect username or password.", 0}
	noUser      = problem{"UserNotFoundException", "User does not exist.", 0}
	unconfirmed = problem{"UserNotConfirmedException", "User is not confirmed.", 0}
	disabled    = problem{"NotAuthorizedException", "User is disabled.", 0}
	mustReset   = problem{"PasswordResetRequiredException", "Password reset required for the user", 0}
	badSession  = problem{"NotAuthorizedException", "Invalid session for the user.", 0}
	badRefresh  = problem{"NotAuthorizedException", "Invalid Refresh Token.", 0}
	badAccess   = problem{"NotAuthorizedException", "Invalid Access Token", 0}
	revoked     = problem{"NotAuthorizedException", "Access Token has been revoked", 0}
	notAllowed  = problem{"InvalidParameterException", "Initiate Auth method not supported.", 0}
)

// without has an id that differs each time replaced by ID.
func (a *answer) without(id string) *answer {
	message, _ := a.body["message"].(string)
	a.body["message"] = strings.ReplaceAll(message, id, "ID")
	a.header.Set("x-amzn-ErrorMessage", strings.ReplaceAll(a.header.Get("x-amzn-ErrorMessage"), id, "ID"))
	return a
}

func missingParameter(name string) problem {
	return problem{"InvalidParameterException", "Missing required parameter " + name, 0}
}

func noClient(id string) problem {
	return problem{"ResourceNotFoundException", "User pool client " + id + " does not exist.", 0}
}

// byPassword asks for a sign-in by password.
func byPassword(name, password string) func(*world) *answer {
	return func(w *world) *answer { return w.call("InitiateAuth", w.open.passwordAuth(name, password)) }
}

func bySRP(name string) func(*world) *answer {
	return func(w *world) *answer {
		return w.call("InitiateAuth", w.open.auth("USER_SRP_AUTH", obj{"USERNAME": name, "SRP_A": "2a"}))
	}
}

func TestErrorsOfPasswords(t *testing.T) {
	hidden := func(name, password string) func(*world) *answer {
		return func(w *world) *answer { return w.call("InitiateAuth", w.hidden.passwordAuth(name, password)) }
	}
	checkFacts(t, []fact{
		{"wrong password", recorded, byPassword("alice", "wrong"), incorrect},
		{"wrong password, existence hidden", recorded, hidden("alice", "wrong"), incorrect},
		{"unknown user", recorded, byPassword("nobody", goodPass), noUser},
		{"unknown user, existence hidden", recorded, hidden("nobody", goodPass), incorrect},
		{"unconfirmed, right password", recorded, byPassword("una", goodPass), unconfirmed},
		{"unconfirmed, wrong password", recorded, byPassword("una", "wrong"), unconfirmed},
		{"unconfirmed, existence hidden", recorded, hidden("una", "wrong"), unconfirmed},
		{"disabled", recorded, byPassword("dora", goodPass), disabled},
		{"disabled, wrong password", unsure, byPassword("dora", "wrong"), disabled},
		{"must reset, right password", recorded, byPassword("rita", goodPass), mustReset},
		{"must reset, wrong password", unsure, byPassword("rita", "wrong"), incorrect},
		{"must reset, has no password", recorded, byPassword("rob", "any"), mustReset},
		{"must reset, has no password, existence hidden", unsure, hidden("rob", "any"), mustReset},
		{"temporary password too old", recorded, func(w *world) *answer {
			w.advance(7*24*time.Hour + time.Second)
			return byPassword("fred", goodPass)(w)
		}, problem{"NotAuthorizedException", "Temporary password has expired and must be reset by an administrator.", 0}},
		{"locked out, right password", recorded, func(w *world) *answer {
			for range 5 {
				byPassword("alice", "wrong")(w)
			}
			return byPassword("alice", goodPass)(w)
		}, problem{"NotAuthorizedException", "Password attempts exceeded", 0}},
		{"locked out, unknown user, existence hidden", unsure, func(w *world) *answer {
			for range 5 {
				hidden("nobody", "wrong")(w)
			}
			return hidden("nobody", "wrong")(w)
		}, problem{"NotAuthorizedException", "Password attempts exceeded", 0}},
		{"locked out, a second later", known, func(w *world) *answer {
			for range 5 {
				byPassword("alice", "wrong")(w)
			}
			w.advance(time.Second)
			return byPassword("alice", "wrong")(w)
		}, incorrect},
	})
}

func TestErrorsOfSRP(t *testing.T) {
	finish := func(change func(w *world, body obj)) func(*world) *answer {
		return func(w *world) *answer {
			_, answer := w.open.startSRP("alice")
			body := answer(goodPass)
			change(w, body)
			return w.call("RespondToAuthChallenge", body)
		}
	}
	set := func(name, value string) func(*world) *answer {
		return finish(func(_ *world, body obj) { body["ChallengeResponses"].(obj)[name] = value })
	}
	checkFacts(t, []fact{
		{"unknown user", recorded, bySRP("nobody"), noUser},
		{"the sub as a name", recorded, func(w *world) *answer { return bySRP(w.subs["alice"])(w) }, noUser},
		{"unconfirmed", recorded, bySRP("una"), unconfirmed},
		{"disabled", recorded, bySRP("dora"), disabled},
		{"must reset, has no password", recorded, bySRP("rob"), mustReset},
		{"A is a multiple of N", unsure, func(w *world) *answer {
			return w.call("InitiateAuth", w.open.auth("USER_SRP_AUTH", obj{"USERNAME": "alice", "SRP_A": "0"}))
		}, problem{"InvalidParameterException", "SRP_A is not a valid public value.", 0}},
		{"A is no number", unsure, func(w *world) *answer {
			return w.call("InitiateAuth", w.open.auth("USER_SRP_AUTH", obj{"USERNAME": "alice", "SRP_A": "xyz"}))
		}, problem{"InvalidParameterException", "SRP_A is not a valid public value.", 0}},
		{"wrong password", recorded, func(w *world) *answer {
			_, answer := w.open.startSRP("alice")
			return w.call("RespondToAuthChallenge", answer("wrong"))
		}, incorrect},
		{"unknown user, existence hidden", recorded, func(w *world) *answer {
			_, answer := w.hidden.startSRP("nobody")
			return w.call("RespondToAuthChallenge", answer(goodPass))
		}, incorrect},
		{"wrong signature", recorded, set("PASSWORD_CLAIM_SIGNATURE", "AAAA"), incorrect},
		{"signature is no base64", recorded, set("PASSWORD_CLAIM_SIGNATURE", "!"), incorrect},
		{"altered block", recorded, set("PASSWORD_CLAIM_SECRET_BLOCK", "AAAA"), incorrect},
		{"day with a leading zero", recorded, set("TIMESTAMP", "Sun Nov 02 09:05:07 UTC 2026"), incorrect},
		{"wrong weekday", recorded, set("TIMESTAMP", "Mon Nov 22 09:05:07 UTC 2026"), incorrect},
		{"another user's name", unsure, set("USERNAME", "dora"), incorrect},
		{"another client's block", unsure, finish(func(w *world, body obj) { body["ClientId"] = w.hidden.id }), incorrect},
		{"no USERNAME", unsure, set("USERNAME", ""), missingParameter("USERNAME")},
		{"no block", unsure, set("PASSWORD_CLAIM_SECRET_BLOCK", ""), missingParameter("PASSWORD_CLAIM_SECRET_BLOCK")},
		{"no signature", unsure, set("PASSWORD_CLAIM_SIGNATURE", ""), missingParameter("PASSWORD_CLAIM_SIGNATURE")},
		{"no TIMESTAMP", unsure, set("TIMESTAMP", ""), missingParameter("TIMESTAMP")},
		{"answered too late", recorded, func(w *world) *answer {
			_, answer := w.open.startSRP("alice")
			body := answer(goodPass)
			w.advance(3 * time.Minute)
			return w.call("RespondToAuthChallenge", body)
		}, problem{"NotAuthorizedException", "Invalid session for the user, session is expired.", 0}},
		{"answered twice", recorded, func(w *world) *answer {
			_, answer := w.open.startSRP("alice")
			body := answer(goodPass)
			w.ok("RespondToAuthChallenge", body)
			return w.call("RespondToAuthChallenge", body)
		}, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0}},
	})
}

// flow asks for a flow that a client may not use, or that there is not.
func flow(name string, flows ...any) func(*world) *answer {
	return func(w *world) *answer {
		settings := obj{}
		if len(flows) > 0 {
			settings["ExplicitAuthFlows"] = flows
		}
		c := w.client(w.pool, settings)
		return w.call("InitiateAuth", c.auth(name, obj{
			"USERNAME": "alice", "PASSWORD": goodPass, "SRP_A": "2a", "REFRESH_TOKEN": "x",
		}))
	}
}

func TestErrorsOfFlows(t *testing.T) {
	custom := problem{"InvalidParameterException", "Custom auth lambda trigger is not configured for the user pool.", 0}
	checkFacts(t, []fact{
		{
			"USER_PASSWORD_AUTH off", recorded, flow("USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"),
			problem{"InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client", 0},
		},
		{
			"USER_SRP_AUTH off", recorded, flow("USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"),
			problem{"InvalidParameterException", "USER_SRP_AUTH is not enabled for the client.", 0},
		},
		{"CUSTOM_AUTH off", recorded, flow("CUSTOM_AUTH", "ALLOW_USER_PASSWORD_AUTH"), custom},
		{"CUSTOM_AUTH on, no trigger", recorded, flow("CUSTOM_AUTH", "ALLOW_CUSTOM_AUTH"), custom},
		{"CUSTOM_AUTH only, by its older name", recorded, flow("CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"), custom},
		{
			"USER_AUTH off", unsure, flow("USER_AUTH", "ALLOW_USER_PASSWORD_AUTH"),
			problem{"InvalidParameterException", "USER_AUTH flow not enabled for this client", 0},
		},
		{
			"USER_AUTH on LITE", unsure, func(w *world) *answer { // of the text, the feature's name
				w.ok("UpdateUserPool", obj{"UserPoolId": w.pool, "UserPoolTier": "LITE"})
				return flow("USER_AUTH", "ALLOW_USER_AUTH")(w)
			},
			problem{"FeatureUnavailableInTierException", "The following feature is not available for the LITE pricing tier configured: Choice-based Sign-In", 0},
		},
		{"ADMIN_USER_PASSWORD_AUTH", recorded, flow("ADMIN_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"), notAllowed},
		{"ADMIN_NO_SRP_AUTH", recorded, flow("ADMIN_NO_SRP_AUTH", "ADMIN_NO_SRP_AUTH"), notAllowed},
		{
			"REFRESH_TOKEN_AUTH off", ours, flow("REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"),
			problem{"InvalidParameterException", "REFRESH_TOKEN_AUTH flow not enabled for this client", 0},
		},
		{"a flow that there is not", recorded, flow("NO_SUCH_FLOW", "ALLOW_USER_AUTH"), problem{
			"InvalidParameterException", "1 validation error detected: Value 'NO_SUCH_FLOW' at 'authFlow' failed to satisfy constraint: " +
				"Member must satisfy enum value set: [ADMIN_NO_SRP_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_SRP_AUTH, " +
				"REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, USER_PASSWORD_AUTH, USER_AUTH]", 0,
		}},
		{"unknown client", recorded, func(w *world) *answer {
			return w.call("InitiateAuth", obj{"ClientId": "nosuchclient", "AuthFlow": "USER_PASSWORD_AUTH"})
		}, noClient("nosuchclient")},
		{"client of a pool that was deleted", recorded, func(w *world) *answer {
			pool := w.server.pool(nil)
			w.open = w.client(pool, nil)
			w.ok("DeleteUserPool", obj{"UserPoolId": pool})
			return byPassword("alice", goodPass)(w).without(w.open.id)
		}, noClient("ID")},
	})
}

// The texts of these hold the id of the client.
func TestErrorsOfSecrets(t *testing.T) {
	w := newWorld(t)
	c := w.keeper
	refresh := c.refresh("alice")
	missing := problem{"NotAuthorizedException", "Client " + c.id + " is configured with secret but SECRET_HASH was not received", 0}
	wrong := problem{"NotAuthorizedException", "Unable to verify secret hash for client " + c.id, 0}
	wrongRefresh := problem{"NotAuthorizedException", "SecretHash does not match for the client: " + c.id, 0}
	for _, tt := range []struct {
		situation string
		mark      evidence
		op        string
		body      obj
		problem
	}{
		{"missing", recorded, "InitiateAuth", c.auth("USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": goodPass, "SECRET_HASH": ""}), missing},
		{"wrong", recorded, "InitiateAuth", c.auth("USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": goodPass, "SECRET_HASH": "AAAA"}), wrong},
		{"of another name", recorded, "InitiateAuth", c.auth("USER_SRP_AUTH", obj{"USERNAME": "alice", "SRP_A": "2a", "SECRET_HASH": c.hash("fred")}), wrong},
		{"missing at sign-up", recorded, "SignUp", obj{"ClientId": c.id, "Username": "new", "Password": goodPass}, missing},
		{"wrong at sign-up", recorded, "SignUp", obj{"ClientId": c.id, "Username": "new", "Password": goodPass, "SecretHash": "AAAA"}, wrong},
		{"missing at confirmation", recorded, "ConfirmSignUp", obj{"ClientId": c.id, "Username": "una", "ConfirmationCode": "1"}, missing},
		{"wrong at confirmation", recorded, "ConfirmSignUp", obj{"ClientId": c.id, "Username": "una", "ConfirmationCode": "1", "SecretHash": "A"}, wrong},
		{"missing at resend", recorded, "ResendConfirmationCode", obj{"ClientId": c.id, "Username": "una"}, missing},
		{"wrong at resend", recorded, "ResendConfirmationCode", obj{"ClientId": c.id, "Username": "una", "SecretHash": "A"}, wrong},
		{"missing at a challenge", recorded, "RespondToAuthChallenge", c.respond("PASSWORD_VERIFIER", "", obj{"USERNAME": "alice"}), missing},
		{"wrong at a challenge", recorded, "RespondToAuthChallenge", c.respond("PASSWORD_VERIFIER", "", obj{"USERNAME": "alice", "SECRET_HASH": "A"}), wrong},
		{"missing at refresh", recorded, "InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": refresh}), missing},
		{"wrong at refresh", recorded, "InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": refresh, "SECRET_HASH": "A"}), wrongRefresh},
		{"of another user at refresh", recorded, "InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": refresh, "SECRET_HASH": c.hash("fred")}), wrongRefresh},
		{
			"wrong ClientSecret", unsure, "GetTokensFromRefreshToken",
			obj{"ClientId": c.id, "RefreshToken": refresh, "ClientSecret": strings.Repeat("a", 52)},
			problem{"NotAuthorizedException", "Invalid Client Secret", 0},
		},
		{"no ClientSecret", unsure, "GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": refresh}, missing},
		{
			"wrong ClientSecret at revocation", unsure, "RevokeToken",
			obj{"ClientId": c.id, "Token": refresh, "ClientSecret": strings.Repeat("a", 52)},
			problem{"UnauthorizedException", "Invalid Client Secret", 401},
		},
		{
			"no ClientSecret at revocation", unsure, "RevokeToken",
			obj{"ClientId": c.id, "Token": refresh},
			problem{"UnauthorizedException", missing.message, 401},
		},
	} {
		t.Run(tt.situation+" "+string(tt.mark), func(t *testing.T) { w.call(tt.op, tt.body).want(t, tt.problem) })
	}
	t.Run("of no use to a client without a secret (unsure)", func(t *testing.T) {
		w.ok("InitiateAuth", w.open.auth("USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": goodPass, "SECRET_HASH": "A"}))
	})
	t.Run("over the sub at refresh", func(t *testing.T) {
		w.ok("InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": refresh, "SECRET_HASH": c.hash(w.subs["alice"])}))
	})
	t.Run("itself at refresh and revocation", func(t *testing.T) {
		w.ok("GetTokensFromRefreshToken", obj{"ClientId": c.id, "RefreshToken": refresh, "ClientSecret": c.secret})
		w.ok("RevokeToken", obj{"ClientId": c.id, "Token": refresh, "ClientSecret": c.secret})
	})
}
