package cognito

import (
	"context"
	"encoding/base64"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Devices of users. Users send an access token, operators name the user; both come to the same
// methods of package identity. In a pool that does not track devices, all nine operations are
// refused. The sign-ins on devices are in signin.go and challenges.go.

// confirmDevice takes the salt and the verifier in base64. What the service says to a verifier
// that is missing or malformed is (unsure).
func (s *service) confirmDevice(ctx context.Context, in *idp.ConfirmDeviceRequest) (*idp.ConfirmDeviceResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	proof := val(in.DeviceSecretVerifierConfig)
	salt, err := bytesOf("Salt", proof.Salt)
	if err != nil {
		return nil, err
	}
	verifier, err := bytesOf("PasswordVerifier", proof.PasswordVerifier)
	if err != nil {
		return nil, err
	}
	d, err := session.ConfirmDevice(ctx, identity.ConfirmDevice{Key: text(in.DeviceKey), Name: text(in.DeviceName), Salt: salt, Verifier: verifier})
	if err != nil {
		return nil, err
	}
	return &idp.ConfirmDeviceResponse{UserConfirmationNecessary: ptr(d.Status == identity.DeviceNotRemembered)}, nil
}

// bytesOf reads a number that a client has written in base64.
func bytesOf(name string, value *string) ([]byte, error) {
	out, err := base64.StdEncoding.DecodeString(text(value))
	if err != nil {
		return nil, wire.Errorf(idp.InvalidParameterException, "%s is not valid base64.", name) // text (unsure)
	}
	return out, nil
}

func (s *service) getDevice(ctx context.Context, in *idp.GetDeviceRequest) (*idp.GetDeviceResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	d, err := session.Device(ctx, text(in.DeviceKey))
	if err != nil {
		return nil, err
	}
	u, err := session.User()
	if err != nil {
		return nil, err
	}
	return &idp.GetDeviceResponse{Device: s.deviceType(u, d)}, nil
}

func (s *service) adminGetDevice(ctx context.Context, in *idp.AdminGetDeviceRequest) (*idp.AdminGetDeviceResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, err := pool.Admin().Users().Get(ctx, text(in.Username))
	if err != nil {
		return nil, err
	}
	d, err := pool.Admin().Users().Device(ctx, u.Username, text(in.DeviceKey))
	if err != nil {
		return nil, err
	}
	return &idp.AdminGetDeviceResponse{Device: s.deviceType(u, d)}, nil
}

// listDevices has pages of up to 60 devices. The order of the service's is not known, and
// neither is its default (unsure).
func (s *service) listDevices(ctx context.Context, in *idp.ListDevicesRequest) (*idp.ListDevicesResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	u, err := session.User()
	if err != nil {
		return nil, err
	}
	out := &idp.ListDevicesResponse{}
	out.Devices, out.PaginationToken, err = s.devicePage(ctx, "ListDevices", u, in.Limit, in.PaginationToken, session.Devices)
	return out, err
}

func (s *service) adminListDevices(ctx context.Context, in *idp.AdminListDevicesRequest) (*idp.AdminListDevicesResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, err := pool.Admin().Users().Get(ctx, text(in.Username))
	if err != nil {
		return nil, err
	}
	out := &idp.AdminListDevicesResponse{}
	out.Devices, out.PaginationToken, err = s.devicePage(ctx, "AdminListDevices", u, in.Limit, in.PaginationToken,
		func(ctx context.Context, q identity.DeviceQuery) ([]*identity.Device, string, error) {
			return pool.Admin().Users().Devices(ctx, u.Username, q)
		})
	return out, err
}

// devicePage reads a page of a user's devices. Its token is bound to the user.
func (s *service) devicePage(ctx context.Context, op string, u *identity.User, limit *int32, token *string, read func(context.Context, identity.DeviceQuery) ([]*identity.Device, string, error)) ([]idp.DeviceType, *string, error) {
	query := u.Pool + " " + u.Sub
	after, err := readPageToken(ctx, op, query, token)
	if err != nil {
		return nil, nil, err
	}
	page, next, err := read(ctx, identity.DeviceQuery{After: after, Limit: int(val(limit))})
	if err != nil {
		return nil, nil, err
	}
	out := make([]idp.DeviceType, len(page))
	for i, d := range page {
		out[i] = *s.deviceType(u, d)
	}
	if next == "" {
		return out, nil, nil
	}
	return out, pageToken(op, query, next), nil
}

// deviceType is a device with its attributes in the order of the service's lists (recorded). The
// service leaves a name out that the client has not given (unsure). It tells an SDK that it
// does not know as below (recorded).
func (s *service) deviceType(u *identity.User, d *identity.Device) *idp.DeviceType {
	owner := u.Username + "." + u.Pool
	out := &idp.DeviceType{
		DeviceKey: ptr(d.Key), DeviceCreateDate: date(d.Created), DeviceLastModifiedDate: date(d.Modified), DeviceLastAuthenticatedDate: date(d.Authenticated),
	}
	for _, a := range []struct{ name, value string }{
		{"device_status", "valid"},
		{"device_name", d.Name},
		{"dev:device_arn", s.engine.DeviceARN(u, d)},
		{"dev:device_owner", owner},
		{"last_ip_used", d.LastIP},
		{"dev:device_remembered_status", string(d.Status)},
		{"dev:device_sdk", "aws-sdk-unknown-unknown"},
	} {
		if a.value != "" {
			out.DeviceAttributes = append(out.DeviceAttributes, idp.AttributeType{Name: ptr(a.name), Value: ptr(wire.Secret(a.value))})
		}
	}
	return out
}

// updateDeviceStatus and adminUpdateDeviceStatus refuse a request without a status. What the
// service makes of it is (unsure).
func (s *service) updateDeviceStatus(ctx context.Context, in *idp.UpdateDeviceStatusRequest) (*idp.UpdateDeviceStatusResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	if in.DeviceRememberedStatus == nil {
		return nil, missing("DeviceRememberedStatus")
	}
	return nil, session.SetDeviceStatus(ctx, text(in.DeviceKey), identity.DeviceStatus(*in.DeviceRememberedStatus))
}

func (s *service) adminUpdateDeviceStatus(ctx context.Context, in *idp.AdminUpdateDeviceStatusRequest) (*idp.AdminUpdateDeviceStatusResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if in.DeviceRememberedStatus == nil {
		return nil, missing("DeviceRememberedStatus")
	}
	return nil, pool.Admin().Users().SetDeviceStatus(ctx, text(in.Username), text(in.DeviceKey), identity.DeviceStatus(*in.DeviceRememberedStatus))
}

func (s *service) forgetDevice(ctx context.Context, in *idp.ForgetDeviceRequest) error {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return err
	}
	return session.ForgetDevice(ctx, text(in.DeviceKey))
}

func (s *service) adminForgetDevice(ctx context.Context, in *idp.AdminForgetDeviceRequest) error {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return pool.Admin().Users().ForgetDevice(ctx, text(in.Username), text(in.DeviceKey))
}
