package cognito_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/token"
)

var (
	noGuests     = problem{"NotAuthorizedException", "Unauthenticated access is not supported for this identity pool.", 0}
	unsupported  = problem{"NotAuthorizedException", "Token is not from a supported provider of this identity pool.", 0}
	unverified   = problem{"NotAuthorizedException", "Invalid login token. Couldn't verify signed token.", 0}
	wrongIssuer  = problem{"NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName", 0}
	noAudience   = problem{"NotAuthorizedException", "Invalid login token. Missing a required claim: aud", 0}
	poolToken    = problem{"NotAuthorizedException", "Invalid login token. Can't pass in a Cognito token.", 0}
	noMatch      = problem{"NotAuthorizedException", "Logins don't match. Please include at least one valid login for this identity or identity pool.", 0}
	inactive     = problem{"NotAuthorizedException", "Token is inactive", 0}
	noClassic    = problem{"InvalidParameterException", "Basic (classic) flow is not enabled, please use enhanced flow.", 0}
	notClassic   = problem{"InvalidParameterException", "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.", 0}
	noRole       = problem{"InvalidIdentityPoolConfigurationException", "Invalid identity pool configuration. Check assigned IAM roles for this pool.", 0}
	noCustomRole = problem{"NotAuthorizedException", "The role of CustomRoleArn is not one that the login may assume.", 0}
	notPublic    = problem{"InvalidParameterException", "Please provide a valid public provider.", 0}
)

func forbidden(id string) problem {
	return problem{"NotAuthorizedException", "Access to Identity '" + id + "' is forbidden.", 0}
}

func noIdentity(id string) problem {
	return problem{"ResourceNotFoundException", "Identity '" + id + "' not found.", 0}
}

// getID asks for the identity of logins.
func (f *federation) getID(logins obj) *answer {
	f.t.Helper()
	return f.call(fed("GetId"), obj{"IdentityPoolId": f.id, "Logins": logins})
}

// credentials asks for credentials.
func (f *federation) credentials(id string, logins obj) *answer {
	f.t.Helper()
	body := obj{"IdentityId": id}
	if logins != nil {
		body["Logins"] = logins
	}
	return f.call(fed("GetCredentialsForIdentity"), body)
}

func TestLoginsOfUserPools(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	tokens := f.client.signIn("anna")
	id, access := str(t, tokens, "IdToken"), str(t, tokens, "AccessToken")
	other := f.server.client(f.client.pool, nil)
	stranger := f.server.federation(nil)
	stranger.made(stranger.client.pool, "anna")
	foreign := stranger.logins("anna")
	head, rest, _ := strings.Cut(id, ".")
	payload, _, _ := strings.Cut(rest, ".")
	for _, tt := range []struct {
		name, key, token string
		want             problem
	}{
		{"an access token", f.key, access, noAudience},
		{"no token", f.key, "x", unverified},
		{"another signature", f.key, head + "." + payload + "." + strings.Repeat("A", 342), unverified},
		{"no signature", f.key, head + "." + payload + ".", unverified},
		{"a misspelt pool", "cognito-idp.us-east-1.amazonaws.com/us-east-1_NoSuchOne", id, wrongIssuer},
		{"a misspelt host", "cognito-idp.us-west-1.amazonaws.com/" + f.client.pool, id, wrongIssuer},
		{"another client", f.key, str(t, other.signIn("anna"), "IdToken"), unsupported},
		{"another pool under its name", stranger.key, fmt.Sprint(foreign[stranger.key]), unsupported},
		{"another pool under this name", f.key, fmt.Sprint(foreign[stranger.key]), wrongIssuer},
		{"a provider of nobody", "accounts.google.com", id, unsupported},
		{"a developer's user", "acme", "ada", notPublic},
		{"a token of an identity pool", "cognito-identity.amazonaws.com", id, poolToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.store.written()
			f.getID(obj{tt.key: tt.token}).want(t, tt.want)
			f.getID(obj{f.key: id, tt.key: tt.token}).want(t, tt.want) // one bad login spoils all; or it takes the place of the good one
			if written := f.store.written(); len(written) != 0 {
				t.Errorf("wrote %v", written)
			}
		})
	}
	f.advance(61 * time.Minute)
	exp := epoch.Add(time.Hour).Unix()
	f.getID(obj{f.key: id}).want(t, problem{"NotAuthorizedException", fmt.Sprintf("Invalid login token. Token expired: %d >= %d", f.now().Unix(), exp), 0})
}

