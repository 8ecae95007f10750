package identity

import (
	"github.com/cognate-id/cognate/store"
)

// searchable are the attributes that users can be listed by, besides the
// username, the state and the sub.
var searchable = []string{"email", "phone_number", "name", "given_name", "family_name", "preferred_username"}

// Names that a filter has for what is no attribute.
const (
	searchUsername = "username"
	searchStatus   = "cognito:user_status"
	searchEnabled  = "status"
	searchSub      = "sub"
)

// searchKeys are the entries of a user in the search index. Where the username
// is the sub, the table itself is the index.
func (u *User) searchKeys() []string {
	keys := make([]string, 0, len(searchable)+3)
	if u.Username != u.Sub {
		keys = append(keys, searchKey(u.Pool, searchUsername, foldValue(searchUsername, u.Username)))
	}
	for _, a := range searchable {
		if v := u.Attributes[a]; v != "" {
			keys = append(keys, searchKey(u.Pool, a, foldValue(a, v)))
		}
	}
	return append(keys, searchKey(u.Pool, searchStatus, string(u.Status)), searchKey(u.Pool, searchEnabled, u.enabled()))
}

// foldValue is a value as it is compared: without regard to case, except for the
// state and the sub.
func foldValue(attribute, value string) string {
	switch attribute {
	case searchStatus, searchEnabled, searchSub:
		return value
	}
	return fold(value, false)
}

// searchKey is the index key of a value; of a long one only the beginning counts.
func searchKey(pool, attribute, value string) string {
	return store.Key(pool, attribute, store.Clip(value))
}

// searchValue is what a user has for an attribute of a filter, as it is compared,
// "" for none.
func (u *User) searchValue(attribute string) string {
	return foldValue(attribute, u.searched(attribute))
}

func (u *User) searched(attribute string) string {
	switch attribute {
	case searchUsername:
		return u.Username
	case searchStatus:
		return string(u.Status)
	case searchEnabled:
		return u.enabled()
	case searchSub:
		return u.Sub
	}
	return u.Attributes[attribute]
}

// enabled is what the filter calls status.
func (u *User) enabled() string {
	if u.Disabled {
		return "Disabled"
	}
	return "Enabled"
}
