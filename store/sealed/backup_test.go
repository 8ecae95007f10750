package sealed_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// TestBackupMACNamesItsKey holds that old keys are found by their ids, and that the key of
// a MAC is not the key that seals.
func TestBackupMACNamesItsKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	before := openKeys(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(text[bytes.LastIndex(text, []byte("aes256gcm ")):]))
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "aes256gcm "))
	if err != nil {
		t.Fatal(err)
	}
	first, mac, err := before.BackupMAC(t.Context(), "")
	if err != nil || first == "" {
		t.Fatalf("BackupMAC = %q, %v", first, err)
	}
	if bytes.Equal(mac.Sum(nil), hmac.New(sha256.New, raw).Sum(nil)) {
		t.Error("the sealing key itself makes the MAC")
	}
	rotate(t, path)
	after, err := sealed.KeysOf(sealed.New(memory.New(), openKeys(t, path), secretTables("secrets")))
	if err != nil {
		t.Fatal(err)
	}
	if second, _, err := after.BackupMAC(t.Context(), ""); err != nil || second == first {
		t.Errorf("after a rotation the key of backups is %q, %v", second, err)
	}
	_, again, err := after.BackupMAC(t.Context(), first)
	if err != nil || !hmac.Equal(again.Sum(nil), mac.Sum(nil)) {
		t.Errorf("the MAC under the old key differs, or %v", err)
	}
	if _, _, err := after.BackupMAC(t.Context(), "0123456789abcdef"); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("BackupMAC of an unknown key = %v", err)
	}
	if _, err := sealed.KeysOf(memory.New()); err == nil {
		t.Error("a store that is not sealed has keys")
	}
}
