package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// hooked is an engine with hooks in every pool.
func hookedEngine(t *testing.T, h identity.Hooks) *fixture {
	t.Helper()
	return newEngineWith(t, twice(memory.New()), func(o *identity.Options) { o.Hooks = &h })
}

// claimsOf are the claims of a token, which is not verified.
func claimsOf(t *testing.T, raw identity.Secret) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(string(raw), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	check(t, "decode", err)
	check(t, "unmarshal", json.Unmarshal(payload, &claims))
	return claims
}

func decideSignUp(d hook.PreSignUpDecision) identity.Hooks {
	return identity.Hooks{PreSignUp: func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) { return d, nil }}
}

// A hook confirms a new user, and verifies the address. The user gets no code.
func TestSignUpThatAHookConfirms(t *testing.T) {
	h := decideSignUp(hook.PreSignUpDecision{Confirm: true, VerifyEmail: true})
	var confirmed []string
	h.PostConfirmation = func(_ context.Context, e *hook.PostConfirmation) error {
		confirmed = append(confirmed, string(e.Source)+" "+e.Username+" "+e.Status+" "+e.Attributes["email_verified"])
		return nil
	}
	f := hookedEngine(t, h)
	pool := f.open(t, cognitoPool)
	res := f.signUp(t, pool, "alice", email)
	if !res.Confirmed || res.Delivery != nil || len(f.outbox.Messages(nil)) != 0 {
		t.Errorf("the sign-up answers %+v and sends %d messages", res, len(f.outbox.Messages(nil)))
	}
	if want := []string{"PostConfirmation_ConfirmSignUp alice CONFIRMED true"}; !slices.Equal(confirmed, want) {
		t.Errorf("after the confirmation ran %v, want %v", confirmed, want)
	}
	f.signIn(t, f.client(t, pool, identity.ClientSettings{}), "alice")
}

// A hook verifies the address alone. The user confirms with a code all the same.
func TestSignUpWhoseAddressAHookVerifies(t *testing.T) {
	f := hookedEngine(t, decideSignUp(hook.PreSignUpDecision{VerifyEmail: true}))
	pool := f.open(t, cognitoPool)
	if res := f.signUp(t, pool, "alice", email); res.Confirmed {
		t.Error("the user is confirmed")
	}
	if u := f.user(t, pool, "alice"); u.Attributes["email_verified"] != "true" || u.Status != identity.StatusUnconfirmed {
		t.Errorf("the user is %s with email_verified %q", u.Status, u.Attributes["email_verified"])
	}
}

// A hook that verifies an address which is not there, that refuses, that fails or panics: no
// user is made.
func TestSignUpThatAHookRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error)
		want error
	}{
		"no phone": {decideSignUp(hook.PreSignUpDecision{VerifyPhone: true}).PreSignUp, identity.ErrHookDecision},
		"refuses": {func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) {
			return hook.PreSignUpDecision{Confirm: true}, hook.Refuse("Invalid email domain")
		}, identity.ErrHookRefused},
		"panics": {func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) { panic("oops") }, identity.ErrHookFailed},
	} {
		f := hookedEngine(t, identity.Hooks{PreSignUp: c.run})
		pool := f.open(t, cognitoPool)
		_, err := pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
		wantErr(t, name, err, c.want)
		if e, ok := errors.AsType[*identity.HookError](err); !ok || e.Trigger != identity.PreSignUp {
			t.Errorf("%s: error %v, want a HookError", name, err)
		}
		if r, ok := errors.AsType[*hook.RefusalError](err); name == "refuses" && (!ok || r.Reason != "Invalid email domain") {
			t.Errorf("%s: error %v has no reason", name, err)
		}
		_, err = pool.Admin().Users().Get(t.Context(), "alice")
		wantErr(t, name+": the user", err, identity.ErrUserNotFound)
	}
}

