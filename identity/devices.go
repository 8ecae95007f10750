package identity

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
)

// The devices of users, in pools that track them. A sign-in on a device that the client does
// not name gets the key of a new device with its tokens (devicesignin.go). Nothing is stored
// of such a device but its key, in the sign-in. ConfirmDevice makes the record. It has the
// verifier by which the device proves itself later (deviceproof.go). Each change is one
// transaction, which reads the user too, so that no record is written for a user who was
// deleted meanwhile.

const (
	// maxDevices is how many devices of a user are kept. One more takes the place of the one
	// that nobody has signed in on for longest.
	maxDevices = 100
	// deviceLife is how long a device is kept that nobody signs in on. It is kept longer if its
	// refresh token lives longer.
	deviceLife = 365 * 24 * time.Hour

	maxDeviceKey  = 55   // bytes
	maxDeviceName = 1024 // characters
	maxDeviceSalt = 64   // bytes; clients make 16, with a zero byte in front of some
)

// A Device is a device that a user has confirmed.
type Device struct {
	Key           string       // REGION_ and a UUID
	Name          string       // that the client gave; may be empty
	Status        DeviceStatus // whether the device may replace a second factor
	LastIP        string       // where the last sign-in came from; empty if that is not known
	Created       time.Time    // when the device was confirmed
	Modified      time.Time    // when its name or status was changed last
	Authenticated time.Time    // when somebody signed in on it last
}

// DeviceStatus says whether a device is remembered.
type DeviceStatus string

// The states of a device.
const (
	DeviceRemembered    DeviceStatus = "remembered"
	DeviceNotRemembered DeviceStatus = "not_remembered"
)

// ConfirmDevice is what a client gives to confirm the device of its sign-in.
type ConfirmDevice struct {
	Key  string // [NewDevice].Key, of the sign-in that the access token belongs to
	Name string // for people; up to 1,024 characters, may be empty
	// Salt and Verifier are those of SRP, as the client makes them of a secret of its own:
	// 1 to 64 bytes, and a number of up to 3,072 bits.
	Salt, Verifier []byte
}

// A DeviceQuery says which devices to list. The zero value means the first 60.
type DeviceQuery struct {
	// After is the position that came with the page before. Defaults to the beginning.
	After string
	// Limit is how many devices a page has at most, 1 or more. Defaults to 60.
	Limit int
}

// shown is the device as callers see it.
func (d *device) shown() *Device {
	out := &Device{
		Key: d.Key, Name: d.Name, Status: DeviceNotRemembered, LastIP: d.IP,
		Created: d.Created, Modified: d.Modified, Authenticated: d.Used,
	}
	if d.Remembered {
		out.Status = DeviceRemembered
	}
	return out
}

// isDeviceKey reports whether a text may be the key of a device. Others are not looked for.
func isDeviceKey(key string) bool {
	return key != "" && len(key) <= maxDeviceKey && strings.Trim(key, alnum62+"_-") == ""
}

// deviceOf reads a device of a user. It returns nil if there is none.
func deviceOf(r store.Reader, pool, sub, key string) (*device, error) {
	if !isDeviceKey(key) {
		return nil, nil
	}
	return orNil(devices.Get(r, store.Key(pool, sub, key)))
}

// devicesOn refuses what is about devices in a pool that does not track them.
func devicesOn(s *PoolSettings) error {
	if !s.TracksDevices() {
		return ErrDevicesOff
	}
	return nil
}

// ConfirmDevice confirms the device of the sign-in, and returns it as it is stored. Unless the
// pool leaves that to users, see [DeviceSettings], the device is remembered. It returns
// [ErrDevicesOff], [ErrDeviceNotFound] for a key that is not that of the sign-in, [ErrDeviceExists],
// or [ErrInvalidParameter].
func (s *Session) ConfirmDevice(ctx context.Context, in ConfirmDevice) (*Device, error) {
	d, err := s.confirmDevice(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("confirm device: %w", err)
	}
	return d.shown(), nil
}

