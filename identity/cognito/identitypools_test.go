package cognito_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/store"
)

// identityKey is the record of the key that signs open ID tokens, as RotateKey has written it. An RSA key takes its time, so
// all servers have the same.
var identityKey = sync.OnceValue(func() []byte {
	record, err := os.ReadFile("../idpool/testdata/signing-key.json")
	if err != nil {
		panic(err)
	}
	return record
})

var identityKeyRef = store.Ref{Table: "identitykeys", Key: store.Key("us-east-1")}

// keyed lets the identity pools of a server sign without making a key.
func (s *server) keyed() {
	s.t.Helper()
	err := s.store.Store.Update(s.t.Context(), func(tx store.Tx) error { return tx.Put(identityKeyRef.Table, identityKeyRef.Key, identityKey()) })
	if err != nil {
		s.t.Fatal(err)
	}
}

// identityPools are the identity pools of a server.
func (s *server) identityPools(logger *slog.Logger) *idpool.Service {
	pools, err := idpool.New(s.engine, s.store, &idpool.Options{DevelopmentTrust: true, InsecureUnsealed: true, Clock: s.now, Logger: logger})
	if err != nil {
		s.t.Fatal(err)
	}
	return pools
}

// fed is the target of an operation of identity pools.
func fed(op string) string { return fedidPrefix + op }

const (
	userRole  = "arn:aws:iam::123456789012:role/users"
	guestRole = "arn:aws:iam::123456789012:role/guests"
	adminRole = "arn:aws:iam::123456789012:role/admins"
)

