// Package fake is the server behind `cognate dev` and identitytest. It is the real engine and
// API, with additions for tests: a pool and a client are ready for use, a test can read codes,
// move the clock forward, and reset the server.
//
// Begin with [New]. A [Server] is an [http.Handler]. Its additions to the API of Amazon Cognito
// are under /_cognate/:
//
//	GET    /_cognate/health   200 when requests are served
//	GET    /_cognate/outbox   messages, newest first; ?userPoolId= &username= &to= &kind= &limit=
//	DELETE /_cognate/outbox   delete the messages
//	POST   /_cognate/reset    back to the start state: data, messages and clock
//	POST   /_cognate/clock    {"advance":"1h"}
//
// A page at / says that the fake runs.
//
// # Caveats
//
//   - The server accepts any signature, hashes passwords cheaply, keeps secrets in clear text,
//     and shows codes to every caller. Make sure that only tests can reach it.
//   - Messages to one address, and failures from one address, have no limits unless [Options.Limits]
//     says otherwise. The budgets of each account are those of production.
//   - Every caller may ask for health. The other paths, and operators' calls, are for programs
//     on this machine, unless [Options].Access lets others in. Pages of other origins are
//     refused, so that a page in a browser cannot read codes.
//   - A store that is not a [store.Forker], such as a file, cannot be reset. The answer is 409,
//     and nothing is deleted.
//   - The clock starts at the time of day again whenever the server starts.
package fake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// ErrNoReset is returned by [Server.Reset] if the store cannot be copied.
var ErrNoReset = errors.New("fake: the store cannot go back to its start")

// Options configure a server. The zero value and nil are good.
type Options struct {
	// Store holds all data. The caller closes it. Defaults to a new store in memory.
	Store store.Store
	// Region and Account are the fields of [identity.Options].
	Region, Account string
	// Issuer sets the iss of tokens. Defaults to the address of the request, see
	// [cognito.SelfIssuer].
	Issuer identity.IssuerFunc
	// URL is the address of the server, for links in mails that do not come from a request to
	// this machine. If it is https, cookies are for https alone. Defaults to http://localhost.
	URL string
	// Logger gets unexpected errors. Defaults to slog.Default().
	Logger *slog.Logger
	// Empty starts without a ready pool.
	Empty bool
	// Pool and Client are the settings of the ready pool and its client. They default to
	// [ReadyPool] and [ReadyClient].
	Pool   *identity.PoolSettings
	Client *identity.ClientSettings
	// PoolID and ClientID are the ids of the ready pool and its client. They default to
	// random ones, or to those that Pool and Client have. On a store that was used
	// before, New returns an error if the ready pool or client has another id.
	PoolID, ClientID string
	// KeyStock is the field of [identity.Options]. Defaults to none: keys are made when
	// they are first needed.
	KeyStock *identity.KeyStock
	// Access says who may make operators' calls and use the control API. Defaults to
	// programs on this machine.
	Access cognito.Access
	// Limits are the field of [identity.Options]. Defaults to [identity.NoMessageLimits], so
	// that tests may use one address for many users.
	Limits *identity.Limits
	// Hooks and Targets are the fields of [identity.Options].
	Hooks   *identity.Hooks
	Targets identity.TargetCaller
	// Logs is the field of [identity.Options].
	Logs identity.LogSink
	// Providers are identity providers that the ready pool has, and its client names beside the pool itself.
	Providers []identity.ProviderSettings
	// Social says where identity pools ask social providers. Defaults to the real ones.
	Social idpool.Endpoints
	// Roles are roles of identities, beside those of the store. Defaults to none.
	Roles []sts.Role
	// BackChannel is the field of oauth.Options.
	BackChannel func(ctx context.Context, uri string, token identity.Secret) error
	// Version is shown by health.
	Version string
	// Sender gets each message too that it sends by the medium of, unless it is nil.
	Sender identity.Sender
	// OnMessage is called with each message to a user, unless it is nil.
	OnMessage func(*identity.Message)
}

// A Server is a fake of Amazon Cognito. Its methods are safe for concurrent use.
type Server struct {
	store   *swap
	engine  *identity.Engine
	outbox  *identity.Outbox
	clock   clock
	ready   *identity.UserPool
	api     *cognito.Handler
	oauth   *oauth.Server
	idpools *idpool.Service
	control http.Handler
	log     *slog.Logger
	version string

	resetting sync.Mutex
	start     store.Forker // the state that Reset restores; nil if the store cannot be copied
}

