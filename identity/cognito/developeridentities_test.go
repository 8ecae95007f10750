package cognito_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/token"
)

const poolTokenKey = "cognito-identity.amazonaws.com"

// lookup finds the identity of a developer's user.
func (f *federation) lookup(user string) obj {
	f.t.Helper()
	return f.ok(fed("LookupDeveloperIdentity"), obj{"IdentityPoolId": f.id, "DeveloperUserIdentifier": user})
}

func TestDeveloperIdentities(t *testing.T) {
	f := newServer(t).federation(nil)
	out := f.developer(obj{"acme": "ada"}, obj{"TokenDuration": 60})
	id, raw := str(t, out, "IdentityId"), str(t, out, "Token")
	parsed, err := token.ParseAs("JWS", raw)
	if err != nil {
		t.Fatal(err)
	}
	now := f.now().Unix()
	want := fmt.Sprintf(`{"sub":"%s","aud":"%s","amr":["authenticated","acme","acme:%s:ada"],"iss":"https://cognito-identity.amazonaws.com","exp":%d,"iat":%d}`, id, f.id, f.id, now+60, now)
	if got := string(parsed.UnverifiedClaims().Raw); got != want {
		t.Errorf("the claims are %s\nwant %s", got, want)
	}
	logins := obj{poolTokenKey: raw}
	f.wantCredentials(id, logins)
	f.wantLogins(id, "acme")
	if got := str(t, f.developer(obj{"acme": "ada"}, nil), "IdentityId"); got != id {
		t.Errorf("the same user has the identities %s and %s", id, got)
	}
	if got := str(t, f.developer(obj{"acme": "Ada"}, nil), "IdentityId"); got == id {
		t.Error("users whose names differ in case have one identity")
	}
	f.credentials(id, nil).want(t, noMatch)
	f.credentials(f.identity(nil), logins).want(t, noMatch) // the token is of another identity
	f.ok(fed("GetOpenIdToken"), obj{"IdentityId": id, "Logins": logins})
	other := f.server.federation(nil)
	other.credentials(other.identity(nil), logins).want(t, unsupported)
	f.advance(time.Minute)
	f.credentials(id, logins).want(t, problem{"NotAuthorizedException", fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now+60, now+60), 0})
}

// A token of the classic flow is as good as the logins that it was made by, and one of a guest proves nothing.
func TestTokensOfTheClassicFlowAsLogins(t *testing.T) {
	f := newServer(t).federation(nil)
	guest := f.identity(nil)
	raw := str(t, f.ok(fed("GetOpenIdToken"), obj{"IdentityId": guest}), "Token")
	f.credentials(guest, obj{poolTokenKey: raw}).want(t, noMatch)
}

func TestDeveloperIdentityIsLinked(t *testing.T) {
	f := newServer(t).federation(nil)
	f.made(f.client.pool, "anna")
	f.made(f.client.pool, "bert")
	logins := f.logins("anna")
	anna := f.identity(logins)
	// To an identity that is named, once.
	if got := str(t, f.developer(obj{"acme": "anna"}, obj{"IdentityId": anna}), "IdentityId"); got != anna {
		t.Errorf("linked to %s, want %s", got, anna)
	}
	f.wantLogins(anna, f.key, "acme")
	body := obj{"IdentityPoolId": f.id, "IdentityId": anna}
	f.call(fed("GetOpenIdTokenForDeveloperIdentity"), with(body, obj{"Logins": obj{"acme": "eve"}})).
		want(t, problem{"ResourceConflictException", "The identity belongs to another developer user identifier.", 0})
	bert := f.identity(f.logins("bert"))
	f.call(fed("GetOpenIdTokenForDeveloperIdentity"), obj{"IdentityPoolId": f.id, "IdentityId": bert, "Logins": obj{"acme": "anna"}}).
		want(t, problem{"DeveloperUserAlreadyRegisteredException", "This developer user identifier is already registered with Cognito.", 0})
	other := f.server.federation(nil)
	f.call(fed("GetOpenIdTokenForDeveloperIdentity"), obj{"IdentityPoolId": f.id, "IdentityId": other.identity(nil), "Logins": obj{"acme": "zoe"}}).
		want(t, problem{"ResourceConflictException", "The identity belongs to another identity pool.", 0})
	// With a login of a public provider beside it.
	if got := str(t, f.developer(obj{"acme": "bert", f.key: f.logins("bert")[f.key]}, nil), "IdentityId"); got != bert {
		t.Errorf("linked to %s, want %s", got, bert)
	}
	f.wantLogins(bert, f.key, "acme")
	for what, logins := range map[string]obj{"no user": {f.key: logins[f.key]}, "another provider": {"acne": "x"}} {
		a := f.call(fed("GetOpenIdTokenForDeveloperIdentity"), obj{"IdentityPoolId": f.id, "Logins": logins})
		if a.body["__type"] != "InvalidParameterException" {
			t.Errorf("%s: %d %s", what, a.status, a.raw)
		}
	}
}

