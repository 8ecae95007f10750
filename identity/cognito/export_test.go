package cognito

import (
	"context"
	"net/http"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/kms"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/settings"
)

// NewWatchedHandler is NewHandler, with a function that is told of errors that
// the model does not declare for their operation.
func NewWatchedHandler(e *identity.Engine, o *Options, undeclared func(*wire.Operation, *wire.Error)) http.Handler {
	return newHandler(e, o, undeclared)
}

// Services are the two services, with the handlers there are.
func Services() []*wire.Service {
	s := &service{idpools: &idpool.Service{}}
	return []*wire.Service{idp.Service(s.handlers()), fedid.Service(s.identityHandlers())}
}

// KMS is the service by which custom senders read codes.
func KMS() *wire.Service { return kms.Service((&service{}).decrypt) }

// CallOf is the call that a request makes, by its members alone.
func CallOf(ctx context.Context, in wire.Request) identity.Call {
	return identity.CallFrom((&service{}).withCall(ctx, in))
}

// A PoolMember is a row of the list of members that pools are made and updated by.
type PoolMember struct {
	Names, Fields []string
	CreateOnly    bool
	// Create and Update set what the row sets, as the one and the other request asks.
	Create func(*identity.PoolSettings, *idp.CreateUserPoolRequest) error
	Update func(*identity.PoolSettings, *idp.UpdateUserPoolRequest) error
}

// PoolMembers are the rows of the list.
func PoolMembers() []PoolMember {
	var out []PoolMember
	for _, m := range poolMembers {
		out = append(out, PoolMember{
			Names: m.names, Fields: m.fields, CreateOnly: m.createOnly,
			Create: func(s *identity.PoolSettings, in *idp.CreateUserPoolRequest) error { return m.set(s, creation(in, "")) },
			Update: func(s *identity.PoolSettings, in *idp.UpdateUserPoolRequest) error {
				return m.set(s, replacement(in, ""))
			},
		})
	}
	return out
}

// CreatedClient and UpdatedClient are the settings that requests ask for.
func CreatedClient(in *idp.CreateUserPoolClientRequest) *identity.ClientSettings {
	return clientSettings(in)
}

func UpdatedClient(in *idp.UpdateUserPoolClientRequest) *identity.ClientSettings {
	return clientSettings(clientReplacement(in))
}

// UnservedPoolMembers are the members that are refused.
func UnservedPoolMembers() []string {
	var names []string
	for _, m := range unservedMembers {
		names = append(names, m.name)
	}
	return names
}

// Sentence returns the service's words for a rule that settings or attributes break, or "".
func Sentence(code settings.Code) string { return sentences[code] }

// ReadOnly reports whether an operation of operators is taken for one that changes nothing.
func ReadOnly(op string) bool { return readOnly(op) }

// Source names where a request comes from.
func (h *Handler) Source(r *http.Request) string { return h.service.source(r) }

// What the tests of roles look at.
var (
	OperationsOf = operationsOf
	RoleFor      = roleFor
)
