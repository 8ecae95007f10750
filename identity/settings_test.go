package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// with is the standard schema and more.
func with(more ...identity.SchemaAttribute) []identity.SchemaAttribute {
	return append(identity.StandardSchema(), more...)
}

func custom(name string) identity.SchemaAttribute {
	return identity.SchemaAttribute{Name: name, Type: identity.TypeString, Mutable: true}
}

func TestPoolNeedsAName(t *testing.T) {
	f := newEngine(t)
	_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{})
	wantErr(t, "CreateUserPool", err, identity.ErrInvalidSettings)
	_, err = f.OpenUserPool(t.Context(), "", nil)
	wantErr(t, "OpenUserPool", err, identity.ErrInvalidParameter)
	_, err = f.CreateUserPool(t.Context(), nil)
	wantErr(t, "CreateUserPool without settings", err, identity.ErrInvalidSettings)
	_, err = f.open(t, identity.PoolSettings{}).Admin().Clients().Create(t.Context(), nil)
	wantErr(t, "Create without settings", err, identity.ErrInvalidSettings)
}

func TestSettingsAreReadBackAsTheyWereSet(t *testing.T) {
	f := newEngine(t)
	for name, list := range map[string][]string{"unset": nil, "none": {}, "email": {"email"}} {
		pool, err := f.OpenUserPool(t.Context(), name, &identity.PoolSettings{Algorithm: "ES256", AutoVerified: list})
		check(t, "OpenUserPool", err)
		info, err := pool.Admin().Describe(t.Context())
		if err != nil || (info.Settings.AutoVerified == nil) != (list == nil) || len(info.Settings.AutoVerified) != len(list) {
			t.Errorf("%s: %#v, %v, want %#v", name, info.Settings.AutoVerified, err, list)
		}
	}
}

func TestAttributesFollowTheSchema(t *testing.T) {
	f := newEngine(t)
	least, most := "2", "5"
	word := custom("custom:word")
	word.Bounds = &identity.AttributeBounds{Min: &least, Max: &most}
	number := identity.SchemaAttribute{Name: "custom:number", Type: identity.TypeNumber, Bounds: &identity.AttributeBounds{Min: &least, Max: &most}}
	settings := identity.PoolSettings{AutoVerified: []string{}, Schema: with(word, number, custom("custom:free"),
		identity.SchemaAttribute{Name: "custom:time", Type: identity.TypeDateTime}, identity.SchemaAttribute{Name: "custom:flag", Type: identity.TypeBoolean},
		identity.SchemaAttribute{Name: "dev:custom:hidden", Type: identity.TypeString, DeveloperOnly: true})}
	pool := f.open(t, settings)
	bad, invalid := identity.ErrInvalidAttributes, identity.ErrInvalidParameter
	for i, tt := range []struct {
		name, value string
		want        error
	}{
		{"custom:word", "ab", nil},
		{"custom:word", "a", bad},
		{"custom:word", "abcdef", bad},
		{"custom:word", "\u00e4\u00f6\u00fc\u00df\u00e9", nil},
		{"custom:number", "3", nil},
		{"custom:number", "1", bad},
		{"custom:number", "6", bad},
		{"custom:number", "three", bad},
		{"custom:number", "3.5", bad},
		{"custom:time", "2026-11-22T09:00:00Z", nil},
		{"custom:time", "yesterday", bad},
		{"custom:flag", "true", nil},
		{"custom:flag", "yes", bad},
		{"custom:free", strings.Repeat("a", 2048), nil},
		{"custom:free", strings.Repeat("a", 2049), bad},
		{"custom:free", "a\x00", bad},
		{"custom:free", "a\xff", bad},
		{"name", strings.Repeat("\u597d", 2048), nil},
		{"name", strings.Repeat("\u597d", 2049), bad},
		{"colour", "red", bad},
		{"identities", "x", identity.ErrAttributeNotWritable},
		{"email", "nowhere", invalid},
		{"email", "a@b@c", invalid},
		{"email", "A <a@example.com>", invalid},
		{"email", "a@example.com\r\nBcc: b@example.com", invalid},
		{"phone_number", "555", invalid},
		{"phone_number", "+", invalid},
		{"phone_number", "+1234567890123456", invalid},
		{"phone_number", "+15551234567", nil},
		{"birthdate", "2000-02-29", nil},
		{"birthdate", "2001-02-29", invalid},
		{"birthdate", "2001", bad},
		{"updated_at", "-1", bad},
		{"updated_at", "x", bad},
		{"sub", "x", identity.ErrAttributeNotWritable},
		{"email_verified", "true", identity.ErrAttributeNotWritable},
		{"phone_number_verified", "true", identity.ErrAttributeNotWritable},
		{"dev:custom:hidden", "x", identity.ErrAttributeNotWritable},
	} {
		_, err := pool.SignUp(t.Context(), identity.SignUp{
			Username: fmt.Sprint("user", i), Password: password, Attributes: map[string]string{tt.name: tt.value},
		})
		wantErr(t, tt.name+" "+clip(tt.value), err, tt.want)
	}
}

func TestClientWritesWhatItMay(t *testing.T) {
	f := newEngine(t)
	settings := identity.PoolSettings{AutoVerified: []string{}, Schema: identity.StandardSchema()}
	pool := f.open(t, settings)
	client := f.client(t, pool, identity.ClientSettings{WriteAttributes: []string{"name"}})
	for name, want := range map[string]error{"name": nil, "nickname": identity.ErrAttributeNotWritable, "colour": identity.ErrInvalidAttributes} {
		_, err := client.SignUp(t.Context(), identity.SignUp{Username: name, Password: password, Attributes: map[string]string{name: "x"}})
		wantErr(t, name, err, want)
	}
}
