package identity

import (
	"crypto/subtle"

	"github.com/cognate-id/cognate/identity/hook"
)

// A Secret is a password, a token or a key. It prints as [redacted], and so it
// does in JSON: who means to write it converts it to a string.
type Secret = hook.Secret

// equal compares secrets in time that does not depend on where they differ.
func equal[T ~string | ~[]byte](a, b T) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
