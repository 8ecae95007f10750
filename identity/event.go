package identity

import (
	"strings"
	"time"
)

// How long events are kept. Those of names that nobody has are soon forgotten:
// anyone can make as many as they like.
const (
	eventLife  = 90 * 24 * time.Hour
	nobodyLife = 24 * time.Hour
)

// An Event is something that happened to a user, as it is kept for the record.
type Event struct {
	Pool   string    `json:"pool"`             // the id of the pool
	Time   time.Time `json:"time"`             // when it happened
	ID     string    `json:"id"`               // unique in the pool
	Kind   EventKind `json:"kind"`             // what happened
	Sub    string    `json:"sub,omitempty"`    // of the user; empty where it happened to no user
	Client string    `json:"client,omitempty"` // empty for an operator
}

// An EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventSignUp        EventKind = "SignUp"
	EventConfirm       EventKind = "ConfirmSignUp"
	EventSignIn        EventKind = "SignIn"
	EventSignInFailure EventKind = "SignInFailure"
	EventNewPassword   EventKind = "NewPassword"
	EventSignOut       EventKind = "GlobalSignOut"
	EventRevoke        EventKind = "RevokeToken"
	EventReuse         EventKind = "RefreshTokenReuse"
	EventCreateUser    EventKind = "AdminCreateUser"
	EventSetPassword   EventKind = "AdminSetUserPassword"
	EventForgot        EventKind = "ForgotPassword"
	EventReset         EventKind = "ConfirmForgotPassword"
	EventResetRequired EventKind = "AdminResetUserPassword"
	EventChange        EventKind = "ChangePassword"
	EventAttributes    EventKind = "UpdateUserAttributes"
	EventVerify        EventKind = "VerifyUserAttribute"
	EventDelete        EventKind = "DeleteUser"
	EventDisable       EventKind = "AdminDisableUser"
	EventEnable        EventKind = "AdminEnableUser"
	EventAdminConfirm  EventKind = "AdminConfirmSignUp"
	EventAdminSignOut  EventKind = "AdminUserGlobalSignOut"
	EventMFA           EventKind = "SetUserMFAPreference"
	EventTOTP          EventKind = "VerifySoftwareToken"
	EventMFAFailure    EventKind = "MFAFailure"
	EventGroup         EventKind = "Groups"
	EventImport        EventKind = "ImportUser"
)

// event makes the record of something that happens now.
func (e *Engine) event(pool, client, sub string, kind EventKind, now time.Time) (*Event, error) {
	id, err := e.uuid()
	if err != nil {
		return nil, err
	}
	return &Event{Pool: pool, Client: client, Sub: sub, Kind: kind, Time: now, ID: id}, nil
}

func (e *Event) expires() time.Time {
	if strings.HasPrefix(e.Sub, nobodyPrefix) {
		return e.Time.Add(nobodyLife)
	}
	return e.Time.Add(eventLife)
}
