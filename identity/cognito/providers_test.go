package cognito_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

var (
	oidcDetails = obj{
		"client_id": "app", "client_secret": "keep this", "authorize_scopes": "openid email", "attributes_request_method": "GET",
		"oidc_issuer": "https://idp.example.com", "authorize_url": "https://idp.example.com/a", "token_url": "https://idp.example.com/t",
		"attributes_url": "https://idp.example.com/u", "jwks_uri": "https://idp.example.com/k",
	}
	socialDetails = obj{"client_id": "app", "client_secret": "keep this", "authorize_scopes": "openid"}
	appleDetails  = obj{"client_id": "app", "team_id": "T", "key_id": "K", "private_key": "keep this too", "authorize_scopes": "email"}
)

// provider makes an identity provider.
func (s *server) provider(pool, name, kind string, details obj, more obj) obj {
	s.t.Helper()
	body := with(obj{"UserPoolId": pool, "ProviderName": name, "ProviderType": kind, "ProviderDetails": details}, more)
	return s.ok("CreateIdentityProvider", body)["IdentityProvider"].(obj)
}

// validProviderBodies are the valid bodies about identity providers.
func (w *world) validProviderBodies() map[string]obj {
	w.provider(w.pool, "Acme", "OIDC", oidcDetails, obj{"IdpIdentifiers": list{"acme.example.com"}})
	w.provider(w.pool, "Doomed", "OIDC", oidcDetails, nil)
	w.provider(w.pool, "Corp", "SAML", obj{"MetadataFile": "<x/>"}, nil)
	acme := obj{"UserPoolId": w.pool, "ProviderName": "Acme"}
	link := obj{"UserPoolId": w.pool, "DestinationUser": cognitoUser("dora"), "SourceUser": there("Acme", "Cognito_Subject", "linked")}
	w.ok("AdminLinkProviderForUser", link)
	return map[string]obj{
		"CreateIdentityProvider":          {"UserPoolId": w.pool, "ProviderName": "New", "ProviderType": "OIDC", "ProviderDetails": oidcDetails},
		"DescribeIdentityProvider":        acme,
		"GetIdentityProviderByIdentifier": {"UserPoolId": w.pool, "IdpIdentifier": "acme.example.com"},
		"UpdateIdentityProvider":          with(acme, obj{"ProviderDetails": oidcDetails}),
		"DeleteIdentityProvider":          {"UserPoolId": w.pool, "ProviderName": "Doomed"},
		"ListIdentityProviders":           {"UserPoolId": w.pool},
		"GetSigningCertificate":           {"UserPoolId": w.pool},
		"AdminLinkProviderForUser":        with(link, obj{"SourceUser": there("Acme", "Cognito_Subject", "dora")}),
		"AdminDisableProviderForUser":     {"UserPoolId": w.pool, "User": there("Acme", "Cognito_Subject", "linked")},
	}
}

func cognitoUser(name string) obj { return there("Cognito", "Cognito_Subject", name) }

func there(provider, attribute, value string) obj {
	return obj{"ProviderName": provider, "ProviderAttributeName": attribute, "ProviderAttributeValue": value}
}

