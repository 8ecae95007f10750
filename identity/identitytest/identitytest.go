// Package identitytest is a server that stands in for Amazon Cognito in tests
// of programs that call it, in the manner of [net/http/httptest].
//
// Begin with [NewServer]: it listens on a loopback port, has a user pool and an
// app client ready, and is closed when the test ends.
//
//	srv := identitytest.NewServer(t, nil)
//	srv.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})
//	client := cognitoidentityprovider.New(cognitoidentityprovider.Options{
//		Region: srv.Region, BaseEndpoint: aws.String(srv.URL), Credentials: aws.AnonymousCredentials{},
//	})
//
// It is the engine of the product and not a stub: what it accepts, the product
// accepts. What differs is told in the caveats. Servers share nothing; tests
// with one each may run in parallel.
//
// # Caveats
//
//   - Any signature will do, or none, and password hashes cost next to nothing.
//   - The signing keys of a pool are made at its first sign-in: for RS256, which
//     verifiers of Cognito's tokens expect, that can take a tenth of a second
//     each time the keys that the process makes ahead are used up. Where a
//     test can do with ES256, set [identity.PoolSettings.Algorithm].
//   - The clock of a server is its own, see [Server.Advance]; that of the
//     program under test does not move with it. A token that was made after an
//     Advance seems to that program to come from the future.
//   - The methods end a test that they fail in: call them from its goroutine.
package identitytest

import (
	"log/slog"
	"maps"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/store"
)

// Options are what a server can have otherwise. The zero value, and nil, are good.
type Options struct {
	// Pool are the settings of the ready pool, exactly. Defaults to those of a
	// pool that CreateUserPool makes: Cognito's defaults with SRP, and a code
	// by e-mail at sign-up.
	Pool *identity.PoolSettings
	// Client are the settings of the ready client. Defaults to one without a
	// secret that may sign in by SRP and by password, and refresh.
	Client *identity.ClientSettings
	// Issuer says what tokens have as iss, such as [identity.AWSIssuer] for
	// verifiers that insist on it. Defaults to the server's URL.
	Issuer identity.IssuerFunc
	// Store holds everything. Defaults to a new one in memory. Closing it is the caller's.
	Store store.Store
}

// A Server is a running server with a pool and a client ready for use.
type Server struct {
	URL      string // http://127.0.0.1:PORT, without a slash at its end
	PoolID   string // the id of the pool
	ClientID string // the id of the app client, which has no secret
	Region   string // that clients must be configured with

	t    testing.TB
	fake *fake.Server
}

// stock is shared by the servers of a process.
var stock = sync.OnceValue(func() *identity.KeyStock { return identity.NewKeyStock(4) })

// NewServer starts a server, which is closed when the test ends.
func NewServer(t testing.TB, o *Options) *Server {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	front := httptest.NewUnstartedServer(nil) // listens already
	url := "http://" + front.Listener.Addr().String()
	issuer := o.Issuer
	if issuer == nil {
		issuer = cognito.SelfIssuer(url)
	}
	f, err := fake.New(t.Context(), &fake.Options{
		Store: o.Store, Issuer: issuer, Pool: o.Pool, Client: o.Client, KeyStock: stock(),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		front.Listener.Close()
		t.Fatalf("identitytest: %v", err)
	}
	front.Config.Handler = f
	front.Start()
	t.Cleanup(front.Close)
	return &Server{
		URL: url, PoolID: f.Pool().PoolID(), ClientID: f.Pool().ClientID(), Region: f.Engine().Region(),
		t: t, fake: f,
	}
}

// AddUser makes a user who can sign in at once with username and password, and
// returns the user's sub. The password must meet the pool's policy. Addresses
// among the attributes count as verified unless email_verified or
// phone_number_verified says otherwise; attributes may be nil. No message is sent.
func (s *Server) AddUser(username, password string, attributes map[string]string) (sub string) {
	s.t.Helper()
	ctx := s.t.Context()
	users := s.Pool().Admin().Users()
	u, err := users.Create(ctx, identity.CreateUser{
		Username: username, TemporaryPassword: identity.Secret(password), SuppressInvitation: true,
		Attributes: verified(attributes),
	})
	if err != nil {
		s.t.Fatalf("identitytest: add user %q: %v", username, err)
	}
	if err := users.SetPassword(ctx, u.Username, identity.Secret(password), true); err != nil {
		s.t.Fatalf("identitytest: add user %q: %v", username, err)
	}
	return u.Sub
}

// verified copies attributes and marks addresses as verified where they do not say.
func verified(attributes map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"email", "phone_number"} {
		if _, ok := attributes[name]; ok {
			out[name+"_verified"] = "true"
		}
	}
	maps.Copy(out, attributes)
	return out
}

// LastCode returns the newest code, or temporary password, that was sent to a
// username or to an address. The test fails if there is none.
func (s *Server) LastCode(to string) string {
	s.t.Helper()
	code := s.fake.Outbox().LastCode(to)
	if code == "" {
		s.t.Fatalf("identitytest: no code was sent to %q", to)
	}
	return code
}

// Advance puts the server's clock forward, so that codes and tokens expire.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if err := s.fake.Advance(d); err != nil {
		s.t.Fatalf("identitytest: advance by %v: %v", d, err)
	}
}

// Pool is the ready pool, whose default client is the ready client.
func (s *Server) Pool() *identity.UserPool { return s.fake.Pool() }

// Engine is the engine behind the server, in this process.
func (s *Server) Engine() *identity.Engine { return s.fake.Engine() }
