package clients_test

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const callback = "http://localhost:3000/cb"

// A browser keeps cookies, and stops where it is sent to the application.
type browser struct {
	*testing.T
	http *http.Client
	page string
	at   *url.URL
	out  *url.URL // where the application gets its answer
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{T: t}
	b.http = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			b.out = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

func (b *browser) do(r *http.Request, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
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
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, to.String(), strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	b.do(r, err)
}

// A program that signs people in with golang.org/x/oauth2 and go-oidc.
func TestOAuth2(t *testing.T) {
	w := newWorld(t, nil, nil)
	made := must(w.api.CreateUserPoolClient(t.Context(), &cip.CreateUserPoolClientInput{
		UserPoolId: &w.pool, ClientName: aws.String("web"), GenerateSecret: true, AllowedOAuthFlowsUserPoolClient: true,
		AllowedOAuthFlows: []types.OAuthFlowType{types.OAuthFlowTypeCode}, AllowedOAuthScopes: []string{"openid", "email"}, CallbackURLs: []string{callback},
	}))(w)
	name, password := "olga", "Correct-Horse-1"
	must(w.api.AdminCreateUser(t.Context(), &cip.AdminCreateUserInput{
		UserPoolId: &w.pool, Username: &name, TemporaryPassword: &password, MessageAction: types.MessageActionTypeSuppress,
		UserAttributes: listed("email", "olga@example.com"),
	}))(w)
	must(w.api.AdminSetUserPassword(t.Context(), &cip.AdminSetUserPasswordInput{UserPoolId: &w.pool, Username: &name, Password: &password, Permanent: true}))(w)

	provider, err := oidc.NewProvider(t.Context(), w.url+"/"+w.pool)
	if err != nil {
		t.Fatal(err)
	}
	c := oauth2.Config{
		ClientID: *made.UserPoolClient.ClientId, ClientSecret: *made.UserPoolClient.ClientSecret,
		Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: []string{"openid", "email"},
	}
	verifier := oauth2.GenerateVerifier()
	b := newBrowser(t)
	b.do(http.NewRequestWithContext(t.Context(), http.MethodGet, c.AuthCodeURL("st", oidc.Nonce("n"), oauth2.S256ChallengeOption(verifier)), nil))
	b.submit(map[string]string{"username": name, "password": password})
	if b.out == nil || b.out.Query().Get("state") != "st" {
		t.Fatalf("the application gets %v\n%s", b.out, b.page)
	}
	code := b.out.Query().Get("code")
	tokens, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: c.ClientID}).Verify(t.Context(), raw)
	if err != nil || id.Nonce != "n" {
		t.Fatalf("%+v, %v", id, err)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		t.Error(err)
	}
	info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tokens))
	if err != nil || info.Subject != id.Subject || info.Email != "olga@example.com" {
		t.Errorf("user info %+v, %v", info, err)
	}
	again, err := c.TokenSource(t.Context(), &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
	if err != nil || again.AccessToken == tokens.AccessToken {
		t.Errorf("refresh: %v", err)
	}
	_, err = c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" {
		t.Errorf("a code that comes twice: %v", err)
	}
}