func (s *Session) confirmDevice(ctx context.Context, in ConfirmDevice) (*device, error) {
	if err := s.settle(); err != nil {
		return nil, err
	}
	by, err := s.onDevices(in.Key)
	if err != nil {
		return nil, err
	}
	d, err := in.device(by, userAddress(CallFrom(ctx)))
	if err != nil {
		return nil, err
	}
	d.Remembered = !s.pool.Settings.AsksToRemember()
	by.data[dataRemember] = strconv.FormatBool(d.Remembered)
	return d, s.engine.changeDevice(ctx, by, EventDeviceConfirmed, d.Remembered, func(tx store.Tx, ev *Event) (refused, err error) {
		f, err := orNil(families.Get(tx, store.Key(by.pool.ID, by.sub, by.family)))
		if err != nil {
			return nil, err
		}
		switch known, err := deviceOf(tx, by.pool.ID, by.sub, in.Key); {
		case err != nil:
			return nil, err
		case known != nil:
			return ErrDeviceExists, nil
		case f == nil:
			return ErrAccessTokenRevoked, nil
		case f.Device != in.Key || !f.onNewDevice():
			return ErrDeviceNotFound, nil
		}
		d.Group, d.Used, d.Expires = f.DeviceGroup, f.AuthTime, later(by.now.Add(deviceLife), f.Expires)
		f.DeviceGroup = ""
		if err := families.Put(tx, f); err != nil {
			return nil, err
		}
		if err := makeRoom(tx, by, ev); err != nil {
			return nil, err
		}
		return nil, devices.Insert(tx, d)
	})
}

// device is the record of a device that is confirmed, as far as the client's answer says.
func (in ConfirmDevice) device(by origin, from netip.Addr) (*device, error) {
	if utf8.RuneCountInString(in.Name) > maxDeviceName || !utf8.ValidString(in.Name) || strings.IndexByte(in.Name, 0) >= 0 {
		return nil, invalid("DeviceName", "The name of a device is text of at most 1024 characters.")
	}
	switch {
	case len(in.Salt) == 0:
		return nil, missing("Salt")
	case len(in.Verifier) == 0:
		return nil, missing("PasswordVerifier")
	case len(in.Salt) > maxDeviceSalt:
		return nil, invalid("Salt", "The salt of a device has at most 64 bytes.")
	}
	verifier, err := srp.ParseVerifier(in.Verifier)
	if err != nil {
		return nil, invalid("PasswordVerifier", "The verifier of a device is not valid.")
	}
	d := &device{
		Pool: by.pool.ID, Sub: by.sub, Key: in.Key, Name: in.Name, Salt: in.Salt, Verifier: verifier,
		Created: by.now, Modified: by.now,
	}
	d.from(from)
	return d, nil
}

// makeRoom forgets the device that was used longest ago, if the user has as many as are kept.
func makeRoom(tx store.Tx, by origin, ev *Event) error {
	var oldest *device
	n := 0
	for d, err := range devices.Scan(tx, store.Prefix(by.pool.ID, by.sub)) {
		if err != nil {
			return err
		}
		if n++; oldest == nil || d.Used.Before(oldest.Used) {
			oldest = d
		}
	}
	if n < maxDevices {
		return nil
	}
	if _, err := devices.Delete(tx, devices.Key(oldest)); err != nil {
		return err
	}
	gone := ev.besides(by.sub, EventDeviceForgotten)
	return events.Insert(tx, gone.with(dataDevice, oldest.Key))
}

// Device returns a device of the user. It returns [ErrDevicesOff] or [ErrDeviceNotFound].
func (s *Session) Device(ctx context.Context, key string) (*Device, error) {
	by, err := s.onDevices(key)
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	return s.engine.readDevice(ctx, by, key)
}

