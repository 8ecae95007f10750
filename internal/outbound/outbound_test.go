package outbound_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cognate-id/cognate/internal/outbound"
)

// secret is in the URL, a header and the body of each call, and in each answer.
const secret = "s3cr3t-canary"

func call(t *testing.T, c *outbound.Client, method, raw string) (*outbound.Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, raw+"?token="+secret, strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", secret)
	return do(t, c, req)
}

func do(t *testing.T, c *outbound.Client, req *http.Request) (*outbound.Answer, error) {
	t.Helper()
	answer, err := c.Do(req)
	if err == nil {
		return answer, nil
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("the error has a secret: %v", e)
		}
	}
	if _, ok := errors.AsType[*outbound.Error](err); !ok {
		t.Errorf("the error is of another type: %T", err)
	}
	return answer, err
}

func client(t *testing.T, o *outbound.Options) *outbound.Client {
	t.Helper()
	c, err := outbound.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// server answers over TLS. It counts the connections, also those that never become TLS.
func server(t *testing.T, handler http.HandlerFunc) (s *httptest.Server, roots *x509.CertPool, conns *atomic.Int32) {
	t.Helper()
	conns = new(atomic.Int32)
	s = httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots, conns
}

func ok(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(append([]byte("got "), body...))
}

func named(s *httptest.Server) string { return s.Listener.Addr().String() }

func TestDo(t *testing.T) {
	s, roots, conns := server(t, ok)
	c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: roots})
	for range 3 {
		answer, err := call(t, c, "POST", s.URL)
		if err != nil || answer.Status != 200 || string(answer.Body) != "got "+secret {
			t.Fatalf("answer %+v, %v", answer, err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for three calls, want 1", n)
	}
}

func TestAddressesThatAreNotAllowed(t *testing.T) {
	s, roots, conns := server(t, ok)
	_, port, _ := net.SplitHostPort(named(s))
	plain := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(plain.Close)
	dns := newDNS(t, net.IPv4(127, 0, 0, 1))
	c := client(t, &outbound.Options{Allow: []string{"localhost:1", "other.test:" + port}, RootCAs: roots, Resolver: dns})
	for name, raw := range map[string]string{
		"loopback":                    s.URL,
		"a name":                      "https://localhost:" + port,
		"allowed with another port":   "https://localhost:" + port,
		"upper case":                  "https://LOCALHOST:" + port,
		"IPv6":                        "https://[::1]:" + port,
		"mapped":                      "https://[::ffff:127.0.0.1]:" + port,
		"unspecified":                 "https://0.0.0.0:" + port,
		"unspecified IPv6":            "https://[::]:" + port,
		"a zone":                      "https://[fe80::1%25lo]:" + port,
		"metadata":                    "https://169.254.169.254",
		"a name that DNS points here": "https://rebound.test:" + port,
		"http":                        plain.URL,
		"http to a public address":    "http://1.1.1.1",
		"another scheme":              "ftp://1.1.1.1",
		"no host":                     "https:///path",
		"opaque":                      "https:1.1.1.1",
		"a password":                  "https://user:" + secret + "@1.1.1.1",
		"not ASCII":                   "https://münchen.test",
		"port 0":                      "https://1.1.1.1:0",
	} {
		if _, err := call(t, c, "GET", raw); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", name, err)
		}
	}
	if n := conns.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestAllowedByName(t *testing.T) {
	s, roots, _ := server(t, ok)
	_, port, _ := net.SplitHostPort(named(s))
	dns := newDNS(t, net.IPv4(127, 0, 0, 1))
	c := client(t, &outbound.Options{Allow: []string{"example.com:" + port}, RootCAs: roots, Resolver: dns})
	// httptest's certificate is for example.com.
	for _, raw := range []string{"https://example.com:" + port, "https://EXAMPLE.com:" + port} {
		if _, err := call(t, c, "GET", raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestHTTPIsForLoopbackAllowedByName(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(s.Close)
	c := client(t, &outbound.Options{Allow: []string{named(s), "10.1.2.3:80"}})
	if _, err := call(t, c, "GET", s.URL); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if _, err := call(t, c, "GET", "http://10.1.2.3"); !errors.Is(err, outbound.ErrForbidden) {
		t.Errorf("an allowed address that is not loopback: %v, want ErrForbidden", err)
	}
}

// TestRebinding points a name at a public address in the first answer, and here in each later
// one. Whatever is looked up again must not be connected to.
func TestRebinding(t *testing.T) {
	s, roots, conns := server(t, ok)
	_, port, _ := net.SplitHostPort(named(s))
	dns := newDNS(t, net.IPv4(192, 0, 2, 1), net.IPv4(127, 0, 0, 1))
	c := client(t, &outbound.Options{RootCAs: roots, Resolver: dns})
	for range 4 {
		if _, err := call(t, c, "GET", "https://example.com:"+port); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("%v, want ErrForbidden", err)
		}
	}
	if n := conns.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	big := strings.Repeat("x", outbound.DefaultMaxAnswer)
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"redirect":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+secret, http.StatusFound) }, outbound.ErrRedirect},
		"not changed": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, outbound.ErrRedirect},
		"large":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, big+"x") }, outbound.ErrTooLarge},
		"the limit":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, big) }, nil},
		"an error":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, nil},
		"slow":        {func(_ http.ResponseWriter, r *http.Request) { hang(r) }, outbound.ErrTimeout},
		"slow body": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			hang(r)
		}, outbound.ErrTimeout},
		"not HTTP":       {raw("220 " + secret + "\r\n"), outbound.ErrBadAnswer},
		"large header":   {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat(secret, 10000) + "\r\n\r\n"), outbound.ErrBadAnswer},
		"broken off":     {raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + secret[:5]), outbound.ErrBadAnswer},
		"no answer":      {raw(""), outbound.ErrBadAnswer},
		"invalid header": {raw("HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n"), outbound.ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			s, roots, _ := server(t, test.handler)
			timeout := 10 * time.Second
			if errors.Is(test.want, outbound.ErrTimeout) {
				timeout = 50 * time.Millisecond
			}
			c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: roots, Timeout: timeout})
			_, err := call(t, c, "POST", s.URL)
			if !errors.Is(err, test.want) || (err != nil) != (test.want != nil) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if e, ok := errors.AsType[*outbound.Error](err); ok && e.Timeout() != errors.Is(test.want, outbound.ErrTimeout) {
				t.Errorf("Timeout is %t: %v", e.Timeout(), err)
			}
		})
	}
}

