package token

import (
	"encoding/base64"
	"strings"
)

// Boxes are the boxes of several keys, one for each key that is in use, with different ids.
// The first seals. A string is opened by the box that it names, or by the box without an id if
// it names none: no key is tried in vain. To change the key, put a box with a new id in front,
// and remove the old box once nothing that it has sealed is wanted. Boxes that are empty open
// nothing, and must not seal.
type Boxes []*Box

// Seal is [Box.Seal] of the first box.
func (b Boxes) Seal(plain, bind []byte) string { return b[0].Seal(plain, bind) }

// SealJWE is [Box.SealJWE] of the first box.
func (b Boxes) SealJWE(plain []byte) string { return b[0].SealJWE(plain) }

// Open opens what one of the boxes has sealed, as [Box.Open] does.
func (b Boxes) Open(s string, bind []byte) ([]byte, error) {
	id := ""
	if len(s) >= boxIDLength {
		if head, err := base64.RawURLEncoding.DecodeString(s[:boxIDLength]); err == nil {
			id = string(head[:boxIDSize])
		}
	}
	if box := b.named(id); box != nil {
		return box.Open(s, bind)
	}
	return nil, ErrSealed
}

// boxIDLength is how many characters of a sealed string have the id, and a byte more.
const boxIDLength = 12

// OpenJWE opens what one of the boxes has sealed, as [Box.OpenJWE] does.
func (b Boxes) OpenJWE(s string) ([]byte, error) {
	for _, box := range b {
		if strings.HasPrefix(s, box.header+".") {
			return box.OpenJWE(s)
		}
	}
	return nil, ErrSealed
}

// named returns the box with an id, or else the box without one, whose strings begin with
// anything.
func (b Boxes) named(id string) *Box {
	var plain *Box
	for _, box := range b {
		switch box.id {
		case id:
			return box
		case "":
			plain = box
		}
	}
	return plain
}