var poolIDForm = regexp.MustCompile(`^us-east-1:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// A federation is an identity pool that takes the users of a user pool, and guests.
type federation struct {
	*server
	id       string  // of the identity pool
	client   *client // of the user pool
	key      string  // of logins
	settings obj     // a request that sets them again
}

var errDetail = errors.New("dial tcp 10.1.2.3:5432: no route")

// federation makes one, with the roles for users and guests.
func (s *server) federation(settings obj) *federation {
	s.t.Helper()
	return s.federationOf(s.client(s.pool(nil), nil), settings)
}

// federationOf makes an identity pool that takes the users of a client.
func (s *server) federationOf(c *client, settings obj) *federation {
	s.t.Helper()
	s.keyed()
	f := &federation{server: s, client: c, key: "cognito-idp.us-east-1.amazonaws.com/" + c.pool}
	body := with(obj{
		"IdentityPoolName": "app", "AllowUnauthenticatedIdentities": true, "AllowClassicFlow": true, "DeveloperProviderName": "acme",
		"CognitoIdentityProviders": list{obj{"ProviderName": f.key, "ClientId": c.id}},
	}, settings)
	f.id = str(s.t, s.ok(fed("CreateIdentityPool"), body), "IdentityPoolId")
	f.settings = with(body, obj{"IdentityPoolId": f.id})
	s.ok(fed("SetIdentityPoolRoles"), obj{"IdentityPoolId": f.id, "Roles": obj{"authenticated": userRole, "unauthenticated": guestRole}})
	return f
}

// logins are the logins of a user, who signs in.
func (f *federation) logins(name string) obj {
	f.t.Helper()
	return obj{f.key: str(f.t, f.client.signIn(name), "IdToken")}
}

// developer gets a token for a user of the operator's own.
func (f *federation) developer(logins, more obj) obj {
	f.t.Helper()
	return f.ok(fed("GetOpenIdTokenForDeveloperIdentity"), with(obj{"IdentityPoolId": f.id, "Logins": logins}, more))
}

// identity is the identity of logins; of nil, a new guest.
func (f *federation) identity(logins obj) string {
	f.t.Helper()
	body := obj{"IdentityPoolId": f.id}
	if logins != nil {
		body["Logins"] = logins
	}
	return str(f.t, f.ok(fed("GetId"), body), "IdentityId")
}

func TestIdentityPoolFromEndToEnd(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	if !poolIDForm.MatchString(f.id) {
		t.Errorf("the id is %q", f.id)
	}
	guest := f.identity(nil)
	if other := f.identity(nil); other == guest || !poolIDForm.MatchString(guest) {
		t.Errorf("guests have the ids %q and %q", guest, other)
	}
	f.wantCredentials(guest, nil)

	logins := f.logins("anna")
	user := f.identity(logins)
	if again := f.identity(f.logins("anna")); again != user || user == guest {
		t.Errorf("the identity of one login is %q, and then %q; a guest's is %q", user, again, guest)
	}
	f.wantCredentials(user, logins)
}

// wantCredentials gets credentials, which must verify as those of the identity.
func (f *federation) wantCredentials(id string, logins obj) {
	f.t.Helper()
	body := obj{"IdentityId": id}
	if logins != nil {
		body["Logins"] = logins
	}
	out := f.ok(fed("GetCredentialsForIdentity"), body)
	if got := str(f.t, out, "IdentityId"); got != id {
		f.t.Errorf("the credentials are of %s, want %s", got, id)
	}
	if key := str(f.t, out, "Credentials", "AccessKeyId"); !strings.HasPrefix(key, "ASIA") || len(key) != 20 {
		f.t.Errorf("the access key is %q", key)
	}
	if str(f.t, out, "Credentials", "SecretKey") == "" {
		f.t.Error("there is no secret key")
	}
	if got, want := dig(out, "Credentials", "Expiration"), float64(f.now().Unix()+3600); got != want {
		f.t.Errorf("the credentials expire at %v, want %v", got, want)
	}
	session, err := f.idpools.STS().Open(f.t.Context(), str(f.t, out, "Credentials", "SessionToken"))
	if err != nil {
		f.t.Fatalf("open the session token: %v", err)
	}
	if session.IdentityID != id || session.PoolID != f.id || session.Authenticated() != (logins != nil) || session.Guest != (logins == nil) {
		f.t.Errorf("the session is %+v", session)
	}
}

func TestIdentityPoolReadsBackAsItWasSet(t *testing.T) {
	s := newServer(t)
	c := s.client(s.pool(nil), nil)
	full := obj{
		"IdentityPoolName": "My app", "AllowUnauthenticatedIdentities": true, "AllowClassicFlow": true,
		"SupportedLoginProviders":   obj{"accounts.google.com": "1.apps;2.apps", "graph.facebook.com": "7346241598935555"},
		"DeveloperProviderName":     "login.example",
		"OpenIdConnectProviderARNs": list{"arn:aws:iam::123456789012:oidc-provider/idp.example.com"},
		"CognitoIdentityProviders":  list{obj{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/" + c.pool, "ClientId": c.id, "ServerSideTokenCheck": false}},
		"SamlProviderARNs":          list{"arn:aws:iam::123456789012:saml-provider/Okta"},
		"IdentityPoolTags":          obj{"team": "red"},
	}
	made := s.ok(fed("CreateIdentityPool"), full)
	id := str(t, made, "IdentityPoolId")
	want := jsonText(with(full, obj{"IdentityPoolId": id}))
	if got := jsonText(made); got != want {
		t.Errorf("CreateIdentityPool = %s\nwant %s", got, want)
	}
	if got := jsonText(s.ok(fed("DescribeIdentityPool"), obj{"IdentityPoolId": id})); got != want {
		t.Errorf("DescribeIdentityPool = %s\nwant %s", got, want)
	}
	// An update replaces the whole: what is left out is unset. Only the developer provider must stay.
	least := obj{"IdentityPoolId": id, "IdentityPoolName": "Other", "AllowUnauthenticatedIdentities": false}
	s.call(fed("UpdateIdentityPool"), least).want(t, problem{"InvalidParameterException", "DeveloperProviderName cannot be changed once it is set.", 0})
	s.call(fed("UpdateIdentityPool"), with(least, obj{"DeveloperProviderName": "other"})).want(t, problem{"InvalidParameterException", "DeveloperProviderName cannot be changed once it is set.", 0})
	least["DeveloperProviderName"] = "login.example"
	if got := jsonText(s.ok(fed("UpdateIdentityPool"), least)); got != jsonText(least) {
		t.Errorf("UpdateIdentityPool = %s\nwant %s", got, jsonText(least))
	}
	if got := jsonText(s.ok(fed("DescribeIdentityPool"), obj{"IdentityPoolId": id})); got != jsonText(least) {
		t.Errorf("DescribeIdentityPool = %s\nwant %s", got, jsonText(least))
	}
	s.ok(fed("DeleteIdentityPool"), obj{"IdentityPoolId": id})
	gone := problem{"ResourceNotFoundException", "IdentityPool '" + id + "' not found.", 0}
	for _, op := range []string{"DescribeIdentityPool", "DeleteIdentityPool", "GetIdentityPoolRoles", "GetId"} {
		s.call(fed(op), obj{"IdentityPoolId": id}).want(t, gone)
	}
}

func TestIdentityPoolSettingsAreChecked(t *testing.T) {
	s := newServer(t)
	least := obj{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": false}
	s.store.written()
	tags, arns, users := obj{}, list{}, list{}
	for i := range 51 {
		tags[fmt.Sprint(i)] = "x"
		arns = append(arns, "arn:aws:iam::123456789012:saml-provider/p"+fmt.Sprint(i))
		users = append(users, obj{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_x", "ClientId": fmt.Sprint(i)})
	}
	for name, more := range map[string]obj{
		"a user pool that is none":             {"CognitoIdentityProviders": list{obj{"ProviderName": "example.com", "ClientId": "x"}}},
		"a user pool without a client":         {"CognitoIdentityProviders": list{obj{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_x"}}},
		"too many user pools":                  {"CognitoIdentityProviders": users},
		"an OIDC provider that is none":        {"OpenIdConnectProviderARNs": list{"arn:aws:iam::123456789012:saml-provider/x"}},
		"a SAML provider that is none":         {"SamlProviderARNs": list{"arn:aws:iam::123456789012:oidc-provider/x"}},
		"too many SAML providers":              {"SamlProviderARNs": arns},
		"too many tags":                        {"IdentityPoolTags": tags},
		"a developer provider of another kind": {"DeveloperProviderName": "accounts.google.com"},
	} {
		a := s.call(fed("CreateIdentityPool"), with(least, more))
		if typ := a.body["__type"]; typ != "InvalidParameterException" && typ != "LimitExceededException" {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	if written := s.store.written(); len(written) != 0 {
		t.Errorf("wrote %v", written)
	}
}

func TestTagsOfIdentityPools(t *testing.T) {
	f := newServer(t).federation(obj{"IdentityPoolTags": obj{"a": "1"}})
	arn := "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/" + f.id
	f.ok(fed("TagResource"), obj{"ResourceArn": arn, "Tags": obj{"b": "2", "a": "3"}})
	f.ok(fed("UntagResource"), obj{"ResourceArn": arn, "TagKeys": list{"b", "none"}})
	if got := jsonText(f.ok(fed("ListTagsForResource"), obj{"ResourceArn": arn})["Tags"]); got != `{"a":"3"}` {
		t.Errorf("the tags are %s", got)
	}
	for _, other := range []string{strings.Replace(arn, "123456789012", "210987654321", 1), strings.Replace(arn, f.id, "us-east-1:00000000", 1), "arn:aws:cognito-idp:us-east-1:123456789012:userpool/" + f.client.pool} {
		a := f.call(fed("ListTagsForResource"), obj{"ResourceArn": other})
		if a.body["__type"] != "ResourceNotFoundException" {
			t.Errorf("%s: %d %s", other, a.status, a.raw)
		}
	}
}

func TestIdentityPoolsAreListedInPages(t *testing.T) {
	s := newServer(t)
	made := map[string]bool{}
	for range 5 {
		made[s.federation(nil).id] = true
	}
	body := obj{"MaxResults": 2}
	for {
		out := s.ok(fed("ListIdentityPools"), body)
		for _, p := range out["IdentityPools"].(list) {
			if id := str(t, p, "IdentityPoolId"); !made[id] || str(t, p, "IdentityPoolName") != "app" {
				t.Errorf("pool %v is none, or is there twice", p)
			} else {
				delete(made, id)
			}
		}
		if body["NextToken"] = out["NextToken"]; out["NextToken"] == nil {
			break
		}
	}
	if len(made) > 0 {
		t.Errorf("pools are missing: %v", made)
	}
}

// Each error of identity pools has one row, and each row is of one error.
func TestErrorsOfIdentityPoolsHaveARow(t *testing.T) {
	source, err := os.ReadFile("../idpool/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("identityerrors.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t(Err\w+) += errors.New`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 25 {
		t.Fatalf("found %d errors", len(found))
	}
	for _, m := range found {
		if n := strings.Count(string(table), "{idpool."+m[1]+","); n != 1 {
			t.Errorf("%s has %d rows, want one", m[1], n)
		}
	}
}
