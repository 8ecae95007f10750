package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
	"github.com/cognate-id/cognate/store/memory"
)

// must ends an example that cannot go on.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// newPool makes a pool in memory, with cheap password hashes, which only tests may have,
// and keys of an elliptic curve, which are made at once.
func newPool(ctx context.Context, settings *identity.PoolSettings) (*identity.UserPool, *identity.Outbox) {
	outbox := identity.NewOutbox(0)
	engine := identity.New(memory.New(), &identity.Options{Sender: outbox, InsecureCheapHashing: true})
	if settings == nil {
		settings = new(identity.PoolSettings)
	}
	settings.Algorithm = "ES256"
	pool, err := engine.OpenUserPool(ctx, "main", settings)
	must(err)
	return pool, outbox
}

// addUser makes a confirmed user who has a password.
func addUser(ctx context.Context, pool *identity.UserPool, name string, password identity.Secret, attributes map[string]string) {
	users := pool.Admin().Users()
	_, err := users.Create(ctx, identity.CreateUser{Username: name, Attributes: attributes, SuppressInvitation: true})
	must(err)
	must(users.SetPassword(ctx, name, password, true))
}

// newClient makes an app client whose users choose how they sign in.
func newClient(ctx context.Context, pool *identity.UserPool) *identity.AppClient {
	client, err := pool.Admin().Clients().Create(ctx, &identity.ClientSettings{Name: "web", AuthFlows: []identity.AuthFlow{identity.AllowUser, identity.AllowRefresh}})
	must(err)
	return pool.Client(client.ID)
}

const examplePassword = "correct horse battery staple"

func ExampleNew() {
	ctx := context.Background()
	engine := identity.New(memory.New(), &identity.Options{
		Sender: identity.NewOutbox(0), // delivers codes; a real program sends mail here
	})
	pool, err := engine.OpenUserPool(ctx, "main", nil) // makes the pool, or finds it again
	must(err)
	fmt.Println(len(pool.PoolID()) > 0)
	// Output: true
}

func ExampleEngine_Maintain() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	engine := identity.New(memory.New(), nil)
	go engine.Maintain(ctx) // removes expired records until ctx ends
}

// With an outbox, a message is in the store once the call has returned. Maintain sends it.
func ExampleOutboxOptions() {
	ctx := context.Background()
	sent := identity.NewOutbox(0) // a real program sends mail here
	engine := identity.New(memory.New(), &identity.Options{Sender: sent, Outbox: &identity.OutboxOptions{MaxAge: time.Hour}, InsecureCheapHashing: true})
	pool, err := engine.OpenUserPool(ctx, "main", nil)
	must(err)
	_, err = pool.SignUp(ctx, identity.SignUp{Username: "alice", Password: examplePassword, Attributes: map[string]string{"email": "alice@example.com"}})
	must(err)
	for m, err := range pool.Admin().Messages().List(ctx) {
		must(err)
		fmt.Println("waits:", m.Kind, "to", m.To)
	}
	n, err := engine.SendDue(ctx) // in a server, Maintain does so all the time
	must(err)
	fmt.Println(n, "sent,", len(sent.LastCode("alice")), "digits")
	// Output:
	// waits: SignUp to alice@example.com
	// 1 sent, 6 digits
}

func ExampleAppClient_SignUp() {
	ctx := context.Background()
	pool, outbox := newPool(ctx, nil)

	res, err := pool.SignUp(ctx, identity.SignUp{
		Username: "alice", Password: examplePassword,
		Attributes: map[string]string{"email": "alice@example.com"},
	})
	must(err)
	fmt.Println("confirmed:", res.Confirmed, "code sent to:", res.Delivery.Destination)

	code := outbox.LastCode("alice@example.com") // what the user reads in her mail
	must(pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: identity.Secret(code)}))
	// Output: confirmed: false code sent to: a***@e***
}

func ExampleAppClient_SignIn() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, nil)

	res, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: examplePassword})
	must(err)
	switch c := res.Challenge.(type) {
	case nil:
		fmt.Println("tokens for", res.Tokens.ExpiresIn)
	case *identity.NewPasswordRequired:
		fmt.Println("choose a password; also wanted:", c.Required)
	case *identity.TOTPRequired:
		fmt.Println("enter the code of your app")
	default:
		fmt.Printf("a %T, which this program has no page for\n", c)
	}

	_, err = pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: "a wrong password"})
	fmt.Println(errors.Is(err, identity.ErrIncorrectCredentials))
	// Output:
	// tokens for 1h0m0s
	// true
}

