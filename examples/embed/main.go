// Command embed is a web app with the engine inside: sign-up, sign-in with a passkey or with an authenticator
// app, recovery, an account page. There is no second process, and no token in a browser.
//
// No page says who has an account. The pages are in pages.html, the logo too, and the
// colours in brand.css.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

//go:embed pages.html
var pages string

//go:embed brand.css
var brand string // the colours

// settings are the pool's when it is made: users have no name but their address.
var settings = identity.PoolSettings{
	UsernameAttributes: []string{"email"}, MFA: identity.MFAOptional, TOTP: new(true),
	FirstFactors: []identity.FirstFactor{identity.FirstPassword, identity.FirstPasskey},
}

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	file := flag.String("file", "users.db", "where users are kept")
	domain := flag.String("domain", "localhost", "the domain of the site: its passkeys work there only")
	reset := flag.String("reset-app", "", "forget the authenticator app of this address, sign the user out everywhere, and end")
	https := flag.Bool("https", false, "browsers come by https, through a proxy: cookies go nowhere else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *file, *domain, *reset, &web.Options{InsecureHTTP: !*https}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, file, domain, reset string, o *web.Options) error {
	// region open
	keys, err := sealed.OpenKeyFile(file + ".key") // made by the first run: keep a copy of it
	if err != nil {
		return err
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	catalog := identity.Tables().With(web.Tables()...)
	store := sealed.New(db, keys, catalog)
	engine := identity.New(store, &identity.Options{
		Catalog:      catalog,
		Sender:       identity.InsecureLogSender{}, // stands in for mail: codes appear in the log
		RelyingParty: domain,                       // passkeys are bound to it
	})
	pool, _, err := engine.EnsureUserPool(ctx, "main", &settings)
	if err != nil {
		return err
	}
	visits := web.NewVisits(pool, store, o)
	// endregion
	if err := allowPasskeys(ctx, pool); err != nil {
		return err
	}
	if reset != "" {
		return pool.Admin().Users().ResetMFA(ctx, reset)
	}
	site, err := newSite(pool, visits)
	if err != nil {
		return err
	}
	go engine.Maintain(ctx)
	server := &http.Server{Addr: addr, Handler: site, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // each change is in the file before it is answered
	log.Printf("open http://%s", addr)
	if err = server.ListenAndServe(); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// allowPasskeys lets sign-ins of the pool's own client begin with a passkey.
func allowPasskeys(ctx context.Context, pool *identity.UserPool) error {
	_, err := pool.Admin().Clients().Update(ctx, pool.ClientID(), func(c *identity.ClientSettings) error {
		c.AuthFlows = []identity.AuthFlow{identity.AllowUser, identity.AllowUserPassword, identity.AllowRefresh}
		return nil
	})
	return err
}

// newSite makes the pages of all forms, and does what visitors ask for.
func newSite(pool *identity.UserPool, visits *web.Visits) (*web.Site, error) {
	s, err := web.NewSite(visits, "Cognate example", pages, &web.SiteOptions{Style: brand, Problems: []web.Problem{
		web.Onward("/confirm", identity.ErrUsernameExists), // who has an account is nobody's business
		web.Onward("/sign-in?note=again", identity.ErrSessionInvalid, identity.ErrSessionExpired, identity.ErrSessionUsed),
	}})
	if err != nil {
		return nil, err
	}
	for _, page := range []string{"sign-up", "confirm", "sign-in", "forgot", "reset", "lost"} {
		s.Page("/"+page, page)
	}
	s.Form("/sign-up", "sign-up", func(q *web.Request) (next string, err error) {
		in := identity.SignUp{Username: q.Text("email"), Password: q.Secret("new-password")}
		_, err = pool.SignUp(q.Context(), in)
		return "/confirm", err
	}, "email", "new-password")
	s.Form("/confirm", "confirm", func(q *web.Request) (next string, err error) {
		in := identity.ConfirmSignUp{Username: q.Text("email"), Code: q.Secret("code")}
		return "/sign-in?note=confirmed", pool.ConfirmSignUp(q.Context(), in)
	}, "email", "code")
	s.Form("/resend", "confirm", func(q *web.Request) (next string, err error) {
		_, err = pool.ResendConfirmationCode(q.Context(), q.Text("email"), "")
		return "/confirm?note=sent", err
	}, "email")
	// region signin
	s.Form("/sign-in", "sign-in", func(q *web.Request) (next string, err error) {
		in := identity.SignIn{Username: q.Text("email"), Password: q.Secret("current-password")}
		res, err := pool.SignIn(q.Context(), in)
		return proceed(q, res, err)
	}, "email", "current-password")
	// endregion
	s.Form("/factor", "factor", func(q *web.Request) (next string, err error) {
		res, err := pool.TOTP("", q.Text("state")).Answer(q.Context(), identity.FactorCode{Code: q.Secret("code")})
		return proceed(q, res, err)
	}, "code")
	s.Form("/passkey", "sign-in", func(q *web.Request) (next string, err error) {
		in := identity.BeginSignIn{Username: q.Text("email"), Preferred: identity.FirstPasskey}
		res, err := pool.Begin(q.Context(), in)
		return proceed(q, res, err)
	}, "email")
	s.Form("/passkey/use", "passkey", func(q *web.Request) (next string, err error) {
		in := identity.PasskeyAnswer{Credential: []byte(q.Text("credential"))}
		res, err := pool.Passkey("", q.Text("state")).Answer(q.Context(), in)
		return proceed(q, res, err)
	}, "credential")
	s.Form("/forgot", "forgot", func(q *web.Request) (next string, err error) {
		_, err = pool.ForgotPassword(q.Context(), q.Text("email"), "")
		return "/reset?note=sent", err
	}, "email")
	s.Form("/reset", "reset", func(q *web.Request) (next string, err error) {
		in := identity.ConfirmForgotPassword{Username: q.Text("email"), Code: q.Secret("code"), Password: q.Secret("new-password")}
		return "/sign-in?note=reset", pool.ConfirmForgotPassword(q.Context(), in)
	}, "email", "code", "new-password")
	members(s, pool)
	return s, nil
}

// region proceed
// proceed handles the result of a sign-in step: it shows the page of the next step, or
// begins the visit of the browser.
func proceed(q *web.Request, res *identity.SignInResult, err error) (next string, _ error) {
	if err != nil {
		return "", err
	}
	switch c := res.Challenge.(type) {
	case nil:
		return "/", q.Begin(res.Tokens)
	case *identity.TOTPRequired:
		return "", q.Show("factor", "state", c.State())
	case *identity.PasskeyRequired:
		return "", q.ShowPasskey("passkey", c.Options, c.State())
	}
	return "", fmt.Errorf("there is no page for a %T", res.Challenge)
}

// endregion

// members adds what users may do who are signed in.
func members(s *web.Site, pool *identity.UserPool) {
	for path, page := range map[string]string{"/{$}": "home", "/passkeys": "passkeys", "/password": "password", "/delete": "delete"} {
		s.MemberPage(path, page)
	}
	s.MemberForm("/app", "home", func(q *web.Request) (next string, err error) {
		key, err := q.Visit.Session.EnrollTOTP(q.Context())
		if err != nil {
			return "", err
		}
		return "", q.Show("app", "key", key.Text())
	})
	s.MemberForm("/app/verify", "app", func(q *web.Request) (next string, err error) {
		if err = q.Visit.Session.VerifyTOTP(q.Context(), q.Secret("code"), ""); err != nil {
			return "", err
		}
		on := identity.MFAUpdate{identity.MFATOTP: {Enabled: true, Preferred: true}}
		return "/?note=app", q.Visit.Session.SetMFA(q.Context(), on)
	}, "code")
	// region passkeys
	s.MemberForm("/passkeys/new", "passkeys", func(q *web.Request) (next string, err error) {
		options, err := q.Visit.Session.StartPasskey(q.Context())
		if err != nil {
			return "", err
		}
		return "", q.ShowPasskey("new-passkey", options, "")
	})
	s.MemberForm("/passkeys/add", "new-passkey", func(q *web.Request) (next string, err error) {
		_, err = q.Visit.Session.FinishPasskey(q.Context(), []byte(q.Text("credential")))
		return "/passkeys?note=added", err
	}, "credential")
	s.MemberForm("/passkeys/delete", "passkeys", func(q *web.Request) (next string, err error) {
		return "/passkeys?note=removed", q.Visit.Session.DeletePasskey(q.Context(), q.Text("id"))
	}, "id")
	// endregion
	s.MemberForm("/password", "password", func(q *web.Request) (next string, err error) {
		return "/?note=password", q.Visit.Session.ChangePassword(q.Context(), q.Secret("current-password"), q.Secret("new-password"))
	}, "current-password", "new-password")
	// region out
	s.MemberForm("/sign-out", "home", func(q *web.Request) (next string, err error) { return "/sign-in?note=out", q.End() })
	s.MemberForm("/sign-out-everywhere", "home", func(q *web.Request) (next string, err error) { return "/sign-in?note=everywhere", q.EndEverywhere() })
	// endregion
	s.MemberForm("/delete", "delete", func(q *web.Request) (next string, err error) {
		in := identity.SignIn{Username: q.Visit.Session.Claims().Username, Password: q.Secret("current-password")}
		if _, err := pool.SignIn(q.Context(), in); err != nil { // the password was right, whatever comes next
			return "", err
		}
		if err := q.Visit.Session.Delete(q.Context()); err != nil {
			return "", err
		}
		return "/sign-up?note=deleted", q.End()
	}, "current-password")
}