// What the caller may not be told of a hook that fails is in the log. A refusal is told, and
// is not in the log.
func TestFailuresOfHooksAreLogged(t *testing.T) {
	for name, c := range map[string]struct {
		d    hook.PreSignUpDecision
		err  error
		want string
	}{
		"fails":            {err: errInjected, want: errInjected.Error()},
		"cannot be called": {err: &hook.FailureError{Name: "ServiceException", Err: errInjected}, want: errInjected.Error()},
		"decides badly":    {d: hook.PreSignUpDecision{VerifyPhone: true}, want: "no phone_number to be verified"},
		"refuses":          {err: hook.Refuse("Invalid email domain")},
	} {
		var log bytes.Buffer
		h := identity.Hooks{PreSignUp: func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) { return c.d, c.err }}
		f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Hooks, o.Logger = &h, slog.New(slog.NewTextHandler(&log, nil)) })
		pool := f.open(t, cognitoPool)
		_, err := pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: attrs{"email": email}})
		wantErr(t, name, err, identity.ErrHookFailed, identity.ErrHookDecision, identity.ErrHookRefused)
		if logged := log.String(); c.want == "" && logged != "" || !strings.Contains(logged, c.want) || c.want != "" && !strings.Contains(logged, "trigger=PreSignUp") {
			t.Errorf("%s: the log has %q, want %q", name, logged, c.want)
		}
	}
}

// A sign-in that ends while a hook runs gives no tokens, whether or not the client rotates.
func TestRefreshOfASignInThatEndsMeanwhile(t *testing.T) {
	for _, settings := range []identity.PoolSettings{cognitoPool, {}} {
		for name, end := range few.Named(2, map[string]func(context.Context, identity.Users) error{
			"signed out": func(ctx context.Context, us identity.Users) error { return us.SignOut(ctx, "alice") },
			"disabled":   func(ctx context.Context, us identity.Users) error { return us.Disable(ctx, "alice") },
			"deleted":    func(ctx context.Context, us identity.Users) error { return us.Delete(ctx, "alice") },
		}) {
			var pool *identity.UserPool
			f := hookedEngine(t, identity.Hooks{PreTokenGeneration: func(ctx context.Context, e *hook.PreTokenGeneration) (d hook.PreTokenGenerationDecision, err error) {
				if e.Source == hook.TokensOfRefresh {
					err = end(ctx, pool.Admin().Users())
				}
				return d, err
			}})
			pool = f.open(t, settings)
			f.join(t, pool, "alice", email)
			a := f.client(t, pool, identity.ClientSettings{})
			in := f.signIn(t, a, "alice")
			_, err := a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh, Rotating: true})
			wantErr(t, name, err, identity.ErrRefreshTokenRevoked, identity.ErrUserDisabled)
		}
	}
}

