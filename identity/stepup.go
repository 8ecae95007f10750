package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A sign-in that names levels. It begins as one with a factor of the user's choice (userauth.go), and asks for as much as the
// first of the named levels needs that the user can reach:
//
//  1. BeginSignIn.wanted reads the names, and attempt.credit reads the access token, if one came, or the browser
//     (browserlevel.go). Its sign-in is named by a proof, provedEarlier, in each state that follows.
//  2. aim finds which level must be reached, from what the user has. If the client may not know who has an account, that
//     is not told before a first factor was proved: until then everybody is asked for what the pool allows.
//  3. outcome.reach has the last word, in the transaction of each step. It asks for a second factor that the level needs, or
//     refuses a sign-in that cannot reach it, or names the level that was reached. Second factors that the pool or the user
//     demands anyway are decided before, by nextStep.
//
// A step-up counts what an earlier sign-in has proved, as long as that stands and the password is the same. It always asks for
// something, so an access token alone gives no tokens. Nothing is set up for a level, and nothing is issued on the way.

// wanted are the levels that a sign-in names, the best first, each once.
func (in *BeginSignIn) wanted(s *PoolSettings) ([]Level, error) {
	switch {
	case in.MaxAge != nil && *in.MaxAge < 0:
		return nil, invalid("MAX_AGE", "MAX_AGE must be a number of seconds, 0 or more.") // text (unsure), as all of this function
	case in.Levels == nil && in.Access != "":
		return nil, invalid("ACCESS_TOKEN", "ACCESS_TOKEN requires TARGET_ACR_VALUES.")
	case in.Levels == nil:
		return nil, nil
	}
	var out []Level
	for _, name := range in.Levels {
		if l := s.LevelNamed(name); l != 0 && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if out == nil {
		return nil, invalid("TARGET_ACR_VALUES", "TARGET_ACR_VALUES has no authentication level of the user pool.")
	}
	return out, nil
}

// A credit is an earlier sign-in of the user that a new one counts. The zero credit is none.
type credit struct {
	proofs []proof // of kind provedEarlier, or nil
	level  Level   // that its tokens tell
}

// credit verifies the access token of a sign-in. The token must be the user's, from the same client, and for managing the
// account: the new tokens can do that. It counts for nothing if its sign-in is older than MaxAge, or than the password.
// A token of somebody else gets the same error whether or not there is a user with the name.
func (t *attempt) credit(ctx context.Context, in *BeginSignIn) (c credit, err error) {
	switch {
	case in.Levels == nil: // then there is no access token, see wanted
		return c, nil
	case in.Access == "" && in.Browser != "":
		return t.browserCredit(ctx, in, t.scope.engine.now())
	case in.Access == "":
		return c, nil
	}
	s, err := t.scope.engine.Session(ctx, in.Access)
	switch {
	case errors.Is(err, ErrUserNotFound):
		return c, ErrInvalidAccessToken
	case err != nil:
		return c, err
	case t.user == nil, s.pool.ID != t.scope.pool.ID, s.client.ID != t.scope.client.ID, s.user.Sub != t.user.Sub:
		return c, ErrInvalidAccessToken
	}
	if err := s.managed(); err != nil {
		return c, err
	}
	return t.creditOf(in, s.authTime, s.amr, familyID(s.claims), t.scope.settings.LevelNamed(s.acr)), nil
}

// creditOf is the credit of a sign-in of the user that stands.
func (t *attempt) creditOf(in *BeginSignIn, at time.Time, amr []string, family string, l Level) credit {
	old := in.MaxAge != nil && t.scope.engine.now().Sub(at) > *in.MaxAge
	if old || len(amr) == 0 || t.user.Status != StatusConfirmed || t.cred.changed().After(at) {
		return credit{}
	}
	several := slices.Contains(amr, methodSeveral)
	return credit{proofs: []proof{{Kind: provedEarlier, Changed: t.cred.changed(), Family: family, Verified: several}}, level: l}
}

// earlierOf are those of proofs that name an earlier sign-in: one at most.
func earlierOf(proofs []proof) (out []proof) {
	for _, p := range proofs {
		if p.Kind == provedEarlier {
			out = append(out, p)
		}
	}
	return out
}

// aimsAt takes over what the state of a challenge says of levels.
func (s *scope) aimsAt(st *challengeState) { s.levels, s.earlier = st.Levels, earlierOf(st.Proved) }

// after are the proofs of a sign-in once its first factor was proved.
func (s *scope) after(first proof) []proof { return append(slices.Clone(s.earlier), first) }

// severalBefore reports whether an earlier sign-in that counts had two factors.
func severalBefore(proofs []proof) bool {
	return slices.ContainsFunc(earlierOf(proofs), func(p proof) bool { return p.Verified })
}

// An aim is where a sign-in that has named levels goes.
type aim struct {
	base    []string    // what an earlier sign-in has proved
	seconds []MFAMethod // that may follow the first factor
	// best is the level to reach. Until a first factor was proved, it may be the least of the levels that were named.
	best Level
}

// most is the highest level that some methods, and at most one second factor, reach.
func (a *aim) most(methods []string) Level {
	most := levelOf(methods)
	for _, m := range a.seconds {
		if f, err := factorOf(m); err == nil {
			most = max(most, levelOf(joined(methods, f.amr)))
		}
	}
	return most
}

// leads reports whether a first factor, which was not proved before, leads to the level. In a step-up for which a second factor
// is enough, so must the first one be.
func (a *aim) leads(f *firstFactor) bool {
	m, err := methodOf(f.name)
	if err != nil || slices.Contains(a.base, m) || m == methodSoftware && slices.Contains(a.base, methodHardware) {
		return false
	}
	if a.base != nil && a.most(a.base) >= a.best {
		return levelOf(joined(a.base, m)) >= a.best
	}
	return a.most(joined(a.base, m)) >= a.best
}

// secondsOf are the second factors that a user may be asked for to reach a level: those that are turned on, preferred or
// not. A user who has turned none on may be asked for one that is set up, in a pool that leaves it to users: it raises
// the level, and takes the place of none.
func secondsOf(s *PoolSettings, u *User, e enrolled) []MFAMethod {
	if !asksFactor(s) {
		return nil
	}
	free := *u
	free.MFA.Preferred = MFANone
	if on := methodsOf(s, &free, e); len(on) > 0 {
		return on
	}
	var out []MFAMethod
	for _, f := range factors {
		if f.usable(s, u, e) && (f.address == "" || u.verified(f.address)) {
			out = append(out, f.method)
		}
	}
	return out
}

// aim reads what the user can prove. If no level that was named can be reached, or an earlier sign-in no longer counts,
// it sets o.refused.
func (o *outcome) aim(r store.Reader, s *scope) (*aim, error) {
	a := &aim{}
	var err error
	if a.base, err = o.earlier(r); err != nil || o.refused != nil {
		return nil, err
	}
	if o.passkeys == nil {
		if o.passkeys, err = orNil(passkeys.Get(r, store.Key(o.user.Pool, o.user.Sub))); err != nil {
			return nil, err
		}
	}
	a.seconds = secondsOf(s.settings, o.user, o.enrolled)
	own := owned{o.cred, s.engine.countPasskeys(s.settings, o.passkeys)}
	most := a.most(a.base)
	for _, f := range firstFactors {
		if m, err := methodOf(f.name); err != nil {
			return nil, err
		} else if s.offers(f) && f.usable(s.settings, o.user, own) {
			most = max(most, a.most(joined(a.base, m)))
		}
	}
	i := slices.IndexFunc(s.levels, func(l Level) bool { return l <= most })
	if i < 0 {
		o.refused = ErrLevelUnreachable
		return nil, nil
	}
	a.best = s.levels[i]
	return a, nil
}

// earlier reads the methods of the earlier sign-in that counts, or nil. If it was ended, or the password was replaced
// since, it sets o.refused.
func (o *outcome) earlier(r store.Reader) ([]string, error) {
	earlier := earlierOf(o.proved)
	if len(earlier) == 0 {
		return nil, nil
	}
	f, err := orNil(families.Get(r, store.Key(o.user.Pool, o.user.Sub, earlier[0].Family)))
	if err != nil {
		return nil, err
	}
	if f == nil || f.ended(o.user) || !o.cred.changed().Equal(earlier[0].Changed) {
		o.refused = ErrSessionInvalid
		return nil, nil
	}
	return f.credits(), nil
}

// reach notes in the scope what was proved. In a sign-in that has named levels it changes the next step to one that leads to
// the best of them, or refuses.
func (o *outcome) reach(r store.Reader, s *scope) error {
	have, err := methodsOfProofs(o.proved)
	if err != nil {
		return err
	}
	s.amr, s.acr = have, ""
	if s.levels == nil {
		if proved(o.proved, provedEarlier) {
			return fmt.Errorf("%w: an earlier sign-in in one that names no level", errUnhandled)
		}
		return nil
	}
	if o.step == stepNewPassword {
		return nil
	}
	a, err := o.aim(r, s)
	if err != nil || o.refused != nil {
		return err
	}
	s.amr = joined(a.base, have...)
	switch reached := levelOf(s.amr); {
	case reached < a.best:
		return o.towards(a, s.amr)
	case o.step == stepDone:
		s.acr = s.settings.LevelName(reached)
	}
	return nil
}

// towards makes the next step a second factor that leads to the level, or a choice of several. If there is none, it sets
// o.refused.
func (o *outcome) towards(a *aim, have []string) error {
	var next []MFAMethod
	for _, m := range a.seconds {
		f, err := factorOf(m)
		if err != nil {
			return err
		}
		if !slices.Contains(have, f.amr) && levelOf(joined(have, f.amr)) >= a.best {
			next = append(next, m)
		}
	}
	if slices.Contains(next, o.user.MFA.Preferred) {
		next = []MFAMethod{o.user.MFA.Preferred}
	}
	switch len(next) {
	case 0:
		o.refused = ErrLevelUnreachable
	case 1:
		o.step, o.method = stepFactor, next[0]
	default:
		o.step, o.choices = stepChoose, next
	}
	return nil
}

// choicesOf are the second factors to choose from.
func (o *outcome) choicesOf(s *scope) []MFAMethod {
	if o.choices != nil {
		return o.choices
	}
	return methodsOf(s.settings, o.user, o.enrolled)
}

// takeAim finds where a sign-in goes before its first factor was proved. If the client may not know who has an account,
// it goes by the pool alone.
func (t *attempt) takeAim(ctx context.Context) error {
	s := t.scope
	if s.levels == nil {
		return nil
	}
	if t.user == nil || len(s.earlier) == 0 && !s.settings.DisclosesUsers(&s.client.Settings) {
		t.aim = &aim{best: slices.Min(s.levels)}
		if asksFactor(s.settings) {
			t.aim.seconds = setupMethods(s.settings)
		}
		return nil
	}
	err := s.engine.store.View(ctx, func(r store.Reader) (err error) {
		o := &outcome{user: t.user, cred: t.cred, passkeys: t.passkeys, proved: s.earlier, enrolled: enrolled{aimed: true}}
		if o.enrolled.totp, err = orNil(totps.Get(r, store.Key(s.pool.ID, t.who))); err != nil {
			return err
		}
		t.aim, err = o.aim(r, s)
		t.aimed = o
		return err
	})
	if err != nil {
		return err
	}
	return t.aimed.refused
}

// stepUp asks for what an earlier sign-in lacks: for the preferred factor if it leads to the level, or else for a second
// factor, or else for another first one.
func (c *firstStep) stepUp(ctx context.Context, preferred FirstFactor, level Level) (*SignInResult, error) {
	s, o, a := c.scope, c.aimed, c.aim
	floor, _, err := factorStep(s.settings, o.user, o.enrolled, s.earlier)
	if err != nil {
		return nil, err
	}
	if floor == stepDone || floor == stepSetup { // a step-up sets nothing up
		if level >= a.best {
			return nil, ErrLevelReached
		}
		if levelOf(a.base) >= a.best { // its token has another name of the level, or none: only a whole sign-in gives the name
			s.earlier = nil
			if err := c.takeAim(ctx); err != nil {
				return nil, err
			}
			return c.begin(ctx, preferred)
		}
	}
	if c.shut(c.now) {
		return nil, ErrTooManyAttempts
	}
	if slices.ContainsFunc(c.available(), func(f *firstFactor) bool { return f.name == preferred }) {
		return c.begin(ctx, preferred)
	}
	switch err := o.towards(a, a.base); {
	case err != nil:
		return nil, err
	case o.refused != nil:
		return c.begin(ctx, preferred)
	case o.step == stepFactor:
		if err := o.canAsk(s); err != nil {
			return nil, err
		}
	}
	return s.factorChallenge(ctx, o, s.begins(c.name, c.who, s.earlier), c.now)
}
