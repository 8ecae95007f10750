package identity

import "time"

// A family is one sign-in: all tokens that come from it, or a browser. Whatever ends the sign-in
// deletes the record, or has the user's NotBefore invalidate it.
type family struct {
	Pool       string    `json:"pool"`
	Sub        string    `json:"sub"`
	ID         string    `json:"id"` // origin_jti
	Client     string    `json:"client"`
	EventID    string    `json:"eventId"`
	AuthTime   time.Time `json:"authTime"`
	Expires    time.Time `json:"expires"`
	Scope      string    `json:"scope"`
	Generation int       `json:"generation,omitempty"`
	Rotated    time.Time `json:"rotated,omitzero"`
	Used       time.Time `json:"used,omitzero"` // last, where the client has an idle limit
	Kept       time.Time `json:"kept,omitzero"` // the sign-out of all others that this sign-in survived
	Device     string    `json:"device,omitempty"`
	// DeviceGroup is set as long as the device of the sign-in is a new one, which was not confirmed.
	DeviceGroup string `json:"deviceGroup,omitempty"`
	// AMR is what the sign-in has proved, see levels.go: nil for one of an earlier version, or if hooks alone proved it.
	AMR []string `json:"amr,omitempty"`
	// ACR is the name of the level that it reached, as the name was then. It is empty unless the sign-in named a level.
	ACR string `json:"acr,omitempty"`
	// Provider is the identity provider that the user has signed in by, and Level what it vouches for. Empty for a sign-in to the pool itself.
	Provider string `json:"provider,omitempty"`
	Level    Level  `json:"level,omitempty"`
	// Upstream is what a sign-out at the provider needs, sealed.
	Upstream string `json:"upstream,omitempty"`
	// Browser says that this is a browser that is signed in by pages. It has no tokens.
	Browser bool `json:"browser,omitempty"`
	// OAuth says that the tokens were given by the authorization server. Parent is the browser that they came through.
	OAuth    bool           `json:"oauth,omitempty"`
	Parent   string         `json:"parent,omitempty"`
	Audience string         `json:"audience,omitempty"` // aud of access tokens, the resource that they are bound to; empty for none
	Claims   *ClaimsRequest `json:"claims,omitempty"`   // asked for one by one; nil for none
	// Begun is when the family was written, and Active when it was used last, by a program Agent at the address IP.
	// All four are empty for a sign-in that is not on record, see usersessions.go.
	Begun  time.Time `json:"begun,omitzero"`
	Active time.Time `json:"active,omitzero"`
	Agent  string    `json:"agent,omitempty"`
	IP     string    `json:"ip,omitempty"`
}
