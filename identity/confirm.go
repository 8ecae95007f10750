package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// ConfirmSignUp works in this order:
//
//  1. It reads the pool, the client and the user, and checks the secret hash.
//     Depending on the pool's settings, it returns here that the user does not
//     exist or cannot be confirmed.
//  2. commitConfirm runs one transaction. It counts the attempt, reads the user
//     and the code again, and judges the code. If the code is right, it verifies
//     the address, confirms the user, takes aliases over if ForceAlias asks for
//     it, and deletes the code. It writes the event in either case. An attempt
//     over the limit writes nothing.
//  3. After the commit it runs the hook after confirmation.
//
// ResendConfirmationCode reads the same, decides whether to send to the user
// or to do the same work for a decoy, and calls sendCode. sendCode makes the
// code, commits it together with its count and its event (commitCode), and then
// sends it (ask.go).

// ConfirmSignUp is the input of [AppClient.ConfirmSignUp].
type ConfirmSignUp struct {
	Username   string // any name that the pool lets users sign in with
	Code       Secret // the code that was sent at sign-up
	SecretHash string // for clients with a secret: see [SecretHash]
	// ForceAlias takes a verified address away from another user who has it as
	// an alias. Without it, or if the client may not force aliases, the error is
	// [ErrAliasExists]: see ForceAlias of [ClientSettings].
	ForceAlias bool
	// Session is that of the [SignUpResult], for [AppClient.ConfirmSignUpSession]. It may be empty.
	Session string
}

// ConfirmSignUp confirms a user who gives the code that was sent at sign-up. It
// also verifies the address that the code was sent to. The errors for a code are
// [ErrCodeMismatch], [ErrCodeExpired] and, after 15 wrong codes in an hour,
// [ErrLimitExceeded]. A code has five tries, and within them it is always accepted.
func (a *AppClient) ConfirmSignUp(ctx context.Context, in ConfirmSignUp) error {
	_, err := a.ConfirmSignUpSession(ctx, in)
	return err
}

// ConfirmSignUpSession is ConfirmSignUp, and returns a session that signs the user in: see Session of
// [BeginSignIn]. It is empty for clients without the flow [AllowUser], and if the input has the session of another sign-up
// with the name. The session of another client or for another name is [ErrSessionInvalid], and then nothing is changed.
func (a *AppClient) ConfirmSignUpSession(ctx context.Context, in ConfirmSignUp) (session string, err error) {
	if session, err = a.confirmSignUp(ctx, in); err != nil {
		return "", fmt.Errorf("confirm sign-up: %w", err)
	}
	return session, nil
}

func (a *AppClient) confirmSignUp(ctx context.Context, in ConfirmSignUp) (string, error) {
	s, u, err := a.toConfirm(ctx, in.Username)
	if err != nil {
		return "", err
	}
	if err := s.checkHash(in.Username, in.SecretHash); err != nil {
		return "", err
	}
	return s.confirmSignUp(ctx, u, in)
}

// toConfirm reads what a confirmation begins with. The user is nil if there is none.
func (a *AppClient) toConfirm(ctx context.Context, username string) (s *scope, u *User, err error) {
	s, err = a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		u, err = s.findUser(r, username)
		return err
	})
	return s, u, err
}

func (s *scope) confirmSignUp(ctx context.Context, u *User, in ConfirmSignUp) (string, error) {
	if u == nil && s.settings.DisclosesUsers(&s.client.Settings) {
		return "", ErrUserNotFound
	}
	if u != nil && u.Status != StatusUnconfirmed && s.settings.DisclosesStatus(&s.client.Settings) {
		return "", &StatusError{ErrCannotConfirm, u.Username, u.Status}
	}
	st, err := s.openSignUp(in)
	if err != nil {
		return "", err
	}
	if err := s.points().callable(PostConfirmation); err != nil {
		return "", err
	}
	u, proved, err := s.commitConfirm(ctx, s.whoIs(u, in.Username), in)
	if err != nil {
		return "", err
	}
	if err := s.points().postConfirmation(ctx, hook.ConfirmSignUp, u); err != nil {
		return "", err
	}
	return s.confirmedSession(ctx, st, in.Username, u, proved)
}

