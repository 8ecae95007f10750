package cognito_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

// secretMembers are the members of requests and answers whose text is secret, those of
// AuthParameters and ChallengeResponses among them.
var secretMembers = []string{
	"Password", "TemporaryPassword", "PreviousPassword", "ProposedPassword", "AccessToken", "IdToken", "RefreshToken", "Token",
	"Session", "ClientSecret", "ClientSecretValue", "SecretHash", "ConfirmationCode", "Code", "UserCode", "SecretCode",
	"PASSWORD", "NEW_PASSWORD", "SECRET_HASH", "REFRESH_TOKEN", "SMS_MFA_CODE", "SOFTWARE_TOKEN_MFA_CODE",
	"SRP_A", "SRP_B", "SALT", "SECRET_BLOCK", "PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE",
}

// shortSecret is the length below which a text is no secret but a word of a test.
const shortSecret = 6

// A collection has all secrets that passed a server. Most tests log nothing, so
// it reads what passed when it is asked.
type collection struct {
	mu     sync.Mutex
	bodies []string
	unread int               // from where of the bodies
	seen   map[string]string // the name of the member, by the secret
	names  map[string]bool
}

// add keeps a request or an answer.
func (c *collection) add(body string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, body)
}

// all are the requests and answers that were added.
func (c *collection) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bodies)
}

// read finds the secrets of what was added. The caller holds the lock.
func (c *collection) read() {
	if c.seen == nil {
		c.seen, c.names = map[string]string{}, map[string]bool{}
	}
	for _, body := range c.bodies[c.unread:] {
		var doc any
		if json.Unmarshal([]byte(body), &doc) == nil {
			c.walk("", doc)
		}
	}
	c.unread = len(c.bodies)
}

// has reports whether a member of a name had a secret.
func (c *collection) has(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	return c.names[name]
}

func (c *collection) walk(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for n, member := range v {
			c.walk(n, member)
		}
	case []any:
		for _, member := range v {
			c.walk(name, member)
		}
	case string:
		filler := strings.Trim(v, v[:min(1, len(v))]) == "" // such as aaaaaa, which other members have too
		if len(v) >= shortSecret && !filler && slices.Contains(secretMembers, name) {
			c.seen[v], c.names[name] = name, true
		}
	}
}

// addMessages keeps the codes, subjects and texts of messages.
func (c *collection) addMessages(messages []*identity.Message) {
	for _, m := range messages {
		body, err := json.Marshal(obj{"Code": string(m.Code)})
		if err != nil {
			panic(err)
		}
		c.add(string(body))
		c.mu.Lock()
		c.read()
		c.seen[m.Body], c.names["Body"] = "Body", true
		c.mu.Unlock()
	}
}

// leaksIn returns the names of the members whose text is in a log, with the form.
func (c *collection) leaksIn(log string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	var out []string
	for secret, name := range c.seen {
		for form, text := range formsOf(secret) {
			if holds(log, text) {
				out = append(out, fmt.Sprintf("%s %q, %s", name, secret, form))
			}
		}
	}
	return out
}

// hexDigits are those around which six digits are a part of an address of a stack trace, a time
// or an id, of which a log has thousands.
const hexDigits = "0123456789abcdefABCDEF"

// holds reports whether a log has a text. A code of six digits must not be a part of a longer number.
func holds(log, text string) bool {
	if strings.Trim(text, "0123456789") != "" {
		return strings.Contains(log, text)
	}
	for at := 0; ; {
		i := strings.Index(log[at:], text)
		if i < 0 {
			return false
		}
		at += i
		before, after := log[max(0, at-1):at], log[at+len(text):min(len(log), at+len(text)+1)]
		if (before == "" || !strings.Contains(hexDigits+"-", before)) && (after == "" || !strings.Contains(hexDigits+"-", after)) {
			return true
		}
		at++
	}
}