// TestAnswersAboutProviders: what each type of provider shows beside what it was given.
func TestAnswersAboutProviders(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, kind string
		details    obj
		more       obj
		mapping    obj
	}{
		{"Acme", "OIDC", oidcDetails, obj{"attributes_url_add_attributes": "false"}, obj{"username": "sub"}},
		{"Google", "Google", socialDetails, obj{
			"attributes_url": "https://people.googleapis.com/v1/people/me?personFields=", "attributes_url_add_attributes": "true",
			"authorize_url": "https://accounts.google.com/o/oauth2/v2/auth", "oidc_issuer": "https://accounts.google.com",
			"token_request_method": "POST", "token_url": "https://www.googleapis.com/oauth2/v4/token",
		}, obj{"username": "sub"}},
		{"Facebook", "Facebook", socialDetails, obj{
			"api_version": "v17.0", "attributes_url": "https://graph.facebook.com/v17.0/me?fields=", "attributes_url_add_attributes": "true",
			"authorize_url": "https://www.facebook.com/v17.0/dialog/oauth", "token_request_method": "GET",
			"token_url": "https://graph.facebook.com/v17.0/oauth/access_token",
		}, obj{"username": "id"}},
		{"LoginWithAmazon", "LoginWithAmazon", socialDetails, obj{
			"attributes_url": "https://api.amazon.com/user/profile", "attributes_url_add_attributes": "false",
			"authorize_url": "https://www.amazon.com/ap/oa", "token_request_method": "POST", "token_url": "https://api.amazon.com/auth/o2/token",
		}, obj{"username": "user_id"}},
		{"SignInWithApple", "SignInWithApple", appleDetails, obj{
			"attributes_url_add_attributes": "false", "authorize_url": "https://appleid.apple.com/auth/authorize", "oidc_issuer": "https://appleid.apple.com",
			"token_request_method": "POST", "token_url": "https://appleid.apple.com/auth/token",
		}, obj{"username": "sub"}},
	} {
		want := with(tt.details, tt.more)
		delete(want, "private_key")
		made := w.provider(w.pool, tt.name, tt.kind, tt.details, nil)
		shown := w.ok("DescribeIdentityProvider", obj{"UserPoolId": w.pool, "ProviderName": tt.name})["IdentityProvider"].(obj)
		for what, p := range map[string]obj{"made": made, "described": shown} {
			wantSame(t, tt.name+" "+what, p["ProviderDetails"], any(want))
			wantSame(t, tt.name+" "+what, p["AttributeMapping"], any(tt.mapping))
			wantSame(t, tt.name+" "+what, p["IdpIdentifiers"], any(list{}))
		}
	}
	got := w.ok("ListIdentityProviders", obj{"UserPoolId": w.pool, "MaxResults": 3})
	var names []string
	for _, p := range got["Providers"].(list) {
		names = append(names, p.(obj)["ProviderName"].(string))
	}
	if fmt.Sprint(names) != "[Acme Facebook Google]" || got["NextToken"] == nil {
		t.Errorf("listed %v", got)
	}
	got = w.ok("ListIdentityProviders", obj{"UserPoolId": w.pool, "NextToken": got["NextToken"]})
	if len(got["Providers"].(list)) != 2 || got["NextToken"] != nil {
		t.Errorf("listed %v", got)
	}
}

// TestSAMLProvidersHaveCertificates: one for each provider, and one that the pool signs with.
func TestSAMLProvidersHaveCertificates(t *testing.T) {
	w := newWorld(t)
	w.call("GetSigningCertificate", obj{"UserPoolId": w.pool}).want(t, problem{"ResourceNotFoundException", "The user pool has no signing certificate.", 0})
	certificates := map[string]bool{}
	see := func(text any) {
		der, err := base64.StdEncoding.DecodeString(text.(string))
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if c.Subject.String() != "CN="+w.pool || c.Issuer.String() != "CN="+w.pool || c.SignatureAlgorithm != x509.SHA256WithRSA {
			t.Errorf("certificate of %s by %s, %s", c.Subject, c.Issuer, c.SignatureAlgorithm)
		}
		certificates[text.(string)] = true
	}
	for _, name := range []string{"Corp", "Other"} {
		made := w.provider(w.pool, name, "SAML", obj{"MetadataFile": "<x/>"}, nil)
		see(dig(made, "ProviderDetails", "ActiveEncryptionCertificate"))
		if made["AttributeMapping"] != nil {
			t.Errorf("mapping %v", made["AttributeMapping"])
		}
	}
	see(w.ok("GetSigningCertificate", obj{"UserPoolId": w.pool})["Certificate"])
	before := len(certificates)
	changed := w.ok("UpdateIdentityProvider", obj{
		"UserPoolId": w.pool, "ProviderName": "Corp", "ProviderDetails": obj{"MetadataURL": "https://idp.example.com/m", "ActiveEncryptionCertificate": "mine"},
	})
	see(dig(changed, "IdentityProvider", "ProviderDetails", "ActiveEncryptionCertificate"))
	see(w.ok("GetSigningCertificate", obj{"UserPoolId": w.pool})["Certificate"])
	if before != 3 || len(certificates) != 3 {
		t.Errorf("%d certificates, and %d after an update, want 3", before, len(certificates))
	}
}