// commitConfirm judges the code and confirms the user in one transaction. It
// returns the user as confirmed, and the attribute with the address that the code has proved. A wrong code is a refusal, not an error of the
// transaction, so that the attempt is counted. For a user who does not exist
// every code is wrong, after the same work.
func (s *scope) commitConfirm(ctx context.Context, who string, in ConfirmSignUp) (_ *User, proved string, err error) {
	now := s.engine.now()
	ev, err := s.proved(ctx, who, EventSignUpConfirmed, now)
	if err != nil {
		return nil, "", err
	}
	var u *User
	var refused error
	force := in.ForceAlias && (s.admin || s.settings.MayForceAlias(&s.client.Settings))
	try := s.newTry(who, confirmCode, in.Code, s.settings.DisclosesUsers(&s.client.Settings), now)
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		u, refused, err = s.tryConfirm(tx, try, ev, force)
		return err
	})
	s.failed(refused, now)
	return u, try.proved, orRefused(err, refused)
}

// tryConfirm counts the attempt, judges the code and confirms the user. ev is
// the event of a right code; a wrong code leaves ev in its failed form. An
// attempt over the limit leaves no event.
func (s *scope) tryConfirm(tx store.Tx, try *codeTry, ev *Event, force bool) (u *User, refused, err error) {
	if u, refused, err = s.judgeConfirm(tx, try, ev, force); err != nil {
		return nil, nil, err
	}
	if errors.Is(refused, ErrLimitExceeded) {
		return nil, refused, nil
	}
	if refused != nil {
		ev = ev.failed(EventCodeRefused, refused).with(dataPurpose, string(confirmCode))
	}
	return u, refused, ev.insert(tx)
}

func (s *scope) judgeConfirm(tx store.Tx, try *codeTry, ev *Event, force bool) (u *User, refused, err error) {
	values, err := s.readTry(tx, try, users.Ref(store.Key(s.pool.ID, ev.Sub)))
	if err != nil {
		return nil, nil, err
	}
	if u, err = decoyUser.decode(values[0]); err != nil {
		return nil, nil, err
	}
	if u != nil && u.Status != StatusUnconfirmed && s.settings.DisclosesStatus(&s.client.Settings) {
		return nil, &StatusError{ErrCannotConfirm, u.Username, u.Status}, nil
	}
	try.proved = ""
	try.hopeless = u == nil || u.Status != StatusUnconfirmed
	right, wrong, err := s.tryCode(tx, try)
	if err != nil || wrong != nil {
		return nil, wrong, err
	}
	cause := ev
	if !force {
		ev = nil
	}
	u = u.clone()
	if right.proves(u) {
		try.proved = right.Attribute
	}
	if refused, err = s.confirm(tx, u, right, ev, try.now); err != nil || refused != nil {
		return u, refused, err
	}
	if u, err = s.engine.ruledIn(tx, s.pool, u, cause); err != nil {
		return nil, nil, err
	}
	return u, nil, users.Put(tx, u)
}

// confirm makes the user confirmed and deletes the code. The caller writes the user. force is passed to
// takeAliases.
func (s *scope) confirm(tx store.Tx, u *User, c *code, force *Event, now time.Time) (refused, err error) {
	u.Status, u.Modified = StatusConfirmed, now
	if c.proves(u) {
		u.Attributes[c.Attribute+"_verified"] = "true"
	}
	u.rename(s.settings)
	refused, err = takeAliases(tx, s.settings, u, force, now)
	if err != nil || refused != nil {
		return refused, err
	}
	_, err = codes.Delete(tx, codes.Key(c))
	return nil, err
}

