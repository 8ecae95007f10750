package idpool

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/internal/outbound"
	"github.com/cognate-id/cognate/store"
)

// Options are the wiring of a [Service] in this process. The zero value and nil are good.
type Options struct {
	// Roles are roles that the program has, see sts.Options. Defaults to none: roles are those of the store.
	Roles []sts.Role
	// Remote gets credentials from elsewhere, such as the real STS, in place of this service. Defaults to nil.
	Remote Assumer
	// DevelopmentTrust lets identities have a role that nobody has set up, if their pool names it. Such a role allows
	// nothing, and its credentials verify. It is for a fake. Defaults to false: such a role is refused.
	DevelopmentTrust bool
	// Operator is the field of sts.Options.
	Operator func(ctx context.Context, accessKey string) (o sts.Operator, ok bool, err error)
	// InsecureUnsigned is the field of sts.Options, for a fake.
	InsecureUnsigned func(*http.Request) error
	// Issuer is the iss of open ID tokens, a URL without a slash at the end. The documents by which verifiers find the keys are served
	// below it. It must not change for the same region while tokens are in use. Defaults to https://cognito-identity.amazonaws.com.
	Issuer identity.IssuerFunc
	// Fetch calls providers: their keys, and those of them that verify access tokens. Defaults to one that calls
	// public addresses alone.
	Fetch *outbound.Client
	// SAML verifies responses of SAML providers. Package samllogin has one. Defaults to nil: logins by SAML are refused.
	SAML SAMLVerifier
	// Endpoints are where social providers answer. Defaults to the real ones.
	Endpoints Endpoints
	// Limits bound what strangers can make. The zero value means the defaults.
	Limits Limits
	// InsecureUnsealed lets the service write its keys in clear text to a store that persists and does not encrypt them, as the
	// field of identity.Options does. Without it, New returns [store.ErrUnsealed] for such a store.
	InsecureUnsealed bool
	// Clock must be that of the engine. Defaults to time.Now.
	Clock func() time.Time
	// Logger gets what callers are not told. Defaults to slog.Default().
	Logger *slog.Logger
}

// An Assumer gives temporary credentials. *sts.Service is one.
type Assumer interface {
	Assume(ctx context.Context, a *sts.Assumption) (*sts.Credentials, error)
}

// Limits bound what strangers can make. In each field zero means the default, and a negative
// number means no limit.
type Limits struct {
	// GuestsPerSource is how many guests one source may make in an hour. A source is an IPv4 address or an IPv6 /64;
	// calls without an address, and those of this machine, have no limit. Each process counts by itself. Defaults to 100.
	GuestsPerSource int
	// GuestsPerPool is how many identities without a login a pool may have. Defaults to 100,000.
	GuestsPerPool int
	// Pools is how many identity pools there may be. Defaults to 1,000.
	Pools int
}

// A Service has the identity pools of an engine. Make one with [New]. It is safe for concurrent use, and
// several may work on one store.
type Service struct {
	engine  *identity.Engine
	store   store.Store
	o       Options
	sts     *sts.Service
	assume  Assumer
	keys    issuers  // of providers elsewhere
	guests  meter    // by source
	unlinks meter    // by login
	counts  sync.Map // pool → *guestCount
	pools   *store.Cache[Pool]
	records *store.Cache[record]
	own     ownKeys
}

// New returns the identity pools in a store, which must be the one of the engine. The catalog of both must have
// [Tables]. o may be nil. It returns an error if a role of the options is invalid.
func New(e *identity.Engine, s store.Store, o *Options) (*Service, error) {
	svc := &Service{engine: e, store: s, pools: store.NewCache(poolRecords, poolCache), records: store.NewCache(identities, identityCache), own: ownKeys{cache: store.NewCache(keyRecords, regionCache)}}
	if o != nil {
		svc.o = *o
	}
	if err := svc.fillDefaults(); err != nil {
		return nil, err
	}
	if store.Unsealed(s) && !svc.o.InsecureUnsealed {
		return nil, fmt.Errorf("identity pools: %w", store.ErrUnsealed)
	}
	roles := &sts.Options{
		Roles: svc.o.Roles, Account: e.Account(), VerifyWebIdentity: svc.VerifyWebIdentity, Active: svc.Active, Event: svc.roleEvent, InsecureUnsigned: svc.o.InsecureUnsigned,
		Operator: svc.o.Operator, Clock: svc.o.Clock, Logger: svc.o.Logger,
	}
	if svc.o.DevelopmentTrust {
		roles.DevelopmentTrust = svc.namesRole
	}
	var err error
	if svc.sts, err = sts.New(s, roles); err != nil {
		return nil, fmt.Errorf("identity pools: %w", err)
	}
	if svc.assume = svc.o.Remote; svc.assume == nil {
		svc.assume = svc.sts
	}
	return svc, nil
}

// How many decoded records a service keeps.
const (
	poolCache     = 1024
	identityCache = 4096 // of those in use: each signed call asks for its identity
	regionCache   = 64
)

func (s *Service) fillDefaults() error {
	if s.o.Issuer == nil {
		s.o.Issuer = identity.FixedIssuer("https://" + poolTokens)
	}
	if s.o.Clock == nil {
		s.o.Clock = time.Now
	}
	if s.o.Logger == nil {
		s.o.Logger = slog.Default()
	}
	if s.o.Fetch == nil {
		var err error
		if s.o.Fetch, err = outbound.New(nil); err != nil {
			return fmt.Errorf("identity pools: %w", err)
		}
	}
	s.o.Endpoints.fill()
	s.keys.fetch, s.keys.now = s.o.Fetch, s.o.Clock
	return nil
}

// STS returns the service that issues and verifies the credentials.
func (s *Service) STS() *sts.Service { return s.sts }

// now returns the time, as the store keeps it.
func (s *Service) now() time.Time { return s.o.Clock().UTC().Truncate(time.Millisecond) }

// pool reads a pool, which the caller must not change.
func (s *Service) pool(r store.Reader, id string) (*Pool, error) {
	values, err := r.Get(poolRecords.Ref(store.Key(id)))
	if err != nil {
		return nil, err
	}
	if values[0] == nil {
		return nil, about(ErrPoolNotFound, "%s", id)
	}
	return s.pools.Decode(store.Key(id), values[0])
}

// readPool reads a pool in a transaction of its own.
func (s *Service) readPool(ctx context.Context, id string) (p *Pool, err error) {
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		p, err = s.pool(r, id)
		return err
	})
	return p, err
}
