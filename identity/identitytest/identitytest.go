// Package identitytest runs a server that stands in for Amazon Cognito in tests, in the
// manner of [net/http/httptest].
//
// Begin with [NewServer]. The server listens on a loopback port, has a user pool and an app
// client ready, and is closed when the test ends.
//
//	srv := identitytest.NewServer(t, nil)
//	srv.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})
//	client := cognitoidentityprovider.New(cognitoidentityprovider.Options{
//		Region: srv.Region, BaseEndpoint: aws.String(srv.URL), Credentials: aws.AnonymousCredentials{},
//	})
//
// The server is the real engine and not a stub: it checks
// passwords, tokens and settings as in production, except for what the caveats list. Servers share nothing, so tests with a server each may run
// in parallel.
//
// # Caveats
//
//   - The server accepts any signature, or none. Password hashes are cheap.
//   - Messages to one address, and failures from one address, have no limits. The budgets of each
//     account are those of production: see [Server.Advance] to let an hour pass.
//   - The signing keys of a pool are made at its first sign-in. The process keeps a few
//     RS256 keys in stock. When the stock is used up, a new key can take a tenth of a
//     second. If a test does not need RS256, which verifiers of Cognito's tokens expect,
//     set [identity.PoolSettings].Algorithm to ES256.
//   - [Server.Advance] moves only the clock of the server. The clock of the program under
//     test stays, so a token made after an Advance appears to come from the future.
//   - A method that fails ends the test. Call methods from the goroutine of the test.
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
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/store"
)

// Options change a server. The zero value and nil are good.
type Options struct {
	// Pool are the exact settings of the ready pool. Defaults to the settings of a pool
	// that CreateUserPool makes: Cognito's defaults with SRP, and a code by e-mail at
	// sign-up.
	Pool *identity.PoolSettings
	// Client are the settings of the ready client. Defaults to a client without a secret
	// that may sign in by SRP and by password, and refresh.
	Client *identity.ClientSettings
	// PoolID and ClientID are the ids of the ready pool and its client, such as
	// us-east-1_test1 and web1, for programs that have them in their configuration. They
	// have the form of PoolSettings.ID and ClientSettings.ID. Default to random ones.
	PoolID, ClientID string
	// Issuer sets the iss of tokens. Use [identity.AWSIssuer] for verifiers that accept
	// only Amazon's. Defaults to the server's URL.
	Issuer identity.IssuerFunc
	// Store holds all data. The caller closes it. Defaults to a new store in memory.
	Store store.Store
	// Hooks decide what users may do, in place of the Lambda functions of production. Default
	// to none.
	Hooks *identity.Hooks
	// Targets calls the functions that the settings of pools name. The package
	// identity/webhook has one. Defaults to none: a flow that would run a function then fails.
	Targets identity.TargetCaller
	// Roles are roles that identities of identity pools may get credentials of. Their trust policies name a pool, so
	// they are for pools whose id is known; [Server.Roles] makes roles afterwards. Defaults to none.
	Roles []sts.Role
}

// A Server is a running server with a pool and a client ready for use.
type Server struct {
	URL      string // http://127.0.0.1:PORT, without a slash at its end
	PoolID   string // the id of the pool
	ClientID string // the id of the app client, which has no secret
	Region   string // the region to configure clients with

	t    testing.TB
	fake *fake.Server
}

// stock holds signing keys for all servers of a process whose pools have RSA keys.
var stock = sync.OnceValue(func() *identity.KeyStock { return identity.NewKeyStock(2) })

func stockFor(pool *identity.PoolSettings) *identity.KeyStock {
	if pool != nil && pool.SigningAlgorithm() != "RS256" {
		return nil
	}
	return stock()
}

// NewServer starts a server. The server is closed when the test ends.
func NewServer(t testing.TB, o *Options) *Server {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	front := httptest.NewUnstartedServer(nil) // it listens already
	url := "http://" + front.Listener.Addr().String()
	issuer := o.Issuer
	if issuer == nil {
		issuer = cognito.SelfIssuer(url)
	}
	f, err := fake.New(t.Context(), &fake.Options{
		Store: o.Store, Issuer: issuer, Pool: o.Pool, Client: o.Client, PoolID: o.PoolID, ClientID: o.ClientID, KeyStock: stockFor(o.Pool),
		Hooks: o.Hooks, Targets: o.Targets, Roles: o.Roles,
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

// AddUser creates a user who can sign in at once with username and password, and returns
// the user's sub. The password must meet the pool's policy. Addresses in attributes count
// as verified unless email_verified or phone_number_verified says otherwise. attributes may
// be nil. AddUser sends no message.
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

// verified copies attributes and marks addresses as verified, unless the attributes say
// otherwise.
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

// LastCode returns the newest code, or temporary password, that was sent to a username or
// an address. The test fails if no code was sent.
func (s *Server) LastCode(to string) string {
	s.t.Helper()
	code := s.fake.Outbox().LastCode(to)
	if code == "" {
		s.t.Fatalf("identitytest: no code was sent to %q", to)
	}
	return code
}

// Advance moves the server's clock forward, so that codes and tokens expire.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if err := s.fake.Advance(d); err != nil {
		s.t.Fatalf("identitytest: advance by %v: %v", d, err)
	}
}

// Roles are the roles of identities. They verify requests that are signed with credentials of identity pools. A role that an
// identity pool names and nobody has set up gives credentials too, which allow nothing.
func (s *Server) Roles() *sts.Service { return s.fake.IdentityPools().STS() }

// Pool returns the ready pool. Its default client is the ready client.
func (s *Server) Pool() *identity.UserPool { return s.fake.Pool() }

// Engine returns the engine behind the server, in this process.
func (s *Server) Engine() *identity.Engine { return s.fake.Engine() }
