package clients_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	fed "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	fedtypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/smithy-go"
)

const (
	usersRole  = "arn:aws:iam::123456789012:role/users"
	guestsRole = "arn:aws:iam::123456789012:role/guests"
)

// A pools is an identity pool that takes the users of a world, and guests.
type pools struct {
	*world
	fed  *fed.Client
	id   string
	arn  string
	name string // of the user pool as a provider
	done map[string]bool
}

func newPools(t *testing.T) *pools {
	t.Helper()
	w := newWorld(t, nil, nil)
	p := &pools{world: w, name: "cognito-idp." + region + ".amazonaws.com/" + w.pool, done: map[string]bool{}}
	p.fed = fed.New(fed.Options{
		BaseEndpoint: &w.url, Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "any will do"}, nil
		}),
	})
	return p
}

// call makes a call of the SDK that must succeed, and notes the operation. A copy of the request
// with a value that breaks a constraint, in the member that is named, must be refused before that.
func call[In, Out any](p *pools, fn func(context.Context, *In, ...func(*fed.Options)) (*Out, error), in *In, member string, broken any) *Out {
	p.Helper()
	name := strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input")
	wrong := *in
	reflect.ValueOf(&wrong).Elem().FieldByName(member).Set(reflect.ValueOf(broken))
	_, err := fn(p.Context(), &wrong)
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "ValidationException" {
		p.Errorf("%s with %v as %s: got %v, want a ValidationException", name, broken, member, err)
	}
	out, err := fn(p.Context(), in)
	if err != nil {
		p.Fatalf("%s: %v", name, err)
	}
	p.done[name] = true
	return out
}

// Each operation of identity pools works as the SDK makes it, and refuses what its model forbids.
func TestIdentityPools(t *testing.T) {
	p := newPools(t)
	badID, long := aws.String("no id"), aws.String(strings.Repeat("x", 2000))
	made := call(p, p.fed.CreateIdentityPool, &fed.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("app"), AllowUnauthenticatedIdentities: true, AllowClassicFlow: aws.Bool(true), DeveloperProviderName: aws.String("acme"),
		CognitoIdentityProviders: []fedtypes.CognitoIdentityProvider{{ProviderName: &p.name, ClientId: &p.client, ServerSideTokenCheck: aws.Bool(true)}},
	}, "IdentityPoolName", aws.String("a;b"))
	p.id = *made.IdentityPoolId
	p.arn = "arn:aws:cognito-identity:" + region + ":123456789012:identitypool/" + p.id
	p.administer(badID, long)
	p.enter(badID)
	p.vouch(badID, long)
	call(p, p.fed.DeleteIdentityPool, &fed.DeleteIdentityPoolInput{IdentityPoolId: &p.id}, "IdentityPoolId", badID)
	_, err := p.fed.DescribeIdentityPool(t.Context(), &fed.DescribeIdentityPoolInput{IdentityPoolId: &p.id})
	refused[*fedtypes.ResourceNotFoundException](t, err, "IdentityPool '"+p.id+"' not found.")
	client := reflect.TypeFor[*fed.Client]()
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; name != "Options" && !p.done[name] {
			t.Errorf("%s was not called", name)
		}
	}
	if len(p.done) != 23 {
		t.Errorf("called %d operations, want 23", len(p.done))
	}
}

