package cognito_test

import (
	"slices"
	"testing"
)

// ownSecret is a secret that a caller chooses.
const ownSecret = "my+own_secret0123456789XYZ"

// addSecret gives the client one more secret and returns its id.
func (c *client) addSecret(value string) (id string) {
	c.t.Helper()
	out := c.ok("AddUserPoolClientSecret", obj{"UserPoolId": c.pool, "ClientId": c.id, "ClientSecret": value})
	return str(c.t, out, "ClientSecretDescriptor", "ClientSecretId")
}

// secretIDs are the ids of the client's secrets, as they are listed.
func (c *client) secretIDs() (ids []string) {
	c.t.Helper()
	a := c.call("ListUserPoolClientSecrets", obj{"UserPoolId": c.pool, "ClientId": c.id})
	secrets, _ := a.body["ClientSecrets"].(list)
	for _, s := range secrets {
		wantMembers(c.t, "a listed secret", s, "ClientSecretCreateDate", "ClientSecretId")
		ids = append(ids, str(c.t, s, "ClientSecretId"))
	}
	return ids
}

func TestRotationOfASecret(t *testing.T) {
	w := newWorld(t)
	c := w.keeper
	id := obj{"UserPoolId": w.pool, "ClientId": c.id}
	first := c.secretIDs()
	wantForm(t, "id of a secret", first[0], `^`+c.id+`--\d{13}$`)
	made := w.ok("AddUserPoolClientSecret", id)["ClientSecretDescriptor"]
	wantMembers(t, "a generated secret", made, "ClientSecretCreateDate", "ClientSecretId", "ClientSecretValue")
	value, second := str(t, made, "ClientSecretValue"), str(t, made, "ClientSecretId")
	wantForm(t, "value of a secret", value, `^[0-9a-z]{51,52}$`)
	if got := c.secretIDs(); !slices.Equal(got, append(first, second)) || second == first[0] {
		t.Errorf("secrets %q, want %q and %q", got, first, second)
	}
	renewed := &client{server: c.server, pool: c.pool, id: c.id, secret: value}
	for _, c := range []*client{c, renewed} { // both are good everywhere
		tokens := c.signIn("alice")
		_, answer := c.startSRP("alice")
		w.ok("RespondToAuthChallenge", answer(goodPass))
		w.ok("GetTokensFromRefreshToken", obj{"ClientId": c.id, "ClientSecret": c.secret, "RefreshToken": tokens["RefreshToken"]})
		w.ok("RevokeToken", obj{"ClientId": c.id, "ClientSecret": c.secret, "Token": tokens["RefreshToken"]})
	}
	if got := dig(w.ok("DescribeUserPoolClient", id), "UserPoolClient", "ClientSecret"); got != c.secret {
		t.Errorf("the client is shown with another secret than its first")
	}
	if a := w.call("DeleteUserPoolClientSecret", with(id, obj{"ClientSecretId": first[0]})); a.status != 200 || a.raw != "{}" {
		t.Errorf("DeleteUserPoolClientSecret: %d %s, want {}", a.status, a.raw)
	}
	w.call("InitiateAuth", c.passwordAuth("alice", goodPass)).
		want(t, problem{"NotAuthorizedException", "Unable to verify secret hash for client " + c.id, 0})
	renewed.signIn("alice")
	if got := dig(w.ok("DescribeUserPoolClient", id), "UserPoolClient", "ClientSecret"); got != value {
		t.Errorf("the client is not shown with the secret that is left")
	}
	// A secret of the caller's own is not told again, and no id comes back, not even in the same millisecond.
	own := w.ok("AddUserPoolClientSecret", with(id, obj{"ClientSecret": ownSecret}))["ClientSecretDescriptor"]
	wantMembers(t, "a secret of one's own", own, "ClientSecretCreateDate", "ClientSecretId")
	third := str(t, own, "ClientSecretId")
	w.ok("DeleteUserPoolClientSecret", with(id, obj{"ClientSecretId": third}))
	if fourth := c.addSecret(ownSecret); slices.Contains([]string{first[0], second, third}, fourth) {
		t.Errorf("the id %s comes back", fourth)
	}
	if got := (&client{server: w.server, pool: w.pool, id: w.open.id}).secretIDs(); len(got) != 0 {
		t.Errorf("a client without a secret has %q", got)
	}
}
