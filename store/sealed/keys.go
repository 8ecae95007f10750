package sealed

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Keys are what values are sealed under. The first seals, all of them open.
// They remember where they are from, see [KeysFrom], and print as [redacted].
type Keys struct{ ring *ring }

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
// its owner may read, and one that is not a key file. A store reads the file
// again when it was changed, see [RotateKeyFile].
func OpenKeyFile(path string) (Keys, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return Keys{}, fmt.Errorf("create key file %s: %w", path, err)
		}
	}
	return KeysFrom(context.Background(), func(context.Context) ([]byte, error) { return readKeyFile(path) })
}

// KeysFromEnv reads keys from an environment variable, in the format of a key
// file: "aes256gcm " and 32 random bytes in Base64, one key in each line, the
// first of which seals. A process sees a change of them when it starts again.
func KeysFromEnv(name string) (Keys, error) {
	return KeysFrom(context.Background(), func(context.Context) ([]byte, error) {
		text, ok := os.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("keys: environment variable %s is not set", name)
		}
		if _, err := parseKeys(text); err != nil {
			return nil, fmt.Errorf("keys in environment variable %s: %w", name, err)
		}
		return []byte(text), nil
	})
}

func readKeyFile(path string) (text []byte, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("key file %s: %w", path, err)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others can read it (mode %#o): set it to 0600, or replace the key if they may have", mode)
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, errors.New("not a key file")
	}
	if text, err = io.ReadAll(f); err != nil {
		return nil, err
	}
	_, err = parseKeys(string(text))
	return text, err
}

func parseKeys(text string) ([]key, error) {
	var list []key
	for line := range strings.Lines(text) {
		if isComment(line) {
			continue
		}
		encoded, ok := strings.CutPrefix(strings.TrimSpace(line), keyWord)
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("malformed: a line is %q and %d bytes in Base64", strings.TrimSpace(keyWord), keySize)
		}
		k, err := newKey(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return nil, errors.New("malformed: it holds no key")
	}
	return list, nil
}

// isComment tells whether a line of a key file holds no key.
func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// newLine is a line of a key file with a new key.
func newLine() string {
	raw := make([]byte, keySize)
	rand.Read(raw)
	return keyWord + base64.StdEncoding.EncodeToString(raw) + "\n"
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
	_, err = f.WriteString(keyFileHead + newLine())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	syncDir(path)
	return nil
}

func syncDir(path string) {
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		defer d.Close()
		_ = d.Sync() // not every system can, or needs to
	}
}

const redacted = "[redacted]"

// Format implements [fmt.Formatter].
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue implements [slog.LogValuer].
func (k Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
