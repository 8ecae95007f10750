package gateway

import (
	"slices"
	"strings"
)

// A Caller is who has signed a request, after the signature was verified. Its zero value is nobody: a
// request without a signature.
type Caller struct {
	// AccessKey is the id of the access key, such as ASIA….
	AccessKey string
	// Account is the account of the role.
	Account string
	// ARN is that of the session, such as
	// arn:aws:sts::123456789012:assumed-role/reader/CognitoIdentityCredentials.
	ARN string
	// UserID is the id of the role, a colon, and the name of the session:
	// AROA…:CognitoIdentityCredentials.
	UserID string
	// IdentityID and PoolID are those of an identity pool, and "" for other callers.
	IdentityID, PoolID string
	// AMR is how the identity was authenticated: "unauthenticated", or "authenticated" and then the
	// providers.
	AMR []string
	// OrgID is that of the organization of the account. Defaults to "": it has none.
	OrgID string
}

// RESTIdentity is requestContext.identity of a REST API. What a request does not have is null.
type RESTIdentity struct {
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`         // the identity pool
	AccountID                     *string `json:"accountId"`                     // the account of the role
	CognitoIdentityID             *string `json:"cognitoIdentityId"`             // the identity
	Caller                        *string `json:"caller"`                        // [Caller].UserID
	SourceIP                      string  `json:"sourceIp"`                      // the address of the client
	PrincipalOrgID                *string `json:"principalOrgId"`                // the organization of the account
	AccessKey                     *string `json:"accessKey"`                     // the id of the access key
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`     // authenticated or unauthenticated
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"` // the providers, with commas between; null for guests
	UserARN                       *string `json:"userArn"`                       // the session of the role
	UserAgent                     string  `json:"userAgent"`                     // the header User-Agent
	User                          *string `json:"user"`                          // [Caller].UserID again
	APIKey                        *string `json:"apiKey"`                        // always null: a gateway with keys sets it
}

// REST returns requestContext.identity for a request of the caller (recorded).
func (c Caller) REST(sourceIP, userAgent string) *RESTIdentity {
	out := &RESTIdentity{
		AccountID: known(c.Account), Caller: known(c.UserID), User: known(c.UserID), UserARN: known(c.ARN), AccessKey: known(c.AccessKey),
		PrincipalOrgID: known(c.OrgID), SourceIP: sourceIP, UserAgent: userAgent,
	}
	if c.IdentityID == "" {
		return out
	}
	out.CognitoIdentityID, out.CognitoIdentityPoolID = known(c.IdentityID), known(c.PoolID)
	kind := "unauthenticated"
	if slices.Contains(c.AMR, "authenticated") {
		kind = "authenticated"
		out.CognitoAuthenticationProvider = known(strings.Join(c.AMR[1:], ","))
	}
	out.CognitoAuthenticationType = &kind
	return out
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// IAMContext is requestContext.authorizer of an HTTP API with the authorizer AWS_IAM.
type IAMContext struct {
	IAM IAM `json:"iam"` // the caller
}

// An IAM is what a function reads of a caller.
type IAM struct {
	AccessKey       string           `json:"accessKey"`       // the id of the access key
	AccountID       string           `json:"accountId"`       // the account of the role
	CallerID        string           `json:"callerId"`        // [Caller].UserID
	CognitoIdentity *CognitoIdentity `json:"cognitoIdentity"` // null for a caller of no identity pool
	PrincipalOrgID  string           `json:"principalOrgId"`  // the organization of the account
	UserARN         string           `json:"userArn"`         // the session of the role
	UserID          string           `json:"userId"`          // [Caller].UserID again
}

// A CognitoIdentity is an identity of an identity pool.
type CognitoIdentity struct {
	AMR            []string `json:"amr"`            // how the identity was authenticated
	IdentityID     string   `json:"identityId"`     // the identity
	IdentityPoolID string   `json:"identityPoolId"` // the identity pool
}

// HTTP returns requestContext.authorizer for a request of the caller (recorded).
func (c Caller) HTTP() *IAMContext {
	out := &IAMContext{IAM{
		AccessKey: c.AccessKey, AccountID: c.Account, CallerID: c.UserID, PrincipalOrgID: c.OrgID, UserARN: c.ARN, UserID: c.UserID,
	}}
	if c.IdentityID != "" {
		amr := slices.Clone(c.AMR)
		if amr == nil {
			amr = []string{}
		}
		out.IAM.CognitoIdentity = &CognitoIdentity{amr, c.IdentityID, c.PoolID}
	}
	return out
}

// A LambdaIdentity is the identity in the context of a function that an SDK has invoked with temporary
// credentials.
type LambdaIdentity struct {
	CognitoIdentityID     string `json:"cognitoIdentityId"`     // the identity
	CognitoIdentityPoolID string `json:"cognitoIdentityPoolId"` // the identity pool
}

// Lambda returns the identity for the context of a function, or nil for a caller of no identity pool.
func (c Caller) Lambda() *LambdaIdentity {
	if c.IdentityID == "" {
		return nil
	}
	return &LambdaIdentity{c.IdentityID, c.PoolID}
}
