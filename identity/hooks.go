package identity

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// This file has all hook points: the places at which a function of the operator
// runs. TestHookPoints compares both tables with the code. hookset.go has the
// functions, and runs them.
//
// A pool may name a target for a trigger. Before a flow writes or discloses
// anything, it gives [points.callable] the triggers that it may reach. If nothing
// can call one of the targets, callable refuses the flow with a [*TriggerError].
// The flows check their triggers in this order:
//
//	flow                            triggers
//	attempt.untriggered             PreAuthentication, tokenTriggers; UserMigration if there is no such user
//	scope.setFirstPassword          tokenTriggers
//	secondStep.proveBy              tokenTriggers
//	secondStep.proveRecovery        tokenTriggers
//	secondStep.proveRound           customTriggers, tokenTriggers
//	MFASetupRequired.Answer         tokenTriggers
//	firstStep.byPassword            tokenTriggers
//	pending.proveFirst              tokenTriggers
//	PasskeyRequired.answer          tokenTriggers
//	scope.firstWords                CustomMessage, senderTrigger of the medium
//	federation.ready                InboundFederation, PreSignUp, PostConfirmation, PreAuthentication, tokenTriggers
//	AppClient.refresh               PreTokenGeneration, PreTokenGenerationV1
//	Browser.give                    PreTokenGeneration, PreTokenGenerationV1
//	scope.issueClient               PreTokenGeneration of version V3_0
//	AppClient.startCustom           PreAuthentication, customTriggers, tokenTriggers
//	CustomChallenge.answer          customTriggers, tokenTriggers
//	PasswordVerifier.answerCustom   customTriggers, tokenTriggers
//	scope.newSignUp                 PreSignUp, messageTriggers
//	scope.decideSignUp              PostConfirmation if a hook confirms; PreSignUp and messageTriggers were checked before
//	scope.confirmSignUp             PostConfirmation
//	Users.Confirm                   PostConfirmation
//	AppClient.resend                messageTriggers
//	AppClient.forgotPassword        messageTriggers; UserMigration if there is no such user
//	AppClient.confirmForgotPassword PostConfirmation
//	Admin.resetPassword             messageTriggers
//	Admin.createUser                messageTriggers unless suppressed; PreSignUp
//	Admin.reinvite                  messageTriggers unless suppressed
//	update.makeCodes                messageTriggers
//	Session.sendVerification        messageTriggers
//	scope.sendFactorCode            CustomMessage, senderTrigger of the medium
//
// Then the flow calls the points. Every point is a method of points and runs
// outside of any transaction, because a hook may be slow and a store may run a
// transaction again. So the hook sees the user as it was before the
// transaction. The commit that follows reads the user again, and may refuse what
// the hook has allowed.
//
//	point                  runs in
//	inboundFederation      federation.inbound
//	preSignUp              scope.decideSignUp, Admin.createUser, federation.register
//	postConfirmation       federation.register, scope.commitSignUp, scope.confirmSignUp, AppClient.confirmForgotPassword, Users.Confirm
//	userMigration          scope.migrate
//	defineChallenge        customSignIn.next
//	createChallenge        customSignIn.challenge
//	verifyChallenge        CustomChallenge.answer
//	preAuthentication      AppClient.signIn, AppClient.startSRP, AppClient.startCustom, AppClient.beginWith, federation.renew
//	postAuthentication     scope.beforeTokens
//	preTokenGeneration     scope.changeTokens
//	beforeTokens           attempt.judge, scope.setFirstPassword, secondStep.finish, customSignIn.finish, federation.finish
//	customMessage          scope.commitSignUp, scope.sendCode, Admin.resetPassword, Admin.announce, update.write, Session.sendVerification, scope.sendFactorCode, scope.firstWords
//	send                   scope.commitSignUp, scope.hideSignUp, scope.sendCode, Admin.resetPassword, Admin.invite, update.write, Session.sendVerification, scope.sendFactorCode, firstStep.post
//
// A flow makes a letter, see outbox.go. Its send runs after the commit, or in the worker of the outbox.

// Triggers that flows check together.
var (
	tokenTriggers   = []Trigger{PostAuthentication, PreTokenGeneration, PreTokenGenerationV1}
	messageTriggers = []Trigger{CustomMessage, CustomEmailSender, CustomSMSSender}
	customTriggers  = []Trigger{DefineAuthChallenge, CreateAuthChallenge, VerifyAuthChallenge}
)

