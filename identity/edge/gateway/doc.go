// Package gateway gives programs that were written for Amazon API Gateway and Lambda what they read
// there about the caller. It is for gateways that stand in for API Gateway, in front of functions on
// a machine of your own:
//
//   - [CognitoAuthorizer] is the Cognito authorizer of a REST API (payload 1.0): its result is
//     requestContext.authorizer.
//   - [JWTAuthorizer] is the JWT authorizer of an HTTP API (payload 2.0): likewise.
//   - [Caller] is the caller of a request that was signed with temporary credentials (IAM): its methods
//     are requestContext.identity of a REST API, requestContext.authorizer.iam of an HTTP API, and the
//     identity in the context of a function that an SDK has invoked.
//   - [NewLambda] is a Lambda authorizer as an [http.Handler]: it takes the event of a token or request
//     authorizer, and answers with a policy. It is also of use behind API Gateway itself.
//
// The forms are those of events that people have recorded from the service. What nobody has recorded is
// marked (unsure) at its place.
//
// # Caveats
//
//   - API Gateway remembers what a Lambda authorizer answers for the same token, for five minutes by
//     default. A policy that names one method then refuses all others. Turn that off, or set
//     [LambdaOptions].WholeStage.
//   - The claims are strings, and groups are one string: "[a b]" and "a,b" cannot be told from groups
//     whose names have a blank or a comma. Decide by scopes and groups before, by a [token.Verifier].
package gateway
