package cognito

import (
	"context"
	"errors"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/kms"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// decrypt is the operation Decrypt of AWS KMS, for the keys of codes for custom senders
// alone. A function on AWS calls it unchanged, if AWS_ENDPOINT_URL_KMS is the address of
// this server and its credentials are an access key of the engine.
func (s *service) decrypt(ctx context.Context, in *kms.DecryptRequest) (*kms.DecryptResponse, error) {
	if a := text(in.EncryptionAlgorithm); a != "" && a != kms.Symmetric {
		return nil, &wire.Error{Type: kms.IncorrectKeyException}
	}
	wrapped := identity.WrappedSenderKey{Ciphertext: in.CiphertextBlob, Context: in.EncryptionContext, KeyID: text(in.KeyId)}
	id := wrapped.PoolOf()
	pool, err := s.pool(ctx, &id)
	if err != nil {
		return nil, decryptError(err)
	}
	key, err := pool.Admin().UnwrapSenderKey(ctx, wrapped)
	if err != nil {
		return nil, decryptError(err)
	}
	return &kms.DecryptResponse{KeyId: key.Name, Plaintext: string(key.Key), EncryptionAlgorithm: kms.Symmetric}, nil
}

// decryptError words errors as AWS KMS does. A pool that is not there has made no
// ciphertext.
func decryptError(err error) error {
	switch {
	case errors.Is(err, identity.ErrSenderKeyUnknown):
		return &wire.Error{Type: kms.IncorrectKeyException, Message: "The key ID in the request does not identify a CMK that can perform this operation."}
	case errors.Is(err, identity.ErrSenderKeyMalformed), errors.Is(err, identity.ErrPoolNotFound):
		return &wire.Error{Type: kms.InvalidCiphertextException}
	}
	return err
}