// A client takes the key of a login from the issuer of its token. Both that and the service's name will do, and lead to one identity.
func TestLoginKeyIsTheIssuerToo(t *testing.T) {
	s := newServerWith(t, serverOptions{issuer: func(context.Context, string) string { return "http://127.0.0.1:9229" }})
	f := s.federation(nil)
	f.made(f.client.pool, "anna")
	raw := f.logins("anna")[f.key]
	own := "127.0.0.1:9229/" + f.client.pool
	if a, b := f.identity(obj{f.key: raw}), f.identity(obj{own: raw}); a != b {
		t.Errorf("one user has the identities %s and %s", a, b)
	}
	f.getID(obj{"127.0.0.1:9230/" + f.client.pool: raw}).want(t, wrongIssuer)
	pool := s.federationOf(f.client, obj{"CognitoIdentityProviders": list{obj{"ProviderName": own, "ClientId": f.client.id}}})
	pool.wantCredentials(pool.identity(obj{f.key: raw}), obj{own: raw})
}

func TestGuests(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	guest := f.identity(nil)
	f.wantCredentials(guest, nil)
	f.credentials("us-east-1:00000000-0000-0000-0000-000000000000", nil).want(t, noIdentity("us-east-1:00000000-0000-0000-0000-000000000000"))

	// The guest signs in, and keeps the identity. The id alone is worth nothing then.
	logins := f.logins("anna")
	f.wantCredentials(guest, logins)
	if got := f.identity(logins); got != guest {
		t.Errorf("the identity of the login is %s, want that of the guest, %s", got, guest)
	}
	f.credentials(guest, nil).want(t, noMatch)

	// Another guest signs in as the same user: the identity of the login stays.
	second := f.identity(nil)
	out := f.ok(fed("GetCredentialsForIdentity"), obj{"IdentityId": second, "Logins": logins})
	if got := str(t, out, "IdentityId"); got != guest {
		t.Errorf("the credentials are of %s, want %s", got, guest)
	}
	f.credentials(second, nil).want(t, forbidden(second))
	f.credentials(second, logins).want(t, forbidden(second))

	third := f.identity(nil)
	f.ok(fed("UpdateIdentityPool"), with(f.settings, obj{"AllowUnauthenticatedIdentities": false}))
	f.call(fed("GetId"), obj{"IdentityPoolId": f.id}).want(t, noGuests)
	f.credentials(third, nil).want(t, noGuests)
	f.wantCredentials(guest, logins)
}

// An identity with a login is that of whoever has the login, and of nobody else.
func TestIdentityOfAnother(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	f.made(f.client.pool, "bert")
	anna, bert := f.logins("anna"), f.logins("bert")
	id := f.identity(anna)
	other := f.identity(bert)
	f.store.written()
	f.credentials(id, bert).want(t, noMatch)
	f.credentials(other, anna).want(t, noMatch)
	f.call(fed("GetOpenIdToken"), obj{"IdentityId": id, "Logins": bert}).want(t, noMatch)
	f.call(fed("UnlinkIdentity"), obj{"IdentityId": id, "Logins": bert, "LoginsToRemove": list{f.key}}).want(t, noMatch)
	if written := f.store.written(); len(written) != 0 {
		t.Errorf("wrote %v", written)
	}
}

