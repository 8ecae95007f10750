package main_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// A balancer sends each request to the next of several servers, and to another
// where one cannot be reached.
type balancer struct {
	nodes []*url.URL
	next  atomic.Int64
	url   string
}

func newBalancer(t *testing.T, nodes ...string) *balancer {
	t.Helper()
	b := &balancer{}
	for _, n := range nodes {
		u, err := url.Parse(n)
		if err != nil {
			t.Fatal(err)
		}
		b.nodes = append(b.nodes, u)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(b.nodes[int(b.next.Add(1))%len(b.nodes)])
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: proxy}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	b.url = "http://" + l.Addr().String()
	return b
}

// twoNodes starts two servers on one database, with a pool and a client.
type twoNodes struct {
	a, b         *process
	urlA, urlB   string
	signer       *signer
	pool, client string
	dir, where   string
}

func startTwoNodes(t *testing.T) *twoNodes {
	t.Helper()
	dir := t.TempDir()
	where := postgrestest.Address(t)
	n := &twoNodes{dir: dir, where: where}
	n.signer = newSigner(t, dir, "--store", where)
	n.a, n.urlA = serveAt(t, dir, "--store", where)
	n.b, n.urlB = serveAt(t, dir, "--store", where)
	pool := call(t, n.urlA, "CreateUserPool", `{"PoolName":"main"}`, n.signer)
	n.pool = pool.UserPool.Id
	client := call(t, n.urlB, "CreateUserPoolClient",
		fmt.Sprintf(`{"UserPoolId":%q,"ClientName":"web","ExplicitAuthFlows":["ALLOW_USER_PASSWORD_AUTH","ALLOW_REFRESH_TOKEN_AUTH"]}`, n.pool), n.signer)
	n.client = client.UserPoolUser.ClientId
	if pool.status != 200 || client.status != 200 {
		t.Fatalf("pool %+v, client %+v", pool, client)
	}
	return n
}

func (n *twoNodes) signIn(t *testing.T, url, name string) *answer {
	t.Helper()
	return call(t, url, "InitiateAuth", fmt.Sprintf(
		`{"ClientId":%q,"AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":%q,"PASSWORD":"Passw0rd!"}}`, n.client, name), nil)
}

func (n *twoNodes) admin(t *testing.T, url, operation, name string) {
	t.Helper()
	if a := call(t, url, operation, fmt.Sprintf(`{"UserPoolId":%q,"Username":%q}`, n.pool, name), n.signer); a.status != 200 {
		t.Fatalf("%s: %+v", operation, a)
	}
}

func TestWhatOneNodeChangesHoldsOnTheOtherAtOnce(t *testing.T) {
	n := startTwoNodes(t)
	if a := call(t, n.urlA, "SignUp", signUpBody(n.client, "alice"), nil); a.status != 200 {
		t.Fatalf("SignUp: %+v", a)
	}
	n.admin(t, n.urlB, "AdminConfirmSignUp", "alice")
	in := n.signIn(t, n.urlA, "alice")
	if in.status != 200 {
		t.Fatalf("sign-in: %+v", in)
	}
	getUser := fmt.Sprintf(`{"AccessToken":%q}`, in.AuthenticationResult.AccessToken)
	for _, url := range []string{n.urlA, n.urlB} {
		if a := call(t, url, "GetUser", getUser, nil); a.status != 200 {
			t.Errorf("GetUser: %+v", a)
		}
	}
	if a := call(t, n.urlA, "GlobalSignOut", getUser, nil); a.status != 200 {
		t.Fatalf("GlobalSignOut: %+v", a)
	}
	if a := call(t, n.urlB, "GetUser", getUser, nil); a.Type != "NotAuthorizedException" {
		t.Errorf("signed out on one node, and the other says %+v", a)
	}
	n.admin(t, n.urlA, "AdminDisableUser", "alice")
	if a := n.signIn(t, n.urlB, "alice"); a.Type != "NotAuthorizedException" {
		t.Errorf("disabled on one node, and the other says %+v", a)
	}
	n.admin(t, n.urlB, "AdminEnableUser", "alice")
	if a := n.signIn(t, n.urlA, "alice"); a.status != 200 {
		t.Errorf("enabled on one node, and the other says %+v", a)
	}
	// Settings: a flow that is taken away is refused on the other node.
	update := fmt.Sprintf(`{"UserPoolId":%q,"ClientId":%q,"ClientName":"web","ExplicitAuthFlows":["ALLOW_REFRESH_TOKEN_AUTH"]}`, n.pool, n.client)
	if a := call(t, n.urlB, "UpdateUserPoolClient", update, n.signer); a.status != 200 {
		t.Fatalf("UpdateUserPoolClient: %+v", a)
	}
	if a := n.signIn(t, n.urlA, "alice"); a.Type != "InvalidParameterException" {
		t.Errorf("a flow taken away on one node, and the other says %+v", a)
	}
}