// proves reports whether the user still has the address that the code was sent to.
func (s sentTo) proves(u *User) bool { return s.Value != "" && u.Attributes[s.Attribute] == s.Value }

// takeAliases checks whether another user has one of the names that u is about
// to have. If force is nil, such a name is a refusal. If force is an event, the
// other user loses the alias, and a second event beside force records the loss.
// A username is never taken away.
func takeAliases(tx store.Tx, s *PoolSettings, u *User, force *Event, now time.Time) (refused, err error) {
	losers := map[string]*User{} // written after the loop, when no name can be refused any more
	for _, name := range u.Names {
		if taken, err := isSubOfAnother(tx, u, name); err != nil || taken {
			return u.taken(s, name), err
		}
		other, err := orNil(users.Find(tx, usersByName, nameKey(u.Pool, name)))
		if err != nil {
			return nil, err
		}
		if other == nil || other.Sub == u.Sub {
			continue
		}
		attribute := other.nameAttribute(s, name)
		if force == nil || attribute == "" || len(s.UsernameAttributes) > 0 {
			return u.taken(s, name), nil
		}
		if losers[other.Sub] == nil {
			losers[other.Sub] = other.clone()
		}
		losers[other.Sub].loseAlias(s, attribute, now)
	}
	for _, sub := range sortedKeys(losers) {
		loser, err := ruledWithin(tx, losers[sub], force, 0)
		if err != nil {
			return nil, err
		}
		if err := users.Put(tx, loser); err != nil {
			return nil, err
		}
		if err := events.Insert(tx, force.besides(sub, EventAliasLost)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// loseAlias takes an alias away from u, because another user has proved it.
func (u *User) loseAlias(s *PoolSettings, attribute string, now time.Time) {
	u.Modified = now
	if attribute == "preferred_username" {
		delete(u.Attributes, attribute)
	} else {
		u.Attributes[attribute+"_verified"] = "false"
	}
	u.rename(s)
}

// taken returns the error for a name that another user has.
func (u *User) taken(s *PoolSettings, name string) error {
	if name == fold(u.Username, s.DistinguishesCase()) {
		return &NameTakenError{Err: ErrUsernameExists}
	}
	return &NameTakenError{ErrAliasExists, u.nameAttribute(s, name)}
}

// ResendConfirmationCode sends a new code to a user who has not confirmed the
// sign-up. Earlier codes stay good for their time and their tries. A user gets at most 5
// codes an hour in this way; after that the error is [ErrLimitExceeded]. In safe pools,
// asking again within two minutes sends nothing, and the answer is as ever. If the message could not be
// delivered, the result comes together with an [ErrDelivery].
func (a *AppClient) ResendConfirmationCode(ctx context.Context, username, secretHash string) (*CodeDelivery, error) {
	d, err := a.resend(ctx, username, secretHash)
	if err != nil {
		return d, fmt.Errorf("resend confirmation code: %w", err)
	}
	return d, nil
}

func (a *AppClient) resend(ctx context.Context, username, secretHash string) (*CodeDelivery, error) {
	var u *User
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		u, err = s.findUser(r, username)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.checkHash(username, secretHash); err != nil {
		return nil, err
	}
	if err := s.points().callable(messageTriggers...); err != nil {
		return nil, err
	}
	nobody := s.decoyRecipient(s.whoIs(nil, username), username, s.settings.VerifiedAtSignUp()) // made up for everybody, since it takes time
	tells, tellsStatus := s.settings.DisclosesUsers(&s.client.Settings), s.settings.DisclosesStatus(&s.client.Settings)
	switch {
	case u == nil && tells:
		return nil, ErrUserNotFound
	case len(s.settings.VerifiedAtSignUp()) == 0:
		return nil, ErrNothingToVerify
	case u != nil && u.Status != StatusUnconfirmed && tellsStatus:
		return nil, ErrAlreadyConfirmed
	case u == nil || u.Status != StatusUnconfirmed, !tellsStatus && codeTarget(s.settings, u) == nil:
		if _, err := decoyCode.decode(nil); err != nil { // takes as long as decoding the earlier code
			return nil, err
		}
		return s.sendCode(ctx, resendErrand, nobody)
	}
	d := codeTarget(s.settings, u)
	if d == nil {
		return nil, ErrNothingToVerify
	}
	return s.sendCode(ctx, resendErrand, u.recipient(d.Attribute))
}

// sendCode makes a new code for an errand, commits it and sends it. For a decoy
// it does all of this except sending. An [ErrDelivery] comes together with a result.
func (s *scope) sendCode(ctx context.Context, e *errand, to *recipient) (*CodeDelivery, error) {
	if err := s.points().canSend(medium(to.attribute)); err != nil {
		return nil, err
	}
	var words hook.CustomMessageDecision
	var err error
	if to.decoy {
		err = s.points().pretendMessage(ctx, to.attribute)
	} else {
		words, err = s.points().customMessage(ctx, e.kind, to.user, to.attribute)
	}
	if err != nil {
		return nil, err
	}
	now := s.engine.now()
	text, c, err := s.newCode(to, e.purpose, now.Add(e.life))
	if err != nil {
		return nil, err
	}
	l, err := s.points().letter(ctx, to.user, s.verificationMessage(to.user, e.kind, c, words, text, now), c.worth())
	if err != nil {
		return nil, err
	}
	defer l.end()
	l.decoy = to.decoy
	admitted, err := s.commitCode(ctx, e, to, c, l, now)
	if err != nil {
		return nil, err
	}
	if !admitted {
		return to.delivery(), nil
	}
	if err = l.sent(ctx); err != nil {
		err = errors.Join(err, s.unsent(ctx, c))
	}
	if err != nil && !s.settings.DisclosesUsers(&s.client.Settings) {
		s.engine.log.ErrorContext(ctx, "code not sent", "kind", e.kind, "error", err) // returning the error would disclose that the user exists
		return to.delivery(), nil
	}
	return to.delivery(), err
}

// decoyRecipient returns a decoy for a name. Its address is an email address or
// a phone number, whichever attributes allow. The same name always gives the
// same address, as it would for a user.
func (s *scope) decoyRecipient(sub, username string, attributes []string) *recipient {
	name := foldNew(s.settings, username) // as most users would have registered it
	seed := mac(s.ring.decoy, "nobody", name)
	to := &recipient{
		user: &User{Pool: s.pool.ID, Sub: sub, Username: username}, decoy: true, attribute: "email",
		address: decoy(seed[:1], letters) + "@" + decoy(seed[1:2], domainLetters),
	}
	if shape := settings.NameShape(username); slices.Contains(attributes, shape) {
		to.attribute, to.address = shape, name
	} else if !slices.Contains(attributes, "email") {
		to.attribute, to.address = "phone_number", "+1"+decoy(seed[:10], digits)
	}
	return to
}

// What the addresses of decoys are made of. Their domains begin with any letter,
// and often with the initials of the large providers of mail, as the domains of
// real users do. Otherwise many addresses together would show which are decoys.
const (
	letters       = "abcdefghijklmnopqrstuvwxyz"
	domainLetters = letters + "gggggggggggggghhhhiiiooooyyyy"
)

func decoy(seed []byte, alphabet string) string {
	out := make([]byte, len(seed))
	for i, b := range seed {
		out[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(out)
}

// findUser finds the user who has a name or a sub. It returns nil if there is none.
func (s *scope) findUser(r store.Reader, name string) (*User, error) {
	return findUser(r, s.pool, name, true)
}

// maxName is the length in bytes of the longest name that is looked up. A longer
// name belongs to no user.
const maxName = 512

// orNil turns [store.ErrNotFound] into a nil record without an error.
func orNil[R any](rec *R, err error) (*R, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return rec, err
}
