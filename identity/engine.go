package identity

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/store"
)

// recordCache is how many decoded pools, clients and keyrings an engine keeps.
const recordCache = 4096

// An Engine is an identity engine over one store. Its methods, and those of
// all handles that come from it, are safe for concurrent use.
type Engine struct {
	name    string // of this engine among all on the store, for leases
	store   store.Store
	catalog store.Catalog
	log     *slog.Logger
	sender  Sender
	clock   func() time.Time
	rand    io.Reader
	issuer  IssuerFunc
	region  string
	acct    string
	hasher  *passhash.Hasher
	quotas  Quotas
	jobs    []Job     // of Options
	hooks   hookFuncs // none can be set yet

	rotateAfter time.Duration // 0 for never

	stock    *KeyStock
	rings    ringCache
	making   chan struct{} // holds one value while signing keys are made: anyone can ask for them at once, as often as they like
	pools    *store.Cache[PoolInfo]
	clients  *store.Cache[ClientInfo]
	keyrings *store.Cache[keyring]
	homes    sync.Map // client id → pool id; neither is ever used again
}

// Options are the wiring of an engine in this process. The zero value, and
// nil, are ready for production but for the Sender.
type Options struct {
	// Catalog has the tables of the store: [Tables], and those that a program has added by
	// [store.Catalog.With], which are swept, erased and purged like ours. Give the
	// same to all that takes a catalog. With one that lacks a table of ours, or on a
	// store that encrypts tables but not all that are secret, each call returns
	// an error, [store.ErrCatalog] or [store.ErrUnsealed]. Defaults to Tables().
	Catalog store.Catalog
	// Logger gets what cannot be returned. Defaults to slog.Default().
	Logger *slog.Logger
	// Sender delivers codes and invitations. Defaults to a [LogSender], which
	// writes them, codes and all, to the Logger.
	Sender Sender
	// Clock is the one clock of the engine. Defaults to time.Now.
	Clock func() time.Time
	// Rand makes ids and codes, never keys, salts or nonces. Set it only to
	// make a test repeatable. Defaults to crypto/rand.
	Rand io.Reader
	// Region and Account are part of ids and ARNs. They default to us-east-1
	// and 123456789012.
	Region, Account string
	// Issuer says what tokens have as iss. Defaults to [AWSIssuer].
	Issuer IssuerFunc
	// KeyStock has RSA keys ready: a new pool needs two. Defaults to none, so
	// that they are made when they are needed.
	KeyStock *KeyStock
	// Quotas bound how many pools, clients and groups there may be. Defaults to the service's figures.
	Quotas Quotas
	// RotateKeysAfter is how old the signing keys of a pool get before
	// [Engine.Maintain] makes new ones, which are published at once, and sign a
	// day later. Defaults to 0, never; less than 48 hours counts as 48 hours.
	RotateKeysAfter time.Duration
	// Jobs are done by [Engine.Maintain] besides its own. Defaults to none.
	Jobs []Job
	// InsecureCheapHashing makes password hashes that cost next to nothing,
	// for test suites. They can be guessed at leisure by whoever reads the store.
	InsecureCheapHashing bool
}

// New returns an engine that keeps everything in s. It starts nothing: expired
// records are removed by [Engine.Maintain]. Closing s is the caller's.
func New(s store.Store, o *Options) *Engine {
	if o == nil {
		o = &Options{}
	}
	e := &Engine{
		name: rand.Text(), store: s, log: o.Logger, sender: o.Sender, clock: o.Clock, rand: o.Rand,
		issuer: o.Issuer, region: o.Region, acct: o.Account,
		pools:    store.NewCache(pools, recordCache),
		clients:  store.NewCache(clients, recordCache),
		keyrings: store.NewCache(keyrings, recordCache),
		making:   make(chan struct{}, 1),
	}
	e.fillDefaults(o)
	e.catalog = o.Catalog
	if e.catalog == nil {
		e.catalog = Tables()
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
	if e.sender == nil {
		e.sender = LogSender{e.log}
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
	e.hasher = passhash.New(cost)
	e.stock, e.quotas, e.jobs = o.KeyStock, o.Quotas, o.Jobs
	if o.RotateKeysAfter != 0 {
		e.rotateAfter = max(o.RotateKeysAfter, 2*keyLead)
	}
}

// Region is the region of pools that name none.
func (e *Engine) Region() string { return e.region }

// now is the time on the engine's clock, to the millisecond, as it is stored.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Millisecond) }

// ARN is the name of a pool in the manner of Amazon.
func (e *Engine) ARN(p *PoolInfo) string {
	return fmt.Sprintf("arn:aws:cognito-idp:%s:%s:userpool/%s", p.Settings.Region, e.acct, p.ID)
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

// random returns n characters of an alphabet, each as likely as the others.
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