// TestUpdatesOfProviders: what is given is replaced as a whole, and the rest stays.
func TestUpdatesOfProviders(t *testing.T) {
	w := newWorld(t)
	w.provider(w.pool, "Acme", "OIDC", oidcDetails, obj{
		"IdpIdentifiers": list{"a"}, "AttributeMapping": obj{"email": "email"}, "AcrMapping": obj{"Level2": "two"},
	})
	acme := obj{"UserPoolId": w.pool, "ProviderName": "Acme"}
	full := with(oidcDetails, obj{"attributes_url_add_attributes": "false"})
	shown := func() obj { return w.ok("DescribeIdentityProvider", acme)["IdentityProvider"].(obj) }
	w.ok("UpdateIdentityProvider", acme)
	p := shown()
	wantSame(t, "details", p["ProviderDetails"], any(full))
	wantSame(t, "mapping", p["AttributeMapping"], any(obj{"email": "email", "username": "sub"}))
	wantSame(t, "identifiers", p["IdpIdentifiers"], any(list{"a"}))
	wantSame(t, "levels", p["AcrMapping"], any(obj{"Level2": "two"}))
	w.ok("UpdateIdentityProvider", with(acme, obj{"AttributeMapping": obj{"name": "n"}, "IdpIdentifiers": list{}, "ProviderDetails": with(oidcDetails, obj{"client_secret": "new"})}))
	p = shown()
	wantSame(t, "details", p["ProviderDetails"], any(with(full, obj{"client_secret": "new"})))
	wantSame(t, "mapping", p["AttributeMapping"], any(obj{"name": "n", "username": "sub"}))
	wantSame(t, "identifiers", p["IdpIdentifiers"], any(list{}))
}

// TestErrorsAboutProviders: each rule about the settings of a provider.
func TestErrorsAboutProviders(t *testing.T) {
	w := newWorld(t)
	w.provider(w.pool, "Acme", "OIDC", oidcDetails, obj{"IdpIdentifiers": list{"acme.example.com"}})
	without := func(details obj, key string) obj {
		d := maps.Clone(details)
		delete(d, key)
		return d
	}
	for _, tt := range []struct {
		what, name, kind string
		details          obj
		more             obj
		exception, text  string
	}{
		{"name taken", "Acme", "OIDC", oidcDetails, nil, "DuplicateProviderException", "A provider with the name Acme already exists in the user pool."},
		{"identifier taken", "Other", "OIDC", oidcDetails, obj{"IdpIdentifiers": list{"acme.example.com"}}, "InvalidParameterException", "The identifier acme.example.com already exists in the user pool."},
		{"social name", "Google", "OIDC", oidcDetails, nil, "", "Provider Google cannot be of type OIDC"},
		{"social type", "example", "Google", socialDetails, nil, "", "Provider example cannot be of type Google."},
		{"reserved", "Cognito", "OIDC", oidcDetails, nil, "", "The provider name Cognito is reserved."},
		{"no metadata", "Corp", "SAML", obj{"IDPSignout": "true"}, nil, "", "At least one of the MetadataURL or MetadataFile should be provided."},
		{"no client_id", "New", "OIDC", without(oidcDetails, "client_id"), nil, "", "client_id, client_secret and authorize_scopes are all required idp details"},
		{"no secret", "Google", "Google", without(socialDetails, "client_secret"), nil, "", "client_id, client_secret and authorize_scopes are all required idp details"},
		{"no scopes", "Facebook", "Facebook", without(socialDetails, "authorize_scopes"), nil, "", "client_id, client_secret and authorize_scopes are all required idp details"},
		{"no key", "SignInWithApple", "SignInWithApple", without(appleDetails, "private_key"), nil, "", "client_id, team_id, key_id, private_key and authorize_scopes are all required idp details"},
		{"no issuer", "New", "OIDC", without(oidcDetails, "oidc_issuer"), nil, "", "oidc_issuer is a required idp detail"},
		{"no method", "New", "OIDC", without(oidcDetails, "attributes_request_method"), nil, "", "attributes_request_method is a required idp detail"},
		{"other method", "New", "OIDC", with(oidcDetails, obj{"attributes_request_method": "PUT"}), nil, "", "The idp detail attributes_request_method must be GET or POST."},
		{"slash", "New", "OIDC", with(oidcDetails, obj{"oidc_issuer": "https://idp.example.com/"}), nil, "", "The idp detail oidc_issuer must be a URL without a trailing slash and a query."},
		{"http", "New", "OIDC", with(oidcDetails, obj{"oidc_issuer": "http://idp.example.com"}), nil, "", "The idp detail oidc_issuer is not a valid https URL."},
		{"port", "New", "OIDC", with(oidcDetails, obj{"token_url": "https://idp.example.com:8443/t"}), nil, "", "The idp detail token_url is not a valid https URL."},
		{"password", "New", "OIDC", with(oidcDetails, obj{"jwks_uri": "https://a:b@idp.example.com/"}), nil, "", "The idp detail jwks_uri is not a valid https URL."},
		{"not a boolean", "Corp", "SAML", obj{"MetadataFile": "<x/>", "IDPInit": "yes"}, nil, "", "The idp detail IDPInit must be true or false."},
		{"signing", "Corp", "SAML", obj{"MetadataFile": "<x/>", "RequestSigningAlgorithm": "rsa-sha1"}, nil, "", "The idp detail RequestSigningAlgorithm must be rsa-sha256."},
		{"levels of SAML", "Corp", "SAML", obj{"MetadataFile": "<x/>"}, obj{"AcrMapping": obj{"Level1": "x"}}, "", "AcrMapping is supported for OIDC providers only."},
		{"mapped to nothing", "New", "OIDC", oidcDetails, obj{"AttributeMapping": obj{"custom:none": "x"}}, "", "The attribute custom:none cannot be mapped: the user pool has no such attribute."},
		{"mapped to sub", "New", "OIDC", oidcDetails, obj{"AttributeMapping": obj{"sub": "x"}}, "", "The attribute sub cannot be mapped: the user pool has no such attribute."},
		{"mapped to identities", "New", "OIDC", oidcDetails, obj{"AttributeMapping": obj{"identities": "x"}}, "", "The attribute identities cannot be mapped: the user pool has no such attribute."},
		{"identifier twice", "New", "OIDC", oidcDetails, obj{"IdpIdentifiers": list{"x", "x"}}, "", "The identifier x is there twice."},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if tt.exception == "" {
				tt.exception = "InvalidParameterException"
			}
			w.call("CreateIdentityProvider", with(obj{"UserPoolId": w.pool, "ProviderName": tt.name, "ProviderType": tt.kind, "ProviderDetails": tt.details}, tt.more)).
				want(t, problem{tt.exception, tt.text, 0})
		})
	}
	none := problem{"ResourceNotFoundException", "Identity provider Nobody does not exist.", 0}
	for _, op := range []string{"DescribeIdentityProvider", "UpdateIdentityProvider", "DeleteIdentityProvider"} {
		w.call(op, obj{"UserPoolId": w.pool, "ProviderName": "Nobody"}).want(t, none)
	}
	w.call("GetIdentityProviderByIdentifier", obj{"UserPoolId": w.pool, "IdpIdentifier": "Nobody"}).want(t, none)
}

