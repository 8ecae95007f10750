package identity_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// ruleOf is a rule by the domain of the e-mail address.
func ruleOf(group, domain string) identity.GroupRule {
	return identity.GroupRule{Group: group, Attribute: "email", Match: identity.MatchEmailDomain, Value: domain}
}

func (g *groupFixture) rule(t testing.TB, r identity.GroupRule) string {
	t.Helper()
	made, err := g.groups.AddRule(t.Context(), r)
	check(t, "AddRule", err)
	return made.ID
}

// apply has the rules applied to all users.
func (g *groupFixture) apply(t testing.TB) identity.RuleProgress {
	t.Helper()
	far, err := g.groups.ApplyRules(t.Context(), nil)
	check(t, "ApplyRules", err)
	return far
}

func (g *groupFixture) wantIn(t testing.TB, when, user string, want ...string) {
	t.Helper()
	in, err := g.users.Groups(t.Context(), user)
	check(t, "Groups", err)
	var got []string
	for _, x := range in {
		got = append(got, x.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %s is in %q, want %q", when, user, got, want)
	}
}

// An address counts by its whole domain, folded, and once it is verified.
func TestGroupRuleMatches(t *testing.T) {
	const acme = "acme.com"
	for _, tt := range few.Of(2, []struct {
		rule identity.GroupRule
		with attrs
		want bool
	}{
		{ruleOf("", acme), attrs{"email": "x@acme.com", "email_verified": "true"}, true},
		{ruleOf("", acme), attrs{"email": "x@ACME.com", "email_verified": "true"}, true},
		{ruleOf("", "ACME.com"), attrs{"email": "x@acme.COM", "email_verified": "true"}, true},
		{ruleOf("", "straße.example"), attrs{"email": "x@STRASSE.example", "email_verified": "true"}, true},
		{ruleOf("", acme), attrs{"email": "x@acme.com", "email_verified": "false"}, false},
		{ruleOf("", acme), attrs{"email": "x@acme.com"}, false},
		{ruleOf("", acme), attrs{"email": "x@evil-acme.com", "email_verified": "true"}, false},
		{ruleOf("", acme), attrs{"email": "x@acme.com.evil.com", "email_verified": "true"}, false},
		{ruleOf("", acme), attrs{"email": "x@sub.acme.com", "email_verified": "true"}, false},
		{ruleOf("", acme), attrs{"email": `"x@acme.com"@evil.com`, "email_verified": "true"}, false},
		{ruleOf("", acme), attrs{"email": `"x@evil.com"@acme.com`, "email_verified": "true"}, true},
		{ruleOf("", acme), attrs{"nickname": "x@acme.com"}, false},
		{identity.GroupRule{Attribute: "email", Match: identity.MatchEmailDomain, Value: acme, Unverified: true}, attrs{"email": "x@acme.com"}, true},
		{identity.GroupRule{Attribute: "email", Match: identity.MatchEquals, Value: "X@acme.com"}, attrs{"email": "x@Acme.com", "email_verified": "true"}, true},
		{identity.GroupRule{Attribute: "phone_number", Match: identity.MatchStartsWith, Value: "+49"}, attrs{"phone_number": "+4915112345", "phone_number_verified": "true"}, true},
		{identity.GroupRule{Attribute: "phone_number", Match: identity.MatchStartsWith, Value: "+49"}, attrs{"phone_number": "+4915112345"}, false},
		{identity.GroupRule{Attribute: "phone_number", Match: identity.MatchStartsWith, Value: "+49"}, attrs{"phone_number": "+1491234567", "phone_number_verified": "true"}, false},
		{identity.GroupRule{Attribute: "nickname", Match: identity.MatchEquals, Value: "ops", Unverified: true}, attrs{"nickname": "ops"}, true},
		{identity.GroupRule{Attribute: "nickname", Match: identity.MatchEquals, Value: "ops", Unverified: true}, attrs{"nickname": "Ops"}, false},
		{identity.GroupRule{Attribute: "nickname", Match: identity.MatchEquals, Value: "ops", Unverified: true}, attrs{"nickname": "ops2"}, false},
		{identity.GroupRule{Attribute: "nickname", Match: identity.MatchContains, Value: "ops", Unverified: true}, attrs{"nickname": "devops2"}, true},
		{identity.GroupRule{Attribute: "nickname", Match: identity.MatchContains, Value: "ops", Unverified: true}, attrs{"nickname": "op s"}, false},
		{identity.GroupRule{Attribute: "nickname", Match: identity.MatchStartsWith, Value: "ops", Unverified: true}, attrs{"nickname": "devops"}, false},
	}) {
		g := newGroups(t, "alice")
		g.make(t, "staff", -1, "")
		g.edit(t, g.pool, "alice", func(u *identity.User) { u.Attributes = tt.with })
		tt.rule.Group = "staff"
		g.rule(t, tt.rule)
		g.apply(t)
		var want []string
		if tt.want {
			want = []string{"staff"}
		}
		g.wantIn(t, fmt.Sprintf("%+v by %+v", tt.with, tt.rule), "alice", want...)
	}
}

func TestInvalidGroupRules(t *testing.T) {
	g := newGroups(t)
	g.make(t, "staff", -1, "")
	for name, r := range map[string]identity.GroupRule{
		"an attribute that the pool lacks":  {Attribute: "custom:team", Match: identity.MatchEquals, Value: "x", Unverified: true},
		"the sub":                           {Attribute: "sub", Match: identity.MatchEquals, Value: "x", Unverified: true},
		"an attribute that nobody verifies": {Attribute: "nickname", Match: identity.MatchEquals, Value: "x"},
		"no value":                          {Attribute: "email", Match: identity.MatchContains},
		"a long value":                      {Attribute: "email", Match: identity.MatchContains, Value: strings.Repeat("x", 2049)},
		"no way to compare":                 {Attribute: "email", Value: "x"},
		"another way to compare":            {Attribute: "email", Match: "regexp", Value: "x"},
		"the domain of a phone number":      {Attribute: "phone_number", Match: identity.MatchEmailDomain, Value: "x"},
		"a domain with an at sign":          ruleOf("", "@acme.com"),
		"a domain with a space":             ruleOf("", "acme.com "),
	} {
		r.Group = "staff"
		wantErr(t, name, second(g.groups.AddRule(t.Context(), r)), identity.ErrInvalidParameter)
	}
	wantErr(t, "no such group", second(g.groups.AddRule(t.Context(), ruleOf("nowhere", "acme.com"))), identity.ErrGroupNotFound)
	wantErr(t, "no such rule", g.groups.RemoveRule(t.Context(), "nothing"), identity.ErrGroupRuleNotFound)
}

func TestGroupRulesAreAtMostAHundred(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100 rules")
	}
	g := newGroups(t)
	g.make(t, "staff", -1, "")
	for i := range 100 {
		g.rule(t, ruleOf("staff", fmt.Sprintf("%d.example", i)))
	}
	wantErr(t, "twice", second(g.groups.AddRule(t.Context(), ruleOf("staff", "1.example"))), identity.ErrQuotaExceeded)
	rules, _, err := g.groups.Rules(t.Context())
	check(t, "Rules", err)
	check(t, "RemoveRule", g.groups.RemoveRule(t.Context(), rules[7].ID))
	wantErr(t, "twice", second(g.groups.AddRule(t.Context(), ruleOf("staff", "1.example"))), identity.ErrInvalidParameter)
	g.rule(t, ruleOf("staff", "new.example"))
}

