package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// Commands find a user by a sign-in name or the sub, and else by an address that is no
// sign-in name of the pool. Several users may have such an address. Then nobody is chosen,
// and the error lists them. Commands go on with the sub of the user who was found.

// findUser returns the user who has a name, a sub or an address.
func findUser(ctx context.Context, us identity.Users, name string) (*identity.User, error) {
	u, err := us.Get(ctx, name)
	if !errors.Is(err, identity.ErrUserNotFound) {
		return u, err
	}
	attribute := addressKind(name)
	if attribute == "" {
		return nil, named(err, name)
	}
	var found []*identity.User
	for u, err := range us.All(ctx, attribute+" = "+inFilter(name)) {
		if err != nil {
			return nil, err
		}
		if found = append(found, u); len(found) > namedUsers {
			break
		}
	}
	switch len(found) {
	case 0:
		return nil, named(err, name)
	case 1:
		return found[0], nil
	default:
		return nil, hint(fmt.Errorf("%s users have the %s %s: %s", countUsers(found), attribute, oneLine(name), userNames(found)), "give the sub of one of them")
	}
}

// addressKind returns the attribute that has addresses like name, or "" if name is no address.
func addressKind(name string) string {
	switch {
	case strings.HasPrefix(name, "+"):
		return "phone_number"
	case strings.Contains(name, "@"):
		return "email"
	default:
		return ""
	}
}

// inFilter returns a value as a filter of [identity.UserQuery] has it.
func inFilter(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// namedUsers is how many users an error names.
const namedUsers = 20

func countUsers(found []*identity.User) string {
	if len(found) > namedUsers {
		return "more than " + strconv.Itoa(namedUsers)
	}
	return strconv.Itoa(len(found))
}

// userNames returns the usernames and subs of users.
func userNames(found []*identity.User) string {
	var words []string
	for _, u := range found[:min(len(found), namedUsers)] {
		words = append(words, fmt.Sprintf("%s (%s)", oneLine(u.Username), u.Sub))
	}
	if len(found) > namedUsers {
		words = append(words, "and others, see cognate user list --filter")
	}
	return strings.Join(words, ", ")
}

// calledBy returns the username, and beside it the name by which the user was found, so
// that a mistake is noticed.
func calledBy(u *identity.User, name string) string {
	if u.Username == name {
		return oneLine(name)
	}
	return oneLine(u.Username) + " (" + oneLine(name) + ")"
}