// The points, each with the function that runs at it.
var (
	atPreSignUp = at[hook.PreSignUp, hook.PreSignUpDecision]{
		func(h *Hooks) func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) {
			return h.PreSignUp
		},
		mergeSignUp,
		[]Trigger{PreSignUp},
	}
	atPostConfirmation = at[hook.PostConfirmation, none]{
		func(h *Hooks) func(context.Context, *hook.PostConfirmation) (none, error) {
			return deciding(h.PostConfirmation)
		},
		noDecision,
		[]Trigger{PostConfirmation},
	}
	atInboundFederation = at[hook.InboundFederation, hook.InboundFederationDecision]{
		func(h *Hooks) func(context.Context, *hook.InboundFederation) (hook.InboundFederationDecision, error) {
			return h.InboundFederation
		},
		mergeFederation,
		[]Trigger{InboundFederation},
	}
	atUserMigration = at[hook.UserMigration, hook.UserMigrationDecision]{
		func(h *Hooks) func(context.Context, *hook.UserMigration) (hook.UserMigrationDecision, error) {
			return h.UserMigration
		},
		mergeMigration,
		[]Trigger{UserMigration},
	}
	atDefineAuthChallenge = at[hook.DefineAuthChallenge, hook.DefineAuthChallengeDecision]{
		func(h *Hooks) func(context.Context, *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error) {
			return h.DefineAuthChallenge
		},
		mergeDefine,
		[]Trigger{DefineAuthChallenge},
	}
	atCreateAuthChallenge = at[hook.CreateAuthChallenge, hook.CreateAuthChallengeDecision]{
		func(h *Hooks) func(context.Context, *hook.CreateAuthChallenge) (hook.CreateAuthChallengeDecision, error) {
			return h.CreateAuthChallenge
		},
		mergeCreate,
		[]Trigger{CreateAuthChallenge},
	}
	atVerifyAuthChallenge = at[hook.VerifyAuthChallenge, hook.VerifyAuthChallengeDecision]{
		func(h *Hooks) func(context.Context, *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error) {
			return h.VerifyAuthChallengeResponse
		},
		mergeVerify,
		[]Trigger{VerifyAuthChallenge},
	}
	atPreAuthentication = at[hook.PreAuthentication, none]{
		func(h *Hooks) func(context.Context, *hook.PreAuthentication) (none, error) {
			return deciding(h.PreAuthentication)
		},
		noDecision,
		[]Trigger{PreAuthentication},
	}
	atPostAuthentication = at[hook.PostAuthentication, none]{
		func(h *Hooks) func(context.Context, *hook.PostAuthentication) (none, error) {
			return deciding(h.PostAuthentication)
		},
		noDecision,
		[]Trigger{PostAuthentication},
	}
	atPreTokenGeneration = at[hook.PreTokenGeneration, hook.PreTokenGenerationDecision]{
		func(h *Hooks) func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
			return h.PreTokenGeneration
		},
		mergeTokens,
		[]Trigger{PreTokenGeneration, PreTokenGenerationV1},
	}
	atCustomMessage = at[hook.CustomMessage, hook.CustomMessageDecision]{
		func(h *Hooks) func(context.Context, *hook.CustomMessage) (hook.CustomMessageDecision, error) {
			return h.CustomMessage
		},
		mergeMessage,
		[]Trigger{CustomMessage},
	}
	atCustomEmailSender = at[hook.CustomSender, none]{
		func(h *Hooks) func(context.Context, *hook.CustomSender) (none, error) {
			return deciding(h.CustomEmailSender)
		},
		noDecision,
		[]Trigger{CustomEmailSender},
	}
	atCustomSMSSender = at[hook.CustomSender, none]{
		func(h *Hooks) func(context.Context, *hook.CustomSender) (none, error) {
			return deciding(h.CustomSMSSender)
		},
		noDecision,
		[]Trigger{CustomSMSSender},
	}
)

// atSender is the point of the hook that sends messages by a medium.
func atSender(m Medium) at[hook.CustomSender, none] {
	if senderTrigger(m) == CustomSMSSender {
		return atCustomSMSSender
	}
	return atCustomEmailSender
}

// points are the hook points of a call, with the pool of the call and the app
// client. An operator's call may have no client.
type points struct {
	engine *Engine
	pool   *PoolInfo
	client string
}

func (s *scope) points() points { return points{s.engine, s.pool, s.client.ID} }

func (a *Admin) points(p *PoolInfo) points { return points{engine: a.engine, pool: p} }

