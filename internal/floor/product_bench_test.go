package floor_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/internal/floor"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/token"
)

// storeEnv makes the server the product, on the store that it names: "memory" or a file.
const storeEnv = "COGNATE_FLOOR_STORE"

// product is the product with one pool, full hashing, and a page that tells their ids.
func product(alg, file string) (http.Handler, error) {
	var s store.Store = memory.New()
	if file != "memory" {
		var err error
		if s, err = bolt.Open(file, nil); err != nil {
			return nil, err
		}
	}
	e := identity.New(s, &identity.Options{Catalog: identity.Tables().With(idpool.Tables()...), Sender: identity.NewOutbox(1), InsecureUnsealed: true, Logger: slog.New(slog.DiscardHandler)})
	ctx := context.Background()
	p, err := e.CreateUserPool(ctx, &identity.PoolSettings{
		Name: "bench", Defaults: identity.CognitoDefaults, SRP: true, Algorithm: token.Algorithm(alg),
	})
	if err != nil {
		return nil, err
	}
	pool, err := e.UserPool(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	c, err := pool.Admin().Clients().Create(ctx, &identity.ClientSettings{
		Name: "bench", AuthFlows: []identity.AuthFlow{identity.AllowUserPassword, identity.AllowUserSRP, identity.AllowRefresh},
	})
	if err != nil {
		return nil, err
	}
	pools, id, err := identityPool(ctx, e, s, p.ID, c.ID)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", cognito.NewHandler(e, &cognito.Options{IdentityPools: pools}))
	mux.HandleFunc("GET /ids", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.ID, " ", c.ID, " ", id) })
	return mux, nil
}

// identityPool makes an identity pool for the users of a client, with a role, and returns its id.
func identityPool(ctx context.Context, e *identity.Engine, s store.Store, userPool, client string) (*idpool.Service, string, error) {
	pools, err := idpool.New(e, s, &idpool.Options{InsecureUnsealed: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, "", err
	}
	p, err := pools.Pools().Create(ctx, "", idpool.Settings{
		Name: "bench", UserPools: []idpool.UserPool{{Name: "cognito-idp.us-east-1.amazonaws.com/" + userPool, ClientID: client}},
	})
	if err != nil {
		return nil, "", err
	}
	const role = "arn:aws:iam::123456789012:role/users"
	if _, err := pools.STS().CreateRole(ctx, &sts.Role{ARN: role, Trust: sts.PoolTrust(p.ID, false)}); err != nil {
		return nil, "", err
	}
	return pools, p.ID, pools.Pools().SetRoles(ctx, p.ID, idpool.Roles{Authenticated: role})
}

// identityPoolID is the identity pool of the product that was started last.
var identityPoolID string

// startProduct runs the product in a process of its own.
func startProduct(b *testing.B, alg, file string) (*floor.Process, *floor.Client) {
	b.Helper()
	b.Setenv(storeEnv, file)
	p, c := startServer(b, alg)
	resp, err := http.Get(p.URL + "/ids")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	ids, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	named := strings.Fields(string(ids))
	if len(named) != 3 {
		b.Fatalf("ids: %q", ids)
	}
	c.PoolID, c.ClientID, identityPoolID = named[0], named[1], named[2]
	if err := os.Unsetenv(storeEnv); err != nil {
		b.Fatal(err)
	}
	return p, c
}

// BenchmarkRatio is how much processor time the product takes for what the
// floor takes 1: medians over alternating pairs of runs. COGNATE_PAIRS sets
// how many, 7 unless it is set. It does not depend on -benchtime.
func BenchmarkRatio(b *testing.B) {
	pairs := 7
	if s := os.Getenv("COGNATE_PAIRS"); s != "" {
		if _, err := fmt.Sscan(s, &pairs); err != nil {
			b.Fatal(err)
		}
	}
	for _, kind := range []string{"memory", "bolt"} {
		for _, alg := range []string{floor.RS256, floor.ES256} {
			file := kind
			if kind == "bolt" {
				file = filepath.Join(b.TempDir(), "users.db")
			}
			ratios(b, kind+"/"+alg, pairs, alg, file)
		}
	}
}

// opsPerRun makes runs of a second or so: processor time is known to 10 ms.
var opsPerRun = map[string]int{"refresh": 400, "get-user": 4000, "get-credentials": 3000, "sign-in-password": 20, "sign-in-srp": 100, "sign-up": 20}

func ratios(b *testing.B, name string, pairs int, alg, file string) {
	b.Helper()
	pp, pc := startProduct(b, alg, file)
	fp, fc := startServer(b, alg)
	ctx := context.Background()
	tokens := map[*floor.Client]*floor.Tokens{}
	for _, c := range []*floor.Client{pc, fc} {
		if err := c.CreateUser(ctx, username, password); err != nil {
			b.Fatal(err)
		}
		t, err := c.SignInPassword(ctx, username, password)
		if err != nil {
			b.Fatal(err)
		}
		tokens[c] = t
	}
	logins := map[string]string{"cognito-idp.us-east-1.amazonaws.com/" + pc.PoolID: tokens[pc].IDToken}
	var found struct{ IdentityId string }
	if err := pc.Call(ctx, "GetId", map[string]any{"IdentityPoolId": identityPoolID, "Logins": logins}, &found); err != nil {
		b.Fatal(err)
	}
	pc.IdentityID = found.IdentityId
	for _, o := range operations {
		b.Run(name+"/"+o.name, func(b *testing.B) {
			side := func(p *floor.Process, c *floor.Client) floor.Side {
				return floor.Side{CPU: p.CPU, Op: func() error { return o.op(ctx, c, tokens[c]) }}
			}
			ratio, err := floor.Ratio(pairs, opsPerRun[o.name], side(pp, pc), side(fp, fc))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(ratio, "x-floor")
			b.ReportMetric(0, "ns/op")
		})
	}
}