// A hook before a sign-up sees the attributes as they were given, and none that the engine adds.
func TestHookSeesASignUpAsItWasGiven(t *testing.T) {
	var got map[string]string
	f := hookedEngine(t, identity.Hooks{PreSignUp: func(_ context.Context, e *hook.PreSignUp) (hook.PreSignUpDecision, error) {
		got = e.Attributes
		return hook.PreSignUpDecision{}, nil
	}})
	pool := f.open(t, cognitoPool)
	f.signUp(t, pool, "alice", email)
	if want := (attrs{"email": email}); !maps.Equal(got, want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	if u := f.user(t, pool, "alice"); u.Attributes["email_verified"] != "false" {
		t.Errorf("the user has the attributes %v", u.Attributes)
	}
}

// A name that is locked causes no calls of hooks.
func TestLockedNameCallsNoHooks(t *testing.T) {
	calls := map[string]int{}
	f := hookedEngine(t, identity.Hooks{PreAuthentication: func(_ context.Context, e *hook.PreAuthentication) error {
		calls[e.Username]++
		return nil
	}})
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 20 {
		for _, name := range []string{"alice", "nobody"} {
			wantErr(t, "a guess", byPassword(t, pool.AppClient, name, wrong), identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)
		}
	}
	if calls["alice"] > 6 || calls["alice"] != calls["nobody"] {
		t.Errorf("20 guesses for each name have called the hook %v times", calls)
	}
}

// A hangup is a store whose caller goes as soon as something is committed.
type hangup struct {
	store.Store
	hang func()
}

func (h *hangup) Unwrap() store.Store { return h.Store }

func (h *hangup) Update(ctx context.Context, fn func(store.Tx) error) error {
	defer h.hang()
	return h.Store.Update(ctx, fn)
}

// Whoever hangs up once the confirmation is stored does not get around the hook that comes then.
func TestHookAfterAConfirmationRunsForACallerWhoHasGone(t *testing.T) {
	for _, confirms := range []bool{false, true} {
		ran := 0
		h := decideSignUp(hook.PreSignUpDecision{Confirm: confirms})
		h.PostConfirmation = func(ctx context.Context, _ *hook.PostConfirmation) error {
			ran++
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the hook has all the time in the world")
			}
			return ctx.Err()
		}
		st := &hangup{memory.New(), func() {}}
		f := newEngineWith(t, st, func(o *identity.Options) { o.Hooks = &h })
		pool := f.open(t, cognitoPool)
		ctx, cancel := context.WithCancel(t.Context())
		f.signUp(t, pool, "bob", "bob@example.com") // makes the keys of the pool
		ran = 0
		in := identity.SignUp{Username: "alice", Password: password, Attributes: attrs{"email": email}}
		if confirms {
			st.hang = cancel
			_, err := pool.SignUp(ctx, in)
			check(t, "SignUp", err)
		} else {
			_, err := pool.SignUp(ctx, in)
			check(t, "SignUp", err)
			st.hang = cancel
			check(t, "ConfirmSignUp", pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: identity.Secret(f.outbox.LastCode(email))}))
		}
		if ran != 1 {
			t.Errorf("the hook ran %d times", ran)
		}
	}
}

// A hook that changes its event changes nobody.
func TestHookThatChangesItsEvent(t *testing.T) {
	f := hookedEngine(t, identity.Hooks{PreSignUp: func(_ context.Context, e *hook.PreSignUp) (hook.PreSignUpDecision, error) {
		e.Attributes["email"] = "mallory@example.com"
		return hook.PreSignUpDecision{}, nil
	}})
	pool := f.open(t, cognitoPool)
	f.signUp(t, pool, "alice", email)
	if got := f.user(t, pool, "alice").Attributes["email"]; got != email {
		t.Errorf("email %q", got)
	}
}

// An error of the hook after a confirmation is told, and the user stays confirmed.
func TestErrorAfterAConfirmationUndoesNothing(t *testing.T) {
	f := hookedEngine(t, identity.Hooks{PostConfirmation: func(context.Context, *hook.PostConfirmation) error { return errInjected }})
	pool := f.open(t, cognitoPool)
	f.signUp(t, pool, "alice", email)
	err := pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: identity.Secret(f.outbox.LastCode(email))})
	wantErr(t, "ConfirmSignUp", err, identity.ErrHookFailed, errInjected)
	if u := f.user(t, pool, "alice"); u.Status != identity.StatusConfirmed {
		t.Errorf("the user is %s", u.Status)
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// staff is what a hook of these tests makes of every token.
var staff = hook.PreTokenGenerationDecision{
	ID:             hook.Claims{Set: map[string]json.RawMessage{"plan": raw(`"gold"`), "sub": raw(`"mallory"`)}, Suppress: []string{"email", "iss"}},
	Access:         hook.Claims{Set: map[string]json.RawMessage{"tenants": raw(`["a","b"]`), "client_id": raw(`"mallory"`), "exp": raw(`9999999999`)}},
	AddScopes:      []string{"orders/read"},
	SuppressScopes: []string{"aws.cognito.signin.user.admin"},
	Groups:         &hook.GroupOverride{Names: []string{"staff"}, Roles: []string{"arn:r"}, PreferredRole: "arn:r"},
}

// tokensOf signs alice in under hooks, and refreshes. It returns both pairs.
func tokensOf(t *testing.T, h identity.Hooks) []*identity.Tokens {
	t.Helper()
	f := hookedEngine(t, h)
	pool := f.open(t, cognitoPool)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	first := f.signIn(t, a, "alice")
	second, err := a.Refresh(t.Context(), identity.Refresh{Token: first.Refresh})
	check(t, "Refresh", err)
	return []*identity.Tokens{first, second}
}

func decideTokens(d hook.PreTokenGenerationDecision) identity.Hooks {
	return identity.Hooks{PreTokenGeneration: func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
		return d, nil
	}}
}

