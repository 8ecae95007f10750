// Command embed is a web app with the engine inside: pages that sign users up,
// in and out, ask for the code of an authenticator app, and recover a forgotten
// password. There is no JavaScript, no second process, and no token in a browser.
//
// This file is what visitors may do, member.go what users may do who are signed
// in, and web.go what has nothing to do with the engine: forms, cookies, headers.
//
// No page says who has an account. Two things still tell it to whoever measures:
// a sign-up with a known address takes no time for a hash, and a sign-in by a
// password that was just signed up with is locked out only if the address was known.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/bolt"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	file := flag.String("file", "users.db", "where users are kept")
	https := flag.Bool("https", false, "browsers come by https, through a proxy: cookies go nowhere else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *file, *https); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, file string, https bool) error {
	db, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	engine := identity.New(db, nil) // without a Sender, codes appear in the log
	a, err := newApp(ctx, engine, https)
	if err != nil {
		return err
	}
	go engine.Maintain(ctx)
	server := &http.Server{Addr: addr, Handler: a.routes(), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("open http://%s", addr)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.Background())
	}
}

func newApp(ctx context.Context, engine *identity.Engine, https bool) (*app, error) {
	pool, err := engine.OpenUserPool(ctx, "main", &identity.PoolSettings{
		UsernameAttributes: []string{"email"}, // users have no other name
		MFA:                "OPTIONAL", TOTP: true,
	})
	return &app{pool: pool, https: https, visits: visits{byID: map[string]visit{}}}, err
}

func (a *app) signUp(w http.ResponseWriter, r *http.Request) (next string, err error) {
	in := identity.SignUp{Username: r.PostFormValue("email"), Password: secret(r, "password")}
	if _, err = a.pool.SignUp(r.Context(), in); errors.Is(err, identity.ErrUsernameExists) {
		err = nil // who has an account is nobody's business
	}
	a.remember(w, in.Username)
	return "/confirm", err
}

func (a *app) confirm(_ http.ResponseWriter, r *http.Request) (next string, err error) {
	in := identity.ConfirmSignUp{Username: r.PostFormValue("email"), Code: secret(r, "code")}
	return "/sign-in?note=confirmed", a.pool.ConfirmSignUp(r.Context(), in)
}

func (a *app) resend(w http.ResponseWriter, r *http.Request) (next string, err error) {
	a.remember(w, r.PostFormValue("email"))
	_, err = a.pool.ResendConfirmationCode(r.Context(), r.PostFormValue("email"), "")
	return "/confirm?note=sent", err
}

// region signin
func (a *app) signIn(w http.ResponseWriter, r *http.Request) (next string, err error) {
	in := identity.SignIn{Username: r.PostFormValue("email"), Password: secret(r, "password")}
	res, err := a.pool.SignIn(r.Context(), in)
	if err != nil {
		a.remember(w, in.Username) // for the pages that help
		return "", err
	}
	return a.proceed(w, res)
}

// proceed does what comes after a step of a sign-in: the next step, or the visit.
func (a *app) proceed(w http.ResponseWriter, res *identity.SignInResult) (next string, err error) {
	switch c := res.Challenge.(type) {
	case nil:
		a.begin(w, res.Tokens)
		return "/", nil
	case *identity.TOTPRequired:
		(&page{State: c.State()}).write(w, http.StatusOK, "factor")
		return "", nil
	}
	return "", fmt.Errorf("there is no page for a %T", res.Challenge)
}

// endregion

func (a *app) factor(w http.ResponseWriter, r *http.Request) (next string, err error) {
	challenge := a.pool.TOTP("", r.PostFormValue("state"))
	res, err := challenge.Answer(r.Context(), identity.FactorCode{Code: secret(r, "code")})
	for _, over := range []error{identity.ErrSessionInvalid, identity.ErrSessionExpired, identity.ErrSessionUsed} {
		if errors.Is(err, over) {
			return "/sign-in?note=again", nil
		}
	}
	if err != nil {
		return "", err
	}
	return a.proceed(w, res)
}

func (a *app) forgot(w http.ResponseWriter, r *http.Request) (next string, err error) {
	a.remember(w, r.PostFormValue("email"))
	_, err = a.pool.ForgotPassword(r.Context(), r.PostFormValue("email"), "")
	return "/reset?note=sent", err
}

func (a *app) reset(_ http.ResponseWriter, r *http.Request) (next string, err error) {
	in := identity.ConfirmForgotPassword{
		Username: r.PostFormValue("email"), Code: secret(r, "code"), Password: secret(r, "password"),
	}
	return "/sign-in?note=reset", a.pool.ConfirmForgotPassword(r.Context(), in)
}
