package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// Recovery codes stand in for a second factor that a user has lost (look-up secrets of SP
// 800-63B-4). The user gets ten, once, and keeps them on paper. The store has a salt and a
// digest of each that is left. Recover of a challenge judges a code as the code of a factor is
// judged, against the same limits: one transaction counts it, deletes the digest of a right
// one, and writes the sign-in. New codes replace all earlier ones.

const (
	// recoveryCodes is how many codes a user gets.
	recoveryCodes = 10
	// recoveryBits is what one code has: 16 characters.
	recoveryBits = 80
)

// crockford is the alphabet of the codes: no I, L, O and U, which people misread.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// recoverySet is what is stored of a user's recovery codes.
type recoverySet struct {
	Pool    string    `json:"pool"`
	Sub     string    `json:"sub"`
	Made    time.Time `json:"made"`
	Salt    []byte    `json:"salt"`
	Digests [][]byte  `json:"digests"` // of the codes that are left
}

// newRecoverySet makes codes, and what is stored of them.
func newRecoverySet(pool, sub string, now time.Time) ([]Secret, *recoverySet) {
	set := &recoverySet{Pool: pool, Sub: sub, Made: now, Salt: make([]byte, 16)}
	rand.Read(set.Salt)
	codes := make([]Secret, recoveryCodes)
	for i := range codes {
		var raw [recoveryBits / 8]byte
		rand.Read(raw[:])
		text := crockford.EncodeToString(raw[:])
		set.Digests = append(set.Digests, set.digest(text))
		codes[i] = Secret(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
	}
	return codes, set
}

// digest is what is stored of a code. A fast hash does: nobody guesses 80 bits.
func (r *recoverySet) digest(code string) []byte {
	sum := sha256.Sum256(append(slices.Clone(r.Salt), code...))
	return sum[:]
}

// use deletes a code from the set, and reports whether it was there. r may be nil.
func (r *recoverySet) use(given string) bool {
	code := normalCode(given)
	if r == nil || len(code) != recoveryBits/5 {
		return false
	}
	digest := r.digest(code)
	left := slices.DeleteFunc(slices.Clone(r.Digests), func(d []byte) bool { return subtle.ConstantTimeCompare(d, digest) == 1 })
	used := len(left) < len(r.Digests)
	r.Digests = left
	return used
}

// normalCode returns a code as it was made, however it was typed: in lower case, without
// hyphens, with an O for a zero, or an I or L for a one.
func normalCode(given string) string {
	if len(given) > 64 {
		return ""
	}
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(given))
}

// NewRecoveryCodes makes ten codes, each of which signs the user in once in place of a code of a
// second factor. Earlier codes are void. Show them once, to be written down: the store has
// their digests only. It returns [ErrRecoveryCodesDisabled] in pools without RecoveryCodes,
// and [ErrRecentSignInRequired] if the sign-in is too old for such a change. In pools with
// SignOutOnFactorChange the user's other sign-ins end.
func (s *Session) NewRecoveryCodes(ctx context.Context) ([]Secret, error) {
	if err := s.settleFactors(); err != nil {
		return nil, err
	}
	if !s.pool.Settings.RecoveryCodes {
		return nil, ErrRecoveryCodesDisabled
	}
	by := s.origin()
	codes, set := newRecoverySet(s.pool.ID, s.user.Sub, by.now)
	_, err := s.engine.changeUser(ctx, by, EventRecoveryCodesMade, func(tx store.Tx, u *User) (refused, err error) {
		if err := recoverySets.Put(tx, set); err != nil {
			return nil, err
		}
		return nil, signOutByFactors(tx, &s.pool.Settings, u, by.family, by.now)
	})
	if err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	return codes, nil
}

// RecoveryCodesLeft returns how many recovery codes the user has not used yet.
func (s *Session) RecoveryCodesLeft(ctx context.Context) (int, error) {
	if err := s.managed(); err != nil {
		return 0, err
	}
	n, err := s.engine.recoveryCodesLeft(ctx, s.user)
	if err != nil {
		return 0, fmt.Errorf("recovery codes left: %w", err)
	}
	return n, nil
}

