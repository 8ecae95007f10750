package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A challenge carries its state to the client and back, sealed with a key of
// the pool; the server stores nothing until the answer comes. challenge gives
// the state a new id and an end, and seal pads and encrypts it. When the answer
// comes, open decrypts the state and checks its kind, pool, client and time.
// The transaction that judges the answer inserts the record of useUp, so a
// state counts once only.

// A Challenge is what a sign-in asks for before it returns tokens. Each kind of
// challenge is a type with an Answer method: [*FirstFactorRequired], [*PasswordRequired],
// [*SRPRequired], [*PasswordVerifier], [*EmailOTPRequired], [*SMSOTPRequired],
// [*NewPasswordRequired], [*TOTPRequired], [*SMSCodeRequired], [*EmailCodeRequired],
// [*MFAChoiceRequired], [*MFASetupRequired], [*DeviceRequired], [*DeviceVerifier],
// [*PasskeyRequired].
type Challenge interface {
	// State returns what must come back with the answer. It is opaque, bound to
	// the pool, the client and the user, and can be answered once.
	State() string
}

// A stateKind is a kind of challenge state. Its text is part of the sealed state.
type stateKind string

const (
	stateNewPassword stateKind = "new-password"
	stateSRP         stateKind = "srp"
)

// A challengeState is the content of a challenge's state, which is sealed with
// a key of the pool. A state that an earlier version sealed in another shape is
// refused as invalid. That costs little: states live for 15 minutes at most.
type challengeState struct {
	Kind      stateKind       `json:"k"`
	ID        string          `json:"i"`
	Name      string          `json:"n"` // the username as it was given
	Sub       string          `json:"s"`
	Expires   time.Time       `json:"e"`
	Proved    []proof         `json:"p,omitempty"` // what was proved before this challenge
	Data      json.RawMessage `json:"d,omitempty"` // the payload of the kind
	Device    string          `json:"v,omitempty"` // the key of the device that the client has named
	Untracked bool            `json:"w,omitempty"` // the flow tracks no devices
	Levels    []Level         `json:"l,omitempty"` // that the sign-in has named, the best first
	Pages     bool            `json:"b,omitempty"` // the sign-in is one on pages
	Rounds    *[]hook.Round   `json:"r,omitempty"` // of a second factor in a custom sign-in: the rounds before it; nil otherwise
}

// A statePayload is what the states of one kind carry in addition.
type statePayload interface {
	// disclosed returns how many bytes of the payload the holder of the state knows.
	disclosed() int
}

// seal seals a state with the payload of its kind, which may be nil.
func (s *scope) seal(c *challengeState, payload statePayload) (string, error) {
	c.Pages = s.pages
	known := len(quote(c.Name)) + len(quote(c.Device))
	if payload != nil {
		data, err := json.Marshal(payload)
		if err != nil {
			return "", err
		}
		c.Data, known = data, known+payload.disclosed()
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return s.ring.state.Seal(pad(plain, max(stateSize+known, len(plain)+c.slack())), s.bind(c.Kind)), nil
}

// payload reads the payload of a state.
func (c *challengeState) payload(into statePayload) error {
	if err := json.Unmarshal(c.Data, into); err != nil {
		return fmt.Errorf("%w: %w", ErrSessionInvalid, err)
	}
	return nil
}

// challenge seals a new state of a kind. It takes over the user and the proofs
// of st, and gives the state an id and a lifetime of its own.
func (s *scope) challenge(kind stateKind, st *challengeState, payload statePayload, now time.Time) (string, error) {
	sealed, _, err := s.nextChallenge(kind, st, payload, now)
	return sealed, err
}

// nextChallenge is challenge, and returns the state too.
func (s *scope) nextChallenge(kind stateKind, st *challengeState, payload statePayload, now time.Time) (sealed string, next *challengeState, err error) {
	id, err := s.engine.uuid()
	if err != nil {
		return "", nil, err
	}
	copied := *st
	next = &copied
	next.Kind, next.ID, next.Expires, next.Data = kind, id, now.Add(s.client.Settings.SessionLife()), nil
	sealed, err = s.seal(next, payload)
	return sealed, next, err
}

// stateSize is larger than most states, not counting what their holders know.
const stateSize = 448

// slack is by how much a state is shorter than the longest that differs from it in nothing but the user. Decoys have
// shorter ids, and no password that was set at some time.
func (c *challengeState) slack() int {
	n := len(decoySub) - len(c.Sub)
	for _, p := range c.Proved {
		n += len(`,"c":"` + time.RFC3339Nano + `"`)
		if !p.Changed.IsZero() {
			n -= len(`,"c":"` + p.Changed.Format(time.RFC3339Nano) + `"`)
		}
	}
	return n
}

// pad fills a state up with spaces, so that its length discloses nothing that
// its holder does not know. Without padding, the state of a decoy would be shorter.
func pad(plain []byte, size int) []byte {
	return append(plain, bytes.Repeat([]byte{' '}, max(0, size-len(plain)))...)
}

func (s *scope) bind(kind stateKind) []byte {
	return bindState(kind, s.pool.ID, s.client.ID)
}

func bindState(kind stateKind, pool, client string) []byte {
	return []byte(store.Key(string(kind), pool, client))
}

// open decrypts a challenge state. It returns [ErrSessionInvalid] if the state
// is of another kind, pool or client, and [ErrSessionExpired] if it is too old.
func (s *scope) open(kind stateKind, state string, now time.Time) (*challengeState, error) {
	plain, err := s.ring.state.Open(state, s.bind(kind))
	if err != nil {
		return nil, ErrSessionInvalid
	}
	c := &challengeState{}
	if err := json.Unmarshal(plain, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSessionInvalid, err)
	}
	if c.Pages != s.pages {
		return nil, ErrSessionInvalid // pages let in whom the settings of the client would refuse
	}
	if c.Kind != kind {
		return nil, fmt.Errorf("%w: a state of kind %q says that it is one of kind %q", ErrSessionInvalid, kind, c.Kind)
	}
	if !now.Before(c.Expires) {
		return nil, ErrSessionExpired
	}
	return c, nil
}

