package identity

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

// In a custom sign-in the hooks of the program decide what a user proves. It works in rounds:
//
//  1. StartCustom reads the user, and asks DefineAuthChallenge what comes next.
//  2. For a challenge, CreateAuthChallenge makes it. What only the program may
//     know of it, and all earlier rounds, travel sealed in the challenge's state.
//  3. Answer uses the state up, in a transaction of its own: so no hook judges two
//     answers to one challenge. Then VerifyAuthChallengeResponse judges the answer. A
//     wrong one is counted as a wrong password is. DefineAuthChallenge decides again.
//  4. When DefineAuthChallenge says that tokens are to be issued, the policy of the pool
//     is asked as in any sign-in, and the sign-in is committed.
//
// A custom sign-in may begin with a password by SRP: then the secret block is bound to the
// state of the custom sign-in, and a right proof is a round.
//
// For a user who does not exist, the hooks are called with UserNotFound. Whatever they
// decide, such a sign-in ends with a refusal.

const (
	stateCustom    stateKind = "custom"     // a challenge of the program
	stateCustomSRP stateKind = "custom-srp" // a proof of the password comes next
)

// The names of rounds and challenges that the engine knows.
const (
	roundSRP         = "SRP_A"
	roundPassword    = "PASSWORD_VERIFIER"
	challengeCustom  = "CUSTOM_CHALLENGE"
	maxCustomSession = 2048 // the length of Session, as the service has it
)

// A CustomChallenge asks what a hook of the program has made.
type CustomChallenge struct {
	Username   string            // the real one, or for a user who does not exist the one that was given
	Parameters map[string]string // what the hook tells the client
	client     *AppClient
	state      string
}

// State is the state that must come back with the answer.
func (c *CustomChallenge) State() string { return c.state }

// StartCustom is what a client sends to begin a custom sign-in.
type StartCustom struct {
	Username   string // whatever the pool lets users sign in with
	A          string // to begin with a password: the client's public value of SRP, in hexadecimal
	SecretHash string // see [SecretHash]; for clients with a secret
	DeviceKey  string // see [SignIn]
}

// CustomAnswer is the answer to a [CustomChallenge].
type CustomAnswer struct {
	Answer     Secret // for the hook that judges it
	SecretHash string // see [SecretHash]; for clients with a secret
	DeviceKey  string // see [FactorCode]
}

// StartCustom begins a sign-in whose challenges hooks of the program make and judge. The
// client must have the flow [AllowCustom], and there must be a hook DefineAuthChallenge.
func (a *AppClient) StartCustom(ctx context.Context, in StartCustom) (*SignInResult, error) {
	res, err := a.startCustom(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("start custom sign-in: %w", err)
	}
	return res, nil
}

func (a *AppClient) startCustom(ctx context.Context, in StartCustom) (*SignInResult, error) {
	t := &attempt{name: in.Username}
	if err := a.begin(ctx, t, false); err != nil {
		return nil, err
	}
	s, now := t.scope, a.engine.now()
	if !s.settings.Allows(&s.client.Settings, AllowCustom) || !present(s.points(), atDefineAuthChallenge) {
		return nil, &FlowError{"CUSTOM_AUTH"}
	}
	if err := t.admissible(in.Username, in.SecretHash); err != nil {
		return nil, err
	}
	public, err := publicValue(in.A)
	if err != nil {
		return nil, err
	}
	if err := s.points().callable(slices.Concat([]Trigger{PreAuthentication}, customTriggers, tokenTriggers)...); err != nil {
		return nil, err
	}
	if err := t.known(); err != nil {
		return nil, err
	}
	if t.shut(now) {
		return nil, ErrTooManyAttempts
	}
	c := s.custom(t, now)
	if err := c.goesOnWith(ctx, in.DeviceKey); err != nil {
		return nil, err
	}
	if err := s.engine.spendSource(s.source, now); err != nil { // the hooks may send a message
		return nil, err
	}
	if err := s.spendCustom(ctx, t.who, now); err != nil {
		return nil, err
	}
	if err := s.points().preAuthentication(ctx, t.user, in.Username); err != nil {
		return nil, err
	}
	if public != nil {
		c.rounds = []hook.Round{{Challenge: roundSRP, Correct: true}}
		c.public = public
	}
	return c.next(ctx)
}

// spendCustom counts the beginning of a custom sign-in: for its own source if the account
// knows it, or else for all others together, so that strangers keep the owner out of nothing.
func (s *scope) spendCustom(ctx context.Context, who string, now time.Time) error {
	perHour := s.engine.limits.customSignIns()
	if perHour == math.MaxInt {
		return nil
	}
	ok := false
	err := s.engine.store.Update(ctx, func(tx store.Tx) error {
		values, err := tx.Get(append(guessRefs(s.pool.ID, who), throttles.Ref(throttleKey(s.pool.ID, kindCustom, who)))...)
		if err != nil {
			return err
		}
		g, err := s.guessesOf(values[:2], who)
		if err != nil {
			return err
		}
		if own := g.own(now); own != nil {
			if own.Customs, ok = own.Customs.Allow(now, perHour, time.Hour); !ok {
				return nil
			}
			return sources.Put(tx, g.list)
		}
		window, err := throttleOf(values[2], s.pool.ID, kindCustom, who)
		if err != nil {
			return err
		}
		if ok = window.allow(now, perHour); !ok {
			return nil
		}
		return window.put(tx)
	})
	if err == nil && !ok {
		return ErrLimitExceeded
	}
	return err
}

// publicValue reads the client's public value, which may be missing.
func publicValue(hex string) ([]byte, error) {
	if hex == "" {
		return nil, nil
	}
	public, err := srp.ParseA(hex)
	if err != nil {
		return nil, invalid("SRP_A", "SRP_A is not a valid public value.")
	}
	return public, nil
}

// CustomChallenge resumes a [CustomChallenge] from its state, see [AppClient.TOTP].
func (a *AppClient) CustomChallenge(username, state string) *CustomChallenge {
	return &CustomChallenge{Username: username, client: a, state: state}
}

// Answer has the hooks judge an answer and decide what comes next. The state counts once,
// also if a hook fails.
func (c *CustomChallenge) Answer(ctx context.Context, in CustomAnswer) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer custom challenge: %w", err)
	}
	return res, nil
}

func (c *CustomChallenge) answer(ctx context.Context, in CustomAnswer) (*SignInResult, error) {
	r, err := c.client.resumeCustom(ctx, stateCustom, c.Username, c.state, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if in.Answer == "" {
		return nil, missing("ANSWER")
	}
	s := r.scope
	if err := s.points().callable(slices.Concat(customTriggers, tokenTriggers)...); err != nil {
		return nil, err
	}
	if err := r.goesOnWith(ctx, in.DeviceKey); err != nil {
		return nil, err
	}
	if err := r.useUp(ctx); err != nil {
		return nil, err
	}
	d, err := s.points().verifyChallenge(ctx, r, in.Answer)
	if err != nil {
		return nil, err
	}
	if err := r.count(ctx, d.Correct); err != nil {
		return nil, err
	}
	r.rounds = append(r.rounds, hook.Round{Challenge: challengeCustom, Correct: d.Correct, Metadata: r.data.Metadata})
	return r.next(ctx)
}

// A customSignIn is a custom sign-in in the middle.
type customSignIn struct {
	*attempt
	state  *challengeState // of the challenge that is answered; at the start only who it is
	data   customState     // of that state
	rounds []hook.Round    // that are over
	public []byte          // the client's public value, if a proof of the password may come next
	proofs []proof
	now    time.Time
}

// A customState is the payload of the states of custom sign-ins.
type customState struct {
	Rounds   []hook.Round      `json:"r,omitempty"`
	Private  map[string]string `json:"v,omitempty"` // of the challenge, for the hook that judges the answer
	Metadata string            `json:"m,omitempty"` // of the challenge, for the rounds that follow
}

func (*customState) disclosed() int { return 0 }

// custom begins a custom sign-in of an attempt.
func (s *scope) custom(t *attempt, now time.Time) *customSignIn {
	return &customSignIn{attempt: t, state: s.begins(t.name, t.who, nil), now: now}
}

// resumeCustom reads what goes on with the state of a custom sign-in.
func (a *AppClient) resumeCustom(ctx context.Context, kind stateKind, username, state, hash string) (*customSignIn, error) {
	s, err := a.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkHash(username, hash); err != nil {
		return nil, err
	}
	now := s.engine.now()
	st, err := s.open(kind, state, now)
	if err != nil {
		return nil, err
	}
	r := s.custom(&attempt{name: st.Name, scope: s, who: st.Sub}, now)
	s.goesOn(st, "")
	r.state = st
	if err := st.payload(&r.data); err != nil {
		return nil, err
	}
	if err := a.resume(ctx, r.attempt); err != nil {
		return nil, err
	}
	if username == "" || !s.sameBegun(r.user, st, username) {
		return nil, ErrSessionInvalid
	}
	r.rounds, r.proofs = r.data.Rounds, st.Proved
	return r, nil
}

// useUp uses the state up. It refuses a user who is locked out, and one who may no
// longer sign in.
func (r *customSignIn) useUp(ctx context.Context) error {
	if r.shut(r.now) {
		return ErrTooManyAttempts
	}
	err := r.scope.engine.store.Update(ctx, func(tx store.Tx) error { return usedStates.Insert(tx, r.scope.useUp(r.state)) })
	return spentOr(err, nil)
}

// count counts a wrong answer as a wrong password is counted. Right or wrong, it refuses an
// answer if the user was locked out since it was given: of many answers at once, no more are
// judged than one after the other. The right answer of nobody counts no more than that of a user.
func (r *customSignIn) count(ctx context.Context, right bool) error {
	s := r.scope
	ev, err := s.proved(ctx, r.who, EventSignedIn, r.now)
	if err != nil {
		return err
	}
	var refused error
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		again := &attempt{who: r.who}
		if err := again.read(tx, s); err != nil {
			return err
		}
		if refused = nil; again.lock.locked(r.now) {
			refused = ErrTooManyAttempts
			return nil
		}
		if right {
			return nil
		}
		return again.lock.fail(tx, ev.failed(EventSignInFailed, ErrIncorrectCredentials), r.now)
	})
	if right || err != nil || refused != nil { // if refused, it was not judged
		return orRefused(err, refused)
	}
	s.failed(ErrIncorrectCredentials, r.now)
	return nil
}

// next asks the hook what comes next, and does it.
func (r *customSignIn) next(ctx context.Context) (*SignInResult, error) {
	d, err := r.scope.points().defineChallenge(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case d.Fail:
		return nil, ErrIncorrectCredentials
	case d.IssueTokens && r.user == nil:
		return nil, orRefused(r.count(ctx, false), ErrIncorrectCredentials)
	case d.IssueTokens:
		return r.finish(ctx)
	case d.Challenge == challengeCustom:
		return r.challenge(ctx)
	case d.Challenge == roundPassword && r.public != nil:
		return r.passwordChallenge()
	}
	if f, err := factorOf(MFAMethod(d.Challenge)); err == nil {
		return r.factor(ctx, f)
	}
	return nil, r.scope.points().ended(ctx, DefineAuthChallenge, fmt.Errorf("%w: it names neither a challenge nor an end, but %q", hook.ErrInvalidDecision, d.Challenge))
}

// challenge has the hook make a challenge.
func (r *customSignIn) challenge(ctx context.Context) (*SignInResult, error) {
	s := r.scope
	d, err := s.points().createChallenge(ctx, r)
	if err != nil {
		return nil, err
	}
	st := *r.state
	st.Proved = r.proofs
	state, err := s.challenge(stateCustom, &st, &customState{r.rounds, d.Private, d.Metadata}, s.engine.now())
	if err != nil {
		return nil, err
	}
	if len(state) > maxCustomSession {
		return nil, s.points().ended(ctx, CreateAuthChallenge, fmt.Errorf("%w: private parameters and metadata are too long", hook.ErrInvalidDecision))
	}
	return &SignInResult{Challenge: &CustomChallenge{Username: r.shownName(), Parameters: d.Public, client: s.appClient(), state: state}}, nil
}

// goesOnWith takes over the device that comes with a call. It refuses one that the user does not
// have before anything of the call counts, so that the client can drop the key and try again. For
// a user who does not exist it reads as much.
func (r *customSignIn) goesOnWith(ctx context.Context, key string) error {
	s := r.scope
	s.goesOn(r.state, key)
	r.state.Device = s.deviceKey
	return s.engine.store.View(ctx, func(rd store.Reader) error {
		_, err := s.namedDevice(rd, r.who)
		return err
	})
}

func (r *customSignIn) shownName() string { return r.scope.srpUserID(r.user, r.name) }

// passwordChallenge asks for a proof of the password. Its secret block is bound to
// a state of the custom sign-in, so that the proof alone signs nobody in.
func (r *customSignIn) passwordChallenge() (*SignInResult, error) {
	s := r.scope
	id, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	ch, err := r.exchange(r.public, id)
	if err != nil {
		return nil, err
	}
	st := *r.state
	st.Kind, st.ID, st.Expires = stateCustomSRP, id, r.now.Add(s.client.Settings.SessionLife())
	if ch.Session, err = s.seal(&st, &customState{Rounds: r.rounds}); err != nil {
		return nil, err
	}
	ch.client = s.appClient()
	return &SignInResult{Challenge: ch}, nil
}

// proved goes on after a right proof of the password.
func (r *customSignIn) provedPassword(ctx context.Context) (*SignInResult, error) {
	r.proofs = append(r.proofs, proof{Kind: provedPassword, Changed: r.cred.Changed})
	r.rounds = append(r.rounds, hook.Round{Challenge: roundPassword, Correct: true})
	return r.next(ctx)
}

// finish signs the user in, or asks what the policy of the pool wants in addition.
func (r *customSignIn) finish(ctx context.Context) (*SignInResult, error) {
	s := r.scope
	f, err := s.newFamily(r.who, r.now)
	if err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, r.who, EventSignedIn, r.now)
	if err != nil {
		return nil, err
	}
	err = s.beforeTokens(ctx, hook.TokensOfSignIn, f, func(tx store.Tx) (*outcome, error) {
		_, o, err := r.decide(tx)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	var o *outcome
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		o, err = r.commit(tx, f, ev)
		return err
	})
	if err != nil {
		return nil, err
	}
	if o.refused != nil {
		return nil, o.refused
	}
	return s.proceed(ctx, o, r.name, f, r.now)
}

// commit writes the sign-in of the user as the user is now.
func (r *customSignIn) commit(tx store.Tx, f *family, ev *Event) (*outcome, error) {
	lock, o, err := r.decide(tx)
	if err != nil || o.refused != nil {
		return o, err
	}
	t := &attempt{scope: r.scope}
	return o, t.succeed(tx, lock, o, f, ev, r.now)
}

// decide reads the user as the user is now, and says what comes of the sign-in.
func (r *customSignIn) decide(tx store.Tx) (*guesses, *outcome, error) {
	again := &attempt{who: r.who}
	if err := again.read(tx, r.scope); err != nil {
		return nil, nil, err
	}
	if again.lock.locked(r.now) {
		return nil, &outcome{refused: ErrTooManyAttempts}, nil
	}
	u, err := orNil(users.Get(tx, store.Key(r.scope.pool.ID, r.who)))
	if err != nil {
		return nil, nil, err
	}
	o := &outcome{user: u, cred: again.cred, proved: slices.Clone(r.proofs)}
	if u == nil {
		o.refused = ErrIncorrectCredentials
		return nil, o, nil
	}
	o.refused = u.mayBegin()
	switch {
	case o.refused != nil:
		return nil, o, nil //nolint:nilerr // it is told once the transaction ends
	case u.Status == StatusResetRequired:
		o.refused = ErrPasswordResetRequired
		return nil, o, nil
	case u.Status == StatusExternalProvider: // hooks let nobody in whom a provider vouches for
		o.refused = ErrIncorrectCredentials
		return nil, o, nil
	}
	if o.enrolled.totp, err = orNil(totps.Get(tx, store.Key(r.scope.pool.ID, r.who))); err != nil {
		return nil, nil, err
	}
	if hold, err := allHold(r.proofs, r.scope.settings, o); err != nil || !hold && len(r.proofs) > 0 {
		o.refused = ErrSessionInvalid
		return nil, o, err
	}
	o.proved = append(o.proved, provenByHooks(again.cred))
	return again.lock, o, o.next(tx, r.scope)
}

// provenByHooks is the proof of a custom sign-in. It holds as long as the password is not
// replaced: an operator who resets a password ends what is pending.
func provenByHooks(c *credential) proof {
	return proof{Kind: provedCustom, Changed: c.changed()}
}
