package srp_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	mrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
)

// readVector returns testdata/vector.json: one sign-in with every value on the
// way. It is a map because k and K differ only in case.
func readVector(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/vector.json")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]string
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVector(t *testing.T) {
	v := readVector(t)
	same := func(name, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	padHash := func(b []byte) string { return hex.EncodeToString(srp.Hash(srp.Pad(b))) }
	salt := unhex(t, v["salt"])
	secretA, secretB := srp.Hash([]byte(v["aSeed"])), srp.Hash([]byte(v["bSeed"]))

	same("k", srp.Multiplier.Text(16), v["k"])
	same("x", hex.EncodeToString(srp.Hash(srp.PrivateKey(v["poolName"], v["userId"], v["password"], salt))), v["x"])
	verifier := srp.Verifier(v["poolName"], v["userId"], v["password"], salt)
	same("v", padHash(verifier), v["sha256PadV"])

	client := srp.NewClientA(secretA)
	a, err := srp.ParseA(client.A())
	if err != nil {
		t.Fatal(err)
	}
	same("A", padHash(a), v["sha256PadA"])
	x := srp.BeginB(verifier, a, secretB)
	b, _ := new(big.Int).SetString(x.B, 16)
	same("B", padHash(b.Bytes()), v["sha256PadB"])
	same("u", hex.EncodeToString(x.U), v["u"])
	same("S", padHash(srp.SharedSecret(verifier, a, x.U, x.Secret).Bytes()), v["sha256PadS"])

	key, err := srp.Key(verifier, a, x.U, x.Secret)
	if err != nil {
		t.Fatal(err)
	}
	same("K", hex.EncodeToString(key), v["K"])
	sig := srp.Signature(key, v["poolName"], v["userId"], []byte(v["secretBlock"]), v["timestamp"])
	same("signature", base64.StdEncoding.EncodeToString(sig), v["signature"])

	ch := srp.Challenge{PoolName: v["poolName"], UserID: v["userId"], Salt: v["salt"], B: x.B, SecretBlock: []byte(v["secretBlock"])}
	sig, err = client.Respond(ch, v["password"], v["timestamp"])
	if err != nil {
		t.Fatal(err)
	}
	same("client's signature", base64.StdEncoding.EncodeToString(sig), v["signature"])
}

// TestPad holds the padding to a second way to write it down: the padding of
// clients in JavaScript, which works on digits.
func TestPad(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "00"},
		{"00", "00"},
		{"01", "01"},
		{"7f", "7f"},
		{"80", "0080"},
		{"ff01", "00ff01"},
		{"0000ff", "00ff"},
		{"00007f00", "7f00"},
	} {
		if got := hex.EncodeToString(srp.Pad(unhex(t, tt.in))); got != tt.want {
			t.Errorf("pad(%s) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// TestPowG compares the table with plain exponentiation.
func TestPowG(t *testing.T) {
	two := big.NewInt(2)
	exponents := [][]byte{make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)}
	stride := 1
	if testing.Short() {
		stride = 16
	}
	for bit := 0; bit < 256; bit += stride {
		exponents = append(exponents, new(big.Int).Lsh(big.NewInt(1), uint(bit)).FillBytes(make([]byte, 32)))
	}
	for range 50 / stride {
		e := make([]byte, 32)
		rand.Read(e)
		exponents = append(exponents, e)
	}
	for _, e := range exponents {
		want := new(big.Int).Exp(two, new(big.Int).SetBytes(e), srp.N)
		if got := srp.PowG(e); got.Cmp(want) != 0 {
			t.Fatalf("g^%x = %x, want %x", e, got, want)
		}
	}
}

// TestAgreement signs random users in with random passwords and salts, among
// them salts with leading zeros and with the top bit set.
func TestAgreement(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 3
	}
	for i := range n {
		password := randomText()
		pool, user := fmt.Sprintf("Pool%d", i), randomText()
		salt := make([]byte, srp.SaltSize)
		rand.Read(salt)
		salt[0] = byte(i % 3 * 127) // 0, 127, 254
		x := start(t, srp.Verifier(pool, user, password, salt))
		x.challenge.PoolName, x.challenge.UserID, x.challenge.Salt = pool, user, srp.Hex(salt)
		if !x.agrees(t, password) {
			t.Fatalf("password %q, salt %x: client and server do not agree", password, salt)
		}
		if x.agrees(t, password+"x") {
			t.Fatalf("password %q: another one agrees", password)
		}
	}
}

func randomText() string {
	alphabet := []rune("abcXYZ019 !:\u00e9e\u0301\u4e16\U0001f511")
	b := new(strings.Builder)
	for range 1 + mrand.IntN(40) {
		b.WriteRune(alphabet[mrand.IntN(len(alphabet))])
	}
	return b.String()
}

// exchange is a client and a server half-way through.
type exchange struct {
	client      *srp.Client
	challenge   srp.Challenge
	verifier, a []byte
	*srp.Exchange
}

func start(t *testing.T, verifier []byte) *exchange {
	t.Helper()
	client := srp.NewClient()
	a, err := srp.ParseA(client.A())
	if err != nil {
		t.Fatal(err)
	}
	x, err := srp.Begin(verifier, a)
	if err != nil {
		t.Fatal(err)
	}
	ch := srp.Challenge{PoolName: "pool", UserID: "user", Salt: "1", B: x.B, SecretBlock: []byte("block")}
	return &exchange{client, ch, verifier, a, x}
}

// agrees reports whether the server accepts what the client answers.
func (x *exchange) agrees(t *testing.T, password string) bool {
	t.Helper()
	stamp := time.Now().UTC().Format(srp.TimestampLayout)
	got, err := x.client.Respond(x.challenge, password, stamp)
	if err != nil {
		t.Fatal(err)
	}
	key, err := srp.Key(x.verifier, x.a, x.U, x.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return hmac.Equal(got, srp.Signature(key, x.challenge.PoolName, x.challenge.UserID, x.challenge.SecretBlock, stamp))
}

// TestRawPassword shows that what the user typed is hashed as it is: a
// composed and a decomposed letter are two passwords here.
func TestRawPassword(t *testing.T) {
	salt := []byte{1}
	composed := srp.Verifier("pool", "user", "caf\u00e9", salt)
	decomposed := srp.Verifier("pool", "user", "cafe\u0301", salt)
	if bytes.Equal(composed, decomposed) {
		t.Error("the verifier is of the normalised password")
	}
	if x := start(t, decomposed); !x.agrees(t, "cafe\u0301") || x.agrees(t, "caf\u00e9") {
		t.Error("a client does not agree with its own form")
	}
}

func TestLongPasswords(t *testing.T) {
	long := strings.Repeat("p", 71) + "q"
	x := start(t, srp.Verifier("pool", "user", long+"a", []byte{1}))
	if !x.agrees(t, long+"a") || x.agrees(t, long+"b") || x.agrees(t, long) {
		t.Error("byte 73 of a password does not count")
	}
}

func TestParseA(t *testing.T) {
	multiple := func(i int64) string { return new(big.Int).Mul(srp.N, big.NewInt(i)).Text(16) }
	beyond := new(big.Int).Add(srp.N, big.NewInt(5)).Text(16)
	for _, tt := range []struct{ name, in, want string }{
		{"one digit", "5", "05"},
		{"odd length", "abc", "0abc"},
		{"upper case", "AbCD", "abcd"},
		{"leading zeros", "000000abcd", "abcd"},
		{"beyond N", beyond, beyond},
		{"longest", strings.Repeat("0", 1020) + "abcd", "abcd"},
		{"empty", "", ""},
		{"zero", "0", ""},
		{"many zeros", strings.Repeat("0", 768), ""},
		{"N", srp.N.Text(16), ""},
		{"N in upper case", strings.ToUpper(srp.N.Text(16)), ""},
		{"padded N", "00" + srp.N.Text(16), ""},
		{"2 N", multiple(2), ""},
		{"2^64 N", srp.N.Text(16) + strings.Repeat("0", 16), ""},
		{"too long", strings.Repeat("0", 1021) + "abcd", ""},
		{"huge", strings.Repeat("f", 1<<20), ""},
		{"sign", "-5", ""},
		{"plus", "+5", ""},
		{"prefix", "0x5", ""},
		{"underscore", "1_0", ""},
		{"space", " 5", ""},
		{"no digits", "hello", ""},
		{"wide digits", "\uff11\uff12", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := srp.ParseA(tt.in)
			if tt.want == "" {
				if !errors.Is(err, srp.ErrA) || got != nil {
					t.Errorf("ParseA = %x, %v, want ErrA", got, err)
				}
				return
			}
			if err != nil || hex.EncodeToString(got) != tt.want {
				t.Errorf("ParseA = %x, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestHostileKey shows that the second step refuses what the first one would.
func TestHostileKey(t *testing.T) {
	v := srp.Verifier("pool", "user", "password", []byte{1})
	for _, a := range [][]byte{nil, {0}, srp.N.Bytes(), new(big.Int).Lsh(srp.N, 1).Bytes()} {
		if _, err := srp.Key(v, a, []byte{1}, []byte{1}); !errors.Is(err, srp.ErrA) {
			t.Errorf("Key with A = %.8x… = %v, want ErrA", a, err)
		}
	}
}

func TestVerifiers(t *testing.T) {
	a, _ := srp.ParseA(srp.NewClient().A())
	less := new(big.Int).Sub(srp.N, big.NewInt(1)).Bytes()
	good := srp.Verifier("group", "device", "password", []byte{1})
	for _, tt := range []struct {
		name    string
		v       []byte
		element bool // of the group, so good enough for Begin
		parses  bool
	}{
		{"empty", nil, false, false},
		{"zero", make([]byte, 384), false, false},
		{"one", []byte{1}, true, false},
		{"N-1", less, true, false},
		{"N", srp.N.Bytes(), false, false},
		{"beyond N", bytes.Repeat([]byte{0xff}, 384), false, false},
		{"too long", append([]byte{0, 0}, good...), false, false},
		{"good", good, true, true},
		{"padded", append([]byte{0}, good...), true, true},
		{"short", []byte{4}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := srp.Begin(tt.v, a)
			if tt.element != (err == nil) || err != nil && !errors.Is(err, srp.ErrVerifier) {
				t.Errorf("Begin: %v, want accepted: %v", err, tt.element)
			}
			if _, err := srp.Key(tt.v, a, []byte{1}, []byte{1}); tt.element != (err == nil) {
				t.Errorf("Key: %v, want accepted: %v", err, tt.element)
			}
			v, err := srp.ParseVerifier(tt.v)
			if tt.parses != (err == nil) || err != nil && !errors.Is(err, srp.ErrVerifier) {
				t.Errorf("ParseVerifier: %v, want accepted: %v", err, tt.parses)
			}
			if err == nil && len(v) != 384 {
				t.Errorf("ParseVerifier returns %d bytes, want 384", len(v))
			}
		})
	}
}

func TestFakeVerifier(t *testing.T) {
	v := srp.DecoyVerifier([]byte("seed"))
	if !bytes.Equal(v, srp.DecoyVerifier([]byte("seed"))) {
		t.Error("two verifiers for one seed")
	}
	if bytes.Equal(v, srp.DecoyVerifier([]byte("seed2"))) {
		t.Error("one verifier for two seeds")
	}
	if real := srp.Verifier("pool", "user", "password", []byte{1}); len(real) != len(v) {
		t.Errorf("%d bytes, a real one has %d", len(v), len(real))
	}
	if i := new(big.Int).SetBytes(v); big.Jacobi(i, srp.N) != 1 {
		t.Error("no square, as real ones are")
	}
	if x := start(t, v); x.agrees(t, "") || x.agrees(t, "password") {
		t.Error("a password matches the decoy verifier")
	}
}

func TestFreshSecrets(t *testing.T) {
	v := srp.Verifier("pool", "user", "password", []byte{1})
	x, y := start(t, v), start(t, v)
	if bytes.Equal(x.Secret, y.Secret) || x.B == y.B || len(x.Secret) != 32 {
		t.Error("two exchanges share a secret")
	}
	if s := fmt.Sprintf("%v %x %s %#v %d", x.Exchange, x.Secret, x.Secret, x.Secret, x.Secret); strings.Contains(s, fmt.Sprintf("%x", []byte(x.Secret))) ||
		strings.Contains(s, fmt.Sprint([]byte(x.Secret))) {
		t.Errorf("the secret prints: %s", s)
	}
}

func TestClientRefuses(t *testing.T) {
	client := srp.NewClient()
	good := srp.Challenge{Salt: "abc", B: "5"}
	for _, tt := range []struct {
		name    string
		salt, b string
	}{
		{"no B", "01", ""},
		{"zero B", "01", "0"},
		{"B is N", "01", srp.N.Text(16)},
		{"negative B", "01", "-5"},
		{"huge B", "01", strings.Repeat("f", 4000)},
		{"B is no number", "01", "xyz"},
		{"salt is no number", "xyz", "5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ch := good
			ch.Salt, ch.B = tt.salt, tt.b
			if _, err := client.Respond(ch, "password", ""); !errors.Is(err, srp.ErrChallenge) {
				t.Errorf("Respond = %v, want ErrChallenge", err)
			}
		})
	}
	if _, err := client.Respond(good, "password", ""); err != nil {
		t.Errorf("a good challenge: %v", err)
	}
}

func TestHex(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "0"}, {"0000", "0"}, {"0001", "1"}, {"00f0", "f0"}, {"8f0e", "8f0e"}, {"0f0e", "f0e"},
	} {
		if got := srp.Hex(unhex(t, tt.in)); got != tt.want {
			t.Errorf("Hex(%s) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestValidTimestamp(t *testing.T) {
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{"Tue Feb 3 04:05:06 UTC 2026", true},
		{"Sun Nov 22 09:05:07 UTC 2026", true},
		{"Thu Feb 29 23:59:59 UTC 2024", true},
		{"Tue Feb 03 04:05:06 UTC 2026", false},
		{"Tue Feb  3 04:05:06 UTC 2026", false},
		{"Wed Feb 3 04:05:06 UTC 2026", false},
		{"Tue Feb 3 4:05:06 UTC 2026", false},
		{"Tue Feb 3 04:05:06.5 UTC 2026", false},
		{"Tue Feb 3 04:05:06,5 UTC 2026", false},
		{"Tue Feb 3 24:05:06 UTC 2026", false},
		{"Tue Feb 3 04:05:60 UTC 2026", false},
		{"Thu Feb 29 04:05:06 UTC 2026", false},
		{"tue feb 3 04:05:06 UTC 2026", false},
		{"TUE FEB 3 04:05:06 UTC 2026", false},
		{"Tue Feb 3 04:05:06 GMT 2026", false},
		{"Tue Feb 3 04:05:06 CET 2026", false},
		{"Di Feb 3 04:05:06 UTC 2026", false},
		{"Tue Feb 3 04:05:06 UTC 26", false},
		{"Tue Feb 3 04:05:06 UTC 12026", false},
		{" Tue Feb 3 04:05:06 UTC 2026", false},
		{"Tue Feb 3 04:05:06 UTC 2026 ", false},
		{"2026-02-03T04:05:06Z", false},
		{"", false},
		{strings.Repeat("Tue ", 1<<16), false},
	} {
		got, ok := srp.ValidTimestamp(tt.in)
		if ok != tt.ok {
			t.Errorf("ValidTimestamp(%.40q) = %v, want %v", tt.in, ok, tt.ok)
		}
		if ok && got.Format(srp.TimestampLayout) != tt.in {
			t.Errorf("ValidTimestamp(%q) = %v", tt.in, got)
		}
	}
	got, _ := srp.ValidTimestamp("Tue Feb 3 04:05:06 UTC 2026")
	if want := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParseA(f *testing.F) {
	for _, s := range []string{"", "0", "5", "ABC", "0x5", "-1", srp.N.Text(16), "00" + srp.N.Text(16), strings.Repeat("f", 1024), strings.Repeat("f", 1025)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := srp.ParseA(s)
		want, ok := new(big.Int).SetString(s, 16)
		ok = ok && len(s) <= 1024 && !strings.ContainsAny(s, "+-_") && new(big.Int).Mod(want, srp.N).Sign() != 0
		if ok != (err == nil) {
			t.Fatalf("ParseA(%q): %v, want accepted: %v", s, err, ok)
		}
		if ok && new(big.Int).SetBytes(b).Cmp(want) != 0 {
			t.Fatalf("ParseA(%q) = %x", s, b)
		}
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, s := range []string{"", "Tue Feb 3 04:05:06 UTC 2026", "Tue Feb 03 04:05:06 UTC 2026", "Thu Feb 29 23:59:59 UTC 2024"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := srp.ValidTimestamp(s); ok && (at.Format(srp.TimestampLayout) != s || at.Location() != time.UTC) {
			t.Fatalf("ValidTimestamp(%q) = %v", s, at)
		}
	})
}

func BenchmarkVerifier(b *testing.B) {
	srp.Warm()
	for b.Loop() {
		srp.Verifier("pool", "user", "password", []byte("0123456789abcdef"))
	}
}

func BenchmarkBegin(b *testing.B) {
	srp.Warm()
	v := srp.Verifier("pool", "user", "password", []byte("0123456789abcdef"))
	a, _ := srp.ParseA(srp.NewClient().A())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := srp.Begin(v, a); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlainB is what Begin would cost without its table.
func BenchmarkPlainB(b *testing.B) {
	e := sha256.Sum256([]byte("b"))
	two, i := big.NewInt(2), new(big.Int).SetBytes(e[:])
	for b.Loop() {
		new(big.Int).Exp(two, i, srp.N)
	}
}

func BenchmarkKey(b *testing.B) {
	srp.Warm()
	v := srp.Verifier("pool", "user", "password", []byte("0123456789abcdef"))
	a, _ := srp.ParseA(srp.NewClient().A())
	x, err := srp.Begin(v, a)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := srp.Key(v, a, x.U, x.Secret); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFakeVerifier(b *testing.B) {
	for b.Loop() {
		srp.DecoyVerifier([]byte("seed"))
	}
}

func BenchmarkBuildTable(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		srp.BuildTable()
	}
}
