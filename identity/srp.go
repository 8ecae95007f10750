package identity

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/identity/settings"
)

// A sign-in by SRP has two requests. StartSRP reads the user and seals the
// server's half of the exchange into the secret block; it writes nothing. Answer
// opens the block, verifies the proof, and ends in attempt.judge, as a sign-in by
// password does. The commit there also uses the block up, so that it counts once.

// srpState is the payload of a secret block: the server's half of an exchange.
type srpState struct {
	UserID  string    `json:"u"`
	A       []byte    `json:"A"`
	U       []byte    `json:"U"`
	Secret  []byte    `json:"b"`
	Changed time.Time `json:"c,omitzero"`  // of the credential that the exchange is about
	Unknown bool      `json:"x,omitempty"` // there is nothing to prove: any answer is wrong
	Custom  string    `json:"s,omitempty"` // the id of the state of the custom sign-in that the block belongs to
}

// disclosed counts what is in the challenge beside the block: the name and A.
func (st *srpState) disclosed() int {
	return len(quote(st.UserID)) + base64.StdEncoding.EncodedLen(len(st.A))
}

// StartSRP is what a client sends to begin a sign-in by SRP.
type StartSRP struct {
	Username   string // whatever the pool lets users sign in with
	A          string // the client's public value, in hexadecimal
	SecretHash string // see [SecretHash]; for clients with a secret
}

// PasswordVerifier asks a client to prove by SRP that the user knows the password.
type PasswordVerifier struct {
	Username    string // as it was given
	UserID      string // the name that takes part in the proof
	Salt        string // hexadecimal
	B           string // the server's public value, hexadecimal
	SecretBlock string // base64; carries the state and takes part in the proof
	Session     string // of a custom sign-in, which goes on after the proof; empty otherwise
	client      *AppClient
}

// State is the secret block.
func (c *PasswordVerifier) State() string { return c.SecretBlock }

// PasswordProof is the answer to a [PasswordVerifier].
type PasswordProof struct {
	Signature   string // base64
	SecretBlock string // as it came
	Timestamp   string // such as "Tue Feb 3 04:05:06 UTC 2026"
	Session     string // as it came with the challenge
	SecretHash  string // see [SecretHash]; for clients with a secret
	DeviceKey   string // see [SignIn]
}

// StartSRP begins a sign-in by SRP (Secure Remote Password, RFC 5054 in the
// variant of Amazon Cognito), in which the password never leaves the client.
// The pool must keep verifiers, see [PoolSettings.SRP].
func (a *AppClient) StartSRP(ctx context.Context, in StartSRP) (*PasswordVerifier, error) {
	ch, err := a.startSRP(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("start SRP: %w", err)
	}
	return ch, nil
}

func (a *AppClient) startSRP(ctx context.Context, in StartSRP) (*PasswordVerifier, error) {
	t := &attempt{name: in.Username}
	if err := a.begin(ctx, t, false); err != nil {
		return nil, err
	}
	s := t.scope
	if !s.settings.Allows(&s.client.Settings, AllowUserSRP) {
		return nil, &FlowError{"USER_SRP_AUTH"}
	}
	if err := t.admissible(in.Username, in.SecretHash); err != nil {
		return nil, err
	}
	if in.A == "" {
		return nil, missing("SRP_A")
	}
	public, err := srp.ParseA(in.A)
	if err != nil {
		return nil, invalid("SRP_A", "SRP_A is not a valid public value.")
	}
	if err := t.untriggered(); err != nil {
		return nil, err
	}
	if err := t.known(); err != nil {
		return nil, err
	}
	if err := s.points().preAuthentication(ctx, t.user, in.Username); err != nil {
		return nil, err
	}
	ch, err := t.exchange(public, "")
	if err != nil {
		return nil, err
	}
	ch.client = a
	return ch, nil
}

