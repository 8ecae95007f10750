package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/store"
)

// A passkey that begins a sign-in. The challenge is in the state, which is sealed, so nothing is stored before the
// answer. The answer is verified outside of any transaction, with the passkey as it was read. The transaction reads the passkey
// again: it must be the same one, and its counter must still have grown. Then it writes the counter and the family, and uses the
// state up.
//
// A user who does not exist, or has no passkey, is asked for decoys: ids that a keyed hash makes of the name, the same each
// time. An answer to them is verified too, with a key that nobody's passkey has. A wrong answer leaves an event and counts for the
// state and for the source. It does not count as a wrong password: nobody can guess a signature, and a stranger must not
// keep the owner out.

const statePasskeySignIn stateKind = "first-passkey"

// PasskeyRequired asks for an answer by one of the user's passkeys.
type PasskeyRequired struct {
	pending
	// Options are for navigator.credentials.get: as JSON they are what PublicKeyCredential.parseRequestOptionsFromJSON takes.
	// Nil in a challenge that was resumed from its state.
	Options *webauthn.RequestOptions
}

// PasskeyAnswer is the answer to [*PasskeyRequired].
type PasskeyAnswer struct {
	Credential []byte // the JSON of PublicKeyCredential.toJSON
	SecretHash string // see [SecretHash]; for clients with a secret
}

// passkeyAsked is the payload of the challenge. The holder of the state knows it.
type passkeyAsked struct {
	Challenge []byte `json:"c"`
}

func (p passkeyAsked) disclosed() int { return len(p.Challenge) * 4 / 3 }

// Passkey resumes a [*PasskeyRequired] challenge from its state, see [AppClient.FirstFactor].
func (a *AppClient) Passkey(username, state string) *PasskeyRequired {
	return &PasskeyRequired{pending: pending{username, a, state}}
}

// passkeysAllowed reports whether the pool lets sign-ins begin with a passkey. Where it demands a second
// factor, the passkey must be both.
func passkeysAllowed(s *PoolSettings) bool {
	return s.OffersPasskeys() && (s.MFA != MFAOn || s.PasskeysAreBothFactors())
}

// passkeyReady reports whether the user has a passkey for the relying party of the pool, and may begin with it. In pools with the
// service's behaviour, a user who is asked for a second factor must have turned passkeys on as one (measured).
func passkeyReady(s *PoolSettings, u *User, own owned) bool {
	if u.Status != StatusConfirmed || own.passkeys == 0 {
		return false
	}
	asked := s.MFA == MFAOn || asksFactor(s) && len(u.MFA.Methods) > 0
	return s.Defaults != CognitoDefaults || !asked || u.MFA.Has(MFAPasskey)
}

// readPasskeys reads the passkeys of the user of an attempt, where sign-ins may begin with one. It does
// the same work for a user who does not exist.
func (t *attempt) readPasskeys(r store.Reader) error {
	party, err := t.scope.engine.passkeyParty(t.scope.settings)
	if errors.Is(err, ErrPasskeysDisabled) || errors.Is(err, ErrPasskeyParty) {
		return nil
	}
	if err != nil {
		return err
	}
	t.party = party
	values, err := r.Get(passkeys.Ref(store.Key(t.scope.pool.ID, t.who)))
	if err != nil {
		return err
	}
	t.passkeys, err = decoyPasskeys.decode(values[0])
	return err
}

// owned is what the user of the attempt begins sign-ins with.
func (t *attempt) owned() owned {
	own := owned{cred: t.cred}
	if t.party != nil {
		own.passkeys = len(t.passkeys.usable(t.party.ID))
	}
	return own
}

// askPasskey asks for an answer by a passkey.
func (f *firstFactor) askPasskey(ctx context.Context, c *firstStep) (*SignInResult, error) {
	challenge, err := webauthn.NewChallenge(nil)
	if err != nil {
		return nil, err
	}
	if err := c.spend(ctx); err != nil {
		return nil, err
	}
	p, err := c.next(f.kind, passkeyAsked{challenge})
	if err != nil {
		return nil, err
	}
	options := c.party.Request(challenge, c.passkeyList(f), passkeyTimeout)
	return c.asks(&PasskeyRequired{p, &options}), nil
}

// passkeyList are the passkeys that the user is asked for, or a decoy.
func (c *firstStep) passkeyList(f *firstFactor) []webauthn.Descriptor {
	decoy := c.decoyPasskey() // the same work for everybody
	if c.user != nil && c.user.mayBegin() == nil && f.usable(c.scope.settings, c.user, c.owned()) {
		return c.passkeys.usable(c.party.ID)
	}
	return []webauthn.Descriptor{decoy}
}

// decoyPasskey looks like a passkey of a phone: most of them have ids of 16 or 20 bytes.
func (c *firstStep) decoyPasskey() webauthn.Descriptor {
	sum := mac(c.scope.ring.decoy, "passkey", c.scope.pool.ID, c.who)
	id := sum[:20]
	if sum[31]&1 == 0 {
		id = sum[:16]
	}
	return webauthn.Descriptor{ID: id, Transports: []string{"hybrid", "internal"}}
}

// Answer signs the user in by an answer of a browser. An answer that cannot be read is [ErrPasskeyInvalid]. One that does not
// verify, and one for a user who does not exist, is [ErrIncorrectCredentials]. Both leave the challenge open, for
// five answers in all.
func (c *PasskeyRequired) Answer(ctx context.Context, in PasskeyAnswer) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer passkey: %w", err)
	}
	return res, nil
}

