package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A sign-in that the user begins with a factor of their choice. Begin reads what a sign-in by
// password reads, and asks for the preferred factor, or for a choice. Nothing is written
// before a factor was chosen: the state of the choice proves nothing. What differs by factor
// is in [firstFactors].
//
//   - PASSWORD ends in attempt.judge, as a sign-in by password does.
//   - PASSWORD_SRP goes on as a sign-in by SRP.
//   - EMAIL_OTP and SMS_OTP send a code (firstcode.go), whose right answer ends in secondStep.finish.
//
// A state is used up by the step that follows: a choice by the challenge that it leads to, a
// factor by its proof. A wrong password or code leaves the state open.

const (
	stateFirst         stateKind = "first"          // a factor is to be chosen
	stateFirstPassword stateKind = "first-password" // the password is asked for
	stateFirstSRP      stateKind = "first-srp"      // the client's public value of SRP is asked for
)

// BeginSignIn is what a user gives to begin a sign-in with a factor of their choice.
type BeginSignIn struct {
	Username string // whatever the pool lets users sign in with
	// Preferred is the factor that is asked for at once, if it is available. Otherwise, and if it is
	// empty, the user is asked to choose.
	Preferred  FirstFactor
	Password   Secret // with FirstPassword: what it would be asked for; may be empty
	A          string // with FirstPasswordSRP: the client's public value, in hexadecimal; may be empty
	SecretHash string // see [SecretHash]; for clients with a secret
	DeviceKey  string // see [SignIn]
	// Session is that of [AppClient.ConfirmSignUpSession]; may be empty. It signs the user in, once, if a code to the address
	// that was confirmed is a first factor. Otherwise the sign-in begins as without it.
	Session string

	// Levels are the names of the levels that the sign-in is to reach, the best first, see LevelNames of [PoolSettings]. Names that
	// the pool does not have are ignored. The sign-in asks for as much as the first of them needs that the user can reach. Its
	// tokens tell what was proved. Nil names none.
	Levels []string
	// Access is an access token of the user, from this client, for a sign-in that names Levels: what its sign-in has proved
	// counts, and only the rest is asked for. May be empty.
	Access Secret
	// Browser is the cookie of the browser that the sign-in comes from, for a sign-in on pages that names Levels: see
	// [AppClient.Pages]. It counts as Access does. If it is not signed in as the user, it counts for nothing. May be empty.
	Browser Secret
	// MaxAge is how old the sign-in of Access or Browser may be. If it is older, the user signs in from scratch. Nil means any age.
	MaxAge *time.Duration
}

// FirstFactorRequired asks which factor the user wants to sign in with.
type FirstFactorRequired struct {
	pending
	Available []FirstFactor // that the user may choose from
}

// PasswordRequired asks for the user's password.
type PasswordRequired struct{ pending }

// SRPRequired asks for the client's public value, to prove the password by SRP.
type SRPRequired struct{ pending }

// FirstChoice is the answer to [*FirstFactorRequired].
type FirstChoice struct {
	Factor     FirstFactor // one of those that were available
	Password   Secret      // with FirstPassword, to save a step; may be empty
	A          string      // with FirstPasswordSRP, to save a step: the client's public value, in hexadecimal; may be empty
	SecretHash string      // see [SecretHash]; for clients with a secret
	DeviceKey  string      // see [FactorCode]
}

// PasswordAnswer is the answer to [*PasswordRequired].
type PasswordAnswer struct {
	Password   Secret // as the user typed it
	SecretHash string // see [SecretHash]; for clients with a secret
	DeviceKey  string // see [FactorCode]
}

// PublicValue is the answer to [*SRPRequired].
type PublicValue struct {
	A          string // in hexadecimal
	SecretHash string // see [SecretHash]; for clients with a secret
}

