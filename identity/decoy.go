package identity

import (
	"bytes"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

// An answer about a user who does not exist must not differ from one about a
// user who does, in what it says or in how long it takes. So where a record is
// missing, a decoy record of the usual size is decoded in its place. Failures are
// counted as decoythrottles.go says.

// A decoyRecord is decoded in the place of a record that does not exist, so that
// the answer takes as long as with a record.
type decoyRecord[R any] struct {
	table *store.Table[R]
	rec   *R
	value []byte
}

func newDecoyRecord[R any](t *store.Table[R], rec *R) *decoyRecord[R] {
	_, values, err := t.Entries(rec)
	if err != nil {
		panic(err) // cannot happen: rec is a constant of this file
	}
	return &decoyRecord[R]{t, rec, values[0]}
}

// decode works as [store.TableOf.Decode] does, except that for a nil value it
// decodes the decoy and returns a nil record without an error.
func (s *decoyRecord[R]) decode(value []byte) (*R, error) {
	if value == nil {
		_, err := s.table.Decode(s.value)
		return nil, err
	}
	return s.table.Decode(value)
}

// write does the work of writing the record over an earlier one, and writes nothing.
func (s *decoyRecord[R]) write() error { return s.writeOf(s.rec) }

// writeOf is write for a record of another size.
func (s *decoyRecord[R]) writeOf(rec *R) error {
	if _, _, err := s.table.Entries(rec); err != nil {
		return err
	}
	_, err := s.table.Decode(s.value)
	return err
}

// replaced does, for a record that is the first at its key, what the table does before it writes over
// an earlier one: it decodes that. Otherwise it does nothing.
func (s *decoyRecord[R]) replaced(first bool) error {
	if !first {
		return nil
	}
	_, err := s.table.Decode(s.value)
	return err
}

// Decoys have the size that most records have.
const (
	decoyPool = "us-east-1_AbCdEf123"
	decoySub  = "00000000-0000-4000-8000-000000000000" // no user has it
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
		Pool: decoyPool, Sub: decoySub, Purpose: confirmCode, sentTo: sentTo{
			MAC: make([]byte, 32), Master: "AAAAAAAA", Attribute: "email", Value: decoyName, Expires: decoyTime, Sent: decoyTime,
		},
	})
	decoySources = newDecoyRecord(sources, &sourceList{
		Pool: decoyPool, Sub: decoySub, Known: []knownSource{{Digest: "AAAAAAAAAAAAAAAA", Seen: decoyTime}},
	})
	decoyCredential = newDecoyRecord(credentials, &credential{
		Pool: decoyPool, Sub: decoySub, Hash: decoyHash, Changed: decoyTime,
	})
	decoyVerifier = newDecoyRecord(credentials, &credential{
		Pool: decoyPool, Sub: decoySub, Hash: decoyHash, Changed: decoyTime,
		Salt: make([]byte, srp.SaltSize), Verifier: bytes.Repeat([]byte{1}, 384),
	})
)

// credentialOf decodes a credential. In a pool with SRP the decoy has a verifier
// too, as most credentials there have.
func credentialOf(s *PoolSettings, value []byte) (*credential, error) {
	if s.SRP {
		return decoyVerifier.decode(value)
	}
	return decoyCredential.decode(value)
}
