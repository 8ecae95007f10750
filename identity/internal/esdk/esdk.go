// Package esdk writes messages in the format of the AWS Encryption SDK, version 2, with the
// algorithm suite 0x0578: AES-256 in GCM, key commitment by HKDF with SHA-512, and a signature by
// ECDSA on P-384. Every version of the SDK since 1.7 reads them, whatever its commitment policy is.
//
// Begin with [Encrypt]. There is no reader here: that is the SDK.
package esdk

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Numbers of the format.
const (
	version     = 2
	suite       = 0x0578
	messageID   = 32 // bytes
	keySize     = 32 // bytes of data keys, of wrapping keys and of the commitment
	ivSize      = 12
	tagSize     = 16
	framed      = 2
	frameLength = 4096
)

// publicKeyEntry is the entry of the encryption context that has the public key of the signature.
const publicKeyEntry = "aws-crypto-public-key"

// A Wrapped is the data key of a message, encrypted for one way to read the message.
type Wrapped struct {
	Provider, Info string // say who can decrypt it
	Ciphertext     []byte
}

// A Wrapper encrypts the data key of a message with its encryption context, which must be the
// same when the key is decrypted.
type Wrapper func(key []byte, context map[string]string) (Wrapped, error)

// Encrypt returns a message that whoever can decrypt one of the wrapped keys can read. The
// context is a part of the message that everybody can read. plain has fewer than 4,096 bytes.
func Encrypt(plain []byte, context map[string]string, wrappers ...Wrapper) ([]byte, error) {
	if len(plain) >= frameLength || len(wrappers) == 0 {
		return nil, errors.New("esdk: the text is too long for one frame, or nobody could read it")
	}
	signer, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("esdk: make a key: %w", err)
	}
	context = maps.Clone(context)
	if context == nil {
		context = map[string]string{}
	}
	if context[publicKeyEntry], err = compressed(&signer.PublicKey); err != nil {
		return nil, err
	}
	key, id := random(keySize), random(messageID)
	var wrapped []Wrapped
	for _, wrap := range wrappers {
		w, err := wrap(key, context)
		if err != nil {
			return nil, fmt.Errorf("esdk: wrap a key: %w", err)
		}
		wrapped = append(wrapped, w)
	}
	out, err := seal(plain, key, id, context, wrapped)
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum384(out)
	signature, err := ecdsa.SignASN1(rand.Reader, signer, sum[:])
	if err != nil {
		return nil, fmt.Errorf("esdk: sign: %w", err)
	}
	return appendText(out, string(signature))
}

// compressed is a public key as the encryption context has it.
func compressed(key *ecdsa.PublicKey) (string, error) {
	point, err := key.Bytes() // 4, X, Y
	if err != nil {
		return "", fmt.Errorf("esdk: encode a key: %w", err)
	}
	size := (len(point) - 1) / 2
	point[0] = 2 + point[len(point)-1]&1
	return base64.StdEncoding.EncodeToString(point[:1+size]), nil
}

// seal returns the header and the body, without the signature.
func seal(plain, key, id []byte, context map[string]string, wrapped []Wrapped) ([]byte, error) {
	derived, err := hkdf.Key(sha512.New, key, id, "\x05\x78DERIVEKEY", keySize)
	if err != nil {
		return nil, fmt.Errorf("esdk: derive a key: %w", err)
	}
	commitment, err := hkdf.Key(sha512.New, key, id, "COMMITKEY", keySize)
	if err != nil {
		return nil, fmt.Errorf("esdk: derive a key: %w", err)
	}
	out, err := header(id, context, wrapped, commitment)
	if err != nil {
		return nil, err
	}
	aead, err := gcm(derived)
	if err != nil {
		return nil, err
	}
	out = aead.Seal(out, make([]byte, ivSize), nil, out)
	return frame(out, aead, plain, id), nil
}

func header(id []byte, context map[string]string, wrapped []Wrapped, commitment []byte) ([]byte, error) {
	out := binary.BigEndian.AppendUint16([]byte{version}, suite)
	out = append(out, id...)
	aad, err := serialize(context)
	if err != nil {
		return nil, err
	}
	if out, err = appendText(out, string(aad)); err != nil {
		return nil, err
	}
	out = binary.BigEndian.AppendUint16(out, uint16(len(wrapped))) //nolint:gosec // there are a few
	for _, w := range wrapped {
		for _, text := range []string{w.Provider, w.Info, string(w.Ciphertext)} {
			if out, err = appendText(out, text); err != nil {
				return nil, err
			}
		}
	}
	out = binary.BigEndian.AppendUint32(append(out, framed), frameLength)
	return append(out, commitment...), nil
}

// frame appends the text as the only frame, which is the final one.
func frame(out []byte, aead cipher.AEAD, plain, id []byte) []byte {
	const number, final = 1, math.MaxUint32
	iv := binary.BigEndian.AppendUint32(make([]byte, ivSize-4), number)
	aad := append(slices.Clone(id), "AWSKMSEncryptionClient Final Frame"...)
	aad = binary.BigEndian.AppendUint32(aad, number)
	aad = binary.BigEndian.AppendUint64(aad, uint64(len(plain)))

	out = binary.BigEndian.AppendUint32(out, final)
	out = binary.BigEndian.AppendUint32(out, number)
	out = append(out, iv...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(plain))) //nolint:gosec // less than a frame
	return aead.Seal(out, iv, plain, aad)
}

// RawAES wraps keys under a key of 32 bytes, as the raw AES keyring of the SDK with this
// namespace and name does.
func RawAES(namespace, name string, key []byte) Wrapper {
	return func(dataKey []byte, context map[string]string) (Wrapped, error) {
		aead, err := gcm(key)
		if err != nil {
			return Wrapped{}, err
		}
		aad, err := serialize(context)
		if err != nil {
			return Wrapped{}, err
		}
		iv := random(ivSize)
		info := binary.BigEndian.AppendUint32([]byte(name), tagSize*8)
		info = binary.BigEndian.AppendUint32(info, ivSize)
		return Wrapped{namespace, string(append(info, iv...)), aead.Seal(nil, iv, dataKey, aad)}, nil
	}
}

// serialize writes an encryption context, ordered by its keys.
func serialize(context map[string]string) ([]byte, error) {
	if len(context) == 0 {
		return nil, nil
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(len(context))) //nolint:gosec // appendText bounds the whole
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, text := range []string{name, context[name]} {
			var err error
			if out, err = appendText(out, text); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// appendText appends a text with its length in two bytes before it.
func appendText(out []byte, text string) ([]byte, error) {
	if len(text) > math.MaxUint16 {
		return nil, errors.New("esdk: a text is too long")
	}
	return append(binary.BigEndian.AppendUint16(out, uint16(len(text))), text...), nil //nolint:gosec // see above
}

func gcm(key []byte) (cipher.AEAD, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("esdk: a key has %d bytes", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("esdk: %w", err)
	}
	return cipher.NewGCM(block)
}

func random(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.Read(out) // never returns an error: a failure ends the process
	return out
}
