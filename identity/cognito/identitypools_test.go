package cognito_test

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/idpool"
)

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
