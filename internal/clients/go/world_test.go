// Package clients_test holds the server to what Go clients of Amazon Cognito
// expect: the AWS SDK for Go v2, and go-oidc for its tokens. It calls servers
// that internal/clients/run starts, and finds them by COGNATE_… variables.
package clients_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

const (
	region   = "us-east-1"
	password = "Correct-Horse-1"
)

// env is a variable that internal/clients/run sets.
func env(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set; start these tests with internal/clients/run", name)
	}
	return v
}

// sdk is a client of the SDK whose requests are signed with an access key. It
// keeps the SDK's retries: on the loopback, the SDK now and then closes its own
// connection in the middle of a long answer, and needs one.
func sdk(endpoint, id, secret string) *cip.Client {
	return cip.New(cip.Options{
		BaseEndpoint: &endpoint, Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
		}),
	})
}

// anonymous is a client of the SDK whose requests are not signed.
func anonymous(endpoint string) *cip.Client {
	return cip.New(cip.Options{
		BaseEndpoint: &endpoint, Region: region, Credentials: aws.AnonymousCredentials{},
	})
}

// A world is a user pool with a client, in a server for tests.
type world struct {
	*testing.T
	url    string
	api    *cip.Client
	pool   string
	client string
	secret string // the client's, where it has one
}

// newWorld makes a pool, which sends codes by e-mail, and a client. The
// functions, which may be nil, can change what is asked for.
func newWorld(t *testing.T, pool func(*cip.CreateUserPoolInput), client func(*cip.CreateUserPoolClientInput)) *world {
	t.Helper()
	return newWorldAt(t, env(t, "COGNATE_URL"), pool, client)
}

// newWorldAt is newWorld in another server.
func newWorldAt(t *testing.T, url string, pool func(*cip.CreateUserPoolInput), client func(*cip.CreateUserPoolClientInput)) *world {
	t.Helper()
	w := &world{T: t, url: url}
	w.api = sdk(w.url, "AKIAIOSFODNN7EXAMPLE", "any will do")
	in := &cip.CreateUserPoolInput{
		PoolName: aws.String(t.Name()[strings.LastIndex(t.Name(), "/")+1:]), AutoVerifiedAttributes: []types.VerifiedAttributeType{"email"},
	}
	if pool != nil {
		pool(in)
	}
	made, err := w.api.CreateUserPool(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	w.pool = *made.UserPool.Id
	w.client, w.secret = w.newClient(client)
	return w
}

// must is what a call answered, once the function that it returns has seen that
// the call was not refused.
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// withPlan gives a pool an attribute of its own.
func withPlan(in *cip.CreateUserPoolInput) {
	in.Schema = []types.SchemaAttributeType{{Name: aws.String("plan"), AttributeDataType: "String", Mutable: aws.Bool(true)}}
}

// askFactors has the pool ask for second factors: of nobody (OFF), of users
// who have one (OPTIONAL) or of everybody (ON).
func (w *world) askFactors(of types.UserPoolMfaType) {
	w.Helper()
	must(w.api.SetUserPoolMfaConfig(w.Context(), &cip.SetUserPoolMfaConfigInput{
		UserPoolId: &w.pool, MfaConfiguration: of,
		SoftwareTokenMfaConfiguration: &types.SoftwareTokenMfaConfigType{Enabled: true},
		SmsMfaConfiguration:           &types.SmsMfaConfigType{SmsConfiguration: smsSender()},
	}))(w)
}

func smsSender() *types.SmsConfigurationType {
	return &types.SmsConfigurationType{SnsCallerArn: aws.String("arn:aws:iam::123456789012:role/sms"), ExternalId: aws.String("tests")}
}

func (w *world) newClient(change func(*cip.CreateUserPoolClientInput)) (id, secret string) {
	w.Helper()
	in := &cip.CreateUserPoolClientInput{
		UserPoolId: &w.pool, ClientName: aws.String("tests"),
		ExplicitAuthFlows: []types.ExplicitAuthFlowsType{
			"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH",
		},
	}
	if change != nil {
		change(in)
	}
	made, err := w.api.CreateUserPoolClient(w.Context(), in)
	if err != nil {
		w.Fatal(err)
	}
	return *made.UserPoolClient.ClientId, aws.ToString(made.UserPoolClient.ClientSecret)
}

// hash is the proof of the client's secret; nil for a client without.
func (w *world) hash(username string) *string {
	if w.secret == "" {
		return nil
	}
	mac := hmac.New(sha256.New, []byte(w.secret))
	mac.Write([]byte(username + w.client))
	return aws.String(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// with adds the proof of the client's secret to the parameters of a flow.
func (w *world) with(username string, params map[string]string) map[string]string {
	if h := w.hash(username); h != nil {
		params["SECRET_HASH"] = *h
	}
	return params
}

func (w *world) signUp(username string) (*cip.SignUpOutput, error) {
	return w.api.SignUp(w.Context(), &cip.SignUpInput{
		ClientId: &w.client, Username: &username, Password: aws.String(password), SecretHash: w.hash(username),
		UserAttributes: []types.AttributeType{{Name: aws.String("email"), Value: aws.String(username + "@example.com")}},
	})
}

func (w *world) confirm(username, code string) error {
	_, err := w.api.ConfirmSignUp(w.Context(), &cip.ConfirmSignUpInput{
		ClientId: &w.client, Username: &username, ConfirmationCode: &code, SecretHash: w.hash(username),
	})
	return err
}

// newUser signs a user up and confirms it.
func (w *world) newUser(username string) {
	w.Helper()
	if _, err := w.signUp(username); err != nil {
		w.Fatal(err)
	}
	if err := w.confirm(username, w.code(username)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) initiate(flow types.AuthFlowType, params map[string]string) (*cip.InitiateAuthOutput, error) {
	return w.api.InitiateAuth(w.Context(), &cip.InitiateAuthInput{ClientId: &w.client, AuthFlow: flow, AuthParameters: params})
}

func (w *world) signIn(username, password string) (*cip.InitiateAuthOutput, error) {
	return w.initiate("USER_PASSWORD_AUTH", w.with(username, map[string]string{"USERNAME": username, "PASSWORD": password}))
}

// tokens are those of a sign-in that must succeed.
func (w *world) tokens(username, password string) *types.AuthenticationResultType {
	w.Helper()
	out, err := w.signIn(username, password)
	if err != nil {
		w.Fatal(err)
	}
	if out.AuthenticationResult == nil {
		w.Fatalf("sign-in of %s: got the challenge %q, want tokens", username, out.ChallengeName)
	}
	return out.AuthenticationResult
}

// answer answers a challenge; what it asks for are names and values in turn.
func (w *world) answer(username string, ch *cip.InitiateAuthOutput, answers ...string) (*cip.RespondToAuthChallengeOutput, error) {
	responses := w.with(username, map[string]string{"USERNAME": username})
	for i := 0; i < len(answers); i += 2 {
		responses[answers[i]] = answers[i+1]
	}
	return w.api.RespondToAuthChallenge(w.Context(), &cip.RespondToAuthChallengeInput{
		ClientId: &w.client, ChallengeName: ch.ChallengeName, Session: ch.Session, ChallengeResponses: responses,
	})
}

// challenged is a sign-in that must end in a challenge.
func (w *world) challenged(username, password string, want types.ChallengeNameType) *cip.InitiateAuthOutput {
	w.Helper()
	out := must(w.signIn(username, password))(w)
	if out.ChallengeName != want {
		w.Fatalf("sign-in of %s: got the challenge %q with %v, want %q", username, out.ChallengeName, out.ChallengeParameters, want)
	}
	return out
}

// attributes are those that GetUser shows.
func (w *world) attributes(access *string) map[string]string {
	w.Helper()
	return named(must(w.getUser(access))(w).UserAttributes)
}

func named(list []types.AttributeType) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		out[aws.ToString(a.Name)] = aws.ToString(a.Value)
	}
	return out
}

// listed are names and values in turn as the list that the API takes.
func listed(pairs ...string) []types.AttributeType {
	var out []types.AttributeType
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, types.AttributeType{Name: &pairs[i], Value: &pairs[i+1]})
	}
	return out
}