// TestProvidersOfClients: a client names providers that exist, whenever it is changed.
func TestProvidersOfClients(t *testing.T) {
	w := newWorld(t)
	w.provider(w.pool, "Acme", "OIDC", oidcDetails, nil)
	body := obj{"UserPoolId": w.pool, "ClientName": "c", "SupportedIdentityProviders": list{"COGNITO", "Acme"}}
	made := w.ok("CreateUserPoolClient", body)
	wantSame(t, "providers", dig(made, "UserPoolClient", "SupportedIdentityProviders"), any(list{"COGNITO", "Acme"}))
	w.ok("DeleteIdentityProvider", obj{"UserPoolId": w.pool, "ProviderName": "Acme"})
	w.call("UpdateUserPoolClient", with(body, obj{"ClientId": dig(made, "UserPoolClient", "ClientId")})).
		want(t, problem{"InvalidParameterException", "The provider Acme does not exist for User Pool " + w.pool + ".", 0})
}

// TestLinksOfProviders: the errors of links, with the texts that were recorded.
func TestLinksOfProviders(t *testing.T) {
	w := newWorld(t)
	w.provider(w.pool, "Acme", "OIDC", oidcDetails, obj{"AttributeMapping": obj{"email": "mail"}})
	w.provider(w.pool, "Google", "Google", socialDetails, nil)
	client := w.ok("CreateUserPoolClient", obj{"UserPoolId": w.pool, "ClientName": "c", "SupportedIdentityProviders": list{"Acme"}})
	app, err := w.engine.AppClient(t.Context(), dig(client, "UserPoolClient", "ClientId").(string))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "signed-in"}); err != nil {
		t.Fatal(err)
	}
	link := func(to, from obj) *answer {
		return w.call("AdminLinkProviderForUser", obj{"UserPoolId": w.pool, "DestinationUser": to, "SourceUser": from})
	}
	alice := cognitoUser("alice")
	for what, want := range map[string]struct {
		to, from obj
		problem
	}{
		"a user of the pool": {alice, cognitoUser("dora"), problem{"InvalidParameterException", "Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, only as a DestinationUser", 0}},
		"signed in before":   {alice, there("Acme", "Cognito_Subject", "signed-in"), problem{"InvalidParameterException", "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link", 0}},
		"nobody":             {cognitoUser("nobody"), there("Acme", "Cognito_Subject", "1"), noUser},
		"nobody's profile":   {there("Acme", "Cognito_Subject", "nobody"), there("Acme", "Cognito_Subject", "1"), noUser},
		"no provider":        {alice, there("Nobody", "Cognito_Subject", "1"), problem{"ResourceNotFoundException", "Identity provider Nobody does not exist.", 0}},
		"social by an address": {alice, there("Google", "email", "a@example.com"), problem{
			"InvalidParameterException", "The provider attribute email cannot be used to link users of Google.", 0,
		}},
		"not mapped": {alice, there("Acme", "name", "a"), problem{"InvalidParameterException", "The provider attribute name cannot be used to link users of Acme.", 0}},
	} {
		t.Run(what, func(t *testing.T) { link(want.to, want.from).want(t, want.problem) })
	}
	for i, from := range []obj{there("Acme", "Cognito_Subject", "1"), there("Acme", "email", "a@example.com"), there("Acme", "mail", "b@example.com"), there("Google", "", "1"), there("Google", "Cognito_Subject", "2")} {
		if a := link(alice, from); a.status != 200 || a.raw != "{}" {
			t.Fatalf("link %d: %d %s", i, a.status, a.raw)
		}
	}
	link(alice, there("Acme", "Cognito_Subject", "1")).want(t, problem{"InvalidParameterException", "SourceUser is already linked to DestinationUser", 0})
	link(alice, there("Google", "Cognito_Subject", "3")).want(t, problem{"LimitExceededException", "Cannot exceed limit of 5 identities of a user.", 0})
	attributes := fmt.Sprint(w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"})["UserAttributes"])
	if !strings.Contains(attributes, `"userId":"a@example.com","providerName":"Acme","providerType":"OIDC","issuer":null,"primary":false,"dateCreated":`) {
		t.Errorf("attributes %s", attributes)
	}
	w.ok("AdminDisableProviderForUser", obj{"UserPoolId": w.pool, "User": there("Acme", "email", "a@example.com")})
	w.call("AdminDisableProviderForUser", obj{"UserPoolId": w.pool, "User": there("Acme", "email", "a@example.com")}).want(t, noUser)
	w.ok("AdminDisableProviderForUser", obj{"UserPoolId": w.pool, "User": alice})
	w.call("InitiateAuth", w.open.passwordAuth("alice", goodPass)).want(t, problem{"NotAuthorizedException", "Incorrect username or password.", 0})
	w.call("ForgotPassword", obj{"ClientId": w.open.id, "Username": "alice"}).
		want(t, problem{"NotAuthorizedException", "User password cannot be reset in the current state.", 0})
}