// A hook changes claims, scopes and groups of both tokens, at a sign-in and at a
// refresh, except for claims that must not change.
func TestTokensThatAHookChanges(t *testing.T) {
	for i, tokens := range tokensOf(t, decideTokens(staff)) {
		id, access := claimsOf(t, tokens.ID), claimsOf(t, tokens.Access)
		if id["plan"] != "gold" || id["email"] != nil || id["sub"] == "mallory" || id["sub"] == nil || id["iss"] == nil || id["cognito:preferred_role"] != "arn:r" {
			t.Errorf("pair %d: ID token %v", i, id)
		}
		if access["scope"] != "orders/read" || access["client_id"] == "mallory" || access["exp"] == 9999999999.0 || len(access["tenants"].([]any)) != 2 {
			t.Errorf("pair %d: access token %v", i, access)
		}
		for _, c := range []map[string]any{id, access} {
			if got := c["cognito:groups"]; len(got.([]any)) != 1 || got.([]any)[0] != "staff" {
				t.Errorf("pair %d: groups %v", i, got)
			}
		}
	}
}

// An empty override takes all groups away, and no override leaves them.
func TestTokensWithoutGroups(t *testing.T) {
	f := hookedEngine(t, identity.Hooks{PreTokenGeneration: func(_ context.Context, e *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
		if e.Call.ClientMetadata["none"] == "" {
			return hook.PreTokenGenerationDecision{}, nil
		}
		return hook.PreTokenGenerationDecision{Groups: &hook.GroupOverride{}}, nil
	}})
	pool := f.open(t, cognitoPool)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	_, err := pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "staff"})
	check(t, "Create", err)
	check(t, "AddToGroup", pool.Admin().Users().AddToGroup(t.Context(), "alice", "staff"))
	if got := claimsOf(t, f.signIn(t, a, "alice").ID)["cognito:groups"]; got == nil {
		t.Error("a decision that is zero takes the groups away")
	}
	ctx := identity.WithCall(t.Context(), identity.Call{ClientMetadata: map[string]string{"none": "yes"}})
	in, err := a.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	if got := claimsOf(t, in.Tokens.ID)["cognito:groups"]; got != nil {
		t.Errorf("groups %v, want none", got)
	}
}

// A decision that cannot be carried out refuses the sign-in before anything of it is stored.
func TestTokensThatNoHookMayMake(t *testing.T) {
	for name, d := range few.Named(2, map[string]hook.PreTokenGenerationDecision{
		"scope with a space": {AddScopes: []string{"a b"}},
		"empty scope":        {AddScopes: []string{""}},
		"reserved scope":     {AddScopes: []string{"aws.cognito.signin.user.admin"}},
		"null":               {ID: hook.Claims{Set: map[string]json.RawMessage{"a": raw("null")}}},
		"not JSON":           {ID: hook.Claims{Set: map[string]json.RawMessage{"a": raw(`{`)}}},
		"object as a flag":   {ID: hook.Claims{Set: map[string]json.RawMessage{"email_verified": raw(`{}`)}}},
		"other audience":     {Access: hook.Claims{Set: map[string]json.RawMessage{"aud": raw(`"other"`)}}},
		"half a megabyte":    {ID: hook.Claims{Set: map[string]json.RawMessage{"a": raw(`"` + strings.Repeat("x", 1<<19) + `"`)}}},
	}) {
		f := hookedEngine(t, decideTokens(d))
		pool := f.open(t, cognitoPool)
		a := f.client(t, pool, identity.ClientSettings{})
		f.join(t, pool, "alice", email)
		before := f.contents(t)
		wantErr(t, name, byPassword(t, a, "alice", password), identity.ErrHookDecision, hook.ErrInvalidDecision)
		if after := f.contents(t); !maps.Equal(before, after) {
			t.Errorf("%s: the store has changed", name)
		}
	}
}

