package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

// A decoyRecord is decoded in the place of a record that is not there, so that an
// answer for nobody takes as long as one for somebody.
type decoyRecord[R any] struct {
	table *store.Table[R]
	value []byte
}

func newDecoyRecord[R any](t *store.Table[R], rec *R) *decoyRecord[R] {
	_, values, err := t.Entries(rec)
	if err != nil {
		panic(err) // only for records that are not ours
	}
	return &decoyRecord[R]{t, values[0]}
}

// decode is [store.Table.Decode], but for a value that is nil: the record then is nil too.
func (s *decoyRecord[R]) decode(value []byte) (*R, error) {
	if value == nil {
		_, err := s.table.Decode(s.value)
		return nil, err
	}
	return s.table.Decode(value)
}

// What stands in is of the size that most records have.
const (
	decoyPool = "us-east-1_AbCdEf123"
	decoySub  = "00000000-0000-4000-8000-000000000000" // nobody has it
	decoyName = "somebody@example.com"
	decoyHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

var (
	decoyTime = time.Date(2026, time.January, 1, 0, 0, 0, 1_000_000, time.UTC)

	decoyUser = newDecoyRecord(users, &User{
		Pool: decoyPool, Sub: decoySub, Username: decoyName, Names: []string{decoyName},
		Attributes: map[string]string{"email": decoyName, "email_verified": "true"},
		Status:     StatusConfirmed, Created: decoyTime, Modified: decoyTime,
	})
	decoyCode = newDecoyRecord(codes, &code{
		Pool: decoyPool, Sub: decoySub, Purpose: confirmCode, MAC: make([]byte, 32),
		Attribute: "email", Value: decoyName, Expires: decoyTime,
	})
	decoyCredential = newDecoyRecord(credentials, &credential{
		Pool: decoyPool, Sub: decoySub, Hash: decoyHash, Changed: decoyTime,
	})
	decoyVerifier = newDecoyRecord(credentials, &credential{
		Pool: decoyPool, Sub: decoySub, Hash: decoyHash, Changed: decoyTime,
		Salt: make([]byte, srp.SaltSize), Verifier: bytes.Repeat([]byte{1}, 384),
	})
)

// credentialOf decodes a credential of a pool that may keep verifiers.
func credentialOf(s *PoolSettings, value []byte) (*credential, error) {
	if s.SRP {
		return decoyVerifier.decode(value)
	}
	return decoyCredential.decode(value)
}

// decoyPrefix begins what stands for a sub where there is no user.
const decoyPrefix = "?"

// whoIs is whom failures are counted for: the user, or the unknown name.
func (s *scope) whoIs(u *User, name string) string {
	if u != nil {
		return u.Sub
	}
	return decoyKey(fold(name, s.settings.DistinguishesCase()))
}

// decoyKey stands for a user who does not exist, by the folded name.
func decoyKey(folded string) string {
	sum := sha256.Sum256([]byte(folded))
	return decoyPrefix + base64.RawURLEncoding.EncodeToString(sum[:16])
}
