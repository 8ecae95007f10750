package identity_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	gotoken "go/token"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// hookTables reads the two tables at the head of hooks.go: the triggers by
// flow, and the flows by point.
func hookTables(t *testing.T) (triggers map[string]string, flows map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("hooks.go")
	check(t, "read", err)
	tables := regexp.MustCompile(`(?m)^//\t(\w+) +\w.*\n(?://\t.*\n)+`).FindAllString(string(text), -1)
	if len(tables) != 2 {
		t.Fatalf("hooks.go has %d tables, want 2", len(tables))
	}
	row := regexp.MustCompile(`(?m)^//\t(\S+) +(.*)$`)
	triggers, flows = map[string]string{}, map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(tables[0], -1)[1:] {
		triggers[m[1]] = m[2]
	}
	for _, m := range row.FindAllStringSubmatch(tables[1], -1)[1:] {
		flows[m[1]] = strings.Split(m[2], ", ")
	}
	return triggers, flows
}

// callers are the functions of this room that call a function of some name.
func callers(t *testing.T, names map[string]bool) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	sources(t, func(room, path string, f *ast.File, _ *gotoken.FileSet) {
		if room != "identity" || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || receiver(fn) == "points" || fn.Name.Name == "run" {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				name := sel.Sel.Name
				if name == "letter" { // a flow sends by a letter
					name = "send"
				}
				if !names[name] {
					return true
				}
				if call, ok := sel.X.(*ast.CallExpr); name == "send" && (!ok || !strings.HasSuffix(calledName(call), "points")) {
					return true // another send
				}
				if by := receiver(fn) + "." + fn.Name.Name; !slices.Contains(found[name], by) {
					found[name] = append(found[name], by)
				}
				return true
			})
		}
	})
	return found
}

func calledName(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	return ""
}

// The tables at the head of hooks.go are what the code does.
func TestHookPoints(t *testing.T) {
	triggers, flows := hookTables(t)
	names := map[string]bool{"callable": true, "beforeTokens": true}
	sources(t, func(_, path string, f *ast.File, _ *gotoken.FileSet) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(path, "identity/hooks.go") && receiver(fn) == "points" && runsHooks(fn) {
				names[fn.Name.Name] = true
			}
		}
	})
	if len(names) < 10 {
		t.Fatalf("found the points %v, which are too few", names)
	}
	want := maps.Clone(flows)
	want["callable"] = slices.Collect(maps.Keys(triggers))
	got := callers(t, names)
	for name := range names {
		slices.Sort(got[name])
		slices.Sort(want[name])
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s is called by\n%v, and by the table in hooks.go by\n%v", name, got[name], want[name])
		}
	}
	for name := range flows {
		if !names[name] {
			t.Errorf("the table in hooks.go has %s, which is no point", name)
		}
	}
	for flow := range triggers {
		if hookFlows[flow] == nil {
			t.Errorf("no test comes to %s", flow)
		}
	}
}

// runsHooks reports whether a function calls run.
func runsHooks(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok {
			id, ok := call.Fun.(*ast.Ident)
			found = found || ok && id.Name == "run"
		}
		return true
	})
	return found
}

var allTriggers = []identity.Trigger{
	identity.PreSignUp, identity.PostConfirmation, identity.PreAuthentication, identity.PostAuthentication,
	identity.CustomMessage, identity.PreTokenGeneration, identity.PreTokenGenerationV1, identity.UserMigration,
	identity.DefineAuthChallenge, identity.CreateAuthChallenge, identity.VerifyAuthChallenge,
	identity.CustomSMSSender, identity.CustomEmailSender, identity.InboundFederation,
}

// triggersOf are the triggers of a row of the table in hooks.go.
func triggersOf(row string) []identity.Trigger {
	row = strings.NewReplacer(
		"customTriggers", "DefineAuthChallenge CreateAuthChallenge VerifyAuthChallengeResponse",
		"tokenTriggers", "PostAuthentication PreTokenGeneration PreTokenGenerationV1",
		"messageTriggers", "CustomMessage CustomEmailSender CustomSMSSender",
		"senderTrigger", "CustomSMSSender", // the tests go through the flow by SMS
	).Replace(row)
	var found []identity.Trigger
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(row, -1) {
		if slices.Contains(allTriggers, identity.Trigger(word)) {
			found = append(found, identity.Trigger(word))
		}
	}
	return found
}

