// Package sample makes records for benchmarks. They have the size and the indexes of real
// user records.
package sample

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A User resembles a user record: it has about a kilobyte and searchable attributes.
type User struct {
	// Pool, Sub, Username and Password are as in a user record.
	Pool, Sub, Username, Password string
	// Attributes are the attributes of the user; some are indexed.
	Attributes map[string]string
	// Created and Changed are times of the record.
	Created, Changed time.Time
	// Filler makes the record as long as a real one.
	Filler string
}

// Names and Emails are two of the indexes of [Users].
var (
	Names  = &store.Index[User]{Name: "names", Unique: true, Keys: func(u *User) []string { return []string{store.Key(u.Pool, u.Username)} }}
	Emails = attribute("email")
)

// Users is a table with a unique index and three that are not.
var Users = &store.Table[User]{
	Name:    "users",
	Key:     func(u *User) string { return store.Key(u.Pool, u.Sub) },
	Indexes: []*store.Index[User]{Names, Emails, attribute("phone"), attribute("name")},
}

func attribute(name string) *store.Index[User] {
	return &store.Index[User]{Name: name, Keys: func(u *User) []string {
		return []string{store.Key(u.Pool, store.Clip(u.Attributes[name]))}
	}}
}

// Pool is the id of the pool of all sample users.
const Pool = "eu-west-1_aBcDeFgHi"

// NewUser returns the i-th user. Subs are not in ascending order, like random ones.
func NewUser(i int) *User {
	at := time.Unix(1_700_000_000+int64(i), 0).UTC()
	return &User{
		Pool:     Pool,
		Sub:      Sub(i),
		Username: fmt.Sprintf("user%07d", i),
		Password: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + strings.Repeat("h", 43),
		Attributes: map[string]string{
			"email": fmt.Sprintf("user%07d@example.com", i),
			"phone": fmt.Sprintf("+1555%07d", i),
			"name":  fmt.Sprintf("Given%03d Family%d", i%1000, i),
		},
		Created: at,
		Changed: at,
		Filler:  strings.Repeat("f", 450),
	}
}

// Sub returns the sub of the i-th user.
func Sub(i int) string {
	h := uint64(i) * 0x9e3779b97f4a7c15
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(h>>32), uint16(h>>16), h&0xfff, h>>52, uint64(i))
}

// Entries yields the entries of n users for a bulk load.
func Entries(n int) iter.Seq2[store.Ref, []byte] {
	return func(yield func(store.Ref, []byte) bool) {
		for i := range n {
			refs, values, err := Users.Entries(NewUser(i))
			if err != nil {
				panic(err)
			}
			for i, ref := range refs {
				if !yield(ref, values[i]) {
					return
				}
			}
		}
	}
}
