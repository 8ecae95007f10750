package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/cognate-id/cognate/store"
)

// The names that a user signs in with: the username, and depending on the pool the
// addresses or the preferred username. rename computes them from the user's
// attributes and stores them, folded, in User.Names. A unique index over
// User.Names makes a name belong to one user: the transaction that writes the user
// fails if another user has one of the names. findUser (find.go) folds what was
// typed in the same way and looks it up.

// fold is a name as it is compared: in Unicode's composed form and, where case
// does not count, case-folded. Names, throttles and the salts of decoys all use it.
func fold(name string, caseSensitive bool) string {
	if isASCIILower(name) {
		return name
	}
	name = norm.NFC.String(name)
	if caseSensitive {
		return name
	}
	return norm.NFC.String(cases.Fold().String(name))
}

// isASCIILower reports whether folding would leave s as it is, which is the common
// case.
func isASCIILower(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// nameKey is the index key of a folded name. A name too long for an index
// takes part whole, through a digest of it.
func nameKey(pool, folded string) string {
	if len(folded) > store.MaxIndex {
		sum := sha256.Sum256([]byte(folded))
		folded = store.Clip(folded) + "#" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return store.Key(pool, folded)
}

// rename computes the names that the user signs in with. It is called whenever
// an attribute changes, because a name follows the attribute that it comes from.
func (u *User) rename(s *PoolSettings) {
	sensitive := s.DistinguishesCase()
	names := []string{fold(u.Username, sensitive)}
	for _, a := range u.nameAttributes(s) {
		names = append(names, fold(u.Attributes[a], sensitive))
	}
	for _, a := range u.aliasAttributes(s) {
		if a == "preferred_username" || u.verified(a) {
			names = append(names, fold(u.Attributes[a], sensitive))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	u.Names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// nameAttributes are the attributes that stand for the username. Where a pool
// takes addresses of both kinds, it is the kind that the user came with, for
// good: the other address is an attribute like any other. Users of whom that
// is not known sign in with both.
//
// A user whom an identity provider has brought has no name but the username: a provider must not give anybody the address of another user.
func (u *User) nameAttributes(s *PoolSettings) []string {
	if u.primary() != nil {
		return nil
	}
	if u.NamedBy != "" {
		return []string{u.NamedBy}
	}
	return s.UsernameAttributes
}

// aliasAttributes are the attributes that the user signs in with beside the username.
func (u *User) aliasAttributes(s *PoolSettings) []string {
	if u.primary() != nil {
		return nil
	}
	return s.Aliases
}

// aliases are the addresses by which the user can sign in, by attribute, or nil.
func (u *User) aliases(s *PoolSettings) map[string]string {
	var out map[string]string
	for _, a := range []string{"email", "phone_number"} {
		v := u.Attributes[a]
		if v == "" || !slices.Contains(u.nameAttributes(s), a) && !(slices.Contains(u.aliasAttributes(s), a) && u.verified(a)) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[a] = v
	}
	return out
}

// isSubOfAnother reports whether a name of the user's is the sub of another.
// Users are found by their sub too, and its owner must not be passed over for
// another user who takes it as a name.
func isSubOfAnother(r store.Reader, u *User, name string) (bool, error) {
	if len(name) != len(u.Sub) || name == u.Sub {
		return false, nil
	}
	values, err := r.Get(users.Ref(store.Key(u.Pool, name)))
	return err == nil && values[0] != nil, err
}

// nameAttribute is the attribute of u, if any, that folds to a name.
func (u *User) nameAttribute(s *PoolSettings, name string) string {
	for _, a := range slices.Concat(u.nameAttributes(s), u.aliasAttributes(s)) {
		if v := u.Attributes[a]; v != "" && fold(v, s.DistinguishesCase()) == name {
			return a
		}
	}
	return ""
}
