package cognito_test

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// pool makes a user pool and returns its id. A pool that sends codes to phone
// numbers gets the settings of SMS that the service asks for.
func (s *server) pool(settings obj) string {
	s.t.Helper()
	if verified, ok := settings["AutoVerifiedAttributes"].(list); ok && slices.Contains(verified, any("phone_number")) {
		settings = with(obj{"SmsConfiguration": smsSettings}, settings)
	}
	return str(s.t, s.ok("CreateUserPool", with(obj{"PoolName": "test"}, settings)), "UserPool", "Id")
}

// A client is an app client of a pool.
type client struct {
	*server
	pool, id, secret string
}

// client makes an app client that may sign in by password and by SRP.
func (s *server) client(pool string, settings obj) *client {
	s.t.Helper()
	out := s.ok("CreateUserPoolClient", with(obj{
		"UserPoolId": pool, "ClientName": "test",
		"ExplicitAuthFlows": list{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	}, settings))
	secret, _ := dig(out, "UserPoolClient", "ClientSecret").(string)
	return &client{server: s, pool: pool, id: str(s.t, out, "UserPoolClient", "ClientId"), secret: secret}
}

// hash is the proof of the client's secret that goes with a name; empty where it has none.
func (c *client) hash(name string) string {
	if c.secret == "" {
		return ""
	}
	return identity.SecretHash(identity.Secret(c.secret), name, c.id)
}

// attrs is a list of attributes, from names and values in turn.
func attrs(pairs ...string) list {
	out := list{}
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, obj{"Name": pairs[i], "Value": pairs[i+1]})
	}
	return out
}

// attrMap turns a list of attributes of an answer into a map.
func attrMap(t testing.TB, v any) map[string]string {
	t.Helper()
	out := map[string]string{}
	items, ok := v.(list)
	if !ok {
		t.Fatalf("no list of attributes: %v", v)
	}
	for _, item := range items {
		out[str(t, item, "Name")], _ = dig(item, "Value").(string)
	}
	return out
}

// signUp registers a user, whose password is goodPass.
func (c *client) signUp(name string, pairs ...string) obj {
	c.t.Helper()
	return c.ok("SignUp", c.signUpBody(name, pairs...))
}

func (c *client) signUpBody(name string, pairs ...string) obj {
	body := obj{"ClientId": c.id, "Username": name, "Password": goodPass, "UserAttributes": attrs(pairs...)}
	if h := c.hash(name); h != "" {
		body["SecretHash"] = h
	}
	return body
}

// confirm confirms a user by the code that was sent.
func (c *client) confirm(name, to string) {
	c.t.Helper()
	c.ok("ConfirmSignUp", c.confirmBody(name, c.outbox.LastCode(to)))
}

func (c *client) confirmBody(name, code string) obj {
	body := obj{"ClientId": c.id, "Username": name, "ConfirmationCode": code}
	if h := c.hash(name); h != "" {
		body["SecretHash"] = h
	}
	return body
}

// join signs a user up with an address and confirms.
func (c *client) join(name, email string) (sub string) {
	c.t.Helper()
	out := c.signUp(name, "email", email)
	c.confirm(name, email)
	return str(c.t, out, "UserSub")
}

// invited makes a user who has a temporary password, goodPass, and returns the sub.
func (s *server) invited(pool, name string, pairs ...string) (sub string) {
	s.t.Helper()
	out := s.ok("AdminCreateUser", obj{
		"UserPoolId": pool, "Username": name, "TemporaryPassword": goodPass, "MessageAction": "SUPPRESS",
		"UserAttributes": attrs(pairs...),
	})
	return attrMap(s.t, dig(out, "User", "Attributes"))["sub"]
}

// made makes a confirmed user with the password goodPass.
func (s *server) made(pool, name string, pairs ...string) (sub string) {
	s.t.Helper()
	sub = s.invited(pool, name, pairs...)
	s.ok("AdminSetUserPassword", obj{"UserPoolId": pool, "Username": sub, "Password": goodPass, "Permanent": true})
	return sub
}

// auth is the body of InitiateAuth, with the secret hash where the client has a secret.
func (c *client) auth(flow string, params obj) obj {
	p := with(obj{}, params)
	if name, ok := p["USERNAME"].(string); ok && c.secret != "" {
		if _, given := p["SECRET_HASH"]; !given {
			p["SECRET_HASH"] = c.hash(name)
		}
	}
	return obj{"ClientId": c.id, "AuthFlow": flow, "AuthParameters": p}
}

func (c *client) passwordAuth(name, password string) obj {
	return c.auth("USER_PASSWORD_AUTH", obj{"USERNAME": name, "PASSWORD": password})
}

// signIn signs a user in by password and returns the tokens.
func (c *client) signIn(name string) obj {
	c.t.Helper()
	out := c.ok("InitiateAuth", c.passwordAuth(name, goodPass))
	tokens, ok := out["AuthenticationResult"].(obj)
	if !ok {
		c.t.Fatalf("InitiateAuth of %s gave no tokens: %v", name, out)
	}
	return tokens
}

// access is an access token of a user who signs in.
func (c *client) access(name string) string {
	c.t.Helper()
	return str(c.t, c.signIn(name), "AccessToken")
}

// refresh is a refresh token of a user who signs in.
func (c *client) refresh(name string) string {
	c.t.Helper()
	return str(c.t, c.signIn(name), "RefreshToken")
}

// respond is the body of RespondToAuthChallenge.
func (c *client) respond(challenge, session string, responses obj) obj {
	body := obj{"ClientId": c.id, "ChallengeName": challenge, "ChallengeResponses": responses}
	if session != "" {
		body["Session"] = session
	}
	return body
}