// Each flow that writes an attribute or verifies one follows the rules, and leaves an event.
func TestEachFlowFollowsGroupRules(t *testing.T) {
	const old, acme = "x@example.com", "x@acme.com"
	for name, flow := range few.Named(3, map[string]func(t *testing.T, g *groupFixture){
		"ConfirmSignUp": func(t *testing.T, g *groupFixture) {
			g.signUp(t, g.pool, "alice", acme)
			g.wantIn(t, "unverified", "alice")
			g.confirm(t, g.pool, "alice", acme)
		},
		"UpdateAttributes and VerifyAttribute": func(t *testing.T, g *groupFixture) {
			g.join(t, g.pool, "alice", old)
			s := g.session(t, g.pool.AppClient, "alice")
			check(t, "UpdateAttributes", second(s.UpdateAttributes(t.Context(), attrs{"email": acme})))
			g.wantIn(t, "unverified", "alice")
			check(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", identity.Secret(g.outbox.LastCode(acme))))
		},
		"an operator's update": func(t *testing.T, g *groupFixture) {
			g.join(t, g.pool, "alice", old)
			check(t, "UpdateAttributes", g.users.UpdateAttributes(t.Context(), "alice", attrs{"email": acme, "email_verified": "true"}))
		},
		"ResetPassword": func(t *testing.T, g *groupFixture) {
			g.join(t, g.pool, "alice", old)
			g.edit(t, g.pool, "alice", func(u *identity.User) { u.Attributes = attrs{"email": acme, "email_verified": "false"} })
			g.edit(t, g.pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "true" })
			code := g.forgot(t, g.pool.AppClient, "alice")
			g.edit(t, g.pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "false" })
			check(t, "ConfirmForgotPassword", recoverAs(t.Context(), g.pool.AppClient, "alice", code, chosen))
		},
		"Import": func(t *testing.T, g *groupFixture) {
			_, err := g.users.Import(t.Context(), []*identity.UserRecord{{Username: "alice", Password: password, Attributes: attrs{"email": acme, "email_verified": "true"}}})
			check(t, "Import", err)
		},
		"Create": func(t *testing.T, g *groupFixture) {
			check(t, "Create", second(g.users.Create(t.Context(), identity.CreateUser{Username: "alice", Attributes: attrs{"email": acme, "email_verified": "true"}, SuppressInvitation: true})))
		},
	}) {
		t.Run(name, func(t *testing.T) {
			g := newGroups(t)
			g.make(t, "staff", -1, "")
			g.rule(t, ruleOf("staff", "acme.com"))
			flow(t, g)
			g.wantIn(t, name, "alice", "staff")
			if n := g.events(t, identity.EventGroupsChanged); n != 1 {
				t.Errorf("%d events, want 1", n)
			}
			check(t, "Verify", verify(t, g.store))
			check(t, "UpdateAttributes", g.users.UpdateAttributes(t.Context(), "alice", attrs{"email_verified": "false"}))
			g.wantIn(t, "no longer verified", "alice")
			if n := g.events(t, identity.EventGroupsChanged); n != 2 {
				t.Errorf("%d events, want 2", n)
			}
		})
	}
}