// formsOf are the ways in which a log may write a secret. In base64 it looks different
// after zero, one and two bytes of something else.
func formsOf(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	forms := map[string]string{
		"as it is": secret, "in JSON": strings.Trim(string(quoted), `"`), "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
		"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for shift := range 3 {
			whole := (shift + len(secret)) / 3 * 4 // what follows may share the last character
			from := (shift*8 + 5) / 6              // and what is before the first
			forms[fmt.Sprint(name, " after ", shift)] = enc.EncodeToString([]byte(strings.Repeat("x", shift) + secret))[from:whole]
		}
	}
	return forms
}

// wantNoLeaks checks that no secret that passed is in the log.
func (s *server) wantNoLeaks() {
	s.t.Helper()
	log := s.log.String()
	if log == "" {
		return
	}
	s.passed.addMessages(s.outbox.Messages(nil))
	for _, leak := range s.passed.leaksIn(log) {
		s.t.Errorf("the log shows the secret %s", leak)
	}
}

// A leakSender delivers, and then fails or panics with the message in its words.
type leakSender struct {
	identity.Sender
	how string
}

func (l *leakSender) Send(ctx context.Context, m *identity.Message) error {
	if err := l.Sender.Send(ctx, m); err != nil {
		return err
	}
	switch l.how {
	case "":
		return nil
	case "panic":
		panic(fmt.Sprintf("the relay took %#v", *m))
	}
	return fmt.Errorf("the relay refused %v and %+v: %w", m, *m, errors.New("mailbox full"))
}

// A leakStore fails or panics at a transaction of a request.
type leakStore struct {
	store.Store
	at  int // from 1; 0 is never
	how string
}

func (l *leakStore) next() error {
	l.at--
	switch {
	case l.at != 0:
		return nil
	case l.how == "panic":
		panic("the store is on fire")
	}
	return fmt.Errorf("write: %w", errors.New("the disk is gone"))
}

func (l *leakStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := l.next(); err != nil {
		return err
	}
	return l.Store.View(ctx, fn)
}

func (l *leakStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := l.next(); err != nil {
		return err
	}
	return l.Store.Update(ctx, fn)
}

// A leaky server fails in each way in which it can fail.
type leaky struct {
	*server
	store  *leakStore
	sender *leakSender
	pool   string
	client *client
	lines  int // of the log, after the last flow
}

func newLeaky(t *testing.T) *leaky {
	l := &leaky{sender: &leakSender{}}
	l.server = newServerWith(t, serverOptions{mayFail: true, sender: l.sender, handler: cognito.Options{Hints: true}})
	l.sender.Sender = l.outbox
	l.store = &leakStore{Store: l.server.store.Store}
	l.server.store.Store = l.store
	l.pool = l.server.pool(obj{"AutoVerifiedAttributes": list{"email", "phone_number"}})
	l.client = l.server.client(l.pool, obj{"GenerateSecret": true, "ExplicitAuthFlows": list{
		"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH",
	}})
	l.ok("SetUserPoolMfaConfig", obj{
		"UserPoolId": l.pool, "MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": obj{"SmsConfiguration": smsArn},
		"SoftwareTokenMfaConfiguration": obj{"Enabled": true},
	})
	return l
}

// try makes a call that fails in each way, then one that succeeds, then one that fails
// midway, then one that is refused.
func (l *leaky) try(op string, body obj) obj {
	l.t.Helper()
	for _, how := range []string{"error", "panic"} {
		l.store.at, l.store.how = 1, how
		l.call(op, body)
	}
	l.store.at = 0
	out := l.ok(op, body)
	for at := range 3 {
		for _, how := range []string{"error", "panic"} {
			l.store.at, l.store.how, l.sender.how = at+2, how, how
			l.call(op, body)
		}
	}
	l.store.at = 0
	for _, how := range []string{"error", "panic"} {
		l.sender.how = how
		l.call(op, body)
	}
	l.sender.how = ""
	l.call(op, with(body, obj{"ClientId": "nobodys", "UserPoolId": "us-east-1_nobodys", "Session": "s" + l.client.secret}))
	return out
}

// A leakFlow is one way through the engine that handles secrets.
type leakFlow struct {
	name string
	run  func(l *leaky, c *client)
}