// target makes a pool name a target for a trigger.
func (f *fixture) target(t *testing.T, pool *identity.UserPool, trigger identity.Trigger) {
	t.Helper()
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
		s.Triggers = map[identity.Trigger]identity.TriggerTarget{trigger: {ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"}}
	}))
}

// A flow that comes to a trigger with a target is refused, and any other is not.
func TestTriggersRefuse(t *testing.T) {
	triggers, _ := hookTables(t)
	for flow, row := range few.Named(9, triggers) {
		refused := triggersOf(row)
		if len(refused) == 0 {
			t.Errorf("%s has no triggers in the table", flow)
		}
		for way, begin := range few.Named(2, hookFlows[flow]) {
			for i, trigger := range allTriggers {
				if testing.Short() && i%8 > 0 && !slices.Contains(refused, trigger) {
					continue
				}
				f := newEngine(t)
				pool, rest := begin(t, f)
				f.target(t, pool, trigger)
				name := "alice"
				if trigger == identity.UserMigration {
					name = "nobody"
				}
				err := rest(t.Context(), name)
				e, ok := errors.AsType[*identity.TriggerError](err)
				switch want := slices.Contains(refused, trigger); {
				case want && (!ok || e.Trigger != trigger):
					t.Errorf("%s %s with %s: error %v, want a TriggerError", flow, way, trigger, err)
				case !want && ok, !want && err != nil && name == "alice":
					t.Errorf("%s %s with %s: error %v, want none", flow, way, trigger, err)
				}
			}
		}
	}
}

// Triggers that only some calls of a flow come to do not refuse the others.
func TestTriggersThatAreNotComeTo(t *testing.T) {
	f := newEngine(t)
	pool, a := f.hookPool(t)
	f.target(t, pool, identity.UserMigration)
	check(t, "sign-in of a user who is there", byPassword(t, a, "alice", password))
	_, err := a.ForgotPassword(t.Context(), "alice", "")
	check(t, "ForgotPassword of a user who is there", err)
	f.target(t, pool, identity.CustomEmailSender)
	in := invited("bob")
	in.SuppressInvitation = true
	_, err = pool.Admin().Users().Create(t.Context(), in)
	check(t, "invitation that is suppressed", err)
	in.ResendInvitation = true
	_, err = pool.Admin().Users().Create(t.Context(), in)
	check(t, "the same again", err)
}

// A trigger that a pool gets in the middle of a sign-in by SRP is not skipped.
func TestTriggerSinceTheFirstStep(t *testing.T) {
	for _, trigger := range few.Of(3, []identity.Trigger{identity.PostAuthentication, identity.PreTokenGeneration, identity.PreTokenGenerationV1}) {
		f, pool := srpFixture(t)
		right := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
		mistaken := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
		f.target(t, pool, trigger)
		_, err := pool.PasswordVerifier("alice").Answer(t.Context(), mistaken.proof(t, wrong))
		wantErr(t, "a wrong proof", err, identity.ErrIncorrectCredentials)
		_, err = pool.PasswordVerifier("alice").Answer(t.Context(), right.proof(t, password))
		wantErr(t, string(trigger), err, identity.ErrTrigger)
	}
}

// An openStore counts the transactions that are open.
type openStore struct {
	store.Store
	open atomic.Int32
}

func (s *openStore) View(ctx context.Context, fn func(store.Reader) error) error {
	defer s.open.Add(-1)
	s.open.Add(1)
	return s.Store.View(ctx, fn)
}

func (s *openStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	defer s.open.Add(-1)
	s.open.Add(1)
	return s.Store.Update(ctx, fn)
}

// A passage is a hook point that a flow came to.
type passage struct {
	trigger identity.Trigger
	event   hook.Event
	whole   any
}

// passages has each hook point recorded, and refused with what refuse returns.
func passages(t *testing.T, f *fixture, refuse func(identity.Trigger) error) *[]passage {
	t.Helper()
	all := &[]passage{}
	f.OnHook(func(ctx context.Context, trigger identity.Trigger, whole any) error {
		if s, ok := f.store.(*openStore); ok && s.open.Load() != 0 {
			t.Errorf("%s runs inside of a transaction", trigger)
		}
		ev := reflect.ValueOf(whole).FieldByName("Event").Interface().(hook.Event)
		if !reflect.DeepEqual(ev.Call, identity.CallFrom(ctx)) {
			t.Errorf("%s: the event has the call %+v, the context %+v", trigger, ev.Call, identity.CallFrom(ctx))
		}
		*all = append(*all, passage{trigger, ev, whole})
		return refuse(trigger)
	})
	return all
}

func allow(identity.Trigger) error { return nil }

// hookCall has all that a call can have.
var hookCall = identity.Call{
	RequestID: "id", AccessKey: "AKID", Address: netip.MustParseAddr("203.0.113.9"), UserAgent: "shop/1.0",
	ClientMetadata: map[string]string{"shop": "berlin"}, ValidationData: map[string]string{"invite": "4711"},
	Context: &hook.ContextData{Encoded: "opaque", Headers: []hook.Header{{Name: "a", Value: "b"}}},
}

// Each flow comes to its points in order, with the call and what is known of the user.
func TestHooksSeeWhatPasses(t *testing.T) {
	for flow, want := range few.Named(6, map[string]string{
		"attempt.untriggered by password": "PreAuthentication_Authentication PostAuthentication_Authentication TokenGeneration_Authentication",
		"attempt.untriggered by SRP":      "PreAuthentication_Authentication",
		"attempt.untriggered of choice":   "PreAuthentication_Authentication PostAuthentication_Authentication TokenGeneration_Authentication",
		"firstStep.byPassword":            "PostAuthentication_Authentication TokenGeneration_Authentication",
		"pending.proveFirst":              "PostAuthentication_Authentication TokenGeneration_Authentication",
		"scope.firstWords":                "CustomMessage_Authentication CustomSMSSender_Authentication",
		"scope.setFirstPassword":          "PostAuthentication_Authentication TokenGeneration_NewPasswordChallenge",
		"secondStep.proveBy":              "PostAuthentication_Authentication TokenGeneration_Authentication",
		"secondStep.proveRecovery":        "PostAuthentication_Authentication TokenGeneration_Authentication",
		"MFASetupRequired.Answer":         "PostAuthentication_Authentication TokenGeneration_Authentication",
		"AppClient.refresh":               "TokenGeneration_RefreshTokens",
		"AppClient.startCustom":           "PreAuthentication_Authentication DefineAuthChallenge_Authentication CreateAuthChallenge_Authentication",
		"CustomChallenge.answer": "VerifyAuthChallengeResponse_Authentication DefineAuthChallenge_Authentication " +
			"PostAuthentication_Authentication TokenGeneration_Authentication",
		"PasswordVerifier.answerCustom":   "DefineAuthChallenge_Authentication PostAuthentication_Authentication TokenGeneration_Authentication",
		"scope.newSignUp":                 "PreSignUp_SignUp CustomMessage_SignUp CustomEmailSender_SignUp",
		"scope.confirmSignUp":             "PostConfirmation_ConfirmSignUp",
		"Users.Confirm":                   "PostConfirmation_ConfirmSignUp",
		"AppClient.resend":                "CustomMessage_ResendCode CustomEmailSender_ResendCode",
		"AppClient.forgotPassword":        "CustomMessage_ForgotPassword CustomEmailSender_ForgotPassword",
		"AppClient.confirmForgotPassword": "PostConfirmation_ConfirmForgotPassword",
		"Admin.resetPassword":             "CustomMessage_ForgotPassword CustomEmailSender_ForgotPassword",
		"Admin.createUser":                "PreSignUp_AdminCreateUser CustomMessage_AdminCreateUser CustomEmailSender_AdminCreateUser",
		"Admin.reinvite":                  "CustomMessage_AdminCreateUser CustomEmailSender_AdminCreateUser",
		"update.makeCodes by the user":    "CustomMessage_UpdateUserAttribute CustomEmailSender_UpdateUserAttribute",
		"update.makeCodes by an operator": "CustomMessage_UpdateUserAttribute CustomEmailSender_UpdateUserAttribute",
		"Session.sendVerification":        "CustomMessage_VerifyUserAttribute CustomEmailSender_VerifyUserAttribute",
		"scope.sendFactorCode":            "CustomMessage_Authentication CustomSMSSender_Authentication",
	}) {
		for _, sending := range []bool{false, true} { // a hook that sends a message gets the code, so no hook makes its text
			t.Run(fmt.Sprintf("%s, sending %t", flow, sending), func(t *testing.T) {
				name, way, _ := strings.Cut(flow, " ")
				f := newEngineOn(t, &openStore{Store: memory.New()})
				pool, rest := hookFlows[name][way](t, f)
				all := passages(t, f, allow)
				other := "CustomMessage_"
				if !sending {
					f.LeaveSending()
					other = "Sender_"
				}
				if err := rest(identity.WithCall(t.Context(), hookCall), "alice"); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, p := range *all {
					got = append(got, string(p.event.Source))
					checkPassage(t, pool, p)
				}
				want := slices.DeleteFunc(strings.Fields(want), func(source string) bool { return strings.Contains(source, other) })
				if !slices.Equal(got, want) {
					t.Errorf("came to %v, want %s", got, want)
				}
			})
		}
	}
}

