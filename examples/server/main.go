// Command server serves the API of Amazon Cognito, where any SDK gets tokens, and
// beside it an API of its own, where a middleware asks for them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
	"github.com/cognate-id/cognate/token"
)

const operators = "operators" // the group that may see more

func main() {
	addr := flag.String("addr", "localhost:9229", "where to listen")
	file := flag.String("file", "server.db", "where users are kept")
	url := flag.String("url", "http://localhost:9229", "the address that clients use, the iss of tokens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *file, *url); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, file, url string) error {
	keys, err := sealed.OpenKeyFile(file + ".key") // made by the first run: keep a copy of it
	if err != nil {
		return err
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	engine := identity.New(sealed.New(db, keys, identity.Tables()), &identity.Options{
		Issuer: identity.FixedIssuer(url),
		Sender: identity.InsecureLogSender{}, // stands in for mail: codes appear in the log
	})
	pool, err := open(ctx, engine)
	if err != nil {
		return err
	}
	handler, err := newHandler(ctx, engine, pool)
	if err != nil {
		return err
	}
	go engine.Maintain(ctx)
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("endpoint %s, user pool %s, client %s", url, pool.PoolID(), pool.ClientID())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.Background())
	}
}

// open opens the pool and, at the first start, makes what operators need: their
// group, and an access key to sign calls of the API of Cognito with.
func open(ctx context.Context, engine *identity.Engine) (*identity.UserPool, error) {
	pool, err := engine.OpenUserPool(ctx, "main", &identity.PoolSettings{SRP: true}) // Amplify signs in by SRP
	if err != nil {
		return nil, err
	}
	group := identity.GroupSettings{Name: operators}
	if _, err := pool.Admin().Groups().Create(ctx, group); err != nil && !errors.Is(err, identity.ErrGroupExists) {
		return nil, err
	}
	keys, err := engine.AccessKeys().List(ctx)
	if err != nil || len(keys) > 0 {
		return pool, err
	}
	key, secret, err := engine.AccessKeys().Create(ctx, "first", nil)
	if err == nil { // it is shown this once
		fmt.Printf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.ID, string(secret))
	}
	return pool, err
}

// region handler
func newHandler(ctx context.Context, engine *identity.Engine, pool *identity.UserPool) (http.Handler, error) {
	clients := []string{pool.ClientID()}
	anyone, err := engine.Verifier(ctx, pool.PoolID(), clients, &token.VerifierOptions{Use: token.UseAccess})
	if err != nil {
		return nil, err
	}
	some := &token.VerifierOptions{Use: token.UseAccess, Groups: []string{operators}}
	operator, err := engine.Verifier(ctx, pool.PoolID(), clients, some)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", cognito.NewHandler(engine, &cognito.Options{VerifySignatures: true}))
	mux.Handle("GET /me", anyone.Require(http.HandlerFunc(me)))
	mux.Handle("GET /users", operator.Require(users(pool)))
	return mux, nil
}

// endregion

func me(w http.ResponseWriter, r *http.Request) {
	c, _ := token.FromContext(r.Context()) // always there behind Require
	answer(w, map[string]any{"sub": c.Subject, "username": c.Username, "groups": c.Groups}, nil)
}

func users(pool *identity.UserPool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := pool.Admin().CountUsers(r.Context())
		answer(w, map[string]any{"users": n}, err)
	}
}

func answer(w http.ResponseWriter, v map[string]any, err error) {
	if err != nil {
		log.Print(err)
		http.Error(w, "no answer can be given now", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails if the client is gone
}
