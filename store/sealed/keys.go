package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Keys are what values are sealed under. The first seals, all of them open.
// They print as [redacted].
type Keys struct{ list []key }

type key struct {
	id   string // made from the key, so the two cannot be mixed up
	aead cipher.AEAD
}

const keySize = 32

// A key file has one key in each line after this word; lines that begin with # are comments.
const keyWord = "aes256gcm "

const keyFileHead = `# The keys of a Cognate store. Whoever has this file and the store can read
# its secrets; without this file they are lost. The first key seals, all open.
`

// OpenKeyFile reads the keys in the file at path. If there is no file, it makes
// one with a new random key and mode 0600. It refuses a file that others than
// its owner may read, and one that is not a key file.
func OpenKeyFile(path string) (Keys, error) {
	keys, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return Keys{}, fmt.Errorf("create key file %s: %w", path, err)
		}
		keys, err = readKeyFile(path)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

func readKeyFile(path string) (Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return Keys{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Keys{}, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return Keys{}, fmt.Errorf("others can read it (mode %#o): set it to 0600, or replace the key if they may have", mode)
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return Keys{}, errors.New("not a key file")
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil {
		return Keys{}, err
	}
	return parseKeys(text.String())
}

func parseKeys(text string) (Keys, error) {
	var keys Keys
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		encoded, ok := strings.CutPrefix(line, keyWord)
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(raw) != keySize {
			return Keys{}, fmt.Errorf("malformed: a line is %q and %d bytes in Base64", strings.TrimSpace(keyWord), keySize)
		}
		k, err := newKey(raw)
		if err != nil {
			return Keys{}, err
		}
		keys.list = append(keys.list, k)
	}
	if len(keys.list) == 0 {
		return Keys{}, errors.New("malformed: it holds no key")
	}
	return keys, nil
}

func newKey(raw []byte) (key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(append([]byte("cognate sealed key id\x00"), raw...))
	return key{hex.EncodeToString(sum[:8]), aead}, nil
}

// createKeyFile writes the file under another name first and gives it its own
// when it is safely on the disk. If another process was quicker, its file stays.
func createKeyFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	raw := make([]byte, keySize)
	rand.Read(raw)
	_, err = f.WriteString(keyFileHead + keyWord + base64.StdEncoding.EncodeToString(raw) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		defer d.Close()
		_ = d.Sync() // not every system can, or needs to
	}
	return nil
}

func (k Keys) find(id string) (key, bool) {
	for _, k := range k.list {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

const redacted = "[redacted]"

// Format implements [fmt.Formatter].
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue implements [slog.LogValuer].
func (k Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
