package sts

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
	"github.com/cognate-id/cognate/store"
)

// Options are the wiring of a [Service]. The zero value and nil are good: roles of the store
// alone, and no web identity tokens.
type Options struct {
	// Roles are roles that the program has. They stand before those of the store, and cannot be
	// changed there. Defaults to none.
	Roles []Role
	// Account is the number of the account, 12 digits. Defaults to 123456789012, as in identity.Options.
	Account string
	// VerifyWebIdentity verifies a token that AssumeRoleWithWebIdentity is called with: an open ID
	// token of an identity pool, or an ID token of a user pool. It returns [ErrInvalidToken] or
	// [ErrExpired] for a token that is not good. Defaults to nil: every token is refused.
	VerifyWebIdentity func(ctx context.Context, token string) (*WebIdentity, error)
	// Active is asked about each session that is otherwise good, whenever it is used. It returns
	// nil, or [ErrRevoked] if the identity or the pool is gone, disabled or revoked since
	// [Session.Issued]. Another error refuses the session too. Defaults to nil: not asked.
	Active func(ctx context.Context, s *Session) error
	// DevelopmentTrust is for a fake. It is asked about a role that nobody has set up, and reports
	// whether the pool of the assumption names the role for such an identity. The role then has no
	// policies. Defaults to nil: an unknown role is refused.
	DevelopmentTrust func(ctx context.Context, a *Assumption) (bool, error)
	// Operator returns who a lasting access key belongs to, and its secret, or ok = false. With
	// it, operators may call GetCallerIdentity, and AssumeRole if the key may. Defaults to nil: no
	// lasting key is known.
	Operator func(ctx context.Context, accessKey string) (o Operator, ok bool, err error)
	// InsecureUnsigned is for a fake. It is asked about a call of STS that is not by a session of this service. If it returns nil, the call is
	// taken as that of the operator whose access key it names, whatever its signature, and the operator may assume roles whose trust
	// policies allow it. The error says from where such calls are taken. Defaults to nil: all signatures are verified.
	InsecureUnsigned func(*http.Request) error
	// Event prepares the event of a change of a role, before the transaction. What it returns writes the event, in the
	// transaction of the change. Defaults to nil: changes leave no events.
	Event func(ctx context.Context, kind Change, arn string) (func(store.Tx) error, error)
	// Clock is the clock. Defaults to time.Now.
	Clock func() time.Time
	// Logger gets refusals with their reasons, which callers are not told. Defaults to slog.Default().
	Logger *slog.Logger
}

// defaultAccount is the account of an engine that was given none.
const defaultAccount = "123456789012"

// A Service issues and verifies temporary credentials. Make one with [New]. It is safe for concurrent
// use, and several may work on one store.
type Service struct {
	store   store.Store
	options Options
	roles   map[string]*compiled // of Options.Roles, by ARN
	rings   *store.Cache[keyRing]
	cached  *store.Cache[roleRecord]
	seen    *sigv4.Seen
	told    atomic.Int64 // when a refusal was explained last, in seconds
}

// New returns a service on a store, whose catalog must have the tables of [Tables]. It returns an error if a role
// of the options is invalid.
func New(s store.Store, o *Options) (*Service, error) {
	svc := &Service{store: s, roles: map[string]*compiled{}, rings: store.NewCache(keyRings, 1), cached: store.NewCache(roles, 128), seen: &sigv4.Seen{Valid: presignedMax}}
	if o != nil {
		svc.options = *o
	}
	svc.options.Account = cmp.Or(svc.options.Account, defaultAccount)
	if svc.options.Clock == nil {
		svc.options.Clock = time.Now
	}
	if svc.options.Logger == nil {
		svc.options.Logger = slog.Default()
	}
	for i := range svc.options.Roles {
		c, err := compile(&svc.options.Roles[i])
		if err != nil {
			return nil, fmt.Errorf("role %d of the options: %w", i+1, err)
		}
		if svc.roles[c.ARN] != nil {
			return nil, fmt.Errorf("role %d of the options: %w: %s", i+1, ErrExists, c.ARN)
		}
		svc.roles[c.ARN] = c
	}
	return svc, nil
}

// explain logs why something was refused, which the caller is not told: once a second at level Warn, because anybody
// can cause refusals, and all at level Debug.
func (s *Service) explain(ctx context.Context, text string, args ...any) {
	level := slog.LevelDebug
	if now := s.now().Unix(); s.told.Swap(now) != now {
		level = slog.LevelWarn
	}
	s.options.Logger.Log(ctx, level, "refused", append([]any{"what", text}, args...)...)
}

func (s *Service) now() time.Time { return s.options.Clock().UTC() }

// Tables returns the tables of roles and of keys. Add them to the catalog of the store:
// identity.Tables().With(sts.Tables()...).
func Tables() []store.AnyTable { return []store.AnyTable{roles, keyRings} }

// An Operator is who a lasting access key belongs to.
type Operator struct {
	Secret Secret // of the access key
	UserID string // what GetCallerIdentity answers, such as AKIA…
	ARN    string // such as arn:aws:iam::123456789012:user/ada
	// Assumes says that the key may assume roles whose trust policies let it.
	Assumes bool
}

// A Secret prints as [redacted]. Convert it to a string to use it.
type Secret string

// Format implements fmt.Formatter, so that no verb prints the secret.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }
