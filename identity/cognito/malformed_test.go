package cognito_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/cognito"
)

// forgedBodies are wrong for every operation.
var forgedBodies = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"nothing":                 "",
		"space":                   " \r\n\t",
		"null":                    "null",
		"a list":                  "[]",
		"a text":                  `"x"`,
		"a number":                "1",
		"a boolean":               "true",
		"an empty object":         "{}",
		"cut off":                 "{",
		"cut off in a text":       `{"UserPoolId":"us-`,
		"cut off in an escape":    `{"UserPoolId":"\u00`,
		"cut off before a value":  `{"UserPoolId":`,
		"something after the end": `{} {}`,
		"a bracket too many":      `{}}`,
		"deep lists":              strings.Repeat("[", 20_000),
		"deep objects":            strings.Repeat(`{"a":`, 20_000),
		"a deep unknown member":   `{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}",
		"a long unknown member":   `{"x":"` + strings.Repeat("a", 200_000) + `"}`,
		"too long":                `{"x":"` + strings.Repeat("a", 20_000_000) + `"}`,
		"a lone surrogate":        `{"x":"\ud800"}`,
		"invalid UTF-8":           "{\"x\":\"\xff\xfe\"}",
		"overlong UTF-8":          "{\"x\":\"\xc0\x80\"}",
		"NUL":                     "{\"x\":\"\x00\"}",
		"escaped NUL":             `{"x":"\u0000"}`,
		"NUL in a name":           `{"\u0000":1}`,
		"a byte order mark":       "\ufeff{}",
		"a control character":     "{\"x\":\"\x01\"}",
		"a trailing comma":        `{"x":1,}`,
		"single quotes":           `{'x':1}`,
		"a comment":               `{/**/}`,
		"a huge number":           `{"x":1e999999999}`,
		"a long number":           `{"x":` + strings.Repeat("9", 100_000) + "}",
		"a bad number":            `{"x":01}`,
		"NaN":                     `{"x":NaN}`,
		"a form":                  "UserPoolId=us-east-1_x&Username=a",
		"XML":                     "<GetUser/>",
		"all types":               `{"UserPoolId":1,"ClientId":[],"Username":{},"AccessToken":true,"Session":false,"MaxResults":"x","IdentityPoolId":{}}`,
		"names twice":             `{"UserPoolId":"x","UserPoolId":5,"ClientId":"x","ClientId":{}}`,
	}
})

// wantRefusal checks what every answer to a forged request has: an error of
// the service below 500, soon, and nothing written but counts of attempts.
func wantRefusal(t *testing.T, s *server, what string, a *answer, took time.Duration) {
	t.Helper()
	wrote := s.store.written()
	if took > time.Second {
		t.Errorf("%s: %s took %v", a.op, what, took)
	}
	if a.status == http.StatusOK {
		return
	}
	if a.status < 400 || a.status > 499 || a.body["__type"] == nil {
		t.Errorf("%s: %s: %d %s", a.op, what, a.status, a.raw)
	}
	if len(a.raw) > 64<<10 {
		t.Errorf("%s: %s: the refusal has %d bytes", a.op, what, len(a.raw))
	}
	for _, table := range wrote {
		if name, _, _ := strings.Cut(table, "."); name != "throttles" && name != "events" {
			t.Errorf("%s: %s was refused, and wrote to %s", a.op, what, table)
		}
	}
}

// timed makes a call and tells how long it took. A slow one is made again: on a
// busy machine anything can be slow once, and what costs too much is slow each time.
func timed(s *server, target, raw string) (a *answer, took time.Duration) {
	for range 3 {
		began := time.Now()
		a = s.send(target, raw)
		if took = time.Since(began); took < time.Second || a.status == http.StatusOK {
			break
		}
	}
	return a, took
}

// The short tier sends each operation a seventh of the bodies, another one each time.
func TestForgedBodies(t *testing.T) {
	s := newServer(t)
	operations, forged := 0, forgedBodies()
	names := slices.Sorted(maps.Keys(forged))
	for i, service := range cognito.Services() {
		prefix := []string{idpPrefix, fedidPrefix}[i]
		for _, op := range service.Operations {
			operations++
			for j, what := range names {
				if testing.Short() && (operations+j)%13 != 0 {
					continue
				}
				a, took := timed(s, prefix+op.Name, forged[what])
				wantRefusal(t, s, what, a, took)
				if a.status == http.StatusOK {
					t.Errorf("%s: %s is accepted: %s", op.Name, what, a.raw)
				}
			}
		}
	}
	if operations != 176 || len(forged) < 20 {
		t.Errorf("%d operations with %d forged bodies each, want 176 with 20 or more", operations, len(forged))
	}
	for _, target := range []string{"", ".", "x", idpPrefix, idpPrefix + "NoSuch", "getuser", "GetUser", fedidPrefix + "GetUser", idpPrefix + "getUser", strings.Repeat("x", 9000)} {
		s.send(target, "{}").want(t, problem{"UnknownOperationException", "", 0})
	}
}

// validBodies is a request of each served operation that the model allows, and
// that succeeds but for those about authenticator apps, which the pool does not have.
func (w *world) validBodies() map[string]obj {
	victim := w.server.pool(nil)
	victims := w.keeper.addSecret(ownSecret)
	arn := w.arn(w.pool)
	doomed := w.server.client(w.pool, nil)
	fred := w.open.newPassword("fred", nil)
	w.ok("ForgotPassword", obj{"ClientId": w.open.id, "Username": "alice"})
	reset := w.outbox.LastCode("alice")
	access := w.open.access("alice")
	w.ok("GetUserAttributeVerificationCode", obj{"AccessToken": access, "AttributeName": "email"})
	verification := w.outbox.LastCode("alice")
	server := w.server.client(w.pool, obj{"ExplicitAuthFlows": list{"ALLOW_ADMIN_USER_PASSWORD_AUTH"}})
	signIn := obj{
		"UserPoolId": w.pool, "ClientId": server.id, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
		"AuthParameters": obj{"USERNAME": "alice", "PASSWORD": goodPass},
	}
	w.invited(w.pool, "freda")
	freda := w.ok("AdminInitiateAuth", with(signIn, obj{"AuthParameters": obj{"USERNAME": "freda", "PASSWORD": goodPass}}))
	firstPassword := server.respond("NEW_PASSWORD_REQUIRED", str(w.t, freda, "Session"), obj{"USERNAME": "freda", "NEW_PASSWORD": otherPass})
	bodies := map[string]obj{
		"CreateUserPool":                   {"PoolName": "p"},
		"DescribeUserPool":                 {"UserPoolId": w.pool},
		"DeleteUserPool":                   {"UserPoolId": victim},
		"ListUserPools":                    {"MaxResults": 1},
		"CreateUserPoolClient":             {"UserPoolId": w.pool, "ClientName": "c"},
		"DescribeUserPoolClient":           {"UserPoolId": w.pool, "ClientId": w.open.id},
		"SignUp":                           w.open.signUpBody("new"),
		"ConfirmSignUp":                    w.open.confirmBody("una", w.outbox.LastCode("una")),
		"ResendConfirmationCode":           {"ClientId": w.open.id, "Username": "una"},
		"InitiateAuth":                     w.open.passwordAuth("alice", goodPass),
		"RespondToAuthChallenge":           fred,
		"GetTokensFromRefreshToken":        {"ClientId": w.open.id, "RefreshToken": w.open.refresh("alice")},
		"RevokeToken":                      {"ClientId": w.open.id, "Token": w.open.refresh("alice")},
		"GetClientToken":                   {"ClientId": w.machine().id, "Secret": ownSecret},
		"GlobalSignOut":                    {"AccessToken": w.open.access("alice")},
		"GetUser":                          {"AccessToken": w.open.access("alice")},
		"AdminCreateUser":                  {"UserPoolId": w.pool, "Username": "made"},
		"AdminGetUser":                     {"UserPoolId": w.pool, "Username": "alice"},
		"AdminSetUserPassword":             {"UserPoolId": w.pool, "Username": "alice", "Password": goodPass},
		"ListUsers":                        {"UserPoolId": w.pool},
		"UpdateUserPool":                   {"UserPoolId": w.pool, "AutoVerifiedAttributes": list{"email"}},
		"AddCustomAttributes":              {"UserPoolId": w.pool, "CustomAttributes": list{stringAttribute(nil)}},
		"SetUserPoolMfaConfig":             {"UserPoolId": w.pool},
		"GetUserPoolMfaConfig":             {"UserPoolId": w.pool},
		"TagResource":                      {"ResourceArn": arn, "Tags": obj{"k": "v"}},
		"UntagResource":                    {"ResourceArn": arn, "TagKeys": list{"k"}},
		"ListTagsForResource":              {"ResourceArn": arn},
		"UpdateUserPoolClient":             {"UserPoolId": w.pool, "ClientId": w.rotating(0).id},
		"DeleteUserPoolClient":             {"UserPoolId": w.pool, "ClientId": doomed.id},
		"ListUserPoolClients":              {"UserPoolId": w.pool},
		"AddUserPoolClientSecret":          {"UserPoolId": w.pool, "ClientId": w.server.client(w.pool, obj{"GenerateSecret": true}).id},
		"DeleteUserPoolClientSecret":       {"UserPoolId": w.pool, "ClientId": w.keeper.id, "ClientSecretId": victims},
		"ListUserPoolClientSecrets":        {"UserPoolId": w.pool, "ClientId": w.keeper.id},
		"ChangePassword":                   {"AccessToken": access, "PreviousPassword": goodPass, "ProposedPassword": goodPass},
		"UpdateUserAttributes":             {"AccessToken": access, "UserAttributes": attrs("nickname", "al")},
		"DeleteUserAttributes":             {"AccessToken": access, "UserAttributeNames": list{"nickname"}},
		"GetUserAttributeVerificationCode": {"AccessToken": access, "AttributeName": "email"},
		"VerifyUserAttribute":              {"AccessToken": access, "AttributeName": "email", "Code": verification},
		"AdminUpdateUserAttributes":        {"UserPoolId": w.pool, "Username": "alice", "UserAttributes": attrs("nickname", "al")},
		"AdminDeleteUserAttributes":        {"UserPoolId": w.pool, "Username": "alice", "UserAttributeNames": list{"nickname"}},
		"ForgotPassword":                   {"ClientId": w.open.id, "Username": "rita"},
		"ConfirmForgotPassword":            {"ClientId": w.open.id, "Username": "alice", "ConfirmationCode": reset, "Password": goodPass},
		"AdminResetUserPassword":           {"UserPoolId": w.pool, "Username": "rob"},
		"AdminInitiateAuth":                signIn,
		"AdminRespondToAuthChallenge":      with(firstPassword, obj{"UserPoolId": w.pool}),
		"AssociateSoftwareToken":           {"AccessToken": access},
		"VerifySoftwareToken":              {"AccessToken": access, "UserCode": "123456"},
		"SetUserMFAPreference":             {"AccessToken": access, "SMSMfaSettings": obj{"Enabled": false}},
		"AdminSetUserMFAPreference":        {"UserPoolId": w.pool, "Username": "alice"},
		"GetUserAuthFactors":               {"AccessToken": access},
		"AdminGetUserAuthFactors":          {"UserPoolId": w.pool, "Username": "alice"},
		"AdminDeleteSoftwareToken":         {"UserPoolId": w.pool, "Username": "alice"},
		"SetUserSettings":                  {"AccessToken": access, "MFAOptions": list{}},
		"AdminSetUserSettings":             {"UserPoolId": w.pool, "Username": "alice", "MFAOptions": list{}},
	}
	for _, more := range w.furtherBodies() {
		maps.Copy(bodies, more)
	}
	return bodies
}

// furtherBodies are the valid bodies that stand with the tests of their subject.
func (w *world) furtherBodies() []map[string]obj {
	return []map[string]obj{
		w.validUserBodies(), w.validImportBodies(), w.validPasskeyBodies(), w.validDeviceBodies(), w.validResourceServerBodies(),
		w.validDomainBodies(), w.validPageBodies(), w.validSessionBodies(), w.validProviderBodies(),
	}
}

// validUserBodies are the valid bodies about the lives of users and their groups.
func (w *world) validUserBodies() map[string]obj {
	w.made(w.pool, "leaver")
	w.made(w.pool, "outcast")
	w.open.signUp("ursula")
	w.group("admins", nil)
	w.group("doomed", nil)
	return map[string]obj{
		"AdminEnableUser":          {"UserPoolId": w.pool, "Username": "dora"},
		"AdminDisableUser":         {"UserPoolId": w.pool, "Username": "dora"},
		"AdminConfirmSignUp":       {"UserPoolId": w.pool, "Username": "ursula"},
		"AdminUserGlobalSignOut":   {"UserPoolId": w.pool, "Username": "dora"},
		"AdminDeleteUser":          {"UserPoolId": w.pool, "Username": "outcast"},
		"DeleteUser":               {"AccessToken": w.open.access("leaver")},
		"CreateGroup":              {"UserPoolId": w.pool, "GroupName": "new"},
		"GetGroup":                 {"UserPoolId": w.pool, "GroupName": "admins"},
		"UpdateGroup":              {"UserPoolId": w.pool, "GroupName": "admins"},
		"DeleteGroup":              {"UserPoolId": w.pool, "GroupName": "doomed"},
		"ListGroups":               {"UserPoolId": w.pool},
		"ListUsersInGroup":         {"UserPoolId": w.pool, "GroupName": "admins"},
		"AdminAddUserToGroup":      w.member("alice", "admins"),
		"AdminRemoveUserFromGroup": w.member("alice", "admins"),
		"AdminListGroupsForUser":   {"UserPoolId": w.pool, "Username": "alice"},
	}
}

// wrongValues are values for a member of each kind that are of the wrong type
// or beyond what can be. Few are valid for some member all the same.
var wrongValues = map[string][]string{
	"string": {
		`5`, `1.5`, `true`, `[]`, `{}`, `[["x"]]`, `""`, `" "`, `"\ud800"`, `"\u202eresu"`, `"\u0007"`, `"\r\nX-Injected: 1"`, `"../../x"`,
		`"` + strings.Repeat("a", 200_000) + `"`, `"` + strings.Repeat("漢", 20_000) + `"`, `"` + strings.Repeat(`\u05d0`, 3000) + `"`, `"` + strings.Repeat("e\u0301", 60) + `"`,
	},
	"integer":   {`"5"`, `true`, `1.5`, `-1`, `0`, `2147483648`, `-2147483649`, `9223372036854775808`, `1e400`, `[]`, `{}`, `99999`},
	"long":      {`"5"`, `9223372036854775808`, `1e400`, `[]`},
	"boolean":   {`"true"`, `1`, `0`, `[]`, `{}`, `"\u0000"`},
	"list":      {`{}`, `"x"`, `5`, `true`, `[null]`, `[[]]`, `[{"x":[]}]`, `[5]`, `[` + strings.Repeat(`"x",`, 5000) + `"x"]`, strings.Repeat("[", 70) + strings.Repeat("]", 70)},
	"map":       {`[]`, `"x"`, `5`, `{"a":5}`, `{"a":{}}`, `{"a":[]}`, `{"":"x"}`, `{"` + strings.Repeat("k", 9000) + `":"v"}`, `{"a\u0000":"x"}`},
	"structure": {`[]`, `"x"`, `5`, `true`, `[{}]`},
	"timestamp": {`"x"`, `[]`},
	"blob":      {`5`, `"!"`},
	"double":    {`"x"`, `[]`},
}

const nul = `"a\u0000b"`

// A model is what the tests read of a service model.
type model struct {
	Operations map[string]struct {
		Input, Output struct{ Shape string }
	}
	Shapes map[string]modelShape
}

// A modelShape is a shape, with its constraints. Those that it lacks are nil or empty.
type modelShape struct {
	Type               string
	Members            map[string]struct{ Shape string }
	Member, Key, Value struct{ Shape string }

	Required  []string
	Min, Max  *int64
	Pattern   string
	Enum      []string
	Sensitive bool
	Document  bool // JSON of any shape
}

func readModel(t testing.TB) *model { return readModelOf(t, "cognito-idp") }

// models are those that were read, by their services.
var models sync.Map

// readModelOf is the model of a service, which all tests read and none changes.
func readModelOf(t testing.TB, service string) *model {
	t.Helper()
	if known, ok := models.Load(service); ok {
		return known.(*model)
	}
	m := parseModel(t, service)
	models.Store(service, m)
	return m
}

func parseModel(t testing.TB, service string) *model {
	t.Helper()
	raw, err := os.ReadFile("internal/model/" + service + ".json")
	if err != nil {
		t.Fatal(err)
	}
	m := parse[model](t, string(raw))
	if raw, err = os.ReadFile("internal/model/facts.json"); err != nil {
		t.Fatal(err)
	}
	facts := parse[map[string]struct { // what the live service is known to have otherwise
		Patterns   map[string]struct{ Pattern string }
		EnumValues map[string]struct{ Values []string }
	}](t, string(raw))[service]
	for name, p := range facts.Patterns {
		shape := m.Shapes[name]
		shape.Pattern = p.Pattern
		m.Shapes[name] = shape
	}
	for name, add := range facts.EnumValues {
		shape := m.Shapes[name]
		shape.Enum = append(shape.Enum, add.Values...)
		m.Shapes[name] = shape
	}
	return &m
}

// walk calls visit with each value that a shape has room for: the function
// that it is given puts a value there into a copy of what is at the root.
func (m *model) walk(shape string, put func(json.RawMessage) any, visit func(kind string, put func(json.RawMessage) any)) {
	s := m.Shapes[shape]
	visit(s.Type, put)
	raw := func(v any) json.RawMessage { return json.RawMessage(jsonText(v)) }
	switch s.Type {
	case "structure":
		for name, member := range s.Members {
			m.walk(member.Shape, func(v json.RawMessage) any { return put(raw(obj{name: v})) }, visit)
		}
	case "list":
		m.walk(s.Member.Shape, func(v json.RawMessage) any { return put(raw(list{v})) }, visit)
	case "map":
		m.walk(s.Value.Shape, func(v json.RawMessage) any { return put(raw(obj{"USERNAME": v})) }, visit)
	}
}

func TestForgedMembers(t *testing.T) {
	m, requests := readModel(t), 0
	w, bodies := newAskedWorld(t)
	for _, op := range cognito.Services()[0].Operations {
		if op.Served() && bodies[op.Name] == nil {
			t.Errorf("%s is served, and nothing is forged for it: add a valid request to validBodies in this file, or to validUserBodies", op.Name)
		}
	}
	if testing.Short() {
		t.Skip("sends each wrong value in each member of each operation")
	}
	w.store.written()
	for op, base := range bodies {
		shape := m.Shapes[m.Operations[op].Input.Shape]
		for _, name := range slices.Sorted(maps.Keys(shape.Members)) {
			put := func(v json.RawMessage) any { return with(base, obj{name: v}) }
			m.walk(shape.Members[name].Shape, put, func(kind string, put func(json.RawMessage) any) {
				for _, value := range append(slices.Clone(wrongValues[kind]), nul) {
					requests++
					body := jsonText(put(json.RawMessage(value)))
					a, took := timed(w.server, idpPrefix+op, body)
					what := name + " " + kind + " " + value[:min(len(value), 40)]
					wantRefusal(t, w.server, what, a, took)
					if value == nul && a.status == http.StatusOK {
						t.Errorf("%s: %s is accepted", op, what)
					}
				}
			})
		}
	}
	t.Logf("%d requests", requests)
}

// What is legal JSON and legal for the model is accepted.
func TestUnusualBodies(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{
		` { "MaxResults" : 1 } `, `{"MaxResults":1,"NextToken":null,"Unknown":{"deep":[1,2,{}]}}`, `{"MaxResults":2,"MaxResults":1}`, `{"Max\u0052esults":1}`,
	} {
		w.call("ListUserPools", body).wantOK(t)
	}
	for _, name := range []string{"\u05d0\u05dc\u05d9\u05e1", strings.Repeat("漢", 128), "😀", "a\u0301", "<script>", "a'b\"c", "a\\b", "user.name+tag@example.com"} {
		sub := str(t, w.open.signUp(name), "UserSub")
		if got := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": name}); attrMap(t, got["UserAttributes"])["sub"] != sub || got["Username"] != name {
			t.Errorf("user %q is read back as %v", name, got)
		}
	}
}

// Tokens whose unverified claims name anything at all lead nowhere.
func TestForgedTokens(t *testing.T) {
	w := newWorld(t)
	w.open.access("alice") // so that the pool has its keys
	w.store.written()
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	long := strings.Repeat("x", 9000)
	for _, claims := range []string{
		`{}`, `null`, `[]`, `{"token_use":"access"}`, `{"token_use":"access","iss":5}`,
		`{"token_use":"access","iss":"` + long + `","sub":"` + long + `","client_id":"` + long + `","origin_jti":"` + long + `"}`,
		`{"token_use":"access","iss":"/` + w.pool + `","sub":"` + long + `","client_id":"` + w.open.id + `"}`,
		`{"token_use":"access","iss":"/` + w.pool + `","sub":"a\u0000b","client_id":"\u0000","origin_jti":"\u0000"}`,
		`{"token_use":"access","iss":"/` + w.pool + `","sub":"` + w.subs["alice"] + `","client_id":"` + w.open.id + `","scope":"aws.cognito.signin.user.admin","exp":99999999999}`,
	} {
		for _, header := range []string{`{"alg":"none"}`, `{"kid":"x","alg":"RS256"}`, `{"kid":"` + long + `","alg":"HS256"}`, `{"alg":"ES256","jku":"http://127.0.0.1/"}`} {
			for _, signature := range []string{"", b64("x")} {
				token := b64(header) + "." + b64(claims) + "." + signature
				for _, op := range []string{"GetUser", "GlobalSignOut"} {
					a, took := timed(w.server, idpPrefix+op, jsonText(obj{"AccessToken": token}))
					wantRefusal(t, w.server, claims[:min(len(claims), 60)], a, took)
					a.want(t, badAccess)
				}
			}
		}
	}
}
