package cognito_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// signedServer is a server that verifies signatures, with an access key.
func signedServer(t *testing.T, o cognito.Options) (s *server, key, secret string) {
	t.Helper()
	o.VerifySignatures = true
	s = newServerWith(t, serverOptions{mayFail: true, handler: o})
	s.region = ""
	k, sec, err := s.engine.AccessKeys().Create(t.Context(), "ops", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, k.ID, string(sec)
}

// TestRefusedOperatorsAreLoggedAndCounted: each refusal counts, and a flood of them does not
// fill the log.
func TestRefusedOperatorsAreLoggedAndCounted(t *testing.T) {
	s, key, _ := signedServer(t, cognito.Options{})
	body := obj{"PoolName": "p"}
	refuse := func(key, secret string) {
		t.Helper()
		r := s.request("CreateUserPool", body)
		r.RemoteAddr = "192.0.2.7:4711"
		s.sign(r, body, key, secret)
		if a := s.do(r, "CreateUserPool"); a.status != http.StatusBadRequest {
			t.Fatalf("CreateUserPool: %d %s", a.status, a.raw)
		}
	}
	refuse(key, "guess")
	for _, want := range []string{"an operator's call was refused", "CreateUserPool", key, "192.0.2.7", "InvalidSignatureException"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, s.log.String())
		}
	}
	const swapped = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY" // a secret in place of a key
	refuse(swapped, "guess")
	if strings.Contains(s.log.String(), swapped) {
		t.Errorf("the log has what may be a secret: %s", s.log.String())
	}
	for range 500 {
		refuse(key, "guess")
	}
	if n := strings.Count(s.log.String(), "\n"); n != 10 {
		t.Errorf("502 refusals have %d lines, want 10", n)
	}
	s.advance(time.Minute)
	refuse(key, "guess")
	if !strings.Contains(s.log.String(), `"others":492`) {
		t.Errorf("the log does not count the others: %s", s.log.String())
	}
	h, ok := s.handler.(*cognito.Handler)
	if got := h.Counts(); !ok || got != (cognito.Counts{Operators: 503}) {
		t.Errorf("counts = %+v, want 503 operators", got)
	}
}

// TestAcceptedOperatorsLeaveTheirAccessKey: each operation of operators that changes
// something leaves an event that names the key.
func TestAcceptedOperatorsLeaveTheirAccessKey(t *testing.T) {
	s, key, secret := signedServer(t, cognito.Options{})
	n := 0
	send := func(op string, body obj) *answer {
		t.Helper()
		r := s.request(op, body)
		s.sign(r, body, key, secret)
		a := s.do(r, op)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", op, a.status, a.raw)
		}
		n++
		return a
	}
	pool := str(t, send("CreateUserPool", obj{"PoolName": "p"}).body, "UserPool", "Id")
	send("AdminCreateUser", obj{"UserPoolId": pool, "Username": "jane", "MessageAction": "SUPPRESS"})
	send("AdminDisableUser", obj{"UserPoolId": pool, "Username": "jane"})
	send("CreateGroup", obj{"UserPoolId": pool, "GroupName": "g"})
	p, err := s.engine.UserPool(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for e, err := range p.Admin().Events(t.Context(), identity.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		events++
		if e.Actor != (identity.Actor{Kind: identity.ActorOperator, ID: key}) {
			t.Errorf("%s by %+v, want the access key", e.Kind, e.Actor)
		}
	}
	if events != n {
		t.Errorf("%d calls left %d events", n, events)
	}
}

// TestSignaturesAreForOneRegion: a signature for another region may have been made for
// another server.
func TestSignaturesAreForOneRegion(t *testing.T) {
	for _, tt := range []struct {
		regions []string
		ok      bool
	}{{nil, false}, {[]string{"us-west-2"}, false}, {[]string{"eu-west-1"}, true}} {
		s, key, secret := signedServer(t, cognito.Options{Regions: tt.regions})
		body := obj{"PoolName": "p"}
		r := s.request("CreateUserPool", body)
		s.signFor("eu-west-1", r, body, key, secret)
		a := s.do(r, "CreateUserPool")
		if ok := a.status == http.StatusOK; ok != tt.ok || !ok && !strings.Contains(a.raw, "Credential should be scoped to a valid region, not 'eu-west-1'.") {
			t.Errorf("beside %v: %d %s", tt.regions, a.status, a.raw)
		}
		r = s.request("CreateUserPool", body)
		if s.sign(r, body, key, secret); s.do(r, "CreateUserPool").status != http.StatusOK {
			t.Errorf("beside %v, the engine's own region is refused", tt.regions)
		}
	}
}

