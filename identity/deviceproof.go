package identity

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

// A remembered device proves itself in place of a second factor, in pools with
// [DeviceSettings].ChallengeNew, by SRP with a secret that the client has made. The device takes
// the place of nothing else: neither of the password, nor of a new password, nor of the setup of
// a factor.
//
// There are two challenges. [DeviceRequired.Answer] makes the server's half of the exchange, and
// writes nothing. Both states have one id and one end, and the secret block is bound to the id.
// So of all exchanges that begin with one challenge, one proof signs in. [DeviceVerifier.Answer]
// verifies the proof and ends in secondStep.finish, as a code of a second factor does. A wrong
// proof is counted as a wrong code is.

const (
	stateDevice      stateKind = "device"       // a device is to begin a proof
	stateDeviceProof stateKind = "device-proof" // a device is to end it
	stateDeviceBlock stateKind = "device-block" // the secret block of the exchange
)

// DeviceRequired asks the device that the sign-in has named to prove itself, in place of a
// second factor.
type DeviceRequired struct {
	pending
	DeviceKey string // of the device
}

// StartDevice is the answer to [*DeviceRequired].
type StartDevice struct {
	A          string // the device's public value of SRP, in hexadecimal
	DeviceKey  string // of the device
	SecretHash string // see [SecretHash]; for clients with a secret
}

// DeviceVerifier asks a device to prove by SRP that it has the secret it was confirmed with. In
// the proof, [NewDevice].Group takes the place of the pool's name, and the key that of the user.
type DeviceVerifier struct {
	pending
	DeviceKey   string // of the device
	Salt        string // hexadecimal
	B           string // the server's public value, hexadecimal
	SecretBlock string // base64; takes part in the proof
}

// DeviceProof is the answer to a [*DeviceVerifier].
type DeviceProof struct {
	Signature   string // base64
	SecretBlock string // as it came
	Timestamp   string // such as "Tue Feb 3 04:05:06 UTC 2026"
	DeviceKey   string // of the device
	SecretHash  string // see [SecretHash]; for clients with a secret
}

// Device resumes a [*DeviceRequired] challenge from its state, see [AppClient.TOTP].
func (a *AppClient) Device(username, state string) *DeviceRequired {
	return &DeviceRequired{pending: pending{username, a, state}}
}

// DeviceVerifier resumes a [*DeviceVerifier] challenge from its state, see [AppClient.TOTP].
func (a *AppClient) DeviceVerifier(username, state string) *DeviceVerifier {
	return &DeviceVerifier{pending: pending{username, a, state}}
}

// replaces reports whether a device, which may be nil, replaces a second factor.
func (d *device) replaces(s *PoolSettings) bool {
	return d != nil && d.Remembered && s.DeviceReplacesFactor()
}

// deviceChallenge asks the device of a sign-in to begin its proof.
func (s *scope) deviceChallenge(o *outcome, st *challengeState, now time.Time) (*SignInResult, error) {
	state, err := s.challenge(stateDevice, st, nil, now)
	if err != nil {
		return nil, err
	}
	return &SignInResult{Challenge: &DeviceRequired{pending{o.user.Username, s.appClient(), state}, s.deviceKey}}, nil
}

// Answer begins the proof of the device. The challenge that it returns is a [*DeviceVerifier].
func (c *DeviceRequired) Answer(ctx context.Context, in StartDevice) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("start device: %w", err)
	}
	return res, nil
}

func (c *DeviceRequired) answer(ctx context.Context, in StartDevice) (*SignInResult, error) {
	t, err := c.open(ctx, stateDevice, in.SecretHash)
	if err != nil {
		return nil, err
	}
	public, err := publicValue(in.A)
	switch {
	case err != nil:
		return nil, err
	case public == nil:
		return nil, missing("SRP_A")
	case in.DeviceKey == "":
		return nil, missing("DEVICE_KEY")
	}
	o, err := t.onDevice(ctx, in.DeviceKey)
	if err != nil {
		return nil, err
	}
	return t.deviceExchange(o, public)
}