// TestSecretsOfProvidersAreNotTold: they are in no event, and in nothing that is printed or logged.
func TestSecretsOfProvidersAreNotTold(t *testing.T) {
	w := newWorld(t)
	w.provider(w.pool, "Acme", "OIDC", oidcDetails, nil)
	w.provider(w.pool, "SignInWithApple", "SignInWithApple", appleDetails, nil)
	w.ok("UpdateIdentityProvider", obj{"UserPoolId": w.pool, "ProviderName": "Acme", "ProviderDetails": with(oidcDetails, obj{"client_secret": "keep this, new"})})
	var told bytes.Buffer
	pool, err := w.engine.UserPool(t.Context(), w.pool)
	if err != nil {
		t.Fatal(err)
	}
	for ev, err := range pool.Admin().Events(t.Context(), identity.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		told.Write(text)
	}
	for p, err := range pool.Admin().Providers().List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&told, "%v %+v %#v %s\n", *p, p, *p, p.Details)
		slog.New(slog.NewTextHandler(&told, nil)).Info("x", "p", p, "d", p.Details)
		slog.New(slog.NewJSONHandler(&told, nil)).Info("x", "p", p, "d", p.Details)
	}
	if strings.Contains(told.String(), "keep this") || !strings.Contains(told.String(), "ProviderChanged") {
		t.Errorf("told %s", told.String())
	}
}