// Attributes that come with a new password, and a sign-up with one that needs no verification.
func TestUnverifiedAttributesFollowGroupRules(t *testing.T) {
	g := newGroups(t)
	g.make(t, "ops", -1, "")
	g.rule(t, identity.GroupRule{Group: "ops", Attribute: "nickname", Match: identity.MatchEquals, Value: "ops", Unverified: true})
	check(t, "SignUp", second(g.pool.SignUp(t.Context(), identity.SignUp{Username: "bob", Password: password, Attributes: attrs{"email": email, "nickname": "ops"}})))
	g.wantIn(t, "signed up", "bob", "ops")
	g.invite(t, g.pool, "carol", nil)
	_, err := g.pool.NewPassword("carol", challenge(t, g.pool.AppClient, "carol").State()).Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: attrs{"nickname": "ops"}})
	check(t, "NewPassword", err)
	g.wantIn(t, "with a new password", "carol", "ops")
}

// Who loses an address to another user leaves the group that the address led to.
func TestLostAliasLeavesTheGroup(t *testing.T) {
	g := newGroupsOn(t, newEngine(t))
	pool, err := g.OpenUserPool(t.Context(), "aliases", &identity.PoolSettings{Algorithm: "ES256", Aliases: []string{"email"}})
	check(t, "OpenUserPool", err)
	g.pool, g.groups, g.users = pool, pool.Admin().Groups(), pool.Admin().Users()
	g.make(t, "staff", -1, "")
	g.rule(t, ruleOf("staff", "example.com"))
	g.join(t, pool, "alice", email)
	g.wantIn(t, "first", "alice", "staff")
	g.mayForce(t, pool)
	g.signUp(t, pool, "bob", email)
	check(t, "ConfirmSignUp", pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "bob", Code: identity.Secret(g.outbox.LastCode("bob")), ForceAlias: true}))
	g.wantIn(t, "took the address", "bob", "staff")
	g.wantIn(t, "lost the address", "alice")
	check(t, "Verify", verify(t, g.store))
}

