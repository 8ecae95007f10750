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

// Every change leaves an event, and so does every failure that is counted. A
// flow makes the event before its transaction, because the event needs the time,
// a random id and the call ([CallFrom]). The transaction that makes the change
// inserts the event, so that neither is stored without the other.
//
// Four things leave no event: reading; an attempt that is refused and writes
// nothing, such as an attempt during a lock-out; a refresh of tokens; and the use of
// an access key, of which the key keeps the time.

// How long events are kept. Names that nobody has leave no events. Earlier versions
// wrote some, which are kept for a day.
const (
	eventLife      = 90 * 24 * time.Hour
	decoyEventLife = 24 * time.Hour
)

// An Event is a record of something that happened: who did what, to whom, and
// whether it succeeded. It holds no secret. [Admin.Events] and [Engine.Events]
// read events. Events are kept for 90 days.
type Event struct {
	// Pool is the pool that the event belongs to. It is empty for events of the
	// whole engine: changes of access keys, and the deletion of a pool, because
	// a pool's own events are deleted with it.
	Pool string    `json:"pool"`
	Time time.Time `json:"time"` // when it happened, to the millisecond
	ID   string    `json:"id"`   // unique in its pool
	Kind EventKind `json:"kind"` // what happened
	// Sub is the sub of the user that it happened to. For a name that no user
	// has, it is a question mark and a digest of the name. It is empty if it
	// happened to no user.
	Sub string `json:"sub,omitempty"`
	// Client is the id of the app client that the call came through. It is empty
	// for an operator.
	Client string `json:"client,omitempty"`
	// Actor is who did it. It is zero in events of earlier versions, which did
	// not record it.
	Actor Actor `json:"actor,omitzero"`
	// Subject is what it happened to, if that is not a user.
	Subject Subject `json:"subject,omitzero"`
	// Failure says why it failed. Empty means success.
	Failure FailureCode `json:"failure,omitempty"`
	// Data says more about the event, under names such as "changed". No value is
	// a secret.
	Data map[string]string `json:"data,omitempty"`
	// Request is the id of the request, see [Call]. It is empty if the call had
	// none.
	Request string `json:"request,omitempty"`

	otherwise Actor // the actor if the attempt fails, because then no user was proved
}

// An Actor is who did something.
type Actor struct {
	// Kind says what ID names.
	Kind ActorKind `json:"kind"`
	// ID names the actor. What kind of id it is depends on Kind.
	ID string `json:"id,omitempty"`
}

// An ActorKind says what an actor is.
type ActorKind string

// The kinds of actors.
const (
	ActorUser     ActorKind = "user"       // a user who has proved to be that user; the id is the sub
	ActorClient   ActorKind = "client"     // anybody who calls through an app client; the id is the client's
	ActorOperator ActorKind = "operator"   // an operator who signed the request; the id is the access key's
	ActorSystem   ActorKind = "systemUser" // an operator who ran a command; the id is the name of the user of the operating system
	ActorProgram  ActorKind = "program"    // the program that the engine is part of; it has no id
	ActorEngine   ActorKind = "engine"     // the engine itself; the id is the name of a job, see [Job], or empty
)

// A Subject is what something happened to.
type Subject struct {
	// Kind says what ID names.
	Kind SubjectKind `json:"kind"`
	// ID names the subject. What kind of id it is depends on Kind.
	ID string `json:"id"`
}

// A SubjectKind says what a subject is.
type SubjectKind string

// The kinds of subjects.
const (
	SubjectPool           SubjectKind = "pool"           // a user pool, by its id
	SubjectClient         SubjectKind = "client"         // an app client, by its id
	SubjectGroup          SubjectKind = "group"          // a group, by its id; Data has its name
	SubjectKey            SubjectKind = "key"            // a signing key, by its kid
	SubjectAccessKey      SubjectKind = "accessKey"      // an access key of an operator, by its id
	SubjectDomain         SubjectKind = "domain"         // a domain of a pool, by its name
	SubjectResourceServer SubjectKind = "resourceServer" // a resource server, by its identifier
	SubjectProvider       SubjectKind = "provider"       // an identity provider, by its name
	SubjectImportJob      SubjectKind = "importJob"      // an import job, by its id; Data has its name
)

// A FailureCode says why something failed.
type FailureCode string

// The reasons of failures.
const (
	FailureWrongPassword FailureCode = "WrongPassword" // or a wrong proof of the password, or the password was replaced meanwhile
	FailureWrongCode     FailureCode = "WrongCode"     // a code that is wrong, or that nobody asked for
	FailureCodeExpired   FailureCode = "CodeExpired"   // a code that is too old, or void
	FailureCodeUsed      FailureCode = "CodeUsed"      // a code of an authenticator app that was used before
	FailureTokenReused   FailureCode = "TokenReused"   // a refresh token that was replaced by a newer one
	FailureRefused       FailureCode = "Refused"       // the proof was right, and the state of the account forbids the rest
)

