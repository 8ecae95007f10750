package identity_test

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// bobOn signs bob in on a device, by the password and a code.
func (l *life) bobOn(ctx context.Context, key string) (*identity.Tokens, error) {
	in, err := l.client.SignIn(ctx, identity.SignIn{Username: "bob", Password: password, DeviceKey: key})
	if err != nil {
		return nil, err
	}
	in, err = in.Challenge.(*identity.TOTPRequired).Answer(ctx, identity.FactorCode{Code: l.totpCode()})
	if err != nil {
		return nil, err
	}
	return in.Tokens, nil
}

// deviceOfBob is the device of deviceActs.
var deviceOfBob *identitytest.Device

// proofOfBob is a proof of it.
var proofOfBob identity.DeviceProof

var deviceActs = []act{
	{"Session.ConfirmDevice", func(ctx context.Context, l *life) error {
		check(l.t, "Update", second(l.admin.Update(l.t.Context(), func(s *identity.PoolSettings) error {
			s.Devices = &identity.DeviceSettings{ChallengeNew: new(true)}
			return nil
		})))
		tokens, err := l.bobOn(l.t.Context(), "")
		if err != nil {
			return err
		}
		deviceOfBob = identitytest.NewDevice(tokens.NewDevice.Key, tokens.NewDevice.Group)
		if l.session, err = l.Session(ctx, tokens.Access); err != nil {
			return err
		}
		return second(l.session.ConfirmDevice(ctx, confirmation(deviceOfBob)))
	}, []string{"DeviceConfirmed user:bob bob device=* remembered=true"}},
	{"Session.SetDeviceStatus", func(ctx context.Context, l *life) error {
		return l.session.SetDeviceStatus(ctx, deviceOfBob.Key, identity.DeviceNotRemembered)
	}, []string{"DeviceChanged user:bob bob device=* remembered=false"}},
	{"Session.SetDeviceStatus to what it is", func(ctx context.Context, l *life) error {
		return l.session.SetDeviceStatus(ctx, deviceOfBob.Key, identity.DeviceNotRemembered)
	}, nil},
	{"Users.SetDeviceStatus", func(ctx context.Context, l *life) error {
		return l.users.SetDeviceStatus(ctx, "bob", deviceOfBob.Key, identity.DeviceRemembered)
	}, []string{"DeviceChanged operator:AKIA bob device=* remembered=true"}},
	{"DeviceRequired.Answer", func(ctx context.Context, l *life) error {
		in, err := l.client.SignIn(l.t.Context(), identity.SignIn{Username: "bob", Password: password, DeviceKey: deviceOfBob.Key})
		if err != nil {
			return err
		}
		proof := deviceOfBob.Begin()
		in, err = in.Challenge.(*identity.DeviceRequired).Answer(ctx, identity.StartDevice{A: proof.A, DeviceKey: deviceOfBob.Key})
		if err != nil {
			return err
		}
		next := in.Challenge.(*identity.DeviceVerifier)
		signature, at, err := proof.Prove(next.Salt, next.B, next.SecretBlock, l.now())
		l.at, proofOfBob = next, identity.DeviceProof{Signature: signature, SecretBlock: next.SecretBlock, Timestamp: at, DeviceKey: deviceOfBob.Key}
		return err
	}, nil}, // nothing is decided yet
	{"DeviceVerifier.Answer with a wrong proof", func(ctx context.Context, l *life) error {
		bad := proofOfBob
		bad.Signature = "AAAA"
		_, err := l.at.(*identity.DeviceVerifier).Answer(ctx, bad)
		wantErr(l.t, "Answer", err, identity.ErrIncorrectCredentials)
		return nil
	}, []string{"DeviceFailed client bob WrongPassword"}},
	{"DeviceVerifier.Answer", func(ctx context.Context, l *life) error {
		return second(l.at.(*identity.DeviceVerifier).Answer(ctx, proofOfBob))
	}, []string{"SignedIn user:bob bob"}},
	{"Session.ForgetDevice", func(ctx context.Context, l *life) error {
		return l.session.ForgetDevice(ctx, deviceOfBob.Key)
	}, []string{"DeviceForgotten user:bob bob device=*"}},
	{"Users.ForgetDevice", func(ctx context.Context, l *life) error {
		tokens, err := l.bobOn(l.t.Context(), "")
		if err != nil {
			return err
		}
		d := l.confirmIn(l.t, tokens)
		return l.users.ForgetDevice(ctx, "bob", d.Key)
	}, []string{"DeviceForgotten operator:AKIA bob device=*"}},
}
