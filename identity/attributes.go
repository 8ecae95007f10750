package identity

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// A change of attributes works in this order:
//
//  1. The session or the operator's handle gives the pool and the user. check
//     refuses what does not depend on the user: unknown and immutable
//     attributes, malformed values, a required attribute that is deleted.
//  2. makeCodes makes a code for each address that may need one, because a
//     transaction must not use random numbers. write makes the messages for those
//     that seem to be needed, and so runs their hooks.
//  3. changeUser reads the user again and runs apply in one transaction. apply
//     sets the attributes, checks the user as a whole, checks that the new
//     names are free, counts the codes and writes those that are needed, with
//     their letters. The user and the event are written in the same transaction.
//  4. After the commit send sends the codes.

// addresses are the attributes that can be verified, in the order in which codes are sent.
var addresses = []string{"email", "phone_number"}

// UpdateAttributes sets attributes that the client may write. An empty value
// deletes its attribute.
//
// An address that changes is no longer verified. If the pool verifies this kind
// of address, a code is sent to it: give the code to [Session.VerifyAttribute].
// If the pool demands verification before the update, the old address stays
// until the new one is verified.
//
// UpdateAttributes returns where codes were sent, also together with an
// [ErrDelivery]. A user gets at most 20 codes an hour in this way; after that,
// an update that needs a code returns [ErrLimitExceeded]. A change of an address, or of a name to sign in with, needs
// a recent sign-in in pools with RecentSignInMinutes, else it returns [ErrRecentSignInRequired].
func (s *Session) UpdateAttributes(ctx context.Context, attributes map[string]string) ([]*CodeDelivery, error) {
	sent, err := s.updateAttributes(ctx, attributes)
	if err != nil {
		return sent, fmt.Errorf("update attributes: %w", err)
	}
	return sent, nil
}

func (s *Session) updateAttributes(ctx context.Context, attributes map[string]string) ([]*CodeDelivery, error) {
	if err := s.managed(); err != nil {
		return nil, err
	}
	if s.renames(attributes) {
		if err := s.settle(); err != nil {
			return nil, err
		}
	}
	settings := &s.pool.Settings
	if err := checkWritable(settings, &s.client.Settings, attributes); err != nil {
		return nil, err
	}
	up := &update{scope: s.scope(), values: attributes, user: s.user, by: origin{pool: s.pool, client: s.client.ID, sub: s.user.Sub, now: s.engine.now(), family: familyID(s.claims)}}
	return up.run(ctx)
}

// DeleteAttributes deletes attributes that the client may write. Deleting an
// address also deletes its verification and a new address that waits for
// verification. Deleting the phone number also turns the second factor by SMS
// off. A required attribute cannot be deleted: the error is [ErrInvalidAttributes].
func (s *Session) DeleteAttributes(ctx context.Context, names ...string) error {
	if _, err := s.updateAttributes(ctx, emptied(names)); err != nil {
		return fmt.Errorf("delete attributes: %w", err)
	}
	return nil
}

// emptied returns the update that deletes attributes.
func emptied(names []string) map[string]string {
	out := make(map[string]string, len(names))
	for _, n := range names {
		out[n] = ""
	}
	return out
}

// UpdateAttributes sets a user's attributes as [Session.UpdateAttributes] does,
// including those that no client may write. An address is verified at once and
// gets no code if its flag (email_verified, phone_number_verified) is set to
// true in the same call. In pools where it is an alias, another user who has it
// keeps the address without its verification, and no longer signs in by it.
func (us Users) UpdateAttributes(ctx context.Context, name string, attributes map[string]string) error {
	if err := us.admin.updateAttributes(ctx, name, attributes); err != nil {
		return fmt.Errorf("update attributes: %w", err)
	}
	return nil
}

// DeleteAttributes deletes a user's attributes as [Session.DeleteAttributes]
// does, including those that no client may write.
func (us Users) DeleteAttributes(ctx context.Context, name string, names ...string) error {
	if err := us.admin.updateAttributes(ctx, name, emptied(names)); err != nil {
		return fmt.Errorf("delete attributes: %w", err)
	}
	return nil
}

func (a *Admin) updateAttributes(ctx context.Context, name string, attributes map[string]string) error {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return err
	}
	s, err := a.scope(ctx, p)
	if err != nil {
		return err
	}
	up := &update{scope: s, values: attributes, user: u, by: origin{pool: p, sub: u.Sub, now: a.engine.now()}}
	if attributes["preferred_username"] == "" { // it has no flag of verification that could be taken away
		if up.force, err = a.engine.changed(ctx, up.by, EventAttributesChanged); err != nil {
			return err
		}
	}
	_, err = up.run(ctx)
	return err
}

// An update is a change of attributes by a user or an operator.
type update struct {
	scope  *scope
	values map[string]string // an empty value deletes its attribute
	user   *User             // as read before the change
	by     origin

	made  map[string]*addressCode // by attribute, for the addresses that are given
	force *Event                  // an operator's: aliases of other users are taken over; nil refuses
}

// An addressCode is a code for an address. It is made before the transaction,
// when it is not yet known whether it is needed.
type addressCode struct {
	text   string
	record *code
	needed bool
	letter *letter // nil if the code did not seem to be needed
}

func (up *update) run(ctx context.Context) ([]*CodeDelivery, error) {
	if err := up.check(); err != nil {
		return nil, err
	}
	if err := up.makeCodes(); err != nil {
		return nil, err
	}
	defer up.end()
	if err := up.write(ctx); err != nil {
		return nil, err
	}
	up.by.data = map[string]string{dataChanged: strings.Join(sortedKeys(up.values), ",")}
	if _, err := up.scope.engine.changeUser(ctx, up.by, EventAttributesChanged, up.apply); err != nil {
		return nil, err
	}
	return up.send(ctx)
}

// check makes the checks that do not depend on the user.
func (up *update) check() error {
	s := up.scope.settings
	if err := checkChangeable(s, up.values); err != nil {
		return err
	}
	given := maps.Clone(up.values)
	maps.DeleteFunc(given, func(_, v string) bool { return v == "" })
	if problems := s.Problems(given); len(problems) > 0 {
		return nonconforming(problems...)
	}
	for _, a := range s.Attributes() {
		if v, ok := up.values[a.Name]; ok && v == "" && a.Required {
			return nonconforming(AttributeProblem{Name: a.Name, Code: settings.AttributeRequired}) // text (unsure)
		}
	}
	return checkFormats(given)
}

// checkChangeable refuses attributes that are not in the schema, and
// attributes that never change once the user exists.
func checkChangeable(s *PoolSettings, values map[string]string) error {
	var unknown, immutable []AttributeProblem
	for _, name := range sortedKeys(values) {
		a, ok := s.Attribute(name)
		switch {
		case !ok || name == "identities":
			unknown = append(unknown, AttributeProblem{Name: name, Code: settings.AttributeUnknown})
		case !a.Mutable || name == "sub":
			immutable = append(immutable, AttributeProblem{Name: name, Code: settings.AttributeImmutable})
		}
	}
	switch {
	case len(unknown) > 0:
		return &AttributeError{unknown, ErrUnknownAttribute}
	case len(immutable) > 0:
		return &AttributeError{immutable, ErrAttributeImmutable}
	}
	return checkPreferred(s, values)
}

// makeCodes makes a code for each address that may need one. It runs before the
// transaction, which must not use random numbers. It refuses the update if the
// pool names a target for sending messages that cannot be called.
func (up *update) makeCodes() error {
	up.made = map[string]*addressCode{}
	for _, a := range addresses {
		s := up.scope.settings
		if up.values[a] == "" || !slices.Contains(s.VerifiedAtSignUp(), a) && !s.VerifiesFirst(a) || up.vouched(a) {
			continue
		}
		if err := up.scope.points().callable(messageTriggers...); err != nil {
			return err
		}
		to := &recipient{user: &User{Sub: up.by.sub}, attribute: a, address: up.values[a]}
		text, record, err := up.scope.newCode(to, verifyCode(a), up.by.now.Add(verifyCodeLife))
		if err != nil {
			return err
		}
		up.made[a] = &addressCode{text: text, record: record}
	}
	return nil
}

