package floor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// A sealer seals sessions: the session token has everything, and the secret follows from the id of the key.
type sealer struct {
	aead cipher.AEAD
	key  []byte
}

func newSealer() (sealer, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error: a failure ends the process
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead, key}, err
}

// session is what temporary credentials stand for.
type session struct {
	AccessKeyID, Role, Name, Provider, Subject, Audience string
	AMR                                                  []string
	Issued, Expires                                      time.Time
}

type credentialsAnswer struct {
	IdentityId  string
	Credentials struct {
		AccessKeyId, SecretKey, SessionToken string
		Expiration                           int64
	}
}

// credentials verifies an ID token once and seals a session once.
func (s *server) credentials(in *request) (any, error) {
	for provider, token := range in.Logins {
		c, err := verify(s.keys, token, "id")
		if err != nil {
			return nil, errToken
		}
		now := time.Now()
		x := session{
			AccessKeyID: "ASIA" + rand.Text()[:16], Role: "arn:aws:iam::123456789012:role/users", Name: "CognitoIdentityCredentials", Provider: provider,
			Subject: c.Sub, Audience: c.Aud, AMR: []string{"authenticated", provider}, Issued: now, Expires: now.Add(time.Hour),
		}
		plain, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		nonce := make([]byte, s.seal.aead.NonceSize())
		_, _ = rand.Read(nonce) // never returns an error
		mac := hmac.New(sha256.New, s.seal.key)
		mac.Write([]byte(x.AccessKeyID))
		out := &credentialsAnswer{IdentityId: in.IdentityId}
		out.Credentials.AccessKeyId, out.Credentials.Expiration = x.AccessKeyID, x.Expires.Unix()
		out.Credentials.SecretKey = base64.StdEncoding.EncodeToString(mac.Sum(nil))
		out.Credentials.SessionToken = base64.RawURLEncoding.EncodeToString(s.seal.aead.Seal(nonce, nonce, plain, nil))
		return out, nil
	}
	return nil, errToken
}
