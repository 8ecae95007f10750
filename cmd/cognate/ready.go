package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A readiness is what a ready file holds: all that a test program must know.
type readiness struct {
	Endpoint   string `json:"endpoint"`
	Region     string `json:"region,omitempty"`
	UserPoolID string `json:"userPoolId,omitempty"`
	ClientID   string `json:"clientId,omitempty"`
	Issuer     string `json:"issuer,omitempty"`
	JWKS       string `json:"jwks,omitempty"`
	Outbox     string `json:"outbox,omitempty"`
	CA         string `json:"ca,omitempty"` // file with the authority to trust, for https
	Process    int    `json:"process"`      // id of the process
}

// A readyFile is a file that is there as long as cognate dev or cognate edge serves. Empty means none.
type readyFile string

// clear removes the file that an earlier process left behind. It returns an error if the file
// is something else.
func (f readyFile) clear() error {
	if f == "" {
		return nil
	}
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var was readiness
		if json.Unmarshal(text, &was) != nil || was.Process == 0 {
			return hint(fmt.Errorf("%s exists, and neither cognate dev nor cognate edge has written it", f), "choose another file with --ready-file, or remove this one")
		}
		err = os.Remove(string(f))
	}
	if err != nil {
		return hint(fmt.Errorf("cannot replace the ready file: %w", err), "choose another file with --ready-file")
	}
	return nil
}

// write writes the file. Nobody sees a part of it.
func (f readyFile) write(r readiness) error {
	if f == "" {
		return nil
	}
	r.Process = os.Getpid()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := f.replace(append(text, '\n')); err != nil {
		return hint(fmt.Errorf("cannot write the ready file: %w", err), "choose another file with --ready-file; its directory must exist")
	}
	return nil
}

func (f readyFile) replace(text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(string(f)), ".ready-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), string(f))
	}
	if err != nil {
		os.Remove(tmp.Name()) // the first error says why
	}
	return err
}

// remove removes the file.
func (f readyFile) remove() {
	if f != "" {
		os.Remove(string(f)) // best effort: the next process replaces it
	}
}
