package clients_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"time"
)

// group is the prime of 3072 bits of RFC 5054, appendix A. The generator is 2.
var group, _ = new(big.Int).SetString(""+
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

// A prover proves a password by SRP, as the SDKs of apps do. The SDK for Go has no part that does.
type prover struct {
	*world
	username, password string
	secret, public     *big.Int
}

func (w *world) newProver(username, password string) *prover {
	secret := new(big.Int).SetBytes([]byte(rand.Text() + rand.Text()))
	return &prover{w, username, password, secret, new(big.Int).Exp(big.NewInt(2), secret, group)}
}

// a is SRP_A.
func (p *prover) a() string { return p.public.Text(16) }

// prove answers PASSWORD_VERIFIER.
func (p *prover) prove(ch map[string]string) map[string]string {
	p.Helper()
	salt, ok := new(big.Int).SetString(ch["SALT"], 16)
	b, fine := new(big.Int).SetString(ch["SRP_B"], 16)
	block, err := base64.StdEncoding.DecodeString(ch["SECRET_BLOCK"])
	if !ok || !fine || err != nil {
		p.Fatalf("the challenge %v cannot be read", ch)
	}
	id, pool := ch["USER_ID_FOR_SRP"], p.pool[len(region)+1:]
	u := digest(padded(p.public), padded(b))
	x := digest(padded(salt), digest([]byte(pool+id+":"+p.password)).Bytes())
	k := digest(padded(group), []byte{2})
	// S = (B - k·2^x)^(a + u·x)
	base := new(big.Int).Exp(big.NewInt(2), x, group)
	base.Mod(base.Sub(b, base.Mul(base, k)), group)
	shared := base.Exp(base, new(big.Int).Add(p.secret, new(big.Int).Mul(u, x)), group)
	key, err := hkdf.Key(sha256.New, padded(shared), padded(u), "Caldera Derived Key", 16)
	if err != nil {
		p.Fatal(err)
	}
	timestamp := p.now().UTC().Format("Mon Jan 2 15:04:05 UTC 2006")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(pool + id + string(block) + timestamp))
	return map[string]string{
		"USERNAME": id, "PASSWORD_CLAIM_SECRET_BLOCK": ch["SECRET_BLOCK"], "TIMESTAMP": timestamp,
		"PASSWORD_CLAIM_SIGNATURE": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}
}

// padded are the bytes of a positive number, with a zero in front of a first bit that is set.
func padded(n *big.Int) []byte {
	text := n.Text(16)
	if len(text)%2 == 1 {
		text = "0" + text
	}
	raw, _ := hex.DecodeString(text)
	if raw[0]&0x80 != 0 {
		raw = append([]byte{0}, raw...)
	}
	return raw
}

func digest(parts ...[]byte) *big.Int {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return new(big.Int).SetBytes(h.Sum(nil))
}

// now is the time of the server.
func (w *world) now() time.Time {
	w.Helper()
	return w.advance("0s")
}