// opened reads what an answer to a challenge begins with, all of it in one snapshot: the client, the user of the state, who may not exist, and
// what more reads of the user.
func (p *pending) opened(ctx context.Context, kind stateKind, hash string, more func(store.Reader, *scope, *challengeState, *User) error) (*scope, error) {
	return p.client.loadWith(ctx, func(r store.Reader, s *scope) error {
		if err := s.checkHash(p.Username, hash); err != nil {
			return err
		}
		st, err := s.open(kind, p.state, s.engine.now())
		if err != nil {
			return err
		}
		s.goesOn(st, "")
		values, err := r.Get(users.Ref(store.Key(s.pool.ID, st.Sub)))
		if err != nil {
			return err
		}
		u, err := decoyUser.decode(values[0])
		if err != nil {
			return err
		}
		return more(r, s, st, u)
	}, p.likely(kind))
}

// likely is what opened reads of the user: with the rest in one round trip, if this process has seen the keys of the pool. The state only
// says what to read. Nothing that it says counts before it was opened with the keys that are read.
func (p *pending) likely(kind stateKind) prefetchPlan {
	keys, _ := p.client.engine.lastRings.Load(p.client.pool)
	known, ok := keys.(*ring)
	if !ok {
		return prefetchPlan{}
	}
	plain, err := known.state.Open(p.state, bindState(kind, p.client.pool, p.client.id))
	if err != nil {
		return prefetchPlan{}
	}
	var st challengeState
	if err := json.Unmarshal(plain, &st); err != nil {
		return prefetchPlan{}
	}
	key := store.Key(p.client.pool, st.Sub)
	return prefetchPlan{refs: append(proofRefs(p.client.pool, st.Sub), users.Ref(key), passkeys.Ref(key))}
}

// useUp returns the record that marks a state as answered.
func (s *scope) useUp(c *challengeState) *usedState {
	return &usedState{Pool: s.pool.ID, ID: c.ID, Expires: c.Expires}
}

// sameName reports whether a name that came with an answer belongs to the user
// whom the state is bound to.
func (s *scope) sameName(u *User, st *challengeState, name string) bool {
	typed := typedNames(s.settings, name)
	return slices.ContainsFunc(append([]string{fold(st.Name, s.settings.DistinguishesCase()), u.Sub}, u.Names...), func(n string) bool {
		return slices.Contains(typed, n)
	})
}

func (e *Engine) userBySub(ctx context.Context, pool, sub string) (*User, error) {
	var u *User
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		values, err := r.Get(users.Ref(store.Key(pool, sub)))
		if err != nil {
			return err
		}
		u, err = decoyUser.decode(values[0])
		return err
	})
	return u, err
}

// spentOr returns the error of a commit that uses a challenge state up, or else
// the refusal. If the state was used before, the error is [ErrSessionUsed].
func spentOr(err, refused error) error {
	if errors.Is(err, store.ErrExists) {
		return ErrSessionUsed
	}
	if err != nil {
		return err
	}
	return refused
}
