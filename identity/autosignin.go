package identity

import (
	"context"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A user who has just confirmed a sign-up is signed in without another proof. SignUp gives a
// session, which proves nothing. ConfirmSignUpSession takes it, or none: Amplify sends none. It gives
// a session that has the address as proved, by the code that was right. Begin takes that one as the first factor which a code to
// the address is, if the pool allows that factor. Both sessions are of one client and one user.

const (
	stateSignedUp  stateKind = "signed-up"
	stateConfirmed stateKind = "confirmed"
)

// signUpSession seals the session of a sign-up. It is good as long as the code of the sign-up: it
// only says through which client somebody signed up, and whose name was given. A sign-up that
// is answered as any other, and makes no user, gets one too.
func (s *scope) signUpSession(name, sub string, now time.Time) (string, error) {
	id, err := s.engine.uuid()
	if err != nil {
		return "", err
	}
	return s.seal(&challengeState{Kind: stateSignedUp, ID: id, Name: name, Sub: sub, Expires: now.Add(confirmCodeLife)}, nil)
}

// openSignUp opens the session that comes with a confirmation, or returns nil if none does.
func (s *scope) openSignUp(in ConfirmSignUp) (*challengeState, error) {
	if in.Session == "" {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	st, err := s.open(stateSignedUp, in.Session, s.engine.now())
	if err != nil {
		return nil, err
	}
	if !s.sameBegun(nil, st, in.Username) { // whose name it is now must not count
		return nil, ErrSessionInvalid
	}
	return st, nil
}

// confirmedSession seals the session that signs a user in who has proved an address. It is empty for clients without the
// flow, and if the session that came is of another sign-up.
func (s *scope) confirmedSession(ctx context.Context, st *challengeState, name string, u *User, attribute string) (string, error) {
	if !s.choosable() || st != nil && st.Sub != u.Sub {
		return "", nil
	}
	cred, err := s.engine.readCredential(ctx, u)
	if err != nil {
		return "", err
	}
	next := &challengeState{Name: name, Sub: u.Sub}
	if first := factorBy(attribute); first != "" {
		next.Proved = []proof{{Kind: provedFirst, Changed: cred.changed(), First: first}}
	}
	return s.challenge(stateConfirmed, next, nil, s.engine.now())
}

// afterSignUp signs a user in by the session of a confirmation. It reports false if what the session proves is no first factor
// of the user: then the sign-in begins as any other.
func (c *firstStep) afterSignUp(ctx context.Context, session string) (_ *SignInResult, done bool, err error) {
	st, err := c.scope.open(stateConfirmed, session, c.now)
	if err != nil {
		return nil, false, err
	}
	if c.user == nil || c.user.Sub != st.Sub {
		return nil, false, ErrSessionInvalid
	}
	if hold, err := allHold(st.Proved, c.scope.settings, &outcome{user: c.user, cred: c.cred}); err != nil || !hold {
		return nil, false, err
	}
	t := &secondStep{scope: c.scope, state: st, now: c.now}
	// The code was judged when the sign-up was confirmed.
	res, err := t.finish(ctx, hook.TokensOfSignIn, func(store.Tx, *outcome, *Event) error { return nil })
	return res, true, err
}
