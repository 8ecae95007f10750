package identity

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/store"
)

// recordCache is how many decoded pools, clients and keyrings an engine keeps.
const recordCache = 4096

// An Engine is an identity engine over one store. Make one with [New]. Its
// methods, and those of all handles that come from it, are safe for concurrent
// use. The engine needs no closing.
type Engine struct {
	name     string // tells this engine from others on the store, for leases
	store    store.Store
	catalog  store.Catalog
	log      *slog.Logger
	sender   Sender
	clock    func() time.Time
	rand     io.Reader
	issuer   IssuerFunc
	pages    func(context.Context) string // Options.PageURL; may be nil
	blocked  map[string]bool              // Options.BlockedPasswords, folded; nil for none
	breached func(context.Context, Secret) (bool, error)
	party    string // Options.RelyingParty; may be empty
	region   string
	acct     string
	hasher   *passhash.Hasher
	quotas   Quotas
	limits   Limits
	jobs     []Job         // Options.Jobs
	ruleRuns chan struct{} // wakes the job that applies group rules
	imports  chan struct{} // wakes the job that runs import jobs

	hooks     *Hooks            // of all pools; nil for none
	poolHooks map[string]*Hooks // by the key of the pool
	targets   TargetCaller      // nil if no target can be called
	logs      LogSink           // nil if records of pools go nowhere
	resolver  ProviderResolver  // nil if nobody looks at identity providers
	paces     sync.Map          // pool and trigger → *pace, of hooks that have run

	rotateAfter time.Duration // 0 means never

	outbox    *outbox // nil if messages are sent by the calls that owe them
	stock     *KeyStock
	failures  meter // wrong passwords and codes, by source
	messages  meter // requests for messages, by source
	rings     ringCache
	lastRings sync.Map      // pool id → the ring that was read last: what to prefetch is guessed by it
	making    chan struct{} // holds one value while signing keys are made, so that many requests at once make one pair
	pools     *store.Cache[PoolInfo]
	clients   *store.Cache[ClientInfo]
	keyrings  *store.Cache[keyring]
	seats     sync.Map // what quota of which pool → *seats
	homes     sync.Map // client id → pool id; a client never moves; an id that was given may be reused, see decodeScope
}

