package floor

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
)

// The 3072-bit group of RFC 3526, and k = H(PAD(N) | PAD(g)).
var (
	g    = big.NewInt(2)
	n, _ = new(big.Int).SetString(""+
		"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"+
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"+
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"+
		"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"+
		"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"+
		"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"+
		"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"+
		"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"+
		"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"+
		"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"+
		"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF", 16)
	k = digest(pad(n), pad(g))
)

type verifier struct {
	salt []byte
	v    *big.Int
}

// exchange is the server's half of a sign-in.
type exchange struct {
	user    *user
	a, b, u *big.Int
}

func newVerifier(name, password string) verifier {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	x := privateKey(poolName(PoolID), name, password, new(big.Int).SetBytes(salt))
	return verifier{salt, new(big.Int).Exp(g, x, n)}
}

// startSRP computes B = k·v + g^b by plain exponentiation.
func (s *server) startSRP(name, publicA string) (any, error) {
	u := s.user(name)
	a, ok := new(big.Int).SetString(publicA, 16)
	if u == nil || u.verifier.v == nil || !ok || new(big.Int).Mod(a, n).Sign() == 0 {
		return nil, errPassword
	}
	b := secret()
	public := new(big.Int).Exp(g, b, n)
	public.Add(public, new(big.Int).Mul(k, u.verifier.v)).Mod(public, n)

	raw := make([]byte, 32)
	rand.Read(raw)
	block := base64.StdEncoding.EncodeToString(raw)
	s.mu.Lock()
	s.exchanges[block] = &exchange{u, a, b, digest(pad(a), pad(public))}
	s.mu.Unlock()
	return authAnswer{ChallengeName: "PASSWORD_VERIFIER", ChallengeParameters: map[string]string{
		"SALT":            hex.EncodeToString(u.verifier.salt),
		"SRP_B":           public.Text(16),
		"SECRET_BLOCK":    block,
		"USERNAME":        name,
		"USER_ID_FOR_SRP": u.name,
	}}, nil
}

// answerSRP computes S = (A·v^u)^b by plain exponentiation, and makes two signatures.
func (s *server) answerSRP(in *request) (any, error) {
	r := in.ChallengeResponses
	block := r["PASSWORD_CLAIM_SECRET_BLOCK"]
	s.mu.Lock()
	x := s.exchanges[block]
	delete(s.exchanges, block)
	s.mu.Unlock()
	if x == nil {
		return nil, errPassword
	}
	shared := new(big.Int).Exp(x.user.verifier.v, x.u, n)
	shared.Exp(shared.Mul(shared, x.a), x.b, n)
	want, err := claim(shared, x.u, poolName(PoolID), x.user.name, block, r["TIMESTAMP"])
	if err != nil || !hmac.Equal([]byte(want), []byte(r["PASSWORD_CLAIM_SIGNATURE"])) {
		return nil, errPassword
	}
	return s.tokens(x.user, x.user.name)
}

// srpClient is the client's half of a sign-in.
type srpClient struct{ a, public *big.Int }

func newSRPClient() srpClient {
	a := secret()
	return srpClient{a, new(big.Int).Exp(g, a, n)}
}

// claim computes the answer to the challenge PASSWORD_VERIFIER from its parameters.
func (c srpClient) claim(pool, password, timestamp string, p map[string]string) (string, error) {
	salt, ok1 := new(big.Int).SetString(p["SALT"], 16)
	b, ok2 := new(big.Int).SetString(p["SRP_B"], 16)
	if !ok1 || !ok2 {
		return "", errPassword
	}
	u := digest(pad(c.public), pad(b))
	x := privateKey(pool, p["USER_ID_FOR_SRP"], password, salt)
	base := new(big.Int).Exp(g, x, n)
	base.Sub(b, base.Mul(base, k)).Mod(base, n)
	e := new(big.Int).Mul(u, x)
	shared := base.Exp(base, e.Add(e, c.a), n)
	return claim(shared, u, pool, p["USER_ID_FOR_SRP"], p["SECRET_BLOCK"], timestamp)
}

// claim computes the value of PASSWORD_CLAIM_SIGNATURE.
func claim(shared, u *big.Int, pool, userID, block, timestamp string) (string, error) {
	key, err := hkdf.Key(sha256.New, pad(shared), pad(u), "Caldera Derived Key", 16)
	if err != nil {
		return "", err
	}
	raw, err := base64.StdEncoding.DecodeString(block)
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(pool + userID))
	h.Write(raw)
	h.Write([]byte(timestamp))
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

func privateKey(pool, userID, password string, salt *big.Int) *big.Int {
	inner := sha256.Sum256([]byte(pool + userID + ":" + password))
	return digest(pad(salt), inner[:])
}

// poolName returns the part of a pool's id that the proof uses.
func poolName(id string) string {
	_, name, _ := strings.Cut(id, "_")
	return name
}

func secret() *big.Int {
	b := make([]byte, 32)
	rand.Read(b)
	return new(big.Int).SetBytes(b)
}

func digest(parts ...[]byte) *big.Int {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return new(big.Int).SetBytes(h.Sum(nil))
}

// pad returns the shortest two's complement form, as in Java.
func pad(i *big.Int) []byte {
	return i.FillBytes(make([]byte, i.BitLen()/8+1))
}
