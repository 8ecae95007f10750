package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

// Authenticator apps are enrolled in two ways: by a user who is signed in
// (Session.EnrollTOTP, then VerifyTOTP), and in the middle of a sign-in that
// asks for a second factor which the user does not have (MFASetupRequired). In
// both, a new key is stored as pending first. The right code of the pending key
// commits it as the key. A code is judged in the transaction that stores its time step,
// so that it counts once.

const (
	stateSetup    stateKind = "mfa-setup"    // nothing is enrolled yet
	stateVerify   stateKind = "mfa-verify"   // a key was made
	stateEnrolled stateKind = "mfa-enrolled" // the key was verified

	// verificationsPerHour is how many codes are tried in an hour when an app is enrolled.
	verificationsPerHour = 15
)

// EnrollTOTP makes a key for an authenticator app, which the user verifies by
// [Session.VerifyTOTP]. A key that was verified before stays in use until then.
func (s *Session) EnrollTOTP(ctx context.Context) (mfa.Secret, error) {
	if err := s.mayEnroll(); err != nil {
		return nil, err
	}
	key := mfa.NewSecret()
	ev, err := s.scope().proved(ctx, s.user.Sub, EventTOTPEnrollmentStarted, s.engine.now())
	if err != nil {
		return nil, err
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := stillUser(tx, s.user); err != nil {
			return err
		}
		t, err := getTOTP(tx, s.pool.ID, s.user.Sub)
		if err != nil {
			return err
		}
		t.Pending = key
		if err := totps.Put(tx, t); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return nil, fmt.Errorf("enroll TOTP: %w", err)
	}
	return key, nil
}

func (s *Session) mayEnroll() error {
	if err := s.settleFactors(); err != nil {
		return err
	}
	if !s.pool.Settings.AppsOffered() {
		return ErrTOTPDisabled
	}
	return nil
}

// stillUser returns [ErrUserNotFound] if the user was deleted meanwhile.
func stillUser(tx store.Tx, u *User) error {
	values, err := tx.Get(users.Ref(users.Key(u)))
	if err == nil && values[0] == nil {
		return ErrUserNotFound
	}
	return err
}

// getTOTP reads what a user shares with an app, or a new record if there is none.
func getTOTP(r store.Reader, pool, sub string) (*totp, error) {
	t, err := totps.Get(r, store.Key(pool, sub))
	if errors.Is(err, store.ErrNotFound) {
		return &totp{Pool: pool, Sub: sub}, nil
	}
	return t, err
}

// VerifyTOTP proves by a code that the app has the key, which then replaces an
// earlier one. It does not turn the factor on: [Session.SetMFA] does. In pools
// with SignOutOnFactorChange the user's other sign-ins end. The name
// of the device, for people, has at most 512 bytes and may be empty.
func (s *Session) VerifyTOTP(ctx context.Context, code Secret, device string) error {
	if err := cmp.Or(s.mayEnroll(), checkDevice(device)); err != nil {
		return err
	}
	sc := s.scope()
	var refused error
	now := s.engine.now()
	ev, err := sc.proved(ctx, s.user.Sub, EventTOTPEnrolled, now)
	if err != nil {
		return err
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		u, err := orNil(users.Get(tx, users.Key(s.user)))
		if err != nil || u == nil {
			return cmp.Or(err, ErrUserNotFound)
		}
		if refused, err = sc.verifyTOTP(tx, ev, string(code), device, now); err != nil || refused != nil {
			return err
		}
		if err := s.engine.putNotices(tx, sc.originOf(s.user, now), EventTOTPEnrolled, ev.ID, nil, s.user); err != nil {
			return err
		}
		return u.enrolledBy(tx, sc.settings, familyID(s.claims), now)
	})
	if err = orRefused(err, refused); err != nil {
		return fmt.Errorf("verify TOTP: %w", err)
	}
	s.engine.notify(ctx, sc.originOf(s.user, now), EventTOTPEnrolled, nil, s.user)
	return nil
}

// enrolledBy ends the sign-ins of a user whose authenticator app was enrolled or
// replaced, except the one that did so.
func (u *User) enrolledBy(tx store.Tx, s *PoolSettings, family string, now time.Time) error {
	if !s.SignsOutOnFactorChange() {
		return nil
	}
	next := u.clone()
	if err := signOutByFactors(tx, s, next, family, now); err != nil {
		return err
	}
	return users.Put(tx, next)
}

