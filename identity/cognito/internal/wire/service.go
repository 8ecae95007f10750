package wire

import (
	"context"
	"slices"
)

// What the generated packages hand to NewHandler: services, their operations, and
// how a typed handler becomes a Call. The one type assertion is in Bind.

// A Caller says who may call an operation, in the words of the documentation.
type Caller string

// The callers there are.
const (
	Operator       Caller = "SigV4"                   // an operator: the request is signed
	PublicClient   Caller = "public client"           // anyone, in the name of an app client
	AccessToken    Caller = "access token"            // a signed-in user
	TokenOrSession Caller = "access token or Session" // that, or one who is signing in
	AnyClient      Caller = "client, signed or not"   // an app client by its secret, or an operator by a signature
	Logins         Caller = "public (Logins)"         // anyone, with tokens of identity providers
)

// A Spec is what the model says of an operation.
type Spec struct {
	Name    string
	Service string // as signatures scope it, e.g. "cognito-idp"
	Caller  Caller
	MaxBody int64          // longest request, in bytes
	Errors  []string       // the errors it declares
	Input   func() Request // makes an empty request
}

// An Operation is one operation of a service, with its handler.
type Operation struct {
	*Spec
	Call Call
}

// Served reports whether the operation has a handler.
func (o *Operation) Served() bool { return o.Call != nil }

// named is e as the operation calls it: the newest ones have another name for
// an error of the server.
func (o *Operation) named(e *Error) *Error {
	if e.Type != internalErrorException || !slices.Contains(o.Errors, internalServerException) {
		return e
	}
	other := *e
	other.Type = internalServerException
	return &other
}

// Declares reports whether the operation may answer an error of type typ:
// because its model says so, or because any operation may.
func (o *Operation) Declares(typ string) bool {
	switch typ {
	case serializationException, unknownOperation, requestTooLarge, requestTimeout, tooManyRequests,
		internalErrorException, internalServerException, invalidParameter, validationException,
		"AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException",
		"InvalidSignatureException", "MissingAuthenticationTokenException",
		"ThrottlingException", "UnrecognizedClientException":
		return true
	}
	return slices.Contains(o.Errors, typ)
}

// A Service is one service of the protocol.
type Service struct {
	Name            string // as signatures scope it, e.g. "cognito-idp"
	TargetPrefix    string // of X-Amz-Target
	ValidationError string // type of the error for a request that breaks a constraint
	Exceptions      []Exception
	Operations      []Operation
}

// A Call is a handler without its types. The zero value is no handler.
type Call func(context.Context, Request) (output any, err error)

// Bind makes a Call of a typed handler, where In and Out are pointers. A nil
// handler makes a nil Call. An output that is nil is answered as an empty
// structure.
func Bind[In Request, Out any](fn func(context.Context, In) (Out, error)) Call {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, r Request) (any, error) { return fn(ctx, r.(In)) }
}

// BindEmpty is Bind for an operation without output.
func BindEmpty[In Request](fn func(context.Context, In) error) Call {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, r Request) (any, error) { return nil, fn(ctx, r.(In)) }
}
