package identity

import (
	"bytes"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

// A standIn is decoded in the place of a record that is not there, so that an
// answer for nobody takes as long as one for somebody.
type standIn[R any] struct {
	table *store.Table[R]
	value []byte
}

func newStandIn[R any](t *store.Table[R], rec *R) *standIn[R] {
	_, values, err := t.Entries(rec)
	if err != nil {
		panic(err) // only for records that are not ours
	}
	return &standIn[R]{t, values[0]}
}

// decode is [store.Table.Decode], but for a value that is nil: the record then is nil too.
func (s *standIn[R]) decode(value []byte) (*R, error) {
	if value == nil {
		_, err := s.table.Decode(s.value)
		return nil, err
	}
	return s.table.Decode(value)
}

// What stands in is of the size that most records have.
const (
	standInPool = "us-east-1_AbCdEf123"
	standInSub  = "00000000-0000-4000-8000-000000000000" // nobody has it
	standInName = "somebody@example.com"
	standInHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

var (
	standInTime = time.Date(2026, time.January, 1, 0, 0, 0, 1_000_000, time.UTC)

	standInUser = newStandIn(users, &User{
		Pool: standInPool, Sub: standInSub, Username: standInName, Names: []string{standInName},
		Attributes: map[string]string{"email": standInName, "email_verified": "true"},
		Status:     StatusConfirmed, Created: standInTime, Modified: standInTime,
	})
	standInCode = newStandIn(codes, &code{
		Pool: standInPool, Sub: standInSub, Purpose: confirmCode, MAC: make([]byte, 32),
		Attribute: "email", Value: standInName, Expires: standInTime,
	})
	standInCredential = newStandIn(credentials, &credential{
		Pool: standInPool, Sub: standInSub, Hash: standInHash, Changed: standInTime,
	})
	standInVerifier = newStandIn(credentials, &credential{
		Pool: standInPool, Sub: standInSub, Hash: standInHash, Changed: standInTime,
		Salt: make([]byte, srp.SaltSize), Verifier: bytes.Repeat([]byte{1}, 384),
	})
)

// credentialOf decodes a credential of a pool that may keep verifiers.
func credentialOf(s *PoolSettings, value []byte) (*credential, error) {
	if s.SRP {
		return standInVerifier.decode(value)
	}
	return standInCredential.decode(value)
}
