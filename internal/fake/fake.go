// Package fake is the server behind `cognate dev` and identitytest: the engine
// and its API as they are, with what tests want around them. There is a pool
// and a client ready for use, codes can be read, the clock can be put forward,
// and everything can go back to the start.
//
// Begin with [New]; a [Server] is an [http.Handler]. What it has beyond the
// API of Amazon Cognito is under /_cognate/:
//
//	GET    /_cognate/health   200 as soon as requests are served
//	GET    /_cognate/outbox   messages, newest first; ?userPoolId= &username= &to= &kind= &limit=
//	DELETE /_cognate/outbox   forget the messages
//	POST   /_cognate/reset    back to the start state: data, messages and clock
//	POST   /_cognate/clock    {"advance":"1h"}
//
// # Caveats
//
//   - It takes any signature, hashes passwords next to not at all, and tells
//     codes to whoever asks. It must not be reached by anyone but tests.
//   - Only health is answered to every caller. The others want a Host header
//     that names this machine and no Origin but their own, so that no page in
//     a browser can read codes. A Host header can be forged by who connects directly.
//   - A store that is not a [store.Forker], such as a file, is not reset: the
//     answer is 409, and nothing is deleted.
//   - The clock starts at the time of day again whenever the server starts.
package fake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// ErrNoReset is returned by [Server.Reset] on a store that cannot be copied.
var ErrNoReset = errors.New("fake: the store cannot go back to its start")

// Options are the wiring of a server. The zero value, and nil, are good.
type Options struct {
	// Store holds everything. Defaults to a new one in memory. Closing it is the caller's.
	Store store.Store
	// Region and Account are those of [identity.Options].
	Region, Account string
	// Issuer says what tokens have as iss. Defaults to the address that a
	// request was sent to, see [cognito.SelfIssuer].
	Issuer identity.IssuerFunc
	// Logger gets unexpected errors. Defaults to slog.Default().
	Logger *slog.Logger
	// Empty starts without a ready pool.
	Empty bool
	// Pool and Client are the settings of the ready pool and its client.
	// They default to [ReadyPool] and [ReadyClient].
	Pool   *identity.PoolSettings
	Client *identity.ClientSettings
	// KeyStock is that of [identity.Options]. Defaults to none: keys are made
	// when they are first needed.
	KeyStock *identity.KeyStock
	// Version is told by health.
	Version string
	// OnMessage, where it is set, gets each message to a user.
	OnMessage func(*identity.Message)
}

// A Server is a fake of Amazon Cognito. Its methods are safe for concurrent use.
type Server struct {
	store   *swap
	engine  *identity.Engine
	outbox  *identity.Outbox
	clock   clock
	ready   *identity.UserPool
	api     http.Handler
	control http.Handler

	resetting sync.Mutex
	start     store.Forker // what Reset goes back to; nil where it cannot
}

// New returns a server on the store of o, with a pool and a client ready for
// use. On a store that has been used before, these are the same as then.
func New(ctx context.Context, o *Options) (*Server, error) {
	if o == nil {
		o = &Options{}
	}
	inner := o.Store
	if inner == nil {
		inner = memory.New()
	}
	s := &Server{store: newSwap(inner), outbox: identity.NewOutbox(0)}
	if o.OnMessage != nil {
		s.outbox.Next = senderFunc(o.OnMessage)
	}
	s.engine = identity.New(s.store, s.wiring(o))
	if !o.Empty {
		ready, err := openReady(ctx, s.engine, s.store, o)
		if err != nil {
			return nil, fmt.Errorf("ready pool: %w", err)
		}
		s.ready = ready
	}
	if err := s.keepStart(inner); err != nil {
		return nil, err
	}
	s.api = cognito.NewHandler(s.engine, &cognito.Options{Logger: o.Logger, Clock: s.clock.now})
	s.control = s.routes(o.Version)
	return s, nil
}

func (s *Server) wiring(o *Options) *identity.Options {
	issuer := o.Issuer
	if issuer == nil {
		issuer = cognito.SelfIssuer("http://localhost")
	}
	return &identity.Options{
		Logger: o.Logger, Sender: s.outbox, Clock: s.clock.now,
		Region: o.Region, Account: o.Account, Issuer: issuer,
		KeyStock: o.KeyStock, InsecureCheapHashing: true,
	}
}

type senderFunc func(*identity.Message)

func (f senderFunc) Send(_ context.Context, m *identity.Message) error {
	f(m)
	return nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isControl(r) {
		s.control.ServeHTTP(w, r)
		return
	}
	s.api.ServeHTTP(w, r)
}

// Engine is the engine that the server serves.
func (s *Server) Engine() *identity.Engine { return s.engine }

// Outbox holds the messages that were sent.
func (s *Server) Outbox() *identity.Outbox { return s.outbox }

// Pool is the ready pool, with the ready client as its default client; nil
// where the server was started without.
func (s *Server) Pool() *identity.UserPool { return s.ready }

// Warm makes the keys of the ready pool, unless it has some, so that its first
// user need not wait for them.
func (s *Server) Warm(ctx context.Context) error {
	if s.ready == nil {
		return nil
	}
	if _, err := s.engine.JWKS(ctx, s.ready.PoolID()); err != nil {
		return fmt.Errorf("make the keys of the ready pool: %w", err)
	}
	return nil
}

// Now is the time on the server's clock.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance puts the server's clock forward. It does not go back, nor further
// than a hundred years.
func (s *Server) Advance(d time.Duration) error { return s.clock.advance(d) }
