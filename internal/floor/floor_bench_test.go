package floor_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/internal/floor"
)

// operations are what the budget names.
var operations = []struct {
	name string
	op   func(ctx context.Context, c *floor.Client, t *floor.Tokens) error
}{
	{"refresh", func(ctx context.Context, c *floor.Client, t *floor.Tokens) error {
		_, err := c.Refresh(ctx, t.RefreshToken)
		return err
	}},
	{"get-user", func(ctx context.Context, c *floor.Client, t *floor.Tokens) error {
		return c.GetUser(ctx, t.AccessToken)
	}},
	{"get-credentials", func(ctx context.Context, c *floor.Client, t *floor.Tokens) error {
		return c.GetCredentials(ctx, t.IDToken)
	}},
	{"sign-in-password", func(ctx context.Context, c *floor.Client, _ *floor.Tokens) error {
		_, err := c.SignInPassword(ctx, username, password)
		return err
	}},
	{"sign-in-srp", func(ctx context.Context, c *floor.Client, _ *floor.Tokens) error {
		_, err := c.SignInSRP(ctx, username, password)
		return err
	}},
	{"sign-up", func(ctx context.Context, c *floor.Client, _ *floor.Tokens) error {
		return c.SignUp(ctx, fmt.Sprintf("user%d", count.Add(1)), password)
	}},
}

var count atomic.Int64

// BenchmarkServer is the floor: cpu-ms/op is the time of the server alone,
// over loopback HTTP, ns/op is how long a lone client waits.
func BenchmarkServer(b *testing.B) {
	for _, alg := range []string{floor.RS256, floor.ES256} {
		p, c := startServer(b, alg)
		benchmark(b, alg, c, func(b *testing.B, op func() error) { floor.Bench(b, p.CPU, op) })
	}
}

// BenchmarkInProcess is server and client together, without the network: for
// profiles. The client's part of SRP is about as much as the server's.
func BenchmarkInProcess(b *testing.B) {
	for _, alg := range []string{floor.RS256, floor.ES256} {
		c := inProcess(b, alg, floor.DefaultCost)
		benchmark(b, alg, c, func(b *testing.B, op func() error) { floor.Bench(b, floor.SelfCPU, op) })
	}
}

func benchmark(b *testing.B, alg string, c *floor.Client, run func(b *testing.B, op func() error)) {
	b.Helper()
	ctx := context.Background()
	if err := c.CreateUser(ctx, username, password); err != nil {
		b.Fatal(err)
	}
	tokens, err := c.SignInPassword(ctx, username, password)
	if err != nil {
		b.Fatal(err)
	}
	for _, o := range operations {
		b.Run(alg+"/"+o.name, func(b *testing.B) {
			run(b, func() error { return o.op(ctx, c, tokens) })
		})
	}
}
