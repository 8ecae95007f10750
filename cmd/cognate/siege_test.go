//go:build linux

package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file besieges a server that runs in a process of its own: with connections that owe
// a body, with more passwords than it can hash, and with idle connections. `.ci/long siege`
// runs it in full.

// besiegers is how many sign-ins come at once. COGNATE_SIEGE sets it.
func besiegers(t *testing.T) int {
	t.Helper()
	text := os.Getenv("COGNATE_SIEGE")
	if text == "" {
		return 600
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("COGNATE_SIEGE: %v", err)
	}
	return n
}

// besieged starts a server that has a pool with a client.
func besieged(t *testing.T, args ...string) (p *process, url, client string) {
	t.Helper()
	dir := t.TempDir()
	s := newSigner(t, dir)
	p, url = serveAt(t, dir, args...)
	pool := call(t, url, "CreateUserPool", `{"PoolName":"main"}`, s).UserPool.Id
	client = call(t, url, "CreateUserPoolClient", fmt.Sprintf(
		`{"UserPoolId":%q,"ClientName":"web","PreventUserExistenceErrors":"ENABLED","ExplicitAuthFlows":["ALLOW_USER_PASSWORD_AUTH","ALLOW_REFRESH_TOKEN_AUTH"]}`, pool), s).UserPoolUser.ClientId
	return p, url, client
}

// memory returns the resident memory of a process in MiB: now, and at its highest.
func (p *process) memory() (now, peak int) {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	read := func(name string) int {
		_, rest, _ := strings.Cut(string(text), name+":")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			p.t.Fatalf("%s of the process: %v", name, err)
		}
		return n >> 10
	}
	return read("VmRSS"), read("VmHWM")
}

// from dials a server from an address of the loopback network.
func from(t *testing.T, source, url string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 10 * time.Second}
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatalf("dial from %s: %v", source, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// spread is one of many loopback addresses.
func spread(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250) }

const owedBody = 262144 // the longest that an operation takes

// TestConnectionsThatOweABodyLockNobodyOut opens as many connections as there are requests
// in flight at most, and more, of which each owes nearly all of a long body.
func TestConnectionsThatOweABodyLockNobodyOut(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a thousand connections")
	}
	p, url, client := besieged(t)
	before, _ := p.memory()
	for i := range 1030 {
		conn := from(t, spread(i), url)
		_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSCognitoIdentityProviderService.SignUp\r\n"+
			"Content-Length: %d\r\n\r\n{", owedBody)
		if err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(500 * time.Millisecond) // until the server has read what there is
	begin := time.Now()
	a := call(t, url, "SignUp", signUpBody(client, "alice"), nil)
	took := time.Since(begin)
	for a.status != http.StatusOK && time.Since(begin) < limit {
		time.Sleep(100 * time.Millisecond)
		a, took = call(t, url, "SignUp", signUpBody(client, "alice"), nil), time.Since(begin)
	}
	now, peak := p.memory()
	status, health := get(t, url+"/_cognate/health")
	t.Logf("1,030 connections that owe a body: a sign-up takes %v, memory %d MiB before, %d MiB now, %d MiB at most, health %d %s",
		took.Round(time.Millisecond), before, now, peak, status, strings.TrimSpace(health))
	if a.status != http.StatusOK || took > 3*time.Second {
		t.Errorf("a sign-up beside them took %v: %+v", took, a)
	}
	if now-before > 100 {
		t.Errorf("they hold %d MiB", now-before)
	}
}

