package cognito_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

const testRole = "arn:aws:iam::123456789012:role/test"

func (w *world) group(name string, settings obj) obj {
	w.t.Helper()
	return w.ok("CreateGroup", with(obj{"UserPoolId": w.pool, "GroupName": name}, settings))["Group"].(obj)
}

// member is the body of a call about a user and a group.
func (w *world) member(user, group string) obj {
	return obj{"UserPoolId": w.pool, "Username": user, "GroupName": group}
}

// join puts a user into groups.
func (w *world) join(user string, groups ...string) {
	w.t.Helper()
	for _, g := range groups {
		w.ok("AdminAddUserToGroup", w.member(user, g))
	}
}

func TestAnswersAboutGroups(t *testing.T) {
	w := newWorld(t)
	made := w.group("admins", obj{"Description": "", "RoleArn": testRole, "Precedence": 0})
	wantMembers(t, "a group", made, "CreationDate", "Description", "GroupName", "LastModifiedDate", "Precedence", "RoleArn", "UserPoolId")
	if made["GroupName"] != "admins" || made["UserPoolId"] != w.pool || made["RoleArn"] != testRole || made["Precedence"] != 0.0 || made["Description"] != "" {
		t.Errorf("group %v, want what was set", made)
	}
	wantSame(t, "LastModifiedDate", made["LastModifiedDate"], made["CreationDate"])
	wantMembers(t, "a bare group", w.group("bare", nil), "CreationDate", "GroupName", "LastModifiedDate", "UserPoolId")

	w.advance(time.Second)
	changed := w.ok("UpdateGroup", obj{"UserPoolId": w.pool, "GroupName": "admins", "Description": "new", "Precedence": 2147483647})["Group"].(obj)
	want := with(made, obj{"Description": "new", "Precedence": 2147483647.0, "LastModifiedDate": changed["LastModifiedDate"]})
	wantSame(t, "UpdateGroup", changed, want)
	if changed["LastModifiedDate"].(float64) != made["LastModifiedDate"].(float64)+1 {
		t.Errorf("modified at %v, want a second later", changed["LastModifiedDate"])
	}
	wantSame(t, "GetGroup", w.ok("GetGroup", obj{"UserPoolId": w.pool, "GroupName": "admins"})["Group"], any(want))

	w.join("alice", "admins")
	users := w.ok("ListUsersInGroup", obj{"UserPoolId": w.pool, "GroupName": "admins"})
	wantMembers(t, "ListUsersInGroup", users, "Users")
	user := users["Users"].(list)[0]
	wantMembers(t, "a member", user, "Attributes", "Enabled", "UserCreateDate", "UserLastModifiedDate", "UserStatus", "Username")
	if dig(user, "Username") != "alice" || attrMap(t, dig(user, "Attributes"))["email"] != "alice@example.com" {
		t.Errorf("member %v, want alice", user)
	}
	groups := w.ok("AdminListGroupsForUser", obj{"UserPoolId": w.pool, "Username": "alice"})
	wantSame(t, "AdminListGroupsForUser", groups, obj{"Groups": list{want}})
	if enabled := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"}); enabled["UserLastModifiedDate"] != enabled["UserCreateDate"] {
		t.Errorf("user %v, want one who was not modified", enabled)
	}
}