var leakFlows = []leakFlow{
	{"sign-up", func(l *leaky, c *client) {
		l.try("SignUp", c.signUpBody("jane", "email", "jane@example.com"))
		l.try("ResendConfirmationCode", c.forgotBody("jane"))
		l.call("ConfirmSignUp", c.confirmBody("jane", "987650"))
		l.try("ConfirmSignUp", c.confirmBody("jane", l.outbox.LastCode("jane")))
	}},
	{"sign-in by password", func(l *leaky, c *client) {
		l.try("InitiateAuth", c.passwordAuth("jane", goodPass))
		l.call("InitiateAuth", c.passwordAuth("jane", "a-wrong-password"))
		l.try("AdminInitiateAuth", with(c.auth("ADMIN_USER_PASSWORD_AUTH", obj{"USERNAME": "jane", "PASSWORD": goodPass}), obj{"UserPoolId": l.pool}))
	}},
	{"sign-in by SRP", func(l *leaky, c *client) {
		_, answer := c.startSRP("jane")
		l.call("RespondToAuthChallenge", answer("a-wrong-password"))
		_, answer = c.startSRP("jane")
		l.try("RespondToAuthChallenge", answer(goodPass))
	}},
	{"refresh", func(l *leaky, c *client) {
		in := c.signIn("jane")
		l.try("InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": in["RefreshToken"], "SECRET_HASH": c.hash("jane")}))
	}},
	{"revoke", func(l *leaky, c *client) {
		in := c.signIn("jane")
		l.try("RevokeToken", obj{"ClientId": c.id, "ClientSecret": c.secret, "Token": in["RefreshToken"]})
		l.try("GlobalSignOut", obj{"AccessToken": c.access("jane")})
		l.call("GetUser", obj{"AccessToken": in["AccessToken"]})
	}},
	{"new password", func(l *leaky, c *client) {
		l.try("AdminCreateUser", obj{
			"UserPoolId": l.pool, "Username": "fred", "TemporaryPassword": goodPass, "DesiredDeliveryMediums": list{"EMAIL"},
			"UserAttributes": attrs("email", "fred@example.com"),
		})
		l.try("RespondToAuthChallenge", c.newPassword("fred", obj{"SECRET_HASH": c.hash("fred")}))
	}},
	{"forgotten password", func(l *leaky, c *client) {
		l.try("ForgotPassword", c.forgotBody("jane"))
		hidden := l.server.client(l.pool, obj{"PreventUserExistenceErrors": "ENABLED"})
		l.advance(2 * time.Hour) // as the times that one may ask in an hour are used up
		l.try("ForgotPassword", hidden.forgotBody("jane"))
		l.advance(2 * time.Hour)
		l.ok("ForgotPassword", c.forgotBody("jane"))
		l.call("ConfirmForgotPassword", c.resetBody("jane", "987650", otherPass))
		l.try("ConfirmForgotPassword", c.resetBody("jane", l.outbox.LastCode("jane"), goodPass))
	}},
	{"change of a password", func(l *leaky, c *client) {
		l.try("ChangePassword", obj{"AccessToken": c.access("jane"), "PreviousPassword": goodPass, "ProposedPassword": goodPass})
	}},
	{"attributes", func(l *leaky, c *client) {
		access := c.access("jane")
		l.try("UpdateUserAttributes", obj{"AccessToken": access, "UserAttributes": attrs("email", "jane2@example.com")})
		l.try("GetUserAttributeVerificationCode", obj{"AccessToken": access, "AttributeName": "email"})
		l.try("VerifyUserAttribute", obj{"AccessToken": access, "AttributeName": "email", "Code": l.outbox.LastCode("jane2@example.com")})
		l.try("GetUser", obj{"AccessToken": access})
		l.try("DeleteUserAttributes", obj{"AccessToken": access, "UserAttributeNames": list{"name"}})
	}},
	{"authenticator app", func(l *leaky, c *client) {
		access := c.access("jane")
		l.call("AssociateSoftwareToken", obj{"AccessToken": access + "x"})
		key, err := mfa.ParseSecret(str(l.t, l.ok("AssociateSoftwareToken", obj{"AccessToken": access}), "SecretCode"))
		if err != nil {
			l.t.Fatal(err)
		}
		l.try("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": key.Code(l.now())})
		l.try("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": obj{"Enabled": true, "PreferredMfa": true}})
		l.advance(mfa.Period)
		in := l.ok("InitiateAuth", c.passwordAuth("jane", goodPass))
		l.try("RespondToAuthChallenge", c.respond("SOFTWARE_TOKEN_MFA", str(l.t, in, "Session"),
			obj{"USERNAME": "jane", "SOFTWARE_TOKEN_MFA_CODE": key.Code(l.now()), "SECRET_HASH": c.hash("jane")}))
		l.try("AdminSetUserMFAPreference", obj{"UserPoolId": l.pool, "Username": "jane", "SoftwareTokenMfaSettings": obj{"Enabled": false}})
	}},
	{"codes by SMS", func(l *leaky, c *client) {
		l.made(l.pool, "pat", "phone_number", "+15550100123", "phone_number_verified", "true")
		l.try("AdminSetUserMFAPreference", obj{"UserPoolId": l.pool, "Username": "pat", "SMSMfaSettings": obj{"Enabled": true}})
		in := l.try("InitiateAuth", c.passwordAuth("pat", goodPass))
		code := l.outbox.Messages(func(m *identity.Message) bool { return m.Kind == identity.MessageFactorCode })
		l.try("RespondToAuthChallenge", c.respond("SMS_MFA", str(l.t, in, "Session"),
			obj{"USERNAME": "pat", "SMS_MFA_CODE": string(code[len(code)-1].Code), "SECRET_HASH": c.hash("pat")}))
	}},
	{"operators' calls", func(l *leaky, _ *client) {
		l.made(l.pool, "rita", "email", "rita@example.com", "email_verified", "true")
		name := obj{"UserPoolId": l.pool, "Username": "rita"}
		l.try("AdminSetUserPassword", with(name, obj{"Password": otherPass, "Permanent": true}))
		l.try("AdminUpdateUserAttributes", with(name, obj{"UserAttributes": attrs("email", "rita2@example.com", "email_verified", "true")}))
		l.try("AdminResetUserPassword", name)
		l.try("AdminUserGlobalSignOut", name)
		l.try("AdminGetUser", name)
	}},
	{"client secrets", func(l *leaky, _ *client) {
		made := l.try("CreateUserPoolClient", obj{"UserPoolId": l.pool, "ClientName": "c", "GenerateSecret": true})
		id := str(l.t, made, "UserPoolClient", "ClientId")
		l.try("DescribeUserPoolClient", obj{"UserPoolId": l.pool, "ClientId": id})
		l.try("AddUserPoolClientSecret", obj{"UserPoolId": l.pool, "ClientId": id})
		l.call("AddUserPoolClientSecret", obj{"UserPoolId": l.pool, "ClientId": id, "ClientSecret": ownSecret})
		l.try("ListUserPoolClientSecrets", obj{"UserPoolId": l.pool, "ClientId": id})
	}},
	{"rotation", func(l *leaky, c *client) {
		made := l.ok("CreateUserPoolClient", obj{
			"UserPoolId": l.pool, "ClientName": "r", "GenerateSecret": true,
			"ExplicitAuthFlows": list{"ALLOW_USER_PASSWORD_AUTH"}, "RefreshTokenRotation": obj{"Feature": "ENABLED", "RetryGracePeriodSeconds": 60},
		})
		r := &client{server: l.server, pool: l.pool, id: str(l.t, made, "UserPoolClient", "ClientId"), secret: str(l.t, made, "UserPoolClient", "ClientSecret")}
		l.try("GetTokensFromRefreshToken", obj{"ClientId": r.id, "ClientSecret": r.secret, "RefreshToken": r.refresh("jane")})
	}},
	{"access keys", func(l *leaky, c *client) {
		key, secret, err := l.engine.AccessKeys().Create(l.t.Context(), "k", nil)
		if err != nil {
			l.t.Fatal(err)
		}
		l.passed.add(`{"Token":"` + string(secret) + `"}`)
		l.signedBy(key.ID, "AdminGetUser", obj{"UserPoolId": l.pool, "Username": "jane"})
		l.signedBy(string(secret), "AdminGetUser", obj{"UserPoolId": l.pool, "Username": "jane"}) // by mistake
	}},
	{"requests that are none", func(l *leaky, c *client) {
		l.call("CreateUserPool", obj{"PoolName": "p", "AutoVerifiedAttributes": list{"phone_number"}})
		access := c.access("jane")
		l.call("GetUser", `{"AccessToken":["`+access+`"]}`)
		l.call("GetUser", `{"AccessToken":"`+access)
		l.call("SignUp", c.signUpBody("joe", "email", goodPass))
		l.call("SignUp", with(c.signUpBody("joe"), obj{"Password": strings.Repeat(otherPass, 100)}))
		l.call("RespondToAuthChallenge", c.respond("NO_SUCH", access, obj{"ANSWER": goodPass}))
		l.store.at, l.store.how = 1, "error"
		l.get("/" + l.pool + "/.well-known/jwks.json")
	}},
}