// callable returns a [*TriggerError] for the first trigger whose target cannot be
// called. Skipping the target instead would be unsafe: the function may decide who
// may sign in.
func (p points) callable(triggers ...Trigger) error {
	for _, t := range triggers {
		if target, ok := p.pool.Settings.Triggers[t]; ok && p.callTarget(t, target) == nil {
			return &TriggerError{t}
		}
	}
	return nil
}

// event returns what all events have in common. u may be a user who does not
// exist, with only a name.
func (p points) event(ctx context.Context, source hook.Source, u *User) hook.Event {
	attributes := maps.Clone(u.Attributes)
	if text := u.IdentitiesAttribute(); text != "" {
		if attributes == nil {
			attributes = map[string]string{}
		}
		attributes["identities"] = text
	}
	return hook.Event{
		Source: source, Pool: p.pool.ID, Client: p.client, Call: CallFrom(ctx),
		Username: u.Username, Sub: u.Sub, Status: string(u.Status), Attributes: attributes,
		Aliases: u.aliases(&p.pool.Settings),
	}
}

// preSignUp runs before a user is stored.
func (p points) preSignUp(ctx context.Context, source hook.Source, u *User) (hook.PreSignUpDecision, error) {
	return run(ctx, p, atPreSignUp, func() *hook.PreSignUp {
		return &hook.PreSignUp{Event: p.event(ctx, source, u)}
	})
}

// afterwards is how long a hook may take that runs after a commit, whatever the caller does.
const afterwards = time.Minute

// postConfirmation runs after a user was confirmed. An error does not undo the
// confirmation. It runs also if the caller has gone meanwhile: otherwise whoever hangs up in
// time would be confirmed without it.
func (p points) postConfirmation(ctx context.Context, source hook.Source, u *User) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	_, err := run(ctx, p, atPostConfirmation, func() *hook.PostConfirmation {
		return &hook.PostConfirmation{Event: p.event(ctx, source, u)}
	})
	return err
}

// inboundFederation runs in each sign-in by an identity provider, before anything of it is stored.
func (p points) inboundFederation(ctx context.Context, fd *federation) (hook.InboundFederationDecision, error) {
	return run(ctx, p, atInboundFederation, func() *hook.InboundFederation {
		e := &hook.InboundFederation{
			Event:    p.event(ctx, hook.FederatedSignIn, &User{Username: fd.in.Subject}),
			Provider: fd.in.Provider, ProviderType: string(fd.provider.Type),
		}
		e.TokenResponse, e.IDToken, e.UserInfo, e.SAMLResponse = fd.in.sources(fd.provider.Type)
		return e
	})
}

// userMigration runs for a name that no user has. It does not run in a sign-in by
// SRP, which has no password to give to another system.
func (p points) userMigration(ctx context.Context, source hook.Source, name string, password Secret) (hook.UserMigrationDecision, error) {
	return run(ctx, p, atUserMigration, func() *hook.UserMigration {
		return &hook.UserMigration{Event: p.event(ctx, source, &User{Username: name}), Password: password}
	})
}

// userOf is the user of a custom sign-in for events, who may not exist.
func (r *customSignIn) userOf() *User {
	if r.user == nil {
		return &User{Username: r.name}
	}
	return r.user
}

// defineChallenge runs at the start of a custom sign-in and after each answer.
func (p points) defineChallenge(ctx context.Context, r *customSignIn) (hook.DefineAuthChallengeDecision, error) {
	return run(ctx, p, atDefineAuthChallenge, func() *hook.DefineAuthChallenge {
		return &hook.DefineAuthChallenge{
			Event: p.event(ctx, hook.DefineChallenge, r.userOf()), Rounds: slices.Clone(r.rounds), UserNotFound: r.user == nil,
		}
	})
}

// createChallenge runs before a challenge of a custom sign-in is asked.
func (p points) createChallenge(ctx context.Context, r *customSignIn) (hook.CreateAuthChallengeDecision, error) {
	return run(ctx, p, atCreateAuthChallenge, func() *hook.CreateAuthChallenge {
		return &hook.CreateAuthChallenge{
			Event: p.event(ctx, hook.CreateChallenge, r.userOf()), Challenge: challengeCustom, Rounds: slices.Clone(r.rounds), UserNotFound: r.user == nil,
		}
	})
}

// verifyChallenge judges an answer of a custom sign-in. Its state was used up before.
func (p points) verifyChallenge(ctx context.Context, r *customSignIn, answer Secret) (hook.VerifyAuthChallengeDecision, error) {
	return run(ctx, p, atVerifyAuthChallenge, func() *hook.VerifyAuthChallenge {
		return &hook.VerifyAuthChallenge{
			Event: p.event(ctx, hook.VerifyChallenge, r.userOf()), Private: maps.Clone(r.data.Private), Answer: answer, UserNotFound: r.user == nil,
		}
	})
}