func TestAnswersThatAreEmpty(t *testing.T) {
	w := newWorld(t)
	w.group("admins", nil)
	w.made(w.pool, "leaver")
	admins := obj{"UserPoolId": w.pool, "GroupName": "admins"}
	alice := obj{"UserPoolId": w.pool, "Username": "alice"}
	for _, call := range []struct {
		op   string
		body obj
		raw  string
	}{
		{"AdminListGroupsForUser", alice, `{"Groups":[]}`},
		{"ListUsersInGroup", admins, `{"Users":[]}`},
		{"AdminAddUserToGroup", with(admins, alice), ""},
		{"AdminAddUserToGroup", with(admins, alice), ""},
		{"AdminRemoveUserFromGroup", with(admins, alice), ""},
		{"AdminRemoveUserFromGroup", with(admins, alice), ""},
		{"DeleteGroup", admins, ""},
		{"ListGroups", obj{"UserPoolId": w.pool}, `{"Groups":[]}`},
		{"AdminDisableUser", alice, "{}"},
		{"AdminDisableUser", alice, "{}"},
		{"AdminEnableUser", alice, "{}"},
		{"AdminEnableUser", alice, "{}"},
		{"AdminUserGlobalSignOut", alice, "{}"},
		{"AdminConfirmSignUp", with(alice, obj{"Username": "una", "ClientMetadata": obj{"a": "b"}}), "{}"},
		{"DeleteUser", obj{"AccessToken": w.open.access("leaver")}, ""},
		{"AdminDeleteUser", with(alice, obj{"Username": "una"}), ""},
	} {
		a := w.call(call.op, call.body)
		a.wantOK(t)
		a.wantHeaders(t)
		if a.raw != call.raw {
			t.Errorf("%s answers %q, want %q", call.op, a.raw, call.raw)
		}
	}
}

func TestErrorsOfGroups(t *testing.T) {
	noGroup := problem{"ResourceNotFoundException", "Group not found.", 0}
	ask := func(op string, body obj) func(w *world) *answer {
		return func(w *world) *answer {
			w.group("admins", nil)
			return w.call(op, with(obj{"UserPoolId": w.pool}, body))
		}
	}
	facts := []fact{
		{"name is taken", moto, ask("CreateGroup", obj{"GroupName": "admins"}), problem{"GroupExistsException", "A group with the name already exists.", 0}}, // the dot is unsure
		{"unknown user comes", recorded, ask("AdminAddUserToGroup", obj{"Username": "nobody", "GroupName": "admins"}), noUser},
		{"unknown user goes", recorded, ask("AdminRemoveUserFromGroup", obj{"Username": "nobody", "GroupName": "admins"}), noUser},
		{"groups of an unknown user", recorded, ask("AdminListGroupsForUser", obj{"Username": "nobody"}), noUser},
		{"unknown user and group", unsure, ask("AdminAddUserToGroup", obj{"Username": "nobody", "GroupName": "none"}), noUser},
		{
			"negative precedence", known, ask("CreateGroup", obj{"GroupName": "x", "Precedence": -1}),
			invalid("1 validation error detected: Value '-1' at 'precedence' failed to satisfy constraint: Member must have value greater than or equal to 0"),
		},
		{
			"limit beyond 60", known, ask("ListGroups", obj{"Limit": 61}),
			invalid("1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 60"),
		},
		{"a deleted group's members", recorded, func(w *world) *answer {
			w.group("gone", nil)
			w.join("alice", "gone")
			w.ok("DeleteGroup", obj{"UserPoolId": w.pool, "GroupName": "gone"})
			return w.call("ListUsersInGroup", obj{"UserPoolId": w.pool, "GroupName": "gone"})
		}, noGroup},
		{"more groups than a user may be in", unsure, func(w *world) *answer {
			for i := range 100 {
				w.group(fmt.Sprint(i), nil)
				w.join("alice", fmt.Sprint(i))
			}
			w.group("100", nil)
			return w.call("AdminAddUserToGroup", w.member("alice", "100"))
		}, invalid("Cannot exceed limit of 100 groups of a user.")},
	}
	for _, op := range []string{"GetGroup", "UpdateGroup", "DeleteGroup", "ListUsersInGroup"} {
		facts = append(facts, fact{op + " of an unknown group", recorded, ask(op, obj{"GroupName": "none"}), noGroup})
	}
	for _, op := range []string{"AdminAddUserToGroup", "AdminRemoveUserFromGroup"} {
		facts = append(facts, fact{op + " of an unknown group", recorded, ask(op, obj{"Username": "alice", "GroupName": "none"}), noGroup})
	}
	for op, body := range map[string]obj{
		"ListGroups": nil, "ListUsersInGroup": {"GroupName": "admins"}, "AdminListGroupsForUser": {"Username": "alice"},
	} {
		facts = append(facts, fact{
			op + ", a token that is none", recalled, ask(op, with(obj{"NextToken": "garbage"}, body)), invalid("Invalid pagination token given."),
		})
	}
	checkFacts(t, facts)
}

