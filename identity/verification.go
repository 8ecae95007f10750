package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A user verifies an address: SendVerification writes a code and sends it after
// the commit, VerifyAttribute judges the code and marks the address as verified, in one transaction.

// Lives and limits of the codes that verify an attribute, the service's.
const (
	verifyCodeLife = 24 * time.Hour
	updatesSent    = 20 // an hour; ours: the service's figure is not known
)

// verifyCode is the purpose of codes that verify an address.
func verifyCode(address string) codePurpose { return codePurpose("verify " + address) }

// SendVerification sends a new code to an address of the user, or to the pending
// address that will replace it. Earlier codes stay good for their time and their tries. It
// is answered 5 times an hour. In safe pools, asking again within two minutes sends nothing. If the error is [ErrDelivery], the result is valid.
func (s *Session) SendVerification(ctx context.Context, attribute string) (*CodeDelivery, error) {
	d, err := s.sendVerification(ctx, attribute)
	if err != nil {
		return d, fmt.Errorf("send verification: %w", err)
	}
	return d, nil
}

func (s *Session) sendVerification(ctx context.Context, attribute string) (*CodeDelivery, error) {
	if err := s.managed(); err != nil {
		return nil, err
	}
	if err := verifiable(attribute); err != nil {
		return nil, err
	}
	sc, now := s.scope(), s.engine.now()
	if err := sc.points().callable(messageTriggers...); err != nil {
		return nil, err
	}
	address := s.user.unverified(attribute)
	if address == "" {
		return nil, &ParameterError{Err: ErrNoAddress, Name: attribute}
	}
	words, err := sc.points().customMessage(ctx, MessageAddressCode, s.user, attribute)
	if err != nil {
		return nil, err
	}
	to := &recipient{user: s.user, attribute: attribute, address: address}
	e := &errand{purpose: verifyCode(attribute), count: kindAsk, perHour: asksPerHour, event: EventCodeRequested}
	text, c, err := sc.newCode(to, e.purpose, now.Add(verifyCodeLife))
	if err != nil {
		return nil, err
	}
	sc.from(ctx)
	l, err := sc.points().letter(ctx, s.user, sc.verificationMessage(s.user, MessageAddressCode, c, words, text, now), c.worth())
	if err != nil {
		return nil, err
	}
	defer l.end()
	admitted, err := sc.commitCode(ctx, e, to, c, l, now)
	if err != nil {
		return nil, err
	}
	if !admitted {
		return to.delivery(), nil
	}
	return to.delivery(), l.sent(ctx)
}

// verifiable refuses an attribute that no code can be sent to.
func verifiable(attribute string) error {
	if slices.Contains(addresses, attribute) {
		return nil
	}
	return invalid("attribute", "Only "+strings.Join(addresses, " and ")+" can be verified.")
}

// unverified is the address that a code verifies: the new one, if one waits.
func (u *User) unverified(attribute string) string {
	if pending := u.Pending[attribute]; pending != "" {
		return pending
	}
	return u.Attributes[attribute]
}

// VerifyAttribute verifies an address by the code that was sent to it; one
// that waited takes the place of the old one. In pools where it is a name to
// sign in with, it must be no other user's: that is [ErrAliasExists]. A code
// has five tries, and wrong codes are judged 15 times an hour.
func (s *Session) VerifyAttribute(ctx context.Context, attribute string, code Secret) error {
	if err := s.verifyAttribute(ctx, attribute, code); err != nil {
		return fmt.Errorf("verify attribute: %w", err)
	}
	return nil
}

func (s *Session) verifyAttribute(ctx context.Context, attribute string, text Secret) error {
	if err := s.managed(); err != nil {
		return err
	}
	if err := verifiable(attribute); err != nil {
		return err
	}
	sc, now := s.scope(), s.engine.now()
	sc.from(ctx)
	ev, err := sc.proved(ctx, s.user.Sub, EventCodeRefused, now)
	if err != nil {
		return err
	}
	ev = ev.with(dataPurpose, string(verifyCode(attribute)))
	try := sc.newTry(s.user.Sub, verifyCode(attribute), text, sc.settings.DisclosesStatus(&sc.client.Settings), now)
	_, err = s.change(ctx, EventAttributeVerified, func(tx store.Tx, u *User) (refused, err error) {
		refused, err = sc.judgeVerification(tx, try, u, attribute)
		if err != nil || refused == nil || errors.Is(refused, ErrLimitExceeded) {
			return refused, err
		}
		return refused, events.Insert(tx, ev.failed(EventCodeRefused, refused))
	})
	sc.failed(err, now)
	return err
}

// judgeVerification judges the code of an address, uses it up, and makes the
// address the user's. Where that is another user's name it leaves all as it was.
func (s *scope) judgeVerification(tx store.Tx, try *codeTry, u *User, attribute string) (refused, err error) {
	if _, err := s.readTry(tx, try); err != nil {
		return nil, err
	}
	c, wrong, err := s.tryCode(tx, try)
	if err != nil || wrong != nil {
		return wrong, err
	}
	if c.Value != u.unverified(attribute) {
		return ErrCodeMismatch, nil
	}
	delete(u.Pending, attribute)
	u.Attributes[attribute], u.Attributes[attribute+"_verified"] = c.Value, "true"
	u.rename(s.settings)
	if refused, err = takeAliases(tx, s.settings, u, nil, try.now); err != nil || refused != nil {
		return refused, err
	}
	_, err = codes.Delete(tx, codes.Key(c))
	return nil, err
}
