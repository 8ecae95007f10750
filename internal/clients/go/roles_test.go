package clients_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/identity/idpool/sts"
)

const roles = "arn:aws:iam::123456789012:role/"

// A rolesWorld is a server of its own with an identity pool for guests, whose role may read.
type rolesWorld struct {
	*testing.T
	server     *identitytest.Server
	identities *cognitoidentity.Client
	pool       string
	guest      string // an identity
}

func newRoles(t *testing.T) *rolesWorld {
	t.Helper()
	w := &rolesWorld{T: t, server: identitytest.NewServer(t, nil)}
	w.identities = cognitoidentity.New(cognitoidentity.Options{BaseEndpoint: &w.server.URL, Region: region, Credentials: static("AKIAIOSFODNN7EXAMPLE", "any", "")})
	w.pool = *must(w.identities.CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true, AllowClassicFlow: aws.Bool(true),
	}))(t).IdentityPoolId
	w.role("guest", sts.PoolTrust(w.pool, true), sts.Statement(false, []string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:*:*:api/prod/GET/*"}))
	must(w.identities.SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: &w.pool, Roles: map[string]string{"unauthenticated": roles + "guest"},
	}))(t)
	w.guest = *must(w.identities.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &w.pool}))(t).IdentityId
	return w
}

func (w *rolesWorld) role(name, trust, document string) {
	w.Helper()
	must(w.server.Roles().CreateRole(w.Context(), &sts.Role{ARN: roles + name, Trust: trust, Policies: map[string]string{"p": document}}))(w)
}

func static(id, secret, token string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
	})
}

func (w *rolesWorld) sts(c aws.CredentialsProvider) *awssts.Client {
	return awssts.New(awssts.Options{BaseEndpoint: &w.server.URL, Region: region, Credentials: c})
}

func given(c *ststypes.Credentials) aws.CredentialsProvider {
	return static(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRolesOfTheClassicFlow goes from an open ID token to credentials of another role.
func TestRolesOfTheClassicFlow(t *testing.T) {
	w := newRoles(t)
	token := must(w.identities.GetOpenIdToken(t.Context(), &cognitoidentity.GetOpenIdTokenInput{IdentityId: &w.guest}))(t).Token
	anonymous := w.sts(aws.AnonymousCredentials{})
	in := &awssts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(roles + "guest"), RoleSessionName: aws.String("app"), WebIdentityToken: token, DurationSeconds: aws.Int32(900)}
	got := must(anonymous.AssumeRoleWithWebIdentity(t.Context(), in))(t)
	if *got.SubjectFromWebIdentityToken != w.guest || *got.Audience != w.pool || *got.Provider != "cognito-identity.amazonaws.com" ||
		*got.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/guest/app" || time.Until(*got.Credentials.Expiration) > 15*time.Minute {
		t.Errorf("got %+v", got)
	}
	caller := must(w.sts(given(got.Credentials)).GetCallerIdentity(t.Context(), nil))(t)
	if *caller.Arn != *got.AssumedRoleUser.Arn || *caller.UserId != *got.AssumedRoleUser.AssumedRoleId || *caller.Account != "123456789012" {
		t.Errorf("caller %+v", caller)
	}
	in.RoleArn = aws.String(roles + "other")
	_, err := anonymous.AssumeRoleWithWebIdentity(t.Context(), in)
	wantCode(t, err, "AccessDenied")
	in.WebIdentityToken = aws.String("a.b.c")
	_, err = anonymous.AssumeRoleWithWebIdentity(t.Context(), in)
	if _, ok := errors.AsType[*ststypes.InvalidIdentityTokenException](err); !ok {
		t.Errorf("got %v", err)
	}
	_, err = w.sts(static(*got.Credentials.AccessKeyId, "other", *got.Credentials.SessionToken)).GetCallerIdentity(t.Context(), nil)
	wantCode(t, err, "SignatureDoesNotMatch")
}

// TestRolesOfAUserPool: a trust policy names the user pool, and the role may assume another one with tags.
func TestRolesOfAUserPool(t *testing.T) {
	w := newRoles(t)
	w.server.AddUser("ada", password, nil)
	users := anonymous(w.server.URL)
	signedIn := must(users.InitiateAuth(t.Context(), &cip.InitiateAuthInput{
		AuthFlow: "USER_PASSWORD_AUTH", ClientId: &w.server.ClientID, AuthParameters: map[string]string{"USERNAME": "ada", "PASSWORD": password},
	}))(t)
	provider := "cognito-idp." + region + ".amazonaws.com/" + w.server.PoolID
	w.role("broker", fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":%q},"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{%q:%q}}}}`, provider, provider+":aud", w.server.ClientID), sts.Statement(false, []string{"sts:AssumeRole"}, []string{roles + "team"}))
	w.role("team", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":["sts:AssumeRole","sts:TagSession"]}}`,
		sts.Statement(false, []string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:*:*:api/prod/GET/${aws:PrincipalTag/team}"}))
	first := must(w.sts(aws.AnonymousCredentials{}).AssumeRoleWithWebIdentity(t.Context(), &awssts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(roles + "broker"), RoleSessionName: aws.String("ada"), WebIdentityToken: signedIn.AuthenticationResult.IdToken,
	}))(t)
	second := must(w.sts(given(first.Credentials)).AssumeRole(t.Context(), &awssts.AssumeRoleInput{
		RoleArn: aws.String(roles + "team"), RoleSessionName: aws.String("ada"), Tags: []ststypes.Tag{{Key: aws.String("team"), Value: aws.String("red")}},
	}))(t)
	for path, want := range map[string]int{"/red": 200, "/blue": 403} {
		if status, body := w.call(given(second.Credentials), http.MethodGet, path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, err := w.sts(given(first.Credentials)).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(roles + "guest"), RoleSessionName: aws.String("ada")})
	wantCode(t, err, "AccessDenied")
}

// api is an API behind the middleware, which says who called.
func (w *rolesWorld) api() *httptest.Server {
	s := w.server.Roles()
	h := s.Middleware(nil)(s.RequireFunc("execute-api:Invoke", sts.InvokeARN(region, "123456789012", "api", "prod"))(
		http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			v, _ := sts.FromContext(r.Context())
			fmt.Fprint(rw, v.Session.IdentityID)
		})))
	api := httptest.NewServer(h)
	w.Cleanup(api.Close)
	return api
}

func (w *rolesWorld) request(method, path, body string) (*http.Request, string) {
	w.Helper()
	r := must(http.NewRequestWithContext(w.Context(), method, w.api().URL+path, strings.NewReader(body)))(w)
	sum := sha256.Sum256([]byte(body))
	return r, hex.EncodeToString(sum[:])
}

// call calls the API with a signature by the SDK's signer.
func (w *rolesWorld) call(c aws.CredentialsProvider, method, path, body string) (int, string) {
	w.Helper()
	return w.callAt(c, method, path, body, time.Now(), nil)
}

// callAt is call at a time of the server's clock. change, unless it is nil, alters what was signed.
func (w *rolesWorld) callAt(c aws.CredentialsProvider, method, path, body string, at time.Time, change func(*http.Request)) (int, string) {
	w.Helper()
	r, hash := w.request(method, path, body)
	if err := v4.NewSigner().SignHTTP(w.Context(), must(c.Retrieve(w.Context()))(w), r, hash, "execute-api", region, at); err != nil {
		w.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	return w.do(r)
}

func (w *rolesWorld) do(r *http.Request) (int, string) {
	w.Helper()
	answer := must(http.DefaultClient.Do(r))(w)
	defer answer.Body.Close()
	return answer.StatusCode, string(must(io.ReadAll(answer.Body))(w))
}

// TestRolesOfTheEnhancedFlow calls an API with the credentials of a guest, by header and by query.
func TestRolesOfTheEnhancedFlow(t *testing.T) {
	w := newRoles(t)
	got := must(w.identities.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: &w.guest}))(t).Credentials
	c := static(*got.AccessKeyId, *got.SecretKey, *got.SessionToken)
	if status, body := w.call(c, http.MethodGet, "/things/a%20b?x=1&y=%2F+z", "body"); status != 200 || body != w.guest {
		t.Errorf("%d %s", status, body)
	}
	if status, body := w.call(c, http.MethodPost, "/things", ""); status != 403 ||
		body != `{"Message":"User: arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:123456789012:api/prod/POST/things"}` {
		t.Errorf("%d %s", status, body)
	}
	r, hash := w.request(http.MethodGet, "/things?X-Amz-Expires=60&a=b%20c", "")
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), must(c.Retrieve(t.Context()))(t), r, hash, "execute-api", region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r.URL = must(url.Parse(signed))(t)
	r.Header = http.Header{}
	if status, body := w.do(r); status != 200 || body != w.guest {
		t.Errorf("presigned: %d %s", status, body)
	}
	must(w.identities.DeleteIdentities(t.Context(), &cognitoidentity.DeleteIdentitiesInput{IdentityIdsToDelete: []string{w.guest}}))(t)
	if status, body := w.call(c, http.MethodGet, "/things", ""); status != 403 {
		t.Errorf("after the identity was deleted: %d %s", status, body)
	}
}

// TestPresignedGetCallerIdentity: the SDK presigns a call for somebody else to show, as programs that sign in to a cluster do.
func TestPresignedGetCallerIdentity(t *testing.T) {
	w := newRoles(t)
	got := must(w.identities.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: &w.guest}))(t).Credentials
	presigner := awssts.NewPresignClient(w.sts(static(*got.AccessKeyId, *got.SecretKey, *got.SessionToken)))
	signed := must(presigner.PresignGetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{}))(t)
	if signed.Method != http.MethodGet {
		t.Fatalf("a %s", signed.Method)
	}
	show := func(from, to, want string) {
		t.Helper()
		at := strings.Replace(signed.URL, from, to, 1)
		if at == signed.URL && from != "" {
			t.Fatalf("no %s in %s", from, at)
		}
		r := must(http.NewRequestWithContext(t.Context(), signed.Method, at, nil))(t)
		for name, values := range signed.SignedHeader {
			if name != "Host" {
				r.Header[name] = values
			}
		}
		if _, body := w.do(r); !strings.Contains(body, want) {
			t.Errorf("%s for %s: %s, want %s", to, from, body, want)
		}
	}
	show("", "", "<Arn>arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials</Arn>")
	show("", "", "<Account>123456789012</Account>") // again
	show("Action=GetCallerIdentity", "Action=AssumeRole", "SignatureDoesNotMatch")
	show("X-Amz-SignedHeaders=", "x=y&X-Amz-SignedHeaders=", "SignatureDoesNotMatch")
	show("Version=", "Version=2011-06-15&Version=", "ValidationError")
	w.server.Advance(14 * time.Minute)
	show("", "", "<Account>123456789012</Account>")
	w.server.Advance(time.Minute)
	show("", "", "<Code>SignatureDoesNotMatch</Code>")
}

// TestRolesOpenNoOperation: the SDK for user pools, with credentials of a guest.
func TestRolesOpenNoOperation(t *testing.T) {
	w := newRoles(t)
	got := must(w.identities.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: &w.guest}))(t).Credentials
	operator := cip.New(cip.Options{BaseEndpoint: &w.server.URL, Region: region, Credentials: static(*got.AccessKeyId, *got.SecretKey, *got.SessionToken)})
	_, err := operator.ListUsers(t.Context(), &cip.ListUsersInput{UserPoolId: &w.server.PoolID})
	wantCode(t, err, "AccessDeniedException")
}

// An openIDToken is where the SDK's provider gets its web identity token: the identity pool.
type openIDToken struct{ *rolesWorld }

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (t openIDToken) GetIdentityToken() ([]byte, error) {
	got, err := t.identities.GetOpenIdToken(t.Context(), &cognitoidentity.GetOpenIdTokenInput{IdentityId: &t.guest})
	if err != nil {
		return nil, err
	}
	return []byte(*got.Token), nil
}

// TestRolesOfTheWebIdentityProvider: the SDK gets credentials by itself, which are good for what their role may, as long as they last.
func TestRolesOfTheWebIdentityProvider(t *testing.T) {
	w := newRoles(t)
	w.role("outsider", sts.PoolTrust(w.pool, true), sts.Statement(false, []string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:*:*:other/*"}))
	provider := func(role string) aws.CredentialsProvider {
		return aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(w.sts(aws.AnonymousCredentials{}), roles+role, openIDToken{w}))
	}
	guest, now := provider("guest"), time.Now()
	const ok, refused = http.StatusOK, http.StatusForbidden
	for _, tt := range []struct {
		name   string
		by     aws.CredentialsProvider
		change func(*http.Request)
		status int
		body   string
	}{
		{"as signed", guest, nil, ok, w.guest},
		{"another path", guest, func(r *http.Request) { r.URL.Path = "/others" }, refused, "The request signature we calculated does not match"},
		{"another query", guest, func(r *http.Request) { r.URL.RawQuery = "a=2" }, refused, "The request signature we calculated does not match"},
		{"another method", guest, func(r *http.Request) { r.Method = http.MethodPost }, refused, "The request signature we calculated does not match"},
		{"another body", guest, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("BODY")) }, refused, "The request signature we calculated does not match"},
		{"another host", guest, func(r *http.Request) { r.Host = "example.com" }, refused, "The request signature we calculated does not match"},
		{"another token", guest, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, refused, "security token"},
		{"another role", provider("outsider"), nil, refused, "assumed-role/outsider/"},
	} {
		if status, body := w.callAt(tt.by, http.MethodGet, "/things?a=1", "body", now, tt.change); status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
	}
	if _, err := provider("nobody").Retrieve(t.Context()); err == nil {
		t.Error("a role that nobody has set up gave credentials")
	}
	credentials := must(guest.Retrieve(t.Context()))(t)
	if got := credentials.Expires.Sub(now).Round(time.Minute); got != time.Hour {
		t.Errorf("the credentials last %v", got)
	}
	w.server.Advance(59 * time.Minute)
	if status, body := w.callAt(guest, http.MethodGet, "/things", "", now.Add(59*time.Minute), nil); status != ok {
		t.Errorf("after 59 minutes: %d %s", status, body)
	}
	w.server.Advance(2 * time.Minute)
	if status, body := w.callAt(guest, http.MethodGet, "/things", "", now.Add(61*time.Minute), nil); status != refused || !strings.Contains(body, "expired") {
		t.Errorf("after 61 minutes: %d %s", status, body)
	}
}
