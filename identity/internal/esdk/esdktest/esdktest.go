// Package esdktest reads the messages that package esdk writes, for tests. Begin with [Read].
package esdktest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
)

// A Message is a message of the AWS Encryption SDK, version 2 with the suite 0x0578.
type Message struct {
	Context map[string]string // the encryption context
	Keys    []Key             // one for each way to read the message

	id, commitment []byte
	headerSize     int
	auth           []byte // the tag of the header
	iv, body       []byte // of the only frame
	whole          []byte // without the signature
	signature      []byte
}

// A Key is the key of the message, wrapped.
type Key struct {
	Provider, Info string // say who can unwrap it
	Ciphertext     []byte // the wrapped key
}

var errMalformed = errors.New("esdktest: the message is malformed")

// A reader takes a message apart. After an error it returns nothing but zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n > len(r.rest) {
		r.err = errMalformed
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) number(size int) int {
	n := 0
	for _, b := range r.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

func (r *reader) text() []byte { return r.take(r.number(2)) }

func (r *reader) expect(what string, size, want int) {
	if got := r.number(size); r.err == nil && got != want {
		r.err = fmt.Errorf("%w: %s is %d, want %d", errMalformed, what, got, want)
	}
}

// Read reads a message in Base64, and verifies its signature.
func Read(text string) (*Message, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	r, m := &reader{rest: data}, &Message{Context: map[string]string{}}
	r.expect("the version", 1, 2)
	r.expect("the suite", 2, 0x0578)
	m.id = r.take(32)
	m.readContext(&reader{rest: r.text()}, r)
	for range r.number(2) {
		m.Keys = append(m.Keys, Key{string(r.text()), string(r.text()), r.text()})
		if r.err != nil {
			return nil, r.err
		}
	}
	r.expect("the kind of content", 1, 2)
	r.expect("the length of frames", 4, 4096)
	m.commitment = r.take(32)
	m.headerSize = len(data) - len(r.rest)
	m.auth = r.take(16)
	r.expect("the final frame", 4, math.MaxUint32)
	r.expect("the number of the frame", 4, 1)
	m.iv = r.take(12)
	m.body = r.take(r.number(4) + 16)
	m.whole = data[:len(data)-len(r.rest)]
	m.signature = r.text()
	if r.err == nil && len(r.rest) > 0 {
		r.err = errMalformed
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, m.verify()
}

func (m *Message) readContext(c, outer *reader) {
	last := ""
	for range c.number(2) {
		name := string(c.text())
		if c.err == nil && name <= last {
			c.err = fmt.Errorf("%w: the context is not in order", errMalformed)
		}
		last = name
		m.Context[name] = string(c.text())
		if c.err != nil {
			break
		}
	}
	if len(c.rest) > 0 || c.err != nil {
		outer.err = errMalformed
	}
}

func (m *Message) verify() error {
	point, err := base64.StdEncoding.DecodeString(m.Context["aws-crypto-public-key"])
	if err != nil || len(point) != 49 {
		return fmt.Errorf("%w: the public key", errMalformed)
	}
	curve := elliptic.P384()
	x, y := elliptic.UnmarshalCompressed(curve, point)
	if x == nil {
		return fmt.Errorf("%w: the public key", errMalformed)
	}
	whole := elliptic.Marshal(curve, x, y) //nolint:staticcheck // crypto/ecdsa reads no compressed points
	key, err := ecdsa.ParseUncompressedPublicKey(curve, whole)
	if err != nil {
		return fmt.Errorf("%w: the public key", errMalformed)
	}
	sum := sha512.Sum384(m.whole)
	if !ecdsa.VerifyASN1(key, sum[:], m.signature) {
		return errors.New("esdktest: the signature is wrong")
	}
	return nil
}

// Open decrypts the message with its key.
func (m *Message) Open(key []byte) (string, error) {
	commitment, err := hkdf.Key(sha512.New, key, m.id, "COMMITKEY", 32)
	if err != nil {
		return "", err
	}
	if !hmac.Equal(commitment, m.commitment) {
		return "", errors.New("esdktest: the commitment is to another key")
	}
	derived, err := hkdf.Key(sha512.New, key, m.id, string(binary.BigEndian.AppendUint16(nil, 0x0578))+"DERIVEKEY", 32)
	if err != nil {
		return "", err
	}
	aead, err := gcm(derived)
	if err != nil {
		return "", err
	}
	if _, err := aead.Open(nil, make([]byte, 12), m.auth, m.whole[:m.headerSize]); err != nil {
		return "", fmt.Errorf("esdktest: the header: %w", err)
	}
	aad := bytes.Join([][]byte{
		m.id, []byte("AWSKMSEncryptionClient Final Frame"),
		{0, 0, 0, 1},
		big.NewInt(int64(len(m.body) - 16)).FillBytes(make([]byte, 8)),
	}, nil)
	plain, err := aead.Open(nil, m.iv, m.body, aad)
	if err != nil {
		return "", fmt.Errorf("esdktest: the body: %w", err)
	}
	return string(plain), nil
}

// OpenRaw decrypts the message with a key of the raw AES keyring.
func (m *Message) OpenRaw(namespace, name string, key []byte) (string, error) {
	aead, err := gcm(key)
	if err != nil {
		return "", err
	}
	context := m.whole[37 : 37+int(m.whole[35])<<8+int(m.whole[36])]
	for _, k := range m.Keys {
		prefix := name + "\x00\x00\x00\x80\x00\x00\x00\x0c"
		if k.Provider != namespace || len(k.Info) != len(prefix)+12 || k.Info[:len(prefix)] != prefix {
			continue
		}
		dataKey, err := aead.Open(nil, []byte(k.Info[len(prefix):]), k.Ciphertext, context)
		if err != nil {
			return "", fmt.Errorf("esdktest: unwrap: %w", err)
		}
		return m.Open(dataKey)
	}
	return "", errors.New("esdktest: the message has no such key")
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
