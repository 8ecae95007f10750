package webhook_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/webhook"
	"github.com/cognate-id/cognate/store/memory"
)

// BenchmarkHook is what hooks add to a sign-in: the median of sign-ins with them, less the
// median of those without, which are made in turn.
func BenchmarkHook(b *testing.B) {
	claim := func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
		return hook.PreTokenGenerationDecision{ID: hook.Claims{Set: map[string]json.RawMessage{"tenant": json.RawMessage(`"blue"`)}}}, nil
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
		{"none", nil}, // what the measurement is off by
		{"PreAuthentication", &identity.Hooks{PreAuthentication: pre}},
		{"PostAuthentication", &identity.Hooks{PostAuthentication: post}},
		{"PreTokenGeneration", &identity.Hooks{PreTokenGeneration: sameTokens}},
		{"PreTokenGeneration that adds a claim", &identity.Hooks{PreTokenGeneration: claim}},
		{"three", &identity.Hooks{PreAuthentication: pre, PostAuthentication: post, PreTokenGeneration: sameTokens}},
		{"PreAuthentication by HTTP", &identity.Hooks{PreAuthentication: far.PreAuthentication}},
		{"three by HTTP", &identity.Hooks{PreAuthentication: far.PreAuthentication, PostAuthentication: far.PostAuthentication, PreTokenGeneration: far.PreTokenGeneration}},
	} {
		b.Run(way.name, func(b *testing.B) {
			without, with := signsIn(b, nil), signsIn(b, way.hooks)
			var base, hooked []time.Duration
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 { // which of the two comes first matters a little
					base, hooked = append(base, took(without)), append(hooked, took(with))
				} else {
					hooked, base = append(hooked, took(with)), append(base, took(without))
				}
			}
			b.ReportMetric(float64(median(hooked)-median(base))/1e3, "µs/hooks")
			b.ReportMetric(float64(median(base))/1e3, "µs/sign-in")
		})
	}
}

func pre(context.Context, *hook.PreAuthentication) error { return nil }

func post(context.Context, *hook.PostAuthentication) error { return nil }

func sameTokens(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
	return hook.PreTokenGenerationDecision{}, nil
}

func took(fn func()) time.Duration {
	begun := time.Now()
	fn()
	return time.Since(begun)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// signsIn returns a function that signs a user in, in a pool with hooks.
func signsIn(b *testing.B, hooks *identity.Hooks) func() {
	b.Helper()
	e := identity.New(memory.New(), &identity.Options{
		Hooks: hooks, Sender: identity.NewOutbox(0), InsecureCheapHashing: true, InsecureUnsealed: true, Logger: slog.New(slog.DiscardHandler),
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
	return func() {
		if _, err := pool.SignIn(b.Context(), identity.SignIn{Username: "alice", Password: "correct horse battery"}); err != nil {
			b.Fatal(err)
		}
	}
}
