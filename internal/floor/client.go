package floor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// A Client calls a server with as little work as the protocol allows. It is safe for
// concurrent use.
type Client struct {
	// URL is the base URL of the server.
	URL      string
	PoolID   string // Defaults to [PoolID].
	ClientID string // Defaults to [ClientID].
	// IdentityID is the identity that [Client.GetCredentials] names. The floor needs none.
	IdentityID string

	// HTTP makes the requests. Defaults to a client that keeps enough connections for a
	// hundred concurrent calls.
	HTTP *http.Client
}

var defaultHTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

// timestampLayout is how a client writes TIMESTAMP.
const timestampLayout = "Mon Jan 2 15:04:05 UTC 2006"

// attributes returns the attributes that [Client.CreateUser] gives a user: eight, with the
// sub.
func attributes(username string) []attribute {
	return []attribute{
		{"email", username + "@example.com"},
		{"email_verified", "true"},
		{"given_name", "Ada"},
		{"family_name", "Lovelace"},
		{"locale", "en-GB"},
		{"zoneinfo", "Europe/London"},
		{"website", "https://example.com/" + username},
	}
}

// own returns the attributes that users may set themselves. They may not mark an address as
// verified.
func own(all []attribute) []attribute {
	return slices.DeleteFunc(all, func(a attribute) bool { return strings.HasSuffix(a.Name, "_verified") })
}

// CreateUser creates a confirmed user with seven attributes, who can sign in by password
// and by SRP.
func (c *Client) CreateUser(ctx context.Context, username, password string) error {
	err := c.Call(ctx, "AdminCreateUser", map[string]any{
		"UserPoolId": c.poolID(), "Username": username, "UserAttributes": attributes(username), "MessageAction": "SUPPRESS",
	}, nil)
	if err != nil {
		return err
	}
	return c.Call(ctx, "AdminSetUserPassword", map[string]any{
		"UserPoolId": c.poolID(), "Username": username, "Password": password, "Permanent": true,
	}, nil)
}

// SignUp signs a user up and does not confirm the user.
func (c *Client) SignUp(ctx context.Context, username, password string) error {
	return c.Call(ctx, "SignUp", map[string]any{
		"ClientId": c.clientID(), "Username": username, "Password": password, "UserAttributes": own(attributes(username)),
	}, nil)
}

// SignInPassword signs a user in by USER_PASSWORD_AUTH.
func (c *Client) SignInPassword(ctx context.Context, username, password string) (*Tokens, error) {
	return c.tokens(ctx, "InitiateAuth", map[string]any{
		"ClientId": c.clientID(), "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": username, "PASSWORD": password},
	})
}

// Refresh gets new tokens for a refresh token.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (*Tokens, error) {
	return c.tokens(ctx, "InitiateAuth", map[string]any{
		"ClientId": c.clientID(), "AuthFlow": "REFRESH_TOKEN_AUTH",
		"AuthParameters": map[string]string{"REFRESH_TOKEN": refreshToken},
	})
}

// GetUser reads the user of an access token.
func (c *Client) GetUser(ctx context.Context, accessToken string) error {
	var out struct{ Username string }
	err := c.Call(ctx, "GetUser", map[string]any{"AccessToken": accessToken}, &out)
	if err == nil && out.Username == "" {
		err = fmt.Errorf("GetUser: no user in the answer")
	}
	return err
}

// SignInSRP signs a user in by USER_SRP_AUTH, in two calls. The client's arithmetic costs
// about as much as the server's.
func (c *Client) SignInSRP(ctx context.Context, username, password string) (*Tokens, error) {
	half := newSRPClient()
	var challenge authAnswer
	err := c.Call(ctx, "InitiateAuth", map[string]any{
		"ClientId": c.clientID(), "AuthFlow": "USER_SRP_AUTH",
		"AuthParameters": map[string]string{"USERNAME": username, "SRP_A": half.public.Text(16)},
	}, &challenge)
	if err != nil {
		return nil, err
	}
	p := challenge.ChallengeParameters
	timestamp := time.Now().UTC().Format(timestampLayout)
	signature, err := half.claim(poolName(c.poolID()), password, timestamp, p)
	if err != nil {
		return nil, fmt.Errorf("answer the challenge %s: %w", challenge.ChallengeName, err)
	}
	in := map[string]any{
		"ClientId": c.clientID(), "ChallengeName": "PASSWORD_VERIFIER",
		"ChallengeResponses": map[string]string{
			"USERNAME": p["USER_ID_FOR_SRP"], "TIMESTAMP": timestamp,
			"PASSWORD_CLAIM_SECRET_BLOCK": p["SECRET_BLOCK"], "PASSWORD_CLAIM_SIGNATURE": signature,
		},
	}
	if challenge.Session != "" {
		in["Session"] = challenge.Session
	}
	return c.tokens(ctx, "RespondToAuthChallenge", in)
}

// tokens makes a call whose answer must have tokens.
func (c *Client) tokens(ctx context.Context, operation string, in any) (*Tokens, error) {
	var out authAnswer
	if err := c.Call(ctx, operation, in, &out); err != nil {
		return nil, err
	}
	if out.AuthenticationResult == nil || out.AuthenticationResult.AccessToken == "" {
		return nil, fmt.Errorf("%s: no tokens in the answer, challenge %q", operation, out.ChallengeName)
	}
	return out.AuthenticationResult, nil
}

// GetCredentials gets temporary credentials for an ID token of the user pool.
func (c *Client) GetCredentials(ctx context.Context, idToken string) error {
	in := map[string]any{"IdentityId": c.IdentityID, "Logins": map[string]string{"cognito-idp.us-east-1.amazonaws.com/" + c.poolID(): idToken}}
	var out credentialsAnswer
	err := c.Call(ctx, "GetCredentialsForIdentity", in, &out)
	if err == nil && out.Credentials.SessionToken == "" {
		err = fmt.Errorf("GetCredentialsForIdentity: no credentials in the answer")
	}
	return err
}

// target is the header that names an operation.
func target(operation string) string {
	switch operation {
	case "GetId", "GetCredentialsForIdentity":
		return identityPools + operation
	default:
		return service + operation
	}
}

// Call makes any call and decodes the answer into out, unless out is nil. Operators' calls
// have a signature of the right form only, so the server must not verify it.
func (c *Client) Call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target(operation))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=floor/20260101/us-east-1/cognito-idp/aws4_request, "+
		"SignedHeaders=host, Signature=0000000000000000000000000000000000000000000000000000000000000000")
	answer, status, err := c.do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: status %d: %s", operation, status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (c *Client) do(r *http.Request) (body []byte, status int, err error) {
	h := c.HTTP
	if h == nil {
		h = defaultHTTP
	}
	resp, err := h.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return body, resp.StatusCode, err
}

func (c *Client) poolID() string {
	if c.PoolID == "" {
		return PoolID
	}
	return c.PoolID
}

func (c *Client) clientID() string {
	if c.ClientID == "" {
		return ClientID
	}
	return c.ClientID
}

// InProcess returns a client that calls a handler in this process, without a network.
func InProcess(h http.Handler) *Client {
	return &Client{URL: "http://floor.example", HTTP: &http.Client{Transport: local{h}}}
}

// local is a transport that calls a handler.
type local struct{ handler http.Handler }

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	return w.Result(), nil
}
