package wire_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// A gate is a handler whose calls wait inside until they are let go.
type gate struct {
	*wire.Handler
	entered, release chan struct{}
}

func newGate(o *wire.Options) *gate {
	g := &gate{entered: make(chan struct{}), release: make(chan struct{})}
	g.Handler = wire.NewHandler(o, idp.Service(&idp.Handlers{
		ListUserPools: func(context.Context, *idp.ListUserPoolsRequest) (*idp.ListUserPoolsResponse, error) {
			g.entered <- struct{}{}
			<-g.release
			return &idp.ListUserPoolsResponse{}, nil
		},
		DescribeUserPool: func(context.Context, *idp.DescribeUserPoolRequest) (*idp.DescribeUserPoolResponse, error) {
			return &idp.DescribeUserPoolResponse{}, nil
		},
	}))
	return g
}

// ask sends a request of a source, and returns the answer.
func (g *gate) ask(source, op, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", idpPrefix+op)
	r.RemoteAddr = source
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// TestOneSourceDoesNotTakeAllSlots: one has a quarter, and others are served beside it.
func TestOneSourceDoesNotTakeAllSlots(t *testing.T) {
	overloads := 0
	g := newGate(&wire.Options{
		MaxInFlight: 8, Source: func(r *http.Request) string { return r.RemoteAddr },
		Failed: func(context.Context, *http.Request, *wire.Operation, *wire.Error) { overloads++ },
	})
	const slow, quick = `{"MaxResults":1}`, `{"UserPoolId":"us-east-1_a"}`
	enter := func(source string) {
		go g.ask(source, "ListUserPools", slow)
		<-g.entered
	}
	refused := func(source string) bool {
		w := g.ask(source, "DescribeUserPool", quick)
		return strings.Contains(w.Body.String(), "TooManyRequestsException")
	}
	enter("a")
	enter("a")
	if !refused("a") {
		t.Error("the third of a source is served, want at most a quarter of 8")
	}
	if refused("b") || g.Full() {
		t.Error("a source takes the slots of another")
	}
	for range 6 { // of no source, so without a bound of its own
		enter("")
	}
	if !refused("b") || !refused("") || !g.Full() {
		t.Error("more than all slots are taken")
	}
	if overloads != 3 {
		t.Errorf("%d refusals were told, want 3", overloads)
	}
	for range 8 {
		g.release <- struct{}{}
	}
	for range 100 {
		if !refused("a") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the slots do not come back")
}

// listen serves a handler on a port and returns its address.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// owe sends the head of a request, and the first byte of a body of some length.
func owe(t *testing.T, addr, op string, length int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: %s%s\r\nContent-Length: %d\r\n\r\n{", idpPrefix, op, length); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestWhoOwesABodyTakesNoSlot: one slot serves others meanwhile, and the debtor has a deadline.
func TestWhoOwesABodyTakesNoSlot(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a body that does not come")
	}
	t.Parallel()
	g := newGate(&wire.Options{MaxInFlight: 1, BodyTimeout: 300 * time.Millisecond})
	addr := listen(t, g)
	debtor := owe(t, addr, "DescribeUserPool", 1000)
	time.Sleep(50 * time.Millisecond)
	if w := g.ask("", "DescribeUserPool", `{"UserPoolId":"us-east-1_a"}`); w.Code != http.StatusOK {
		t.Errorf("beside a body that is owed: %d %s", w.Code, w.Body)
	}
	debtor.SetReadDeadline(time.Now().Add(5 * time.Second))
	all, err := io.ReadAll(debtor)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 408 ") || !strings.Contains(string(all), "RequestTimeoutException") {
		t.Errorf("the debtor is answered %q, %v, want 408 and the end of the connection", all, err)
	}
}

// TestBodiesInTimeAreTaken: the deadline of a body does not end the request.
func TestBodiesInTimeAreTaken(t *testing.T) {
	t.Parallel()
	g := newGate(&wire.Options{BodyTimeout: 100 * time.Millisecond})
	conn := owe(t, listen(t, g), "ListUserPools", 16)
	io.WriteString(conn, `"MaxResults":1}`)
	<-g.entered
	time.Sleep(200 * time.Millisecond)
	g.release <- struct{}{}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("answer %v, %v, want 200", res, err)
	}
}

// TestABodyTakesNoMemoryBeforeItArrives: Content-Length alone reserves nothing.
func TestABodyTakesNoMemoryBeforeItArrives(t *testing.T) {
	addr := listen(t, newGate(nil))
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	const n = 100
	for range n {
		owe(t, addr, "DescribeUserPool", 262_144)
	}
	time.Sleep(100 * time.Millisecond) // until the server reads the bodies
	if each := (held() - before) / n; each > 64<<10 {
		t.Errorf("a body that is owed takes %d bytes", each)
	}
}

// TestLongBodiesHaveABudget: all long bodies together take no more than 64 MiB.
func TestLongBodiesHaveABudget(t *testing.T) {
	if testing.Short() {
		t.Skip("sends bodies of 70 MB")
	}
	t.Parallel()
	g := newGate(nil)
	addr := listen(t, g)
	long := strings.Repeat(" ", 250_000)
	var refused bool
	for range 280 { // 70 MB
		conn := owe(t, addr, "DescribeUserPool", 262_144)
		io.WriteString(conn, long)
		conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			refused = true
			conn.Close()
		}
	}
	for i := 0; !refused && i < 100; i++ {
		w := g.ask("", "DescribeUserPool", strings.Repeat(" ", 200_000)+`{"UserPoolId":"us-east-1_a"}`)
		refused = strings.Contains(w.Body.String(), "TooManyRequestsException")
		time.Sleep(10 * time.Millisecond)
	}
	if !refused {
		t.Error("70 MB of bodies are held")
	}
	if w := g.ask("", "DescribeUserPool", `{"UserPoolId":"us-east-1_a"}`); w.Code != http.StatusOK {
		t.Errorf("a short body beside them: %d %s", w.Code, w.Body)
	}
}

// TestChunkedBodyEndsTheConnection: it may have had a Content-Length too (RFC 9112, 6.1).
func TestChunkedBodyEndsTheConnection(t *testing.T) {
	addr := listen(t, newGate(nil))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const request = "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: " + idpPrefix + "DescribeUserPool\r\n" +
		"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n{\"UserPoolId\":\"us-east-1_a\"}\r\n0\r\n\r\n"
	io.WriteString(conn, request+request)
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	all, err := io.ReadAll(conn)
	if n := strings.Count(string(all), "HTTP/1.1 200 OK"); err != nil || n != 1 || !strings.Contains(string(all), "Connection: close") {
		t.Errorf("%d answers, %v, want one and the end of the connection: %s", n, err, all)
	}
}