// TestADeadlineIsNo500 sends more passwords at once than the server hashes in the time that
// a request has.
func TestADeadlineIsNo500(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes passwords for half a minute")
	}
	p, url, client := besieged(t)
	n := besiegers(t)
	transport := &http.Transport{MaxIdleConns: 1}
	http1 := &http.Client{Transport: transport, Timeout: 2 * limit}
	defer transport.CloseIdleConnections()
	var mu sync.Mutex
	counts := map[string]int{}
	var longest time.Duration
	var wg sync.WaitGroup
	begin := time.Now()
	for i := range n {
		wg.Go(func() {
			body := fmt.Sprintf(`{"ClientId":%q,"AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":"nobody-%d","PASSWORD":"Passw0rd!"}}`, client, i)
			answer := once(http1, url, "InitiateAuth", body)
			mu.Lock()
			defer mu.Unlock()
			counts[answer]++
			longest = max(longest, time.Since(begin))
		})
	}
	time.Sleep(300 * time.Millisecond)
	// A call that hashes nothing, while they wait.
	since := time.Now()
	a := call(t, url, "GetUser", `{"AccessToken":"e30.e30.no-token"}`, nil)
	other := time.Since(since)
	status, health := get(t, url+"/_cognate/health")
	wg.Wait()
	_, peak := p.memory()
	t.Logf("%d sign-ins at once: %v, the last after %v, memory at most %d MiB; a call that hashes nothing took %v (%s), health %d %s",
		n, counts, longest.Round(time.Millisecond), peak, other.Round(time.Millisecond), a.Type, status, strings.TrimSpace(health))
	for answer, k := range counts {
		if strings.HasPrefix(answer, "5") || strings.HasPrefix(answer, "error") {
			t.Errorf("%d of %d were answered %s", k, n, answer)
		}
	}
	if counts["400 NotAuthorizedException"] == 0 {
		t.Errorf("nobody got an answer: %v", counts)
	}
	if a.Type != "NotAuthorizedException" {
		t.Errorf("a call that hashes nothing was answered %+v", a)
	}
}

// once sends a request over a connection of its own, and returns status and type of the answer.
func once(c *http.Client, url, operation, body string) string {
	r := request(context.Background(), url, operation, body, nil)
	r.Close = true
	res, err := c.Do(r)
	if err != nil {
		return "error " + err.Error()
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	typ, _, _ := strings.Cut(res.Header.Get("X-Amzn-ErrorType"), ":")
	return fmt.Sprintf("%d %s", res.StatusCode, typ)
}

// TestIdleConnectionsLockNobodyOut opens 5,000 connections that do nothing.
func TestIdleConnectionsLockNobodyOut(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	p, url, client := besieged(t)
	before, _ := p.memory()
	const n = 5000
	idle := make([]net.Conn, 0, n)
	for i := range n {
		idle = append(idle, from(t, spread(i), url))
	}
	begin := time.Now()
	a := call(t, url, "SignUp", signUpBody(client, "alice"), nil)
	took := time.Since(begin)
	now, _ := p.memory()
	open := stillOpen(idle)
	for range 3 { // what waits to be accepted looks open too, and is closed soon
		if len(open) > 4096 {
			open = stillOpen(open)
		}
	}
	t.Logf("%d idle connections: %d are open, a sign-up takes %v, memory %d MiB before, %d MiB now", n, len(open), took.Round(time.Millisecond), before, now)
	if a.status != http.StatusOK || took > 3*time.Second {
		t.Errorf("a sign-up beside them took %v: %+v", took, a)
	}
	if len(open) > 4096 {
		t.Errorf("%d idle connections are open", len(open))
	}
}

// stillOpen are the connections that the server has not closed.
// All are looked at at once: one after the other they would take longer than the server gives
// a connection to send its first request, so that none would be open.
func stillOpen(all []net.Conn) (open []net.Conn) {
	is := make([]bool, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				return
			}
			_, err := c.Read(make([]byte, 1))
			is[i] = os.IsTimeout(err)
		})
	}
	wg.Wait()
	for i, c := range all {
		if is[i] {
			open = append(open, c)
		}
	}
	return open
}

// TestLengthAndTransferEncodingCloseTheConnection holds RFC 9112, section 6.1: who sends both
// may be smuggling a second request.
func TestLengthAndTransferEncodingCloseTheConnection(t *testing.T) {
	_, url := serveAt(t, t.TempDir())
	for _, target := range []string{
		"POST / HTTP/1.1\r\nX-Amz-Target: AWSCognitoIdentityProviderService.GetUser", "POST / HTTP/1.1\r\nX-Amz-Target: nothing",
		"GET /us-east-1_abcdefghi/.well-known/jwks.json HTTP/1.1", "GET /_cognate/health HTTP/1.1",
	} {
		conn := from(t, "127.0.0.1", url)
		const chunk = "1b\r\n{\"AccessToken\":\"e30.e30.x\"}\r\n0\r\n\r\n"
		fmt.Fprintf(conn, "%s\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%s"+
			"GET /_cognate/health HTTP/1.1\r\nHost: localhost\r\n\r\n", target, chunk)
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		all, err := io.ReadAll(bufio.NewReader(conn))
		if answers := strings.Count(string(all), "HTTP/1.1 "); err != nil || answers != 1 {
			t.Errorf("%s: %d answers, want one and the end of the connection (%v):\n%s", target, answers, err, all)
		}
	}
}
