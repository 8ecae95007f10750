// Command embed is a web app with the engine inside: sign-up, sign-in with an authenticator
// app, recovery. There is no JavaScript, no second process, and no token in a browser.
//
// No page says who has an account. Two things still tell it to whoever measures:
// a sign-up with a known address takes no time for a hash, and a sign-in by a
// password that was just signed up with is locked out only if the address was known.
package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/cognate-id/cognate/examples/internal/web"
	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

//go:embed pages.html
var pages string

type request = web.Request[visit]

// A visit is a browser that is signed in, for the life of its access token: an hour. It never leaves the server.
type visit struct {
	tokens  *identity.Tokens
	Session *identity.Session // of this request: an ended sign-in is over at once
	Key     mfa.Secret        // of an authenticator app that is being set up
}

// settings are the pool's when it is made: users have no name but their address.
var settings = identity.PoolSettings{UsernameAttributes: []string{"email"}, MFA: identity.MFAOptional, TOTP: new(true)}

func main() { web.Main("users.db", run) }

func run(ctx context.Context, file string, o web.Options) error {
	keys, err := sealed.OpenKeyFile(file + ".key") // made by the first run: keep a copy of it
	if err != nil {
		return err
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	engine := identity.New(sealed.New(db, keys, identity.Tables()), &identity.Options{
		Sender: identity.InsecureLogSender{}, // stands in for mail: codes appear in the log
	})
	pool, err := engine.OpenUserPool(ctx, "main", &settings)
	if err != nil {
		return err
	}
	go engine.Maintain(ctx)
	return newSite(pool, o).Serve(ctx)
}

// newSite makes the pages of all forms, and does what visitors ask for.
func newSite(pool *identity.UserPool, o web.Options) *web.Site[visit] {
	s := web.New[visit]("Cognate example", pages, problems, o)
	s.Pages("sign-up", "confirm", "sign-in", "forgot", "reset")
	s.Form("/sign-up", "sign-up", func(q *request) (next string, err error) {
		in := identity.SignUp{Username: q.Text("email"), Password: identity.Secret(q.Text("password"))}
		_, err = pool.SignUp(q.Context(), in)
		return "/confirm", err
	}, "email", "password")
	s.Form("/confirm", "confirm", func(q *request) (next string, err error) {
		in := identity.ConfirmSignUp{Username: q.Text("email"), Code: identity.Secret(q.Text("code"))}
		return "/sign-in?note=confirmed", pool.ConfirmSignUp(q.Context(), in)
	}, "email", "code")
	s.Form("/resend", "confirm", func(q *request) (next string, err error) {
		_, err = pool.ResendConfirmationCode(q.Context(), q.Text("email"), "")
		return "/confirm?note=sent", err
	}, "email")
	// region signin
	s.Form("/sign-in", "sign-in", func(q *request) (next string, err error) {
		in := identity.SignIn{Username: q.Text("email"), Password: identity.Secret(q.Text("password"))}
		res, err := pool.SignIn(q.Context(), in)
		return proceed(q, res, err)
	}, "email", "password")
	// endregion
	s.Form("/factor", "factor", func(q *request) (next string, err error) {
		res, err := pool.TOTP("", q.Text("state")).Answer(q.Context(), identity.FactorCode{Code: identity.Secret(q.Text("code"))})
		return proceed(q, res, err)
	}, "code")
	s.Form("/forgot", "forgot", func(q *request) (next string, err error) {
		_, err = pool.ForgotPassword(q.Context(), q.Text("email"), "")
		return "/reset?note=sent", err
	}, "email")
	s.Form("/reset", "reset", func(q *request) (next string, err error) {
		in := identity.ConfirmForgotPassword{Username: q.Text("email"), Code: identity.Secret(q.Text("code")), Password: identity.Secret(q.Text("password"))}
		return "/sign-in?note=reset", pool.ConfirmForgotPassword(q.Context(), in)
	}, "email", "code", "password")
	members(s, pool)
	return s
}

// region proceed
// proceed handles the result of a sign-in step: it shows the page of the next step, or
// begins the web session (a visit).
func proceed(q *request, res *identity.SignInResult, err error) (next string, _ error) {
	if err != nil {
		return "", err
	}
	switch c := res.Challenge.(type) {
	case nil:
		q.Begin(visit{tokens: res.Tokens}, res.Tokens.ExpiresIn)
		return "/", nil
	case *identity.TOTPRequired:
		return "", q.Show("factor", "state", c.State())
	}
	return "", fmt.Errorf("there is no page for a %T", res.Challenge)
}

// endregion

// members adds what users may do who are signed in.
func members(s *web.Site[visit], pool *identity.UserPool) {
	s.Check = func(ctx context.Context, v *visit) (err error) {
		v.Session, err = pool.Session(ctx, v.tokens.Access)
		return err
	}
	s.MemberPage("/{$}", "home")
	s.MemberPage("/app", "app")
	s.MemberForm("/app", "home", func(q *request) (next string, err error) {
		q.Visit.Key, err = q.Visit.Session.EnrollTOTP(q.Context())
		return "/app", err
	})
	s.MemberForm("/app/verify", "app", func(q *request) (next string, err error) {
		if err = q.Visit.Session.VerifyTOTP(q.Context(), identity.Secret(q.Text("code")), ""); err != nil {
			return "", err
		}
		q.Visit.Key = nil
		on := identity.MFAUpdate{identity.MFATOTP: {Enabled: true, Preferred: true}}
		return "/?note=app", q.Visit.Session.SetMFA(q.Context(), on)
	}, "code")
	s.MemberForm("/sign-out", "home", func(q *request) (next string, err error) {
		q.End()
		return "/sign-in?note=out", pool.Revoke(q.Context(), q.Visit.tokens.Refresh, "")
	})
}

// problems are the errors that users can do something about, in words. Told apart, the
// two of the first row would tell who has an account: sign up with an address, then in.
var problems = []web.Problem{
	web.At("password", "The address or the password is wrong, or the address was not confirmed yet.", identity.ErrIncorrectCredentials, identity.ErrUserNotConfirmed),
	web.Onward("/confirm", identity.ErrUsernameExists), // who has an account is nobody's business
	web.Onward("/sign-in?note=again", identity.ErrSessionInvalid, identity.ErrSessionExpired, identity.ErrSessionUsed),
	web.TooMany("There were too many wrong tries. Wait a while, then try again.", identity.ErrTooManyAttempts),
	web.TooMany("There were too many tries. Wait an hour, then try again.", identity.ErrLimitExceeded),
	web.At("password", "Choose a password of 15 to 256 characters that neither begins nor ends with a space.", identity.ErrInvalidPassword),
	web.At("email", "Enter an e-mail address, such as name@example.com.", identity.ErrInvalidParameter),
	web.At("code", "This code is wrong or too old. Look for the newest message.", identity.ErrCodeMismatch, identity.ErrCodeExpired),
	web.At("code", "This code is wrong. Enter the one that the app shows now.", identity.ErrMFACodeMismatch, identity.ErrTOTPMismatch),
	web.At("code", "This code was used before. Wait until the app shows the next one.", identity.ErrTOTPUsed),
}