// Begin begins a sign-in with a factor of the user's choice. The client must have the flow
// [AllowUser]. The errors are those of [AppClient.SignIn], and [ErrPlan] for a pool of the plan LITE.
// If the client may not know who has an account, a user who does not exist is
// asked for the same as others.
//
// A sign-in with Levels may also return [ErrLevelUnreachable], at once or after the first factor, and [ErrLevelReached] if the
// access token has the level already. An access token that is invalid, of another user or from another client is [ErrInvalidAccessToken].
func (a *AppClient) Begin(ctx context.Context, in BeginSignIn) (*SignInResult, error) {
	res, err := a.beginWith(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("begin sign-in: %w", err)
	}
	return res, nil
}

// Begin begins a sign-in on behalf of an operator's program, see [AppClient.Begin].
func (a *Admin) Begin(ctx context.Context, clientID string, in BeginSignIn) (*SignInResult, error) {
	return a.client(clientID).Begin(ctx, in)
}

func (a *AppClient) beginWith(ctx context.Context, in BeginSignIn) (*SignInResult, error) {
	t := &attempt{name: in.Username}
	if err := a.begin(ctx, t, true); err != nil {
		return nil, err
	}
	s, now := t.scope, a.engine.now()
	if err := s.mayBegin(&in); err != nil {
		return nil, err
	}
	if err := t.admissible(in.Username, in.SecretHash); err != nil {
		return nil, err
	}
	levels, err := in.wanted(s.settings)
	if err != nil {
		return nil, err
	}
	earlier, err := t.credit(ctx, &in)
	if err != nil {
		return nil, err
	}
	if err := s.engine.store.View(ctx, t.readPasskeys); err != nil {
		return nil, err
	}
	public, err := publicValue(in.A)
	if err != nil {
		return nil, err
	}
	if err := t.untriggered(); err != nil {
		return nil, err
	}
	if in.Preferred == FirstPassword && in.Password != "" {
		if t, err = a.migrated(ctx, t, in.Password); err != nil {
			return nil, err
		}
	}
	if err := t.known(); err != nil {
		return nil, err
	}
	if t.absent == nil && !t.shut(now) {
		if err := t.scope.points().preAuthentication(ctx, t.user, in.Username); err != nil {
			return nil, err
		}
	}
	t.scope.deviceKey, t.scope.levels, t.scope.earlier = in.DeviceKey, levels, earlier.proofs
	c := &firstStep{attempt: t, password: in.Password, public: public, now: now}
	if in.Session != "" {
		if res, done, err := c.afterSignUp(ctx, in.Session); err != nil || done {
			return res, err
		}
	}
	if err := c.takeAim(ctx); err != nil {
		return nil, err
	}
	if earlier.proofs != nil {
		return c.stepUp(ctx, in.Preferred, earlier.level)
	}
	return c.begin(ctx, in.Preferred)
}

// mayChoose refuses a client without the flow, and a pool without the plan for it.
func (s *scope) mayChoose() error {
	switch {
	case !s.settings.Allows(&s.client.Settings, AllowUser):
		return &FlowError{"USER_AUTH"}
	case s.settings.Tier == TierLite:
		return ErrPlan
	}
	return nil
}

// mayBegin is mayChoose for the beginning of a sign-in. Pages need no flow to ask for a password, and what a level needs
// beside it, see [scope.offers]. Pages of a client whose users sign in by identity providers alone begin nothing else.
func (s *scope) mayBegin(in *BeginSignIn) error {
	err := s.mayChoose()
	if s.pages && !s.native() {
		return &FlowError{"USER_AUTH"}
	}
	if s.pages && in.Levels != nil && errors.Is(err, ErrFlowNotEnabled) {
		return nil
	}
	return err
}

// offers reports whether a sign-in may begin with a factor: with the password alone, without the flow for others.
func (s *scope) offers(f *firstFactor) bool {
	return f.name == FirstPassword || s.settings.Allows(&s.client.Settings, AllowUser)
}

// choosable reports whether users may begin a sign-in with a factor of their choice.
func (s *scope) choosable() bool { return s.mayChoose() == nil }

