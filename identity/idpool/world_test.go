package idpool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/samllogin"
	"github.com/cognate-id/cognate/internal/outbound"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/token"
)

const (
	userRole  = "arn:aws:iam::123456789012:role/users"
	guestRole = "arn:aws:iam::123456789012:role/guests"
	oidcARN   = "arn:aws:iam::123456789012:oidc-provider/idp.example.com"
	samlARN   = "arn:aws:iam::123456789012:saml-provider/Okta"
)

var start = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// ownKey is the record of the key that signs open ID tokens, as RotateKey has written it. All worlds have the same, because an
// RSA key takes its time.
var ownKey = sync.OnceValue(func() []byte {
	record, err := os.ReadFile("testdata/signing-key.json")
	if err != nil {
		panic(err)
	}
	return record
})

var ownKeyRef = store.Ref{Table: "identitykeys", Key: store.Key("us-east-1")}

// upstreamKey signs the tokens of the providers of the tests, and strayKey those that must be refused.
var upstreamKey, strayKey = sync.OnceValue(esKey), sync.OnceValue(esKey)

func esKey() *token.Key {
	k, err := token.GenerateKey(token.ES256)
	if err != nil {
		panic(err)
	}
	return k
}

// A world is an engine with identity pools, and providers on this machine.
type world struct {
	t        testing.TB
	store    *memory.Store
	engine   *identity.Engine
	pools    *idpool.Service
	upstream *httptest.Server
	answers  sync.Map // path of the upstream → http.HandlerFunc
	asked    atomic.Int64
	offset   atomic.Int64
}

func newWorld(t testing.TB, change func(*idpool.Options)) *world {
	t.Helper()
	w := &world{t: t, store: memory.New()}
	w.upstream = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.upstream.Close)
	w.engine = identity.New(w.store, &identity.Options{
		Catalog: catalog(), Clock: w.now, InsecureCheapHashing: true, Logger: slog.New(slog.DiscardHandler),
	})
	fetch, err := outbound.New(&outbound.Options{InsecureLoopback: true, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	o := &idpool.Options{
		DevelopmentTrust: true, Clock: w.now, Fetch: fetch, SAML: &samllogin.Verifier{}, Logger: slog.New(slog.DiscardHandler),
		Endpoints: idpool.Endpoints{
			Facebook: w.upstream.URL, Amazon: w.upstream.URL, Google: w.upstream.URL + "/keys", Apple: w.upstream.URL + "/keys",
		},
	}
	if change != nil {
		change(o)
	}
	if w.pools, err = idpool.New(w.engine, w.store, o); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Update(t.Context(), func(tx store.Tx) error { return tx.Put(ownKeyRef.Table, ownKeyRef.Key, ownKey()) }); err != nil {
		t.Fatal(err)
	}
	w.answer("/keys", token.Set{upstreamKey().Public()})
	t.Cleanup(w.check)
	return w
}

func catalog() store.Catalog { return identity.Tables().With(idpool.Tables()...) }

func (w *world) now() time.Time { return start.Add(time.Duration(w.offset.Load())) }

func (w *world) advance(d time.Duration) { w.offset.Add(int64(d)) }

// check finds records that do not agree.
func (w *world) check() {
	err := identity.Check(context.Background(), w.store, catalog(), func(p store.Problem) { w.t.Errorf("the store has a problem: %+v", p) })
	if err != nil {
		w.t.Error(err)
	}
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.asked.Add(1)
	if h, ok := w.answers.Load(r.URL.Path); ok {
		h.(http.HandlerFunc)(rw, r)
		return
	}
	http.NotFound(rw, r)
}

// answer sets what the upstream answers at a path.
func (w *world) answer(path string, v any) {
	w.answers.Store(path, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(rw).Encode(v) }))
}

func (w *world) refuse(path string, status int) {
	w.answers.Store(path, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }))
}

// pool makes an identity pool with roles.
func (w *world) pool(set idpool.Settings) *idpool.Pool {
	w.t.Helper()
	if set.Name == "" {
		set.Name = "app"
	}
	p, err := w.pools.Pools().Create(w.t.Context(), "", set)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.pools.Pools().SetRoles(w.t.Context(), p.ID, idpool.Roles{Authenticated: userRole, Unauthenticated: guestRole}); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// idToken is an ID token of the upstream. change replaces claims, and nil removes them.
func (w *world) idToken(key *token.Key, change map[string]any) identity.Secret {
	w.t.Helper()
	claims := map[string]any{
		"iss": "https://idp.example.com", "aud": "web", "sub": "ann", "exp": w.now().Add(time.Hour).Unix(), "iat": w.now().Unix(),
	}
	for name, value := range change {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := key.Sign(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return identity.Secret(raw)
}

// from is a context of a call from an address.
func from(ctx context.Context, n int) context.Context {
	address := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	return identity.WithCall(ctx, identity.Call{Address: address})
}

// rows counts the records of a table.
func (w *world) rows(table string) (n int) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(r store.Reader) error {
		n = 0
		for _, err := range r.Scan(table, store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// kinds are the kinds of the events of the engine, in order.
func (w *world) kinds() string {
	w.t.Helper()
	var out []string
	for ev, err := range w.engine.Events(w.t.Context(), identity.EventQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s by %s", ev.Kind, ev.Actor.Kind))
	}
	return strings.Join(out, "\n")
}