// failureCodes are the refusals that have a code other than [FailureRefused].
var failureCodes = []struct {
	err  error
	code FailureCode
}{
	{ErrIncorrectCredentials, FailureWrongPassword},
	{ErrCodeMismatch, FailureWrongCode},
	{ErrTOTPMismatch, FailureWrongCode},
	{ErrTOTPNotFound, FailureWrongCode},
	{ErrMFACodeMismatch, FailureWrongCode},
	{ErrRecoveryCodeMismatch, FailureWrongCode},
	{ErrCodeExpired, FailureCodeExpired},
	{ErrTOTPUsed, FailureCodeUsed},
	{ErrRefreshTokenReused, FailureTokenReused},
	{ErrInvalidAuthCode, FailureTokenReused}, // of all errors of codes, only the reuse is counted
}

// failureCode returns the code of a refusal.
func failureCode(refused error) FailureCode {
	for _, f := range failureCodes {
		if errors.Is(refused, f.err) {
			return f.code
		}
	}
	return FailureRefused
}

// event completes an event: it adds an id and, from the context, the request
// and the actor.
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

// NewEvent completes an event of a package that keeps tables of its own beside those of the
// engine: it adds an id, the request and, from the context, who acts for an operator. Call it
// before the transaction, and [InsertEvent] in it. An event with an empty Pool belongs to the
// whole engine.
func (e *Engine) NewEvent(ctx context.Context, ev Event) (*Event, error) {
	ev.Time = e.now()
	return e.event(ctx, ev)
}

// InsertEvent writes an event of [Engine.NewEvent], in the transaction of the change.
func InsertEvent(tx store.Tx, ev *Event) error { return events.Insert(tx, ev) }

// acting returns the actor of a call. A program or an app client only passes a
// call on: then the actor is the operator who signed the call or ran the command, or
// the job that makes it, if there is one. A user or the engine stays the actor in any case.
func acting(ctx context.Context, a Actor) Actor {
	if a.Kind != ActorClient && a.Kind != ActorProgram {
		return a
	}
	if key := CallFrom(ctx).AccessKey; key != "" {
		return Actor{ActorOperator, key}
	}
	if who := CallFrom(ctx).SystemUser; who != "" {
		return Actor{ActorSystem, who}
	}
	if job, ok := ctx.Value(jobKey{}).(string); ok {
		return Actor{ActorEngine, job}
	}
	return a
}

// asked makes the event of a call that anybody may make about a user, without a
// proof.
func (s *scope) asked(ctx context.Context, sub string, kind EventKind, now time.Time) (*Event, error) {
	return s.engine.event(ctx, Event{Pool: s.pool.ID, Client: s.client.ID, Sub: sub, Kind: kind, Time: now, Actor: s.actor()})
}

// proved makes the event of a call that a user makes with a proof, such as a
// password or a code. If the proof is wrong, use [Event.failed]: it puts the
// actor back to who made the call.
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

// actor returns who makes calls in a scope before anything is proved.
func (s *scope) actor() Actor {
	switch {
	case s.user != "":
		return Actor{ActorUser, s.user}
	case s.admin:
		return Actor{Kind: ActorProgram}
	}
	return Actor{ActorClient, s.client.ID}
}

// happened makes the event of an operator's change to something other than a user.
func (a *Admin) happened(ctx context.Context, kind EventKind, what Subject, now time.Time) (*Event, error) {
	return a.engine.event(ctx, Event{Pool: a.pool, Kind: kind, Time: now, Actor: Actor{Kind: ActorProgram}, Subject: what})
}

// failed returns the event for the case that the attempt fails. It returns a
// copy, because a transaction may run twice.
func (e *Event) failed(kind EventKind, refused error) *Event {
	f := *e
	f.Kind, f.Failure = kind, failureCode(refused)
	if e.otherwise != (Actor{}) {
		f.Actor = e.otherwise
	}
	return &f
}

// of returns the event with a subject that is known only in the transaction.
func (e *Event) of(what Subject) *Event {
	o := *e
	o.Subject = what
	return &o
}

// with returns the event with one more entry of data.
func (e *Event) with(name, value string) *Event {
	w := *e
	w.Data = maps.Clone(e.Data)
	if w.Data == nil {
		w.Data = map[string]string{}
	}
	w.Data[name] = value
	return &w
}

// besides returns a second event, for another user who is affected by the first.
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

// UnmarshalJSON reads an event as this version or an earlier one wrote it.
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

// members are settings in their stored form, by the name of the JSON member.
type members map[string]json.RawMessage

func membersOf(settings any) (m members, err error) {
	data, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(data, &m)
}

// insertChanged writes the event of a change of settings, with the names of the
// members that have changed.
func (e *Event) insertChanged(tx store.Tx, before members, after any) error {
	names, err := before.changed(after)
	if err != nil {
		return err
	}
	return events.Insert(tx, e.with(dataChanged, names))
}

// changed returns the names of the members in which settings differ from m,
// sorted and joined by commas.
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
