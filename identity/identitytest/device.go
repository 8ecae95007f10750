package identitytest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/internal/srp"
)

// A Device does what the SDKs of apps do on a device of a user, in pools that track devices. It
// makes the secret of a device and proves it, so that tests need no SDK:
//
//  1. A sign-in that names no device gives NewDeviceMetadata. Pass its members to [NewDevice].
//  2. Send Salt and Verifier to ConfirmDevice, in base64 each.
//  3. Sign in with DEVICE_KEY. Answer the challenge DEVICE_SRP_AUTH with the A of [Device.Begin].
//  4. Answer DEVICE_PASSWORD_VERIFIER with what [DeviceProof.Prove] returns.
type Device struct {
	Key      string // DeviceKey of NewDeviceMetadata
	Group    string // DeviceGroupKey of NewDeviceMetadata
	Salt     []byte // for ConfirmDevice
	Verifier []byte // for ConfirmDevice

	password string
}

// NewDevice returns a device with a secret of its own.
func NewDevice(key, group string) *Device {
	d := &Device{Key: key, Group: group, Salt: make([]byte, srp.SaltSize), password: rand.Text()}
	rand.Read(d.Salt)
	d.Verifier = srp.Verifier(group, key, d.password, d.Salt)
	return d
}

// A DeviceProof is one proof of a device's secret. [Device.Begin] makes it.
type DeviceProof struct {
	A string // SRP_A, the answer to DEVICE_SRP_AUTH

	client *srp.Client
	device *Device
}

// Begin begins a proof of the device's secret. Each challenge needs a proof of its own.
func (d *Device) Begin() *DeviceProof {
	c := srp.NewClient()
	return &DeviceProof{A: c.A(), client: c, device: d}
}

// Prove returns PASSWORD_CLAIM_SIGNATURE and TIMESTAMP, the answer to the challenge
// DEVICE_PASSWORD_VERIFIER with the parameters SALT, SRP_B and SECRET_BLOCK. now is the time of
// the device. Prove returns an error if the parameters are malformed.
func (p *DeviceProof) Prove(salt, b, secretBlock string, now time.Time) (signature, timestamp string, err error) {
	block, err := base64.StdEncoding.DecodeString(secretBlock)
	if err != nil {
		return "", "", fmt.Errorf("prove device: %w", err)
	}
	timestamp = now.UTC().Format(srp.TimestampLayout)
	raw, err := p.client.Respond(srp.Challenge{
		PoolName: p.device.Group, UserID: p.device.Key, Salt: salt, B: b, SecretBlock: block,
	}, p.device.password, timestamp)
	if err != nil {
		return "", "", fmt.Errorf("prove device: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), timestamp, nil
}
