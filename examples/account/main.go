// Command account takes a user through the life of an account: sign-up with a mail of our
// own, a group, and an authenticator app as the second factor. It keeps users.db, users.key
// and the mails in a directory, which must be empty.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

const password = "correct horse battery staple"

// region sender

// A spool is a Sender. It writes each mail to a file, for a program that delivers them.
type spool string

func (dir spool) Send(ctx context.Context, m *identity.Message) error {
	if m.Medium != identity.MediumEmail {
		return fmt.Errorf("this program sends no %s", m.Medium)
	}
	text := fmt.Sprintf("To: %s\nSubject: %s\n\n%s\n", m.To, m.Subject, m.Body)
	return os.WriteFile(filepath.Join(string(dir), m.Time.Format("150405.000000000-")+string(m.Kind)), []byte(text), 0o600)
}

// endregion

func main() {
	if err := run(context.Background(), "."); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	keys, err := sealed.OpenKeyFile(filepath.Join(dir, "users.key"))
	if err != nil {
		return err
	}
	db, err := bolt.Open(filepath.Join(dir, "users.db"), nil)
	if err != nil {
		return err
	}
	store := sealed.New(db, keys, identity.Tables())
	defer store.Close()
	mails := spool(filepath.Join(dir, "mails"))
	if err := os.Mkdir(string(mails), 0o700); err != nil {
		return err
	}
	// region settings
	engine := identity.New(store, &identity.Options{Sender: mails})
	pool, err := engine.OpenUserPool(ctx, "main", &identity.PoolSettings{MFA: identity.MFAOptional, TOTP: new(true)})
	// endregion
	if err != nil {
		return err
	}
	if err := staff(ctx, pool); err != nil {
		return err
	}
	if err := join(ctx, pool, mails); err != nil {
		return err
	}
	if err := promote(ctx, pool, "alice"); err != nil {
		return err
	}
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		return err
	}
	session, err := pool.Session(ctx, in.Tokens.Access)
	if err != nil {
		return err
	}
	fmt.Println("groups:", session.Claims().Groups)
	if err := signOutElsewhere(ctx, session); err != nil {
		return err
	}
	app, err := enroll(ctx, session)
	if err != nil {
		return err
	}
	return signIn(ctx, pool, app)
}

// join signs Alice up. The code comes from the mail, as she would read it.
func join(ctx context.Context, pool *identity.UserPool, mails spool) error {
	in := identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": "alice@example.com"}}
	if _, err := pool.SignUp(ctx, in); err != nil {
		return err
	}
	sent, err := filepath.Glob(filepath.Join(string(mails), "*-"+string(identity.MessageSignUpCode)))
	if err != nil {
		return err
	}
	if len(sent) == 0 {
		return errors.New("no mail was sent")
	}
	mail, err := os.ReadFile(sent[0])
	if err != nil {
		return err
	}
	code := identity.Secret(regexp.MustCompile(`\b\d{6}\b`).Find(mail))
	return pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: code})
}

// region groups
func promote(ctx context.Context, pool *identity.UserPool, username string) error {
	admin := pool.Admin() // what an operator may do
	if _, err := admin.Groups().Create(ctx, identity.GroupSettings{Name: "admins"}); err != nil {
		return err
	}
	return admin.Users().AddToGroup(ctx, username, "admins") // in tokens from the next sign-in on
}

// endregion

// region grouprule
func staff(ctx context.Context, pool *identity.UserPool) error {
	groups := pool.Admin().Groups()
	if _, err := groups.Create(ctx, identity.GroupSettings{Name: "staff"}); err != nil {
		return err
	}
	_, err := groups.AddRule(ctx, identity.GroupRule{Group: "staff", Attribute: "email", Match: identity.MatchEmailDomain, Value: "example.com"})
	return err // from now on; Maintain applies the rule to users who exist
}

// endregion

// region sessions
func signOutElsewhere(ctx context.Context, session *identity.Session) error {
	page, _, err := session.Sessions(ctx, identity.SessionQuery{})
	if err != nil {
		return err
	}
	for _, s := range page {
		fmt.Println(s.Device, s.IP, s.Active)
		if s.Current {
			continue
		}
		if err := session.RevokeSession(ctx, identity.RevokeSession{ID: s.ID}); err != nil {
			return err
		}
	}
	return nil
}

// endregion

// region enroll
func enroll(ctx context.Context, session *identity.Session) (mfa.Secret, error) {
	app, err := session.EnrollTOTP(ctx) // show app.URI("Example", "alice") to the user as a QR code
	if err != nil {
		return nil, err
	}
	code := identity.Secret(app.Code(time.Now())) // what the user's app shows
	if err := session.VerifyTOTP(ctx, code, "Alice's phone"); err != nil {
		return nil, err
	}
	return app, session.SetMFA(ctx, identity.MFAUpdate{identity.MFATOTP: {Enabled: true, Preferred: true}})
}

// endregion

// signIn signs Alice in with her second factor. The app's code of the enrollment counts
// as used, so the program takes the code after it.
func signIn(ctx context.Context, pool *identity.UserPool, app mfa.Secret) error {
	in, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		return err
	}
	asked, ok := in.Challenge.(*identity.TOTPRequired)
	if !ok {
		return fmt.Errorf("sign-in asks for %T", in.Challenge)
	}
	in, err = asked.Answer(ctx, identity.FactorCode{Code: identity.Secret(app.Code(time.Now().Add(30 * time.Second)))})
	if err != nil {
		return err
	}
	session, err := pool.Session(ctx, in.Tokens.Access)
	if err != nil {
		return err
	}
	fmt.Println("signed in with an app:", session.Claims().Username)
	return nil
}