// Devices lists the devices of the user, ordered by key. next is the position of the next
// page, see [DeviceQuery]. It is "" after the last page. It returns [ErrDevicesOff],
// [ErrInvalidPosition], or [ErrInvalidParameter] for a negative limit.
func (s *Session) Devices(ctx context.Context, q DeviceQuery) (page []*Device, next string, err error) {
	by, err := s.onDevices("")
	if err != nil {
		return nil, "", fmt.Errorf("devices: %w", err)
	}
	return s.engine.listDevices(ctx, by, q)
}

// SetDeviceStatus has a device of the user remembered, or not. It asks for a recent sign-in, as what changes a
// factor does. It returns [ErrDevicesOff],
// [ErrDeviceNotFound], or [ErrInvalidParameter] for another status.
func (s *Session) SetDeviceStatus(ctx context.Context, key string, status DeviceStatus) error {
	if err := s.settle(); err != nil {
		return fmt.Errorf("set the status of a device: %w", err)
	}
	by, err := s.onDevices(key)
	if err != nil {
		return fmt.Errorf("set the status of a device: %w", err)
	}
	return s.engine.setDeviceStatus(ctx, by, key, status)
}

// ForgetDevice forgets a device of the user: no refresh token of its sign-ins gives tokens
// again. Access tokens stay valid until they expire. It returns [ErrDevicesOff] or [ErrDeviceNotFound].
func (s *Session) ForgetDevice(ctx context.Context, key string) error {
	by, err := s.onDevices(key)
	if err != nil {
		return fmt.Errorf("forget device: %w", err)
	}
	return s.engine.forgetDevice(ctx, by, key)
}

// onDevices is the origin of what the signed-in user does with a device.
func (s *Session) onDevices(key string) (origin, error) {
	if err := s.managed(); err != nil {
		return origin{}, err
	}
	by := s.origin()
	by.data = map[string]string{dataDevice: key}
	return by, devicesOn(&s.pool.Settings)
}

// Device returns a device of a user, see [Session.Device].
func (us Users) Device(ctx context.Context, name, key string) (*Device, error) {
	by, err := us.onDevices(ctx, name, key)
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	return us.admin.engine.readDevice(ctx, by, key)
}

// Devices lists the devices of a user, see [Session.Devices].
func (us Users) Devices(ctx context.Context, name string, q DeviceQuery) (page []*Device, next string, err error) {
	by, err := us.onDevices(ctx, name, "")
	if err != nil {
		return nil, "", fmt.Errorf("devices: %w", err)
	}
	return us.admin.engine.listDevices(ctx, by, q)
}

// SetDeviceStatus has a device of a user remembered, or not, see [Session.SetDeviceStatus].
func (us Users) SetDeviceStatus(ctx context.Context, name, key string, status DeviceStatus) error {
	by, err := us.onDevices(ctx, name, key)
	if err != nil {
		return fmt.Errorf("set the status of a device: %w", err)
	}
	return us.admin.engine.setDeviceStatus(ctx, by, key, status)
}

// ForgetDevice forgets a device of a user, see [Session.ForgetDevice].
func (us Users) ForgetDevice(ctx context.Context, name, key string) error {
	by, err := us.onDevices(ctx, name, key)
	if err != nil {
		return fmt.Errorf("forget device: %w", err)
	}
	return us.admin.engine.forgetDevice(ctx, by, key)
}

// onDevices is the origin of what an operator does with a device of a user.
func (us Users) onDevices(ctx context.Context, name, key string) (origin, error) {
	p, u, err := us.admin.find(ctx, name)
	if err != nil {
		return origin{}, err
	}
	by := origin{pool: p, sub: u.Sub, now: us.admin.engine.now(), data: map[string]string{dataDevice: key}}
	return by, devicesOn(&p.Settings)
}

func (e *Engine) readDevice(ctx context.Context, by origin, key string) (*Device, error) {
	var d *device
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		d, err = deviceOf(r, by.pool.ID, by.sub, key)
		return err
	})
	if err == nil && d == nil {
		err = ErrDeviceNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	return d.shown(), nil
}