// The hooks of all pools run first, then those of the pool, then the pool's target. The
// later decision wins, and what one suppresses stays away.
func TestOrderOfHooks(t *testing.T) {
	var ran []string
	say := func(who, plan string, suppress ...string) identity.Hooks {
		return identity.Hooks{PreTokenGeneration: func(_ context.Context, e *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error) {
			ran = append(ran, who+" "+e.Version)
			return hook.PreTokenGenerationDecision{ID: hook.Claims{Set: map[string]json.RawMessage{"plan": raw(plan), who: raw("1")}, Suppress: suppress}}, nil
		}}
	}
	all, target := say("all", `"a"`, "email"), say("target", `"c"`)
	f := newEngineWith(t, twice(memory.New()), func(o *identity.Options) {
		o.Hooks = &all
		o.PoolHooks = map[string]identity.Hooks{t.Name(): say("pool", `"b"`), "other": say("other", `"d"`)}
		o.Targets = func(_ *identity.PoolInfo, trigger identity.Trigger, in identity.TriggerTarget) *identity.Hooks {
			if trigger != identity.PreTokenGeneration || !strings.HasSuffix(in.ARN, ":f") {
				return nil
			}
			return &target
		}
	})
	pool := f.open(t, cognitoPool)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	f.target(t, pool, identity.PreTokenGeneration)
	id := claimsOf(t, f.signIn(t, a, "alice").ID)
	if want := []string{"all V1_0", "pool V1_0", "target V1_0"}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
	if id["plan"] != "c" || id["email"] != nil || id["all"] == nil || id["pool"] == nil || id["target"] == nil {
		t.Errorf("claims %v", id)
	}
	f.target(t, pool, identity.PreAuthentication) // nothing calls this one
	wantErr(t, "a target that cannot be called", byPassword(t, a, "alice", password), identity.ErrTrigger)
}

// A hook words the messages of each kind.
func TestMessagesThatAHookWords(t *testing.T) {
	f := hookedEngine(t, identity.Hooks{CustomMessage: func(_ context.Context, e *hook.CustomMessage) (hook.CustomMessageDecision, error) {
		return hook.CustomMessageDecision{Subject: "S " + string(e.Source), Body: "B {####} for {username}"}, nil
	}})
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	a := f.client(t, pool, identity.ClientSettings{})
	_, err := a.ForgotPassword(t.Context(), "alice", "")
	check(t, "ForgotPassword", err)
	_, err = pool.Admin().Users().Create(t.Context(), invited("bob"))
	check(t, "Create", err)
	for i, want := range []string{"CustomMessage_AdminCreateUser bob", "CustomMessage_ForgotPassword alice", "CustomMessage_SignUp alice"} {
		m := f.outbox.Messages(nil)[i]
		source, name, _ := strings.Cut(want, " ")
		if m.Subject != "S "+source || m.Body != "B "+string(m.Code)+" for "+name {
			t.Errorf("message %d: subject %q, body %q", i, m.Subject, m.Body)
		}
	}
}