func (w *world) getUser(access *string) (*cip.GetUserOutput, error) {
	return w.api.GetUser(w.Context(), &cip.GetUserInput{AccessToken: access})
}

// code is the newest one that was sent to a user.
func (w *world) code(username string) string {
	w.Helper()
	query := url.Values{"userPoolId": {w.pool}, "username": {username}, "limit": {"1"}}
	res, err := http.Get(w.url + "/_cognate/outbox?" + query.Encode())
	if err != nil {
		w.Fatal(err)
	}
	var sent []struct{ Code string }
	err = json.NewDecoder(res.Body).Decode(&sent)
	if err = errors.Join(err, res.Body.Close()); err != nil || len(sent) != 1 {
		w.Fatalf("outbox for %s: %v, %d messages", username, err, len(sent))
	}
	return sent[0].Code
}

// control posts to the control API, and returns what it answers.
func (w *world) control(path, body string) []byte {
	w.Helper()
	res, err := http.Post(w.url+"/_cognate/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	answer, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode/100 != 2 {
		w.Fatalf("POST %s: got %s, %s, %v", path, res.Status, answer, err)
	}
	return answer
}

// claims are what a token says, its signature unseen.
func claims(t *testing.T, token *string) map[string]any {
	t.Helper()
	parts := strings.Split(aws.ToString(token), ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts, want 3", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	out := map[string]any{}
	if err := errors.Join(err, json.Unmarshal(raw, &out)); err != nil {
		t.Fatal(err)
	}
	return out
}

// refused checks that err is the exception E with exactly a message.
func refused[E interface {
	error
	ErrorMessage() string
}](t *testing.T, err error, message string) {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Errorf("got %v, want %T: %s", err, e, message)
		return
	}
	if got := e.ErrorMessage(); got != message {
		t.Errorf("%T: got %q, want %q", e, got, message)
	}
}