// Options are the wiring of an engine in this process. The zero value and nil
// are safe, and send no messages: set a Sender.
type Options struct {
	// Catalog lists the tables of the store. Set it if your program adds tables:
	// give Tables().With(…), and give the same catalog to everything else that
	// takes one. The added tables are swept, erased and purged like those of the
	// engine. If the catalog lacks a table of the engine, every call returns
	// [store.ErrCatalog]. If the store encrypts tables, but not all that are
	// secret, every call returns [store.ErrUnsealed]. Defaults to Tables().
	Catalog store.Catalog
	// Logger gets what cannot be returned to a caller. Defaults to slog.Default().
	Logger *slog.Logger
	// Sender delivers codes and invitations. Defaults to none: an operation that
	// owes a message then returns [ErrNoSender] and changes nothing. An [Outbox]
	// keeps messages for tests.
	Sender Sender
	// Outbox makes the engine write messages to the store, in the transaction that they
	// tell of, and send them from there: [Engine.Maintain] runs the worker. Then no call
	// waits for the Sender, and none returns the error of one. Defaults to nil: each call
	// sends its messages itself, after its commit.
	Outbox *OutboxOptions
	// Clock is the only clock that the engine reads, except to measure how long hooks take.
	// Defaults to time.Now.
	Clock func() time.Time
	// Rand is the source of ids and codes. Keys, salts and nonces never come from
	// it. Set it only to make a test repeatable. Defaults to crypto/rand.
	Rand io.Reader
	// Region and Account appear in ids and ARNs. They default to us-east-1 and
	// 123456789012.
	Region, Account string
	// Issuer returns the beginning of the claim iss of tokens. Defaults to [AWSIssuer].
	Issuer IssuerFunc
	// PageURL returns the URL below which identity/cognito or package oauth serves its pages, such as
	// https://auth.example.com: links in mails begin with it. Defaults to none: to turn on the
	// setting DefaultByLink is refused then. Pools that have it all the same send codes, as
	// they do where PageURL returns "".
	PageURL func(context.Context) string
	// KeyStock keeps RSA keys ready; a new pool needs two. Set it if pools are
	// created often, as in tests. Defaults to nil: keys are made when they are
	// needed.
	KeyStock *KeyStock
	// RelyingParty is the domain that passkeys are made for in pools that do not set it, such as
	// localhost for development. Defaults to none: such pools register no passkeys.
	RelyingParty string
	// Quotas limit how many pools, clients, groups and users there may be. The zero
	// value means the defaults.
	Quotas Quotas
	// Limits bound messages to an address, and what one source may do. The zero value
	// means the defaults, which are for production.
	Limits Limits
	// PasswordWait is how long the hash of a password may be expected to wait for a
	// processor. A call that would wait longer returns [ErrBusy] at once; one that
	// others overtake, after twice the time. Defaults to 5 seconds. Set it to more for
	// tests that sign in many users at once on a slow machine.
	PasswordWait time.Duration
	// BlockedPasswords may not be chosen in pools with BlockCommonPasswords, beside the common
	// passwords that the engine knows: for example the names of your company and its products.
	// Case is ignored. Defaults to none.
	BlockedPasswords []string
	// Breached reports whether a password is known from a data breach. It is asked about each new
	// password in pools with BlockCommonPasswords that meets all other rules, outside of
	// transactions. If it fails, or has not answered after two seconds, when its context ends,
	// the call returns [ErrBreachCheck] and changes nothing: to let passwords pass then, return
	// false and no error. Its errors are logged, so keep the password out of them. Defaults to
	// nil: no service is asked.
	Breached func(context.Context, Secret) (bool, error)
	// RotateKeysAfter is the age of a pool's signing keys at which
	// [Engine.Maintain] makes new ones, and a new master key, see
	// [Admin.RotateKeys]. New signing keys are published at once and sign a
	// day later. Defaults to 0, which means never. Less than 48 hours counts as
	// 48 hours.
	RotateKeysAfter time.Duration
	// Hooks run in every pool. Defaults to none.
	Hooks *Hooks
	// PoolHooks run in the pool that OpenUserPool knows by a key, after Hooks. Defaults
	// to none.
	PoolHooks map[string]Hooks
	// Targets calls the functions that the settings of a pool name for its triggers,
	// after Hooks and PoolHooks. identity/webhook has one. Defaults to none: a flow that
	// would run a function then fails with a [*TriggerError].
	Targets TargetCaller
	// Providers looks at identity providers when they are set up: it finds the endpoints of an OIDC issuer, and
	// reads SAML metadata. Defaults to none: settings of providers are then kept as they are given, and nobody has
	// looked whether there is such a provider.
	Providers ProviderResolver
	// Logs takes the records for the destinations that the setting Logs of a pool names:
	// messages that did not reach their user. identity/logsink has one. Defaults to none.
	Logs LogSink
	// Jobs are run by [Engine.Maintain] in addition to its own. Defaults to none.
	Jobs []Job
	// InsecureCheapHashing makes password hashes that cost next to nothing. Use it
	// in tests only: whoever reads the store can guess the passwords quickly.
	InsecureCheapHashing bool
	// InsecureUnsealed lets the engine write secrets in clear text to a store that
	// persists and does not encrypt them: whoever reads the file, the database or
	// a backup can sign tokens of every user. Without it, the first call that
	// would write such a secret returns [store.ErrUnsealed]. Leave it alone, and
	// put store/sealed in front of the store. It changes nothing for a store in
	// memory, and for one that encrypts some tables.
	InsecureUnsealed bool
}

// New returns an engine that keeps everything in s. o may be nil. New starts no
// goroutine: run [Engine.Maintain] to remove expired records. The caller closes
// s. New returns no error: if the catalog does not fit, every call of the
// engine returns the error, see [Options].
//
// Unless s is in memory, put store/sealed in front of it. Otherwise the first call
// that would write a secret, such as a sign-up, returns [store.ErrUnsealed].
func New(s store.Store, o *Options) *Engine {
	if o == nil {
		o = &Options{}
	}
	e := &Engine{
		name: rand.Text(), store: s, log: o.Logger, sender: o.Sender, clock: o.Clock, rand: o.Rand,
		issuer: o.Issuer, pages: o.PageURL, party: o.RelyingParty, region: o.Region, acct: o.Account,
		pools:    store.NewCache(pools, recordCache),
		clients:  store.NewCache(clients, recordCache),
		keyrings: store.NewCache(keyrings, recordCache),
		making:   make(chan struct{}, 1),
		imports:  make(chan struct{}, 1),
		ruleRuns: make(chan struct{}, 1),
	}
	e.fillDefaults(o)
	e.catalog = o.Catalog
	if e.catalog == nil {
		e.catalog = Tables()
	}
	if !o.InsecureUnsealed {
		e.store = guardSecrets(e.catalog, s)
	}
	if err := usable(e.catalog, s); err != nil {
		e.store = refusal{s, err}
	}
	return e
}

