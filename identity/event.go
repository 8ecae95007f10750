package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Each change leaves an event, and so does each failure that is counted. The
// event is made before the transaction, because making it reads the clock, a
// random id and the call ([CallFrom]); it is inserted in the transaction that
// makes the change, so that neither is ever there without the other.
//
// Three things leave no event: reading, an attempt that is refused and writes
// nothing (an attempt during a lock-out, say), and a refresh of tokens.

// How long events are kept. Those of unknown names are soon forgotten:
// anyone can make as many as they like.
const (
	eventLife      = 90 * 24 * time.Hour
	decoyEventLife = 24 * time.Hour
)

// An Event is something that happened: who did what, to whom, and whether it
// succeeded. It holds no secret. Events are read by [Admin.Events] and [Engine.Events].
type Event struct {
	// Pool is the pool whose event it is. It is empty for events of the whole
	// engine: those of access keys, and the deletion of a pool, because the
	// events of a pool end with it.
	Pool string    `json:"pool"`
	Time time.Time `json:"time"` // when it was committed, to the millisecond
	ID   string    `json:"id"`   // unique in its pool
	Kind EventKind `json:"kind"` // what happened
	// Sub is the user that it happened to. A name that nobody has is a digest
	// that begins with a question mark. Empty where it happened to no user.
	Sub string `json:"sub,omitempty"`
	// Client is the app client that the call came through, empty for an operator.
	Client string `json:"client,omitempty"`
	// Actor is who did it. It is zero in events of versions that did not keep it.
	Actor Actor `json:"actor,omitzero"`
	// Subject is what it happened to, where that is not the user.
	Subject Subject `json:"subject,omitzero"`
	// Failure says why it failed. Empty means success.
	Failure FailureCode `json:"failure,omitempty"`
	// Data is more about the event, by a name such as "changed". No value is a secret.
	Data map[string]string `json:"data,omitempty"`
	// Request is the id of the request, see [Call], empty where the call had none.
	Request string `json:"request,omitempty"`

	otherwise Actor // who did it if it fails, and so nothing was proved
}

// An Actor is who did something.
type Actor struct {
	// Kind says what ID names.
	Kind ActorKind `json:"kind"`
	// ID names the actor, see the kinds.
	ID string `json:"id,omitempty"`
}

// An ActorKind says what an actor is.
type ActorKind string

// The kinds of actors.
const (
	ActorUser     ActorKind = "user"     // a user who has proved it; the id is the sub
	ActorClient   ActorKind = "client"   // anybody, through an app client; the id is the client's
	ActorOperator ActorKind = "operator" // an operator, by a signed request; the id is the access key's
	ActorProgram  ActorKind = "program"  // the program that the engine is part of; it has no id
	ActorEngine   ActorKind = "engine"   // the engine by itself; the id is the name of a job, see [Job], or empty
)

// A Subject is what something happened to.
type Subject struct {
	// Kind says what ID names.
	Kind SubjectKind `json:"kind"`
	// ID names the subject, see the kinds.
	ID string `json:"id"`
}

// A SubjectKind says what a subject is.
type SubjectKind string

// The kinds of subjects.
const (
	SubjectPool      SubjectKind = "pool"      // a user pool, by its id
	SubjectClient    SubjectKind = "client"    // an app client, by its id
	SubjectGroup     SubjectKind = "group"     // a group, by its id; Data has its name
	SubjectKey       SubjectKind = "key"       // a signing key, by its kid
	SubjectAccessKey SubjectKind = "accessKey" // an access key of an operator, by its id
)

// A FailureCode says why something failed.
type FailureCode string

// The reasons of failures.
const (
	FailureWrongPassword FailureCode = "WrongPassword" // or a wrong proof of it, or one of a password that was replaced meanwhile
	FailureWrongCode     FailureCode = "WrongCode"     // a code that is wrong, or was not asked for
	FailureCodeExpired   FailureCode = "CodeExpired"   // a code that is too old, or void
	FailureCodeUsed      FailureCode = "CodeUsed"      // a code of an authenticator app that was used before
	FailureTokenReused   FailureCode = "TokenReused"   // a refresh token that was replaced
	FailureRefused       FailureCode = "Refused"       // a right proof, which the state of the account does not allow
)

// failureCodes are the refusals that say more than [FailureRefused].
var failureCodes = []struct {
	err  error
	code FailureCode
}{
	{ErrIncorrectCredentials, FailureWrongPassword},
	{ErrCodeMismatch, FailureWrongCode},
	{ErrTOTPMismatch, FailureWrongCode},
	{ErrTOTPNotFound, FailureWrongCode},
	{ErrMFACodeMismatch, FailureWrongCode},
	{ErrCodeExpired, FailureCodeExpired},
	{ErrTOTPUsed, FailureCodeUsed},
	{ErrRefreshTokenReused, FailureTokenReused},
}

// failureCode is the reason of a refusal.
func failureCode(refused error) FailureCode {
	for _, f := range failureCodes {
		if errors.Is(refused, f.err) {
			return f.code
		}
	}
	return FailureRefused
}

