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

// Keys are the keys that seal values. The first key seals new values; all keys open values.
// Keys remember their source, see [KeysFrom], and print as [redacted].
type Keys struct{ ring *ring }

type key struct {
	id     string // derived from the key, so that id and key always match
	aead   cipher.AEAD
	backup []byte // authenticates backups
}

const keySize = 32

// keyWord begins each line of a key file that holds a key. Lines that begin with # are
// comments.
const keyWord = "aes256gcm "

const keyFileHead = `# The keys of a Cognate store. Anyone who has this file and the store can read
# its secrets. Without this file the secrets are lost. The first key seals new
# values; all keys open values.
`

// OpenKeyFile reads the keys in the file at path. If the file does not exist, OpenKeyFile
// creates it with a new random key and mode 0600. It returns an error if the file is not a
// key file, or if others than its owner may read it. A store reads the file again when the
// file has changed, see [RotateKeyFile].
func OpenKeyFile(path string) (Keys, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return Keys{}, fmt.Errorf("create key file %s: %w", path, err)
		}
	}
	return KeysFrom(context.Background(), func(context.Context) ([]byte, error) { return readKeyFile(path) })
}

// KeysFromEnv reads keys from an environment variable, in the format of a key file. Each
// line holds one key: "aes256gcm " and 32 random bytes in Base64. The first key seals. A
// process sees a changed variable only after a restart.
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
		return nil, fmt.Errorf("others can read it (mode %#o): set the mode to 0600, and replace the key if others may have read it", mode)
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
			return nil, fmt.Errorf("malformed: each line must be %q and %d bytes in Base64", strings.TrimSpace(keyWord), keySize)
		}
		k, err := newKey(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return nil, errors.New("malformed: it has no key")
	}
	return list, nil
}

// isComment reports whether a line of a key file is a comment or empty.
func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// newLine returns a line of a key file with a new key.
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
	backup, err := backupKey(raw)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(append([]byte("cognate sealed key id\x00"), raw...))
	return key{hex.EncodeToString(sum[:8]), aead, backup}, nil
}

// createKeyFile writes the file under another name, flushes it and then renames it. If
// another process created the key file meanwhile, that file stays.
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
		_ = d.Sync() // not every system can or must do this
	}
}

const redacted = "[redacted]"

// Format implements [fmt.Formatter].
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue implements [slog.LogValuer].
func (k Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
