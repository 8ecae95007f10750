package identity

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/store"
)

// Passkeys of a signed-in user. StartPasskey writes nothing: the challenge that the browser gets is a
// sealed string, see passkeychallenge.go. FinishPasskey opens it and verifies the answer, outside of any transaction. Then one
// transaction, that of changeUser, uses the challenge up, adds the passkey to the user's record, ends the other sign-ins in
// pools with SignOutOnFactorChange, and writes the event and the notice. All passkeys of a user are one record, which a
// sign-in reads as it reads the password. The index of the record makes an id unique in its pool.

// maxPasskeys is how many passkeys a user may have, as with the service (unsure).
const maxPasskeys = 20

// A Passkey is a passkey of a user, without its key.
type Passkey struct {
	ID           string    // base64url, chosen by the authenticator
	Name         string    // for people: the make of the authenticator if it says so, and otherwise "Passkey"
	RelyingParty string    // the domain that it was made for
	Attachment   string    // "platform", "cross-platform" or empty, as the browser said
	Transports   []string  // how the authenticator can be reached, such as "internal"; may be empty
	Created      time.Time // when it was registered
	Used         time.Time // when a sign-in used it last; zero if none has
	Synced       bool      // it is on several devices, or in a backup
}

// passkeySet are the passkeys of a user, the oldest first.
type passkeySet struct {
	Pool string    `json:"pool"`
	Sub  string    `json:"sub"`
	Keys []passkey `json:"keys"`
}

// A passkey is one as it is stored.
type passkey struct {
	ID         []byte             `json:"id"`
	PublicKey  []byte             `json:"key"` // COSE_Key
	Algorithm  webauthn.Algorithm `json:"alg"`
	Party      string             `json:"rp"`
	Name       string             `json:"name"`
	Attachment string             `json:"attachment,omitempty"`
	Transports []string           `json:"transports,omitempty"`
	Created    time.Time          `json:"created"`
	Used       time.Time          `json:"used,omitzero"`
	Counter    uint32             `json:"counter,omitempty"`
	Eligible   bool               `json:"eligible,omitempty"` // for backup
	BackedUp   bool               `json:"backedUp,omitempty"`
	Verified   bool               `json:"verified,omitempty"` // the authenticator has verified the user
}

// passkeyIDs are the keys of the index: digests, because an id may be longer than a key of the store.
func passkeyIDs(s *passkeySet) []string {
	keys := make([]string, len(s.Keys))
	for i := range s.Keys {
		keys[i] = passkeyIDKey(s.Pool, s.Keys[i].ID)
	}
	return keys
}

func passkeyIDKey(pool string, id []byte) string {
	digest := sha256.Sum256(id)
	return store.Key(pool, base64.RawURLEncoding.EncodeToString(digest[:]))
}

func (k *passkey) info() Passkey {
	return Passkey{
		ID: base64.RawURLEncoding.EncodeToString(k.ID), Name: k.Name, RelyingParty: k.Party, Attachment: k.Attachment,
		Transports: slices.Clone(k.Transports), Created: k.Created, Used: k.Used, Synced: k.BackedUp,
	}
}

// credential is the passkey as package webauthn knows it.
func (k *passkey) credential() *webauthn.Credential {
	return &webauthn.Credential{
		ID: k.ID, PublicKey: k.PublicKey, Algorithm: k.Algorithm, Attachment: k.Attachment, Transports: k.Transports,
		State: webauthn.State{Counter: k.Counter, BackupEligible: k.Eligible, BackedUp: k.BackedUp, Verified: k.Verified},
	}
}

// set takes over what a registration or a sign-in has told of the passkey.
func (k *passkey) set(s webauthn.State) {
	k.Counter, k.Eligible, k.BackedUp, k.Verified = s.Counter, s.BackupEligible, s.BackedUp, s.Verified
}

// getPasskeys reads the passkeys of a user, or a new record if there is none.
func getPasskeys(r store.Reader, pool, sub string) (*passkeySet, error) {
	s, err := passkeys.Get(r, store.Key(pool, sub))
	if errors.Is(err, store.ErrNotFound) {
		return &passkeySet{Pool: pool, Sub: sub}, nil
	}
	return s, err
}

// index returns the place of the passkey with an id, or -1. The set may be nil.
func (s *passkeySet) index(id []byte) int {
	if s == nil {
		return -1
	}
	return slices.IndexFunc(s.Keys, func(k passkey) bool { return bytes.Equal(k.ID, id) })
}

// usable returns the passkeys that were made for a relying party. The set may be nil.
func (s *passkeySet) usable(party string) []webauthn.Descriptor {
	if s == nil {
		return nil
	}
	var out []webauthn.Descriptor
	for _, k := range s.Keys {
		if k.Party == party {
			out = append(out, webauthn.Descriptor{ID: k.ID, Transports: k.Transports})
		}
	}
	return out
}