func (e *Engine) listDevices(ctx context.Context, by origin, q DeviceQuery) (page []*Device, next string, err error) {
	limit := q.Limit
	switch {
	case limit < 0:
		return nil, "", fmt.Errorf("devices: %w", invalid("limit", "The limit is 1 or more."))
	case limit == 0:
		limit = defaultPage
	}
	rng := store.Prefix(by.pool.ID, by.sub)
	rng.Limit = limit + 1
	if q.After != "" {
		if !isDeviceKey(q.After) {
			return nil, "", fmt.Errorf("devices: %w", ErrInvalidPosition)
		}
		rng.From = store.Key(by.pool.ID, by.sub, q.After) + "\x00"
	}
	err = e.store.View(ctx, func(r store.Reader) error {
		page, next = []*Device{}, ""
		for d, err := range devices.Scan(r, rng) {
			if err != nil {
				return err
			}
			if len(page) == limit {
				next = page[limit-1].Key
				return nil
			}
			page = append(page, d.shown())
		}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("devices: %w", err)
	}
	return page, next, nil
}

func (e *Engine) setDeviceStatus(ctx context.Context, by origin, key string, status DeviceStatus) error {
	if status != DeviceRemembered && status != DeviceNotRemembered {
		return fmt.Errorf("set the status of a device: %w", invalid("DeviceRememberedStatus", "The status of a device is remembered or not_remembered."))
	}
	remembered := status == DeviceRemembered
	by.data[dataRemember] = strconv.FormatBool(remembered)
	err := e.changeDevice(ctx, by, EventDeviceChanged, remembered, func(tx store.Tx, _ *Event) (refused, err error) {
		d, err := deviceOf(tx, by.pool.ID, by.sub, key)
		switch {
		case err != nil:
			return nil, err
		case d == nil:
			return ErrDeviceNotFound, nil
		case d.Remembered == remembered:
			return errUnchanged, nil
		}
		d.Remembered, d.Modified = remembered, by.now
		return nil, devices.Put(tx, d)
	})
	if err != nil {
		return fmt.Errorf("set the status of a device: %w", err)
	}
	return nil
}

func (e *Engine) forgetDevice(ctx context.Context, by origin, key string) error {
	err := e.changeDevice(ctx, by, EventDeviceForgotten, false, func(tx store.Tx, _ *Event) (refused, err error) {
		if !isDeviceKey(key) {
			return ErrDeviceNotFound, nil
		}
		was, err := devices.Delete(tx, store.Key(by.pool.ID, by.sub, key))
		if err == nil && !was {
			refused = ErrDeviceNotFound
		}
		return refused, err
	})
	if err != nil {
		return fmt.Errorf("forget device: %w", err)
	}
	return nil
}

// changeDevice changes the devices of a user, with an event. If a device is remembered by that, and
// so replaces a second factor of the user, the owner is told. fn is as that of changeUser.
func (e *Engine) changeDevice(ctx context.Context, by origin, kind EventKind, remembered bool, fn func(tx store.Tx, ev *Event) (refused, err error)) error {
	ev, err := e.changed(ctx, by, kind)
	if err != nil {
		return err
	}
	var refused error
	var told *User
	err = e.store.Update(ctx, func(tx store.Tx) error {
		refused, told = nil, nil
		u, err := orNil(users.Get(tx, store.Key(by.pool.ID, by.sub)))
		if err != nil {
			return err
		}
		if u == nil {
			refused = ErrUserNotFound
			return nil
		}
		if refused, err = fn(tx, ev); err != nil || refused != nil {
			return err
		}
		if s := &by.pool.Settings; remembered && s.DeviceReplacesFactor() && asksFactor(s) && len(u.MFA.Methods) > 0 {
			told = u
			if err := e.putNotices(tx, by, kind, ev.ID, u, u); err != nil {
				return err
			}
		}
		return events.Insert(tx, ev)
	})
	if err = orRefused(err, refused); err != nil {
		if refused == errUnchanged { //nolint:errorlint // it is returned as it is
			return nil
		}
		return err
	}
	if told != nil {
		e.notify(ctx, by, kind, told, told)
	}
	return nil
}
