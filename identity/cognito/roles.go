package cognito

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// An access key has a role, and may be limited to pools and to regions. permit holds
// a call to the role and the region before the request is read. The pool is known
// afterwards: pool, by which every handler of an operator's operation finds its pool,
// asks permitPool. Of the operations without a pool, ListUserPools shows only the pools of
// the key, and the others are in making.

// operationsOf has the operations that need a signature by the lowest role that may
// call them. TestEachOperationHasARole holds it complete. Operations of identity pools
// have the prefix identity, and the one of AWS KMS has the prefix kms.
var operationsOf = map[identity.AccessRole][]string{
	// Reads that show no secret.
	identity.RoleAuditor: {
		"AdminGetDevice", "AdminGetUser", "AdminGetUserAuthFactors", "AdminListDevices", "AdminListGroupsForUser",
		"AdminListUserAuthEvents", "AdminListUserSessions",
		"DescribeCIMDPolicy", "DescribeManagedLoginBranding", "DescribeManagedLoginBrandingByClient", "DescribePointInTimeRecovery",
		"DescribeResourceServer", "DescribeRiskConfiguration", "DescribeTerms", "DescribeTermsByClient", "DescribeUserImportJob",
		"DescribeUserPool", "DescribeUserPoolDomain", "GetCSVHeader", "GetGroup", "GetLogDeliveryConfiguration",
		"GetProvisionedLimit", "GetSigningCertificate", "GetUICustomization", "GetUserPoolClientSessionConfiguration",
		"GetUserPoolMfaConfig", "GetUserPoolSessionConfiguration", "ListCIMDPolicies", "ListClientMetadataURLs", "ListGroups",
		"ListIdentityProviders", "ListPointInTimeRecoveries", "ListResourceServers", "ListTagsForResource", "ListTerms",
		"ListUserImportJobs", "ListUserPoolClients", "ListUserPoolReplicas", "ListUserPools", "ListUsers", "ListUsersInGroup",
		"identity:DescribeIdentity", "identity:DescribeIdentityPool", "identity:GetIdentityPoolRoles",
		"identity:GetPrincipalTagAttributeMap", "identity:ListIdentities", "identity:ListIdentityPools",
		"identity:ListTagsForResource", "identity:LookupDeveloperIdentity",
	},
	// Help for a user who cannot sign in. None of these lets the caller sign in as the
	// user: messages go to the addresses that the user has.
	identity.RoleSupport: {
		"AdminConfirmSignUp", "AdminDisableUser", "AdminEnableUser", "AdminForgetDevice", "AdminResetUserPassword",
		"AdminRevokeUserSession", "AdminUpdateAuthEventFeedback", "AdminUpdateDeviceStatus", "AdminUserGlobalSignOut",
	},
	// Users, groups and their sign-ins, and the secrets that sign-ins need.
	identity.RoleOperator: {
		"AdminAddUserToGroup", "AdminCreateUser", "AdminDeleteSoftwareToken", "AdminDeleteUser", "AdminDeleteUserAttributes",
		"AdminDisableProviderForUser", "AdminInitiateAuth", "AdminLinkProviderForUser", "AdminRemoveUserFromGroup",
		"AdminRespondToAuthChallenge", "AdminSetUserMFAPreference", "AdminSetUserPassword", "AdminSetUserSettings",
		"AdminUpdateUserAttributes", "CreateGroup", "CreateUserImportJob", "DeleteGroup", "DescribeUserPoolClient",
		"GetClientToken", "GetDerivedToken", "StartUserImportJob", "StopUserImportJob", "UpdateGroup",
		"identity:DeleteIdentities", "identity:GetOpenIdTokenForDeveloperIdentity", "identity:MergeDeveloperIdentities",
		"identity:UnlinkDeveloperIdentity", "kms:Decrypt",
	},
	// Settings of pools, app clients and identity providers, and their secrets.
	identity.RoleOwner: {
		"AddCustomAttributes", "AddUserPoolClientSecret", "CancelPointInTimeRecovery", "CreateCIMDPolicy", "CreateIdentityProvider",
		"CreateManagedLoginBranding", "CreateResourceServer", "CreateTerms", "CreateUserPool", "CreateUserPoolClient",
		"CreateUserPoolDomain", "CreateUserPoolReplica", "DeleteCIMDPolicy", "DeleteIdentityProvider", "DeleteManagedLoginBranding",
		"DeleteResourceServer", "DeleteTerms", "DeleteUserPool", "DeleteUserPoolClient", "DeleteUserPoolClientSecret",
		"DeleteUserPoolDomain", "DeleteUserPoolReplica", "DescribeIdentityProvider", "GetIdentityProviderByIdentifier",
		"InitiatePointInTimeRecovery", "ListUserPoolClientSecrets", "SetLogDeliveryConfiguration", "SetRiskConfiguration",
		"SetUICustomization", "SetUserPoolClientSessionConfiguration", "SetUserPoolMfaConfig", "SetUserPoolSessionConfiguration",
		"StartPointInTimeRecovery", "TagResource", "UntagResource", "UpdateCIMDPolicy", "UpdateClientMetadataURLState",
		"UpdateIdentityProvider", "UpdateManagedLoginBranding", "UpdateProvisionedLimit", "UpdateResourceServer", "UpdateTerms",
		"UpdateUserPool", "UpdateUserPoolClient", "UpdateUserPoolDomain", "UpdateUserPoolReplica",
		"identity:CreateIdentityPool", "identity:DeleteIdentityPool", "identity:SetIdentityPoolRoles",
		"identity:SetPrincipalTagAttributeMap", "identity:TagResource", "identity:UntagResource", "identity:UpdateIdentityPool",
	},
}

