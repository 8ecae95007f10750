package cognito_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// usersOf are the usernames in an answer of ListUsers.
func usersOf(t testing.TB, out obj) []string {
	t.Helper()
	found, ok := out["Users"].(list)
	if !ok {
		t.Fatalf("ListUsers has no list: %v", out)
	}
	names := []string{}
	for _, u := range found {
		names = append(names, str(t, u, "Username"))
	}
	return names
}

func TestListUsers(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	out := s.ok("ListUsers", obj{"UserPoolId": pool})
	wantSame(t, "an empty pool", any(out), any(obj{"Users": list{}}))
	var want []string
	for i := range 62 {
		want = append(want, fmt.Sprintf("user%02d", i))
		s.invited(pool, want[i], "email", want[i]+"@example.com")
	}
	for _, tt := range []struct {
		limit any
		sizes []int
	}{{nil, []int{60, 2}}, {0, []int{60, 2}}, {31, []int{31, 31}}, {50, []int{50, 12}}} {
		body := obj{"UserPoolId": pool, "Filter": `username ^= ""`, "Limit": tt.limit}
		var got []string
		for _, size := range tt.sizes {
			out := s.ok("ListUsers", body)
			names := usersOf(t, out)
			if len(names) != size {
				t.Errorf("limit %v: a page of %d, want %d", tt.limit, len(names), size)
			}
			got = append(got, names...)
			body["PaginationToken"] = out["PaginationToken"]
		}
		if body["PaginationToken"] != nil || !slices.Equal(got, want) {
			t.Errorf("limit %v: %q, and the token %v", tt.limit, got, body["PaginationToken"])
		}
	}
}

func TestAnswerOfListUsers(t *testing.T) {
	w := newWorld(t)
	out := w.ok("ListUsers", obj{"UserPoolId": w.pool, "Filter": `email = "alice@example.com"`})
	wantMembers(t, "ListUsers", out, "Users")
	u := out["Users"].(list)[0]
	wantMembers(t, "a user", u, "Attributes", "Enabled", "UserCreateDate", "UserLastModifiedDate", "UserStatus", "Username")
	same := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"})
	for member, of := range map[string]string{
		"Attributes": "UserAttributes", "Enabled": "Enabled", "UserCreateDate": "UserCreateDate",
		"UserLastModifiedDate": "UserLastModifiedDate", "UserStatus": "UserStatus", "Username": "Username",
	} {
		wantSame(t, member, dig(u, member), same[of])
	}
	wantTimes(t, w.call("ListUsers", obj{"UserPoolId": w.pool, "Filter": `username = "alice"`}), 2)
}

func TestAttributesToGet(t *testing.T) {
	w := newWorld(t)
	all := attrMap(t, w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"})["UserAttributes"])
	for _, tt := range []struct {
		ask  any
		want list
	}{
		{list{}, list{}},
		{list{"email"}, attrs("email", all["email"])},
		{list{"sub", "email", "email"}, attrs("email", all["email"], "sub", all["sub"])},
		{list{"email_verified", "phone_number_verified"}, attrs("email_verified", "true")},
		{nil, attrs("email", all["email"], "email_verified", "true", "sub", all["sub"])},
	} {
		out := w.ok("ListUsers", obj{"UserPoolId": w.pool, "Filter": `username = "alice"`, "AttributesToGet": tt.ask})
		wantSame(t, fmt.Sprint(tt.ask), dig(out["Users"].(list)[0], "Attributes"), any(tt.want))
	}
}

// A page token leads on only in the list that it comes from.
func TestPageTokenOfListUsers(t *testing.T) {
	w := newWorld(t)
	other := w.server.pool(nil)
	body := obj{"UserPoolId": w.pool, "Filter": `email ^= ""`, "Limit": 2}
	token := str(t, w.ok("ListUsers", body), "PaginationToken")
	if got := usersOf(t, w.ok("ListUsers", with(body, obj{"PaginationToken": token, "Limit": 1}))); len(got) != 1 {
		t.Errorf("%q, want one user of the second page", got)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	forged := base64.RawURLEncoding.EncodeToString([]byte(string(raw[:strings.LastIndexByte(string(raw), 0)]) + "\x00x"))
	for what, change := range map[string]obj{
		"another pool":   {"UserPoolId": other},
		"another filter": {"Filter": `email ^= "a"`},
		"no filter":      {"Filter": nil},
	} {
		t.Run(what, func(t *testing.T) {
			w.call("ListUsers", with(body, obj{"PaginationToken": token}, change)).wantMarker(t, token)
		})
	}
	w.call("ListUsers", with(body, obj{"PaginationToken": forged})).want(t, invalid("Invalid pagination token given."))
}

func TestErrorsOfListUsers(t *testing.T) {
	ask := func(body obj) func(*world) *answer {
		return func(w *world) *answer { return w.call("ListUsers", with(obj{"UserPoolId": w.pool}, body)) }
	}
	noSuchAttribute := invalid("Input fails to satisfy the constraints.")
	noAttribute := invalid("One or more requested attributes do not exist.")
	checkFacts(t, []fact{
		{"filter without a value", moto, ask(obj{"Filter": "email"}), invalid("Error while parsing filter.")},
		{"filter without quotes", moto, ask(obj{"Filter": "email = x"}), invalid("Error while parsing filter.")},
		{"filter of two conditions", unsure, ask(obj{"Filter": `email = "x" and name = "y"`}), invalid("Error while parsing filter.")},
		{"filter by a custom attribute", moto, ask(obj{"Filter": `custom:foo = "x"`}), invalid("Invalid search attribute: custom:foo")},
		{"filter by an attribute that is not searchable", unsure, ask(obj{"Filter": `locale = "x"`}), invalid("Invalid search attribute: locale")},
		{"page token is garbage", recalled, ask(obj{"PaginationToken": "garbage"}), invalid("Invalid pagination token given.")},
		{"page token of another list", recalled, func(w *world) *answer {
			for range 2 {
				w.server.pool(nil)
			}
			token := w.ok("ListUserPools", obj{"MaxResults": 1})["NextToken"]
			return ask(obj{"PaginationToken": token})(w)
		}, invalid("Invalid pagination token given.")},
		{"attribute that a user lacks", recorded, ask(obj{"AttributesToGet": list{"given_name"}}), noAttribute},
		{"attribute that only some have", recorded, func(w *world) *answer {
			w.made(w.pool, "jane", "given_name", "Jane")
			return ask(obj{"AttributesToGet": list{"given_name"}})(w)
		}, noAttribute},
		{"attribute that is not in the schema", recorded, ask(obj{"AttributesToGet": list{"sub", "email", "custom:foo"}}), noSuchAttribute},
		{"attribute that is not in the schema, of nobody", unsure, ask(obj{"AttributesToGet": list{"custom:foo"}, "Filter": `email = "x"`}), noSuchAttribute},
		{
			"too many users", recorded, ask(obj{"Limit": 61}),
			violation("Value '61' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 60"),
		},
		{"no such pool", recorded, func(w *world) *answer {
			return w.call("ListUsers", obj{"UserPoolId": "us-east-1_AAAAAAAAA"})
		}, problem{"ResourceNotFoundException", "User pool us-east-1_AAAAAAAAA does not exist.", 0}},
	})
}
