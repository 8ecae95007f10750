package edgetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type object = map[string]any

// register makes a pool with two users, the client of the edge, and that of a program.
func (w *world) register() {
	w.Helper()
	made := w.call("CreateUserPool", object{"PoolName": "edge"})
	w.pool = made["UserPool"].(object)["Id"].(string)
	made = w.call("CreateUserPoolClient", object{
		"UserPoolId": w.pool, "ClientName": "edge", "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": []string{"code"},
		"AllowedOAuthScopes": []string{"openid", "email", "profile"}, "CallbackURLs": []string{site + "/oauth2/callback"}, "LogoutURLs": []string{site + "/"},
		"SupportedIdentityProviders": []string{"COGNITO"},
	})
	c := made["UserPoolClient"].(object)
	w.client, w.secret = c["ClientId"].(string), c["ClientSecret"].(string)
	made = w.call("CreateUserPoolClient", object{
		"UserPoolId": w.pool, "ClientName": "program", "GenerateSecret": true, "ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"},
	})
	w.caller = made["UserPoolClient"].(object)["ClientId"].(string)
	for _, group := range []string{"admins", "readers"} {
		w.call("CreateGroup", object{"UserPoolId": w.pool, "GroupName": group})
	}
	for name, groups := range map[string][]string{"alice": {"admins", "readers"}, "bob": {"readers"}} {
		w.call("AdminCreateUser", object{
			"UserPoolId": w.pool, "Username": name, "MessageAction": "SUPPRESS", "UserAttributes": []object{
				{"Name": "email", "Value": name + "@example.com"}, {"Name": "email_verified", "Value": "true"}, {"Name": "name", "Value": strings.ToUpper(name[:1]) + name[1:] + " Ä."},
			},
		})
		w.call("AdminSetUserPassword", object{"UserPoolId": w.pool, "Username": name, "Password": password, "Permanent": true})
		for _, g := range groups {
			w.call("AdminAddUserToGroup", object{"UserPoolId": w.pool, "Username": name, "GroupName": g})
		}
	}
}

// token returns the access token of a user, for the program.
func (w *world) token(t *testing.T, name string) string {
	t.Helper()
	described := w.call("DescribeUserPoolClient", object{"UserPoolId": w.pool, "ClientId": w.caller})
	mac := hmac.New(sha256.New, []byte(described["UserPoolClient"].(object)["ClientSecret"].(string)))
	mac.Write([]byte(name + w.caller))
	res := w.call("InitiateAuth", object{"ClientId": w.caller, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": object{
		"USERNAME": name, "PASSWORD": password, "SECRET_HASH": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}})
	return res["AuthenticationResult"].(object)["AccessToken"].(string)
}

// call calls an operation of the server.
func (w *world) call(operation string, in object) object {
	w.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.server, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=00")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out object
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil && !errors.Is(err, io.EOF) || answer.StatusCode != http.StatusOK {
		w.Fatalf("%s: %d %v, %v", operation, answer.StatusCode, out, err)
	}
	return out
}

// A browser keeps cookies, and follows redirects where it is told to.
type browser struct {
	*world
	http *http.Client
}

// An answer is what a browser got. page is what the page behind the proxy has read, if it was reached.
type answer struct {
	status         int
	body, location string
	page           map[string]string
}

// told is what the page has read about who it is.
func (a *answer) told() string {
	var out []string
	for name, value := range a.page {
		low := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if strings.HasPrefix(low, "remote-") || strings.HasPrefix(low, "x-auth-request-") {
			out = append(out, name+": "+value)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func (w *world) stranger() *browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	transport := &http.Transport{DialContext: w.dial, TLSClientConfig: &tls.Config{RootCAs: w.roots}}
	w.Cleanup(transport.CloseIdleConnections)
	return &browser{w, &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// browser returns one that a user has signed in with, at a page.
func (w *world) browser(t *testing.T, name string) *browser {
	t.Helper()
	b := w.stranger()
	to := site + "/shelf?from=" + name
	for range 12 {
		a := b.get(to, "Accept", "text/html")
		if m := formTag.FindStringSubmatch(a.body); m != nil {
			form := url.Values{"username": {name}, "password": {password}}
			for _, h := range hiddenTag.FindAllStringSubmatch(m[2], -1) {
				form.Set(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
			}
			a = b.send(http.MethodPost, w.server+html.UnescapeString(m[1]), form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		}
		switch {
		case a.page != nil:
			if a.page["path"] != "/shelf?from="+name {
				t.Fatalf("after the sign-in the browser is at %s", a.page["path"])
			}
			return b
		case a.location == "":
			t.Fatalf("%d at %s\n%s", a.status, to, a.body)
		}
		next, err := url.Parse(to)
		if err == nil {
			next, err = next.Parse(a.location)
		}
		if err != nil {
			t.Fatal(err)
		}
		if to = next.String(); strings.HasPrefix(a.location, "/") && !strings.HasPrefix(to, site) {
			to = w.server + a.location
		}
	}
	t.Fatal("too many redirects")
	return nil
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

func (b *browser) get(to string, head ...string) *answer {
	b.Helper()
	return b.send(http.MethodGet, to, "", head...)
}

func (b *browser) send(method, to, body string, head ...string) *answer {
	b.Helper()
	if strings.HasPrefix(to, "/") {
		to = site + to
	}
	r, err := http.NewRequestWithContext(b.Context(), method, to, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		r.Header[head[i]] = []string{head[i+1]} // as it is: names with underscores too
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	a := &answer{status: res.StatusCode, body: string(text), location: res.Header.Get("Location")}
	if err := json.Unmarshal(text, &a.page); err != nil || a.page["method"] == "" {
		a.page = nil // somebody else has answered
	}
	return a
}

// cookie is what the browser sends to the site.
func (b *browser) cookie() string {
	u, err := url.Parse(site)
	if err != nil {
		b.Fatal(err)
	}
	var all []string
	for _, c := range b.http.Jar.Cookies(u) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}
