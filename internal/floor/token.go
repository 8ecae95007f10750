package floor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

var errSignature = errors.New("floor: bad signature")

// A signer signs and verifies the SHA-256 hash of a message.
type signer interface {
	// header returns the encoded header of a token.
	header() string
	sign(digest []byte) ([]byte, error)
	verify(digest, signature []byte) bool
}

func newSigner(alg string) (signer, error) {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"kid":"floor","alg":"` + alg + `"}`))
	switch alg {
	case RS256:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		return rsaKey{header, key}, err
	case ES256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return ecKey{header, key}, err
	}
	return nil, fmt.Errorf("unknown algorithm %q", alg)
}

type rsaKey struct {
	head string
	key  *rsa.PrivateKey
}

func (k rsaKey) header() string { return k.head }

func (k rsaKey) sign(digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(nil, k.key, crypto.SHA256, digest)
}

func (k rsaKey) verify(digest, signature []byte) bool {
	return rsa.VerifyPKCS1v15(&k.key.PublicKey, crypto.SHA256, digest, signature) == nil
}

type ecKey struct {
	head string
	key  *ecdsa.PrivateKey
}

func (k ecKey) header() string { return k.head }

func (k ecKey) sign(digest []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, k.key, digest)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

func (k ecKey) verify(digest, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(&k.key.PublicKey, digest, r, s)
}

// claims has the members of both kinds of tokens.
type claims struct {
	Sub             string `json:"sub"`
	Iss             string `json:"iss"`
	ClientID        string `json:"client_id,omitempty"`
	Aud             string `json:"aud,omitempty"`
	OriginJTI       string `json:"origin_jti"`
	EventID         string `json:"event_id"`
	TokenUse        string `json:"token_use"`
	Scope           string `json:"scope,omitempty"`
	AuthTime        int64  `json:"auth_time"`
	Exp             int64  `json:"exp"`
	Iat             int64  `json:"iat"`
	JTI             string `json:"jti"`
	Username        string `json:"username,omitempty"`
	CognitoUsername string `json:"cognito:username,omitempty"`
	Email           string `json:"email,omitempty"`
}

func newClaims(u *user) (access, id claims) {
	now := time.Now().Unix()
	access = claims{
		Sub: u.name, Iss: "https://cognito-idp.us-east-1.amazonaws.com/" + PoolID,
		OriginJTI: rand.Text(), EventID: rand.Text(), AuthTime: now, Exp: now + 3600, Iat: now,
	}
	id = access
	access.TokenUse, access.ClientID, access.JTI, access.Username = "access", ClientID, rand.Text(), u.name
	access.Scope = "aws.cognito.signin.user.admin"
	id.TokenUse, id.Aud, id.JTI, id.CognitoUsername = "id", ClientID, rand.Text(), u.name
	id.Email = "someone@example.com"
	return access, id
}

func sign(keys signer, c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	message := keys.header() + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(message))
	signature, err := keys.sign(digest[:])
	if err != nil {
		return "", err
	}
	return message + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func verify(keys signer, token, use string) (*claims, error) {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 || !strings.HasPrefix(token, keys.header()+".") {
		return nil, errSignature
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(token[:dot]))
	if !keys.verify(digest[:], signature) {
		return nil, errSignature
	}
	return readClaims(token[len(keys.header())+1:dot], use)
}

func readClaims(encoded, use string) (*claims, error) {
	payload, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, err
	}
	if c.TokenUse != use || time.Now().Unix() >= c.Exp {
		return nil, errors.New("floor: not a valid token")
	}
	return &c, nil
}
