package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// poolsV1 are records of pools as version 1 wrote them, a line each. They are
// never written again: a later version must read them.
const poolsV1 = "testdata/pools-v1.jsonl"

func TestPoolsOfVersion1(t *testing.T) {
	email := []string{"email"}
	bounds := func(least, most *string) *identity.AttributeBounds {
		return &identity.AttributeBounds{Min: least, Max: most}
	}
	want := map[string]identity.PoolSettings{
		"nothing given":          {},
		"apps on":                {MFA: identity.MFAOptional, TOTP: new(true)},
		"apps given and on":      {MFA: identity.MFAOn, TOTP: new(true)},
		"apps given as off":      {MFA: identity.MFAOff, TOTP: new(false)},
		"updates given as empty": {VerifyBeforeUpdate: []string{}},
		"updates given":          {VerifyBeforeUpdate: email, AutoVerified: email},
		"threats":                {ThreatProtection: &identity.ThreatSettings{Mode: "AUDIT"}},
		"flows given as empty":   {ThreatProtection: &identity.ThreatSettings{Mode: "AUDIT", Flows: &identity.ThreatFlows{}}},
		"flows given":            {ThreatProtection: &identity.ThreatSettings{Mode: "ENFORCED", Flows: &identity.ThreatFlows{CustomAuth: new("AUDIT")}}},
		"schema": {Schema: append(identity.StandardSchema(),
			identity.SchemaAttribute{Name: "custom:text", Type: identity.TypeString, Mutable: true, Bounds: bounds(new("1"), new("5"))},
			identity.SchemaAttribute{Name: "custom:number", Type: identity.TypeNumber, Mutable: true, Bounds: bounds(nil, nil)},
			identity.SchemaAttribute{Name: "custom:flag", Type: identity.TypeBoolean, Mutable: true})},
	}
	for _, back := range backEnds {
		t.Run(back.name, func(t *testing.T) {
			f := newEngineOn(t, back.open(t))
			records := lines(t, poolsV1)
			if len(records) != len(want) {
				t.Errorf("%d records, want %d", len(records), len(want))
			}
			for _, line := range records {
				id, name := f.plantPool(t, line)
				settings := want[name]
				settings.Name, settings.Region = name, "us-east-1"
				f.wantSettings(t, id, settings)
				check(t, "write anew", f.EditPool(t.Context(), id, func(*identity.PoolSettings) {}))
				f.wantSettings(t, id, settings)
				f.wantVersion(t, id, 2)
			}
		})
	}
}

// plantPool writes a record of a pool as it stands.
func (f *fixture) plantPool(t *testing.T, line string) (id, name string) {
	t.Helper()
	var rec identity.PoolInfo
	check(t, "record", json.Unmarshal([]byte(line), &struct {
		ID       *string `json:"id"`
		Settings any     `json:"settings"`
	}{&rec.ID, &struct {
		Name *string `json:"name"`
	}{&rec.Settings.Name}}))
	check(t, "write", f.store.Update(t.Context(), func(tx store.Tx) error {
		return tx.Insert("pools", store.Key(rec.ID), []byte(line))
	}))
	return rec.ID, rec.Settings.Name
}

func (f *fixture) wantSettings(t *testing.T, id string, want identity.PoolSettings) {
	t.Helper()
	pool, err := f.UserPool(t.Context(), id)
	check(t, "UserPool", err)
	info, err := pool.Admin().Describe(t.Context())
	check(t, "Describe", err)
	if !reflect.DeepEqual(info.Settings, want) {
		got, _ := json.Marshal(info.Settings)
		wanted, _ := json.Marshal(want)
		t.Errorf("%s: settings\n%s, want\n%s", want.Name, got, wanted)
	}
}

func (f *fixture) wantVersion(t *testing.T, id string, want int) {
	t.Helper()
	check(t, "View", f.store.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: "pools", Key: store.Key(id)})
		if err != nil {
			return err
		}
		var head struct{ V int }
		if err := json.NewDecoder(bytes.NewReader(values[0])).Decode(&head); err != nil {
			return err
		}
		if head.V != want {
			t.Errorf("the record has version %d, want %d", head.V, want)
		}
		return nil
	}))
}