// preAuthentication runs before a password is checked or an SRP exchange begins.
// For a user who does not exist it runs only if the settings forbid to disclose
// that.
func (p points) preAuthentication(ctx context.Context, u *User, name string) error {
	_, err := run(ctx, p, atPreAuthentication, func() *hook.PreAuthentication {
		if u == nil {
			return &hook.PreAuthentication{Event: p.event(ctx, hook.BeforeSignIn, &User{Username: name}), UserNotFound: true}
		}
		return &hook.PreAuthentication{Event: p.event(ctx, hook.BeforeSignIn, u)}
	})
	return err
}

// postAuthentication runs after all proofs of a sign-in and before its tokens.
func (p points) postAuthentication(ctx context.Context, u *User, f *family) error {
	_, err := run(ctx, p, atPostAuthentication, func() *hook.PostAuthentication {
		return &hook.PostAuthentication{Event: p.event(ctx, hook.AfterSignIn, u), NewDevice: f.onNewDevice()}
	})
	return err
}

// preTokenGeneration runs before the tokens of a grant are made, and before the
// sign-in or the refresh is committed.
func (p points) preTokenGeneration(ctx context.Context, source hook.Source, g *grant) (hook.PreTokenGenerationDecision, error) {
	return run(ctx, p, atPreTokenGeneration, func() *hook.PreTokenGeneration {
		ev := &hook.PreTokenGeneration{Event: p.event(ctx, source, g.user), Version: p.tokenVersion(), Scopes: strings.Fields(g.scope)}
		for _, in := range g.groups {
			ev.Groups = append(ev.Groups, hook.Group{Name: in.Name, RoleARN: pick(in.RoleARN, nil, "")})
		}
		_, ev.PreferredRole = rolesOf(g.groups)
		return ev
	})
}

// tokenVersion is the version of the event before tokens that the pool's settings name.
func (p points) tokenVersion() string {
	return cmp.Or(p.pool.Settings.Triggers[PreTokenGeneration].Version, "V1_0")
}

// customMessage runs before a message to a user is built, and before what the
// message is about is committed. It returns [ErrNoSender] if nothing can send it. It
// runs no hook for a message that a custom sender sends: that one gets the code.
func (p points) customMessage(ctx context.Context, kind MessageKind, u *User, attribute string) (hook.CustomMessageDecision, error) {
	m := medium(attribute)
	if err := p.canSend(m); err != nil || present(p, atSender(m)) {
		return hook.CustomMessageDecision{}, err
	}
	d, err := run(ctx, p, atCustomMessage, func() *hook.CustomMessage {
		return &hook.CustomMessage{Event: p.event(ctx, messageSource(CustomMessage, kind), u), Medium: string(m)}
	})
	if err != nil {
		return hook.CustomMessageDecision{}, err
	}
	return d, p.checkWords(ctx, kind, m, d)
}

// pretendMessage is customMessage for nobody: it takes the time, and runs no hook.
func (p points) pretendMessage(ctx context.Context, attribute string) error {
	m := medium(attribute)
	if err := p.canSend(m); err != nil || present(p, atSender(m)) {
		return err
	}
	return pretend(ctx, p, atCustomMessage)
}

// pretendConfirmation is postConfirmation for nobody.
func (p points) pretendConfirmation(ctx context.Context) error {
	return pretend(ctx, p, atPostConfirmation)
}

// checkWords returns an error if a text of a hook would tell no code, or would not tell
// an invited user the name to sign in with. A link tells the code, where there is one.
func (p points) checkWords(ctx context.Context, kind MessageKind, m Medium, d hook.CustomMessageDecision) error {
	if p.linksTo(kind, m) && p.engine.pageURL(ctx) != "" && linkForm.MatchString(d.Body) {
		return nil
	}
	needed := []string{codePlaceholder}
	if kind == MessageInvitation {
		needed = append(needed, namePlaceholder)
	}
	for _, text := range needed {
		if d.Body != "" && !strings.Contains(d.Body, text) {
			return p.ended(ctx, CustomMessage, fmt.Errorf("%w: the text has no %s", hook.ErrInvalidDecision, text))
		}
	}
	return nil
}

// canSend returns [ErrNoSender] if there is neither a hook for the medium nor a
// [Sender] that sends by it. An operation that owes a message asks before it commits anything, for
// a decoy as for a user.
func (p points) canSend(m Medium) error {
	if !sends(p.engine.sender, m) && !present(p, atSender(m)) {
		return &MessageError{Err: ErrNoSender, Medium: m}
	}
	return nil
}