// A pool lets users begin with other factors than a password. The user chooses one, and proves it.
func ExampleAppClient_Begin() {
	ctx := context.Background()
	pool, outbox := newPool(ctx, &identity.PoolSettings{FirstFactors: []identity.FirstFactor{identity.FirstPassword, identity.FirstEmailOTP}})
	addUser(ctx, pool, "alice", examplePassword, map[string]string{"email": "alice@example.com", "email_verified": "true"})
	app := newClient(ctx, pool)

	res, err := app.Begin(ctx, identity.BeginSignIn{Username: "alice"})
	must(err)
	choice := res.Challenge.(*identity.FirstFactorRequired)
	fmt.Println("choose one of", choice.Available)

	res, err = choice.Answer(ctx, identity.FirstChoice{Factor: identity.FirstEmailOTP})
	must(err)
	mailed := res.Challenge.(*identity.EmailOTPRequired)
	fmt.Println("enter the code that was sent to", mailed.Delivery.Destination)

	_, err = mailed.Answer(ctx, identity.FactorCode{Code: "wrong"})
	fmt.Println("try again:", errors.Is(err, identity.ErrCodeMismatch))

	code := outbox.LastCode("alice@example.com") // what the user reads in her mail
	res, err = mailed.Answer(ctx, identity.FactorCode{Code: identity.Secret(code)})
	must(err)
	fmt.Println("tokens for", res.Tokens.ExpiresIn)
	// Output:
	// choose one of [PASSWORD EMAIL_OTP]
	// enter the code that was sent to a***@e***
	// try again: true
	// tokens for 1h0m0s
}

// A user who is signed in registers a passkey, and signs in with it the next time. What authenticator does here, browsers
// do with navigator.credentials.
func ExamplePasskeyRequired() {
	ctx := context.Background()
	pool, _ := newPool(ctx, &identity.PoolSettings{
		FirstFactors: []identity.FirstFactor{identity.FirstPassword, identity.FirstPasskey},
		Passkeys:     &identity.PasskeySettings{RelyingParty: new("example.com")},
	})
	addUser(ctx, pool, "alice", examplePassword, nil)
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: examplePassword})
	must(err)
	session, err := pool.Session(ctx, in.Tokens.Access)
	must(err)
	var authenticator webauthntest.Authenticator

	creation, err := session.StartPasskey(ctx)
	must(err)
	options, err := json.Marshal(creation) // to the page
	must(err)
	answer, err := authenticator.Create("https://example.com", options)
	must(err)
	passkey, err := session.FinishPasskey(ctx, answer) // from the page
	must(err)
	fmt.Println("registered for", passkey.RelyingParty)

	app := newClient(ctx, pool)
	res, err := app.Begin(ctx, identity.BeginSignIn{Username: "alice", Preferred: identity.FirstPasskey})
	must(err)
	asked := res.Challenge.(*identity.PasskeyRequired)
	options, err = json.Marshal(asked.Options) // to the page
	must(err)
	answer, err = authenticator.Get("https://example.com", options)
	must(err)
	res, err = asked.Answer(ctx, identity.PasskeyAnswer{Credential: answer}) // from the page
	must(err)
	fmt.Println("tokens for", res.Tokens.ExpiresIn)
	// Output:
	// registered for example.com
	// tokens for 1h0m0s
}

func ExampleNewPasswordRequired() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	_, err := pool.Admin().Users().Create(ctx, identity.CreateUser{
		Username: "alice", TemporaryPassword: "a temporary password", SuppressInvitation: true,
	})
	must(err)

	res, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: "a temporary password"})
	must(err)
	state := res.Challenge.State() // a web page keeps it in a hidden field

	res, err = pool.NewPassword("alice", state).Answer(ctx, identity.NewPassword{Password: examplePassword})
	must(err)
	fmt.Println("signed in:", res.Tokens != nil)
	// Output: signed in: true
}

func ExampleSession() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, map[string]string{"name": "Alice Liddell"})
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: examplePassword})
	must(err)

	session, err := pool.Session(ctx, in.Tokens.Access) // verified, and not signed out since
	must(err)
	user, err := session.User()
	must(err)
	fmt.Println(user.Username, user.Attributes["name"])

	must(session.SignOutEverywhere(ctx))
	_, err = pool.Session(ctx, in.Tokens.Access)
	fmt.Println(errors.Is(err, identity.ErrAccessTokenRevoked))
	// Output:
	// alice Alice Liddell
	// true
}

func ExampleSession_RevokeSession() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, nil)
	var access identity.Secret
	for _, agent := range []string{"OldPhone/1", "NewPhone/1"} {
		call := identity.WithCall(ctx, identity.Call{UserAgent: agent})
		in, err := pool.SignIn(call, identity.SignIn{Username: "alice", Password: examplePassword})
		must(err)
		access = in.Tokens.Access
	}
	session, err := pool.Session(ctx, access)
	must(err)
	page, _, err := session.Sessions(ctx, identity.SessionQuery{})
	must(err)
	for _, s := range page {
		if s.Device == "OldPhone" {
			must(session.RevokeSession(ctx, identity.RevokeSession{ID: s.ID}))
		}
	}
	page, _, err = session.Sessions(ctx, identity.SessionQuery{})
	must(err)
	fmt.Println(len(page), page[0].Device, page[0].Current)
	// Output: 1 NewPhone true
}