// put writes the set, or deletes it if it is empty.
func (s *passkeySet) put(tx store.Tx) error {
	if len(s.Keys) > 0 {
		return passkeys.Put(tx, s)
	}
	_, err := passkeys.Delete(tx, passkeys.Key(s))
	return err
}

// StartPasskey begins the registration of a passkey: it returns the options for navigator.credentials.create, as JSON that
// PublicKeyCredential.parseCreationOptionsFromJSON takes. Give the browser's answer to [Session.FinishPasskey], with
// the same access token or a later one of the same sign-in, within five minutes. The errors are [ErrRecentSignInRequired],
// [ErrPasskeysDisabled], [ErrPasskeyParty], and [ErrTooManyPasskeys] for a user who has 20.
func (s *Session) StartPasskey(ctx context.Context) (*webauthn.CreationOptions, error) {
	party, err := s.passkeyParty()
	if err != nil {
		return nil, fmt.Errorf("start a passkey: %w", err)
	}
	var have *passkeySet
	err = s.engine.store.View(ctx, func(r store.Reader) (err error) {
		have, err = getPasskeys(r, s.pool.ID, s.user.Sub)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("start a passkey: %w", err)
	}
	if len(have.Keys) >= maxPasskeys {
		return nil, fmt.Errorf("start a passkey: %w", ErrTooManyPasskeys)
	}
	challenge, err := s.passkeyChallenge(s.engine.now())
	if err != nil {
		return nil, fmt.Errorf("start a passkey: %w", err)
	}
	name := s.user.passkeyName()
	user := webauthn.User{ID: []byte(s.user.Sub), Name: name, DisplayName: cmp.Or(s.user.Attributes["name"], name)}
	options := party.Creation(user, challenge, have.usable(party.ID), passkeyTimeout)
	return &options, nil
}

// passkeyName tells the account from others in the list of an authenticator: the username, or
// the address if the username is the sub.
func (u *User) passkeyName() string {
	if u.Username != u.Sub {
		return u.Username
	}
	return cmp.Or(u.Attributes["email"], u.Attributes["phone_number"], u.Username)
}

// FinishPasskey registers the passkey that a browser has made. answer is the JSON of PublicKeyCredential.toJSON. The
// passkey is bound to this user. In pools with SignOutOnFactorChange the user's other sign-ins end. An answer
// that is refused changes nothing: the errors are those of [Session.StartPasskey], [ErrPasskeyChallenge], [ErrPasskeyClient],
// [ErrPasskeyRelyingParty], [ErrPasskeyOrigin], [ErrPasskeyUnsupported] and [ErrPasskeyInvalid].
func (s *Session) FinishPasskey(ctx context.Context, answer []byte) (*Passkey, error) {
	made, err := s.finishPasskey(ctx, answer)
	if err != nil {
		return nil, fmt.Errorf("finish a passkey: %w", err)
	}
	return made, nil
}

func (s *Session) finishPasskey(ctx context.Context, answer []byte) (*Passkey, error) {
	by := s.origin()
	key, st, err := s.registered(answer, by.now)
	if err != nil {
		return nil, err
	}
	by.data = map[string]string{dataName: key.Name}
	by.reads = []store.Ref{
		usedStates.Ref(usedStates.Key(s.scope().useUp(st))), passkeys.Ref(store.Key(s.pool.ID, s.user.Sub)),
		passkeys.IndexRef(passkeysByID, passkeyIDKey(s.pool.ID, key.ID)), families.Ref(store.Key(s.pool.ID, s.user.Sub, by.family)),
	}
	_, err = s.engine.changeUser(ctx, by, EventPasskeyAdded, func(tx store.Tx, u *User) (refused, err error) {
		used := s.scope().useUp(st)
		old, err := orNil(usedStates.Get(tx, usedStates.Key(used)))
		if err != nil {
			return nil, err
		}
		if old != nil {
			return ErrPasskeyChallenge, nil
		}
		if refused, err = addPasskey(tx, s.pool.ID, u, key); err != nil || refused != nil {
			return refused, err
		}
		if err := usedStates.Insert(tx, used); err != nil {
			return nil, err
		}
		return nil, signOutByFactors(tx, &s.pool.Settings, u, by.family, by.now)
	})
	if errors.Is(err, store.ErrExists) { // at the same moment somebody has used the challenge, or registered the id
		err = ErrPasskeyInvalid
	}
	if err != nil {
		return nil, err
	}
	made := key.info()
	return &made, nil
}

// registered verifies the answer to a registration and returns the new passkey.
func (s *Session) registered(answer []byte, now time.Time) (*passkey, *challengeState, error) {
	party, err := s.passkeyParty()
	if err != nil {
		return nil, nil, err
	}
	read, err := webauthn.ParseRegistration(answer)
	if err != nil {
		return nil, nil, passkeyError(err)
	}
	challenge := read.Challenge()
	st, err := s.openPasskeyChallenge(challenge, now)
	if err != nil {
		return nil, nil, err
	}
	c, err := party.Register(read, challenge)
	if err != nil {
		return nil, nil, passkeyError(err)
	}
	k := &passkey{
		ID: c.ID, PublicKey: c.PublicKey, Algorithm: c.Algorithm, Party: party.ID, Name: authenticatorName(c.AAGUID),
		Attachment: c.Attachment, Transports: c.Transports, Created: now,
	}
	k.set(c.State)
	return k, st, nil
}

// addPasskey adds a passkey to those of a user. It refuses one that any user of the pool has.
func addPasskey(tx store.Tx, pool string, u *User, key *passkey) (refused, err error) {
	have, err := getPasskeys(tx, pool, u.Sub)
	if err != nil {
		return nil, err
	}
	if len(have.Keys) >= maxPasskeys {
		return ErrTooManyPasskeys, nil
	}
	values, err := tx.Get(passkeys.IndexRef(passkeysByID, passkeyIDKey(pool, key.ID)))
	if err != nil {
		return nil, err
	}
	if values[0] != nil {
		return ErrPasskeyInvalid, nil
	}
	have.Keys = append(have.Keys, *key)
	return nil, have.put(tx)
}

// Passkeys returns the user's passkeys, the oldest first.
func (s *Session) Passkeys(ctx context.Context) ([]Passkey, error) {
	if err := s.managed(); err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return s.engine.passkeysOf(ctx, s.user)
}

// Passkeys returns a user's passkeys, the oldest first.
func (us Users) Passkeys(ctx context.Context, name string) ([]Passkey, error) {
	_, u, err := us.admin.find(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return us.admin.engine.passkeysOf(ctx, u)
}

func (e *Engine) passkeysOf(ctx context.Context, u *User) ([]Passkey, error) {
	var have *passkeySet
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		have, err = getPasskeys(r, u.Pool, u.Sub)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	out := make([]Passkey, len(have.Keys))
	for i := range have.Keys {
		out[i] = have.Keys[i].info()
	}
	return out, nil
}

// DeletePasskey deletes one of the user's passkeys by its id. It returns [ErrPasskeyNotFound] if the user has none with that
// id, and [ErrRecentSignInRequired] as [Session.StartPasskey] does. In pools with SignOutOnFactorChange the user's other sign-ins end.
func (s *Session) DeletePasskey(ctx context.Context, id string) error {
	if err := s.settle(); err != nil {
		return fmt.Errorf("delete a passkey: %w", err)
	}
	by := s.origin()
	by.data = map[string]string{}
	_, err := s.engine.changeUser(ctx, by, EventPasskeyRemoved, func(tx store.Tx, u *User) (refused, err error) {
		return removePasskey(tx, s.pool, u, id, by)
	})
	if err != nil {
		return fmt.Errorf("delete a passkey: %w", err)
	}
	return nil
}

// DeletePasskey deletes one of a user's passkeys, see [Session.DeletePasskey].
func (us Users) DeletePasskey(ctx context.Context, name, id string) error {
	p, u, err := us.admin.find(ctx, name)
	if err != nil {
		return fmt.Errorf("delete a passkey: %w", err)
	}
	by := origin{pool: p, sub: u.Sub, now: us.admin.engine.now(), data: map[string]string{}}
	_, err = us.admin.engine.changeUser(ctx, by, EventPasskeyRemoved, func(tx store.Tx, u *User) (refused, err error) {
		return removePasskey(tx, p, u, id, by)
	})
	if err != nil {
		return fmt.Errorf("delete a passkey: %w", err)
	}
	return nil
}

// removePasskey takes a passkey from a user, and puts its name into the data of the event.
func removePasskey(tx store.Tx, p *PoolInfo, u *User, id string, by origin) (refused, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return ErrPasskeyNotFound, nil
	}
	have, err := getPasskeys(tx, p.ID, u.Sub)
	if err != nil {
		return nil, err
	}
	at := have.index(raw)
	if at < 0 {
		return ErrPasskeyNotFound, nil
	}
	by.data[dataName] = have.Keys[at].Name
	have.Keys = slices.Delete(have.Keys, at, at+1)
	if err := have.put(tx); err != nil {
		return nil, err
	}
	if len(have.Keys) == 0 {
		u.MFA.turn(MFAPasskey, false)
	}
	return nil, signOutByFactors(tx, &p.Settings, u, by.family, by.now)
}