// Logins of two user pools are linked and merged. Two users of one pool are not.
func TestLinkAndMerge(t *testing.T) {
	s := newServer(t)
	a, b := s.client(s.pool(nil), nil), s.client(s.pool(nil), nil)
	key := func(c *client) string { return "cognito-idp.us-east-1.amazonaws.com/" + c.pool }
	f := s.federationOf(a, obj{"CognitoIdentityProviders": list{obj{"ProviderName": key(a), "ClientId": a.id}, obj{"ProviderName": key(b), "ClientId": b.id}}})
	for _, name := range []string{"anna", "bert"} {
		s.made(a.pool, name)
		s.made(b.pool, name)
	}
	of := func(c *client, name string) string { return str(t, c.signIn(name), "IdToken") }
	anna, annaToo, bert, bertToo := of(a, "anna"), of(b, "anna"), of(a, "bert"), of(b, "bert")

	first := f.identity(obj{key(a): anna})
	if got := f.identity(obj{key(a): anna, key(b): annaToo}); got != first { // a new login is linked
		t.Errorf("both logins are of %s, want %s", got, first)
	}
	if got := f.identity(obj{key(b): annaToo}); got != first {
		t.Errorf("the second login alone is of %s, want %s", got, first)
	}
	f.wantLogins(first, key(a), key(b))
	f.getID(obj{key(a): bert, key(b): annaToo}).want(t, problem{"ResourceConflictException", "The identity already has a login of " + key(a) + ".", 0}) // bert would be a second user of the pool

	// Two identities become one: the older one, if none is named.
	s.advance(time.Minute)
	older := f.identity(obj{key(a): bert})
	s.advance(time.Minute)
	younger := f.identity(obj{key(b): bertToo})
	if got := f.identity(obj{key(a): bert, key(b): bertToo}); got != older {
		t.Errorf("merged into %s, want %s", got, older)
	}
	f.wantLogins(older, key(a), key(b))
	f.wantLogins(younger)
	f.credentials(younger, obj{key(b): bertToo}).want(t, forbidden(younger))
	f.wantCredentials(older, obj{key(b): bertToo})

	all := f.ok(fed("ListIdentities"), obj{"IdentityPoolId": f.id, "MaxResults": 60})["Identities"].(list)
	shown := f.ok(fed("ListIdentities"), obj{"IdentityPoolId": f.id, "MaxResults": 60, "HideDisabled": true})["Identities"].(list)
	if len(all) != 3 || len(shown) != 2 {
		t.Errorf("%d identities, and %d that are not disabled, want 3 and 2", len(all), len(shown))
	}

	// A login is unlinked, and is of a new identity then.
	f.ok(fed("UnlinkIdentity"), obj{"IdentityId": older, "Logins": obj{key(a): bert}, "LoginsToRemove": list{key(b)}})
	f.wantLogins(older, key(a))
	if got := f.identity(obj{key(b): bertToo}); got == older || got == younger {
		t.Errorf("an unlinked login is of %s", got)
	}
	f.ok(fed("UnlinkIdentity"), obj{"IdentityId": older, "Logins": obj{key(a): bert}, "LoginsToRemove": list{key(a)}})
	f.credentials(older, obj{key(a): bert}).want(t, forbidden(older)) // it is out of reach, for guests too
	f.credentials(older, nil).want(t, forbidden(older))
}

// wantLogins checks the names of the providers of an identity.
func (f *federation) wantLogins(id string, want ...string) {
	f.t.Helper()
	got, _ := f.ok(fed("DescribeIdentity"), obj{"IdentityId": id})["Logins"].(list)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.t.Errorf("the logins of %s are %v, want %v", id, got, want)
	}
}

