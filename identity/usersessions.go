package identity

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// The sessions of users, in pools that track them. A session is a family: one with tokens, or a
// browser that is signed in on pages. Its id is the id of the family in other letters, so it needs
// no index. Its record is four fields of the family, which are written with the sign-in, with
// each rotation of its refresh token, and otherwise at most once a minute. So pools that
// track no sessions write nothing more. A sign-in from before the pool tracked sessions has no
// record until it is refreshed, and is not listed.

const (
	// sessionPage is how many sessions a page has by default, as many as the service's.
	sessionPage = 125

	tokenSession   = "tkn" // what the id of a session with tokens begins with
	browserSession = "sso" // what the id of a browser begins with
	sessionDigits  = 25    // of base 36 in the id of a session: 128 bits
)

// A UserSession is a session of a user that is on record.
type UserSession struct {
	ID      string    // tkn or sso, and 25 letters and digits
	Browser bool      // it is a browser that is signed in on pages; other sessions have tokens
	Client  string    // the id of the app client of the sign-in
	Created time.Time // when the user signed in, or the application got the first tokens
	Active  time.Time // when it was used last, to a minute
	Device  string    // the system and the program, as far as its User-Agent tells: "Firefox on Linux", or "unknown"
	IP      string    // where it was used last; empty if that is not known
	Origin  string    // the id of the browser that the tokens came through; empty for others
	Current bool      // it is the session of the call; never in a list of an operator
}

// A SessionQuery says which sessions to list. The zero value means the first 125.
type SessionQuery struct {
	// After is the position that came with the page before. Defaults to the beginning.
	After string
	// Limit is how many sessions a page has at most, 1 or more. Defaults to 125.
	Limit int
}

// RevokeSession says which session to end.
type RevokeSession struct {
	ID string // of a [UserSession]
	// Linked ends more: with a session that has tokens, the browser that they came through, and with a
	// browser, all sessions through it, even that of the call.
	Linked bool
}

// Sessions lists the sessions of the user in all clients. Each page has those that were used last at
// its beginning. It may have fewer than its limit. next is the position of the next page, see
// [SessionQuery]. It is "" after the last page. It returns [ErrSessionsOff], [ErrInvalidPosition], or
// [ErrInvalidParameter] for a negative limit.
func (s *Session) Sessions(ctx context.Context, q SessionQuery) (page []*UserSession, next string, err error) {
	if err := s.managed(); err != nil {
		return nil, "", fmt.Errorf("sessions: %w", err)
	}
	return s.engine.listSessions(ctx, s.origin(), s.user, q)
}

// RevokeSession ends another session of the user: its tokens are refused from then on. It returns
// [ErrSessionsOff], [ErrSessionNotFound], or [ErrOwnSession] for the session of the call.
func (s *Session) RevokeSession(ctx context.Context, in RevokeSession) error {
	if err := s.managed(); err != nil {
		return fmt.Errorf("revoke session: %w", err)
	}
	return s.engine.revokeSession(ctx, s.origin(), s.user, in)
}

// Sessions lists the sessions of a user, see [Session.Sessions].
func (us Users) Sessions(ctx context.Context, name string, q SessionQuery) (page []*UserSession, next string, err error) {
	p, u, err := us.admin.find(ctx, name)
	if err != nil {
		return nil, "", fmt.Errorf("sessions: %w", err)
	}
	return us.admin.engine.listSessions(ctx, origin{pool: p, sub: u.Sub, now: us.admin.engine.now()}, u, q)
}

// RevokeSession ends a session of a user, see [Session.RevokeSession].
func (us Users) RevokeSession(ctx context.Context, name string, in RevokeSession) error {
	p, u, err := us.admin.find(ctx, name)
	if err != nil {
		return fmt.Errorf("revoke session: %w", err)
	}
	return us.admin.engine.revokeSession(ctx, origin{pool: p, sub: u.Sub, now: us.admin.engine.now()}, u, in)
}

// onRecord reports whether a sign-in is one of the sessions that are listed.
func (f *family) onRecord() bool { return !f.Active.IsZero() }