// A code of a second factor verifies the address that it went to, and so brings the user into the group.
func TestFactorThatVerifiesFollowsGroupRules(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, emailPool("OPTIONAL"))
	g := &groupFixture{f, pool, pool.Admin().Groups(), pool.Admin().Users()}
	a := g.client(t, g.pool, identity.ClientSettings{})
	g.join(t, g.pool, "alice", email)
	check(t, "SetMFA", g.session(t, a, "alice").SetMFA(t.Context(), emailOn))
	ch := asked[*identity.EmailCodeRequired](t, a)
	g.edit(t, g.pool, "alice", func(u *identity.User) { u.Attributes["email_verified"] = "false" })
	g.make(t, "staff", -1, "")
	g.rule(t, ruleOf("staff", "example.com"))
	g.apply(t)
	g.wantIn(t, "unverified", "alice")
	tokens, err := ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(g.outbox.LastCode(email))})
	check(t, "Answer", err)
	g.wantIn(t, "verified by the code", "alice", "staff")
	if got := claimsOf(t, tokens.Tokens.Access)["cognito:groups"]; !reflect.DeepEqual(got, []any{"staff"}) {
		t.Errorf("the tokens say %v", got)
	}
}

// A run that was under way when the rules were changed does not count for the new ones.
func TestRulesThatChangeDuringARun(t *testing.T) {
	s := &betweenStore{Store: memory.New(), armed: true}
	g := newGroupsOn(t, newEngineOn(t, s), "alice")
	g.make(t, "staff", -1, "")
	g.rule(t, ruleOf("staff", "nobody.com"))
	s.after = func() { // the run was begun
		s.after = func() { // it and the rules were read
			g.advance(time.Second)
			g.rule(t, ruleOf("staff", "example.com"))
		}
	}
	if far := g.apply(t); far != (identity.RuleProgress{Users: 1, Moved: 1, Done: true}) {
		t.Errorf("progress %+v", far)
	}
	g.wantIn(t, "after the new rule", "alice", "staff")
}

// A rule takes nobody out whom somebody has put in by hand.
func TestMembershipsByHandStay(t *testing.T) {
	g := newGroups(t, "alice", "bob") // both at example.com
	g.make(t, "staff", -1, "")
	g.add(t, "alice", "staff")
	id := g.rule(t, ruleOf("staff", "example.com"))
	g.apply(t)
	g.wantIn(t, "with the rule", "bob", "staff")
	check(t, "RemoveRule", g.groups.RemoveRule(t.Context(), id))
	if far := g.apply(t); far.Moved != 1 {
		t.Errorf("%d users moved, want 1", far.Moved)
	}
	g.wantIn(t, "by hand before the rule", "alice", "staff")
	g.wantIn(t, "by the rule", "bob")
	g.rule(t, ruleOf("staff", "example.com"))
	g.apply(t)
	g.add(t, "bob", "staff")
	check(t, "UpdateAttributes", g.users.UpdateAttributes(t.Context(), "bob", attrs{"email": "bob@elsewhere.com", "email_verified": "true"}))
	g.wantIn(t, "by hand after the rule", "bob", "staff")
	check(t, "RemoveFromGroup", g.users.RemoveFromGroup(t.Context(), "bob", "staff"))
	g.apply(t)
	g.wantIn(t, "taken out by hand, and no rule", "bob")
}

