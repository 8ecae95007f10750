package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity/internal/esdk"
	"github.com/cognate-id/cognate/store"
)

// The code of a custom sender is encrypted if the pool's settings name a key
// (TriggerKey), as Amazon Cognito encrypts it: the code is a message of the AWS
// Encryption SDK. Every message has a key of its own, and the message has that
// key wrapped, once for each way to read it:
//
//   - as a key of AWS KMS with the ARN of the pool's key. What wraps it is derived from
//     the newest master key of the pool (masters.go), and never leaves the engine. A
//     function asks the engine to unwrap it, by the API of AWS KMS: Admin.UnwrapSenderKey.
//   - as a raw key, if an operator has asked for one (Admin.CreateSenderKey). What wraps it is
//     stored, and the operator gives a copy to the function.
//
// The encryption context of a message has the id of the pool. It is authenticated, so
// that a function can tell for which pool a code is.

// poolEntry is the entry of the encryption context that has the id of the pool.
const poolEntry = "userpool-id"

// senderKeyNamespace is the namespace of raw keys.
const senderKeyNamespace = "cognate"

// encrypter is how codes for custom senders are encrypted, or nil if they are not.
func (p points) encrypter() func(context.Context, Secret) (string, error) {
	if p.pool.Settings.TriggerKey == nil {
		return nil
	}
	return p.encryptCode
}

