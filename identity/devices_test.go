package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
)

// tracking is a pool that tracks devices, and has a remembered one replace a second factor.
func tracking(mode identity.MFAMode) identity.PoolSettings {
	s := mfaPool(mode)
	s.Devices = &identity.DeviceSettings{ChallengeNew: new(true), RememberOnPrompt: new(false)}
	return s
}

// confirmIn confirms the device of a sign-in.
func (f *fixture) confirmIn(t testing.TB, tokens *identity.Tokens) *identitytest.Device {
	t.Helper()
	if tokens.NewDevice == nil {
		t.Fatal("the sign-in has no new device")
	}
	d := identitytest.NewDevice(tokens.NewDevice.Key, tokens.NewDevice.Group)
	s, err := f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	_, err = s.ConfirmDevice(t.Context(), confirmation(d))
	check(t, "ConfirmDevice", err)
	return d
}

func confirmation(d *identitytest.Device) identity.ConfirmDevice {
	return identity.ConfirmDevice{Key: d.Key, Name: "phone", Salt: d.Salt, Verifier: d.Verifier}
}

// on signs alice in by password on a device.
func on(t testing.TB, a *identity.AppClient, key string) (*identity.SignInResult, error) {
	t.Helper()
	return a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password, DeviceKey: key})
}

// signInOn is on, and must give tokens.
func signInOn(t testing.TB, a *identity.AppClient, key string) *identity.Tokens {
	t.Helper()
	res, err := on(t, a, key)
	check(t, "SignIn", err)
	if res.Tokens == nil {
		t.Fatalf("SignIn = %T, want tokens", res.Challenge)
	}
	return res.Tokens
}

func deviceClaim(t testing.TB, f *fixture, access identity.Secret) any {
	t.Helper()
	s, err := f.Session(t.Context(), access)
	check(t, "Session", err)
	var all map[string]any
	check(t, "Decode", s.Claims().Decode(&all))
	return all["device_key"]
}