// The job applies a changed rule to those who are there, goes on where it was cut off, tells
// how far it is, and comes once more for calls that had the earlier rules.
func TestJobAppliesGroupRules(t *testing.T) {
	if testing.Short() {
		t.Skip("imports 600 users")
	}
	const n = 600
	g := newGroups(t)
	g.make(t, "staff", -1, "")
	var recs []*identity.UserRecord
	for i := range n {
		domain := []string{"acme.com", "example.com"}[i%2]
		recs = append(recs, &identity.UserRecord{Username: fmt.Sprintf("u%d", i), Status: identity.StatusConfirmed, Attributes: attrs{"email": fmt.Sprintf("u%d@%s", i, domain), "email_verified": "true"}})
	}
	check(t, "Import", second(g.users.Import(t.Context(), recs)))
	g.rule(t, ruleOf("staff", "acme.com"))
	far := func() identity.RuleProgress {
		_, far, err := g.groups.Rules(t.Context())
		check(t, "Rules", err)
		return far
	}
	if got := far(); got != (identity.RuleProgress{}) {
		t.Errorf("before: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := g.groups.ApplyRules(ctx, func(identity.RuleProgress) { cancel() }); err == nil {
		t.Error("it was not cut off")
	}
	if got := far(); got.Users == 0 || got.Users == n || got.Moved == 0 || got.Done {
		t.Errorf("in between: %+v", got)
	}
	check(t, "the job", g.RunGroupRules(t.Context()))
	if got := far(); got != (identity.RuleProgress{Users: n, Moved: n / 2, Done: true}) {
		t.Errorf("after: %+v", got)
	}
	members := 0
	for _, err := range g.groups.Members(t.Context(), "staff", "") {
		check(t, "Members", err)
		members++
	}
	if members != n/2 {
		t.Errorf("%d members, want %d", members, n/2)
	}
	// A call that read the rules before they were changed.
	g.edit(t, g.pool, "u1", func(u *identity.User) { u.Attributes["email"] = "late@acme.com" })
	check(t, "the job", g.RunGroupRules(t.Context()))
	g.wantIn(t, "within a minute", "u1")
	g.advance(time.Minute)
	check(t, "the job", g.RunGroupRules(t.Context()))
	g.wantIn(t, "a minute later", "u1", "staff")
	g.edit(t, g.pool, "u3", func(u *identity.User) { u.Attributes["email"] = "never@acme.com" })
	g.advance(time.Hour)
	check(t, "the job", g.RunGroupRules(t.Context()))
	g.wantIn(t, "when it is done", "u3")
	check(t, "Verify", verify(t, g.store))
}

// A deleted group takes its rules with it: a new one with its name has neither.
func TestDeletedGroupTakesItsRules(t *testing.T) {
	g := newGroups(t, "alice")
	g.make(t, "staff", -1, "")
	g.make(t, "others", -1, "")
	g.rule(t, ruleOf("staff", "example.com"))
	g.rule(t, ruleOf("others", "example.com"))
	g.apply(t)
	g.wantIn(t, "by both", "alice", "others", "staff")
	check(t, "Delete", g.groups.Delete(t.Context(), "staff"))
	g.make(t, "staff", -1, "")
	rules, _, err := g.groups.Rules(t.Context())
	if check(t, "Rules", err); len(rules) != 1 || rules[0].Group != "others" {
		t.Errorf("rules %+v, want that of the other group", rules)
	}
	g.apply(t)
	g.sweep(t)
	g.wantIn(t, "after the deletion", "alice", "others")
	check(t, "Verify", verify(t, g.store))
}

// A user who is in as many groups as may be is put into no more, and no change fails for it.
func TestGroupRulesKeepToTheQuota(t *testing.T) {
	g := newGroupsOn(t, newEngineWith(t, twice(memory.New()), func(o *identity.Options) { o.Quotas.GroupsPerUser = 2 }))
	for _, name := range []string{"a", "b", "c"} {
		g.make(t, name, -1, "")
		g.rule(t, ruleOf(name, "example.com"))
	}
	g.join(t, g.pool, "alice", email)
	g.wantIn(t, "three rules", "alice", "a", "b")
}

// A backup of a user says which groups are a rule's, and the rules of the pool that it is
// imported into decide about them.
func TestExportedGroupsOfRules(t *testing.T) {
	g := newGroups(t, "alice")
	g.make(t, "staff", -1, "")
	g.make(t, "hand", -1, "")
	g.add(t, "alice", "hand")
	id := g.rule(t, ruleOf("staff", "example.com"))
	g.apply(t)
	for _, want := range [][]string{{"hand", "staff"}, {"hand"}} {
		rec, err := g.users.Export(t.Context(), "alice", true)
		check(t, "Export", err)
		check(t, "Delete", g.users.Delete(t.Context(), "alice"))
		check(t, "Import", second(g.users.Import(t.Context(), []*identity.UserRecord{rec})))
		g.wantIn(t, fmt.Sprintf("%+v", rec.Ruled), "alice", want...)
		if want[len(want)-1] == "staff" {
			check(t, "RemoveRule", g.groups.RemoveRule(t.Context(), id))
		}
	}
}
