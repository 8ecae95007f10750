package cognito

import (
	"context"
	"errors"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/kms"
)

// decrypt is the operation Decrypt of AWS KMS, for the keys of codes for custom senders
// alone. A function on AWS calls it unchanged, if AWS_ENDPOINT_URL_KMS is the address of
// this server and its credentials are an access key of the engine.
func (s *service) decrypt(ctx context.Context, in *kms.DecryptRequest) (*kms.DecryptResponse, error) {
	if a := text(in.EncryptionAlgorithm); a != "" && a != kms.Symmetric {
		return nil, identity.ErrSenderKeyUnknown
	}
	wrapped := identity.WrappedSenderKey{Ciphertext: in.CiphertextBlob, Context: in.EncryptionContext, KeyID: text(in.KeyId)}
	id := wrapped.PoolOf()
	pool, err := s.pool(ctx, &id)
	if errors.Is(err, identity.ErrPoolNotFound) { // it has made no ciphertext
		return nil, identity.ErrSenderKeyMalformed
	}
	if err != nil {
		return nil, err
	}
	key, err := pool.Admin().UnwrapSenderKey(ctx, wrapped)
	if err != nil {
		return nil, err
	}
	return &kms.DecryptResponse{KeyId: key.Name, Plaintext: string(key.Key), EncryptionAlgorithm: kms.Symmetric}, nil
}