// A firstStep is a sign-in before anything was proved.
type firstStep struct {
	*attempt
	password Secret          // that came with the choice, if any
	public   []byte          // the client's public value of SRP that came with the choice, if any
	state    *challengeState // that was answered; nil at the beginning
	offered  []FirstFactor   // what is available
	now      time.Time
}

// begin asks for the preferred factor, or for a choice.
func (c *firstStep) begin(ctx context.Context, preferred FirstFactor) (*SignInResult, error) {
	available := c.available()
	c.offered = namesOf(available)
	if len(available) == 0 && c.aim != nil {
		return nil, ErrLevelUnreachable
	}
	if len(available) == 0 { // what the service says to a user who has nothing to prove is (unsure)
		return nil, ErrIncorrectCredentials
	}
	if i := slices.IndexFunc(available, func(f *firstFactor) bool { return f.name == preferred }); i >= 0 {
		return available[i].ask(ctx, c)
	}
	p, err := c.next(stateFirst, nil)
	return c.asks(&FirstFactorRequired{p, c.offered}), err
}

// next seals the state of the next challenge.
func (c *firstStep) next(kind stateKind, payload statePayload) (pending, error) {
	s := c.scope
	state, err := s.challenge(kind, s.begins(c.name, c.who, nil), payload, c.now)
	return pending{Username: s.srpUserID(c.user, c.name), client: s.appClient(), state: state}, err
}

// asks is the result that asks for a first factor.
func (c *firstStep) asks(ch Challenge) *SignInResult {
	return &SignInResult{Challenge: ch, Available: c.offered}
}

// used is the record that uses the state of the choice up, or nil at the beginning.
func (c *firstStep) used() *usedState {
	if c.state == nil {
		return nil
	}
	return c.scope.useUp(c.state)
}

// spend uses the state of the choice up.
func (c *firstStep) spend(ctx context.Context) error {
	used := c.used()
	if used == nil {
		return nil
	}
	err := c.scope.engine.store.Update(ctx, func(tx store.Tx) error { return usedStates.Insert(tx, used) })
	return spentOr(err, nil)
}

// askPassword judges the password, or asks for it.
func (f *firstFactor) askPassword(ctx context.Context, c *firstStep) (*SignInResult, error) {
	if c.password != "" {
		return c.byPassword(ctx)
	}
	if err := c.spend(ctx); err != nil {
		return nil, err
	}
	p, err := c.next(f.kind, nil)
	return c.asks(&PasswordRequired{p}), err
}

func (c *firstStep) byPassword(ctx context.Context) (*SignInResult, error) {
	if err := c.scope.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	c.once = c.used()
	if err := c.checkPassword(ctx, c.password); err != nil {
		return nil, err
	}
	res, err := c.judge(ctx)
	if c.absent != nil && errors.Is(err, ErrIncorrectCredentials) {
		return nil, c.absent
	}
	return res, err
}

// askSRP makes the server's half of the exchange, or asks for the client's.
func (f *firstFactor) askSRP(ctx context.Context, c *firstStep) (*SignInResult, error) {
	if err := c.spend(ctx); err != nil {
		return nil, err
	}
	if c.public == nil {
		p, err := c.next(f.kind, nil)
		return c.asks(&SRPRequired{p}), err
	}
	ch, err := c.exchange(c.public, "")
	if err != nil {
		return nil, err
	}
	ch.client = c.scope.appClient()
	return c.asks(ch), nil
}

// FirstFactor resumes a [*FirstFactorRequired] challenge from its state. A username other than that
// of the state is refused with [ErrSessionInvalid], and an empty one is not compared. A
// SecretHash is over the username that is given here.
func (a *AppClient) FirstFactor(username, state string) *FirstFactorRequired {
	return &FirstFactorRequired{pending: pending{username, a, state}}
}

// Password resumes a [*PasswordRequired] challenge from its state, see [AppClient.FirstFactor].
func (a *AppClient) Password(username, state string) *PasswordRequired {
	return &PasswordRequired{pending{username, a, state}}
}