// checkDevice checks the name of a device, which is stored and shown at each sign-in.
func checkDevice(name string) error {
	if len(name) > maxName || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 {
		return invalid("FriendlyDeviceName", "The name of a device is text of at most 512 bytes.")
	}
	return nil
}

// verifyTOTP judges a code of a key that is to be enrolled, and counts it: ev
// is what it leaves if the code is right.
func (s *scope) verifyTOTP(tx store.Tx, ev *Event, code, device string, now time.Time) (refused, err error) {
	ok, err := s.checkQuota(tx, kindEnroll, ev.Sub, verificationsPerHour, now)
	if err != nil {
		return nil, err
	}
	if !ok {
		return ErrTOTPMismatch, nil
	}
	t, err := getTOTP(tx, s.pool.ID, ev.Sub)
	if err != nil {
		return nil, err
	}
	told := time.Time{}
	if s.settings.NotifiesOwners() {
		told = now
	}
	if refused, err = t.enroll(tx, code, device, now, told); err != nil {
		return nil, err
	}
	if refused != nil {
		ev = ev.failed(EventCodeRefused, refused).with(dataPurpose, kindEnroll)
	}
	return refused, events.Insert(tx, ev)
}

// enroll puts the key that waits in the place of an earlier one, if a code of it is right.
// told is when the owner is told of it, or zero.
func (t *totp) enroll(tx store.Tx, code, device string, now, told time.Time) (refused, err error) {
	if len(t.Pending) == 0 {
		return t.again(code, now), nil
	}
	step, result := t.Pending.Verify(code, now, 0)
	if result != mfa.Right {
		return ErrTOTPMismatch, nil
	}
	t.Secret, t.Pending, t.Last, t.Name, t.Told = t.Pending, nil, step, device, told
	return nil, totps.Put(tx, t)
}

// again judges a code where there is no key to verify: a code that verified it
// before was used, and any other is wrong.
func (t *totp) again(code string, now time.Time) error {
	if len(t.Secret) == 0 {
		return ErrTOTPNotFound
	}
	if _, result := t.Secret.Verify(code, now, t.Last); result == mfa.Used {
		return ErrTOTPUsed
	}
	return ErrTOTPMismatch
}

// MFASetupRequired asks a user who has no second factor to set one up. With an
// app: Enroll, then Verify, then Answer. By e-mail: AnswerEmail.
type MFASetupRequired struct {
	pending
	Methods []MFAMethod // that the user may set up
}

// setupChallenge asks for a second factor to be set up. Who enrolls an app
// sends nothing but the state, so the state names the client.
func (s *scope) setupChallenge(st *challengeState, p pending, now time.Time) (*SignInResult, error) {
	sealed, err := s.challenge(stateSetup, st, nil, now)
	p.state = s.address(sealed)
	return &SignInResult{Challenge: &MFASetupRequired{p, s.setupMethods()}}, err
}

// address puts the client's id before a sealed state.
func (s *scope) address(sealed string) string { return s.client.ID + "." + sealed }

// MFASetup resumes an [*MFASetupRequired] challenge from its state alone.
func (e *Engine) MFASetup(ctx context.Context, state string) (*MFASetupRequired, error) {
	id, _, ok := strings.Cut(state, ".")
	if !ok {
		return nil, ErrSessionInvalid
	}
	a, err := e.AppClient(ctx, id)
	if errors.Is(err, ErrClientNotFound) {
		return nil, ErrSessionInvalid
	}
	if err != nil {
		return nil, err
	}
	return a.MFASetup("", state), nil
}

// MFASetup resumes an [*MFASetupRequired] challenge from its state.
func (a *AppClient) MFASetup(username, state string) *MFASetupRequired {
	return &MFASetupRequired{pending: pending{username, a, state}}
}

// begin opens the state of a kind that the challenge is in.
func (c *MFASetupRequired) begin(ctx context.Context, kind stateKind, hash string, proved bool) (*secondStep, error) {
	p := c.pending
	_, p.state, _ = strings.Cut(c.state, ".")
	if !proved {
		return p.openUnproved(ctx, kind)
	}
	return p.open(ctx, kind, hash)
}

// openUnproved opens a state that comes without the proof of a client's secret.
func (p *pending) openUnproved(ctx context.Context, kind stateKind) (*secondStep, error) {
	s, err := p.client.load(ctx)
	if err != nil {
		return nil, err
	}
	now := s.engine.now()
	st, err := s.open(kind, p.state, now)
	if err != nil {
		return nil, err
	}
	return &secondStep{scope: s, state: st, now: now}, nil
}