// onDevice reads the user of a state and the device that the state names, which must be the one
// with a key. It refuses what the state no longer fits.
func (t *secondStep) onDevice(ctx context.Context, key string) (o *outcome, err error) {
	if key != t.state.Device {
		return nil, ErrDeviceNotFound
	}
	err = t.scope.engine.store.View(ctx, func(r store.Reader) (err error) {
		o, err = t.read(r)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case o.refused != nil:
		return nil, o.refused
	case !o.enrolled.device.replaces(t.scope.settings):
		return nil, ErrSessionInvalid
	}
	return o, nil
}

// deviceExchange makes the server's half of an exchange with a device.
func (t *secondStep) deviceExchange(o *outcome, public []byte) (*SignInResult, error) {
	s, d := t.scope, o.enrolled.device
	x, err := srp.Begin(d.Verifier, public)
	if err != nil {
		return nil, err
	}
	next := *t.state
	next.Kind = stateDeviceProof
	state, err := s.seal(&next, nil)
	if err != nil {
		return nil, err
	}
	block, err := s.sealBlock(
		&challengeState{Kind: stateDeviceBlock, ID: next.ID, Sub: next.Sub, Expires: next.Expires},
		&srpState{UserID: d.Key, A: public, U: x.U, Secret: []byte(x.Secret), Changed: d.Created},
	)
	if err != nil {
		return nil, err
	}
	return &SignInResult{Challenge: &DeviceVerifier{
		pending: pending{o.user.Username, s.appClient(), state}, DeviceKey: d.Key, Salt: srp.Hex(d.Salt), B: x.B, SecretBlock: block,
	}}, nil
}

// Answer verifies the proof of the device and signs the user in. A wrong proof leaves the
// challenge open, for five proofs in all, and counts as a wrong password does. It is
// [ErrIncorrectCredentials].
func (c *DeviceVerifier) Answer(ctx context.Context, in DeviceProof) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer device: %w", err)
	}
	return res, nil
}

func (in DeviceProof) complete() error {
	return complete([]answerPart{
		{"PASSWORD_CLAIM_SECRET_BLOCK", in.SecretBlock},
		{"PASSWORD_CLAIM_SIGNATURE", in.Signature},
		{"TIMESTAMP", in.Timestamp},
		{"DEVICE_KEY", in.DeviceKey},
	})
}

func (c *DeviceVerifier) answer(ctx context.Context, in DeviceProof) (*SignInResult, error) {
	t, err := c.open(ctx, stateDeviceProof, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if err := in.complete(); err != nil {
		return nil, err
	}
	st, raw, err := t.scope.openBlock(stateDeviceBlock, in.SecretBlock, t.now)
	if err != nil {
		return nil, proofError(err)
	}
	data := &srpState{}
	if st.ID != t.state.ID || st.payload(data) != nil {
		return nil, ErrIncorrectCredentials
	}
	o, err := t.onDevice(ctx, in.DeviceKey)
	if err != nil {
		return nil, err
	}
	right, err := data.signed(o.enrolled.device.Verifier, o.enrolled.device.Group, raw, in.Signature, in.Timestamp)
	if err != nil {
		return nil, err
	}
	return t.proveBy(ctx, hook.TokensOfDevice, func(tx store.Tx, o *outcome, ev *Event) error {
		d := o.enrolled.device
		return t.weigh(tx, o, ev, evidence{
			usable: d.replaces(t.scope.settings) && d.Created.Equal(data.Changed),
			proof:  proof{Kind: provedDevice, Device: d.Key, Changed: d.Created}, failure: EventDeviceFailed,
			judge: func() error {
				if !right {
					o.refused = ErrIncorrectCredentials
				}
				return nil
			},
		})
	})
}

// signed reports whether a signature proves the secret of a verifier. group takes the place of
// the pool's name, and raw is the secret block.
func (st *srpState) signed(verifier []byte, group string, raw []byte, signature, timestamp string) (bool, error) {
	key, err := srp.Key(verifier, st.A, st.U, st.Secret)
	if err != nil {
		return false, err
	}
	want := srp.Signature(key, group, st.UserID, raw, timestamp)
	given, err := base64.StdEncoding.DecodeString(signature)
	_, dated := srp.ValidTimestamp(timestamp)
	return err == nil && dated && equal(want, given), nil
}
