package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/cognate-id/cognate/identity"
)

type userDevices struct {
	List     deviceList     `cmd:"" help:"List the devices of a user."`
	Remember deviceRemember `cmd:"" help:"Remember a device, or do not remember it any more."`
	Forget   deviceForget   `cmd:"" help:"Forget a device, and end its sign-ins."`
}

// Help returns the details that --help shows.
func (userDevices) Help() string {
	return `A pool tracks devices if its setting "devices" says so. A device is listed once the app has confirmed it. A remembered device may replace a second factor.

    cognate user devices list alice
    cognate user devices forget alice us-east-1_b6b5f5e1-3d6e-4f0e-9d0c-2f3a4b5c6d7e`
}

type deviceList struct {
	theUser
	listing
}

// Help returns the details that --help shows.
func (deviceList) Help() string {
	return `    cognate user devices list alice
    cognate user devices list alice --json | jq -r .Key`
}

// Run lists the devices.
func (c *deviceList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.Name)
		if err != nil {
			return err
		}
		return list(t, c.listing, 0, devicesOf(ctx, a.Users(), u.Sub), "DEVICE, NAME, STATUS, CONFIRMED, LAST SIGN-IN, FROM", func(d *identity.Device) []string {
			return []string{d.Key, orDash(d.Name), string(d.Status), stamp(d.Created), stampOrDash(d.Authenticated), orDash(d.LastIP)}
		})
	})
}

// devicesOf yields the devices of a user, by their keys.
func devicesOf(ctx context.Context, us identity.Users, sub string) iter.Seq2[*identity.Device, error] {
	return func(yield func(*identity.Device, error) bool) {
		for after, more := "", true; more; {
			page, next, err := us.Devices(ctx, sub, identity.DeviceQuery{After: after})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, d := range page {
				if !yield(d, nil) {
					return
				}
			}
			after, more = next, next != ""
		}
	}
}

// A theDevice is a device of a user.
type theDevice struct {
	theUser
	Key string `arg:"" name:"device" help:"The device, as cognate user devices list shows it."`
}

type deviceRemember struct {
	theDevice
	Off bool `help:"Do not remember the device any more. Its sign-ins go on."`
}

// Help returns the details that --help shows.
func (deviceRemember) Help() string {
	return `In a pool whose devices replace a second factor, whoever has a remembered device and the password can sign in. Make sure first who asks.

    cognate user devices remember alice us-east-1_b6b5f5e1-3d6e-4f0e-9d0c-2f3a4b5c6d7e
    cognate user devices remember alice us-east-1_b6b5f5e1-3d6e-4f0e-9d0c-2f3a4b5c6d7e --off`
}

// Run changes the status of a device.
func (c *deviceRemember) Run(t *terminal) error {
	done, status := "Remembered", identity.DeviceRemembered
	if c.Off {
		done, status = "No longer remembered", identity.DeviceNotRemembered
	}
	return c.change(t, fmt.Sprintf("%s %s of", done, oneLine(c.Key)), func(ctx context.Context, us identity.Users, sub string) error {
		return us.SetDeviceStatus(ctx, sub, c.Key, status)
	})
}

type deviceForget struct{ theDevice }

// Help returns the details that --help shows.
func (deviceForget) Help() string {
	return `No refresh token of the device gives tokens again. Access tokens stay valid until they expire; "cognate user signout" ends them too.

    cognate user devices forget alice us-east-1_b6b5f5e1-3d6e-4f0e-9d0c-2f3a4b5c6d7e`
}

// Run forgets a device.
func (c *deviceForget) Run(t *terminal) error {
	return c.change(t, fmt.Sprintf("Forgot %s of", oneLine(c.Key)), func(ctx context.Context, us identity.Users, sub string) error {
		return us.ForgetDevice(ctx, sub, c.Key)
	})
}