// note records who uses a sign-in, in a pool that tracks sessions.
func (s *scope) note(f *family, now time.Time) {
	if !s.settings.TracksSessions() {
		return
	}
	if !f.onRecord() {
		f.Begun = f.AuthTime
	}
	f.Active, f.Agent, f.IP = now, agentText(s.agent), ""
	if s.ip.IsValid() {
		f.IP = s.ip.Unmap().WithZone("").String()
	}
}

// lists reports whether a sign-in of a user is a session that goes on.
func (u *User) lists(f *family, now time.Time) bool {
	return f.onRecord() && !f.ended(u) && now.Before(f.Expires)
}

// sessionID is the id of the session that a sign-in is.
func (f *family) sessionID() string {
	if f.Browser {
		return sessionID(browserSession, f.ID)
	}
	return sessionID(tokenSession, f.ID)
}

// sessionID is the UUID of a family in base 36.
func sessionID(kind, family string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(family, "-", ""))
	if err != nil {
		return ""
	}
	digits := new(big.Int).SetBytes(raw).Text(36)
	return kind + strings.Repeat("0", max(0, sessionDigits-len(digits))) + digits
}

// familyOfSession is the UUID of the family that an id names, and whether it is a browser. It returns
// "" for what is no id.
func familyOfSession(id string) (family string, browser bool) {
	kind := id[:min(len(tokenSession), len(id))]
	digits := id[len(kind):]
	if kind != tokenSession && kind != browserSession || len(digits) != sessionDigits || strings.Trim(digits, "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return "", false
	}
	n, ok := new(big.Int).SetString(digits, 36)
	if !ok || n.BitLen() > 128 {
		return "", false
	}
	raw := hex.EncodeToString(n.FillBytes(make([]byte, 16)))
	return strings.Join([]string{raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]}, "-"), kind == browserSession
}

func (e *Engine) listSessions(ctx context.Context, by origin, u *User, q SessionQuery) (page []*UserSession, next string, err error) {
	l := &sessionList{by: by, user: u, limit: cmp.Or(q.Limit, sessionPage)}
	switch {
	case !by.pool.Settings.TracksSessions():
		return nil, "", fmt.Errorf("sessions: %w", ErrSessionsOff)
	case q.Limit < 0:
		return nil, "", fmt.Errorf("sessions: %w", invalid("limit", "The limit is 1 or more."))
	}
	rng := store.Prefix(by.pool.ID, by.sub)
	rng.Limit = l.limit + signOutBatch // of a user with more sign-ins that are not listed, a page may be short
	if q.After != "" {
		id, _ := familyOfSession(q.After)
		if id == "" {
			return nil, "", fmt.Errorf("sessions: %w", ErrInvalidPosition)
		}
		rng.From = store.Key(by.pool.ID, by.sub, id) + "\x00"
	}
	err = e.store.View(ctx, func(r store.Reader) error {
		if err := l.scan(r, rng); err != nil {
			return err
		}
		return l.readClients(e, r)
	})
	if err != nil {
		return nil, "", fmt.Errorf("sessions: %w", err)
	}
	return l.page(), l.next, nil
}

// A sessionList is what a listing of sessions reads.
type sessionList struct {
	by      origin
	user    *User
	limit   int
	found   []*family
	next    string
	clients map[string]*ClientInfo // those that exist of the sessions found
}

func (l *sessionList) scan(r store.Reader, rng store.Range) error {
	l.found, l.next = nil, ""
	n, last := 0, ""
	for f, err := range families.Scan(r, rng) {
		if err != nil {
			return err
		}
		if !l.user.lists(f, l.by.now) {
			n, last = n+1, f.sessionID()
			continue
		}
		if len(l.found) == l.limit {
			l.next = last
			return nil
		}
		n, last = n+1, f.sessionID()
		l.found = append(l.found, f)
	}
	if n == rng.Limit {
		l.next = last
	}
	return nil
}

