package identity

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// Groups by attribute: a rule puts users into a group by the value of an attribute. Each
// flow that writes attributes calls ruled in its transaction, before it writes the user. The record of the user
// has the groups that rules have put the user into (User.Ruled), so that a rule takes nobody out of a group whom
// somebody has put in by hand. A change of the rules begins a run over all users (groupruns.go).

// maxGroupRules is how many rules a pool has at most. Each change of an attribute tries all.
const maxGroupRules = 100

// A GroupMatch says how a rule compares the value of an attribute.
type GroupMatch string

// The ways to compare. Case counts, except in e-mail addresses.
const (
	MatchEquals     GroupMatch = "equals"
	MatchStartsWith GroupMatch = "startsWith"
	MatchContains   GroupMatch = "contains"
	// MatchEmailDomain is for the attribute email: what comes after the last at sign is
	// the value. Subdomains have other values.
	MatchEmailDomain GroupMatch = "emailDomain"
)

// A GroupRule puts users into a group by an attribute.
type GroupRule struct {
	ID        string     `json:"id"`        // given by AddRule
	GroupID   string     `json:"groupId"`   // given by AddRule
	Group     string     `json:"group"`     // the name of the group
	Attribute string     `json:"attribute"` // such as "email" or "custom:team"
	Match     GroupMatch `json:"match"`     // how the attribute is compared with Value
	Value     string     `json:"value"`     // 1 to 2,048 characters
	// Unverified lets a value count that nobody has verified: an address before its owner
	// has proved it, and any other attribute. Users can write most attributes themselves.
	// A rule for another attribute than email and phone_number must have it.
	Unverified bool `json:"unverified,omitempty"`
}

// check returns an error if a rule is invalid in a pool.
func (r *GroupRule) check(s *PoolSettings) error {
	if _, known := s.Attribute(r.Attribute); !known || r.Attribute == "sub" {
		return invalid("Attribute", fmt.Sprintf("The pool has no attribute %q.", r.Attribute))
	}
	if n := utf8.RuneCountInString(r.Value); n == 0 || n > 2048 || !utf8.ValidString(r.Value) {
		return invalid("Value", "The value of a rule must have 1 to 2048 characters.")
	}
	switch r.Match {
	case MatchEquals, MatchStartsWith, MatchContains:
	case MatchEmailDomain:
		if r.Attribute != "email" {
			return invalid("Attribute", "The domain of an e-mail address is compared in the attribute email alone.")
		}
		if strings.Contains(r.Value, "@") || !settings.Printable(r.Value) {
			return invalid("Value", "A domain is given without an at sign, such as acme.com.")
		}
	default:
		return invalid("Match", "A rule compares by equals, startsWith, contains or emailDomain.")
	}
	if !slices.Contains(addresses[:], r.Attribute) && !r.Unverified {
		return invalid("Unverified", fmt.Sprintf("Nobody verifies the attribute %s: say that the rule takes unverified values, if users cannot write the attribute or may choose the group.", r.Attribute))
	}
	return nil
}

// same reports whether two rules do the same.
func (r *GroupRule) same(o *GroupRule) bool {
	return r.GroupID == o.GroupID && r.Attribute == o.Attribute && r.Match == o.Match && r.Value == o.Value && r.Unverified == o.Unverified
}

// takes reports whether a rule puts a user into its group.
func (r *GroupRule) takes(u *User) bool {
	value, want := u.Attributes[r.Attribute], r.Value
	if value == "" || !r.Unverified && !u.verified(r.Attribute) {
		return false
	}
	if r.Attribute == "email" {
		value, want = fold(value, false), fold(want, false)
	}
	switch r.Match {
	case MatchEquals:
		return value == want
	case MatchStartsWith:
		return strings.HasPrefix(value, want)
	case MatchContains:
		return strings.Contains(value, want)
	case MatchEmailDomain:
		return value[strings.LastIndexByte(value, '@')+1:] == want && strings.Contains(value, "@")
	}
	return false
}

// ruled returns the user as the rules of the pool have it: the same if they change
// nothing, or else a copy in other groups. cause is the event of the change that
// the user is written with; beside it, ruled inserts one of the groups. The rules are read
// in the transaction, so that none is followed that was deleted.
func (e *Engine) ruled(tx store.Tx, u *User, cause *Event) (*User, error) {
	return ruledWithin(tx, u, cause, e.groupLimit())
}

// ruledWithin is ruled with a limit of how many groups a user may be in. Within 0 it takes the user out of
// groups alone.
func ruledWithin(tx store.Tx, u *User, cause *Event, limit int) (*User, error) {
	p, err := pools.Get(tx, store.Key(u.Pool))
	if err != nil {
		return nil, err
	}
	next := u.clone()
	joined, left, err := next.follow(tx, p.GroupRules, limit)
	if err != nil || len(joined)+len(left) == 0 {
		return u, err
	}
	ev := cause.besides(u.Sub, EventGroupsChanged)
	ev.ID = cause.ID + ".groups." + u.Sub // there may be another event beside the cause
	ev = ev.with(dataRules, "true")
	for data, ids := range map[string][]string{dataAdded: joined, dataRemoved: left} {
		names, err := namesOfGroups(tx, u.Pool, ids)
		if err != nil {
			return nil, err
		}
		if names != "" {
			ev = ev.with(data, names)
		}
	}
	return next, events.Insert(tx, ev)
}

// ruledIn is ruled, if the pool had rules when the call began.
func (e *Engine) ruledIn(tx store.Tx, p *PoolInfo, u *User, cause *Event) (*User, error) {
	if len(p.GroupRules) == 0 {
		return u, nil
	}
	return e.ruled(tx, u, cause)
}

// follow puts the user into groups and out of them by rules, and returns their ids.
func (u *User) follow(r store.Reader, rules []GroupRule, limit int) (joined, left []string, err error) {
	var want []string
	for i := range rules {
		if rules[i].takes(u) && !slices.Contains(want, rules[i].GroupID) {
			want = append(want, rules[i].GroupID)
		}
	}
	for _, id := range slices.Clone(u.Ruled) {
		if !slices.Contains(want, id) {
			u.leave(id)
			left = append(left, id)
		}
	}
	for _, id := range want {
		if slices.Contains(u.Groups, id) {
			continue
		}
		full, err := u.full(r, limit)
		if err != nil {
			return nil, nil, err
		}
		if full != nil { // no change of an attribute fails for it
			continue
		}
		u.Groups, u.Ruled = append(u.Groups, id), append(u.Ruled, id)
		joined = append(joined, id)
	}
	return joined, left, nil
}

// namesOfGroups returns the names of groups that exist, with spaces between them.
func namesOfGroups(r store.Reader, pool string, ids []string) (string, error) {
	in, err := (&User{Pool: pool, Groups: ids}).memberships(r)
	return strings.Join(groupNames(in), " "), err
}