// send sends a message to a user, through the hook for its medium or else
// through the [Sender].
func (p points) send(ctx context.Context, u *User, m *Message) error {
	if err := p.forbids(m); err != nil {
		return err
	}
	sender := atSender(m.Medium)
	if present(p, sender) {
		_, err := run(ctx, p, sender, func() *hook.CustomSender {
			source := messageSource(senderTrigger(m.Medium), m.Kind)
			return &hook.CustomSender{Event: p.event(ctx, source, u), ID: m.ID, To: m.To, Code: m.Code, Encrypt: p.encrypter()}
		})
		return err
	}
	m.addressed(p.pool.Settings.Email)
	return p.engine.send(ctx, m)
}

// senderTrigger is the trigger whose target sends messages by a medium.
func senderTrigger(m Medium) Trigger {
	if m == MediumSMS {
		return CustomSMSSender
	}
	return CustomEmailSender
}

func messageSource(t Trigger, kind MessageKind) hook.Source {
	return hook.Source(string(t) + "_" + string(kind))
}

// beforeTokens runs the hooks between the last proof of a sign-in and its
// tokens: postAuthentication, then preTokenGeneration. What these change is kept
// in the scope, for the grant.
//
// Only the commit decides whether the sign-in gets tokens. So beforeTokens runs
// decide, the part of the commit that decides, as a rehearsal: on a snapshot, and without
// what it writes. If the sign-in would get no tokens, beforeTokens does nothing: the real
// commit refuses and counts. If a hook refuses, nothing of the sign-in is stored, and
// even the proof is not used up. A proof that was used before is [ErrSessionUsed]. Without
// hooks beforeTokens does nothing.
//
// If the real commit would give tokens, although the rehearsal would not, then the
// hooks have not run: insertFamily refuses it.
func (s *scope) beforeTokens(ctx context.Context, source hook.Source, f *family, decide func(store.Tx) (*outcome, error)) error {
	p := s.points()
	s.unasked = present(p, atPostAuthentication) || !s.pages && present(p, atPreTokenGeneration)
	if !s.unasked {
		return nil
	}
	var o *outcome
	err := s.engine.store.View(ctx, func(r store.Reader) (err error) {
		o, err = decide(rehearsal{r})
		return err
	})
	if err != nil {
		return spentOr(err, nil)
	}
	if o.refused != nil || o.step != stepDone {
		return nil //nolint:nilerr // the commit refuses
	}
	s.marks(f)
	if !s.newcomer { // PostConfirmation has run
		if err := p.postAuthentication(ctx, o.user, f); err != nil {
			return err
		}
	}
	if !s.pages { // a browser gets no tokens: its applications do, later
		if err := s.changeTokens(ctx, source, newGrant(o.user, o.groups, f)); err != nil {
			return err
		}
	}
	s.unasked = false
	return nil
}

// changeTokens runs preTokenGeneration for a grant and keeps its decision. It
// returns an error if the decision cannot be carried out, before anything is written.
func (s *scope) changeTokens(ctx context.Context, source hook.Source, g *grant) error {
	if !present(s.points(), atPreTokenGeneration) {
		return nil
	}
	d, err := s.points().preTokenGeneration(ctx, source, g)
	if err != nil {
		return err
	}
	s.changes = &d
	if changesNothing(&d) {
		return nil
	}
	if err := s.tryClaims(ctx, g); err != nil {
		return s.points().ended(ctx, PreTokenGeneration, fmt.Errorf("%w: %w", hook.ErrInvalidDecision, err))
	}
	return nil
}

// errUnasked is returned by the commit of a sign-in whose hooks did not run, because it
// was refused a moment before.
var errUnasked = fmt.Errorf("%w: the sign-in was refused a moment ago", store.ErrConflict)

// A rehearsal is a transaction that keeps no write. Its reads do not see what it would have
// written, so a flow must not read what it has written before.
type rehearsal struct{ store.Reader }

// Insert implements [store.Tx]. It reads whether the key exists.
func (r rehearsal) Insert(table, key string, _ []byte) error {
	values, err := r.Get(store.Ref{Table: table, Key: key})
	if err != nil {
		return err
	}
	if values[0] != nil {
		return store.ErrExists
	}
	return nil
}

// Put implements [store.Tx].
func (rehearsal) Put(string, string, []byte) error { return nil }

// Delete implements [store.Tx].
func (rehearsal) Delete(string, string) error { return nil }
