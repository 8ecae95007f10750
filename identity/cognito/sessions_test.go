package cognito_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// trackSessions is the body that turns the tracking of sessions on.
func trackSessions(pool string, most int) obj {
	return obj{"UserPoolId": pool, "UserSessionTracking": "ENABLED", "TokenSession": obj{"MaxPerUser": most}}
}

var (
	noSession   = problem{"ResourceNotFoundException", "Session does not exist.", 0}
	sessionsOff = problem{"OperationNotEnabledException", "User session tracking is not enabled for the user pool.", 0}
	anySession  = "tkn" + strings.Repeat("0", 25)
)

// sessionWorld is a client of a pool that tracks sessions, with the user alice.
func sessionWorld(t testing.TB) *client {
	t.Helper()
	s := newServer(t)
	c := s.client(s.pool(nil), nil)
	s.made(c.pool, "alice", "email", "alice@example.com", "email_verified", "true")
	s.ok("SetUserPoolSessionConfiguration", trackSessions(c.pool, 20))
	return c
}

// alices are alice's sessions as an operator sees them, by their ids.
func (c *client) alices() map[string]obj {
	c.t.Helper()
	found := map[string]obj{}
	for _, s := range c.ok("AdminListUserSessions", obj{"UserPoolId": c.pool, "Username": "alice"})["Sessions"].(list) {
		found[s.(obj)["SessionId"].(string)] = s.(obj)
	}
	return found
}

// own is the id of the session of an access token.
func (c *client) own(access any) string {
	c.t.Helper()
	for _, s := range c.ok("ListUserSessions", obj{"AccessToken": access})["Sessions"].(list) {
		if s.(obj)["IsCurrentSession"] == true {
			return s.(obj)["SessionId"].(string)
		}
	}
	c.t.Fatal("no session is the current one")
	return ""
}

// validSessionBodies are the valid bodies about sessions. They are about a pool that tracks them.
func (w *world) validSessionBodies() map[string]obj {
	c := w.server.client(w.server.pool(nil), nil)
	w.made(c.pool, "alice")
	w.ok("SetUserPoolSessionConfiguration", trackSessions(c.pool, 20))
	access := c.access("alice")
	doomed, outcast := c.own(c.access("alice")), c.own(c.access("alice"))
	alice := obj{"UserPoolId": c.pool, "Username": "alice"}
	return map[string]obj{
		"ListUserSessions":       {"AccessToken": access},
		"RevokeUserSession":      {"AccessToken": access, "SessionId": doomed, "RevokeAssociatedSessions": "LINKED"},
		"AdminListUserSessions":  alice,
		"AdminRevokeUserSession": with(alice, obj{"SessionId": outcast, "RevokeAssociatedSessions": "NONE"}),
	}
}

