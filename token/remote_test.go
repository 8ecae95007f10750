package token_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/token"
)

// A jwksServer publishes a key set that tests change. It is a transport too, so that in a
// bubble of synctest no socket is needed.
type jwksServer struct {
	mu      sync.Mutex
	set     token.Set
	fail    bool          // answer 500
	body    string        // answer this instead of the set
	delay   time.Duration // answer so late
	fetches int
}

func (s *jwksServer) change(f func(*jwksServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *jwksServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func (s *jwksServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.fetches++
	status, body, delay := http.StatusOK, s.body, s.delay
	if s.fail {
		status = http.StatusInternalServerError
	}
	if body == "" {
		data, err := s.set.MarshalJSON()
		if err != nil {
			panic(err)
		}
		body = string(data)
	}
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func newRemote(t testing.TB, s *jwksServer) *token.RemoteKeys {
	t.Helper()
	k, err := token.NewRemoteKeys([]string{issuer}, &token.RemoteOptions{Client: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// want asks for a key of the issuer, and holds the answer and the number of fetches so far
// to what they should be.
func want(t *testing.T, k *token.RemoteKeys, s *jwksServer, alg token.Algorithm, wantErr error, fetches int) {
	t.Helper()
	key, err := k.Key(t.Context(), issuer, keys[alg]().ID())
	if !errors.Is(err, wantErr) {
		t.Errorf("Key = %v, want %v", err, wantErr)
	}
	if err == nil && !key.Equal(keys[alg]().Public()) {
		t.Error("Key is another key")
	}
	synctest.Wait() // for a fetch in the background
	if got := s.count(); got != fetches {
		t.Errorf("%d fetches, want %d", got, fetches)
	}
}

func TestRemoteRotation(t *testing.T) {
	first, second := token.EdDSA, token.ES256
	s := &jwksServer{set: token.Set{keys[first]().Public()}}
	both := token.Set{keys[first]().Public(), keys[second]().Public()}
	synctest.Test(t, func(t *testing.T) {
		k := newRemote(t, s)
		want(t, k, s, first, nil, 1)
		want(t, k, s, first, nil, 1)
		time.Sleep(11 * time.Second)
		s.change(func(s *jwksServer) { s.set = both })
		want(t, k, s, second, nil, 2) // unknown, so fetched
		want(t, k, s, first, nil, 2)
		s.change(func(s *jwksServer) { s.set = both[1:] })
		time.Sleep(61 * time.Minute)
		want(t, k, s, first, nil, 3) // stale, but a fetch is on its way
		want(t, k, s, first, token.ErrUnknownKey, 3)
		want(t, k, s, second, nil, 3)
		s.change(func(s *jwksServer) { s.set = both[:1] })
		time.Sleep(3 * time.Hour)
		want(t, k, s, second, token.ErrUnknownKey, 4) // too old to answer at once
	})
}

func TestRemoteHammeredWithUnknownIDs(t *testing.T) {
	s := &jwksServer{set: token.Set{keys[token.EdDSA]().Public()}}
	synctest.Test(t, func(t *testing.T) {
		k := newRemote(t, s)
		want(t, k, s, token.EdDSA, nil, 1)
		for range 60 { // a minute
			for range 100 {
				if _, err := k.Key(t.Context(), issuer, "unknown"); !errors.Is(err, token.ErrUnknownKey) {
					t.Fatalf("Key = %v, want ErrUnknownKey", err)
				}
			}
			time.Sleep(time.Second)
		}
		if got := s.count(); got > 7 {
			t.Errorf("%d fetches in a minute, want at most 7", got)
		}
		want(t, k, s, token.EdDSA, nil, s.count())
	})
}

func TestRemoteFetchesOnceForAll(t *testing.T) {
	s := &jwksServer{set: token.Set{keys[token.EdDSA]().Public()}, delay: time.Second}
	synctest.Test(t, func(t *testing.T) {
		k := newRemote(t, s)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := k.Key(t.Context(), issuer, keys[token.EdDSA]().ID()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := s.count(); got != 1 {
			t.Errorf("%d fetches, want 1", got)
		}
	})
}

func TestRemoteServesStaleKeys(t *testing.T) {
	s := &jwksServer{set: token.Set{keys[token.EdDSA]().Public()}}
	synctest.Test(t, func(t *testing.T) {
		k := newRemote(t, s)
		want(t, k, s, token.EdDSA, nil, 1)
		s.change(func(s *jwksServer) { s.fail = true })
		time.Sleep(3 * time.Hour)
		want(t, k, s, token.EdDSA, nil, 2) // waited, in vain
		want(t, k, s, token.EdDSA, nil, 2)
		time.Sleep(11 * time.Second)
		s.change(func(s *jwksServer) { s.delay = 4 * time.Second })
		start := time.Now()
		want(t, k, s, token.EdDSA, nil, 3) // in the background, since fetches fail
		if waited := time.Since(start); waited > 0 {
			t.Errorf("waited %v for a server that fails", waited)
		}
		want(t, k, s, token.ES256, token.ErrKeysUnavailable, 3)
		time.Sleep(22 * time.Hour)
		want(t, k, s, token.EdDSA, token.ErrKeysUnavailable, 4)
		s.change(func(s *jwksServer) { s.fail = false })
		time.Sleep(11 * time.Second)
		want(t, k, s, token.EdDSA, nil, 5)
	})
}

func TestRemoteSlow(t *testing.T) {
	s := &jwksServer{delay: time.Hour}
	synctest.Test(t, func(t *testing.T) {
		k := newRemote(t, s)
		start := time.Now()
		want(t, k, s, token.EdDSA, token.ErrKeysUnavailable, 1)
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("waited %v, want 5 s", waited)
		}
		time.Sleep(11 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := k.Key(ctx, issuer, "a")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, token.ErrKeysUnavailable) {
			t.Errorf("Key = %v, want the context's error", err)
		}
		time.Sleep(5 * time.Second) // the fetch goes on, and ends
	})
}

// TestRemoteOutlivesItsFirstCaller: the one who started a fetch goes away, another still
// gets the key.
func TestRemoteOutlivesItsFirstCaller(t *testing.T) {
	s := &jwksServer{set: token.Set{keys[token.EdDSA]().Public()}, delay: time.Second}
	synctest.Test(t, func(t *testing.T) {
		k := newRemote(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = k.Key(ctx, issuer, "a") }()
		synctest.Wait()
		cancel()
		want(t, k, s, token.EdDSA, nil, 1)
	})
}

func TestRemoteGarbage(t *testing.T) {
	private, err := keys[token.EdDSA]().MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"HTML": "<html>", "null": "null", "private": `{"keys":[` + string(private) + `]}`,
		"huge": `{"keys":[]}` + strings.Repeat(" ", 10<<20), "deep": strings.Repeat("[", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			s := &jwksServer{body: body}
			synctest.Test(t, func(t *testing.T) {
				k := newRemote(t, s)
				want(t, k, s, token.EdDSA, token.ErrKeysUnavailable, 1)
				_, err := k.Key(t.Context(), issuer, "a")
				if errors.Is(err, token.ErrMalformed) {
					t.Errorf("%v passes for a fault of the token", err)
				}
			})
		})
	}
}

func TestRemoteOverHTTP(t *testing.T) {
	var path atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.Path)
		_, _ = w.Write(marshal(t, token.Set{keys[token.ES256]().Public()}))
	}))
	t.Cleanup(srv.Close)
	own := srv.URL + "/us-east-1_AbCdEf123"
	k, err := token.NewRemoteKeys([]string{own}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Issuers, o.Keys = []string{own, issuer}, k
	v := newVerifier(t, o)
	if _, err := v.Verify(t.Context(), sign(t, token.ES256, accessClaims(claims{"iss": own}))); err != nil {
		t.Fatal(err)
	}
	if got, want := path.Load(), "/us-east-1_AbCdEf123/.well-known/jwks.json"; got != want {
		t.Errorf("fetched %v, want %v", got, want)
	}
	if _, err := v.Verify(t.Context(), sign(t, token.ES256, accessClaims(nil))); !errors.Is(err, token.ErrIssuer) {
		t.Errorf("issuer without keys: %v, want ErrIssuer", err)
	}
}

// An endless body fails its test when too much is read of it.
type endless struct {
	t    *testing.T
	read int
}

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(e), Request: r}, nil
}