// prefixes are those of the operations in the table, by the service.
var prefixes = map[string]string{"cognito-identity": "identity:", "kms": "kms:"}

// making are the operations without a pool that a key for some pools may not call.
var making = []string{"CreateUserPool", "CreateIdentityPool"}

// roleFor returns the lowest role that may call an operation. ok reports whether the
// table has the operation; one that it does not have is for nobody.
func roleFor(op *wire.Operation) (least identity.AccessRole, ok bool) {
	name := prefixes[op.Service] + op.Name
	for role, names := range operationsOf {
		if slices.Contains(names, name) {
			return role, true
		}
	}
	return "", false
}

// permit returns an error if the role or the regions of a key forbid a call.
func permit(ctx context.Context, key *identity.AccessKey, op *wire.Operation) error {
	least, ok := roleFor(op)
	region := wire.RequestFrom(ctx).Region
	switch {
	case !ok:
		return denied(key, op, "no role has this operation")
	case !key.Role.Includes(least):
		return denied(key, op, fmt.Sprintf("the role of the access key is %s, and the operation needs %s", key.Role, least))
	case !key.AllowsRegion(region):
		return denied(key, op, "the access key is for other regions than "+region)
	case len(key.Pools) > 0 && slices.Contains(making, op.Name):
		return denied(key, op, "the access key is for some user pools only")
	}
	return nil
}

// permitPool returns an error if the key that signed a call is not for a pool.
func permitPool(ctx context.Context, id string) error {
	if t := temporarySigner(ctx); t != nil {
		return t.permitPool(ctx, id)
	}
	key := signer(ctx)
	if key == nil || key.AllowsPool(id) {
		return nil
	}
	return denied(key, wire.RequestFrom(ctx).Operation, "the access key is for other user pools than "+id)
}

// permitted leaves out the pools that the key of a call is not for.
func permitted(ctx context.Context, all iter.Seq2[*identity.PoolInfo, error]) iter.Seq2[*identity.PoolInfo, error] {
	key := signer(ctx)
	if key == nil {
		return all
	}
	return func(yield func(*identity.PoolInfo, error) bool) {
		for p, err := range all {
			if err == nil && !key.AllowsPool(p.ID) {
				continue
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// denied is worded as the service words what a policy does not allow.
func denied(key *identity.AccessKey, op *wire.Operation, because string) error {
	return wire.Errorf(idp.AccessDeniedException, "User: %s is not authorized to perform: %s:%s because %s", key.ID, op.Service, op.Name, because)
}
