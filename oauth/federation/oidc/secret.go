package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"time"
)

// Secrets that we sign: Apple's client secret, and the assertion of private_key_jwt. Each is made for one
// request.

const secretLife = 5 * time.Minute

// ParseAppleKey reads a private key as Apple gives it: PKCS #8, with or without the lines of PEM.
func ParseAppleKey(s Secret) (*ecdsa.PrivateKey, error) {
	var der []byte
	if block, _ := pem.Decode([]byte(s)); block != nil {
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(s)), "")); err != nil {
			return nil, failure(ErrConfig, "", errors.New("the private key is not base64"))
		}
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, failure(ErrConfig, "", errors.New("the private key is not PKCS #8"))
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, failure(ErrConfig, "", errors.New("the private key is not on the curve P-256"))
	}
	return ec, nil
}

// algorithmOf is the algorithm that a key signs by.
func algorithmOf(s crypto.Signer) (string, error) {
	switch k := s.Public().(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return "ES256", nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSA {
			return "RS256", nil
		}
	}
	return "", errors.New("the key is neither on the curve P-256 nor RSA of 2048 bits or more")
}

// appleSecret is our client secret at Apple.
func (p *Provider) appleSecret() (string, error) {
	a, now := p.config.Apple, p.config.Clock()
	return signed(a.Key, a.KeyID, map[string]any{
		"iss": a.TeamID, "sub": p.config.ClientID, "aud": appleIssuer, "iat": now.Unix(), "exp": now.Add(secretLife).Unix(),
	})
}

// assertion is what authenticates us by private_key_jwt.
func (p *Provider) assertion(tokenURL string) (string, error) {
	k, now := p.config.ClientKey, p.config.Clock()
	return signed(k.Signer, k.ID, map[string]any{
		"iss": p.config.ClientID, "sub": p.config.ClientID, "aud": tokenURL, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(secretLife).Unix(),
	})
}

// signed makes a JWT.
func signed(s crypto.Signer, kid string, claims map[string]any) (string, error) {
	alg, err := algorithmOf(s)
	if err != nil {
		return "", err
	}
	head := map[string]string{"alg": alg, "typ": "JWT"}
	if kid != "" {
		head["kid"] = kid
	}
	rawHead, err := json.Marshal(head)
	if err != nil {
		return "", err
	}
	rawClaims, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(rawHead) + "." + encode(rawClaims)
	sum := sha256.Sum256([]byte(input))
	sig, err := s.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	if alg == "ES256" {
		var point struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(sig, &point); err != nil {
			return "", err
		}
		sig = append(point.R.FillBytes(make([]byte, 32)), point.S.FillBytes(make([]byte, 32))...)
	}
	return input + "." + encode(sig), nil
}
