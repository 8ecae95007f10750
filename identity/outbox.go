package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// With [Options].Outbox, a message is written in the transaction that it tells of, and a
// worker sends it (outboxworker.go): so a crash loses none, and no caller waits for a
// provider. A flow makes a [letter] before its transaction, puts it in the transaction, and
// calls sent after the commit. Without an outbox put does nothing, and sent sends.
//
// A message to nobody is written too, in the place of one for a user who does not exist:
// the same work for the caller. The worker deletes it.

// OutboxOptions turn the outbox on. The zero value means the defaults.
type OutboxOptions struct {
	// Workers is how many messages are sent at once by each [Medium]. Defaults to 4.
	Workers int
	// MaxAge is how long a message is tried, from when it was written or from
	// [Messages.Retry] on. A code is not sent once it has expired. Defaults to 24 hours.
	MaxAge time.Duration
	// SendTimeout is how long one try may take. If a process ends during a try, another
	// try begins half a minute after that time. Defaults to one minute.
	SendTimeout time.Duration
	// Waiting is how many messages of a pool may wait. After that, what owes a message
	// fails with [ErrQuotaExceeded], and notices are not sent. Each process counts now and
	// then, as for [Quotas].Users. Defaults to 100,000. A negative number means no limit.
	Waiting int
	// Alone says that no other engine works on the store, so that what an earlier process
	// was sending when it ended is sent again at once.
	Alone bool
}

// The outbox of an engine.
type outbox struct {
	OutboxOptions
	wake map[Medium]chan struct{} // a message may be due
}

var mediums = []Medium{MediumEmail, MediumSMS}

func newOutbox(o *OutboxOptions) *outbox {
	if o == nil {
		return nil
	}
	b := &outbox{OutboxOptions: *o, wake: map[Medium]chan struct{}{}}
	for _, m := range mediums {
		b.wake[m] = make(chan struct{}, 1)
	}
	if b.Workers <= 0 {
		b.Workers = 4
	}
	if b.MaxAge <= 0 {
		b.MaxAge = outboxMaxAge
	}
	if b.SendTimeout <= 0 {
		b.SendTimeout = time.Minute
	}
	b.Waiting = limitOr(b.Waiting, 100_000)
	return b
}

// rouse tells the worker of this process, if one runs, that a message was committed.
func (b *outbox) rouse(m Medium) {
	select {
	case b.wake[m] <- struct{}{}:
	default:
	}
}

const (
	outboxMaxAge = 24 * time.Hour
	// outboxKept is how long a message is kept that was not sent.
	outboxKept = 7 * 24 * time.Hour
)

// messageAge is how long a message is tried. The engine of a command has no outbox.
func (e *Engine) messageAge() time.Duration {
	if e.outbox == nil {
		return outboxMaxAge
	}
	return e.outbox.MaxAge
}

const quotaMessages = "messages that wait to be sent"

// A letter is a message in a flow, from before its transaction to after the commit.
type letter struct {
	points points
	user   *User
	m      *Message
	decoy  bool // it goes to nobody

	row     *queued // nil without an outbox
	refused error   // why the message may not be sent
	seat    *seats
	now     time.Time
	kept    bool
}

// A worth says until when a message is worth sending.
type worth struct {
	Until     time.Time   `json:"until,omitzero"`      // when the code expires; zero means that the message keeps its worth
	Purpose   codePurpose `json:"purpose,omitempty"`   // of a stored code
	MAC       []byte      `json:"mac,omitempty"`       // of a stored code
	Password  []byte      `json:"password,omitempty"`  // digest of the hash of a temporary password
	Challenge string      `json:"challenge,omitempty"` // the id of the state that the code answers
	Setup     bool        `json:"setup,omitempty"`     // the code gives an address to a user who has none
}

func (c *code) worth() worth { return worth{Until: c.Expires, Purpose: c.Purpose, MAC: c.MAC} }