func TestSessions(t *testing.T) {
	c := sessionWorld(t)
	r := c.request("InitiateAuth", c.passwordAuth("alice", goodPass))
	r.Header.Set("User-Agent", "MyApp/1 (Android 16)")
	begun := c.now()
	first := c.do(r, "InitiateAuth").body["AuthenticationResult"].(obj)
	c.advance(time.Minute)
	app, err := c.engine.AppClient(t.Context(), c.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Pages().SignIn(t.Context(), identity.SignIn{Username: "alice", Password: goodPass}); err != nil {
		t.Fatal(err)
	}
	mine := c.ok("ListUserSessions", obj{"AccessToken": first["AccessToken"]})
	if mine["NextToken"] != nil || len(mine["Sessions"].(list)) != 2 {
		t.Fatalf("ListUserSessions: %v", mine)
	}
	form := regexp.MustCompile(`^(tkn|sso)[a-z0-9]{25}$`)
	for _, s := range mine["Sessions"].(list) {
		got := s.(obj)
		id := got["SessionId"].(string)
		if !form.MatchString(id) {
			t.Errorf("SessionId %q", id)
		}
		at := begun.Add(time.Minute)
		want := obj{"SessionId": id, "SessionType": "SSO", "ClientId": c.id, "DeviceType": "unknown", "IsCurrentSession": false}
		if strings.HasPrefix(id, "tkn") {
			at = begun
			want = with(want, obj{"SessionType": "TOKEN", "DeviceType": "MyApp on Android", "LastIPAddress": "127.0.0.1", "IsCurrentSession": true})
		}
		want["CreateDate"], want["LastActiveDate"] = float64(at.UnixMilli())/1000, float64(at.UnixMilli())/1000
		wantSame(t, "session", got, want)
		theirs := c.alices()[id]
		wantSame(t, "the same for an operator", theirs, with(want, obj{"IsCurrentSession": false}))
	}
}

func TestRevokeSessions(t *testing.T) {
	c := sessionWorld(t)
	c.made(c.pool, "bob")
	alice := obj{"UserPoolId": c.pool, "Username": "alice"}
	own, lost, bobs := c.access("alice"), c.access("alice"), c.own(c.access("bob"))
	mine := obj{"AccessToken": own, "SessionId": c.own(lost)}
	c.call("RevokeUserSession", with(mine, obj{"SessionId": c.own(own)})).
		want(t, problem{"InvalidParameterException", "The current session cannot be revoked.", 0})
	for _, id := range []string{bobs, anySession} {
		c.call("RevokeUserSession", with(mine, obj{"SessionId": id})).want(t, noSession)
		c.call("AdminRevokeUserSession", with(alice, obj{"SessionId": id})).want(t, noSession)
	}
	if a := c.call("RevokeUserSession", mine); a.status != http.StatusOK || a.raw != "{}" {
		t.Errorf("RevokeUserSession: %d %q, want {}", a.status, a.raw)
	}
	revoked := problem{"NotAuthorizedException", "Access Token has been revoked", 0}
	c.call("GetUser", obj{"AccessToken": lost}).want(t, revoked)
	c.call("RevokeUserSession", mine).want(t, noSession)
	if a := c.call("AdminRevokeUserSession", with(alice, obj{"SessionId": c.own(own)})); a.status != http.StatusOK || a.raw != "{}" {
		t.Errorf("AdminRevokeUserSession: %d %q, want {}", a.status, a.raw)
	}
	c.call("ListUserSessions", obj{"AccessToken": own}).want(t, revoked)
	if left := c.alices(); len(left) != 0 {
		t.Errorf("sessions are left: %v", left)
	}
}

// What is linked to a session goes with it if the request says so.
func TestRevokeAssociatedSessions(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *client, tokens *identity.Tokens, token, sso string)
		left int // of the browser and two sessions through it
	}{
		{"of a browser, alone", func(c *client, _ *identity.Tokens, _, sso string) {
			c.ok("AdminRevokeUserSession", obj{"UserPoolId": c.pool, "Username": "alice", "SessionId": sso})
		}, 2},
		{"of a browser", func(c *client, _ *identity.Tokens, _, sso string) {
			c.ok("AdminRevokeUserSession", obj{"UserPoolId": c.pool, "Username": "alice", "SessionId": sso, "RevokeAssociatedSessions": "LINKED"})
		}, 0},
		{"of tokens", func(c *client, _ *identity.Tokens, token, _ string) {
			c.ok("AdminRevokeUserSession", obj{"UserPoolId": c.pool, "Username": "alice", "SessionId": token, "RevokeAssociatedSessions": "LINKED"})
		}, 1},
		{"of tokens, by their user", func(c *client, _ *identity.Tokens, token, _ string) {
			access := c.access("alice")
			c.ok("RevokeUserSession", obj{"AccessToken": access, "SessionId": token, "RevokeAssociatedSessions": "LINKED"})
			c.ok("AdminRevokeUserSession", obj{"UserPoolId": c.pool, "Username": "alice", "SessionId": c.own(access)})
		}, 1},
		{"by the refresh token, alone", func(c *client, tokens *identity.Tokens, _, _ string) {
			c.ok("RevokeToken", obj{"ClientId": c.id, "Token": string(tokens.Refresh), "RevokeAssociatedSessions": "NONE"})
		}, 2},
		{"by the refresh token", func(c *client, tokens *identity.Tokens, _, _ string) {
			c.ok("RevokeToken", obj{"ClientId": c.id, "Token": string(tokens.Refresh), "RevokeAssociatedSessions": "LINKED"})
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := sessionWorld(t)
			tokens := c.throughBrowser(2)
			var sso string
			for id, s := range c.alices() {
				if s["SessionType"] == "SSO" {
					sso = id
				}
			}
			token := c.own(string(tokens[0].Access))
			if got := c.alices()[token]["OriginSessionId"]; got != sso {
				t.Errorf("OriginSessionId is %v, want %s", got, sso)
			}
			tt.end(c, tokens[0], token, sso)
			if left := c.alices(); len(left) != tt.left {
				t.Errorf("%d sessions are left, want %d", len(left), tt.left)
			}
		})
	}
}

