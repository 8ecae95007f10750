package identity

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A sign-in in a pool that tracks devices is on a device. The client names one by its key, in
// the call that begins the sign-in or in an answer to a challenge. The state of a challenge
// keeps the key. If there is no such device of the user, the sign-in fails, and nothing is
// written, not even that the proof was used: clients then drop the key, and send the same
// proof again. If the client names none, the sign-in is on a new device: newFamily makes its
// key, which the access token has, and the client gets it with the tokens.
//
// The flow of operators by password ([Admin.SignIn]) tracks no devices, and sign-in pages do not.

// A NewDevice is a device that the user has not confirmed yet, see [Session.ConfirmDevice].
type NewDevice struct {
	Key   string // the key by which later sign-ins name the device
	Group string // takes the place of the pool's name in the proofs of the device
}

// deviceGroupSize is how many letters and digits the group of a device has, after a dash.
const deviceGroupSize = 8

// onNewDevice reports whether a sign-in is on a device that was not confirmed.
func (f *family) onNewDevice() bool { return f.DeviceGroup != "" }

// newDevice returns the device of a sign-in if it is new.
func (f *family) newDevice() *NewDevice {
	if !f.onNewDevice() {
		return nil
	}
	return &NewDevice{Key: f.Device, Group: f.DeviceGroup}
}

// tracks reports whether the sign-in of the scope is on a device.
func (s *scope) tracks() bool { return s.settings.TracksDevices() && !s.untracked }

// goesOn takes over what the state of a challenge says of the device and of levels. A key that comes with
// the answer counts instead of it.
func (s *scope) goesOn(st *challengeState, given string) {
	s.untracked, s.deviceKey = st.Untracked, cmp.Or(given, st.Device)
	s.aimsAt(st)
}

// begins is the state from which the challenges of a sign-in are made.
func (s *scope) begins(name, sub string, proved []proof) *challengeState {
	if len(proved) == 0 {
		proved = s.earlier
	}
	return &challengeState{Name: name, Sub: sub, Proved: proved, Device: s.deviceKey, Untracked: s.untracked, Levels: s.levels}
}

// namedDevice returns the device that the client has named, or nil if it has named none.
func (s *scope) namedDevice(r store.Reader, sub string) (*device, error) {
	if !s.tracks() || s.deviceKey == "" {
		return nil, nil
	}
	d, err := deviceOf(r, s.pool.ID, sub, s.deviceKey)
	if err == nil && d == nil {
		err = ErrDeviceNotFound
	}
	return d, err
}

// deviceRefs are what namedDevice reads.
func (s *scope) deviceRefs(sub string) []store.Ref {
	if !s.tracks() || !isDeviceKey(s.deviceKey) {
		return nil
	}
	return []store.Ref{devices.Ref(store.Key(s.pool.ID, sub, s.deviceKey))}
}

// place puts a sign-in that is being made on its device.
func (s *scope) place(f *family) error {
	if !s.tracks() {
		return nil
	}
	if f.Device = s.deviceKey; f.Device != "" {
		return nil
	}
	id, err := s.engine.uuid()
	if err != nil {
		return err
	}
	region, _, _ := strings.Cut(s.pool.ID, "_")
	group, err := random(s.engine.rand, alnum62, deviceGroupSize)
	f.Device, f.DeviceGroup = region+"_"+id, "-"+group
	return err
}

// useDevice notes the sign-in in the record of its device, if it has one.
func (s *scope) useDevice(tx store.Tx, f *family, now time.Time) error {
	d, err := s.namedDevice(tx, f.Sub)
	if err != nil || d == nil {
		return err
	}
	used := *d
	used.Used, used.Expires = later(d.Used, now), later(d.Expires, later(now.Add(deviceLife), f.Expires))
	used.from(s.ip)
	return devices.Put(tx, &used)
}

// deviceAllows reports whether a sign-in may be refreshed by a client that names a device. d is
// the record of the device of the sign-in, or nil. A sign-in whose device was forgotten may not,
// whatever the pool tracks by now.
func (s *scope) deviceAllows(f *family, d *device) bool {
	if d == nil && f.Device != "" && !f.onNewDevice() {
		return false
	}
	return !s.settings.TracksDevices() || f.OAuth || d != nil && s.deviceKey == f.Device
}

// from notes the address of a sign-in, if it is known.
func (d *device) from(address netip.Addr) {
	if address.IsValid() {
		d.IP = address.Unmap().WithZone("").String()
	}
}

// userAddress returns the address of the user of a call, see callSource.
func userAddress(c Call) netip.Addr {
	if c.AccessKey == "" {
		return c.Address
	}
	if c.Context == nil {
		return netip.Addr{}
	}
	return c.Context.Address
}