// checkPassage checks what every event of a user who exists has.
func checkPassage(t *testing.T, pool *identity.UserPool, p passage) {
	t.Helper()
	ev := p.event
	if ev.Pool != pool.PoolID() || ev.Username == "" || ev.Sub == "" || ev.Status == "" || ev.Attributes["email"] == "" {
		t.Errorf("%s: event %+v", ev.Source, ev)
	}
	if !reflect.DeepEqual(ev.Call, hookCall) {
		t.Errorf("%s: call %+v, want %+v", ev.Source, ev.Call, hookCall)
	}
	if p.trigger == identity.PostConfirmation && ev.Status != "CONFIRMED" {
		t.Errorf("%s: status %s", ev.Source, ev.Status)
	}
}

// The events have what is theirs alone.
func TestHookEvents(t *testing.T) {
	f := newEngine(t)
	pool, a := f.hookPool(t)
	_, err := pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "staff", RoleARN: ptr("arn:aws:iam::123456789012:role/staff")})
	check(t, "Create", err)
	check(t, "Add", pool.Admin().Users().AddToGroup(t.Context(), "alice", "staff"))
	all := passages(t, f, allow)
	ctx := identity.WithCall(t.Context(), hookCall)
	_, err = a.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	got := (*all)[2].whole.(hook.PreTokenGeneration)
	if want := []hook.Group{{Name: "staff", RoleARN: "arn:aws:iam::123456789012:role/staff"}}; !slices.Equal(got.Groups, want) {
		t.Errorf("groups %v, want %v", got.Groups, want)
	}
	if want := []string{"aws.cognito.signin.user.admin"}; !slices.Equal(got.Scopes, want) || got.Client != a.ClientID() {
		t.Errorf("scopes %v of client %s, want %v", got.Scopes, got.Client, want)
	}
	if !reflect.DeepEqual(got.Call, hookCall) {
		t.Errorf("call %+v, want %+v", got.Call, hookCall)
	}

	*all = nil
	wantErr(t, "sign-in of nobody", byPassword(t, a, "nobody", password), identity.ErrUserNotFound)
	if m := (*all)[0].whole.(hook.UserMigration); len(*all) != 1 || m.Username != "nobody" || m.Sub != "" || m.Password != password {
		t.Errorf("the sign-in of nobody came to %+v", *all)
	}
	*all = nil
	_, err = a.ForgotPassword(t.Context(), "nobody", "")
	wantErr(t, "ForgotPassword of nobody", err, identity.ErrUserNotFound)
	if m := (*all)[0].whole.(hook.UserMigration); len(*all) != 1 || m.Source != hook.MigrateForgotPassword || m.Password != "" {
		t.Errorf("ForgotPassword of nobody came to %+v", *all)
	}

	*all = nil
	hidden := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
	wantErr(t, "hidden sign-in of nobody", byPassword(t, hidden, "nobody", password), identity.ErrIncorrectCredentials)
	if p, ok := (*all)[len(*all)-1].whole.(hook.PreAuthentication); !ok || !p.UserNotFound || p.Username != "nobody" {
		t.Errorf("a hidden sign-in of nobody came to %+v", *all)
	}
	*all = nil
	sent := len(f.outbox.Messages(nil))
	_, err = hidden.ForgotPassword(t.Context(), "alice", "")
	check(t, "ForgotPassword", err)
	if s := (*all)[0].whole.(hook.CustomSender); len(*all) != 1 || s.To != email || len(s.Code) != 6 {
		t.Errorf("the sender's event is %+v to %s", s, s.To)
	}
	if len(f.outbox.Messages(nil)) != sent {
		t.Error("a message went out that a hook sends")
	}
	*all = nil
	f.LeaveSending()
	_, err = hidden.ForgotPassword(t.Context(), "alice", "")
	check(t, "ForgotPassword", err)
	if (*all)[0].whole.(hook.CustomMessage).Medium != "EMAIL" {
		t.Errorf("the message's event is %+v", (*all)[0].whole)
	}
}

