package cognito_test

import (
	"slices"
	"testing"
)

// listClients reads all pages of a listing.
func (s *server) listClients(body obj) (ids []string, pages int) {
	s.t.Helper()
	body = with(body)
	for {
		out := s.ok("ListUserPoolClients", body)
		page, ok := out["UserPoolClients"].(list)
		if !ok {
			s.t.Fatalf("ListUserPoolClients has no list: %v", out)
		}
		pages++
		for _, c := range page {
			wantMembers(s.t, "a listed client", c, "ClientId", "ClientName", "UserPoolId")
			ids = append(ids, str(s.t, c, "ClientId"))
		}
		token, more := out["NextToken"]
		if !more {
			return ids, pages
		}
		if token == "" || len(page) == 0 {
			s.t.Fatalf("a page of %d clients and the token %q", len(page), token)
		}
		body["NextToken"] = token
	}
}

func TestListingOfClients(t *testing.T) {
	s := newServer(t)
	pool, other := s.pool(nil), s.pool(nil)
	if ids, pages := s.listClients(obj{"UserPoolId": pool}); len(ids) != 0 || pages != 1 {
		t.Errorf("no clients are listed as %v on %d pages", ids, pages)
	}
	s.client(other, nil)
	var want []string
	for range 61 {
		want = append(want, s.client(pool, nil).id)
	}
	slices.Sort(want)
	for size, pages := range map[int]int{0: 2, 60: 2, 30: 3, 7: 9} {
		body := obj{"UserPoolId": pool}
		if size > 0 {
			body["MaxResults"] = size
		}
		if got, n := s.listClients(body); !slices.Equal(got, want) || n != pages {
			t.Errorf("pages of %d: %d clients on %d pages, want 61 on %d", size, len(got), n, pages)
		}
	}
	token := s.ok("ListUserPoolClients", obj{"UserPoolId": pool, "MaxResults": 1})["NextToken"]
	s.call("ListUserPoolClients", obj{"UserPoolId": other, "NextToken": token}).wantMarker(t, token)
	s.call("ListUserPoolClients", obj{"UserPoolId": "us-east-1_none"}).
		want(t, problem{"ResourceNotFoundException", "User pool us-east-1_none does not exist.", 0})
}

// Of a deleted client nothing is good any more.
func TestDeletedClient(t *testing.T) {
	w := newWorld(t)
	c := w.keeper
	tokens := c.signIn("alice")
	_, answer := c.startSRP("alice")
	id := obj{"UserPoolId": w.pool, "ClientId": c.id}
	if a := w.call("DeleteUserPoolClient", id); a.status != 200 || a.raw != "" {
		t.Errorf("DeleteUserPoolClient: %d %q, want nothing", a.status, a.raw)
	}
	gone := noClient(c.id)
	for op, body := range map[string]obj{
		"DescribeUserPoolClient": id, "UpdateUserPoolClient": id, "DeleteUserPoolClient": id, "AddUserPoolClientSecret": id,
		"ListUserPoolClientSecrets": id, "DeleteUserPoolClientSecret": with(id, obj{"ClientSecretId": "x"}),
		"InitiateAuth": c.passwordAuth("alice", goodPass), "RespondToAuthChallenge": answer(goodPass), "SignUp": c.signUpBody("new"),
		"GetTokensFromRefreshToken": {"ClientId": c.id, "ClientSecret": c.secret, "RefreshToken": tokens["RefreshToken"]},
	} {
		w.call(op, body).want(t, gone)
	}
	w.call("GetUser", obj{"AccessToken": tokens["AccessToken"]}).want(t, badAccess)
	if ids, _ := w.listClients(obj{"UserPoolId": w.pool}); slices.Contains(ids, c.id) {
		t.Errorf("a deleted client is listed")
	}
	w.open.signIn("alice")
}

// A client is found only in its own pool.
func TestClientOfAnotherPool(t *testing.T) {
	w := newWorld(t)
	id := obj{"UserPoolId": w.server.pool(nil), "ClientId": w.keeper.id}
	for op, body := range map[string]obj{
		"UpdateUserPoolClient": id, "DeleteUserPoolClient": id, "AddUserPoolClientSecret": id,
		"ListUserPoolClientSecrets": id, "DeleteUserPoolClientSecret": with(id, obj{"ClientSecretId": "x"}),
	} {
		w.call(op, body).want(t, noClient(w.keeper.id))
	}
	w.keeper.signIn("alice")
}