// A text that tells no code is refused, before anything is stored.
func TestMessageWithoutItsCode(t *testing.T) {
	for body, refused := range map[string]bool{"Hello": true, "Hello {####}": false, "": false} {
		f := hookedEngine(t, identity.Hooks{CustomMessage: func(context.Context, *hook.CustomMessage) (hook.CustomMessageDecision, error) {
			return hook.CustomMessageDecision{Body: body}, nil
		}})
		pool := f.open(t, cognitoPool)
		_, err := pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
		if got := errors.Is(err, hook.ErrInvalidDecision); got != refused {
			t.Errorf("%q: error %v", body, err)
		}
		if _, err = pool.Admin().Users().Get(t.Context(), "alice"); errors.Is(err, identity.ErrUserNotFound) != refused {
			t.Errorf("%q: the user: %v", body, err)
		}
		_, err = pool.Admin().Users().Create(t.Context(), invited("bob"))
		if got := errors.Is(err, hook.ErrInvalidDecision); got != (body != "") { // no text has {username}
			t.Errorf("%q: invitation: error %v", body, err)
		}
	}
}

// A betweenStore runs a function after its first transaction since it was armed.
type betweenStore struct {
	store.Store
	armed bool
	after func()
}

func (s *betweenStore) View(ctx context.Context, fn func(store.Reader) error) error {
	defer s.between()
	return s.Store.View(ctx, fn)
}

func (s *betweenStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	defer s.between()
	return s.Store.Update(ctx, fn)
}

func (s *betweenStore) between() {
	if after := s.after; s.armed && after != nil {
		s.after = nil
		after()
	}
}

// A sign-in that is refused in its rehearsal, and would be accepted a moment later, gets no
// tokens that no hook has seen.
func TestNoTokensWithoutTheirHooks(t *testing.T) {
	s := &betweenStore{Store: memory.New()}
	f := newEngineWith(t, s, func(o *identity.Options) {
		d := decideTokens(staff)
		d.PreAuthentication = func(context.Context, *hook.PreAuthentication) error {
			s.armed = true // the rehearsal comes next
			return nil
		}
		o.Hooks = &d
	})
	pool := f.open(t, identity.PoolSettings{}) // which does not say who is disabled before the password was proved
	a := pool.AppClient
	f.join(t, pool, "alice", email)
	check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
	s.after = func() { check(t, "Enable", pool.Admin().Users().Enable(t.Context(), "alice")) }
	before := f.contents(t)
	wantErr(t, "a sign-in between two states", byPassword(t, a, "alice", password), store.ErrConflict)
	if s.after != nil {
		t.Fatal("the sign-in was not rehearsed")
	}
	for key := range f.contents(t) {
		if before[key] == "" && strings.HasPrefix(key, "families") {
			t.Errorf("a sign-in was stored: %s", key)
		}
	}
	check(t, "a sign-in after it", byPassword(t, a, "alice", password))
}

// A hook gets the addresses that are names of the user, and no other.
func TestEventHasTheAliases(t *testing.T) {
	cases := map[string]struct {
		set  identity.PoolSettings
		name string
		want string
	}{
		"no aliases":         {identity.PoolSettings{}, "alice", ""},
		"an alias":           {identity.PoolSettings{Aliases: []string{"email"}}, "alice", email},
		"e-mail as the name": {identity.PoolSettings{UsernameAttributes: []string{"email"}}, email, email},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got *hook.PreAuthentication
			f := newEngineWith(t, memory.New(), func(o *identity.Options) {
				o.Hooks = &identity.Hooks{PreAuthentication: func(_ context.Context, e *hook.PreAuthentication) error {
					got = e
					return nil
				}}
			})
			c.set.Name, c.set.Defaults, c.set.AutoVerified, c.set.PasswordPolicy = "main", cognitoPool.Defaults, cognitoPool.AutoVerified, cognitoPool.PasswordPolicy
			pool := f.open(t, c.set)
			a := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, c.name, email)
			check(t, "sign in", byPassword(t, a, c.name, password))
			if got == nil || got.Aliases["email"] != c.want {
				t.Errorf("event %+v, want the alias %q", got, c.want)
			}
		})
	}
}