// write makes the letters of the codes that are needed if the user is still as it was read. It
// makes none where the transaction will say that nothing can send it.
func (up *update) write(ctx context.Context) error {
	after := up.user.clone()
	up.setAll(after)
	if up.canSend() != nil {
		return nil //nolint:nilerr // apply says so, unless it refuses the change for another reason
	}
	for _, a := range addresses {
		made := up.made[a]
		if made == nil || !made.needed {
			continue
		}
		words, err := up.scope.points().customMessage(ctx, MessageNewAddressCode, after, a)
		if err != nil {
			return err
		}
		m := up.scope.verificationMessage(after, MessageNewAddressCode, made.record, words, made.text, up.by.now)
		if made.letter, err = up.scope.points().letter(ctx, after, m, made.record.worth()); err != nil {
			return err
		}
	}
	return nil
}

func (up *update) end() {
	for _, made := range up.made {
		made.letter.end()
	}
}

// vouched reports whether an operator says that an address is verified.
func (up *update) vouched(address string) bool { return up.values[address+"_verified"] == "true" }

// apply changes the user within the transaction.
func (up *update) apply(tx store.Tx, u *User) (refused, err error) {
	s := up.scope.settings
	if up.values["preferred_username"] != "" && u.Status == StatusUnconfirmed && slices.Contains(s.Aliases, "preferred_username") {
		return invalid("preferred_username", "preferred_username can only be set for confirmed users."), nil
	}
	if refused, err := u.keepsFactor(tx, s, up.values); err != nil || refused != nil {
		return refused, err
	}
	names := slices.Clone(u.Names)
	up.setAll(u)
	if err := up.canSend(); err != nil {
		return nil, err
	}
	if up.unwritten() {
		return store.ErrConflict, nil
	}
	u.rename(s)
	if err := u.checkWhole(s); err != nil {
		return err, nil
	}
	if !slices.Equal(names, u.Names) {
		if refused, err := takeAliases(tx, s, u, up.force, up.by.now); err != nil || refused != nil {
			return refused, err
		}
	}
	if ok, err := up.maySend(tx, u); err != nil || !ok {
		return ErrLimitExceeded, err
	}
	return nil, up.putCodes(tx, u) // after the last refusal: a refusal keeps what apply has written
}

// unwritten reports whether a code is needed for which there is no letter, because the user was
// changed meanwhile. Nothing is lost by asking again.
func (up *update) unwritten() bool {
	return slices.ContainsFunc(addresses, func(a string) bool {
		made := up.made[a]
		return made != nil && made.needed && made.letter == nil
	})
}

// canSend returns [ErrNoSender] if a code is needed and nothing can send it.
func (up *update) canSend() error {
	for _, a := range addresses {
		if made := up.made[a]; made != nil && made.needed {
			if err := up.scope.points().canSend(medium(a)); err != nil {
				return err
			}
		}
	}
	return nil
}