// pages reads all pages of a listing: what is named in its items, and how many pages there were.
func (w *world) pages(op, items, name string, body obj) (all []string, pages int) {
	w.t.Helper()
	body = with(body, nil)
	for {
		out := w.ok(op, body)
		for _, item := range out[items].(list) {
			all = append(all, str(w.t, item, name))
		}
		pages++
		token, more := out["NextToken"]
		if !more {
			return all, pages
		}
		body["NextToken"] = token
	}
}

func TestPagesOfGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 61 groups and 61 users")
	}
	w := newWorld(t)
	var names []string
	for i := range 61 {
		name := fmt.Sprintf("group%02d", i)
		w.group(name, obj{"Precedence": 100 - i})
		w.join("alice", name)
		w.join(w.made(w.pool, fmt.Sprintf("user%02d", i)), "group00")
		names = append(names, name)
	}
	w.group("~", nil)
	w.join("alice", "~")
	reversed := append(slices.Clone(names), "~")
	slices.Reverse(reversed[:61])
	for size, want := range map[any]int{nil: 2, 0: 2, 60: 2, 31: 2, 30: 3, 1: 62} {
		limit := obj{"UserPoolId": w.pool, "Limit": size}
		got, pages := w.pages("ListGroups", "Groups", "GroupName", limit)
		if !slices.Equal(got, append(slices.Clone(names), "~")) || pages != want {
			t.Errorf("limit %v: %q on %d pages, want %d", size, got, pages, want)
		}
		got, pages = w.pages("AdminListGroupsForUser", "Groups", "GroupName", with(limit, obj{"Username": "alice"}))
		if !slices.Equal(got, reversed) || pages != want {
			t.Errorf("limit %v: %q on %d pages, want %d", size, got, pages, want)
		}
		got, pages = w.pages("ListUsersInGroup", "Users", "Username", with(limit, obj{"GroupName": "group00"}))
		slices.Sort(got)
		if got = slices.Compact(got); len(got) != 62 || pages != want {
			t.Errorf("limit %v: %d members on %d pages, want 62 on %d", size, len(got), pages, want)
		}
	}
}

// A token goes on after what its page ended with, also when that is gone, and
// is good for the same question only.
func TestPageTokensOfGroups(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"a", "b", "c"} {
		w.group(name, obj{"Precedence": i})
		w.join("alice", name)
		w.join("fred", name)
	}
	list, alice := obj{"UserPoolId": w.pool, "Limit": 1}, obj{"UserPoolId": w.pool, "Limit": 1, "Username": "alice"}
	members := obj{"UserPoolId": w.pool, "Limit": 1, "GroupName": "b"}
	tokens := map[string]any{}
	for op, body := range map[string]obj{"ListGroups": list, "AdminListGroupsForUser": alice, "ListUsersInGroup": members} {
		tokens[op] = w.ok(op, body)["NextToken"]
	}
	bad := invalid("Invalid pagination token given.")
	w.call("AdminListGroupsForUser", with(alice, obj{"Username": "fred", "NextToken": tokens["AdminListGroupsForUser"]})).wantMarker(t, tokens["AdminListGroupsForUser"])
	w.call("AdminListGroupsForUser", with(alice, obj{"NextToken": tokens["ListGroups"]})).want(t, bad)
	w.call("ListUsersInGroup", with(members, obj{"GroupName": "c", "NextToken": tokens["ListUsersInGroup"]})).wantMarker(t, tokens["ListUsersInGroup"])
	other := w.server.pool(nil)
	w.call("ListGroups", obj{"UserPoolId": other, "NextToken": tokens["ListGroups"]}).wantMarker(t, tokens["ListGroups"])

	w.ok("DeleteGroup", obj{"UserPoolId": w.pool, "GroupName": "a"})
	for op, body := range map[string]obj{"ListGroups": list, "AdminListGroupsForUser": alice} {
		out := w.ok(op, with(body, obj{"NextToken": tokens[op]}))
		if got := str(t, out["Groups"].([]any)[0], "GroupName"); got != "b" {
			t.Errorf("%s goes on with %s, want b", op, got)
		}
	}
}