// SRP resumes an [*SRPRequired] challenge from its state, see [AppClient.FirstFactor].
func (a *AppClient) SRP(username, state string) *SRPRequired {
	return &SRPRequired{pending{username, a, state}}
}

// Answer asks for the chosen factor, or judges what comes with the choice. A wrong
// password leaves the challenge open.
func (c *FirstFactorRequired) Answer(ctx context.Context, in FirstChoice) (*SignInResult, error) {
	res, err := c.choose(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("choose a first factor: %w", err)
	}
	return res, nil
}

func (c *FirstFactorRequired) choose(ctx context.Context, in FirstChoice) (*SignInResult, error) {
	next, err := c.resume(ctx, stateFirst, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if in.Factor == "" {
		return nil, missing("ANSWER")
	}
	if next.public, err = publicValue(in.A); err != nil {
		return nil, err
	}
	for _, f := range next.available() {
		if f.name == in.Factor {
			next.password = in.Password
			next.scope.goesOn(next.state, in.DeviceKey)
			return f.ask(ctx, next)
		}
	}
	return nil, invalid("ANSWER", "The factor is not one of those to choose from.") // text (unsure)
}

// Answer signs the user in by the password. A wrong one leaves the challenge open, and counts
// as in [AppClient.SignIn].
func (c *PasswordRequired) Answer(ctx context.Context, in PasswordAnswer) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer password: %w", err)
	}
	return res, nil
}

func (c *PasswordRequired) answer(ctx context.Context, in PasswordAnswer) (*SignInResult, error) {
	next, err := c.resume(ctx, stateFirstPassword, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if in.Password == "" {
		return nil, missing("PASSWORD")
	}
	next.password = in.Password
	next.scope.goesOn(next.state, in.DeviceKey)
	return next.byPassword(ctx)
}

// Answer makes the server's half of the exchange. The result asks for the proof, with a
// [*PasswordVerifier].
func (c *SRPRequired) Answer(ctx context.Context, in PublicValue) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer SRP: %w", err)
	}
	return res, nil
}

func (c *SRPRequired) answer(ctx context.Context, in PublicValue) (*SignInResult, error) {
	next, err := c.resume(ctx, stateFirstSRP, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if in.A == "" {
		return nil, missing("SRP_A")
	}
	if next.public, err = publicValue(in.A); err != nil {
		return nil, err
	}
	f, err := firstFactorOf(FirstPasswordSRP)
	if err != nil {
		return nil, err
	}
	return f.askSRP(ctx, next)
}

// resume reads what goes on with a state before anything was proved. The user of the state may
// not exist.
func (p *pending) resume(ctx context.Context, kind stateKind, hash string) (*firstStep, error) {
	c := &firstStep{}
	s, err := p.opened(ctx, kind, hash, func(r store.Reader, s *scope, st *challengeState, u *User) error {
		c.state, c.attempt = st, &attempt{name: st.Name, scope: s, who: st.Sub, user: u}
		if err := c.attempt.read(r, s); err != nil {
			return err
		}
		return c.readPasskeys(r)
	})
	if err != nil {
		return nil, err
	}
	if p.Username != "" && !s.sameBegun(c.user, c.state, p.Username) {
		return nil, ErrSessionInvalid
	}
	if err := c.takeAim(ctx); err != nil {
		return nil, err
	}
	c.offered, c.now = namesOf(c.available()), s.engine.now()
	return c, nil
}

// sameBegun reports whether a name that came with an answer is that which the sign-in began
// with, or the one that the challenge has told. Other names of the user are refused: accepting
// them would disclose whose they are.
func (s *scope) sameBegun(u *User, st *challengeState, name string) bool {
	given := fold(name, s.settings.DistinguishesCase())
	return given == fold(st.Name, s.settings.DistinguishesCase()) || given == fold(s.srpUserID(u, st.Name), s.settings.DistinguishesCase())
}