// Wrong passwords count on all nodes together.
func TestFailuresCountOnAllNodesTogether(t *testing.T) {
	n := startTwoNodes(t)
	call(t, n.urlA, "SignUp", signUpBody(n.client, "alice"), nil)
	n.admin(t, n.urlA, "AdminConfirmSignUp", "alice")
	wrong := fmt.Sprintf(`{"ClientId":%q,"AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{"USERNAME":"alice","PASSWORD":"wrong"}}`, n.client)
	for i := range 6 {
		call(t, []string{n.urlA, n.urlB}[i%2], "InitiateAuth", wrong, nil)
	}
	for _, url := range []string{n.urlA, n.urlB} {
		if a := n.signIn(t, url, "alice"); a.status == 200 {
			t.Error("the right password is let in after six failures on two nodes")
		}
	}
}

// One of two nodes is killed under load: whatever was acknowledged is there.
func TestKilledNodeLosesNothing(t *testing.T) {
	n := startTwoNodes(t)
	b := newBalancer(t, n.urlA, n.urlB)
	const writers = 16
	var next, refused atomic.Int64
	var mu sync.Mutex
	var known []string
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for ctx.Err() == nil {
				name := fmt.Sprintf("user%06d", next.Add(1)) // ascending, over all writers
				a, err := try(context.Background(), b.url, "SignUp", signUpBody(n.client, name), nil)
				switch {
				case err != nil || a.status == http.StatusBadGateway: // the node was killed
					refused.Add(1)
				case a.status != 200:
					t.Errorf("SignUp(%s): %+v", name, a)
				default:
					mu.Lock()
					known = append(known, name)
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(time.Second)
	if got := refused.Load(); got > 0 {
		t.Errorf("%d of %d sign-ups of ascending names failed on two nodes", got, next.Load())
	}
	n.b.kill()
	time.Sleep(500 * time.Millisecond)
	cancel()
	group.Wait()
	if len(known) == 0 || refused.Load() == 0 {
		t.Fatalf("%d sign-ups acknowledged, %d refused: nothing was tried", len(known), refused.Load())
	}
	for _, name := range known {
		a := call(t, n.urlA, "AdminGetUser", fmt.Sprintf(`{"UserPoolId":%q,"Username":%q}`, n.pool, name), n.signer)
		if a.status != 200 {
			t.Fatalf("%s was acknowledged, and is now %+v", name, a)
		}
	}
	t.Logf("%d sign-ups acknowledged, all there; %d met the killed node", len(known), refused.Load())
}

// A command on a database says what is wrong, and tells no password.
func TestDatabaseThatCannotBeReached(t *testing.T) {
	dir := t.TempDir()
	out, errs, code := run(t, dir, "pool", "list", "--store", "postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=1")
	if code != 1 || out != "" {
		t.Errorf("exit code %d, out %q", code, out)
	}
	if !strings.Contains(errs, "cannot open PostgreSQL") || !strings.Contains(errs, "hint: ") || strings.Contains(errs, "hunter2") {
		t.Errorf("stderr = %q", errs)
	}
	if !strings.Contains(errs, "check that PostgreSQL runs") || strings.Contains(errs, "UTF-8") {
		t.Errorf("the hint speaks of something else than a server that does not answer: %q", errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "cognate.key")); err == nil {
		t.Error("a key file was made though there is no store")
	}
}

// A schema whose name was mistyped is no store: a backup of nothing would be
// kept for the real one.
func TestMistypedSchemaIsNoStore(t *testing.T) {
	dir := t.TempDir()
	where := postgrestest.Address(t)
	for _, args := range [][]string{
		{"backup", "b"}, {"check"}, {"check", "--repair-indexes"}, {"secrets", "status"}, {"secrets", "rotate"}, {"user", "list"}, {"key", "list"},
	} {
		failure(t, dir, "is empty", "--store", append(args, "--store", where)...)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A backup of a database that is in use is restored to another, and to a file.
func TestBackupOfADatabase(t *testing.T) {
	n := startTwoNodes(t)
	if a := call(t, n.urlA, "SignUp", signUpBody(n.client, "alice"), nil); a.status != 200 {
		t.Fatalf("SignUp: %+v", a)
	}
	must := func(args ...string) {
		t.Helper()
		if out, errs, code := run(t, n.dir, args...); code != 0 {
			t.Fatalf("%q: %d\n%s%s", args, code, out, errs)
		}
	}
	other := postgrestest.Address(t)
	must("backup", "b.backup", "--store", n.where)
	must("restore", "b.backup", "--store", other)
	must("restore", "b.backup", "--store", "bolt:file.db")
	must("copy", "bolt:file.db", postgrestest.Address(t))
	for _, where := range []string{other, "bolt:file.db"} {
		must("check", "--store", where)
		out, errs, code := run(t, n.dir, "user", "list", "--store", where)
		if code != 0 || !strings.Contains(out, "alice@example.com") {
			t.Errorf("%d\n%s%s", code, out, errs)
		}
	}
	if _, errs, code := run(t, n.dir, "restore", "b.backup", "--store", other); code != 1 || !strings.Contains(errs, "is not empty") {
		t.Errorf("restored over what is there: %d %s", code, errs)
	}
}