// TestASignedCallIsNotTakenTwice sends each kind of call again as it was.
func TestASignedCallIsNotTakenTwice(t *testing.T) {
	s, key, secret := signedServer(t, cognito.Options{})
	body := obj{"PoolName": "p"}
	again := problem{"InvalidSignatureException", "This request was received before. Sign each request anew.", 0}
	first := s.request("CreateUserPool", body)
	s.sign(first, body, key, secret)
	if a := s.do(first, "CreateUserPool"); a.status != http.StatusOK {
		t.Fatalf("CreateUserPool: %d %s", a.status, a.raw)
	}
	r := s.request("CreateUserPool", body)
	r.Header = first.Header
	s.do(r, "CreateUserPool").want(t, again)

	list := obj{"MaxResults": 1}
	first = s.request("ListUserPools", list)
	s.sign(first, list, key, secret)
	for after, want := range []int{http.StatusOK, http.StatusOK, http.StatusOK, http.StatusBadRequest} {
		r := s.request("ListUserPools", list)
		r.Header = first.Header
		if a := s.do(r, "ListUserPools"); a.status != want {
			t.Errorf("a call that reads, after %d s: %d %s, want %d", after, a.status, a.raw, want)
		}
		s.advance(time.Second)
	}
}

// TestReadOnlyOperationsWriteNothing holds the names that are taken for reading.
func TestReadOnlyOperationsWriteNothing(t *testing.T) {
	w, bodies := newAskedWorld(t)
	s := newServerWith(t, serverOptions{mayFail: true})
	s.engine, s.store, s.handler = w.engine, w.store, cognito.NewHandler(w.engine, &cognito.Options{Logger: s.logger()})
	n := 0
	for _, op := range cognito.Services()[0].Operations {
		if !op.Served() || op.Caller != wire.Operator || !cognito.ReadOnly(op.Name) {
			continue
		}
		n++
		s.store.written() // which forgets them
		if a := s.call(op.Name, bodies[op.Name]); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", op.Name, a.status, a.raw)
		}
		if wrote := s.store.written(); len(wrote) > 0 {
			t.Errorf("%s wrote %v", op.Name, wrote)
		}
	}
	if n < 10 {
		t.Errorf("%d operations read, want all", n)
	}
}

// TestAddressBehindProxies reads the address of a user from what proxies append.
func TestAddressBehindProxies(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		peer, forwarded, want string
		proxies               []netip.Prefix
	}{
		{"127.0.0.1:1", "198.51.100.4", "127.0.0.1", nil},
		{"127.0.0.1:1", "198.51.100.4", "198.51.100.4", trusted},
		{"127.0.0.1:1", "", "127.0.0.1", trusted},
		{"192.0.2.1:1", "198.51.100.4", "192.0.2.1", trusted},
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.4", "198.51.100.4", trusted},
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.4, 10.7.7.7", "198.51.100.4", trusted},
		{"10.0.0.1:1", "198.51.100.4:4711", "198.51.100.4", trusted},
		{"10.0.0.1:1", "[2001:db8::1]:4711", "2001:db8::1", trusted},
		{"10.0.0.1:1", "2001:db8::1", "2001:db8::1", trusted},
		{"10.0.0.1:1", "203.0.113.9, what", "10.0.0.1", trusted},
		{"10.0.0.1:1", "10.1.1.1", "10.1.1.1", trusted},
	} {
		sender := &callSender{}
		s := newServerWith(t, serverOptions{sender: sender, handler: cognito.Options{TrustedProxies: tt.proxies}})
		c := s.client(s.pool(obj{"AutoVerifiedAttributes": list{"email"}}), nil)
		r := s.request("SignUp", c.signUpBody("jane", "email", "jane@example.com"))
		r.RemoteAddr = tt.peer
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		s.do(r, "SignUp")
		if got := sender.last(t, 1).Address.String(); got != tt.want {
			t.Errorf("%s for %q with %v trusted: %s, want %s", tt.peer, tt.forwarded, tt.proxies, got, tt.want)
		}
	}
}

// TestAnswersAreNotStored: they have tokens in them.
func TestAnswersAreNotStored(t *testing.T) {
	s := newServerWith(t, serverOptions{})
	for _, a := range []*answer{s.call("ListUserPools", obj{"MaxResults": 1}), s.call("GetUser", obj{}), s.call("Nothing", obj{})} {
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q, want no-store", a.op, got)
		}
	}
}

// TestSourcesAreNamed: a source is an address, or the network that a household has of IPv6.
func TestSourcesAreNamed(t *testing.T) {
	s := newServerWith(t, serverOptions{handler: cognito.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}})
	h, ok := s.handler.(*cognito.Handler)
	if !ok {
		t.Fatal("the handler is another")
	}
	for _, tt := range []struct{ peer, forwarded, want string }{
		{"127.0.0.1:1", "", ""},
		{"[::1]:1", "", ""},
		{"@", "", ""},
		{"10.0.0.1:1", "", ""},
		{"10.0.0.1:1", "192.0.2.1", "192.0.2.1"},
		{"192.0.2.1:1", "", "192.0.2.1"},
		{"[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2::/64"},
	} {
		r := s.request("GetUser", obj{})
		r.RemoteAddr = tt.peer
		r.Header.Set("X-Forwarded-For", tt.forwarded)
		if got := h.Source(r); got != tt.want {
			t.Errorf("%s for %q: source %q, want %q", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}
