// Package limits checks what the contract of package store allows a program to write. It is
// a package of its own because two packages need it: store checks a whole backup before it
// restores the first entry, and store/driver checks each write. Both packages re-export the
// errors.
package limits

import (
	"errors"
	"fmt"
	"strings"
)

// The limits of the contract, see package store.
const (
	MaxKey   = 1024    // bytes in one key
	MaxValue = 1 << 20 // bytes in one value
	MaxTx    = 8 << 20 // bytes written by one transaction, keys and values
)

// The errors of package store that the checks return.
var (
	ErrTooLarge = errors.New("store: too large")
	ErrInvalid  = errors.New("store: invalid key or value")
)

// Check returns [ErrTooLarge] or [ErrInvalid] if the value must not be written at the key.
func Check(table, key string, value []byte) error {
	if err := CheckKey(table, key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: %s: the value has %d bytes; the limit is %d", ErrTooLarge, table, len(value), MaxValue)
	}
	if !validDocument(value) {
		return fmt.Errorf("%w: %s: the value is not a JSON document, or has U+0000 or a lone surrogate", ErrInvalid, table)
	}
	return nil
}

// CheckKey is [Check] for the table and the key without a value.
func CheckKey(table, key string) error {
	if table == "" || key == "" || strings.IndexByte(table, 0) >= 0 {
		return fmt.Errorf("%w: the table or the key is empty, or the table has U+0000", ErrInvalid)
	}
	if len(key) > MaxKey {
		return fmt.Errorf("%w: %s: the key has %d bytes; the limit is %d", ErrTooLarge, table, len(key), MaxKey)
	}
	return nil
}