var (
	deviceKeyForm   = regexp.MustCompile(`^us-east-1_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	deviceGroupForm = regexp.MustCompile(`^-[0-9A-Za-z]{8}$`)
)

func TestSignInsAreOnDevices(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	first := signInOn(t, a, "")
	made := first.NewDevice
	if made == nil || !deviceKeyForm.MatchString(made.Key) || !deviceGroupForm.MatchString(made.Group) {
		t.Fatalf("new device %+v", made)
	}
	if got := deviceClaim(t, f, first.Access); got != made.Key {
		t.Errorf("device_key = %v, want %s", got, made.Key)
	}
	if other := signInOn(t, a, "").NewDevice; other == nil || other.Key == made.Key {
		t.Errorf("the next new device is %+v", other)
	}
	if n := f.count(t, "devices"); n != 0 {
		t.Errorf("%d devices are stored before one is confirmed", n)
	}
	_, err := on(t, a, made.Key)
	wantErr(t, "a device that was not confirmed", err, identity.ErrDeviceNotFound)

	d := f.confirmIn(t, first)
	f.advance(time.Hour)
	again := signInOn(t, a, d.Key)
	if again.NewDevice != nil {
		t.Errorf("a known device is new: %+v", again.NewDevice)
	}
	if got := deviceClaim(t, f, again.Access); got != d.Key {
		t.Errorf("device_key = %v, want %s", got, d.Key)
	}
	res, err := a.PasswordVerifier("alice").Answer(t.Context(), func() identity.PasswordProof {
		p := mustBeginSRP(t, a, pool.PoolID(), "alice").proof(t, password)
		p.DeviceKey = d.Key
		return p
	}())
	check(t, "SRP", err)
	if got := deviceClaim(t, f, res.Tokens.Access); got != d.Key || res.Tokens.NewDevice != nil {
		t.Errorf("by SRP: device_key = %v, new %+v", got, res.Tokens.NewDevice)
	}
	by, err := pool.Admin().SignIn(t.Context(), f.adminClient(t, pool), identity.SignIn{Username: "alice", Password: password, DeviceKey: "us-east-1_0"})
	check(t, "Admin.SignIn", err)
	if got := deviceClaim(t, f, by.Tokens.Access); got != nil || by.Tokens.NewDevice != nil {
		t.Errorf("by an operator: device_key = %v, new %+v", got, by.Tokens.NewDevice)
	}
}

func (f *fixture) adminClient(t testing.TB, pool *identity.UserPool) string {
	t.Helper()
	c, err := pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "admin", AuthFlows: []identity.AuthFlow{identity.AllowAdminPassword, identity.AllowRefresh}})
	check(t, "Create client", err)
	return c.ID
}

// The flow of operators by password tracks no devices, also where it goes on with a challenge.
func TestOperatorsSignInOnNoDevice(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	id := f.adminClient(t, pool)
	f.invite(t, pool, "alice", nil)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", wrong, false))
	res, err := pool.Admin().SignIn(t.Context(), id, identity.SignIn{Username: "alice", Password: wrong})
	check(t, "SignIn", err)
	res, err = pool.Client(id).NewPassword("alice", res.Challenge.State()).Answer(t.Context(), identity.NewPassword{Password: password})
	check(t, "NewPassword", err)
	if got := deviceClaim(t, f, res.Tokens.Access); got != nil || res.Tokens.NewDevice != nil {
		t.Errorf("device_key = %v, new %+v", got, res.Tokens.NewDevice)
	}
}

// In a pool that does not track devices, keys of devices have no effect.
func TestPoolsWithoutDevices(t *testing.T) {
	for name, settings := range map[string]*identity.DeviceSettings{"not given": nil, "given as empty": {}} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			s := cognitoPool
			s.Devices = settings
			pool := f.open(t, s)
			a := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, "alice", email)
			tokens := signInOn(t, a, "us-east-1_0")
			if got := deviceClaim(t, f, tokens.Access); got != nil || tokens.NewDevice != nil {
				t.Errorf("device_key = %v, new %+v", got, tokens.NewDevice)
			}
			session, err := f.Session(t.Context(), tokens.Access)
			check(t, "Session", err)
			for what, do := range deviceCalls(session, pool.Admin().Users(), identitytest.NewDevice("us-east-1_0", "-g")) {
				wantErr(t, what, do(t.Context()), identity.ErrDevicesOff)
			}
		})
	}
}

// deviceCalls are the calls about one device.
func deviceCalls(s *identity.Session, users identity.Users, d *identitytest.Device) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"ConfirmDevice":   func(ctx context.Context) error { return second(s.ConfirmDevice(ctx, confirmation(d))) },
		"Device":          func(ctx context.Context) error { return second(s.Device(ctx, d.Key)) },
		"Devices":         func(ctx context.Context) error { _, _, err := s.Devices(ctx, identity.DeviceQuery{}); return err },
		"SetDeviceStatus": func(ctx context.Context) error { return s.SetDeviceStatus(ctx, d.Key, identity.DeviceRemembered) },
		"ForgetDevice":    func(ctx context.Context) error { return s.ForgetDevice(ctx, d.Key) },
		"Users.Device":    func(ctx context.Context) error { return second(users.Device(ctx, "alice", d.Key)) },
		"Users.Devices": func(ctx context.Context) error {
			_, _, err := users.Devices(ctx, "alice", identity.DeviceQuery{})
			return err
		},
		"Users.SetDeviceStatus": func(ctx context.Context) error {
			return users.SetDeviceStatus(ctx, "alice", d.Key, identity.DeviceRemembered)
		},
		"Users.ForgetDevice": func(ctx context.Context) error { return users.ForgetDevice(ctx, "alice", d.Key) },
	}
}

func TestDevicesOfAUser(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	users := pool.Admin().Users()
	tokens := signInOn(t, a, "")
	began := f.now()
	f.advance(time.Minute)
	confirmed := f.now()
	d := f.confirmIn(t, tokens)
	session, err := f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)

	want := identity.Device{Key: d.Key, Name: "phone", Status: identity.DeviceRemembered, Created: confirmed, Modified: confirmed, Authenticated: began}
	wantDevice := func(what string) {
		t.Helper()
		own, err := session.Device(t.Context(), d.Key)
		check(t, what, err)
		theirs, err := users.Device(t.Context(), "alice", d.Key)
		check(t, what, err)
		page, next, err := session.Devices(t.Context(), identity.DeviceQuery{})
		check(t, what, err)
		if *own != want || *theirs != want || len(page) != 1 || *page[0] != want || next != "" {
			t.Errorf("%s:\n%+v\n%+v\n%+v, want\n%+v", what, *own, *theirs, page, want)
		}
	}
	wantDevice("confirmed")

	f.advance(time.Hour)
	ctx := identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr("2001:db8::7")})
	_, err = a.SignIn(ctx, identity.SignIn{Username: "alice", Password: password, DeviceKey: d.Key})
	check(t, "SignIn", err)
	want.Authenticated, want.LastIP = f.now(), "2001:db8::7"
	wantDevice("signed in again")
	_, err = a.SignIn(ctx, identity.SignIn{Username: "alice", Password: wrong, DeviceKey: d.Key})
	wantErr(t, "a wrong password", err, identity.ErrIncorrectCredentials)
	f.advance(time.Hour)
	wantDevice("after a wrong password")

	check(t, "SetDeviceStatus", session.SetDeviceStatus(t.Context(), d.Key, identity.DeviceNotRemembered))
	want.Status, want.Modified = identity.DeviceNotRemembered, f.now()
	wantDevice("not remembered")
	f.advance(time.Hour)
	check(t, "the same again", users.SetDeviceStatus(t.Context(), "alice", d.Key, identity.DeviceNotRemembered))
	wantDevice("the same status again")
	check(t, "Users.SetDeviceStatus", users.SetDeviceStatus(t.Context(), "alice", d.Key, identity.DeviceRemembered))
	want.Status, want.Modified = identity.DeviceRemembered, f.now()
	wantDevice("remembered again")
	for _, status := range []identity.DeviceStatus{"", "REMEMBERED", "valid"} {
		wantErr(t, "the status "+string(status), session.SetDeviceStatus(t.Context(), d.Key, status), identity.ErrInvalidParameter)
	}
	wantDevice("after a bad status")

	check(t, "ForgetDevice", session.ForgetDevice(t.Context(), d.Key))
	_, err = on(t, a, d.Key)
	wantErr(t, "SignIn on a forgotten device", err, identity.ErrDeviceNotFound)
	for what, do := range deviceCalls(session, users, d) {
		if err := do(t.Context()); strings.HasSuffix(what, "Devices") {
			check(t, what, err)
		} else {
			wantErr(t, what+" of a forgotten device", err, identity.ErrDeviceNotFound)
		}
	}
	if n := f.count(t, "devices"); n != 0 {
		t.Errorf("%d devices are left", n)
	}
}

func TestConfirmDeviceRefuses(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	tokens, another := signInOn(t, a, ""), signInOn(t, a, "")
	session, err := f.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	prime := bytes.Repeat([]byte{0xff}, 384)
	for _, tt := range []struct {
		name string
		edit func(*identity.ConfirmDevice)
		want error
	}{
		{"the device of another sign-in", func(in *identity.ConfirmDevice) { in.Key = another.NewDevice.Key }, identity.ErrDeviceNotFound},
		{"a device that there is not", func(in *identity.ConfirmDevice) { in.Key = "us-east-1_0" }, identity.ErrDeviceNotFound},
		{"no key", func(in *identity.ConfirmDevice) { in.Key = "" }, identity.ErrDeviceNotFound},
		{"a key that is none", func(in *identity.ConfirmDevice) { in.Key = "a\x00b" }, identity.ErrDeviceNotFound},
		{"a long key", func(in *identity.ConfirmDevice) { in.Key += strings.Repeat("0", 56) }, identity.ErrDeviceNotFound},
		{"no salt", func(in *identity.ConfirmDevice) { in.Salt = nil }, identity.ErrMissingParameter},
		{"a long salt", func(in *identity.ConfirmDevice) { in.Salt = make([]byte, 65) }, identity.ErrInvalidParameter},
		{"no verifier", func(in *identity.ConfirmDevice) { in.Verifier = nil }, identity.ErrMissingParameter},
		{"a verifier of 0", func(in *identity.ConfirmDevice) { in.Verifier = make([]byte, 384) }, identity.ErrInvalidParameter},
		{"a verifier of 1", func(in *identity.ConfirmDevice) { in.Verifier = []byte{1} }, identity.ErrInvalidParameter},
		{"a verifier above N", func(in *identity.ConfirmDevice) { in.Verifier = prime }, identity.ErrInvalidParameter},
		{"a long verifier", func(in *identity.ConfirmDevice) { in.Verifier = make([]byte, 10_000) }, identity.ErrInvalidParameter},
		{"a long name", func(in *identity.ConfirmDevice) { in.Name = strings.Repeat("漢", 1025) }, identity.ErrInvalidParameter},
		{"a name that is no text", func(in *identity.ConfirmDevice) { in.Name = "\xff" }, identity.ErrInvalidParameter},
		{"a name with a zero byte", func(in *identity.ConfirmDevice) { in.Name = "a\x00" }, identity.ErrInvalidParameter},
	} {
		in := confirmation(identitytest.NewDevice(tokens.NewDevice.Key, tokens.NewDevice.Group))
		tt.edit(&in)
		_, err := session.ConfirmDevice(t.Context(), in)
		wantErr(t, tt.name, err, tt.want)
	}
	if n := f.count(t, "devices"); n != 0 {
		t.Errorf("%d devices after refusals", n)
	}
	in := confirmation(identitytest.NewDevice(tokens.NewDevice.Key, tokens.NewDevice.Group))
	in.Name, in.Salt, in.Verifier = strings.Repeat("漢", 1024), append([]byte{0}, in.Salt...), append([]byte{0}, in.Verifier...) // as clients pad numbers
	_, err = session.ConfirmDevice(t.Context(), in)
	check(t, "ConfirmDevice", err)
	_, err = session.ConfirmDevice(t.Context(), in)
	wantErr(t, "ConfirmDevice again", err, identity.ErrDeviceExists)
	check(t, "ForgetDevice", session.ForgetDevice(t.Context(), in.Key))
	_, err = session.ConfirmDevice(t.Context(), in)
	wantErr(t, "ConfirmDevice after it was forgotten", err, identity.ErrDeviceNotFound)
}

// A device belongs to one user of one pool.
func TestDevicesOfOthers(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	f.join(t, pool, "bob", "bob@example.com")
	settings := tracking("OPTIONAL")
	settings.Algorithm = "ES256"
	elsewhere, err := f.OpenUserPool(t.Context(), "elsewhere", &settings)
	check(t, "OpenUserPool", err)
	f.join(t, elsewhere, "alice", email)
	bobs := f.confirmIn(t, f.signIn(t, a, "bob"))
	foreign := f.confirmIn(t, f.signIn(t, f.client(t, elsewhere, identity.ClientSettings{}), "alice"))
	session := f.session(t, a, "alice")
	for name, d := range map[string]*identitytest.Device{"another user's": bobs, "another pool's": foreign} {
		_, err := on(t, a, d.Key)
		wantErr(t, name+": SignIn", err, identity.ErrDeviceNotFound)
		for what, do := range deviceCalls(session, pool.Admin().Users(), d) {
			if strings.HasSuffix(what, "Devices") {
				continue
			}
			wantErr(t, name+": "+what, do(t.Context()), identity.ErrDeviceNotFound)
		}
	}
	if page, _, err := session.Devices(t.Context(), identity.DeviceQuery{}); err != nil || len(page) != 0 {
		t.Errorf("alice has the devices %v, %v", page, err)
	}
	if n := f.count(t, "devices"); n != 2 {
		t.Errorf("%d devices are left, want 2", n)
	}
}

// A client that names a device which does not exist can send the same proof without it.
func TestUnknownDevicesLeaveTheProofUnused(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	proof := mustBeginSRP(t, a, pool.PoolID(), "alice").proof(t, password)
	proof.DeviceKey = "us-east-1_0"
	before := f.contents(t)
	for range 3 {
		_, err := a.PasswordVerifier("alice").Answer(t.Context(), proof)
		wantErr(t, "an unknown device", err, identity.ErrDeviceNotFound)
	}
	if after := f.contents(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("an unknown device changes the store")
	}
	proof.DeviceKey = ""
	res, err := a.PasswordVerifier("alice").Answer(t.Context(), proof)
	check(t, "without the device", err)
	if res.Tokens == nil || res.Tokens.NewDevice == nil {
		t.Errorf("%+v, want a new device", res.Tokens)
	}
	bad := mustBeginSRP(t, a, pool.PoolID(), "alice").proof(t, wrong)
	bad.DeviceKey = "us-east-1_0"
	_, err = a.PasswordVerifier("alice").Answer(t.Context(), bad)
	wantErr(t, "a wrong proof and an unknown device", err, identity.ErrIncorrectCredentials)
}

func TestPagesOfDevices(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	var want []string
	for range 5 {
		want = append(want, f.confirmIn(t, signInOn(t, a, "")).Key)
	}
	slices.Sort(want)
	users := pool.Admin().Users()
	var got []string
	q := identity.DeviceQuery{Limit: 2}
	for pages := 1; ; pages++ {
		page, next, err := users.Devices(t.Context(), "alice", q)
		check(t, "Devices", err)
		for _, d := range page {
			got = append(got, d.Key)
		}
		if q.After = next; next == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages have %v, want %v", got, want)
	}
	_, _, err := users.Devices(t.Context(), "alice", identity.DeviceQuery{Limit: -1})
	wantErr(t, "a negative limit", err, identity.ErrInvalidParameter)
	_, _, err = users.Devices(t.Context(), "alice", identity.DeviceQuery{After: "a\x00b"})
	wantErr(t, "a bad position", err, identity.ErrInvalidPosition)
	_, _, err = users.Devices(t.Context(), "nobody", identity.DeviceQuery{})
	wantErr(t, "nobody", err, identity.ErrUserNotFound)
}

// A user has 100 devices at most. One more takes the place of the one used longest ago.
func TestDevicesOfAUserAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 101 devices")
	}
	f := newEngine(t)
	s := tracking("OPTIONAL")
	s.MaxSignIns = new(0)
	pool := f.open(t, s)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	var keys []string
	for range 100 {
		keys = append(keys, f.confirmIn(t, signInOn(t, a, "")).Key)
		f.advance(time.Second)
	}
	signInOn(t, a, keys[0]) // so the second is the oldest
	f.advance(time.Second)
	f.confirmIn(t, signInOn(t, a, ""))
	if n := f.count(t, "devices"); n != 100 {
		t.Errorf("%d devices, want 100", n)
	}
	users := pool.Admin().Users()
	for i, key := range keys[:3] {
		if _, err := users.Device(t.Context(), "alice", key); errors.Is(err, identity.ErrDeviceNotFound) != (i == 1) {
			t.Errorf("device %d: %v", i, err)
		}
	}
	if n := f.events(t, identity.EventDeviceForgotten); n != 1 {
		t.Errorf("%d events of forgotten devices, want 1", n)
	}
}

// A device that nobody signs in on is swept after a year, or when its refresh token ends.
func TestUnusedDevicesAreSwept(t *testing.T) {
	day := 24 * time.Hour
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	long := f.client(t, pool, identity.ClientSettings{RefreshTokenValidity: new(1000)})
	f.join(t, pool, "alice", email)
	unused, used := f.confirmIn(t, signInOn(t, a, "")), f.confirmIn(t, signInOn(t, a, ""))
	f.confirmIn(t, signInOn(t, long, ""))
	for _, tt := range []struct {
		after time.Duration
		left  int
	}{{300 * day, 3}, {66 * day, 2}, {298 * day, 2}, {2 * day, 1}, {335 * day, 0}} {
		f.advance(tt.after)
		f.sweep(t)
		if n := f.count(t, "devices"); n != tt.left {
			t.Errorf("%d devices after %v more, want %d", n, tt.after, tt.left)
		}
		if tt.left == 3 {
			signInOn(t, a, used.Key)
		}
	}
	_, err := on(t, a, unused.Key)
	wantErr(t, "SignIn on a swept device", err, identity.ErrDeviceNotFound)
}

// The owner is told of a device that is remembered, if it replaces a second factor of theirs.
func TestOwnersAreToldOfRememberedDevices(t *testing.T) {
	for _, tt := range few.Of(2, []struct {
		name           string
		edit           func(*identity.PoolSettings)
		factor         bool
		confirm, later int // notices
	}{
		{"it replaces a factor", func(*identity.PoolSettings) {}, true, 1, 1},
		{"only once the user says so", func(s *identity.PoolSettings) { s.Devices.RememberOnPrompt = new(true) }, true, 0, 1},
		{"the user has no factor", func(*identity.PoolSettings) {}, false, 0, 0},
		{"it replaces none", func(s *identity.PoolSettings) { s.Devices.ChallengeNew = new(false) }, true, 0, 0},
		{"the pool tells nothing", func(s *identity.PoolSettings) { s.Notices = new(false) }, true, 0, 0},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			s := tracking("OPTIONAL")
			s.Notices = new(true)
			tt.edit(&s)
			pool := f.open(t, s)
			a := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, "alice", email)
			tokens := signInOn(t, a, "")
			session, err := f.Session(t.Context(), tokens.Access)
			check(t, "Session", err)
			if tt.factor {
				f.enroll(t, session)
			}
			told := func() int {
				return len(f.outbox.Messages(func(m *identity.Message) bool { return m.Kind == identity.MessageNewDevice }))
			}
			d := f.confirmIn(t, tokens)
			if n := told(); n != tt.confirm {
				t.Errorf("%d notices of a confirmed device, want %d", n, tt.confirm)
			}
			check(t, "SetDeviceStatus", session.SetDeviceStatus(t.Context(), d.Key, identity.DeviceNotRemembered))
			if n := told(); n != tt.confirm {
				t.Errorf("%d notices of a device that is not remembered, want %d", n, tt.confirm)
			}
			check(t, "SetDeviceStatus", session.SetDeviceStatus(t.Context(), d.Key, identity.DeviceRemembered))
			if n := told(); n != tt.confirm+tt.later {
				t.Errorf("%d notices of a remembered device, want %d", n, tt.confirm+tt.later)
			}
		})
	}
}

// A copy of what is stored about a user has the devices, and not what they prove themselves by.
func TestExportHasDevices(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	d := f.confirmIn(t, signInOn(t, a, ""))
	rec, err := pool.Admin().Users().Export(t.Context(), "alice", true)
	check(t, "Export", err)
	want := identity.DeviceRecord{Key: d.Key, Name: "phone", Status: identity.DeviceRemembered, Created: f.now(), Modified: f.now(), Authenticated: f.now()}
	if len(rec.Devices) != 1 || rec.Devices[0] != want {
		t.Errorf("devices %+v, want %+v", rec.Devices, want)
	}
	text, err := json.Marshal(rec)
	check(t, "Marshal", err)
	if strings.Contains(string(text), base64.StdEncoding.EncodeToString(d.Verifier)) {
		t.Error("the export has the verifier of the device")
	}
}

// In safe pools, a change of the second factors forgets the devices that may replace them, except
// the one that makes the change.
func TestAChangeOfFactorsForgetsDevices(t *testing.T) {
	for name, tt := range map[string]struct {
		ends bool
		left int
	}{"safe": {true, 1}, "others": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			s := tracking("OPTIONAL")
			s.SignOutOnFactorChange = &tt.ends
			pool := f.open(t, s)
			a := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, "alice", email)
			f.join(t, pool, "bob", "bob@example.com")
			f.confirmIn(t, f.signIn(t, a, "bob"))
			f.confirmIn(t, signInOn(t, a, ""))
			tokens := signInOn(t, a, "")
			own := f.confirmIn(t, tokens)
			session, err := f.Session(t.Context(), tokens.Access)
			check(t, "Session", err)
			f.enroll(t, session)
			users := pool.Admin().Users()
			page, _, err := users.Devices(t.Context(), "alice", identity.DeviceQuery{})
			check(t, "Devices", err)
			if len(page) != tt.left || !slices.ContainsFunc(page, func(d *identity.Device) bool { return d.Key == own.Key }) {
				t.Errorf("after a change of the user: %v, want %d", page, tt.left)
			}
			check(t, "ResetMFA", users.ResetMFA(t.Context(), "alice"))
			page, _, err = users.Devices(t.Context(), "alice", identity.DeviceQuery{})
			check(t, "Devices", err)
			if want := map[bool]int{true: 0, false: 2}[tt.ends]; len(page) != want {
				t.Errorf("after a change of an operator: %v, want %d", page, want)
			}
			if page, _, _ := users.Devices(t.Context(), "bob", identity.DeviceQuery{}); len(page) != 1 {
				t.Errorf("bob has %v", page)
			}
		})
	}
}

func TestDevicesGoWithTheirUser(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, tracking("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	f.confirmIn(t, signInOn(t, a, ""))
	check(t, "Delete", pool.Admin().Users().Delete(t.Context(), "alice"))
	if n := f.count(t, "devices"); n != 0 {
		t.Errorf("%d devices of a user who is deleted", n)
	}
	check(t, "Check", identity.Check(t.Context(), f.store, identity.Tables(), func(p store.Problem) { t.Errorf("problem: %v", p) }))
}
