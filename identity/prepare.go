package identity

import (
	"slices"
	"strings"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"github.com/cognate-id/cognate/identity/settings"
)

// In pools with the setting PrepareNames a new name is prepared by RFC 8265 (PRECIS) before
// anything else looks at it. Full-width and half-width letters become one, and names are refused that
// mix directions of writing or contain what is neither letter, digit nor ASCII. The prepared
// name is stored, so its folded form is in the index as that of any other name. What somebody
// types to be found is looked for as it is and prepared, in one read: users whose
// names are older than the setting, or come from an import, are found as before.

// prepareName returns a new username as it is stored.
func prepareName(s *PoolSettings, name string) (string, error) {
	if !s.PreparesNames() {
		return name, nil
	}
	return prepared(name)
}

// prepared is a name by RFC 8265, with its case. The domain of an address is in lower
// case, and what precedes it stays: only the host of the mailbox may say what it means (RFC 5321).
func prepared(name string) (string, error) {
	if !settings.IsEmail(name) && !isASCII(name) {
		var err error
		if name, err = precis.UsernameCasePreserved.String(name); err != nil {
			return "", invalid("username", "The username has characters that usernames may not have, or mixes directions of writing.")
		}
	}
	if !settings.IsEmail(name) {
		return name, nil
	}
	at := strings.LastIndexByte(name, '@')
	return name[:at+1] + norm.NFC.String(strings.ToLower(width.Fold.String(name[at+1:]))), nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// foldNew is a name as it is compared, if it was taken under the present settings.
func foldNew(s *PoolSettings, name string) string {
	if p, err := prepareName(s, name); err == nil {
		name = p
	}
	return fold(name, s.DistinguishesCase())
}

// typedNames are the folded names that somebody may mean who types a name, the exact one first.
func typedNames(s *PoolSettings, name string) []string {
	return slices.Compact([]string{fold(name, s.DistinguishesCase()), foldNew(s, name)})
}

// formsOf are all folded names that somebody may mean, whatever the settings of the pool.
func formsOf(name string) []string {
	forms := []string{fold(name, false), fold(name, true)}
	if p, err := prepared(name); err == nil {
		forms = append(forms, fold(p, false), fold(p, true))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// checkPreferred returns an error for a preferred username that users sign in with
// and that is not as a new username would be stored.
func checkPreferred(s *PoolSettings, attributes map[string]string) error {
	name := attributes["preferred_username"]
	if name == "" || !slices.Contains(s.Aliases, "preferred_username") {
		return nil
	}
	if p, err := prepareName(s, name); err != nil || p != norm.NFC.String(name) {
		return invalid("preferred_username", "The preferred username has characters that usernames may not have.")
	}
	return nil
}
