package identity

import (
	"fmt"
	"time"
)

// Whoever finds a browser or a phone unlocked, or steals an access token, has a session, and
// must not be able to take the account over with it. So in pools with RecentSignInMinutes,
// methods of Session that change how the user signs in begin with settle, which asks for a
// recent sign-in. Refreshing tokens does not make a sign-in recent. The tests list all methods,
// and say of each whether it asks and why.

// settle returns an error unless the session may change how its user signs in: its token
// has the scope, and its sign-in is recent.
func (s *Session) settle() error {
	if err := s.managed(); err != nil {
		return err
	}
	within := s.pool.Settings.RecentSignIn()
	if within > 0 && s.engine.now().Sub(s.authTime) > within {
		return &RecentSignInError{Within: within}
	}
	return nil
}

// settleFactors is settle for what sets up passwords and factors, which are no affair of a user who signs in by an identity provider alone.
func (s *Session) settleFactors() error {
	if err := s.settle(); err != nil {
		return err
	}
	if s.user.Status == StatusExternalProvider {
		return ErrFederatedUser
	}
	return nil
}

// renames reports whether an update of attributes changes an address or a name that the user signs in with.
func (s *Session) renames(attributes map[string]string) bool {
	for name, value := range attributes {
		if s.pool.Settings.SignsIn(name) && (s.user.Attributes[name] != value || s.user.Pending[name] != "") {
			return true
		}
	}
	return false
}

// A RecentSignInError says how recent the sign-in of a session must be.
type RecentSignInError struct {
	Within time.Duration // the greatest age of the sign-in
}

func (e *RecentSignInError) Error() string {
	return fmt.Sprintf("%v: it is older than %s", ErrRecentSignInRequired, e.Within)
}

func (e *RecentSignInError) Unwrap() error { return ErrRecentSignInRequired }
