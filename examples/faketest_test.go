package examples

// A test of a program that talks to Amazon Cognito, against a server of its own.

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/identitytest"
)

// signIn is the program under test: it signs in as any program does that uses
// the API of Amazon Cognito, with an SDK or without.
func signIn(endpoint, clientID, username, password string) (accessToken string, err error) {
	body, err := json.Marshal(map[string]any{
		"ClientId": clientID, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": username, "PASSWORD": password},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(string(body)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		AuthenticationResult struct{ AccessToken string }
	}
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.AuthenticationResult.AccessToken, err
}

// region faketest
func TestSignIn(t *testing.T) {
	fake := identitytest.NewServer(t, nil)
	fake.AddUser("alice", "Passw0rd!", map[string]string{"email": "alice@example.com"})

	token, err := signIn(fake.URL, fake.ClientID, "alice", "Passw0rd!")
	if err != nil || token == "" {
		t.Errorf("signIn = %q, %v, want a token", token, err)
	}
	token, err = signIn(fake.URL, fake.ClientID, "alice", "wrong")
	if err != nil || token != "" {
		t.Errorf("signIn with a wrong password = %q, %v, want no token", token, err)
	}
}

// endregion