// A closing body ends its call before it is read to its end, which is in good form.
type closing struct {
	io.Reader
	end context.CancelFunc
}

func (b closing) Read(p []byte) (int, error) {
	b.end()
	return b.Reader.Read(p)
}

// A server sees that the call is over, and ends its answer before the connection is closed.
func TestAnswerThatEndsBecauseTheCallIsOver(t *testing.T) {
	c := client(t, nil)
	for name, r := range map[string]io.Reader{"in good form": strings.NewReader("begin"), "broken off": iotest.ErrReader(io.ErrUnexpectedEOF)} {
		ctx, cancel := context.WithCancel(t.Context())
		if body, err := c.Whole(ctx, closing{r, cancel}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %q, %v, want %v", name, body, err, context.Canceled)
		}
	}
	if body, err := c.Whole(t.Context(), strings.NewReader("begin")); err != nil || string(body) != "begin" {
		t.Errorf("%q, %v", body, err)
	}
}

// hang waits until the caller is gone.
func hang(r *http.Request) {
	_, _ = io.ReadAll(r.Body) // the end of the connection is seen only behind the body
	<-r.Context().Done()
}

// raw answers with bytes and closes the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

func TestConnectionsThatAreRefused(t *testing.T) {
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		c := client(t, &outbound.Options{Allow: []string{l.Addr().String()}})
		if _, err := call(t, c, "GET", "https://"+l.Addr().String()); !errors.Is(err, outbound.ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
			t.Error(err)
		}
	})
	t.Run("an unknown authority", func(t *testing.T) {
		s, _, _ := server(t, ok)
		c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: x509.NewCertPool()})
		if _, err := call(t, c, "GET", s.URL); !errors.Is(err, outbound.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
			t.Error(err)
		}
	})
	t.Run("TLS 1.1", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(ok))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // old on purpose
		s.StartTLS()
		t.Cleanup(s.Close)
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: roots})
		if _, err := call(t, c, "GET", s.URL); !errors.Is(err, outbound.ErrUnreachable) {
			t.Errorf("%v, want ErrUnreachable", err)
		}
	})
	t.Run("no TLS", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(ok))
		t.Cleanup(s.Close)
		c := client(t, &outbound.Options{Allow: []string{named(s)}})
		if _, err := call(t, c, "GET", "https://"+named(s)); err == nil {
			t.Error("no error")
		}
	})
}

