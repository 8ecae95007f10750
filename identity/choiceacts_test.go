package identity_test

import (
	"context"

	"github.com/cognate-id/cognate/identity"
)

// choiceActs are sign-ins that begin with a factor of ada's choice.
var choiceActs = []act{
	{"AppClient.ConfirmSignUpSession with a wrong code", func(ctx context.Context, l *life) error {
		_, err := l.client.ConfirmSignUpSession(ctx, identity.ConfirmSignUp{Username: "zoe", Code: "000000"})
		wantErr(l.t, "ConfirmSignUpSession", err, identity.ErrUserNotFound)
		return nil
	}, nil}, // the act of AppClient.ConfirmSignUp has its events
	{"AppClient.Begin", func(ctx context.Context, l *life) error { return l.begin(ctx, byMail) }, []string{"CodeRequested client ada purpose=sign-in"}},
	{"EmailOTPRequired.Resend", func(ctx context.Context, l *life) error {
		return l.goOn(l.at.(*identity.EmailOTPRequired).Resend(ctx, ""))
	}, []string{"CodeRequested client ada purpose=sign-in"}},
	{"EmailOTPRequired.Answer with a wrong code, then the right one", func(ctx context.Context, l *life) error {
		ch := l.at.(*identity.EmailOTPRequired)
		wantErr(l.t, "Answer", answer(ctx, ch, "00000000"), identity.ErrCodeMismatch)
		return second(ch.Answer(ctx, identity.FactorCode{Code: l.code(adaMail)}))
	}, []string{"SignInFailed client ada WrongCode purpose=sign-in", "SignedIn user:ada ada"}},
	{"Admin.Begin", func(ctx context.Context, l *life) error {
		return second(l.admin.Begin(ctx, l.client.ClientID(), identity.BeginSignIn{Username: "ada", Preferred: byMail}))
	}, []string{"CodeRequested operator:AKIA ada purpose=sign-in"}},
	{"FirstFactorRequired.Answer", func(ctx context.Context, l *life) error {
		check(l.t, "Begin", l.begin(ctx, noFactor))
		return second(l.at.(*identity.FirstFactorRequired).Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password}))
	}, []string{"SignedIn user:ada ada"}},
	{"PasswordRequired.Answer", func(ctx context.Context, l *life) error {
		check(l.t, "Begin", l.begin(ctx, byWord))
		wantErr(l.t, "Answer", second(l.at.(*identity.PasswordRequired).Answer(ctx, identity.PasswordAnswer{Password: wrong})), identity.ErrIncorrectCredentials)
		return second(l.at.(*identity.PasswordRequired).Answer(ctx, identity.PasswordAnswer{Password: password}))
	}, []string{"SignInFailed client ada WrongPassword", "SignedIn user:ada ada"}},
	{"SRPRequired.Answer", func(ctx context.Context, l *life) error {
		check(l.t, "Begin", l.begin(ctx, bySRP))
		return second(l.at.(*identity.SRPRequired).Answer(ctx, identity.PublicValue{A: publicA}))
	}, nil}, // nothing is proved yet
}

// guessTextedCode has ada answer with a wrong code.
func guessTextedCode(ctx context.Context, l *life) error {
	check(l.t, "Begin", l.begin(ctx, byText))
	wantErr(l.t, "Answer", answer(ctx, l.at.(*identity.SMSOTPRequired), "00000000"), identity.ErrCodeMismatch)
	return nil
}

// resendTextedCode has ada ask for another code.
func resendTextedCode(ctx context.Context, l *life) error {
	return l.goOn(l.at.(*identity.SMSOTPRequired).Resend(ctx, ""))
}

// goOn keeps the challenge of a code that was sent again.
func (l *life) goOn(res *identity.SignInResult, err error) error {
	if err == nil {
		l.at = res.Challenge
	}
	return err
}

// begin has ada begin a sign-in with a factor.
func (l *life) begin(ctx context.Context, preferred identity.FirstFactor) error {
	res, err := l.client.Begin(ctx, identity.BeginSignIn{Username: "ada", Preferred: preferred})
	if err == nil {
		l.at = res.Challenge
	}
	return err
}

func (l *life) open2(ctx context.Context, name, password string) (*identity.SignInResult, error) {
	return l.client.SignIn(ctx, identity.SignIn{Username: name, Password: identity.Secret(password)})
}