func (e *endless) Read(b []byte) (int, error) {
	if e.read += len(b); e.read > 1<<20 {
		e.t.Error("read more than 1 MiB")
		return 0, io.EOF
	}
	return copy(b, bytes.Repeat([]byte(" "), len(b))), nil
}

func TestRemoteEndless(t *testing.T) {
	k, err := token.NewRemoteKeys([]string{issuer}, &token.RemoteOptions{Client: &http.Client{Transport: &endless{t: t}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Key(t.Context(), issuer, "a"); !errors.Is(err, token.ErrKeysUnavailable) {
		t.Errorf("Key = %v, want ErrKeysUnavailable", err)
	}
}

// TestRemoteOneFlightOnly has fetches that take longer than the cool-down.
func TestRemoteOneFlightOnly(t *testing.T) {
	s := &jwksServer{set: token.Set{keys[token.EdDSA]().Public()}, delay: 30 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		k, err := token.NewRemoteKeys([]string{issuer}, &token.RemoteOptions{
			Client: &http.Client{Transport: s}, Timeout: time.Minute, Cooldown: time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = k.Key(t.Context(), issuer, "a") }()
		time.Sleep(5 * time.Second)
		want(t, k, s, token.EdDSA, nil, 1)
	})
}

func TestRemoteFollowsNoRedirects(t *testing.T) {
	var hits atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(target.Close)
	srv := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusFound))
	t.Cleanup(srv.Close)
	k, err := token.NewRemoteKeys([]string{srv.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Key(t.Context(), srv.URL, "a"); !errors.Is(err, token.ErrKeysUnavailable) {
		t.Errorf("Key = %v, want ErrKeysUnavailable", err)
	}
	if hits.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

// TestNothingInATokenIsFetched sends tokens that name a server of the attacker's.
func TestNothingInATokenIsFetched(t *testing.T) {
	var hits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(evil.Close)
	s := &jwksServer{set: token.Set{keys[token.ES256]().Public()}}
	o := options()
	o.Keys = newRemote(t, s)
	v := newVerifier(t, o)
	payload := string(marshal(t, accessClaims(nil)))
	for _, more := range []string{`,"jku":"` + evil.URL + `"`, `,"x5u":"` + evil.URL + `"`} {
		if _, err := v.Verify(t.Context(), forge(t, token.ES256, header(token.ES256, more), payload)); err == nil {
			t.Errorf("accepted with %s", more)
		}
	}
	if _, err := v.Verify(t.Context(), sign(t, token.ES256, accessClaims(claims{"iss": evil.URL}))); !errors.Is(err, token.ErrIssuer) {
		t.Errorf("issuer of the attacker's: %v, want ErrIssuer", err)
	}
	if hits.Load() != 0 || s.count() != 0 {
		t.Errorf("%d and %d fetches, want none", hits.Load(), s.count())
	}
}

func TestNewRemoteKeysAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://example.com": true, "http://localhost:9229/p": true, "http://127.0.0.1:1": true, "http://[::1]:1": true,
		"http://example.com": false, "http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false,
		"ftp://example.com": false, "file:///etc/passwd": false, "": false, "example.com": false, "https://": false,
		"https://user:password@example.com": false, "http://\x00": false,
	} {
		if _, err := token.NewRemoteKeys([]string{address}, nil); (err == nil) != ok {
			t.Errorf("NewRemoteKeys(%q) = %v, want ok %v", address, err, ok)
		}
	}
	if _, err := token.NewRemoteKeys([]string{"http://keys"}, &token.RemoteOptions{InsecureHTTP: true}); err != nil {
		t.Errorf("InsecureHTTP: %v", err)
	}
	o := &token.RemoteOptions{URLs: map[string]string{"our issuer": "https://example.com/keys"}}
	if _, err := token.NewRemoteKeys([]string{"our issuer"}, o); err != nil {
		t.Errorf("URLs: %v", err)
	}
}
