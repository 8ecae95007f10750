package store

import (
	"fmt"
	"strings"
)

// Check tells whether a value may be written at a key: it returns nil, or an
// error that is [ErrTooLarge] or [ErrInvalid]. [Overlay] checks each write; a
// driver calls it for what does not pass through one, as a bulk load.
func Check(ref Ref, value []byte) error {
	if err := checkRef(ref); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: %s: a value of %d bytes, at most %d", ErrTooLarge, ref.Table, len(value), MaxValue)
	}
	if !validDocument(value) {
		return fmt.Errorf("%w: %s: the value is not a JSON document, or holds U+0000 or half a surrogate pair", ErrInvalid, ref.Table)
	}
	return nil
}

func checkRef(ref Ref) error {
	if ref.Table == "" || ref.Key == "" || strings.IndexByte(ref.Table, 0) >= 0 {
		return fmt.Errorf("%w: empty table or key, or a table with U+0000", ErrInvalid)
	}
	if len(ref.Key) > MaxKey {
		return fmt.Errorf("%w: %s: a key of %d bytes, at most %d", ErrTooLarge, ref.Table, len(ref.Key), MaxKey)
	}
	return nil
}
