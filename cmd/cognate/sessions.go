package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/cognate-id/cognate/identity"
)

type userSessions struct {
	List   sessionList   `cmd:"" help:"List the sessions of a user."`
	Revoke sessionRevoke `cmd:"" help:"End a session of a user."`
}

// Help returns the details that --help shows.
func (userSessions) Help() string {
	return `A session is a sign-in of an app, or a browser that is signed in on the pages of the pool. A pool tracks sessions if its setting "sessions" says so, or nothing and its defaults are the safe ones.

    cognate user sessions list alice
    cognate user sessions revoke alice tkn0c2v4m8xk1q9z7w5e3r6t8y1u`
}

type sessionList struct {
	theUser
	listing
}

// Help returns the details that --help shows.
func (sessionList) Help() string {
	return `The session that was used last comes first. A browser has an id that begins with sso. The sessions of apps that came through it name it below VIA.

    cognate user sessions list alice
    cognate user sessions list alice --json | jq -r .ID`
}

// Run lists the sessions.
func (c *sessionList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.Name)
		if err != nil {
			return err
		}
		return list(t, c.listing, 0, sessionsOf(ctx, a.Users(), u.Sub), "SESSION, CLIENT, DEVICE, FROM, BEGUN, ACTIVE, VIA", func(s *identity.UserSession) []string {
			return []string{s.ID, s.Client, s.Device, orDash(s.IP), stamp(s.Created), stamp(s.Active), orDash(s.Origin)}
		})
	})
}

// sessionsOf yields the sessions of a user.
func sessionsOf(ctx context.Context, us identity.Users, sub string) iter.Seq2[*identity.UserSession, error] {
	return func(yield func(*identity.UserSession, error) bool) {
		for after, more := "", true; more; {
			page, next, err := us.Sessions(ctx, sub, identity.SessionQuery{After: after})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, s := range page {
				if !yield(s, nil) {
					return
				}
			}
			after, more = next, next != ""
		}
	}
}

type sessionRevoke struct {
	theUser
	ID     string `arg:"" name:"session" help:"The session, as cognate user sessions list shows it."`
	Linked bool   `help:"End the browser too that the session came through, or all sessions that came through a browser."`
}

// Help returns the details that --help shows.
func (sessionRevoke) Help() string {
	return `All tokens of the session are refused from then on. "cognate user signout" ends all sessions of a user.

    cognate user sessions revoke alice tkn0c2v4m8xk1q9z7w5e3r6t8y1u
    cognate user sessions revoke alice sso0c2v4m8xk1q9z7w5e3r6t8y1u --linked`
}

// Run ends a session.
func (c *sessionRevoke) Run(t *terminal) error {
	return c.change(t, fmt.Sprintf("Ended the session %s of", oneLine(c.ID)), func(ctx context.Context, us identity.Users, sub string) error {
		return us.RevokeSession(ctx, sub, identity.RevokeSession{ID: c.ID, Linked: c.Linked})
	})
}