// The classic flow gives a token in the form of the service.
func TestOpenIDToken(t *testing.T) {
	f := newServer(t).federation(nil)
	sub := f.made(f.client.pool, "anna")
	logins := f.logins("anna")
	user, guest := f.identity(logins), f.identity(nil)
	if got := f.get("/.well-known/openid-configuration").body; got["jwks_uri"] != "https://cognito-identity.amazonaws.com/.well-known/jwks_uri" {
		t.Errorf("the discovery document is %v", got)
	}
	for _, tt := range []struct {
		id     string
		logins obj
		amr    string
	}{
		{guest, nil, `["unauthenticated"]`},
		{user, logins, `["authenticated","` + f.key + `","` + f.key + `:CognitoSignIn:` + sub + `"]`},
	} {
		body := obj{"IdentityId": tt.id}
		if tt.logins != nil {
			body["Logins"] = tt.logins
		}
		raw := str(t, f.ok(fed("GetOpenIdToken"), body), "Token")
		keys := f.get("/.well-known/jwks_uri")
		set, err := token.ParseSet([]byte(keys.raw))
		if err != nil || len(set) != 1 {
			t.Fatalf("the keys are %s: %v", keys.raw, err)
		}
		parsed, err := token.ParseAs("JWS", raw)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := parsed.Verify(set[0])
		if err != nil || parsed.Algorithm() != token.RS512 || parsed.KeyID() != "us-east-1-1" {
			t.Fatalf("%s by %s: %v", parsed.Algorithm(), parsed.KeyID(), err)
		}
		now := f.now().Unix()
		want := fmt.Sprintf(`{"sub":"%s","aud":"%s","amr":%s,"iss":"https://cognito-identity.amazonaws.com","exp":%d,"iat":%d}`, tt.id, f.id, tt.amr, now+600, now)
		if string(claims.Raw) != want {
			t.Errorf("the claims are %s\nwant %s", claims.Raw, want)
		}
		f.getID(obj{"cognito-identity.amazonaws.com": raw}).want(t, poolToken)
		f.getID(obj{f.key: raw}).want(t, poolToken)
	}
	f.ok(fed("UpdateIdentityPool"), with(f.settings, obj{"AllowClassicFlow": false}))
	f.call(fed("GetOpenIdToken"), obj{"IdentityId": user, "Logins": logins}).want(t, noClassic)
	f.ok(fed("UpdateIdentityPool"), f.settings)
	f.ok(fed("SetIdentityPoolRoles"), obj{"IdentityPoolId": f.id, "Roles": obj{}, "RoleMappings": obj{f.key + ":" + f.client.id: obj{"Type": "Token", "AmbiguousRoleResolution": "Deny"}}})
	f.call(fed("GetOpenIdToken"), obj{"IdentityId": user, "Logins": logins}).want(t, notClassic)
}

// With ServerSideTokenCheck, the user pool is asked whether the sign-in of a token stands, and whether the user of credentials does.
func TestServerSideTokenCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(f *federation, tokens obj)
		ends bool // the credentials too
	}{
		{"sign-out", func(f *federation, tokens obj) { f.ok("GlobalSignOut", obj{"AccessToken": tokens["AccessToken"]}) }, true},
		{"revocation", func(f *federation, tokens obj) {
			f.ok("RevokeToken", obj{"ClientId": f.client.id, "Token": tokens["RefreshToken"]})
		}, false},
		{"disabled", func(f *federation, _ obj) {
			f.ok("AdminDisableUser", obj{"UserPoolId": f.client.pool, "Username": "anna"})
		}, true},
		{"deleted", func(f *federation, _ obj) {
			f.ok("AdminDeleteUser", obj{"UserPoolId": f.client.pool, "Username": "anna"})
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			c := s.client(s.pool(nil), nil)
			key := "cognito-idp.us-east-1.amazonaws.com/" + c.pool
			checked := s.federationOf(c, obj{"CognitoIdentityProviders": list{obj{"ProviderName": key, "ClientId": c.id, "ServerSideTokenCheck": true}}})
			plain := s.federationOf(c, nil)
			s.made(c.pool, "anna")
			tokens := c.signIn("anna")
			logins := obj{key: tokens["IdToken"]}
			id := checked.identity(logins)
			session := str(t, checked.ok(fed("GetCredentialsForIdentity"), obj{"IdentityId": id, "Logins": logins}), "Credentials", "SessionToken")
			s.advance(time.Second)
			tt.end(checked, tokens)
			checked.getID(logins).want(t, inactive)
			checked.credentials(id, logins).want(t, inactive)
			plain.identity(logins) // nobody asks
			if _, err := s.idpools.STS().Open(t.Context(), session); (err != nil) != tt.ends {
				t.Errorf("the credentials of before: %v, want an error: %v", err, tt.ends)
			}
		})
	}
}