func (c *credential) worth() worth {
	if c == nil { // of a user who is created without a password
		return worth{}
	}
	return worth{Until: c.Expires, Password: c.fingerprint()}
}

func (c *credential) fingerprint() []byte {
	sum := sha256.Sum256([]byte(c.Hash))
	return sum[:]
}

// letter makes a letter, before the transaction. Call end when the flow ends. With an outbox it returns
// [ErrQuotaExceeded] if too many messages of the pool wait.
func (p points) letter(ctx context.Context, u *User, m *Message, w worth) (*letter, error) {
	l := &letter{points: p, user: u, m: m, now: p.engine.now()}
	if p.engine.outbox == nil {
		var err error
		l.refused, err = p.suppressed(ctx, m)
		return l, err
	}
	id, err := p.engine.uuid()
	if err != nil {
		return nil, err
	}
	if l.seat, err = p.place(ctx, l.now); err != nil {
		return nil, err
	}
	l.row, l.refused = p.queued(u, id, m, w, l.now), p.forbids(m)
	if present(p, atSender(m.Medium)) {
		l.row.Metadata = CallFrom(ctx).ClientMetadata
	}
	return l, nil
}

// place takes a place for a message of the pool.
func (p points) place(ctx context.Context, now time.Time) (*seats, error) {
	e, limit := p.engine, p.engine.outbox.Waiting
	s := e.outboxSeats(p.pool.ID)
	ok, err := s.take(ctx, limit, now, func() (int, error) { return e.countQueued(ctx, p.pool.ID, queuedWaiting, limit) })
	if err != nil || !ok {
		return nil, orRefused(err, &QuotaError{quotaMessages, limit})
	}
	return s, nil
}

func (e *Engine) outboxSeats(pool string) *seats {
	kept, _ := e.seats.LoadOrStore(quotaMessages+" "+pool, newSeats())
	return kept.(*seats) //nolint:forcetypeassert // nothing else is stored
}

// queued makes the record of a message.
func (p points) queued(u *User, id string, m *Message, w worth, now time.Time) *queued {
	q := &queued{
		Pool: p.pool.ID, Sub: u.Sub, ID: id, Time: m.Time, Client: m.Client, Username: m.Username, To: m.To, Medium: m.Medium, Kind: m.Kind,
		Code: string(m.Code), Subject: m.Subject, Body: m.Body, HTML: m.HTML, worth: w,
	}
	q.tryFor(p.engine.messageAge(), now)
	return q
}

// tryFor makes a message due, from now on for some time.
func (q *queued) tryFor(age time.Duration, now time.Time) {
	q.Failed, q.Due, q.GiveUp = time.Time{}, now, now.Add(age)
	q.Expires = q.ends().Add(outboxKept)
}

// ends is when a message is given up.
func (q *queued) ends() time.Time {
	if q.Until.IsZero() || q.GiveUp.Before(q.Until) {
		return q.GiveUp
	}
	return q.Until
}

// message is the message of a record.
func (q *queued) message() *Message {
	return &Message{
		ID: q.ID, Time: q.Time, Pool: q.Pool, Client: q.Client, Username: q.Username, To: q.To, Medium: q.Medium, Kind: q.Kind,
		Code: Secret(q.Code), Subject: q.Subject, Body: q.Body, HTML: q.HTML,
	}
}

// put writes the message in the transaction that it tells of.
func (l *letter) put(tx store.Tx) error { return l.putFor(tx, l != nil && l.decoy) }

// putFor is put for a letter of which only the transaction knows whether it goes to nobody.
func (l *letter) putFor(tx store.Tx, decoy bool) error {
	if l == nil || l.row == nil {
		return nil
	}
	row := *l.row
	row.Decoy = decoy || l.refused != nil
	return outboxes.Insert(tx, &row)
}