// A hook that refuses tokens leaves nothing of the sign-in: what proved it is
// good for another try, and a wrong proof is counted as ever.
func TestRefusedTokensLeaveNothing(t *testing.T) {
	refusal := errors.New("not today")
	for _, flow := range few.Of(3, []string{
		"attempt.untriggered by password", "scope.setFirstPassword", "secondStep.proveBy", "secondStep.proveRecovery", "MFASetupRequired.Answer", "AppClient.refresh",
	}) {
		for _, by := range []identity.Trigger{identity.PostAuthentication, identity.PreTokenGeneration} {
			if flow == "AppClient.refresh" && by == identity.PostAuthentication {
				continue
			}
			name, way, _ := strings.Cut(flow, " ")
			f := newEngine(t)
			_, rest := hookFlows[name][way](t, f)
			before := f.contents(t)
			all := passages(t, f, func(trigger identity.Trigger) error {
				if trigger == by {
					return refusal
				}
				return nil
			})
			for range 2 {
				wantErr(t, flow+" by "+string(by), rest(t.Context(), "alice"), refusal)
			}
			if after := f.contents(t); !maps.Equal(before, after) {
				t.Errorf("%s by %s: the store has changed:\n%v\n%v", flow, by, before, after)
			}
			if n := len(*all); (*all)[n-1].trigger != by {
				t.Errorf("%s by %s: a refused sign-in comes to %s", flow, by, (*all)[n-1].trigger)
			}
			*all = nil
			f.OnHook(func(context.Context, identity.Trigger, any) error { return nil })
			check(t, flow+" in the end", rest(t.Context(), "alice"))
		}
	}
}

// contents are all entries of the tables that a sign-in may write, as text.
func (f *fixture) contents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	check(t, "View", f.store.View(t.Context(), func(r store.Reader) error {
		for _, table := range []string{"families", "spent", "events", "throttles", "credentials", "users", "totps", "recoverycodes", "codes"} {
			for entry, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				all[table+entry.Key] = string(entry.Value)
			}
		}
		return nil
	}))
	return all
}

// A rotating refresh that a hook refuses does not use the token up.
func TestRefusedRefreshDoesNotRotate(t *testing.T) {
	f := newEngine(t)
	pool, _ := f.hookPool(t)
	a := f.client(t, pool, identity.ClientSettings{
		AuthFlows: []identity.AuthFlow{identity.AllowUserPassword}, Rotation: &identity.RefreshRotation{Enabled: true},
	})
	old := f.signIn(t, a, "alice").Refresh
	refusal := errors.New("not today")
	passages(t, f, func(identity.Trigger) error { return refusal })
	for range 2 {
		_, err := a.Refresh(t.Context(), identity.Refresh{Token: old, Rotating: true})
		wantErr(t, "refused", err, refusal)
	}
	passages(t, f, allow)
	_, err := a.Refresh(t.Context(), identity.Refresh{Token: old, Rotating: true})
	check(t, "Refresh", err)
}

// A wrong code comes to no hook of tokens, and is counted once.
func TestWrongProofsComeToNoTokens(t *testing.T) {
	f := newEngine(t)
	_, a, _ := f.enrolled(t, "OPTIONAL")
	ch := asked[*identity.TOTPRequired](t, a)
	all := passages(t, f, allow)
	for range 5 {
		wantErr(t, "a wrong code", answer(t.Context(), ch, "000000"), identity.ErrMFACodeMismatch)
	}
	wantErr(t, "the sixth code", answer(t.Context(), ch, "000000"), identity.ErrSessionInvalid, identity.ErrTooManyAttempts)
	wantErr(t, "a wrong password", byPassword(t, a, "alice", wrong), identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)
	for _, p := range *all {
		if p.trigger != identity.PreAuthentication {
			t.Errorf("a wrong proof comes to %s", p.trigger)
		}
	}
}
