package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// guestAt is a guest of an identity pool with new credentials.
func guestAt(t *testing.T, url, pool string) (identity string, s *signer) {
	t.Helper()
	var made struct {
		IdentityId string
	}
	askIdentities(t, url, "GetId", fmt.Sprintf(`{"IdentityPoolId":%q}`, pool), &made)
	return made.IdentityId, credentialsAt(t, url, made.IdentityId)
}

func credentialsAt(t *testing.T, url, identity string) *signer {
	t.Helper()
	var got struct {
		Credentials struct{ AccessKeyId, SecretKey, SessionToken string }
	}
	askIdentities(t, url, "GetCredentialsForIdentity", fmt.Sprintf(`{"IdentityId":%q}`, identity), &got)
	return &signer{got.Credentials.AccessKeyId, got.Credentials.SecretKey, got.Credentials.SessionToken}
}

// askIdentities calls an operation of identity pools, as a guest does.
func askIdentities(t *testing.T, url, operation, body string, out any) {
	t.Helper()
	r := request(t.Context(), url, operation, body, nil)
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", operation, res.StatusCode, err)
	}
}

// TestIdentityPoolVerbs makes and revokes beside a server that has the store open, which sees each change at once.
func TestIdentityPoolVerbs(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each command of `cognate identity-pool`, beside a server")
	}
	dir, userPool := withPool(t, es256)
	_, url := serveAt(t, dir)
	pool := must(t, dir, "identity-pool", "create", "--name", "app", "--guests")
	other := must(t, dir, "identity-pool", "create", "--name", "other")
	must(t, dir, "role", "create", "visitor", "--identity-pool", pool, "--guests")
	must(t, dir, "identity-pool", "set-roles", pool, "--guest", "visitor")
	ann, annSigns := guestAt(t, url, pool)
	bob, bobSigns := guestAt(t, url, pool)
	wants := func(when string, s *signer, want string) {
		t.Helper()
		if got := call(t, url, "ListUsers", fmt.Sprintf(`{"UserPoolId":%q}`, userPool), s); got.Type != want {
			t.Errorf("%s: %+v, want %s", when, got, want)
		}
	}
	const good, revoked = "AccessDeniedException", "UnrecognizedClientException" // no policy allows the call
	wants("at first", annSigns, good)
	failure(t, dir, "is not of this identity pool, but of "+pool, "its own pool", "identity-pool", "revoke", other, "--identity", ann)
	wants("after a refused command", annSigns, good)
	if out := must(t, dir, "identity-pool", "revoke", pool, "--identity", ann); !strings.Contains(out, ann) {
		t.Errorf("revoke: %s", out)
	}
	wants("revoked", annSigns, revoked)
	wants("another identity", bobSigns, good)
	must(t, dir, "identity-pool", "revoke", pool)
	wants("all revoked", bobSigns, revoked)
	wants("new ones", credentialsAt(t, url, bob), good)
	must(t, dir, "identity-pool", "delete", pool, "--yes")
	if out := must(t, dir, "identity-pool", "list"); strings.Contains(out, pool) || !strings.Contains(out, other) {
		t.Errorf("list:\n%s", out)
	}
}
