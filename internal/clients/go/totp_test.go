package clients_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"
)

// An authenticator is an app that shows codes (RFC 6238), by the clock of the server.
type authenticator struct {
	*world
	key  []byte
	last int64 // the newest time step whose code was shown
}

// newAuthenticator is an app that was given the text of a key.
func (w *world) newAuthenticator(text *string) *authenticator {
	w.Helper()
	if text == nil {
		w.Fatal("no key for the authenticator app")
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(*text)
	if err != nil {
		w.Fatalf("the key %q: %v", *text, err)
	}
	return &authenticator{world: w, key: key}
}

// code is one that was not shown before. The server takes those of the time
// steps beside the present one too; when these are used up, its clock is put forward.
func (a *authenticator) code() string {
	a.Helper()
	now := a.step("0s")
	if a.last > now {
		now = a.step("30s")
	}
	a.last = max(a.last+1, now)
	return a.at(a.last)
}

// wrong is a code that the server does not take at any time near.
func (a *authenticator) wrong() string {
	a.Helper()
	near := map[string]bool{}
	for i, now := int64(-3), a.step("0s"); i <= 3; i++ {
		near[a.at(now+i)] = true
	}
	for i := 0; ; i++ {
		if code := fmt.Sprintf("%06d", i); !near[code] {
			return code
		}
	}
}

// step puts the clock of the server forward, and returns the time step that it is then.
func (a *authenticator) step(advance string) int64 {
	a.Helper()
	return a.advance(advance).Unix() / 30
}

// advance puts the clock of the server forward, and returns the time that it is then.
func (w *world) advance(by string) time.Time {
	w.Helper()
	var clock struct{ Time time.Time }
	if err := json.Unmarshal(w.control("clock", fmt.Sprintf(`{"advance":%q}`, by)), &clock); err != nil {
		w.Fatal(err)
	}
	return clock.Time
}

// at is the code of a time step.
func (a *authenticator) at(step int64) string {
	mac := hmac.New(sha1.New, a.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	part := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & (1<<31 - 1)
	return fmt.Sprintf("%06d", part%1_000_000)
}
