package alb

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// The names of the headers.
const (
	DataHeader        = "X-Amzn-Oidc-Data"
	IdentityHeader    = "X-Amzn-Oidc-Identity"
	AccessTokenHeader = "X-Amzn-Oidc-Accesstoken"
)

const (
	life      = 2 * time.Minute // of what is signed (known, not recorded)
	keySize   = 32
	keysToTry = 16 // a derived key is out of range once in 2^32
)

// A Signer signs as a load balancer does. Make one with [NewSigner]. Its methods are safe for
// concurrent use. As an [http.Handler] it serves the public keys: the last part of the path is the
// id of the key.
type Signer struct {
	arn, issuer, clientID string
	key                   *ecdsa.PrivateKey
	keyID                 string
	public                map[string][]byte // PEM, by the id of the key
	now                   func() time.Time
}

// NewSigner returns a signer. arn is that of the load balancer, such as
// arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/edge/0123456789abcdef, issuer
// the iss of the tokens, and clientID the app client. The keys are derived from secrets of 32 random
// bytes: that of the first signs, and those of all are published. So several processes with the
// same secrets are one load balancer. clock may be nil, for time.Now.
func NewSigner(arn, issuer, clientID string, secrets [][]byte, clock func() time.Time) (*Signer, error) {
	if !isARN(arn) {
		return nil, fmt.Errorf("alb: %q is not the ARN of a load balancer", arn)
	}
	if issuer == "" || clientID == "" || len(secrets) == 0 {
		return nil, errors.New("alb: an issuer, a client and a secret are needed")
	}
	s := &Signer{arn: arn, issuer: issuer, clientID: clientID, public: map[string][]byte{}, now: clock}
	if s.now == nil {
		s.now = time.Now
	}
	for i, secret := range secrets {
		key, err := derive(secret)
		if err != nil {
			return nil, fmt.Errorf("alb: secret %d: %w", i+1, err)
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("alb: secret %d: %w", i+1, err)
		}
		id := keyID(der)
		s.public[id] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		if i == 0 {
			s.key, s.keyID = key, id
		}
	}
	return s, nil
}

// isARN reports whether a text is the ARN of a load balancer.
func isARN(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "elasticloadbalancing" && strings.HasPrefix(parts[5], "loadbalancer/") &&
		!strings.ContainsFunc(arn, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func derive(secret []byte) (*ecdsa.PrivateKey, error) {
	if len(secret) != keySize {
		return nil, fmt.Errorf("it has %d bytes, not %d", len(secret), keySize)
	}
	for i := range keysToTry {
		raw, err := hkdf.Key(sha256.New, secret, nil, "cognate alb "+strconv.Itoa(i), keySize)
		if err != nil {
			return nil, err
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("no key can be derived from it")
}

// keyID is a UUID that names a public key.
func keyID(der []byte) string {
	sum := sha256.Sum256(der)
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// Sign returns x-amzn-oidc-data for claims, to which it adds exp and iss.
func (s *Signer) Sign(claims map[string]any) (string, error) {
	exp := s.now().Add(life).Unix()
	head, err := encode(header{Type: "JWT", KeyID: s.keyID, Algorithm: "ES256", Issuer: s.issuer, Client: s.clientID, Signer: s.arn, Expires: exp})
	if err != nil {
		return "", err
	}
	all := maps.Clone(claims)
	if all == nil {
		all = map[string]any{}
	}
	all["exp"], all["iss"] = exp, s.issuer
	payload, err := encode(all)
	if err != nil {
		return "", err
	}
	signed := head + "." + payload
	sum := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 2*keySize)
	r.FillBytes(signature[:keySize])
	t.FillBytes(signature[keySize:])
	return signed + "." + base64.URLEncoding.EncodeToString(signature), nil
}

func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return base64.URLEncoding.EncodeToString(bytes.TrimSpace(b.Bytes())), nil
}

// A header is that of x-amzn-oidc-data, in the order that was recorded.
type header struct {
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Issuer    string `json:"iss"`
	Client    string `json:"client"`
	Signer    string `json:"signer"`
	Expires   int64  `json:"exp"`
}

// ServeHTTP implements [http.Handler].
func (s *Signer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	text, ok := s.public[id]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(text) // fails if the client is gone
}

// ofTokens are the claims of an ID token that are about the token, and not in userInfo.
var ofTokens = []string{
	"iss", "aud", "exp", "iat", "nbf", "auth_time", "token_use", "jti", "origin_jti", "event_id", "nonce", "at_hash", "c_hash", "azp", "acr", "amr", "sid",
}

// UserInfo returns the claims of an ID token as userInfo of the service has them: those about the
// user, all values strings, and the name of the user as username. For an access token they are the
// sub and the username.
func UserInfo(c *token.Claims) (map[string]any, error) {
	out := map[string]any{"sub": c.Subject}
	if c.Username != "" {
		out["username"] = c.Username
	}
	if c.Use != token.UseID {
		return out, nil
	}
	var all map[string]json.RawMessage
	if err := c.Decode(&all); err != nil {
		return nil, err
	}
	for name, raw := range all {
		if name == "sub" || slices.Contains(ofTokens, name) || strings.HasPrefix(name, "cognito:") {
			continue
		}
		out[name] = text(raw)
	}
	return out, nil
}

// text is a value as a string.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}
