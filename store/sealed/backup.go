package sealed

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"github.com/cognate-id/cognate/store"
)

// BackupMAC implements [store.BackupKeys]: HMAC-SHA256 under a key that is derived from the
// sealing key with the id. An empty id means the key that seals. BackupMAC returns
// [ErrWrongKey] if the keys do not have the key, after their source was asked again.
func (k Keys) BackupMAC(ctx context.Context, id string) (taken string, mac hash.Hash, err error) {
	used := k.ring.current()
	if id != "" {
		if used, err = k.ring.find(ctx, id); err != nil {
			return "", nil, err
		}
	}
	return used.id, hmac.New(sha256.New, used.backup), nil
}

// KeysOf returns the keys of a store that [New] returned. It returns an error for any other
// store.
func KeysOf(s store.Store) (Keys, error) {
	below, err := sealingOf(s)
	if err != nil {
		return Keys{}, err
	}
	return Keys{below.keys}, nil
}

// backupKey derives the key of the MACs of backups. AES keys are random, so HKDF-Expand
// (RFC 5869) suffices.
func backupKey(raw []byte) ([]byte, error) {
	return hkdf.Expand(sha256.New, raw, "cognate backup", sha256.Size)
}
