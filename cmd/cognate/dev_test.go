package main_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestDevPrintsWhatThereIs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake; TestDevTLS reads the addresses that one prints")
	}
	p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0")
	url, pool, client := p.value("Endpoint"), p.value("User pool"), p.value("Client")
	if !strings.HasPrefix(url, "http://127.0.0.1:") || strings.HasSuffix(url, ":0") {
		t.Errorf("endpoint = %s, want the port that is listened on", url)
	}
	if got, want := p.value("Issuer"), url+"/"+pool; got != want {
		t.Errorf("issuer = %s, want %s", got, want)
	}
	if status, body := get(t, url+"/_cognate/health"); status != 200 || !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("health: %d %s", status, body)
	}
	jwks := p.value("JWKS")
	if !strings.HasPrefix(jwks, url+"/"+pool+"/") {
		t.Errorf("JWKS at %s", jwks)
	}
	if !testing.Short() { // the first request for them makes an RSA key
		if status, body := get(t, jwks); status != 200 || !strings.Contains(body, `"kid"`) {
			t.Errorf("JWKS: %d %s", status, body)
		}
	}
	for _, want := range []string{"Not for real users", "any signature is accepted", "hashed cheaply"} {
		if !strings.Contains(p.stdout.text(), want) {
			t.Errorf("the greeting lacks %q:\n%s", want, p.stdout.text())
		}
	}
	if errs := p.stderr.text(); errs != "" {
		t.Errorf("stderr = %q", errs)
	}
	line := p.stdout.await(t, p.done, "aws cognito-idp sign-up")
	want := "aws cognito-idp sign-up --endpoint-url " + url + " --region us-east-1 --no-sign-request --client-id " + client +
		" --username alice --password 'Passw0rd!' --user-attributes Name=email,Value=alice@example.com"
	if strings.TrimSpace(line) != want {
		t.Errorf("line to try = %q, want %q", line, want)
	}
}

func TestDevShowsCodes(t *testing.T) {
	p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0")
	url, client := p.value("Endpoint"), p.value("Client")
	if a := call(t, url, "SignUp", signUpBody(client, "alice"), nil); a.status != 200 {
		t.Fatalf("SignUp: %+v", a)
	}
	line := p.stdout.await(t, p.done, "alice <alice@example.com>")
	_, code, _ := strings.Cut(line, "code ")
	if _, body := get(t, p.value("Outbox")+"?username=alice"); len(code) != 6 || !strings.Contains(body, `"code":"`+code+`"`) {
		t.Errorf("shown: %q, outbox: %s", line, body)
	}
	a := call(t, url, "ConfirmSignUp", fmt.Sprintf(`{"ClientId":%q,"Username":"alice","ConfirmationCode":%q}`, client, code), nil)
	if a.status != 200 {
		t.Errorf("ConfirmSignUp with the code shown: %+v", a)
	}
}

func TestDevEmpty(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake; TestEmpty of `identity/identitytest` has one in its own process")
	}
	p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0", "--empty", "--region", "eu-west-1")
	url := p.value("Endpoint")
	p.stdout.await(t, p.done, "aws cognito-idp create-user-pool")
	if a := call(t, url, "ListUserPools", `{"MaxResults":10}`, nil); a.status != 200 || len(a.UserPools) != 0 {
		t.Errorf("ListUserPools: %+v", a)
	}
	if a := call(t, url, "CreateUserPool", `{"PoolName":"a"}`, nil); !strings.HasPrefix(a.UserPool.Id, "eu-west-1_") {
		t.Errorf("CreateUserPool: %+v", a)
	}
}

func TestDevWarnsOfOpenAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake for one warning; the script `dev` reads that of another flag")
	}
	p := start(t, t.TempDir(), "dev", "--addr", "0.0.0.0:0")
	p.stderr.await(t, p.done, "WARNING")
	if url := p.value("Endpoint"); !strings.HasPrefix(url, "http://localhost:") {
		t.Errorf("endpoint = %s, want one that this machine can use", url)
	}
}

func TestDevIssuer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake for each issuer; TestServeSelfIssuer tells that of a server")
	}
	issuers := map[string]string{
		"aws":                      "https://cognito-idp.us-east-1.amazonaws.com/",
		"https://auth.example.com": "https://auth.example.com/",
	}
	for issuer, want := range issuers {
		p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0", "--issuer", issuer)
		if got := p.value("Issuer"); got != want+p.value("User pool") {
			t.Errorf("issuer with --issuer %s = %s", issuer, got)
		}
	}
}