func ExampleSession_EnrollTOTP() {
	ctx := context.Background()
	pool, _ := newPool(ctx, &identity.PoolSettings{MFA: "OPTIONAL", TOTP: new(true)})
	addUser(ctx, pool, "alice", examplePassword, nil)
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: examplePassword})
	must(err)
	session, err := pool.Session(ctx, in.Tokens.Access)
	must(err)

	key, err := session.EnrollTOTP(ctx)
	must(err)
	fmt.Println("show as a QR code:", len(key.URI("Example", "alice")) > 0)

	code := key.Code(time.Now()) // what the user's app shows
	must(session.VerifyTOTP(ctx, identity.Secret(code), "Alice's phone"))
	// Output: show as a QR code: true
}

func ExampleAppClient_Refresh() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, nil)
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: examplePassword})
	must(err)

	tokens, err := pool.Refresh(ctx, identity.Refresh{Token: in.Tokens.Refresh, Rotating: true}) // keep tokens.Refresh for the next time
	must(err)
	fmt.Println("a new access token:", tokens.Access != in.Tokens.Access)

	must(pool.Revoke(ctx, tokens.Refresh, "")) // signs this device out
	_, err = pool.Refresh(ctx, identity.Refresh{Token: tokens.Refresh, Rotating: true})
	fmt.Println(errors.Is(err, identity.ErrRefreshTokenRevoked))
	// Output:
	// a new access token: true
	// true
}

func ExampleAppClient_ForgotPassword() {
	ctx := context.Background()
	pool, outbox := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, map[string]string{"email": "alice@example.com", "email_verified": "true"})

	delivery, err := pool.ForgotPassword(ctx, "alice", "")
	must(err)
	fmt.Println("code sent to", delivery.Destination)

	must(pool.ConfirmForgotPassword(ctx, identity.ConfirmForgotPassword{
		Username: "alice", Code: identity.Secret(outbox.LastCode("alice@example.com")), Password: "another good password",
	}))
	// Output: code sent to a***@e***
}

func ExampleUsers_Page() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, map[string]string{"email": "alice@example.com"})
	addUser(ctx, pool, "bob", examplePassword, map[string]string{"email": "bob@example.com"})

	page, next, err := pool.Admin().Users().Page(ctx, identity.UserQuery{Filter: `email ^= "al"`, Limit: 10})
	must(err)
	for _, u := range page {
		fmt.Println(u.Username)
	}
	fmt.Println("more:", next != "")
	// Output:
	// alice
	// more: false
}

func ExampleGroups() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, nil)
	admin := pool.Admin()
	_, err := admin.Groups().Create(ctx, identity.GroupSettings{Name: "editors"})
	must(err)
	must(admin.Users().AddToGroup(ctx, "alice", "editors"))

	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: examplePassword})
	must(err)
	session, err := pool.Session(ctx, in.Tokens.Access)
	must(err)
	fmt.Println(session.Claims().Groups)
	// Output: [editors]
}

func ExamplePasswordError() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	_, err := pool.SignUp(ctx, identity.SignUp{
		Username: "alice", Password: "short", Attributes: map[string]string{"email": "alice@example.com"},
	})
	if e, ok := errors.AsType[*identity.PasswordError](err); ok {
		fmt.Println(e.Unmet)
	}
	// Output: [long enough]
}

func ExampleClients() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	clients := pool.Admin().Clients()
	info, err := clients.Create(ctx, &identity.ClientSettings{Name: "backend", GenerateSecret: true})
	must(err)
	secrets, err := clients.Secrets(ctx, info.ID)
	must(err)
	fmt.Println(info.Settings.Name, "secrets:", len(secrets))

	client := pool.Client(info.ID)
	fmt.Println(client.ClientID() == info.ID)
	// Output:
	// backend secrets: 1
	// true
}

func ExampleWithCall() {
	ctx := identity.WithCall(context.Background(), identity.Call{
		RequestID: "9b5a", UserAgent: "example/1.0",
	})
	fmt.Println(identity.CallFrom(ctx).RequestID)
	// Output: 9b5a
}

func ExampleAdmin_Events() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	addUser(ctx, pool, "alice", examplePassword, nil)
	_, _ = pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: "a wrong password"})

	failures := identity.EventQuery{Newest: true, Kinds: []identity.EventKind{identity.EventSignInFailed, identity.EventMFAFailed}}
	for ev, err := range pool.Admin().Events(ctx, failures) {
		must(err)
		fmt.Println(ev.Kind, ev.Failure, "through a", ev.Actor.Kind)
	}
	// Output: SignInFailed WrongPassword through a client
}

func ExampleJob() {
	count := identity.Job{Name: "count-pools", Every: time.Hour, Run: func(ctx context.Context, e *identity.Engine) error {
		n := 0
		for _, err := range e.UserPools(ctx, "", "") {
			if err != nil {
				return err
			}
			n++
		}
		fmt.Println("pools:", n)
		return nil
	}}
	engine := identity.New(memory.New(), &identity.Options{Jobs: []identity.Job{count}})

	ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer stop()
	engine.Maintain(ctx) // a program does this in a goroutine, until it ends
	// Output: pools: 0
}