// sent sends the message, or leaves it to the worker. It is called after the commit.
func (l *letter) sent(ctx context.Context) error {
	if l.row != nil {
		l.kept = true
		l.points.engine.outbox.rouse(l.m.Medium)
	}
	if l.decoy || l.refused == nil && l.row != nil {
		return nil
	}
	err := l.refused
	if err == nil {
		err = l.points.send(ctx, l.user, l.m)
	}
	if err != nil && !errors.Is(err, ErrNoSender) {
		l.points.engine.undelivered(ctx, l.points.pool, l.m, err)
	}
	return err
}

// end gives the place back that the letter has taken, if the flow was refused.
func (l *letter) end() {
	if l != nil && l.seat != nil {
		l.seat.leave(l.kept, true, l.now)
		l.seat = nil
	}
}

// A bundle has the letters of one call.
type bundle []*letter

func (all bundle) put(tx store.Tx) error {
	for _, l := range all {
		if err := l.put(tx); err != nil {
			return err
		}
	}
	return nil
}

// sent sends the letters, up to the first that cannot be sent.
func (all bundle) sent(ctx context.Context) error {
	for _, l := range all {
		if err := l.sent(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (all bundle) end() {
	for _, l := range all {
		l.end()
	}
}

// countQueued counts the messages of a pool in a state, up to a limit.
func (e *Engine) countQueued(ctx context.Context, pool, state string, limit int) (int, error) {
	return e.countEntries(ctx, outboxes.IndexRef(outboxByState, "").Table, store.Prefix(pool, state), limit)
}

// fullOutbox reports whether no more notices are taken, as far as the last count knows.
func (e *Engine) fullOutbox(pool string, now time.Time) bool {
	s := e.outboxSeats(pool)
	ok, known := s.try(now)
	if ok {
		s.leave(true, true, now)
	}
	return known && !ok
}

// noticeID is the id of the message that tells of an event or of a sign-in.
func noticeID(of string, i int) string {
	sum := sha256.Sum256([]byte(store.Key("notice", of, strconv.Itoa(i))))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}

// putNotices writes the notices that an event owes, in the transaction of the event. of is the
// id of the event, or of the sign-in. before may be nil.
func (e *Engine) putNotices(tx store.Tx, by origin, kind EventKind, of string, before, after *User) error {
	owed := noticed[kind]
	if e.outbox == nil || owed == nil || !by.pool.Settings.NotifiesOwners() || e.fullOutbox(by.pool.ID, by.now) {
		return nil
	}
	p := points{e, by.pool, by.client}
	for i, n := range owed(before, after) {
		m := n.message(by.pool, by.client, after, by.now)
		if cmp.Or(p.canSend(m.Medium), p.forbids(m)) != nil { // notify says so
			continue
		}
		if err := outboxes.Insert(tx, p.queued(after, noticeID(of, i), m, worth{}, by.now)); err != nil {
			return err
		}
	}
	return nil
}

// put is the part of notify that is left where putNotices has written the notice: it rouses
// the worker, and returns why the notice was left out, if it was.
func (n *notice) put(ctx context.Context, p points, m *Message, now time.Time) error {
	if err := cmp.Or(p.canSend(m.Medium), p.forbids(m)); err != nil {
		return err
	}
	s, err := p.place(ctx, now) // counts, if it is time to
	if err != nil {
		return err
	}
	s.leave(false, false, now)
	p.engine.outbox.rouse(m.Medium)
	return nil
}

// forbids returns an error if the settings of the pool do not allow a message.
func (p points) forbids(m *Message) error {
	switch {
	case m.Medium != MediumSMS:
		return nil
	case !p.pool.Settings.SendsSMSTo(m.To):
		return fmt.Errorf("%w: the pool sends no text messages to this country", ErrDelivery)
	case !p.pool.Settings.SendsSMS() && !present(p, atSender(m.Medium)):
		return &MessageError{Err: ErrDelivery, Medium: m.Medium, Cause: ErrNoSMS}
	}
	return nil
}