// administer changes the pool.
func (p *pools) administer(badID, long *string) {
	p.Helper()
	roles := map[string]string{"authenticated": usersRole, "unauthenticated": guestsRole}
	call(p, p.fed.SetIdentityPoolRoles, &fed.SetIdentityPoolRolesInput{IdentityPoolId: &p.id, Roles: roles}, "Roles", map[string]string{"nobody": usersRole})
	if got := call(p, p.fed.GetIdentityPoolRoles, &fed.GetIdentityPoolRolesInput{IdentityPoolId: &p.id}, "IdentityPoolId", badID); got.Roles["authenticated"] != usersRole {
		p.Errorf("the roles are %v", got.Roles)
	}
	if got := call(p, p.fed.DescribeIdentityPool, &fed.DescribeIdentityPoolInput{IdentityPoolId: &p.id}, "IdentityPoolId", badID); *got.CognitoIdentityProviders[0].ClientId != p.client {
		p.Errorf("the pool is %+v", got)
	}
	updated := call(p, p.fed.UpdateIdentityPool, &fed.UpdateIdentityPoolInput{
		IdentityPoolId: &p.id, IdentityPoolName: aws.String("app two"), AllowUnauthenticatedIdentities: true, AllowClassicFlow: aws.Bool(true), DeveloperProviderName: aws.String("acme"),
		CognitoIdentityProviders: []fedtypes.CognitoIdentityProvider{{ProviderName: &p.name, ClientId: &p.client, ServerSideTokenCheck: aws.Bool(true)}},
	}, "IdentityPoolName", long)
	if *updated.IdentityPoolName != "app two" {
		p.Errorf("the pool is %+v", updated)
	}
	pages := fed.NewListIdentityPoolsPaginator(p.fed, &fed.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	found := false
	for pages.HasMorePages() {
		page := must(pages.NextPage(p.Context()))(p)
		found = found || slices.ContainsFunc(page.IdentityPools, func(d fedtypes.IdentityPoolShortDescription) bool { return *d.IdentityPoolId == p.id })
	}
	if !found {
		p.Errorf("the list does not have the pool")
	}
	call(p, p.fed.ListIdentityPools, &fed.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}, "MaxResults", aws.Int32(61))
	call(p, p.fed.TagResource, &fed.TagResourceInput{ResourceArn: &p.arn, Tags: map[string]string{"a": "1", "b": "2"}}, "Tags", map[string]string{*long: "1"})
	call(p, p.fed.UntagResource, &fed.UntagResourceInput{ResourceArn: &p.arn, TagKeys: []string{"a"}}, "TagKeys", []string{*long})
	if got := call(p, p.fed.ListTagsForResource, &fed.ListTagsForResourceInput{ResourceArn: &p.arn}, "ResourceArn", aws.String("short")); len(got.Tags) != 1 || got.Tags["b"] != "2" {
		p.Errorf("the tags are %v", got.Tags)
	}
	call(p, p.fed.SetPrincipalTagAttributeMap, &fed.SetPrincipalTagAttributeMapInput{
		IdentityPoolId: &p.id, IdentityProviderName: &p.name, PrincipalTags: map[string]string{"mail": "email"},
	}, "PrincipalTags", map[string]string{*long: "email"})
	if got := call(p, p.fed.GetPrincipalTagAttributeMap, &fed.GetPrincipalTagAttributeMapInput{IdentityPoolId: &p.id, IdentityProviderName: &p.name}, "IdentityPoolId", badID); got.PrincipalTags["mail"] != "email" {
		p.Errorf("the principal tags are %v", got.PrincipalTags)
	}
}