// throughBrowser signs alice in on a page, and has an application get tokens through that browser so many times.
func (c *client) throughBrowser(n int) (all []*identity.Tokens) {
	c.t.Helper()
	const redirect = "https://app.example.com/cb"
	c.ok("UpdateUserPoolClient", obj{
		"UserPoolId": c.pool, "ClientId": c.id, "CallbackURLs": list{redirect}, "AllowedOAuthFlows": list{"code"}, "AllowedOAuthFlowsUserPoolClient": true,
		"AllowedOAuthScopes": list{"openid", "aws.cognito.signin.user.admin"}, "ExplicitAuthFlows": list{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	})
	fail := func(err error) {
		if err != nil {
			c.t.Fatal(err)
		}
	}
	app, err := c.engine.AppClient(c.t.Context(), c.id)
	fail(err)
	in, err := app.Pages().SignIn(c.t.Context(), identity.SignIn{Username: "alice", Password: goodPass})
	fail(err)
	auth, err := app.Authorization(c.t.Context(), identity.AuthorizationRequest{Grant: identity.GrantCode, RedirectURI: redirect})
	fail(err)
	for range n {
		code, err := auth.Code(c.t.Context(), in.Browser)
		fail(err)
		tokens, err := app.Exchange(c.t.Context(), identity.CodeExchange{Code: code, RedirectURI: redirect})
		fail(err)
		all = append(all, tokens)
	}
	return all
}

// Where sessions are not tracked, there are none to see, on any plan: the operations have no other error for it.
func TestSessionsAreOff(t *testing.T) {
	for _, plan := range []string{"LITE", "ESSENTIALS", "PLUS"} {
		s := newServer(t)
		c := s.client(s.pool(obj{"UserPoolTier": plan}), nil)
		s.made(c.pool, "alice")
		access := c.access("alice")
		id := obj{"SessionId": anySession}
		for _, op := range []string{"ListUserSessions", "RevokeUserSession"} {
			c.call(op, with(id, obj{"AccessToken": access})).want(t, sessionsOff)
			c.call("Admin"+op, with(id, obj{"UserPoolId": c.pool, "Username": "alice"})).want(t, sessionsOff)
		}
	}
}

// A pool that tracks sessions does not go down to LITE.
func TestTrackedPoolsKeepTheirPlan(t *testing.T) {
	c := sessionWorld(t)
	c.call("UpdateUserPool", obj{"UserPoolId": c.pool, "UserPoolTier": "LITE"}).want(t, beyondPlan("LITE", "User Session Tracking"))
	c.ok("SetUserPoolSessionConfiguration", with(trackSessions(c.pool, 20), obj{"UserSessionTracking": "DISABLED"}))
	c.ok("UpdateUserPool", obj{"UserPoolId": c.pool, "UserPoolTier": "LITE"})
}

func TestPagesOfSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in 130 times; TestListingOfPools and TestPagesOfDevices have pages of other lists")
	}
	w := newServer(t)
	info, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "safe", Algorithm: "ES256", MaxSignIns: new(0), PasswordPolicy: &identity.PasswordPolicy{MinimumLength: 8}})
	if err != nil {
		t.Fatal(err)
	}
	c := w.client(info.ID, nil)
	w.made(info.ID, "alice")
	w.made(info.ID, "quinn")
	var access string
	for range 130 {
		access = c.access("quinn")
	}
	quinn := obj{"UserPoolId": info.ID, "Username": "quinn"}
	for op, by := range map[string]obj{"ListUserSessions": {"AccessToken": access}, "AdminListUserSessions": quinn} {
		first := w.ok(op, by)
		next := w.ok(op, with(by, obj{"NextToken": first["NextToken"]}))
		ids := map[any]bool{}
		for _, page := range []obj{first, next} {
			for _, s := range page["Sessions"].(list) {
				ids[dig(s, "SessionId")] = true
			}
		}
		if len(first["Sessions"].(list)) != 125 || len(ids) != 130 || next["NextToken"] != nil {
			t.Errorf("%s: %d sessions, then %d", op, len(first["Sessions"].(list)), len(next["Sessions"].(list)))
		}
		w.call(op, with(by, obj{"NextToken": "garbage"})).want(t, problem{"InvalidParameterException", "Invalid pagination token given.", 0})
	}
	token := w.ok("AdminListUserSessions", quinn)["NextToken"]
	if a := w.call("AdminListUserSessions", with(quinn, obj{"Username": "alice", "NextToken": token})); a.body["__type"] != "InvalidParameterException" {
		t.Errorf("another user's token: %d %s", a.status, a.raw)
	}
}