// event makes the record of something that happens now, from what a caller
// knows of it and what the context does.
func (e *Engine) event(ctx context.Context, ev Event) (*Event, error) {
	id, err := e.uuid()
	if err != nil {
		return nil, err
	}
	ev.ID, ev.Request = id, CallFrom(ctx).RequestID
	ev.otherwise = acting(ctx, ev.otherwise)
	if ev.Actor = acting(ctx, ev.Actor); ev.Actor == (Actor{}) {
		ev.Actor = ev.otherwise
	}
	return &ev, nil
}

// acting is who acts where a call comes from a program or through an app
// client: the operator who signed the call, or the job that makes it. A user
// who acts, and the engine, do so whoever passes the call on.
func acting(ctx context.Context, a Actor) Actor {
	if a.Kind != ActorClient && a.Kind != ActorProgram {
		return a
	}
	if key := CallFrom(ctx).AccessKey; key != "" {
		return Actor{ActorOperator, key}
	}
	if job, ok := ctx.Value(jobKey{}).(string); ok {
		return Actor{ActorEngine, job}
	}
	return a
}

// asked is the event of what anybody may ask for, for a user.
func (s *scope) asked(ctx context.Context, sub string, kind EventKind, now time.Time) (*Event, error) {
	return s.engine.event(ctx, Event{Pool: s.pool.ID, Client: s.client.ID, Sub: sub, Kind: kind, Time: now, Actor: s.actor()})
}

// proved is the event of what a user does by a proof, such as a password or a
// code. If it fails, no user was proved, see [Event.failed].
func (s *scope) proved(ctx context.Context, sub string, kind EventKind, now time.Time) (*Event, error) {
	ev, err := s.asked(ctx, sub, kind, now)
	if err != nil {
		return nil, err
	}
	if ev.otherwise = ev.Actor; ev.Actor.Kind == ActorClient {
		ev.Actor = Actor{ActorUser, sub}
	}
	return ev, nil
}

// actor is who makes calls in a scope, before anything is proved.
func (s *scope) actor() Actor {
	switch {
	case s.user != "":
		return Actor{ActorUser, s.user}
	case s.admin:
		return Actor{Kind: ActorProgram}
	}
	return Actor{ActorClient, s.client.ID}
}

// happened is the event of a change by an operator, of something other than a user.
func (a *Admin) happened(ctx context.Context, kind EventKind, what Subject, now time.Time) (*Event, error) {
	return a.engine.event(ctx, Event{Pool: a.pool, Kind: kind, Time: now, Actor: Actor{Kind: ActorProgram}, Subject: what})
}

// failed is the event of the same attempt, if it fails. It returns a copy: a transaction may run twice.
func (e *Event) failed(kind EventKind, refused error) *Event {
	f := *e
	f.Kind, f.Failure = kind, failureCode(refused)
	if e.otherwise != (Actor{}) {
		f.Actor = e.otherwise
	}
	return &f
}

// of is the event with another subject, which is known only in the transaction.
func (e *Event) of(what Subject) *Event {
	o := *e
	o.Subject = what
	return &o
}

// with is the event with one more entry of data.
func (e *Event) with(name, value string) *Event {
	w := *e
	w.Data = maps.Clone(e.Data)
	if w.Data == nil {
		w.Data = map[string]string{}
	}
	w.Data[name] = value
	return &w
}

// besides is the event of what an event does to another user too.
func (e *Event) besides(sub string, kind EventKind) *Event {
	b := *e
	b.ID, b.Sub, b.Kind, b.Data = e.ID+"."+sub, sub, kind, nil
	return &b
}

func (e *Event) expires() time.Time {
	if strings.HasPrefix(e.Sub, decoyPrefix) {
		return e.Time.Add(decoyEventLife)
	}
	return e.Time.Add(eventLife)
}

// UnmarshalJSON reads an event as this version writes it, or as one did that named it otherwise.
func (e *Event) UnmarshalJSON(data []byte) error {
	type plain Event
	if err := json.Unmarshal(data, (*plain)(e)); err != nil {
		return err
	}
	if old, ok := oldKinds[e.Kind]; ok {
		e.Kind, e.Failure = old.kind, old.failure
	}
	return nil
}

// members are settings as they are stored, by the name of each member.
type members map[string]json.RawMessage

func membersOf(settings any) (m members, err error) {
	data, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(data, &m)
}

// insertChanged writes the event of a change of settings, with the names of
// the members that are not as they were before.
func (e *Event) insertChanged(tx store.Tx, before members, after any) error {
	names, err := before.changed(after)
	if err != nil {
		return err
	}
	return events.Insert(tx, e.with(dataChanged, names))
}

// changed are the names of the members that settings differ in from m, in
// order and with commas between them.
func (m members) changed(settings any) (string, error) {
	now, err := membersOf(settings)
	if err != nil {
		return "", err
	}
	differ := map[string]bool{}
	for name := range m {
		differ[name] = true
	}
	for name, value := range now {
		if differ[name] = !bytes.Equal(m[name], value); !differ[name] {
			delete(differ, name)
		}
	}
	return strings.Join(sortedKeys(differ), ","), nil
}