// TestProxiesOfTheEnvironment would fail if a proxy were used: net/http reads the variables once,
// and never uses a proxy for loopback, so the test looks for the call at an address that is refused.
func TestProxiesOfTheEnvironment(t *testing.T) {
	s, _, conns := server(t, ok)
	t.Setenv("HTTPS_PROXY", s.URL)
	t.Setenv("https_proxy", s.URL)
	c := client(t, nil)
	if _, err := call(t, c, "GET", "https://169.254.169.254"); !errors.Is(err, outbound.ErrForbidden) {
		t.Error(err)
	}
	if conns.Load() != 0 {
		t.Error("the proxy was called")
	}
}

func TestCallsInFlightAreBounded(t *testing.T) {
	var now, most atomic.Int32
	s, roots, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		ok(w, r)
		now.Add(-1)
	})
	c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: roots, MaxConns: 2})
	errs := make(chan error)
	for range 20 {
		go func() {
			req, _ := http.NewRequestWithContext(context.Background(), "POST", s.URL, strings.NewReader("x"))
			_, err := c.Do(req)
			errs <- err
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if most.Load() > 2 {
		t.Errorf("%d calls at once, the limit is 2", most.Load())
	}
}

func TestTheCallerGivesUp(t *testing.T) {
	begun := make(chan struct{})
	s, roots, _ := server(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		hang(r)
	})
	c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: roots})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	req, _ := http.NewRequestWithContext(ctx, "POST", s.URL, nil)
	if _, err := do(t, c, req); !errors.Is(err, context.Canceled) || errors.Is(err, outbound.ErrTimeout) {
		t.Error(err)
	}
}

func TestEntriesOfAllow(t *testing.T) {
	for _, bad := range []string{"", "host", "host:", ":443", "host:0", "host:99999", "host:0443", "host:https", "Host:443", "*.host:443", "münchen.test:443", "https://host:443", "::1:443", "a b:443"} {
		if _, err := outbound.New(&outbound.Options{Allow: []string{bad}}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, good := range []string{"host:443", "[::1]:8443", "127.0.0.1:80", "xn--mnchen-3ya.test:443"} {
		if _, err := outbound.New(&outbound.Options{Allow: []string{good}}); err != nil {
			t.Error(err)
		}
	}
}

func TestLiteral(t *testing.T) {
	for raw, want := range map[string]string{
		"http://localhost:8025/x": "localhost:8025", "https://127.0.0.1": "127.0.0.1:443", "http://[::1]": "[::1]:80",
		"https://hooks.internal": "", "https://localhost.evil.test": "", "https:///x": "",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := outbound.Literal(u); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %t", raw, got, ok)
		}
	}
}

// newDNS returns a resolver that answers the look-ups of IPv4 addresses one by one, the last
// answer again and again, and that knows no address of IPv6.
func newDNS(t *testing.T, answers ...net.IP) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for i := 0; ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12 + strings.IndexByte(string(buf[12:n]), 0) + 5 // the header and the question
			reply := append([]byte{}, buf[:end]...)
			reply[2], reply[3] = 0x84, 0
			reply[8], reply[9], reply[10], reply[11] = 0, 0, 0, 0 // no records beside
			if binary.BigEndian.Uint16(buf[end-4:]) == 1 {
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				reply = append(reply, answers[min(i, len(answers)-1)].To4()...)
				i++
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A proxy of the environment would look names up, and reach what the checks refuse. The
// environment is read once in a process, so the test looks at the transports.
func TestNoProxyIsUsed(t *testing.T) {
	c, err := outbound.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Proxies() {
		t.Error("the client uses the proxy of the environment")
	}
}
