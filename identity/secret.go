package identity

import (
	"crypto/subtle"
)

// equal compares secrets in time that does not depend on where they differ.
func equal[T ~string | ~[]byte](a, b T) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
