package idpool

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// Names of providers, as logins, role mappings and principal tags have them.

const (
	facebook   = "graph.facebook.com"
	amazon     = "www.amazon.com"
	google     = "accounts.google.com"
	apple      = "appleid.apple.com"
	poolTokens = "cognito-identity.amazonaws.com" // a token of GetOpenIdTokenForDeveloperIdentity
)

// socialNames are the providers that the service knows by name. Of Twitter and Digits it takes no tokens any more.
var socialNames = []string{facebook, amazon, google, apple, "api.twitter.com", "www.digits.com"}

var userPoolID = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d{1,2}_[0-9A-Za-z]{1,55}$`)

// poolOf returns the id of the user pool at the end of a provider's name, or "" if there is none.
func poolOf(name string) string {
	i := strings.LastIndexByte(name, '/')
	if i < 1 || strings.Contains(name, "//") || !userPoolID.MatchString(name[i+1:]) {
		return ""
	}
	return name[i+1:]
}

// ofPool reports whether a provider's name is that of a user pool.
func ofPool(name, pool string) bool {
	i := strings.LastIndexByte(name, '/')
	return i >= 1 && name[i+1:] == pool && !strings.Contains(name, "//")
}

// UserPoolName is the service's name of a user pool as a provider: [UserPool].Name.
func UserPoolName(pool string) string {
	region, _, _ := strings.Cut(pool, "_")
	host := "cognito-idp." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host + "/" + pool
}

// canonical is the one name of a provider that may be written in two ways: user pools of this server are
// known by the service's name and by their own address.
func canonical(name string) string {
	if pool := poolOf(name); pool != "" && name != UserPoolName(pool) {
		return UserPoolName(pool)
	}
	return name
}

// mappingKey is canonical for the key of a role mapping, which for a user pool ends in a client.
func mappingKey(key string) string {
	if i := strings.LastIndexByte(key, ':'); i > 0 && poolOf(key[:i]) != "" {
		return canonical(key[:i]) + key[i:]
	}
	return key
}

// maps reports whether a role mapping may have a key: that of a provider of the pool.
func (p *Pool) maps(key string) bool {
	if slices.Contains(p.OIDC, key) || slices.Contains(p.SAML, key) {
		return true
	}
	if _, ok := p.Social[key]; ok {
		return true
	}
	key = mappingKey(key)
	return slices.ContainsFunc(p.UserPools, func(u UserPool) bool { return canonical(u.Name)+":"+u.ClientID == key })
}

// mapping returns the role mapping of a key, in whichever of its forms it was set.
func (p *Pool) mapping(key string) (Mapping, bool) {
	for set, m := range p.Roles.Mappings {
		if mappingKey(set) == key {
			return m, true
		}
	}
	return Mapping{}, false
}

// newID returns the id of a pool or an identity: the region, a colon, and 32 random hexadecimal digits in the form
// of a UUID. The service does not set the bits of a version either.
func newID(region string) string {
	var b [16]byte
	rand.Read(b[:])
	h := hex.EncodeToString(b[:])
	return region + ":" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// regionOf returns the region of an id.
func regionOf(id string) string {
	region, _, _ := strings.Cut(id, ":")
	return region
}
