package webhook_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/webhook"
	"github.com/cognate-id/cognate/store/memory"
)

// BenchmarkSignIn is a sign-in without hooks, with functions in Go, and with functions behind
// the Invoke API on this machine.
func BenchmarkSignIn(b *testing.B) {
	pre := func(context.Context, *hook.PreAuthentication) error { return nil }
	post := func(context.Context, *hook.PostAuthentication) error { return nil }
	tokens := func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
		return hook.PreTokenGenerationDecision{}, nil
	}
	f := serve(b, echo)
	c, err := webhook.New(&webhook.Options{Endpoint: f.URL})
	if err != nil {
		b.Fatal(err)
	}
	in := identity.TriggerTarget{ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"}
	far := c.Target(&identity.PoolInfo{}, identity.PreAuthentication, in)
	for _, way := range []struct {
		name  string
		hooks *identity.Hooks
	}{
		{"none", nil},
		{"PreAuthentication", &identity.Hooks{PreAuthentication: pre}},
		{"PostAuthentication", &identity.Hooks{PostAuthentication: post}},
		{"PreTokenGeneration", &identity.Hooks{PreTokenGeneration: tokens}},
		{"three", &identity.Hooks{PreAuthentication: pre, PostAuthentication: post, PreTokenGeneration: tokens}},
		{"PreAuthentication by HTTP", &identity.Hooks{PreAuthentication: far.PreAuthentication}},
		{"three by HTTP", &identity.Hooks{PreAuthentication: far.PreAuthentication, PostAuthentication: far.PostAuthentication, PreTokenGeneration: far.PreTokenGeneration}},
	} {
		b.Run(way.name, func(b *testing.B) {
			e := identity.New(memory.New(), &identity.Options{
				Hooks: way.hooks, Sender: identity.NewOutbox(0), InsecureCheapHashing: true, InsecureUnsealed: true, Logger: slog.New(slog.DiscardHandler),
			})
			pool, err := e.OpenUserPool(b.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := pool.Admin().Users().Create(b.Context(), identity.CreateUser{Username: "alice", SuppressInvitation: true}); err != nil {
				b.Fatal(err)
			}
			if err := pool.Admin().Users().SetPassword(b.Context(), "alice", "correct horse battery", true); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := pool.SignIn(b.Context(), identity.SignIn{Username: "alice", Password: "correct horse battery"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