func TestDevControlIsForThisMachineOnly(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake; `identity/identitytest` asks one in its own process")
	}
	p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0")
	url := p.value("Endpoint")
	for _, tt := range []struct {
		name, host, origin string
		status             int
	}{
		{"plain", "", "", 200},
		{"rebound name", "evil.example", "", 403},
		{"foreign page", "", "https://evil.example", 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/_cognate/outbox", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = tt.host
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.status || res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("answer = %d %v, want %d without CORS", res.StatusCode, res.Header, tt.status)
			}
		})
	}
}

func TestDevStopsAtASignal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a fake on a file; TestServeWritesNoCodesUnasked stops a server by a signal")
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0", "--store", "bolt:dev.db")
		p.value("Endpoint")
		p.signal(s)
		if code := p.wait(); code != 0 {
			t.Errorf("exit code after %v = %d\n%s", s, code, p.stderr.text())
		}
	}
}

// kills is how many times TestKilledServerLosesNothing kills the server.
func kills(t *testing.T) int {
	if text := os.Getenv("COGNATE_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("COGNATE_KILLS: %v", err)
		}
		return n
	}
	if testing.Short() {
		return 1
	}
	return 20
}

// TestKilledServerLosesNothing kills a server in the middle of sign-ups. Who
// was told to be registered is there when it starts again.
func TestKilledServerLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a server; TestKill of `store/bolt` kills a program")
	}
	dir := t.TempDir()
	var known []string // acknowledged, in all rounds
	var pool string
	restart := func() *process {
		t.Helper()
		p := start(t, dir, "dev", "--addr", "127.0.0.1:0", "--store", "bolt:dev.db")
		if got := p.value("User pool"); pool != "" && got != pool {
			t.Fatalf("pool %s, want %s as before", got, pool)
		}
		pool = p.value("User pool")
		return p
	}
	for round := range kills(t) {
		p := restart()
		done := signUpUntilKilled(t, p, p.value("Endpoint"), p.value("Client"), round)
		p = restart()
		wantUsers(t, p.value("Endpoint"), pool, done)
		known = append(known, done...)
		p.kill()
	}
	wantUsers(t, restart().value("Endpoint"), pool, known)
	t.Logf("%d sign-ups were acknowledged", len(known))
	if len(known) == 0 {
		t.Error("no sign-up was acknowledged")
	}
}

// wantUsers holds that all of some users are there.
func wantUsers(t *testing.T, url, pool string, names []string) {
	t.Helper()
	for _, name := range names {
		a := call(t, url, "AdminGetUser", fmt.Sprintf(`{"UserPoolId":%q,"Username":%q}`, pool, name), nil)
		if a.status != 200 || a.UserStatus != "UNCONFIRMED" {
			t.Fatalf("%s was acknowledged, and is now %+v", name, a)
		}
	}
}

// signUpUntilKilled signs users up over several connections, kills the server
// at some moment in between, and returns the names that were acknowledged.
func signUpUntilKilled(t *testing.T, p *process, url, client string, round int) []string {
	t.Helper()
	var mu sync.Mutex
	var done []string
	var wg sync.WaitGroup
	first := make(chan struct{}, 1)
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("r%d-w%d-%d", round, w, i)
				a, err := try(context.Background(), url, "SignUp", signUpBody(client, name), nil)
				if err != nil {
					return // killed
				}
				if a.status != 200 {
					t.Errorf("SignUp(%s): %+v", name, a)
					return
				}
				mu.Lock()
				done = append(done, name)
				mu.Unlock()
				select {
				case first <- struct{}{}:
				default:
				}
			}
		})
	}
	select {
	case <-first:
	case <-time.After(limit):
		t.Error("no sign-up was acknowledged")
	}
	time.Sleep(time.Duration(round*37%100) * time.Millisecond) // another moment in each round
	p.kill()
	wg.Wait()
	return done
}

// TestLineToTry pastes the line of the greeting into a shell, where the AWS CLI is there.
func TestLineToTry(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the AWS CLI, which takes seconds")
	}
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("needs the AWS CLI")
	}
	p := start(t, t.TempDir(), "dev", "--addr", "127.0.0.1:0")
	line := p.stdout.await(t, p.done, "aws cognito-idp sign-up")
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	p.stdout.await(t, p.done, "alice <alice@example.com>  code ")
}