// Enroll makes a key for an authenticator app and moves the challenge on.
func (c *MFASetupRequired) Enroll(ctx context.Context) (mfa.Secret, error) {
	key, err := c.enroll(ctx)
	if err != nil {
		return nil, fmt.Errorf("enroll TOTP: %w", err)
	}
	return key, nil
}

func (c *MFASetupRequired) enroll(ctx context.Context) (mfa.Secret, error) {
	t, err := c.begin(ctx, stateSetup, "", false)
	if err != nil {
		return nil, err
	}
	if !t.scope.settings.AppsOffered() {
		return nil, ErrTOTPDisabled
	}
	ev, err := t.scope.proved(ctx, t.state.Sub, EventTOTPEnrollmentStarted, t.now)
	if err != nil {
		return nil, err
	}
	key := mfa.NewSecret()
	_, err = t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		rec := &totp{Pool: t.scope.pool.ID, Sub: t.state.Sub}
		if o.enrolled.totp != nil {
			rec = o.enrolled.totp
		}
		if err := t.stillToSetUp(o); err != nil || o.refused != nil {
			return err
		}
		rec.Pending = key
		if err := totps.Put(tx, rec); err != nil {
			return err
		}
		if err := events.Insert(tx, ev); err != nil {
			return err
		}
		return usedStates.Insert(tx, t.scope.useUp(t.state))
	})
	if err != nil {
		return nil, err
	}
	return key, c.move(t, stateVerify)
}

// stillToSetUp refuses a user who has a factor by now: a password alone must not replace it.
func (t *secondStep) stillToSetUp(o *outcome) error {
	next, _, err := nextStep(t.scope.settings, o.user, o.enrolled, o.proved)
	if err == nil && next != stepSetup {
		o.refused = ErrSessionInvalid
	}
	return err
}

// move seals the next state of the challenge.
func (c *MFASetupRequired) move(t *secondStep, kind stateKind) error {
	sealed, err := t.scope.challenge(kind, t.state, nil, t.now)
	c.state = t.scope.address(sealed)
	return err
}

// Verify proves by a code that the app has the key, turns the factor on, and
// moves the challenge on. A wrong code leaves it where it was.
func (c *MFASetupRequired) Verify(ctx context.Context, code Secret, device string) error {
	if err := checkDevice(device); err != nil {
		return err
	}
	if err := c.verify(ctx, code, device); err != nil {
		return fmt.Errorf("verify TOTP: %w", err)
	}
	return nil
}

func (c *MFASetupRequired) verify(ctx context.Context, code Secret, device string) error {
	t, err := c.begin(ctx, stateVerify, "", false)
	if err != nil {
		return err
	}
	ev, err := t.scope.proved(ctx, t.state.Sub, EventTOTPEnrolled, t.now)
	if err != nil {
		return err
	}
	var enrolled *User
	_, err = t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		if err := t.stillToSetUp(o); err != nil || o.refused != nil {
			return err
		}
		if o.refused, err = t.scope.verifyTOTP(tx, ev, string(code), device, t.now); err != nil || o.refused != nil {
			return err
		}
		u := o.user.clone()
		u.MFA.turn(MFATOTP, true)
		u.Modified, enrolled = t.now, u
		if err := signOutByFactors(tx, t.scope.settings, u, "", t.now); err != nil {
			return err
		}
		if err := users.Put(tx, u); err != nil {
			return err
		}
		if err := t.scope.engine.putNotices(tx, t.scope.originOf(u, t.now), EventTOTPEnrolled, ev.ID, nil, u); err != nil {
			return err
		}
		return usedStates.Insert(tx, t.scope.useUp(t.state))
	})
	if err != nil {
		return err
	}
	t.scope.engine.notify(ctx, t.scope.originOf(enrolled, t.now), EventTOTPEnrolled, nil, enrolled)
	t.state.Proved = append(slices.Clone(t.state.Proved), proof{Kind: provedFactor, Method: MFATOTP})
	return c.move(t, stateEnrolled)
}

// Answer signs the user in, once a factor was set up.
func (c *MFASetupRequired) Answer(ctx context.Context, secretHash string) (*SignInResult, error) {
	t, err := c.begin(ctx, stateEnrolled, secretHash, true)
	if err != nil {
		return nil, fmt.Errorf("answer MFA setup: %w", err)
	}
	if err := t.scope.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	res, err := t.finish(ctx, hook.TokensOfSignIn, func(store.Tx, *outcome, *Event) error { return nil }) // the code was judged by Verify
	if err != nil {
		return nil, fmt.Errorf("answer MFA setup: %w", err)
	}
	return res, nil
}