// RecoveryCodesLeft returns how many recovery codes a user has not used yet.
func (us Users) RecoveryCodesLeft(ctx context.Context, name string) (int, error) {
	_, u, err := us.admin.find(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("recovery codes left: %w", err)
	}
	n, err := us.admin.engine.recoveryCodesLeft(ctx, u)
	if err != nil {
		return 0, fmt.Errorf("recovery codes left: %w", err)
	}
	return n, nil
}

func (e *Engine) recoveryCodesLeft(ctx context.Context, u *User) (n int, err error) {
	err = e.store.View(ctx, func(r store.Reader) error {
		set, err := orNil(recoverySets.Get(r, store.Key(u.Pool, u.Sub)))
		if set != nil {
			n = len(set.Digests)
		}
		return err
	})
	return n, err
}

// Recover signs the user in by a recovery code, in place of a code of the app. A wrong code
// counts as a wrong code of the app does, and leaves the challenge open. The owner gets a notice. It
// returns [ErrRecoveryCodesDisabled] in pools without RecoveryCodes.
func (c *TOTPRequired) Recover(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.recover(ctx, stateTOTP, in)
}

// Recover signs the user in by a recovery code, see [TOTPRequired.Recover].
func (c *SMSCodeRequired) Recover(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.recover(ctx, stateSMS, in)
}

// Recover signs the user in by a recovery code, see [TOTPRequired.Recover].
func (c *EmailCodeRequired) Recover(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.recover(ctx, stateEmail, in)
}

// Recover signs the user in by a recovery code, see [TOTPRequired.Recover].
func (c *MFAChoiceRequired) Recover(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.recover(ctx, stateChoose, in)
}

func (p *pending) recover(ctx context.Context, kind stateKind, in FactorCode) (*SignInResult, error) {
	t, err := p.open(ctx, kind, in.SecretHash)
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	switch {
	case !t.scope.settings.RecoveryCodes:
		return nil, ErrRecoveryCodesDisabled
	case t.state.Rounds != nil: // hooks have named the factor, and must be told which one was proved
		return nil, fmt.Errorf("recover: a custom sign-in takes no recovery code: %w", ErrUnsupported)
	case t.scope.levels != nil: // it is no method that reaches a level
		return nil, fmt.Errorf("recover: a sign-in that names levels takes no recovery code: %w", ErrUnsupported)
	case in.Code == "":
		return nil, missing("RECOVERY_CODE")
	}
	res, err := t.proveRecovery(ctx, in.Code)
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	return res, nil
}

// proveRecovery judges a recovery code, counts it, and signs the user in if it is right.
func (t *secondStep) proveRecovery(ctx context.Context, code Secret) (*SignInResult, error) {
	s := t.scope
	if err := s.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	t.spent = s.sourceSpent(t.now)
	used, err := s.proved(ctx, t.state.Sub, EventRecoveryCodeUsed, t.now)
	if err != nil {
		return nil, err
	}
	var owner *User
	res, err := t.finish(ctx, hook.TokensOfSignIn, func(tx store.Tx, o *outcome, ev *Event) error {
		owner = nil
		left, err := t.judgeRecovery(tx, o, string(code), ev)
		if err != nil || o.refused != nil {
			return err
		}
		owner = o.user
		if err := s.engine.putNotices(tx, s.originOf(owner, t.now), EventRecoveryCodeUsed, used.ID, nil, owner); err != nil {
			return err
		}
		return events.Insert(tx, used.with(dataLeft, strconv.Itoa(left)))
	})
	if err != nil {
		return nil, err
	}
	s.engine.notify(ctx, s.originOf(owner, t.now), EventRecoveryCodeUsed, nil, owner)
	return res, nil
}

// judgeRecovery judges a recovery code as judge does a code of a factor, uses a right one up, and
// returns how many are left.
func (t *secondStep) judgeRecovery(tx store.Tx, o *outcome, code string, ev *Event) (left int, err error) {
	set, err := orNil(recoverySets.Get(tx, store.Key(t.scope.pool.ID, t.state.Sub)))
	if err != nil {
		return 0, err
	}
	err = t.weigh(tx, o, ev, evidence{
		usable: t.scope.settings.RecoveryCodes, proof: proof{Kind: provedRecovery}, failure: EventMFAFailed,
		judge: func() error {
			if !set.use(code) {
				o.refused = ErrRecoveryCodeMismatch
				return nil
			}
			left = len(set.Digests)
			return recoverySets.Put(tx, set)
		},
	})
	return left, err
}