// maySend counts the codes that a user's own update sends and reports whether
// they are within the limit. Without a limit, a user could have codes sent to
// any address. Updates by an operator are not counted.
func (up *update) maySend(tx store.Tx, u *User) (bool, error) {
	for _, a := range addresses {
		if up.by.client == "" || up.made[a] == nil || !up.made[a].needed {
			continue
		}
		ok, err := up.scope.checkQuota(tx, kindUpdate, u.Sub, updatesSent, up.by.now)
		if err != nil || !ok {
			return false, err
		}
		to := &recipient{user: u, attribute: a, address: up.made[a].record.Value}
		if ok, err = up.scope.spendMessage(tx, kindAddress, to, up.by.now); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// setAll sets the attributes. Addresses come last, because setting an address
// also sets its flag of verification.
func (up *update) setAll(u *User) {
	for _, name := range sortedKeys(up.values) {
		if !slices.Contains(addresses, name) {
			u.set(name, up.values[name])
		}
	}
	for _, a := range addresses {
		if value, ok := up.values[a]; ok {
			up.setAddress(u, a, value)
		}
	}
}

// set sets an attribute, or deletes it if the value is empty.
func (u *User) set(name, value string) {
	if value == "" {
		delete(u.Attributes, name)
		return
	}
	u.Attributes[name] = value
}

// setAddress sets or deletes an address. An address that waits for verification
// is dropped. An address that is given again unchanged keeps its flag of
// verification (unsure whether the service does the same).
func (up *update) setAddress(u *User, a, value string) {
	delete(u.Pending, a)
	made := up.made[a]
	if made != nil {
		made.needed = value != u.Attributes[a]
	}
	switch {
	case value == "":
		delete(u.Attributes, a)
		delete(u.Attributes, a+"_verified")
	case value == u.Attributes[a]:
	case made != nil && up.scope.settings.VerifiesFirst(a):
		if u.Pending == nil {
			u.Pending = map[string]string{}
		}
		u.Pending[a] = value
	default:
		u.Attributes[a], u.Attributes[a+"_verified"] = value, "false"
		if up.vouched(a) {
			u.Attributes[a+"_verified"] = "true"
		}
	}
}

// putCodes writes the codes that are needed. It deletes a code that resets the
// password if the code went to an address that the user no longer has. A code
// that verifies an address needs no deletion: it is bound to the address.
func (up *update) putCodes(tx store.Tx, u *User) error {
	for _, a := range addresses {
		if made := up.made[a]; made != nil && made.needed {
			if err := cmp.Or(up.scope.replaceCode(tx, made.record), made.letter.put(tx)); err != nil {
				return err
			}
		}
	}
	if !slices.ContainsFunc(addresses, func(a string) bool { _, ok := up.values[a]; return ok }) {
		return nil
	}
	c, err := orNil(codes.Get(tx, store.Key(u.Pool, u.Sub, string(resetCode))))
	if err != nil || c == nil || slices.ContainsFunc(c.all(), func(s sentTo) bool { return s.proves(u) }) {
		return err
	}
	_, err = codes.Delete(tx, codes.Key(c))
	return err
}

// keepsFactor turns off each second factor whose address is deleted. It refuses
// the deletion if the pool demands a second factor and the user would have none.
// What the service answers is not known.
func (u *User) keepsFactor(r store.Reader, s *PoolSettings, values map[string]string) (refused, err error) {
	left := u.clone()
	lost := ""
	for _, f := range factors {
		if value, ok := values[f.address]; !ok || value != "" || u.Attributes[f.address] == "" {
			continue
		}
		u.MFA.turn(f.method, false)
		u.MFA.prefer(f.method, false)
		delete(left.Attributes, f.address)
		if f.offered(s) {
			lost = f.address
		}
	}
	if lost == "" || s.MFA != MFAOn {
		return nil, nil
	}
	t, err := getTOTP(r, u.Pool, u.Sub)
	if err != nil || slices.ContainsFunc(factors[:], func(f *factor) bool { return f.usable(s, left, enrolled{totp: t}) }) {
		return nil, err
	}
	return invalid(lost, fmt.Sprintf("The %s is the only second factor of the user.", strings.ReplaceAll(lost, "_", " "))), nil
}

// checkWhole checks the user with all changes made: a name to sign in with
// must be left, and the attributes must not be too large together.
func (u *User) checkWhole(s *PoolSettings) error {
	named := func(a string) bool { return u.Attributes[a] != "" }
	if names := u.nameAttributes(s); len(names) > 0 && !slices.ContainsFunc(names, named) {
		return nonconforming(AttributeProblem{Name: names[0], Code: settings.AttributeRequired}) // the user signs in with it
	}
	return checkSize(u.Attributes)
}

// send sends the codes that are needed. It goes on after a failure and returns
// the last error.
func (up *update) send(ctx context.Context) ([]*CodeDelivery, error) {
	var sent []*CodeDelivery
	var failed error
	for _, a := range addresses {
		made := up.made[a]
		if made == nil || !made.needed {
			continue
		}
		sent = append(sent, delivery(a, made.record.Value))
		if err := made.letter.sent(ctx); err != nil {
			failed = err
		}
	}
	return sent, failed
}
