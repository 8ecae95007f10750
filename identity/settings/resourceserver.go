package settings

import (
	"regexp"
	"unicode/utf8"
)

// A ResourceServer has the settings of a resource server: an API of yours, and the scopes
// that access tokens may carry for it.
type ResourceServer struct {
	// Identifier names the API, often by its URL. It has 1 to 256 characters: ASCII
	// without spaces, quotes and backslashes. It never changes.
	Identifier string `json:"identifier"`
	// Name is for people. It has 1 to 256 letters, digits, spaces and characters of _+=,.@-
	Name string `json:"name"`
	// Scopes are what tokens may be for. There are at most 100.
	Scopes []ResourceScope `json:"scopes,omitempty"`
}

// A ResourceScope is one scope of a resource server. A client asks for it by the identifier of
// the server, a slash and the name.
type ResourceScope struct {
	// Name has 1 to 256 characters: ASCII without spaces, quotes, slashes and backslashes.
	Name string `json:"name"`
	// Description is for people. It has 1 to 256 characters.
	Description string `json:"description"`
}

// MaxScopes is how many scopes a resource server may have.
const MaxScopes = 100

var (
	identifierForm = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,256}$`)
	serverNameForm = regexp.MustCompile(`^[\w\s+=,.@-]{1,256}$`)
	scopeForm      = regexp.MustCompile(`^[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]{1,256}$`)
)

// Check returns an [*Error] about the first setting that is invalid.
func (s *ResourceServer) Check() error {
	switch {
	case !identifierForm.MatchString(s.Identifier):
		return plain("Identifier", "An identifier has 1 to 256 characters: ASCII without spaces, quotes and backslashes.")
	case !serverNameForm.MatchString(s.Name):
		return plain("Name", "A resource server has a name of 1 to 256 letters, digits, spaces and characters of _+=,.@-")
	case len(s.Scopes) > MaxScopes:
		return plain("Scopes", "A resource server has at most %d scopes.", MaxScopes)
	}
	seen := map[string]bool{}
	for _, scope := range s.Scopes {
		switch n := utf8.RuneCountInString(scope.Description); {
		case !scopeForm.MatchString(scope.Name):
			return plain("Scopes", "The name of a scope has 1 to 256 characters: ASCII without spaces, quotes, slashes and backslashes.")
		case n == 0 || n > 256:
			return plain("Scopes", "The description of the scope %s must have 1 to 256 characters.", scope.Name)
		case seen[scope.Name]:
			return invalid("Scopes", ScopeTwice, scope.Name, "The scope "+scope.Name+" is there twice.")
		}
		seen[scope.Name] = true
	}
	return nil
}
