package cognito_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
	"github.com/cognate-id/cognate/store/memory"
)

const identityPool, aRole = "us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab", "arn:aws:iam::123456789012:role/"

// A temporaryWorld is a server whose operators may come with temporary credentials.
type temporaryWorld struct {
	*keyed
	sts  *sts.Service
	pool *identity.PoolInfo
}

func newTemporary(t *testing.T, o cognito.Options) *temporaryWorld {
	t.Helper()
	w := &temporaryWorld{}
	var err error
	w.sts, err = sts.New(memory.New(), &sts.Options{Clock: func() time.Time { return w.now() }, Account: "123456789012", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o.STS = w.sts
	w.keyed = &keyed{newServerWith(t, serverOptions{handler: o}), readModel(t)}
	w.pool, err = w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: identity.CognitoDefaults})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// credentials are those of a new role that allows actions on resources, or nothing without actions.
func (w *temporaryWorld) credentials(name string, guest bool, actions, resources []string) *sts.Credentials {
	w.t.Helper()
	r := &sts.Role{ARN: aRole + name, Trust: sts.PoolTrust(identityPool, guest), Policies: map[string]string{}}
	if actions != nil {
		r.Policies["p"] = sts.Statement(false, actions, resources)
	}
	if _, err := w.sts.CreateRole(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
	amr := "authenticated"
	if guest {
		amr = "unauthenticated"
	}
	c, err := w.sts.Assume(w.t.Context(), &sts.Assumption{RoleARN: r.ARN, IdentityID: "us-east-1:0cb9", PoolID: identityPool, AMR: []string{amr}, Guest: guest})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// ask makes a call that is signed with temporary credentials.
func (w *temporaryWorld) ask(c *sts.Credentials, service, op string, body obj) *answer {
	w.t.Helper()
	r := w.request(op, body)
	if service != "cognito-idp" {
		r.Header.Set("X-Amz-Target", map[string]string{"cognito-identity": fedidPrefix, "kms": "TrentService."}[service]+op)
	}
	r.Header.Del("Authorization")
	sigv4.Sign(r, encode(w.t, body), sigv4.Key{ID: c.AccessKeyID, Secret: string(c.SecretKey), Token: string(c.SessionToken)}, "us-east-1", service, w.now())
	return w.do(r, op)
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// eachOperator calls each operation that needs an operator's signature.
func (w *temporaryWorld) eachOperator(c *sts.Credentials, check func(op *wire.Operation, a *answer)) {
	w.t.Helper()
	n := 0
	for _, s := range append(cognito.Services(), cognito.KMS()) {
		for _, op := range s.Operations {
			if op.Caller != wire.Operator || !op.Served() {
				continue
			}
			n++
			body := obj{}
			if s.Name == "cognito-idp" {
				body = w.model.filled(w.model.Operations[op.Name].Input.Shape).(obj)
				for member, value := range map[string]any{"UserPoolId": w.pool.ID, "ResourceArn": w.engine.ARN(w.pool), "Domain": "theirs"} {
					if _, has := w.model.Shapes[w.model.Operations[op.Name].Input.Shape].Members[member]; has {
						body[member] = value
					}
				}
			}
			check(&op, w.ask(c, s.Name, op.Name, body))
		}
	}
	if n < 110 {
		w.t.Errorf("%d operations of operators were called, want at least 110", n)
	}
}

// TestTemporaryCredentialsOpenNoOperation: of a guest, of a user, and expired.
func TestTemporaryCredentialsOpenNoOperation(t *testing.T) {
	if testing.Short() {
		t.Skip("calls each operation of operators with five kinds of credentials")
	}
	w := newTemporary(t, cognito.Options{VerifySignatures: true})
	for name, c := range map[string]*sts.Credentials{
		"guest":          w.credentials("guest", true, nil, nil),
		"greedy guest":   w.credentials("greedy", true, []string{"s3:*"}, []string{"*"}),
		"user":           w.credentials("user", false, []string{"execute-api:Invoke"}, []string{"*"}),
		"of other pools": w.credentials("other", false, []string{"*"}, []string{"arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Other"}),
	} {
		w.eachOperator(c, func(op *wire.Operation, a *answer) {
			message, _ := a.body["message"].(string)
			if !denied(a) || !strings.Contains(message, "is not authorized to perform: "+op.Service+":"+op.Name+" on resource: ") {
				t.Errorf("%s by a %s: %d %s", op.Name, name, a.status, a.raw)
			}
		})
	}
	all := w.credentials("all", false, []string{"*"}, []string{"*"})
	w.advance(time.Hour)
	w.eachOperator(all, func(op *wire.Operation, a *answer) {
		if a.status != http.StatusBadRequest || a.body["__type"] != "ExpiredTokenException" || a.body["message"] != "The security token included in the request is expired" {
			t.Errorf("%s with expired credentials: %d %s", op.Name, a.status, a.raw)
		}
	})
	for _, table := range w.store.written() {
		if name, _, _ := strings.Cut(table, "."); name != "pools" && name != "events" {
			t.Errorf("wrote to %s", table)
		}
	}
}

// TestPolicyOpensOperations: a policy that names the operation and the pool.
func TestPolicyOpensOperations(t *testing.T) {
	w := newTemporary(t, cognito.Options{VerifySignatures: true})
	other, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "other", Defaults: identity.CognitoDefaults})
	if err != nil {
		t.Fatal(err)
	}
	c := w.credentials("support", false, []string{"cognito-idp:AdminGetUser", "cognito-idp:List*", "cognito-idp:CreateGroup", "cognito-idp:TagResource"}, []string{w.engine.ARN(w.pool)})
	for _, tt := range []struct {
		op   string
		body obj
		want string
	}{
		{"ListUsers", obj{"UserPoolId": w.pool.ID}, ""},
		{"CreateGroup", obj{"UserPoolId": w.pool.ID, "GroupName": "g"}, ""},
		{"AdminGetUser", obj{"UserPoolId": w.pool.ID, "Username": "nobody"}, "UserNotFoundException"},
		{"TagResource", obj{"ResourceArn": w.engine.ARN(w.pool), "Tags": obj{"a": "b"}}, ""},
		{"ListUsers", obj{"UserPoolId": other.ID}, "AccessDeniedException"},
		{"TagResource", obj{"ResourceArn": w.engine.ARN(other), "Tags": obj{"a": "b"}}, "AccessDeniedException"},
		{"DeleteGroup", obj{"UserPoolId": w.pool.ID, "GroupName": "g"}, "AccessDeniedException"},
		{"ListUserPools", obj{"MaxResults": 1}, "AccessDeniedException"},
		{"ListUsers", obj{"UserPoolId": w.pool.ID, "ResourceArn": w.engine.ARN(w.pool)}, "AccessDeniedException"},
		{"ListUsers", obj{"UserPoolId": 1}, "AccessDeniedException"},
	} {
		w.advance(3 * time.Second) // or equal calls would be one
		a := w.ask(c, "cognito-idp", tt.op, tt.body)
		if kind, _ := a.body["__type"].(string); kind != tt.want || tt.want == "" && a.status != http.StatusOK {
			t.Errorf("%s %v: %d %s, want %q", tt.op, tt.body, a.status, a.raw, tt.want)
		}
	}
	every := w.credentials("owner", false, []string{"cognito-idp:*"}, []string{"*"})
	w.advance(time.Second)
	if a := w.ask(every, "cognito-idp", "ListUserPools", obj{"MaxResults": 10}); a.status != http.StatusOK || !strings.Contains(a.raw, w.pool.ID) {
		t.Errorf("ListUserPools: %d %s", a.status, a.raw)
	}
	pool, err := w.engine.UserPool(t.Context(), w.pool.ID)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for e, err := range pool.Admin().Events(t.Context(), identity.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Actor.ID == c.AccessKeyID {
			found = string(e.Kind)
		}
	}
	if found == "" {
		t.Error("no event names the temporary access key")
	}
}

// TestNamesTwice: a request that names two pools is about neither, whichever a decoder would take.
func TestNamesTwice(t *testing.T) {
	w := newTemporary(t, cognito.Options{VerifySignatures: true})
	c := w.credentials("reader", false, []string{"cognito-idp:*"}, []string{w.engine.ARN(w.pool)})
	body := `{"UserPoolId":"us-east-1_Other","UserPoolId":"` + w.pool.ID + `"}`
	r := w.post(idpPrefix+"ListUsers", body)
	r.Header.Del("Authorization")
	sigv4.Sign(r, []byte(body), sigv4.Key{ID: c.AccessKeyID, Secret: string(c.SecretKey), Token: string(c.SessionToken)}, "us-east-1", "cognito-idp", w.now())
	if a := w.do(r, "ListUsers"); !denied(a) {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// TestUploadsNeedTheRightToImport: the address of an upload is a right to make users.
func TestUploadsNeedTheRightToImport(t *testing.T) {
	w := newTemporary(t, cognito.Options{VerifySignatures: true})
	make := w.credentials("import", false, []string{"cognito-idp:*"}, []string{w.engine.ARN(w.pool)})
	read := w.credentials("read", false, []string{"cognito-idp:Describe*"}, []string{w.engine.ARN(w.pool)})
	made := w.ask(make, "cognito-idp", "CreateUserImportJob", obj{"UserPoolId": w.pool.ID, "JobName": "j", "CloudWatchLogsRoleArn": aRole + "logs"})
	job, _ := made.body["UserImportJob"].(obj)
	if job["PreSignedUrl"] == nil {
		t.Fatalf("%d %s", made.status, made.raw)
	}
	a := w.ask(read, "cognito-idp", "DescribeUserImportJob", obj{"UserPoolId": w.pool.ID, "JobId": job["JobId"]})
	if a.status != http.StatusOK || strings.Contains(a.raw, "PreSignedUrl") {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// TestFakeHoldsTemporaryCredentialsToTheirPolicies, while it takes any other signature.
func TestFakeHoldsTemporaryCredentialsToTheirPolicies(t *testing.T) {
	w := newTemporary(t, cognito.Options{})
	c := w.credentials("user", false, []string{"cognito-idp:ListUsers"}, []string{"*"})
	if a := w.ask(c, "cognito-idp", "ListUsers", obj{"UserPoolId": w.pool.ID}); a.status != http.StatusOK {
		t.Errorf("allowed: %d %s", a.status, a.raw)
	}
	if a := w.ask(c, "cognito-idp", "ListGroups", obj{"UserPoolId": w.pool.ID}); !denied(a) {
		t.Errorf("not allowed: %d %s", a.status, a.raw)
	}
	foreign := *c
	foreign.SessionToken = "FwoGZXIvYXdzEBYaD"
	if a := w.ask(&foreign, "cognito-idp", "ListGroups", obj{"UserPoolId": w.pool.ID}); a.status != http.StatusOK {
		t.Errorf("a token from elsewhere: %d %s", a.status, a.raw)
	}
	other := w.credentials("other", false, nil, nil)
	other.SecretKey = "x"
	if a := w.ask(other, "cognito-idp", "ListGroups", obj{"UserPoolId": w.pool.ID}); a.body["__type"] != "InvalidSignatureException" {
		t.Errorf("a wrong signature: %d %s", a.status, a.raw)
	}
}

// TestSTSIsServedAtTheRoot, beside the other API.
func TestSTSIsServedAtTheRoot(t *testing.T) {
	w := newTemporary(t, cognito.Options{VerifySignatures: true})
	c := w.credentials("user", false, nil, nil)
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sigv4.Sign(r, []byte(body), sigv4.Key{ID: c.AccessKeyID, Secret: string(c.SecretKey), Token: string(c.SessionToken)}, "us-east-1", "sts", w.now())
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "<Arn>arn:aws:sts::123456789012:assumed-role/user/CognitoIdentityCredentials</Arn>") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestTemporaryCredentialsWithoutSTS: a server without roles knows no session token.
func TestTemporaryCredentialsWithoutSTS(t *testing.T) {
	w := newTemporary(t, cognito.Options{VerifySignatures: true})
	c := w.credentials("all", false, []string{"*"}, []string{"*"})
	w.handler = cognito.NewHandler(w.engine, &cognito.Options{VerifySignatures: true, Clock: w.now})
	if a := w.ask(c, "cognito-idp", "ListUsers", obj{"UserPoolId": w.pool.ID}); a.body["__type"] != "UnrecognizedClientException" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