// signedBy makes a call with a signature that is wrong, on a handler that verifies them.
func (l *leaky) signedBy(key, op string, body obj) {
	h := cognito.NewHandler(l.engine, &cognito.Options{VerifySignatures: true, Logger: l.logger(), Clock: l.now})
	r := l.request(op, body)
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIDEXAMPLE", key, 1))
	r.Header.Set("X-Amz-Date", l.now().Format("20060102T150405Z"))
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// Whatever users, clients and operators keep secret is in no log, in no form, whatever
// fails. Each flow must have logged something, so that there was something to look at.
func TestNoFlowLogsASecret(t *testing.T) {
	if testing.Short() {
		t.Skip("tries each flow in many ways")
	}
	l := newLeaky(t)
	for _, f := range leakFlows {
		f.run(l, l.client)
		lines := strings.Count(l.log.String(), "\n")
		if lines == l.lines {
			t.Errorf("%s: nothing was logged", f.name)
		}
		l.lines = lines
	}
	log := l.log.String()
	for _, want := range []string{
		"the disk is gone", "the store is on fire", "panic in a handler", "mailbox full", "the relay took",
		"an operator's call was refused", "refused, as Amazon Cognito refuses it",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q: it was not tried", want)
		}
	}
	l.passed.addMessages(l.outbox.Messages(nil))
	for _, name := range append(slices.Clone(secretMembers), "Body") {
		if !l.passed.has(name) {
			t.Errorf("no %s has passed", name)
		}
	}
	// What the log has is looked at after each test, see newServerWith.
}