// exchange makes the server's half of the exchange. For a user who does not
// exist, or has no verifier, it is a decoy, always the same for the same name.
// custom is the id of the state of a custom sign-in that the exchange belongs to, or empty.
func (t *attempt) exchange(public []byte, custom string) (*PasswordVerifier, error) {
	s := t.scope
	st := &challengeState{Kind: stateSRP, Name: t.name, Sub: t.who, Levels: s.levels, Proved: s.earlier}
	data := &srpState{UserID: s.srpUserID(t.user, t.name), A: public, Custom: custom}
	salt, verifier := s.decoyVerifier(t.name)
	if t.verifiable() {
		salt, verifier, data.Changed = t.cred.Salt, t.cred.Verifier, t.cred.Changed
	} else {
		data.Unknown = true
	}
	x, err := srp.Begin(verifier, public)
	if err != nil {
		return nil, err
	}
	if st.ID, err = s.engine.uuid(); err != nil {
		return nil, err
	}
	data.U, data.Secret = x.U, []byte(x.Secret)
	st.Expires = s.engine.now().Add(s.client.Settings.SessionLife())
	block, err := s.sealBlock(st, data)
	if err != nil {
		return nil, err
	}
	return &PasswordVerifier{Username: t.name, UserID: data.UserID, Salt: srp.Hex(salt), B: x.B, SecretBlock: block}, nil
}

// verifiable reports whether the user can prove anything by SRP: there is a
// verifier, and it is not one that the pool has ceased to keep.
func (t *attempt) verifiable() bool {
	return t.scope.settings.SRP && t.cred != nil && len(t.cred.Verifier) > 0
}

// srpUserID is the name that takes part in the proof: the real username. A
// made-up user has the name as most would have registered it, or a made-up one
// where what was typed can be no username. It makes that one up for everybody.
func (s *scope) srpUserID(u *User, name string) string {
	nobody := s.decoyUsername(name)
	if u != nil {
		return u.Username
	}
	return nobody
}

