package webauthn_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

var reasons = []error{
	webauthn.ErrMalformed, webauthn.ErrCeremony, webauthn.ErrChallenge, webauthn.ErrOrigin, webauthn.ErrParty, webauthn.ErrPresence,
	webauthn.ErrVerification, webauthn.ErrUnsupported, webauthn.ErrSignature, webauthn.ErrCounter, webauthn.ErrBackup,
}

func isReason(err error) bool {
	return slices.ContainsFunc(reasons, func(r error) bool { return errors.Is(err, r) })
}

type response struct {
	ID       string `json:"id"`
	RawID    string `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		Client    string `json:"clientDataJSON"`
		Object    string `json:"attestationObject,omitempty"`
		Data      string `json:"authenticatorData,omitempty"`
		Signature string `json:"signature,omitempty"`
	} `json:"response"`
}

func bytesOf(f *testing.F, s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// FuzzAttestation changes the attestation object of a registration. What is accepted keeps the promises of Register.
func FuzzAttestation(f *testing.F) {
	p, c := party(), bytes.Repeat([]byte{7}, 32)
	options := asJSON(f, p.Creation(alice, c, nil, time.Minute))
	var seed response
	for _, a := range []*webauthntest.Authenticator{{}, {Algorithm: -8}, {Algorithm: -257}, {Attested: true}, {Synced: true}} {
		answer, err := a.Create(origin, options)
		if err != nil {
			f.Fatal(err)
		}
		if err := json.Unmarshal(answer, &seed); err != nil {
			f.Fatal(err)
		}
		f.Add(bytesOf(f, seed.ID), bytesOf(f, seed.Response.Object))
	}
	f.Fuzz(func(t *testing.T, id, object []byte) {
		r := seed
		r.ID = base64.RawURLEncoding.EncodeToString(id)
		r.RawID, r.Response.Object, r.Response.Data = r.ID, base64.RawURLEncoding.EncodeToString(object), ""
		got, err := register(p, asJSON(t, r), c)
		switch {
		case err != nil && (got != nil || !isReason(err)):
			t.Fatalf("%v, %v", got, err)
		case err != nil:
		case !bytes.Equal(got.ID, id), len(id) == 0, len(id) > webauthn.MaxCredentialID, !slices.Contains(everything, got.Algorithm),
			got.BackedUp && !got.BackupEligible, len(got.PublicKey) > 1024:
			t.Fatalf("accepted %+v", got)
		}
	})
}

// FuzzAssertion changes the answer to a request. Without the private key, no other answer is accepted than the one that was signed.
func FuzzAssertion(f *testing.F) {
	p, c, a := party(), bytes.Repeat([]byte{7}, 32), &webauthntest.Authenticator{}
	credential := must(f, p, a)
	answer, err := a.Get(origin, asJSON(f, p.Request(c, nil, time.Minute)))
	if err != nil {
		f.Fatal(err)
	}
	var seed response
	if err := json.Unmarshal(answer, &seed); err != nil {
		f.Fatal(err)
	}
	client, data, signature := bytesOf(f, seed.Response.Client), bytesOf(f, seed.Response.Data), bytesOf(f, seed.Response.Signature)
	f.Add(client, data, signature)
	f.Fuzz(func(t *testing.T, c1, d1, s1 []byte) {
		r := seed
		r.Response.Client = base64.RawURLEncoding.EncodeToString(c1)
		r.Response.Data, r.Response.Signature = base64.RawURLEncoding.EncodeToString(d1), base64.RawURLEncoding.EncodeToString(s1)
		read, err := webauthn.ParseAssertion(asJSON(t, r))
		if err == nil {
			_, err = p.Verify(read, c, credential)
		}
		switch {
		case err != nil && !isReason(err):
			t.Fatal(err)
		case err == nil && (!bytes.Equal(c1, client) || !bytes.Equal(d1, data)):
			t.Fatalf("accepted %q, %x, %x", c1, d1, s1)
		}
	})
}
