// Command hooks shows each hook of a program at work, within its own process: users sign up, sign
// in by a code instead of a password, and come from another directory.
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"os"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// A program has what its hooks use.
type program struct {
	out     io.Writer
	codes   map[string]string // that were sent, by address
	signIns int
}

// region hooks

// hooks are all hooks of the program. A program sets those that it needs.
func (p *program) hooks() *identity.Hooks {
	return &identity.Hooks{
		PreSignUp: p.preSignUp, PostConfirmation: p.welcome, PreAuthentication: p.mayBegin, PostAuthentication: p.count,
		PreTokenGeneration: p.tokens, CustomMessage: p.word, UserMigration: p.migrate,
		DefineAuthChallenge: p.define, CreateAuthChallenge: p.create, VerifyAuthChallengeResponse: p.verify,
		CustomEmailSender: p.mail, CustomSMSSender: p.text,
	}
}

// endregion

// region presignup

// preSignUp lets only people of one company in, and believes their addresses.
func (p *program) preSignUp(_ context.Context, e *hook.PreSignUp) (hook.PreSignUpDecision, error) {
	if !strings.HasSuffix(e.Attributes["email"], "@example.com") {
		return hook.PreSignUpDecision{}, hook.Refuse("Invalid email domain")
	}
	invited := e.Call.ValidationData["invitation"] == "4711"
	return hook.PreSignUpDecision{Confirm: invited, VerifyEmail: invited}, nil
}

// endregion

// welcome greets a new user.
func (p *program) welcome(_ context.Context, e *hook.PostConfirmation) error {
	if e.Source == hook.ConfirmSignUp {
		fmt.Fprintln(p.out, "welcome,", e.Username)
	}
	return nil
}

// mayBegin refuses sign-ins of programs that are too old.
func (p *program) mayBegin(_ context.Context, e *hook.PreAuthentication) error {
	if e.Call.ValidationData["version"] == "1" {
		return hook.Refuse("Update the app")
	}
	return nil
}

// count counts sign-ins.
func (p *program) count(context.Context, *hook.PostAuthentication) error {
	p.signIns++
	return nil
}

// region tokens

// tokens puts the plan of the user into the ID token, and a scope into the access token.
func (p *program) tokens(_ context.Context, e *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
	plan, err := json.Marshal(map[string]any{"name": "gold", "seats": len(e.Groups) + 3})
	if err != nil {
		return hook.PreTokenGenerationDecision{}, err
	}
	return hook.PreTokenGenerationDecision{
		ID:        hook.Claims{Set: map[string]json.RawMessage{"plan": plan}},
		AddScopes: []string{"orders/read"},
	}, nil
}

// endregion

// word words the text message of a forgotten password. It does not run for mails, because
// there is a hook that sends them.
func (p *program) word(_ context.Context, e *hook.CustomMessage) (hook.CustomMessageDecision, error) {
	if e.Source != "CustomMessage_ForgotPassword" {
		return hook.CustomMessageDecision{}, nil
	}
	return hook.CustomMessageDecision{Body: "Acme: {####} is your code."}, nil
}

// migrate brings carol from another directory, if the password is hers.
func (p *program) migrate(_ context.Context, e *hook.UserMigration) (hook.UserMigrationDecision, error) {
	if e.Username != "carol" || e.Source == hook.MigrateSignIn && e.Password != password {
		return hook.UserMigrationDecision{}, nil
	}
	return hook.UserMigrationDecision{
		Attributes: map[string]string{"email": "carol@example.com", "email_verified": "true"}, Status: string(identity.StatusConfirmed),
	}, nil
}

// region custom

// define signs a user in who has given the code. Three wrong ones end the sign-in.
func (p *program) define(_ context.Context, e *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error) {
	n := len(e.Rounds)
	switch {
	case n > 0 && e.Rounds[n-1].Correct:
		return hook.DefineAuthChallengeDecision{IssueTokens: true}, nil
	case n >= 3:
		return hook.DefineAuthChallengeDecision{Fail: true}, nil
	}
	return hook.DefineAuthChallengeDecision{Challenge: "CUSTOM_CHALLENGE"}, nil
}

// create sends a code. For a user who does not exist it sends none, and the client cannot tell.
func (p *program) create(_ context.Context, e *hook.CreateAuthChallenge) (hook.CreateAuthChallengeDecision, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return hook.CreateAuthChallengeDecision{}, err
	}
	code := fmt.Sprintf("%06d", n)
	if !e.UserNotFound {
		p.codes[e.Attributes["email"]] = code
	}
	return hook.CreateAuthChallengeDecision{
		Public: map[string]string{"hint": "We have sent you a code."}, Private: map[string]string{"code": code},
	}, nil
}

// verify compares the code.
func (p *program) verify(_ context.Context, e *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error) {
	equal := subtle.ConstantTimeCompare([]byte(e.Private["code"]), []byte(e.Answer)) == 1
	return hook.VerifyAuthChallengeDecision{Correct: equal}, nil
}

// endregion

// mail would send a mail. What it is told is a secret. A notice has no code: its source says what
// has changed.
func (p *program) mail(_ context.Context, e *hook.CustomSender) error {
	if e.Code == "" {
		return nil
	}
	p.codes[e.To] = string(e.Code)
	return nil
}

// text would send a text message.
func (p *program) text(ctx context.Context, e *hook.CustomSender) error { return p.mail(ctx, e) }

const password = "correct horse battery staple"

func run(ctx context.Context, out io.Writer) error {
	p := &program{out: out, codes: map[string]string{}}
	engine := identity.New(memory.New(), &identity.Options{Hooks: p.hooks(), InsecureUnsealed: true})
	pool, err := engine.OpenUserPool(ctx, "main", nil)
	if err != nil {
		return err
	}
	custom, err := pool.Admin().Clients().Create(ctx, &identity.ClientSettings{Name: "codes", AuthFlows: []identity.AuthFlow{identity.AllowCustom}})
	if err != nil {
		return err
	}
	for _, email := range []string{"mallory@example.net", "alice@example.com"} {
		if err := p.signUp(ctx, pool, email); err != nil {
			return err
		}
	}
	for _, name := range []string{"alice", "carol"} {
		in, err := pool.SignIn(ctx, identity.SignIn{Username: name, Password: password})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, name, "is in:", in.Tokens != nil)
	}
	codes, err := engine.AppClient(ctx, custom.ID)
	if err != nil {
		return err
	}
	in, err := codes.StartCustom(ctx, identity.StartCustom{Username: "alice"})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "asked:", in.Challenge.(*identity.CustomChallenge).Parameters["hint"])
	return nil
}

// signUp signs a user up, and confirms the address by the code that the hook has sent.
func (p *program) signUp(ctx context.Context, pool *identity.UserPool, email string) error {
	name, _, _ := strings.Cut(email, "@")
	_, err := pool.SignUp(ctx, identity.SignUp{Username: name, Password: password, Attributes: map[string]string{"email": email}})
	if refused, ok := errors.AsType[*hook.RefusalError](err); ok {
		fmt.Fprintln(p.out, name, "is refused:", refused.Reason)
		return nil
	}
	if err != nil {
		return err
	}
	return pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: name, Code: identity.Secret(p.codes[email])})
}
