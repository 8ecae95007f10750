package identity_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

func TestInvitationThatIsNotSentIsLogged(t *testing.T) {
	var log bytes.Buffer
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	users := f.open(t, identity.PoolSettings{}).Admin().Users()
	_, err := users.Create(t.Context(), identity.CreateUser{
		Username: "alice", Attributes: map[string]string{"email": email}, Mediums: []identity.Medium{identity.MediumSMS},
	})
	check(t, "Create", err)
	if !strings.Contains(log.String(), "invitation was not sent") || !strings.Contains(log.String(), "username=alice") {
		t.Errorf("the log has no line about the invitation of alice: %q", log.String())
	}
	log.Reset()
	_, err = users.Create(t.Context(), identity.CreateUser{Username: "bob", Attributes: map[string]string{"email": "bob@example.com"}})
	check(t, "Create", err)
	_, err = users.Create(t.Context(), identity.CreateUser{Username: "eve", SuppressInvitation: true})
	check(t, "Create", err)
	if strings.Contains(log.String(), "not sent") {
		t.Errorf("log %q, want no line about invitations that were sent or suppressed", log.String())
	}
}

func TestPasswordErrorSaysWhatIsWanted(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{PasswordPolicy: &identity.PasswordPolicy{RequireUppercase: true, RequireNumbers: true}})
	for password, want := range map[identity.Secret]string{
		"Short1":                         "the password must have at least 15 characters",
		"short":                          "the password must have at least 15 characters, an uppercase letter and a digit",
		" Correct horse battery staple1": "the password must have no space at the start or the end",
	} {
		_, err := pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
		if !errors.Is(err, identity.ErrInvalidPassword) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if text := (&identity.PasswordError{}).Error(); !strings.Contains(text, "must have what the policy asks for") {
		t.Errorf("an empty error says %q", text)
	}
}

func TestForgottenPasswordHasATextOfItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		settings      identity.PoolSettings
		subject, body string
	}{
		"safe":     {identity.PoolSettings{}, "Choose a new password", "Your code to choose a new password is {####}. If you did not ask for it, you need not do anything."},
		"own text": {identity.PoolSettings{Verification: &identity.VerificationTemplate{Email: new("Hello {####}"), Subject: new("Hi")}}, "Hi", "Hello {####}"},
		"cognito":  {identity.PoolSettings{Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, PasswordPolicy: &identity.PasswordPolicy{}}, "Your verification code", "Your verification code is {####}"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			f.join(t, pool, "alice", email)
			code := f.forgot(t, pool.AppClient, "alice")
			m := f.outbox.Messages(nil)[0]
			if m.Subject != tt.subject || m.Body != strings.ReplaceAll(tt.body, "{####}", code) {
				t.Errorf("message %q: %q", m.Subject, m.Body)
			}
		})
	}
}

func TestResetMFAForgetsTheAppAndEndsSignIns(t *testing.T) {
	f := newEngine(t)
	pool, client, _ := f.enrolled(t, identity.MFAOptional)
	if _, err := client.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password}); err != nil {
		t.Fatalf("SignIn: %v", err)
	}
	users := pool.Admin().Users()
	check(t, "ResetMFA", users.ResetMFA(t.Context(), "alice"))
	u, err := users.Get(t.Context(), "alice")
	if err != nil || len(u.MFA.Methods) != 0 || u.MFA.Preferred != identity.MFANone {
		t.Errorf("user has %+v, %v, want no factor", u.MFA, err)
	}
	err = users.SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFATOTP: {Enabled: true}})
	wantErr(t, "SetMFA with the app that was forgotten", err, identity.ErrMFANotReady)
	wantErr(t, "ResetMFA of nobody", users.ResetMFA(t.Context(), "nobody"), identity.ErrUserNotFound)
	f.advance(time.Second)
	f.signIn(t, client, "alice") // without a second factor
}