func (c *PasskeyRequired) answer(ctx context.Context, in PasskeyAnswer) (*SignInResult, error) {
	next, err := c.resume(ctx, statePasskeySignIn, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if len(in.Credential) == 0 {
		return nil, missing("CREDENTIAL")
	}
	if next.party == nil {
		return nil, ErrPasskeysDisabled // since the challenge was made
	}
	if err := next.scope.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	v, err := next.verifyPasskey(in.Credential)
	if err != nil {
		return nil, err
	}
	t := &secondStep{scope: next.scope, state: next.state, now: next.now, user: next.user, spent: next.scope.sourceSpent(next.now), reads: next.read}
	return t.finish(ctx, hook.TokensOfSignIn, func(tx store.Tx, o *outcome, ev *Event) error { return next.judgePasskey(tx, t, o, v, ev) })
}

// A passkeyVerdict is what an answer has proved, before the transaction.
type passkeyVerdict struct {
	key     *passkey // as it was read; nil if the user has none with the id
	state   webauthn.State
	refused error // why the answer does not verify; nil if it does
}

// verifyPasskey verifies an answer. For an id that the user does not have, it does the same work.
func (c *firstStep) verifyPasskey(answer []byte) (*passkeyVerdict, error) {
	var asked passkeyAsked
	if err := c.state.payload(&asked); err != nil {
		return nil, err
	}
	read, err := webauthn.ParseAssertion(answer)
	if err != nil {
		return nil, passkeyError(err)
	}
	v := &passkeyVerdict{}
	credential := decoyKey.credential()
	credential.ID = read.ID()
	if i := c.passkeys.index(read.ID()); i >= 0 && c.passkeys.Keys[i].Party == c.party.ID {
		v.key = &c.passkeys.Keys[i]
		credential = v.key.credential()
	}
	v.state, v.refused = c.party.Verify(read, asked.Challenge, credential)
	if handle := read.UserHandle(); handle != nil && string(handle) != c.who {
		v.refused = fmt.Errorf("%w: the handle of another user", ErrPasskeyInvalid)
	}
	return v, nil
}

// judgePasskey accepts an answer that was verified, if the passkey is still the user's and was not used meanwhile. It writes
// its counter. For a wrong answer it sets o.refused.
func (c *firstStep) judgePasskey(tx store.Tx, t *secondStep, o *outcome, v *passkeyVerdict, ev *Event) error {
	s := c.scope
	if t.spent {
		o.refused = ErrLimitExceeded
		return nil
	}
	ok, err := s.checkQuota(tx, kindFactor, s.triesOf(c.state), triesPerState, t.now)
	if err != nil {
		return err
	}
	if !ok {
		o.refused = ErrIncorrectCredentials
		return nil
	}
	f, err := firstFactorOf(FirstPasskey)
	if err != nil {
		return err
	}
	now := &attempt{scope: s, user: o.user, cred: o.cred, who: c.who, party: c.party, passkeys: o.passkeys}
	key := o.passkeys.unchanged(v.key)
	if o.user == nil || o.user.mayBegin() != nil || !f.usable(s.settings, o.user, now.owned()) || v.refused != nil || key == nil ||
		key.Counter != v.key.Counter && key.Counter >= v.state.Counter {
		o.refused = ErrIncorrectCredentials
		return ev.failed(EventSignInFailed, o.refused).with(dataPurpose, string(statePasskeySignIn)).insert(tx)
	}
	key.set(v.state)
	key.Used = t.now
	o.proved = s.after(proof{Kind: provedFirst, Changed: o.cred.changed(), First: f.name, Passkey: key.digest(), Verified: v.state.Verified, Hardware: key.hardware()})
	return passkeys.Put(tx, o.passkeys)
}

// unchanged returns the passkey of the set that is the given one, or nil. Either may be nil.
func (s *passkeySet) unchanged(k *passkey) *passkey {
	if s == nil || k == nil {
		return nil
	}
	if i := s.index(k.ID); i >= 0 && bytes.Equal(s.Keys[i].PublicKey, k.PublicKey) {
		return &s.Keys[i]
	}
	return nil
}

// digest names a passkey in a proof. It is short, because proofs are in states.
func (k *passkey) digest() []byte {
	sum := sha256.Sum256(slices.Concat(k.ID, k.PublicKey))
	return sum[:12]
}

// proved returns how many passkeys of the set a proof names: one, or none if it was deleted meanwhile.
func (s *passkeySet) proved(p proof) int {
	if s == nil || p.First != FirstPasskey {
		return 0
	}
	for i := range s.Keys {
		if bytes.Equal(s.Keys[i].digest(), p.Passkey) {
			return 1
		}
	}
	return 0
}

// bothFactors reports whether a passkey was proved that is a second factor too.
func bothFactors(s *PoolSettings, proofs []proof) bool {
	return s.PasskeysAreBothFactors() && slices.ContainsFunc(proofs, func(p proof) bool {
		return p.Kind == provedFirst && p.First == FirstPasskey && p.Verified
	})
}

// decoyKey is a passkey that nobody has. Its key is a valid point of P-256, so an answer is verified as with any other, and
// whatever the result is, the answer is refused.
var decoyKey = passkey{
	ID: make([]byte, 16), Algorithm: webauthn.ES256, Party: decoyName, Name: "Passkey", Transports: []string{"hybrid", "internal"}, Created: decoyTime,
	PublicKey: slices.Concat([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, pointX, []byte{0x22, 0x58, 32}, pointY),
}

// The coordinates of the base point of P-256.
var (
	pointX = []byte{
		0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
		0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
	}
	pointY = []byte{
		0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
		0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
	}
)

var decoyPasskeys = newDecoyRecord(passkeys, &passkeySet{Pool: decoyPool, Sub: decoySub, Keys: []passkey{decoyKey}})