func (e *Engine) fillDefaults(o *Options) {
	if e.log == nil {
		e.log = slog.Default()
	}
	if e.clock == nil {
		e.clock = time.Now
	}
	if e.rand == nil {
		e.rand = rand.Reader
	}
	if e.issuer == nil {
		e.issuer = AWSIssuer
	}
	if e.region == "" {
		e.region = "us-east-1"
	}
	if e.acct == "" {
		e.acct = "123456789012"
	}
	cost := passhash.Default
	if o.InsecureCheapHashing {
		cost = passhash.InsecureCheap
	}
	e.hasher = passhash.New(cost, hashSource)
	if o.PasswordWait > 0 {
		e.hasher.SetPatience(o.PasswordWait)
	}
	e.stock, e.quotas, e.limits, e.jobs = o.KeyStock, o.Quotas, o.Limits, o.Jobs
	e.blocked, e.breached = foldAll(o.BlockedPasswords), o.Breached
	e.outbox = newOutbox(o.Outbox)
	e.hooks, e.poolHooks, e.targets = o.Hooks, hooksByPool(o.PoolHooks), o.Targets
	e.logs, e.resolver = o.Logs, o.Providers
	if o.RotateKeysAfter != 0 {
		e.rotateAfter = max(o.RotateKeysAfter, 2*keyLead)
	}
}

// Region returns the region of pools whose settings name none.
func (e *Engine) Region() string { return e.region }

// Account returns the number of the account in ARNs, see [Options].
func (e *Engine) Account() string { return e.acct }

// now returns the time of the engine's clock in UTC, cut to the millisecond, as
// the store keeps it.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Millisecond) }

// ARN returns the Amazon Resource Name of a pool.
func (e *Engine) ARN(p *PoolInfo) string {
	return fmt.Sprintf("arn:aws:cognito-idp:%s:%s:userpool/%s", p.Settings.Region, e.acct, p.ID)
}

// DeviceARN returns the Amazon Resource Name of a device of a user.
func (e *Engine) DeviceARN(u *User, d *Device) string {
	region, _, _ := strings.Cut(u.Pool, "_")
	return fmt.Sprintf("arn:aws:cognito-idp:%s:%s:owner/%s.%s/device/%s", region, e.acct, u.Username, u.Pool, d.Key)
}

// uuid returns a random UUID (version 4, RFC 9562).
func (e *Engine) uuid() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(e.rand, b[:]); err != nil {
		return "", fmt.Errorf("random id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

const (
	digits  = "0123456789"
	lower36 = digits + "abcdefghijklmnopqrstuvwxyz"
	alnum62 = lower36 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// random returns n characters of an alphabet, chosen with equal probability.
func random(r io.Reader, alphabet string, n int) (string, error) {
	out := make([]byte, n)
	size := big.NewInt(int64(len(alphabet)))
	for i := range out {
		k, err := rand.Int(r, size)
		if err != nil {
			return "", fmt.Errorf("random text: %w", err)
		}
		out[i] = alphabet[k.Int64()]
	}
	return string(out), nil
}

// decodePool reads a pool's record through the cache.
func (e *Engine) decodePool(id string, value []byte) (*PoolInfo, error) {
	p, err := e.pools.Decode(store.Key(id), value)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &NotFoundError{ErrPoolNotFound, id}
	}
	return p, err
}

// decodeClient reads a client's record through the cache.
func (e *Engine) decodeClient(id string, value []byte) (*ClientInfo, error) {
	c, err := e.clients.Decode(store.Key(id), value)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &NotFoundError{ErrClientNotFound, id}
	}
	return c, err
}
