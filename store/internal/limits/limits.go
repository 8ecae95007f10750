// Package limits is what the contract of package store allows to be written. It is
// apart because two packages check it: store, which verifies a backup before
// anything of it is written, and store/driver. Both hand its errors on.
package limits

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of the contract, see package store.
const (
	MaxKey   = 1024    // bytes in one key
	MaxValue = 1 << 20 // bytes in one value
	MaxTx    = 8 << 20 // bytes written by one transaction, keys and values
)

// Errors of package store.
var (
	ErrTooLarge = errors.New("store: too large")
	ErrInvalid  = errors.New("store: invalid key or value")
)

// Check returns an error if a value must not be written at a key: [ErrTooLarge] or [ErrInvalid].
func Check(table, key string, value []byte) error {
	if err := CheckKey(table, key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: %s: a value of %d bytes, at most %d", ErrTooLarge, table, len(value), MaxValue)
	}
	if !validDocument(value) {
		return fmt.Errorf("%w: %s: the value is not a JSON document, or holds U+0000 or half a surrogate pair", ErrInvalid, table)
	}
	return nil
}

// CheckKey is Check for the table and the key alone.
func CheckKey(table, key string) error {
	if table == "" || key == "" || strings.IndexByte(table, 0) >= 0 {
		return fmt.Errorf("%w: empty table or key, or a table with U+0000", ErrInvalid)
	}
	if len(key) > MaxKey {
		return fmt.Errorf("%w: %s: a key of %d bytes, at most %d", ErrTooLarge, table, len(key), MaxKey)
	}
	return nil
}