// The search of the test above finds a secret in each form.
func TestSecretsInALogAreFound(t *testing.T) {
	var c collection
	c.add(`{"AuthParameters":{"PASSWORD":"pass <w>/ord?"}}`)
	for _, line := range []string{
		"pass <w>/ord?", `{"a":"pass \u003cw\u003e/ord?"}`, "q=pass+%3Cw%3E%2Ford%3F", "70617373203c773e2f6f72643f",
		base64.StdEncoding.EncodeToString([]byte("pass <w>/ord?")), base64.URLEncoding.EncodeToString([]byte("ab:pass <w>/ord? and more")),
	} {
		if len(c.leaksIn(line)) == 0 {
			t.Errorf("nothing is found in %s", line)
		}
	}
	if leaks := c.leaksIn("nothing is here"); len(leaks) > 0 {
		t.Errorf("found %q where nothing is", leaks)
	}
}

func TestLeaksOfCodesAreFound(t *testing.T) {
	for log, want := range map[string]bool{
		"code=123456": true, "123456": true, `{"code":"123456"}`: true, "your code is 123456.": true, "/confirm/123456?": true,
		"0xc000123456": false, "goroutine 1234567": false, "4f123456-aa": false, "12345": false, "9123456 123456": true,
	} {
		if got := holds(log, "123456"); got != want {
			t.Errorf("%q: %t, want %t", log, got, want)
		}
	}
	if !holds("xsecret1", "secret") {
		t.Error("a text within another is not found")
	}
}