func (s *scope) decoyUsername(name string) string {
	folded := foldNew(s.settings, name)
	if len(s.settings.UsernameAttributes) == 0 && !slices.Contains(s.settings.Aliases, settings.NameShape(name)) {
		return folded
	}
	h := hex.EncodeToString(mac(s.ring.decoy, "id", folded))
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

func (s *scope) decoyVerifier(name string) (salt, verifier []byte) {
	name = foldNew(s.settings, name)
	return mac(s.ring.decoy, "salt", name)[:srp.SaltSize], srp.DecoyVerifier(mac(s.ring.decoy, "verifier", name))
}

// sealBlock seals a state as clients expect a secret block: in standard base64.
func (s *scope) sealBlock(st *challengeState, data *srpState) (string, error) {
	sealed, err := s.seal(st, data)
	if err != nil {
		return "", err
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// openBlock reads a secret block, and returns its raw bytes too.
func (s *scope) openBlock(kind stateKind, block string, now time.Time) (*challengeState, []byte, error) {
	if len(block) > maxBlock {
		return nil, nil, ErrIncorrectCredentials
	}
	raw, err := base64.StdEncoding.DecodeString(block)
	if err != nil {
		return nil, nil, ErrIncorrectCredentials
	}
	st, err := s.open(kind, base64.RawURLEncoding.EncodeToString(raw), now)
	return st, raw, err
}

// maxBlock is the length of the longest secret block, in base64, that is looked at.
const maxBlock = 8192

// PasswordVerifier resumes a [PasswordVerifier] challenge; its state comes with the answer.
func (a *AppClient) PasswordVerifier(username string) *PasswordVerifier {
	return &PasswordVerifier{Username: username, client: a}
}

// Answer verifies the proof and signs the user in.
func (c *PasswordVerifier) Answer(ctx context.Context, in PasswordProof) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer SRP: %w", err)
	}
	return res, nil
}

func (c *PasswordVerifier) answer(ctx context.Context, in PasswordProof) (*SignInResult, error) {
	s, err := c.client.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkHash(c.Username, in.SecretHash); err != nil {
		return nil, err
	}
	if err := in.complete(c.Username); err != nil {
		return nil, err
	}
	now := s.engine.now()
	st, raw, err := s.openBlock(stateSRP, in.SecretBlock, now)
	if err != nil {
		return nil, proofError(err)
	}
	data := &srpState{}
	if st.payload(data) != nil {
		return nil, ErrIncorrectCredentials
	}
	t := &attempt{name: st.Name, scope: s, who: st.Sub, spend: s.useUp(st)}
	if data.Custom != "" {
		return c.answerCustom(ctx, st, data, raw, in)
	}
	if err := c.client.resume(ctx, t); err != nil {
		return nil, err
	}
	if t.shut(now) {
		return nil, ErrTooManyAttempts
	}
	if t.correct, err = t.proves(st.Name, data, raw, in); err != nil {
		return nil, err
	}
	t.correct = t.correct && s.named(t.user, st, data, c.Username)
	t.scope.deviceKey = in.DeviceKey
	s.aimsAt(st)
	return t.judge(ctx)
}

// answerCustom verifies a proof of a custom sign-in. Both its states are used up. A wrong
// proof ends the sign-in, and is counted.
func (c *PasswordVerifier) answerCustom(ctx context.Context, st *challengeState, data *srpState, raw []byte, in PasswordProof) (*SignInResult, error) {
	r, err := c.client.resumeCustom(ctx, stateCustomSRP, c.Username, in.Session, in.SecretHash)
	if err != nil {
		return nil, proofError(err)
	}
	if r.state.ID != data.Custom || r.who != st.Sub {
		return nil, ErrIncorrectCredentials
	}
	t := r.attempt
	if err := t.scope.points().callable(slices.Concat(customTriggers, tokenTriggers)...); err != nil {
		return nil, err
	}
	if err := r.goesOnWith(ctx, in.DeviceKey); err != nil {
		return nil, err
	}
	if err := r.useUp(ctx); err != nil {
		return nil, err
	}
	if t.correct, err = t.proves(st.Name, data, raw, in); err != nil {
		return nil, err
	}
	if !t.correct || !t.scope.named(t.user, st, data, c.Username) {
		return nil, orRefused(r.count(ctx, false), ErrIncorrectCredentials)
	}
	return r.provedPassword(ctx)
}

func (in PasswordProof) complete(username string) error {
	return complete([]answerPart{
		{"USERNAME", username},
		{"PASSWORD_CLAIM_SECRET_BLOCK", in.SecretBlock},
		{"PASSWORD_CLAIM_SIGNATURE", in.Signature},
		{"TIMESTAMP", in.Timestamp},
	})
}

// answerPart is a parameter of an answer to a challenge.
type answerPart struct{ name, value string }

// complete returns an error for the first parameter that is missing.
func complete(all []answerPart) error {
	for _, p := range all {
		if p.value == "" {
			return missing(p.name)
		}
	}
	return nil
}

// proofError tells of a block that was altered nothing but that the proof failed.
func proofError(err error) error {
	if errors.Is(err, ErrSessionExpired) {
		return err
	}
	return ErrIncorrectCredentials
}

// resume reads what the second step of an attempt needs.
func (a *AppClient) resume(ctx context.Context, t *attempt) error {
	u, err := a.engine.userBySub(ctx, a.pool, t.who)
	if err != nil {
		return err
	}
	t.user = u
	_, err = a.loadWith(ctx, t.read)
	return err
}

// named reports whether an answer names the user that the exchange began with.
func (s *scope) named(u *User, st *challengeState, data *srpState, name string) bool {
	return u != nil && (name == data.UserID || s.sameName(u, st, name))
}

// proves verifies a proof, with the same work whether or not there is such a user.
func (t *attempt) proves(name string, st *srpState, raw []byte, in PasswordProof) (bool, error) {
	_, verifier := t.scope.decoyVerifier(name)
	real := t.verifiable() && !st.Unknown && t.cred.Changed.Equal(st.Changed)
	if real {
		verifier = t.cred.Verifier
	}
	right, err := st.signed(verifier, srpName(t.scope.pool.ID), raw, in.Signature, in.Timestamp)
	return right && real, err
}
