// Package kms has the one operation of AWS KMS that is served: Decrypt, by which a custom
// sender reads the codes that it gets. It is written by hand, because the model of AWS KMS
// has a hundred operations.
package kms

import (
	"context"

	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The errors of the service, see wire.Error.
const (
	IncorrectKeyException      = "IncorrectKeyException"
	InvalidCiphertextException = "InvalidCiphertextException"
	KMSInternalException       = "KMSInternalException"
	NotFoundException          = "NotFoundException"
)

// Service is the service with a handler of Decrypt, which may be nil.
func Service(decrypt func(context.Context, *DecryptRequest) (*DecryptResponse, error)) *wire.Service {
	return &wire.Service{
		Name: "kms", TargetPrefix: "TrentService", ValidationError: "ValidationException",
		Exceptions: []wire.Exception{
			{Name: IncorrectKeyException, Status: 400},
			{Name: InvalidCiphertextException, Status: 400},
			{Name: KMSInternalException, Status: 500},
			{Name: NotFoundException, Status: 400},
		},
		Operations: []wire.Operation{{Spec: &decryptSpec, Call: wire.Bind(decrypt)}},
	}
}

var decryptSpec = wire.Spec{
	Name: "Decrypt", Service: "kms", Caller: wire.Operator, MaxBody: 64 << 10,
	Errors: []string{IncorrectKeyException, InvalidCiphertextException, KMSInternalException, NotFoundException},
	Input:  func() wire.Request { return new(DecryptRequest) },
}

// Symmetric is the only algorithm of symmetric keys.
const Symmetric = "SYMMETRIC_DEFAULT"

// DecryptRequest is the input of Decrypt. Its other members do not matter here.
type DecryptRequest struct {
	CiphertextBlob      []byte
	EncryptionContext   map[string]string
	KeyId               *string
	EncryptionAlgorithm *string
}

// DecryptResponse is the output of Decrypt.
type DecryptResponse struct {
	KeyId               string
	Plaintext           string // in Base64
	EncryptionAlgorithm string
}

// Decode reads x from a request.
func (x *DecryptRequest) Decode(d *wire.Decoder) {
	for d.Object(); d.Next(); {
		switch string(d.Key()) {
		case "CiphertextBlob":
			x.CiphertextBlob = wire.Blob(d)
		case "EncryptionContext":
			x.EncryptionContext = wire.StrMap[string](d)
		case "KeyId":
			x.KeyId = wire.Str[string](d)
		case "EncryptionAlgorithm":
			x.EncryptionAlgorithm = wire.Str[string](d)
		default:
			d.Skip()
		}
	}
}

var (
	ciphertextRule = wire.BlobRule{Min: 1, Max: 6144}
	keyRule        = wire.StringRule{Min: 1, Max: 2048}
	algorithmRule  = wire.StringRule{Enum: []string{Symmetric, "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"}}
)

// Validate holds x against the model.
func (x *DecryptRequest) Validate(v *wire.Validator) {
	wire.CheckBlob(v, "CiphertextBlob", x.CiphertextBlob, wire.Required, &ciphertextRule)
	wire.CheckString(v, "KeyId", x.KeyId, wire.Optional, &keyRule)
	wire.CheckString(v, "EncryptionAlgorithm", x.EncryptionAlgorithm, wire.Optional, &algorithmRule)
}
