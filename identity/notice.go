package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// A notice tells the owner of an account what has changed in it, so that the owner
// learns of a change by somebody else. In pools with the setting Notices,
// changeUser and the flows with transactions of their own call notify after
// the commit. With an outbox they call putNotices in the transaction too. A notice that cannot be sent is logged, and changes nothing for
// the caller: the change is made.

// noticed says for each kind of event which notices it owes. before and after
// are the user before and after the change.
var noticed = map[EventKind]func(before, after *User) []notice{
	EventPasswordChanged:   passwordNotice,
	EventPasswordReset:     passwordNotice,
	EventPasswordSet:       passwordNotice,
	EventMFAChanged:        factorNotice,
	EventTOTPEnrolled:      enrolledNotice,
	EventPasskeyAdded:      func(_, after *User) []notice { return after.notice(MessagePasskeyAdded) },
	EventPasskeyRemoved:    func(_, after *User) []notice { return after.notice(MessagePasskeyRemoved) },
	EventRecoveryCodesMade: enrolledNotice,
	EventRecoveryCodeUsed:  recoveryNotice,
	EventSignedIn:          deviceNotice, // where the source is new to the account
	EventDeviceConfirmed:   deviceNotice, // where it replaces a second factor of the user
	EventDeviceChanged:     deviceNotice, // where it replaces a second factor of the user
	EventAttributesChanged: addressNotices,
	EventAttributeVerified: addressNotices,
	EventIdentityLinked:    func(_, after *User) []notice { return after.notice(MessageIdentityLinked) },
	EventIdentityUnlinked:  func(_, after *User) []notice { return after.notice(MessageIdentityUnlinked) },
}

// A notice is a message that carries no code.
type notice struct {
	kind      MessageKind
	attribute string // that holds the address
	address   string
}

// passwordNotice is owed where a password was changed, not where a user gets the
// first one: before is nil after a reset by a code.
func passwordNotice(before, after *User) []notice {
	if before != nil && (before.Status == StatusForceChangePassword || before.Status == StatusUnconfirmed) {
		return nil
	}
	return after.notice(MessagePasswordChanged)
}

func recoveryNotice(_, after *User) []notice { return after.notice(MessageRecoveryCodeUsed) }

func deviceNotice(_, after *User) []notice { return after.notice(MessageNewDevice) }

// enrolledNotice is owed where an app was set up. If the user turns it on within an hour,
// that is the same thing, and owes none: see toldOfApp.
func enrolledNotice(_, after *User) []notice { return after.notice(MessageFactorChanged) }

func factorNotice(before, after *User) []notice {
	if before.MFA.Preferred == after.MFA.Preferred && slices.Equal(before.MFA.Methods, after.MFA.Methods) {
		return nil
	}
	if told := before.notice(MessageFactorChanged); told != nil {
		return told // not to an address that came with the factor
	}
	return after.notice(MessageFactorChanged)
}

// addressNotices tell a verified address that it no longer belongs to the account.
func addressNotices(before, after *User) (all []notice) {
	for _, a := range addresses {
		if before.verified(a) && after.Attributes[a] != before.Attributes[a] {
			all = append(all, notice{MessageAddressChanged, a, before.Attributes[a]})
		}
	}
	return all
}

// notice is a notice to the user's verified address: the e-mail address, or else
// the phone number. A user without one gets none.
func (u *User) notice(kind MessageKind) []notice {
	for _, a := range addresses {
		if u.verified(a) {
			return []notice{{kind, a, u.Attributes[a]}}
		}
	}
	return nil
}

// notify sends the notices that an event owes. before may be nil where only the
// user as changed matters.
func (e *Engine) notify(ctx context.Context, by origin, kind EventKind, before, after *User) {
	owed := noticed[kind]
	p := by.pool
	h := points{e, p, by.client}
	if owed == nil || !p.Settings.NotifiesOwners() {
		return
	}
	for _, n := range owed(before, after) {
		err := n.send(ctx, h, after, n.message(p, by.client, after, by.now), by.now)
		if errors.Is(err, ErrNoSender) { // known at the start, and no failure
			e.log.WarnContext(ctx, "the owner is not told, because this program sends no messages", "kind", n.kind, "pool", p.ID, "sub", after.Sub)
			continue
		}
		if err != nil {
			e.log.ErrorContext(ctx, "notice not sent", "kind", n.kind, "pool", p.ID, "sub", after.Sub, "error", err)
		}
	}
}

// send sends a notice, or does what is left where putNotices has written it.
func (n *notice) send(ctx context.Context, h points, u *User, m *Message, now time.Time) error {
	if h.engine.outbox != nil {
		return n.put(ctx, h, m, now)
	}
	l, err := h.letter(ctx, u, m, worth{})
	if err != nil {
		return err
	}
	return l.sent(ctx)
}

func (n *notice) message(p *PoolInfo, client string, u *User, now time.Time) *Message {
	words := wordsFor(&p.Settings, u, n.kind)
	fill := strings.NewReplacer("{pool}", p.Settings.Name, "{time}", now.UTC().Format(languageOf(&p.Settings, u).time))
	m := &Message{
		Time: now, Pool: p.ID, Client: client, Username: u.Username, To: n.address, Medium: medium(n.attribute), Kind: n.kind,
		Body: fill.Replace(words.body),
	}
	if m.Medium == MediumEmail {
		m.Subject = words.subject
	}
	return m
}