func (l *sessionList) readClients(e *Engine, r store.Reader) error {
	l.clients = map[string]*ClientInfo{}
	var ids []string
	var refs []store.Ref
	for _, f := range l.found {
		if !slices.Contains(ids, f.Client) {
			ids, refs = append(ids, f.Client), append(refs, clients.Ref(store.Key(f.Client)))
		}
	}
	if len(refs) == 0 {
		return nil
	}
	values, err := r.Get(refs...)
	if err != nil {
		return err
	}
	for i, id := range ids {
		if values[i] == nil {
			continue
		}
		if l.clients[id], err = e.decodeClient(id, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// page returns the sessions found that go on. A browser was used when the last session through it was.
func (l *sessionList) page() []*UserSession {
	set, page := &l.by.pool.Settings, []*UserSession{}
	for _, f := range l.found {
		c := l.clients[f.Client]
		if c == nil || f.idle(set.IdleLife(&c.Settings), l.by.now) {
			continue
		}
		page = append(page, l.shown(f))
	}
	used := map[string]time.Time{}
	for _, s := range page {
		used[s.Origin] = later(used[s.Origin], s.Active)
	}
	for _, s := range page {
		if s.Browser {
			s.Active = later(s.Active, used[s.ID])
		}
	}
	slices.SortFunc(page, func(a, b *UserSession) int { return cmp.Or(b.Active.Compare(a.Active), cmp.Compare(a.ID, b.ID)) })
	return page
}

// shown is a session as callers see it.
func (l *sessionList) shown(f *family) *UserSession {
	s := &UserSession{
		ID: f.sessionID(), Browser: f.Browser, Client: f.Client, Created: f.Begun, Active: f.Active,
		Device: cmp.Or(f.Agent, unknownAgent), IP: f.IP, Current: f.ID == l.by.family,
	}
	if f.Parent != "" {
		s.Origin = sessionID(browserSession, f.Parent)
	}
	return s
}

func (e *Engine) revokeSession(ctx context.Context, by origin, u *User, in RevokeSession) error {
	id, browser := familyOfSession(in.ID)
	switch {
	case !by.pool.Settings.TracksSessions():
		return fmt.Errorf("revoke session: %w", ErrSessionsOff)
	case id == "":
		return fmt.Errorf("revoke session: %w", ErrSessionNotFound)
	case id == by.family:
		return fmt.Errorf("revoke session: %w", ErrOwnSession)
	}
	by.data = map[string]string{dataSession: in.ID}
	ev, err := e.changed(ctx, by, EventSignInRevoked)
	if err != nil {
		return fmt.Errorf("revoke session: %w", err)
	}
	for more := true; more; {
		var refused error
		err := e.store.Update(ctx, func(tx store.Tx) error {
			refused, more = nil, false
			f, err := orNil(families.Get(tx, store.Key(by.pool.ID, by.sub, id)))
			if err != nil {
				return err
			}
			if f == nil || f.Browser != browser || !u.lists(f, by.now) {
				refused = ErrSessionNotFound
				return nil
			}
			if in.Linked {
				if more, err = f.endLinked(tx); err != nil || more {
					return err
				}
			}
			if _, err := families.Delete(tx, families.Key(f)); err != nil {
				return err
			}
			return events.Insert(tx, ev)
		})
		if err = orRefused(err, refused); err != nil {
			return fmt.Errorf("revoke session: %w", err)
		}
	}
	return nil
}

// endLinked ends the browser that a sign-in came through, or the sign-ins through a browser. It
// reports whether there are more of them than one transaction takes.
func (f *family) endLinked(tx store.Tx) (more bool, err error) {
	var linked []string
	switch {
	case f.Browser:
		linked, err = f.through(tx)
	case f.Parent != "":
		linked = []string{store.Key(f.Pool, f.Sub, f.Parent)}
	}
	if err != nil {
		return false, err
	}
	if more = len(linked) > signOutBatch; more {
		linked = linked[:signOutBatch]
	}
	for _, key := range linked {
		if _, err := families.Delete(tx, key); err != nil {
			return false, err
		}
	}
	return more, nil
}

// through are the keys of the sign-ins through a browser.
func (f *family) through(r store.Reader) ([]string, error) {
	var keys []string
	for other, err := range families.Scan(r, store.Prefix(f.Pool, f.Sub)) {
		if err != nil {
			return nil, err
		}
		if other.Parent == f.ID {
			keys = append(keys, families.Key(other))
		}
	}
	return keys, nil
}