// enter is what users and guests do.
func (p *pools) enter(badID *string) {
	p.Helper()
	tooLong := map[string]string{p.name: strings.Repeat("x", 50_001)}
	guest := call(p, p.fed.GetId, &fed.GetIdInput{IdentityPoolId: &p.id}, "AccountId", aws.String("x"))
	p.newUser("anna")
	logins := map[string]string{p.name: *p.tokens("anna", password).IdToken}
	user := call(p, p.fed.GetId, &fed.GetIdInput{IdentityPoolId: &p.id, Logins: logins}, "Logins", tooLong)
	c := call(p, p.fed.GetCredentialsForIdentity, &fed.GetCredentialsForIdentityInput{IdentityId: user.IdentityId, Logins: logins}, "CustomRoleArn", aws.String("x"))
	if !strings.HasPrefix(*c.Credentials.AccessKeyId, "ASIA") || *c.IdentityId != *user.IdentityId || c.Credentials.Expiration.IsZero() {
		p.Errorf("the credentials are %+v", c.Credentials)
	}
	_, err := p.fed.GetCredentialsForIdentity(p.Context(), &fed.GetCredentialsForIdentityInput{IdentityId: user.IdentityId})
	refused[*fedtypes.NotAuthorizedException](p.T, err, "Logins don't match. Please include at least one valid login for this identity or identity pool.")
	call(p, p.fed.GetOpenIdToken, &fed.GetOpenIdTokenInput{IdentityId: guest.IdentityId}, "IdentityId", badID)
	if got := call(p, p.fed.DescribeIdentity, &fed.DescribeIdentityInput{IdentityId: user.IdentityId}, "IdentityId", badID); !slices.Equal(got.Logins, []string{p.name}) {
		p.Errorf("the logins are %v", got.Logins)
	}
	list := call(p, p.fed.ListIdentities, &fed.ListIdentitiesInput{IdentityPoolId: &p.id, MaxResults: aws.Int32(60)}, "MaxResults", aws.Int32(0))
	if len(list.Identities) != 2 {
		p.Errorf("there are %d identities, want 2", len(list.Identities))
	}
	call(p, p.fed.UnlinkIdentity, &fed.UnlinkIdentityInput{IdentityId: user.IdentityId, Logins: logins, LoginsToRemove: []string{p.name}}, "LoginsToRemove", []string{""})
	deleted := call(p, p.fed.DeleteIdentities, &fed.DeleteIdentitiesInput{IdentityIdsToDelete: []string{*guest.IdentityId}}, "IdentityIdsToDelete", []string{})
	if len(deleted.UnprocessedIdentityIds) != 0 {
		p.Errorf("not deleted: %v", deleted.UnprocessedIdentityIds)
	}
}

// vouch is what a developer's program does.
func (p *pools) vouch(badID, long *string) {
	p.Helper()
	get := func(user string) *fed.GetOpenIdTokenForDeveloperIdentityOutput {
		return call(p, p.fed.GetOpenIdTokenForDeveloperIdentity, &fed.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &p.id, Logins: map[string]string{"acme": user},
		}, "TokenDuration", aws.Int64(86_401))
	}
	ada, bob := get("ada"), get("bob")
	credentials := must(p.fed.GetCredentialsForIdentity(p.Context(), &fed.GetCredentialsForIdentityInput{
		IdentityId: ada.IdentityId, Logins: map[string]string{"cognito-identity.amazonaws.com": *ada.Token},
	}))(p)
	if *credentials.IdentityId != *ada.IdentityId {
		p.Errorf("the credentials are of %s, want %s", *credentials.IdentityId, *ada.IdentityId)
	}
	merged := call(p, p.fed.MergeDeveloperIdentities, &fed.MergeDeveloperIdentitiesInput{
		IdentityPoolId: &p.id, DeveloperProviderName: aws.String("acme"), SourceUserIdentifier: aws.String("ada"), DestinationUserIdentifier: aws.String("bob"),
	}, "SourceUserIdentifier", long)
	if *merged.IdentityId != *bob.IdentityId {
		p.Errorf("merged into %s, want %s", *merged.IdentityId, *bob.IdentityId)
	}
	found := call(p, p.fed.LookupDeveloperIdentity, &fed.LookupDeveloperIdentityInput{IdentityPoolId: &p.id, DeveloperUserIdentifier: aws.String("ada")}, "MaxResults", aws.Int32(61))
	if *found.IdentityId != *bob.IdentityId || !slices.Equal(found.DeveloperUserIdentifierList, []string{"ada", "bob"}) {
		p.Errorf("the users of %s are %v", *found.IdentityId, found.DeveloperUserIdentifierList)
	}
	call(p, p.fed.UnlinkDeveloperIdentity, &fed.UnlinkDeveloperIdentityInput{
		IdentityPoolId: &p.id, IdentityId: bob.IdentityId, DeveloperProviderName: aws.String("acme"), DeveloperUserIdentifier: aws.String("ada"),
	}, "IdentityId", badID)
}