// Credentials end with the identity, with its last login, with the guests of the pool, and with the pool.
func TestCredentialsEndWithTheirIdentity(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	logins := f.logins("anna")
	session := func(id string, logins obj) string {
		return str(t, f.credentials(id, logins).body, "Credentials", "SessionToken")
	}
	open := func(session string, good bool) {
		t.Helper()
		if _, err := f.idpools.STS().Open(t.Context(), session); (err == nil) != good {
			t.Errorf("Open = %v, want success: %v", err, good)
		}
	}
	guest, id := f.identity(nil), f.identity(logins)
	ofGuest, ofUser := session(guest, nil), session(id, logins)
	open(ofGuest, true)
	open(ofUser, true)
	f.ok(fed("DeleteIdentities"), obj{"IdentityIdsToDelete": list{guest, "us-east-1:00000000-0000-0000-0000-000000000000"}})
	open(ofGuest, false)
	f.ok(fed("UnlinkIdentity"), obj{"IdentityId": id, "Logins": logins, "LoginsToRemove": list{f.key}})
	open(ofUser, false)
	guest, id = f.identity(nil), f.identity(logins)
	ofGuest, ofUser = session(guest, nil), session(id, logins)
	f.ok(fed("UpdateIdentityPool"), with(f.settings, obj{"AllowUnauthenticatedIdentities": false}))
	open(ofGuest, false)
	open(ofUser, true)
	f.ok(fed("DeleteIdentityPool"), obj{"IdentityPoolId": f.id})
	open(ofUser, false)
}

func TestIdentitiesAreListedInPages(t *testing.T) {
	f := newServer(t).federation(nil)
	made := map[string]bool{}
	for range 7 {
		made[f.identity(nil)] = true
	}
	body := obj{"IdentityPoolId": f.id, "MaxResults": 3}
	for pages := 0; ; pages++ {
		out := f.ok(fed("ListIdentities"), body)
		for _, i := range out["Identities"].(list) {
			if !made[str(t, i, "IdentityId")] || dig(i, "CreationDate") != float64(epoch.UnixMilli())/1000 {
				t.Errorf("identity %v is not one, or is there twice", i)
			}
			delete(made, str(t, i, "IdentityId"))
		}
		if out["NextToken"] == nil {
			if pages != 2 || len(made) > 0 {
				t.Errorf("%d pages, and %d identities are missing", pages+1, len(made))
			}
			break
		}
		body["NextToken"] = out["NextToken"]
	}
	f.call(fed("ListIdentities"), with(body, obj{"NextToken": "x"})).want(t, problem{"InvalidParameterException", "Invalid pagination token given.", 0})
}

// A pool without a role gives no credentials, nor one whose role nobody can be.
func TestPoolWithoutRoles(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	logins := f.logins("anna")
	guest, id := f.identity(nil), f.identity(logins)
	f.ok(fed("SetIdentityPoolRoles"), obj{"IdentityPoolId": f.id, "Roles": obj{"authenticated": userRole}})
	f.credentials(guest, nil).want(t, noRole)
	f.wantCredentials(id, logins)
	f.ok(fed("SetIdentityPoolRoles"), obj{"IdentityPoolId": f.id, "Roles": obj{"unauthenticated": guestRole}})
	f.credentials(id, logins).want(t, noRole)
	f.wantCredentials(guest, nil)
	f.call(fed("GetCredentialsForIdentity"), obj{"IdentityId": guest, "CustomRoleArn": userRole}).want(t, noCustomRole)
}