// Names of groups that are long, or in no Latin script, are names.
func TestUnusualNamesOfGroups(t *testing.T) {
	w := newWorld(t)
	want := []string{"a'b\"c", "\u05d0\u05dc\u05d9\u05e1", "\u6f22", strings.Repeat("\u6f22", 128), "😀"}
	for _, name := range want {
		w.group(name, nil)
		w.join("alice", name)
	}
	slices.Sort(want)
	for op, body := range map[string]obj{"ListGroups": nil, "AdminListGroupsForUser": {"Username": "alice"}} {
		got, _ := w.pages(op, "Groups", "GroupName", with(obj{"UserPoolId": w.pool, "Limit": 1}, body))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", op, got, want)
		}
	}
	claims := claimsOf(t, w.open.access("alice"))["cognito:groups"].(list)
	if len(claims) != len(want) {
		t.Errorf("cognito:groups is %q, want %q", claims, want)
	}
}

// TestGroupRulesStayOurs: what an operator has set up by our own means works over the wire, is kept by
// UpdateUserPool, and shows in no answer.
func TestGroupRulesStayOurs(t *testing.T) {
	w := newWorld(t)
	pool, err := w.engine.UserPool(t.Context(), w.pool)
	if err != nil {
		t.Fatal(err)
	}
	w.group("staff", nil)
	groups := pool.Admin().Groups()
	rule, err := groups.AddRule(t.Context(), identity.GroupRule{Group: "staff", Attribute: "email", Match: identity.MatchEmailDomain, Value: "rule.example"})
	if err != nil {
		t.Fatal(err)
	}
	w.ok("UpdateUserPool", obj{"UserPoolId": w.pool})
	w.ok("AdminCreateUser", obj{"UserPoolId": w.pool, "Username": "ruled", "MessageAction": "SUPPRESS"})
	user := obj{"UserPoolId": w.pool, "Username": "ruled"}
	w.ok("AdminUpdateUserAttributes", with(user, obj{"UserAttributes": attrs("email", "x@RULE.example", "email_verified", "true")}))
	if in := w.ok("AdminListGroupsForUser", user)["Groups"].([]any); len(in) != 1 || in[0].(obj)["GroupName"] != "staff" {
		t.Errorf("groups %v, want the one of the rule", in)
	}
	for op, body := range map[string]obj{
		"DescribeUserPool": {"UserPoolId": w.pool}, "ListUserPools": {"MaxResults": 9}, "AdminGetUser": user, "ListGroups": {"UserPoolId": w.pool},
		"GetGroup": {"UserPoolId": w.pool, "GroupName": "staff"}, "AdminListGroupsForUser": user,
	} {
		raw := w.call(op, body).raw
		for _, ours := range []string{rule.ID, "emailDomain", "rule.example\"", "ruled\":"} {
			if strings.Contains(raw, ours) && !(ours == "rule.example\"" && op == "AdminGetUser") {
				t.Errorf("%s shows %s: %s", op, ours, raw)
			}
		}
	}
	w.ok("DeleteGroup", obj{"UserPoolId": w.pool, "GroupName": "staff"})
	if rules, _, err := groups.Rules(t.Context()); err != nil || len(rules) != 0 {
		t.Errorf("rules %v, %v after the group was deleted, want none", rules, err)
	}
}