// New returns a server on the store of o, with a pool and a client ready for use. On a
// store that was used before, New returns the ready pool and client of that time.
func New(ctx context.Context, o *Options) (*Server, error) {
	if o == nil {
		o = &Options{}
	}
	inner := o.Store
	if inner == nil {
		inner = memory.New()
	}
	s := &Server{store: newSwap(inner), outbox: identity.NewOutbox(0), log: cmp.Or(o.Logger, slog.Default()), version: o.Version}
	s.outbox.Next = next(o)
	s.engine = identity.New(s.store, s.wiring(o))
	if err := identity.Upgrade(ctx, s.store); err != nil {
		return nil, err
	}
	if !o.Empty {
		ready, err := openReady(ctx, s.engine, s.store, o)
		if err != nil {
			return nil, fmt.Errorf("ready pool: %w", err)
		}
		s.ready = ready
		for i := range o.Providers {
			if err := s.SetProvider(ctx, &o.Providers[i]); err != nil {
				return nil, fmt.Errorf("provider of the ready pool: %w", err)
			}
		}
	}
	if err := s.keepStart(inner); err != nil {
		return nil, err
	}
	near, err := fetch.New(&fetch.Options{InsecureLoopback: true})
	if err != nil {
		return nil, err
	}
	s.oauth = oauth.NewServer(s.engine, &oauth.Options{Federation: oauth.Federation{Fetch: near}, InsecureHTTP: !strings.HasPrefix(o.URL, "https:"), Explain: true, Logger: o.Logger, BackChannel: o.BackChannel})
	if s.idpools, err = s.identityPools(o); err != nil {
		return nil, err
	}
	s.api = cognito.NewHandler(s.engine, &cognito.Options{
		Logger: o.Logger, Hints: true, Clock: s.clock.now, Unsigned: o.Access,
		AuthorizationServer: s.oauth, IdentityPools: s.idpools,
	})
	s.control = s.routes(o.Version, o.Access)
	return s, nil
}

func (s *Server) wiring(o *Options) *identity.Options {
	issuer := o.Issuer
	if issuer == nil {
		issuer = cognito.SelfIssuer("http://localhost")
	}
	here := cognito.SelfIssuer(cmp.Or(o.URL, "http://localhost")) // pages are served wherever requests are, whatever the issuer
	return &identity.Options{
		Catalog: identity.Tables().With(idpool.Tables()...), Jobs: []identity.Job{idpool.Job(s.store)},
		Logger: o.Logger, Sender: s.outbox, Clock: s.clock.now, Hooks: o.Hooks, Targets: o.Targets, Logs: o.Logs,
		Region: o.Region, Account: o.Account, Issuer: issuer,
		PageURL:      func(ctx context.Context) string { return here(ctx, "") },
		RelyingParty: "localhost", // browsers on this machine make passkeys for it, on pages of any port
		KeyStock:     o.KeyStock, Limits: *cmp.Or(o.Limits, &identity.NoMessageLimits), InsecureCheapHashing: true, InsecureUnsealed: true,
		PasswordWait: time.Minute, // a test suite that signs in many users at once waits
	}
}

// next returns what gets the messages behind the outbox.
func next(o *Options) senderFunc {
	return func(ctx context.Context, m *identity.Message) error {
		if o.OnMessage != nil {
			o.OnMessage(m)
		}
		by, partial := o.Sender.(identity.MediumSender)
		if o.Sender == nil || partial && !by.Sends(m.Medium) {
			return nil
		}
		return o.Sender.Send(ctx, m)
	}
}

type senderFunc func(context.Context, *identity.Message) error

func (f senderFunc) Send(ctx context.Context, m *identity.Message) error { return f(ctx, m) }

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	if isPage(r) && !s.idpools.STS().Handles(r) {
		s.servePage(w, r)
		return
	}
	s.api.ServeHTTP(w, r)
}

// IdentityPools returns the identity pools of the server.
func (s *Server) IdentityPools() *idpool.Service { return s.idpools }

// Engine returns the engine of the server.
func (s *Server) Engine() *identity.Engine { return s.engine }

// Outbox returns the messages that were sent.
func (s *Server) Outbox() *identity.Outbox { return s.outbox }

// Pool returns the ready pool, with the ready client as its default client. It returns nil
// if the server was started with Empty.
func (s *Server) Pool() *identity.UserPool { return s.ready }

// Warm makes the keys of the ready pool, unless it has keys, so that its first user does
// not have to wait for them.
func (s *Server) Warm(ctx context.Context) error {
	if s.ready == nil {
		return nil
	}
	if _, err := s.engine.JWKS(ctx, s.ready.PoolID()); err != nil {
		return fmt.Errorf("make the keys of the ready pool: %w", err)
	}
	return nil
}

// Now returns the time of the server's clock.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the server's clock forward. It returns an error if d is negative or the
// clock would be more than a hundred years ahead.
func (s *Server) Advance(d time.Duration) error { return s.clock.advance(d) }