// TestPoolsOfGeneration0KeepTheirDefaults: a pool made before there were
// generations has none of the stricter defaults until it is upgraded.
func TestPoolsOfGeneration0KeepTheirDefaults(t *testing.T) {
	f := newEngine(t)
	id, _ := f.plantPool(t, lines(t, poolsV1)[0])
	pool, err := f.UserPool(t.Context(), id)
	check(t, "UserPool", err)
	effect := func() [3]any {
		info, err := pool.Admin().Describe(t.Context())
		check(t, "Describe", err)
		s := info.Settings
		return [3]any{s.Generation, s.NotifiesOwners(), s.UnconfirmedLife()}
	}
	if got, want := effect(), ([3]any{0, false, time.Duration(0)}); got != want {
		t.Errorf("before: %v, want %v", got, want)
	}
	changes, err := pool.Admin().UpgradeDefaults(t.Context())
	check(t, "UpgradeDefaults", err)
	if len(changes) == 0 {
		t.Error("UpgradeDefaults lists no change")
	}
	if got, want := effect(), ([3]any{settings.LatestGeneration, true, 7 * 24 * time.Hour}); got != want {
		t.Errorf("after: %v, want %v", got, want)
	}
}

func TestEnsureUserPool(t *testing.T) {
	f := newEngine(t)
	given := identity.PoolSettings{Algorithm: "ES256"}
	pool, changes, err := f.EnsureUserPool(t.Context(), "main", &given)
	check(t, "make", err)
	if changes != nil {
		t.Errorf("a new pool has changes: %v", changes)
	}
	_, changes, err = f.EnsureUserPool(t.Context(), "main", &given)
	check(t, "again", err)
	if changes != nil {
		t.Errorf("the same settings change %v", changes)
	}
	given.MFA, given.TOTP = identity.MFAOptional, new(true)
	_, changes, err = f.EnsureUserPool(t.Context(), "main", &given)
	check(t, "change", err)
	if want := []identity.SettingChange{{Setting: "mfa", From: "unset", To: `"OPTIONAL"`}, {Setting: "totp", From: "unset", To: "true"}}; !slices.Equal(changes, want) {
		t.Errorf("changes = %v, want %v", changes, want)
	}
	given.Aliases, given.Algorithm, given.MFA, given.TOTP = []string{"email"}, "", "", nil
	_, _, err = f.EnsureUserPool(t.Context(), "main", &given)
	if wantErr(t, "fixed", err, identity.ErrInvalidSettings); !strings.Contains(fmt.Sprint(err), "Algorithm, Aliases") {
		t.Errorf("err = %v, want one that names Algorithm and Aliases", err)
	}
	info, err := pool.Admin().Describe(t.Context())
	check(t, "Describe", err)
	if info.Settings.MFA != identity.MFAOptional {
		t.Error("a refused change changed the pool")
	}
}

// TestOpenUserPoolWarnsOfDifferences: who changes the settings in a program sees that the pool does not follow.
func TestOpenUserPoolWarnsOfDifferences(t *testing.T) {
	var log bytes.Buffer
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, tt := range []struct {
		settings *identity.PoolSettings
		warns    string
	}{
		{&identity.PoolSettings{Algorithm: "ES256"}, ""},
		{&identity.PoolSettings{Algorithm: "ES256"}, ""},
		{nil, ""},
		{&identity.PoolSettings{Algorithm: "ES256", AdminOnly: true}, "settings=[adminOnly]"},
	} {
		log.Reset()
		_, err := f.OpenUserPool(t.Context(), "main", tt.settings)
		check(t, "OpenUserPool", err)
		if got := strings.Contains(log.String(), "differ"); got != (tt.warns != "") || !strings.Contains(log.String(), tt.warns) {
			t.Errorf("%+v: log %q, want %q in it", tt.settings, log.String(), tt.warns)
		}
	}
}