func TestLookupAndMergeDeveloperIdentities(t *testing.T) {
	f := newServer(t).federation(nil)
	ada, bob := str(t, f.developer(obj{"acme": "ada"}, nil), "IdentityId"), str(t, f.developer(obj{"acme": "bob"}, nil), "IdentityId")
	raw := str(t, f.developer(obj{"acme": "ada"}, nil), "Token")
	merge := obj{"IdentityPoolId": f.id, "DeveloperProviderName": "acme", "SourceUserIdentifier": "ada", "DestinationUserIdentifier": "bob"}
	f.call(fed("MergeDeveloperIdentities"), with(merge, obj{"SourceUserIdentifier": "nobody"})).want(t, problem{"ResourceNotFoundException", "No identity has the developer user identifier 'nobody'.", 0})
	f.call(fed("MergeDeveloperIdentities"), with(merge, obj{"DeveloperProviderName": "acne"})).want(t, problem{"InvalidParameterException", "acne is not the developer provider of the identity pool.", 0})
	if got := str(t, f.ok(fed("MergeDeveloperIdentities"), merge), "IdentityId"); got != bob {
		t.Errorf("merged into %s, want %s", got, bob)
	}
	for _, user := range []string{"ada", "bob"} {
		out := f.lookup(user)
		if out["IdentityId"] != bob || fmt.Sprint(out["DeveloperUserIdentifierList"]) != "[ada bob]" {
			t.Errorf("Lookup of %s = %v", user, out)
		}
	}
	f.credentials(ada, obj{poolTokenKey: raw}).want(t, forbidden(ada))
	// In pages.
	out := f.ok(fed("LookupDeveloperIdentity"), obj{"IdentityPoolId": f.id, "IdentityId": bob, "MaxResults": 1})
	if fmt.Sprint(out["DeveloperUserIdentifierList"]) != "[ada]" || out["NextToken"] == nil {
		t.Errorf("the first page is %v", out)
	}
	out = f.ok(fed("LookupDeveloperIdentity"), obj{"IdentityPoolId": f.id, "IdentityId": bob, "MaxResults": 1, "NextToken": out["NextToken"]})
	if fmt.Sprint(out["DeveloperUserIdentifierList"]) != "[bob]" || out["NextToken"] != nil {
		t.Errorf("the second page is %v", out)
	}
	f.call(fed("LookupDeveloperIdentity"), obj{"IdentityPoolId": f.id}).want(t, problem{"InvalidParameterException", "Either IdentityId or DeveloperUserIdentifier is required.", 0})
	f.call(fed("LookupDeveloperIdentity"), obj{"IdentityPoolId": f.id, "IdentityId": f.identity(nil), "DeveloperUserIdentifier": "ada"}).
		want(t, problem{"ResourceConflictException", "The identity and the developer user identifier do not belong together.", 0})
	// Unlinked: first one, and then the last.
	unlink := obj{"IdentityPoolId": f.id, "IdentityId": bob, "DeveloperProviderName": "acme", "DeveloperUserIdentifier": "ada"}
	f.ok(fed("UnlinkDeveloperIdentity"), unlink)
	f.call(fed("UnlinkDeveloperIdentity"), unlink).want(t, problem{"ResourceConflictException", "The developer user identifier is not of the identity.", 0})
	raw = str(t, f.developer(obj{"acme": "bob"}, nil), "Token")
	f.ok(fed("UnlinkDeveloperIdentity"), with(unlink, obj{"DeveloperUserIdentifier": "bob"}))
	f.credentials(bob, obj{poolTokenKey: raw}).want(t, forbidden(bob))
	if got := str(t, f.developer(obj{"acme": "ada"}, nil), "IdentityId"); got == ada || got == bob {
		t.Errorf("an unlinked user has the identity %s", got)
	}
}

// Two identities with logins of one provider are not merged.
func TestMergeOfTwoUsersOfOneProvider(t *testing.T) {
	f := newServer(t).federation(nil)
	for _, name := range []string{"anna", "bert"} {
		f.made(f.client.pool, name)
		f.developer(obj{"acme": name, f.key: f.logins(name)[f.key]}, nil)
	}
	f.call(fed("MergeDeveloperIdentities"), obj{"IdentityPoolId": f.id, "DeveloperProviderName": "acme", "SourceUserIdentifier": "anna", "DestinationUserIdentifier": "bert"}).
		want(t, problem{"ResourceConflictException", "Both identities have a login of " + f.key + ".", 0})
}

// The tags of a request are in the token, and in the credentials that it gives.
func TestTagsOfADeveloper(t *testing.T) {
	f := newServer(t).federation(nil)
	out := f.developer(obj{"acme": "ada"}, obj{"PrincipalTags": obj{"team": "red"}})
	id := str(t, out, "IdentityId")
	c := f.ok(fed("GetCredentialsForIdentity"), obj{"IdentityId": id, "Logins": obj{poolTokenKey: out["Token"]}})
	session, err := f.idpools.STS().Open(t.Context(), str(t, c, "Credentials", "SessionToken"))
	if err != nil || session.Tags["team"] != "red" {
		t.Errorf("the session has the tags %v: %v", session, err)
	}
	web, err := f.idpools.VerifyWebIdentity(t.Context(), str(t, out, "Token"))
	if err != nil || web.Tags["team"] != "red" || web.IdentityID != id || web.PoolID != f.id {
		t.Errorf("the web identity is %+v: %v", web, err)
	}
}
