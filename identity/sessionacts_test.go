package identity_test

import (
	"context"

	"github.com/cognate-id/cognate/identity"
)

// sessionOfAda signs ada in, in a pool that tracks sessions from then on, and returns the id of that session.
func (l *life) sessionOfAda() (*identity.Tokens, string) {
	ctx := l.t.Context()
	check(l.t, "Update", second(l.admin.Update(ctx, func(s *identity.PoolSettings) error {
		s.Sessions = &identity.SessionSettings{Tracked: true, MaxPerUser: 20}
		return nil
	})))
	in, err := l.open2(ctx, "ada", password)
	check(l.t, "SignIn", err)
	s, err := l.Session(ctx, in.Tokens.Access)
	check(l.t, "Session", err)
	page, _, err := s.Sessions(ctx, identity.SessionQuery{})
	check(l.t, "Sessions", err)
	for _, session := range page {
		if session.Current {
			return in.Tokens, session.ID
		}
	}
	l.t.Fatalf("no session of %d is the current one", len(page))
	return nil, ""
}

var sessionActs = []act{
	{"AppClient.RevokeLinked", func(ctx context.Context, l *life) error {
		in, _ := l.sessionOfAda()
		return l.client.RevokeLinked(ctx, in.Refresh, "")
	}, []string{"SignInRevoked user:ada ada"}},
	{"Session.RevokeSession", func(ctx context.Context, l *life) error {
		_, lost := l.sessionOfAda()
		in, _ := l.sessionOfAda()
		s, err := l.Session(ctx, in.Access)
		check(l.t, "Session", err)
		return s.RevokeSession(ctx, identity.RevokeSession{ID: lost})
	}, []string{"SignInRevoked user:ada ada session=*"}},
	{"Users.RevokeSession", func(ctx context.Context, l *life) error {
		_, lost := l.sessionOfAda()
		return l.users.RevokeSession(ctx, "ada", identity.RevokeSession{ID: lost})
	}, []string{"SignInRevoked operator:AKIA ada session=*"}},
}
