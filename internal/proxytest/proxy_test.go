// Package proxytest puts oauth2-proxy in front of a page, and Cognate behind it. internal/clients/run starts the server:
// the suite is named proxy. It is a module of its own, so that oauth2-proxy is in no go.sum of those who import Cognate.
package proxytest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const password = "Correct-Horse-1"

func TestPageBehindTheProxy(t *testing.T) {
	server := os.Getenv("COGNATE_URL")
	if server == "" {
		t.Fatal("COGNATE_URL is not set; start this test with internal/clients/run proxy")
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bye" {
			_, _ = io.WriteString(w, "bye")
			return
		}
		_, _ = fmt.Fprintf(w, "%s reads with %s", r.Header.Get("X-Forwarded-Email"), r.Header.Get("X-Forwarded-Access-Token"))
	}))
	defer page.Close()
	site := "http://" + freePort(t)
	pool, client, secret := register(t, server, site, page.URL)
	startProxy(t, server+"/"+pool, client, secret, site, page.URL)

	b := newBrowser(t)
	b.get(site + "/shelf?x=1")
	if b.at.Path != "/login" || b.asked.Get("code_challenge_method") != "S256" {
		t.Fatalf("the browser is at %s, and the proxy has sent %v", b.at, b.asked)
	}
	b.submit(map[string]string{"username": "alice", "password": password})
	if b.at.String() != site+"/shelf?x=1" {
		t.Fatalf("after the sign-in: at %s\n%s", b.at, b.page)
	}
	first, ok := strings.CutPrefix(b.page, "alice@example.com reads with ")
	if !ok || first == "" {
		t.Fatalf("the page: %s", b.page)
	}

	time.Sleep(2 * time.Second) // then the proxy refreshes the tokens
	b.get(site + "/shelf")
	again, ok := strings.CutPrefix(b.page, "alice@example.com reads with ")
	if !ok || again == first {
		t.Errorf("the page after a refresh: %s", b.page)
	}

	other := newBrowser(t)
	if other.get(site + "/shelf"); other.at.Path != "/login" {
		t.Errorf("another browser is at %s", other.at)
	}
	out := server + "/logout?" + url.Values{"client_id": {client}, "logout_uri": {page.URL + "/bye"}}.Encode()
	if b.get(site + "/oauth2/sign_out?" + url.Values{"rd": {out}}.Encode()); b.page != "bye" {
		t.Errorf("after the sign-out: at %s\n%s", b.at, b.page)
	}
	if b.get(site + "/shelf"); b.at.Path != "/login" {
		t.Errorf("after the sign-out the browser reads %s\n%s", b.at, b.page)
	}
}

// register makes a pool with a user, and the client of the proxy.
func register(t *testing.T, server, site, page string) (pool, client, secret string) {
	t.Helper()
	type object = map[string]any
	made := call(t, server, "CreateUserPool", object{"PoolName": "proxy"})
	pool = made["UserPool"].(object)["Id"].(string)
	made = call(t, server, "CreateUserPoolClient", object{
		"UserPoolId": pool, "ClientName": "proxy", "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": []string{"code"},
		"AllowedOAuthScopes": []string{"openid", "email", "profile"}, "CallbackURLs": []string{site + "/oauth2/callback"}, "LogoutURLs": []string{page + "/bye"},
		"SupportedIdentityProviders": []string{"COGNITO"},
	})
	c := made["UserPoolClient"].(object)
	call(t, server, "AdminCreateUser", object{
		"UserPoolId": pool, "Username": "alice", "MessageAction": "SUPPRESS",
		"UserAttributes": []object{{"Name": "email", "Value": "alice@example.com"}, {"Name": "email_verified", "Value": "true"}},
	})
	call(t, server, "AdminSetUserPassword", object{"UserPoolId": pool, "Username": "alice", "Password": password, "Permanent": true})
	return pool, c["ClientId"].(string), c["ClientSecret"].(string)
}

// call makes a call of an operator, whose signature "cognate dev" takes unseen.
func call(t *testing.T, server, operation string, in any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=00")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v, %v", operation, answer.StatusCode, out, err)
	}
	return out
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// startProxy builds oauth2-proxy, and starts it at site in front of a page.
func startProxy(t *testing.T, issuer, client, secret, site, page string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "oauth2-proxy")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/oauth2-proxy/oauth2-proxy/v7").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	cmd := exec.CommandContext(t.Context(), bin,
		"--provider=oidc", "--oidc-issuer-url="+issuer, "--client-id="+client, "--client-secret="+secret, "--code-challenge-method=S256",
		"--redirect-url="+site+"/oauth2/callback", "--http-address="+strings.TrimPrefix(site, "http://"), "--upstream="+page,
		"--email-domain=*", "--skip-provider-button", "--pass-access-token", "--whitelist-domain=127.0.0.1:*",
		"--cookie-secret="+base64.URLEncoding.EncodeToString(key), "--cookie-secure=false", "--cookie-refresh=1s",
	)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("oauth2-proxy says:\n%s", log.String())
		}
	})
	for range 100 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/ping", nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("oauth2-proxy does not answer")
}

// A browser keeps cookies and follows redirects.
type browser struct {
	*testing.T
	http  *http.Client
	page  string
	at    *url.URL
	asked url.Values // of the last request to authorize
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{T: t}
	b.http = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/oauth2/authorize" {
			b.asked = r.URL.Query()
		}
		return nil
	}}
	return b
}

func (b *browser) get(at string) { b.Helper(); b.do(http.MethodGet, at, nil) }

func (b *browser) do(method, at string, form url.Values) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.http.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	b.page, b.at = string(body), answer.Request.URL
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// submit sends the first form of the page.
func (b *browser) submit(typed map[string]string) {
	b.Helper()
	m := formTag.FindStringSubmatch(b.page)
	if m == nil {
		b.Fatalf("no form in\n%s", b.page)
	}
	form := url.Values{}
	for _, h := range hiddenTag.FindAllStringSubmatch(m[2], -1) {
		form.Set(h[1], html.UnescapeString(h[2]))
	}
	for name, value := range typed {
		form.Set(name, value)
	}
	to, err := b.at.Parse(html.UnescapeString(m[1]))
	if err != nil {
		b.Fatal(err)
	}
	b.do(http.MethodPost, to.String(), form)
}