func (p points) encryptCode(ctx context.Context, code Secret) (string, error) {
	e := p.engine
	ring, err := e.storedRing(ctx, p.pool)
	if err != nil {
		return "", err
	}
	var raw *senderKey
	err = e.store.View(ctx, func(r store.Reader) (err error) {
		raw, err = orNil(senderKeys.Get(r, store.Key(p.pool.ID)))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the key of codes: %w", err)
	}
	arn := e.senderKeyARN(p.pool)
	wrappers := []esdk.Wrapper{func(key []byte, context map[string]string) (esdk.Wrapped, error) {
		sealed := p.pool.ID + "." + ring.wrapping.Seal(key, boundSenderKey(arn, context))
		return esdk.Wrapped{Provider: "aws-kms", Info: arn, Ciphertext: []byte(sealed)}, nil
	}}
	if raw != nil {
		wrappers = append(wrappers, esdk.RawAES(senderKeyNamespace, raw.name(), raw.Key))
	}
	message, err := esdk.Encrypt([]byte(code), map[string]string{poolEntry: p.pool.ID}, wrappers...)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(message), nil
}

// senderKeyARN is the ARN of the key that a pool's settings name, which need not be an ARN.
func (e *Engine) senderKeyARN(p *PoolInfo) string {
	key := pick(p.Settings.TriggerKey, nil, "")
	switch {
	case key == "" || strings.HasPrefix(key, "arn:"):
		return key
	case strings.HasPrefix(key, "alias/"):
		return "arn:aws:kms:" + p.Settings.Region + ":" + e.acct + ":" + key
	}
	return "arn:aws:kms:" + p.Settings.Region + ":" + e.acct + ":key/" + key
}

// boundSenderKey is what a wrapped key is bound to: without it the key cannot be unwrapped.
func boundSenderKey(arn string, context map[string]string) []byte {
	parts := []string{"code for a sender", arn}
	for _, name := range sortedKeys(context) {
		parts = append(parts, name, context[name])
	}
	return []byte(store.Key(parts...))
}

// A WrappedSenderKey is the key of a code for a custom sender, as the message of the code
// has it.
type WrappedSenderKey struct {
	Ciphertext []byte            // the wrapped key
	Context    map[string]string // the encryption context of the message
	// KeyID is the ARN of the key that wraps it, or the end of that ARN behind key/, or
	// alias/ and a name. Empty means the key that the pool's settings name.
	KeyID string
}

// PoolOf returns the id of the pool that a wrapped key says it is of, or "". Nothing is
// verified yet.
func (w *WrappedSenderKey) PoolOf() string {
	pool, _, ok := strings.Cut(string(w.Ciphertext), ".")
	if !ok {
		return ""
	}
	return pool
}

// A SenderKey is a key of codes for custom senders.
type SenderKey struct {
	Name string // the ARN, or the name of a raw key
	Key  Secret // 32 bytes in Base64
}

// UnwrapSenderKey returns the key of a code for a custom sender. It returns
// [ErrSenderKeyUnknown] if the pool does not have the key that in names, and
// [ErrSenderKeyMalformed] if the ciphertext was not made by this pool with this context and
// this key.
func (a *Admin) UnwrapSenderKey(ctx context.Context, in WrappedSenderKey) (SenderKey, error) {
	pool, err := a.Describe(ctx)
	if err != nil {
		return SenderKey{}, err
	}
	arn := a.engine.senderKeyARN(pool)
	_, end, _ := strings.Cut(arn, ":key/")
	_, alias, _ := strings.Cut(arn, ":alias/")
	switch {
	case arn == "":
		return SenderKey{}, ErrSenderKeyUnknown
	case in.KeyID == "", in.KeyID == arn, end != "" && in.KeyID == end, alias != "" && in.KeyID == "alias/"+alias:
	default:
		return SenderKey{}, ErrSenderKeyUnknown
	}
	ring, err := a.engine.storedRing(ctx, pool)
	if err != nil {
		return SenderKey{}, err
	}
	sealed, ok := strings.CutPrefix(string(in.Ciphertext), pool.ID+".")
	if !ok {
		return SenderKey{}, ErrSenderKeyMalformed
	}
	key, err := ring.wrapping.Open(sealed, boundSenderKey(arn, in.Context))
	if err != nil {
		return SenderKey{}, ErrSenderKeyMalformed
	}
	return SenderKey{arn, Secret(base64.StdEncoding.EncodeToString(key))}, nil
}

// SenderKey returns the raw key that [Admin.CreateSenderKey] made last, or
// [ErrSenderKeyUnknown] if there is none.
func (a *Admin) SenderKey(ctx context.Context) (SenderKey, error) {
	var k *senderKey
	err := a.engine.store.View(ctx, func(r store.Reader) (err error) {
		if err := a.exists(r); err != nil {
			return err
		}
		k, err = orNil(senderKeys.Get(r, store.Key(a.pool)))
		return err
	})
	if err == nil && k == nil {
		err = ErrSenderKeyUnknown
	}
	if err != nil {
		return SenderKey{}, fmt.Errorf("read sender key: %w", err)
	}
	return k.public(), nil
}

func (k *senderKey) public() SenderKey {
	return SenderKey{k.name(), Secret(base64.StdEncoding.EncodeToString(k.Key))}
}

func (k *senderKey) name() string { return k.Pool + "/" + k.ID }

// CreateSenderKey makes a raw key, with which a function reads the codes for custom senders
// without calling the engine: by the raw AES keyring of the AWS Encryption SDK, with
// AES-256-GCM, the namespace "cognate" and the name of the key. It takes the place of an earlier one,
// with which later codes cannot be read. Whoever has the key reads all codes that are
// sent from now on.
func (a *Admin) CreateSenderKey(ctx context.Context) (SenderKey, error) {
	now := a.engine.now()
	k := &senderKey{Pool: a.pool, ID: rand.Text()[:8], Key: newKey(), Created: now}
	ev, err := a.happened(ctx, EventSenderKeyCreated, Subject{SubjectPool, a.pool}, now)
	if err != nil {
		return SenderKey{}, err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := a.exists(tx); err != nil {
			return err
		}
		if err := senderKeys.Put(tx, k); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return SenderKey{}, fmt.Errorf("create sender key: %w", err)
	}
	return k.public(), nil
}

// DeleteSenderKey removes the raw key of [Admin.CreateSenderKey], and reports whether there
// was one. Later codes cannot be read with it.
func (a *Admin) DeleteSenderKey(ctx context.Context) (was bool, err error) {
	ev, err := a.happened(ctx, EventSenderKeyDeleted, Subject{SubjectPool, a.pool}, a.engine.now())
	if err != nil {
		return false, err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := a.exists(tx); err != nil {
			return err
		}
		var err error
		if was, err = senderKeys.Delete(tx, store.Key(a.pool)); err != nil || !was {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return false, fmt.Errorf("delete sender key: %w", err)
	}
	return was, nil
}