// newPassword is the answer to a NEW_PASSWORD_REQUIRED challenge that a user was just asked.
func (c *client) newPassword(name string, responses obj) obj {
	c.t.Helper()
	session := str(c.t, c.ok("InitiateAuth", c.passwordAuth(name, goodPass)), "Session")
	return c.respond("NEW_PASSWORD_REQUIRED", session, with(obj{"USERNAME": name, "NEW_PASSWORD": otherPass}, responses))
}

const timestamp = "Sun Nov 22 09:05:07 UTC 2026"

// startSRP begins a sign-in by SRP; the function that it returns makes the answer.
func (c *client) startSRP(name string) (challenge obj, answer func(password string) obj) {
	c.t.Helper()
	exchange := srp.NewClient()
	challenge = c.ok("InitiateAuth", c.auth("USER_SRP_AUTH", obj{"USERNAME": name, "SRP_A": exchange.A()}))
	return challenge, func(password string) obj { return c.prove(exchange, challenge, password) }
}

func (c *client) prove(exchange *srp.Client, challenge obj, password string) obj {
	c.t.Helper()
	text := func(name string) string { return str(c.t, challenge, "ChallengeParameters", name) }
	block, err := base64.StdEncoding.DecodeString(text("SECRET_BLOCK"))
	if err != nil {
		c.t.Fatalf("SECRET_BLOCK is no base64: %v", err)
	}
	proof, err := exchange.Respond(srp.Challenge{
		PoolName: c.pool[len("us-east-1_"):], UserID: text("USER_ID_FOR_SRP"),
		Salt: text("SALT"), B: text("SRP_B"), SecretBlock: block,
	}, password, timestamp)
	if err != nil {
		c.t.Fatalf("answer the exchange: %v", err)
	}
	responses := obj{
		"USERNAME": text("USER_ID_FOR_SRP"), "TIMESTAMP": timestamp,
		"PASSWORD_CLAIM_SECRET_BLOCK": text("SECRET_BLOCK"),
		"PASSWORD_CLAIM_SIGNATURE":    base64.StdEncoding.EncodeToString(proof),
	}
	if c.secret != "" {
		responses["SECRET_HASH"] = c.hash(text("USER_ID_FOR_SRP"))
	}
	return c.respond("PASSWORD_VERIFIER", "", responses)
}

// A world is a pool with clients of each kind and a user in each state.
type world struct {
	*server
	pool   string
	open   *client // tells who exists
	hidden *client // PreventUserExistenceErrors
	keeper *client // has a secret
	subs   map[string]string
	bodies map[string]obj // of newAskedWorld
}

// newWorld has the users alice (confirmed), una (unconfirmed), dora (disabled),
// rita (must reset), rob (must reset, and has no password) and fred (must
// change the temporary password). The first caller makes them. Each caller gets a
// fork of that store with a server of its own.
func newWorld(t testing.TB) *world {
	t.Helper()
	return first.fork(t, makeWorld)
}

// newAskedWorld is a world, and the valid bodies of the requests to it, which no test changes.
func newAskedWorld(t testing.TB) (*world, map[string]obj) {
	t.Helper()
	w := asked.fork(t, func(t testing.TB) *world {
		w := newWorld(t)
		w.bodies = w.validBodies()
		return w
	})
	return w, w.bodies
}

// A nursery makes one world, for its first caller, that all others are forks of.
type nursery struct {
	mu   sync.Mutex
	made *world
}

var first, asked nursery

// fork is a fork of the store of the world that is made, with a server of its own.
func (n *nursery) fork(t testing.TB, makes func(testing.TB) *world) *world {
	t.Helper()
	made := n.world(t, makes)
	forked, err := made.store.Store.(store.Forker).Fork()
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.store.Store = forked
	for _, m := range slices.Backward(made.outbox.Messages(nil)) {
		if err := s.outbox.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	s.passed.bodies = made.passed.all()
	of := func(c *client) *client { return &client{server: s, pool: c.pool, id: c.id, secret: c.secret} }
	return &world{server: s, pool: made.pool, open: of(made.open), hidden: of(made.hidden), keeper: of(made.keeper), subs: maps.Clone(made.subs), bodies: maps.Clone(made.bodies)}
}

func (n *nursery) world(t testing.TB, makes func(testing.TB) *world) *world {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock() // also where making it fails
	if n.made == nil {
		n.made = makes(t)
	}
	return n.made
}

func makeWorld(t testing.TB) *world {
	t.Helper()
	s := newServer(t)
	w := &world{server: s, pool: s.pool(obj{"AutoVerifiedAttributes": list{"email"}}), subs: map[string]string{}}
	w.open = s.client(w.pool, nil)
	w.hidden = s.client(w.pool, obj{"PreventUserExistenceErrors": "ENABLED"})
	w.keeper = s.client(w.pool, obj{"GenerateSecret": true})
	for _, name := range []string{"alice", "dora", "rita", "rob"} {
		w.subs[name] = s.made(w.pool, name, "email", name+"@example.com", "email_verified", "true")
	}
	w.subs["una"] = str(t, w.open.signUp("una", "email", "una@example.com"), "UserSub")
	w.subs["fred"] = s.invited(w.pool, "fred", "email", "fred@example.com")
	s.ok("AdminDisableUser", obj{"UserPoolId": w.pool, "Username": "dora"})
	w.editUser("rita", func(u obj) { u["status"] = "RESET_REQUIRED" })
	w.editUser("rob", func(u obj) { u["status"] = "RESET_REQUIRED" })
	w.remove("credentials", w.pool, w.subs["rob"])
	return w
}

func (w *world) editUser(name string, change func(obj)) {
	w.t.Helper()
	w.edit("users", change, w.pool, w.subs[name])
}
