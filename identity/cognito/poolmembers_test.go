package cognito_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/settings"
)

// otherFields are the settings that no member of CreateUserPool or UpdateUserPool sets.
var otherFields = []string{
	"Region",          // of the endpoint that was called
	"Defaults", "SRP", // fixed for pools that are made over the wire
	"Issuer", "Algorithm", // only of this engine
	"Sessions",             // set by SetUserPoolSessionConfiguration
	"Logs",                 // set by SetLogDeliveryConfiguration
	"Passkeys", "EmailMFA", // set by SetUserPoolMfaConfig
	// Ours, which no answer shows.
	"Generation", "UnconfirmedDays", "ReplaceUnconfirmed", "ProveNames", "PrepareNames", "HideSignUp", "Notices", "SignOutOnFactorChange", "MaxSignIns", "SMSCountries",
	"PasskeyOrigins", "BlockCommonPasswords", "RecentSignInMinutes", "OpenID", "RecoveryCodes", "Linking", "ProviderPolicies",
	"ID", "Key",
}

// ownOfClients are the settings of clients that no member sets and no answer shows.
var ownOfClients = []string{"IdleHours", "ForceAlias", "SSOMinutes", "ID", "Consent", "AnyLoopbackPort", "BackChannelLogoutURI", "FrontChannelLogoutURI"}

func fieldsOf[T any]() []string {
	var names []string
	for f := range reflect.TypeFor[T]().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// Each member of the requests and each setting of a pool is in the list once.
func TestPoolMembersAreComplete(t *testing.T) {
	var set []string
	created, both := cognito.UnservedPoolMembers(), cognito.UnservedPoolMembers()
	for _, m := range cognito.PoolMembers() {
		created, set = append(created, m.Names...), append(set, m.Fields...)
		if !m.CreateOnly {
			both = append(both, m.Names...)
		}
	}
	for _, tt := range []struct {
		what      string
		got, want []string
	}{
		{"members of CreateUserPool", created, fieldsOf[idp.CreateUserPoolRequest]()},
		{"members of UpdateUserPool", append(both, "UserPoolId"), fieldsOf[idp.UpdateUserPoolRequest]()},
		{"settings of a pool", append(set, otherFields...), fieldsOf[identity.PoolSettings]()},
	} {
		slices.Sort(tt.got)
		slices.Sort(tt.want)
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("the list has these %s:\n%q\nwant\n%q", tt.what, tt.got, tt.want)
		}
	}
}

// Each row sets the settings that it names and no others, and reads the same of both requests.
func TestPoolMembersSetWhatTheyName(t *testing.T) {
	create, update := &idp.CreateUserPoolRequest{}, &idp.UpdateUserPoolRequest{}
	fill(reflect.ValueOf(create).Elem())
	create.DeletionProtection = new(idp.DeletionProtectionType("ACTIVE"))
	create.AcrConfiguration = map[string]idp.AcrLevelConfigType{"Level2": {AcrValue: new("silver")}}
	for _, name := range fieldsOf[idp.UpdateUserPoolRequest]() {
		if v := reflect.ValueOf(create).Elem().FieldByName(name); v.IsValid() {
			reflect.ValueOf(update).Elem().FieldByName(name).Set(v)
		}
	}
	for _, m := range cognito.PoolMembers() {
		base := identity.PoolSettings{}
		// A mode other than OFF needs the means to send codes.
		if slices.Contains(m.Names, "MfaConfiguration") {
			base.SMS = &identity.SMSSettings{}
		}
		made, updated := base, base
		if err := m.Create(&made, create); err != nil {
			t.Errorf("%q of CreateUserPool: %v", m.Names, err)
		}
		if got, want := changed(base, made), m.Fields; !sameNames(got, want) {
			t.Errorf("%q of CreateUserPool set %q, want %q", m.Names, got, want)
		}
		if m.CreateOnly {
			continue
		}
		if err := m.Update(&updated, update); err != nil {
			t.Errorf("%q of UpdateUserPool: %v", m.Names, err)
		}
		if !reflect.DeepEqual(made, updated) {
			t.Errorf("%q set %+v by CreateUserPool, and %+v by UpdateUserPool", m.Names, made, updated)
		}
	}
}

// changed returns the names of the settings that differ.
func changed(before, after identity.PoolSettings) []string {
	var names []string
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	for _, name := range fieldsOf[identity.PoolSettings]() {
		if !reflect.DeepEqual(b.FieldByName(name).Interface(), a.FieldByName(name).Interface()) {
			names = append(names, name)
		}
	}
	return names
}

// sameNames compares without regard to order. TOTP is left out: neither request can turn it on.
func sameNames(got, want []string) bool {
	want = slices.DeleteFunc(slices.Clone(want), func(n string) bool { return n == "TOTP" })
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

// fill gives each member of a request a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value)
		v.SetMapIndex(reflect.ValueOf("k"), value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(3)
	default:
		panic("a member of the kind " + v.Kind().String())
	}
}

// A client that is updated gets all settings that a new one can have, but for its secret.
func TestClientMembersAreComplete(t *testing.T) {
	create, update := &idp.CreateUserPoolClientRequest{}, &idp.UpdateUserPoolClientRequest{}
	fill(reflect.ValueOf(create).Elem())
	fill(reflect.ValueOf(update).Elem())
	made, updated := cognito.CreatedClient(create), cognito.UpdatedClient(update)
	for _, name := range fieldsOf[identity.ClientSettings]() {
		v := reflect.ValueOf(made).Elem().FieldByName(name)
		if slices.Contains(ownOfClients, name) {
			continue
		}
		if v.IsZero() {
			t.Errorf("no member of CreateUserPoolClient sets %s", name)
		}
		if name == "GenerateSecret" || name == "Secret" {
			continue
		}
		if got := reflect.ValueOf(updated).Elem().FieldByName(name); !reflect.DeepEqual(got.Interface(), v.Interface()) {
			t.Errorf("UpdateUserPoolClient sets %s to %v, want %v", name, got, v)
		}
	}
}

// TestUpdateKeepsOurSettings: an update over the wire leaves the settings that only Cognate has.
func TestUpdateKeepsOurSettings(t *testing.T) {
	w := newWorld(t)
	pool, err := w.engine.UserPool(t.Context(), w.pool)
	if err != nil {
		t.Fatal(err)
	}
	admin := pool.Admin()
	before, err := admin.Update(t.Context(), func(s *identity.PoolSettings) error {
		s.UnconfirmedDays, s.ReplaceUnconfirmed, s.ProveNames, s.PrepareNames, s.HideSignUp = new(3), new(true), new(true), new(true), new(true)
		s.Logs = []settings.LogDestination{{Source: settings.LogUserNotification, Level: "ERROR", Kind: settings.LogGroup, ARN: logGroup}}
		s.PasskeyOrigins = []string{"https://app.example.org"}
		s.Notices, s.SignOutOnFactorChange, s.SMSCountries, s.MaxSignIns = new(true), new(true), []string{"+49"}, new(7)
		s.BlockCommonPasswords, s.RecentSignInMinutes, s.RecoveryCodes = new(true), new(30), true
		s.Sessions = &settings.Sessions{Tracked: true, MaxPerUser: 7}
		s.Linking, s.ProviderPolicies = settings.LinkingAutomatic, map[string]settings.ProviderPolicy{"Acme": {TrustedDomains: []string{"example.com"}, KeepTokens: true, SignOut: true}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = admin.Clients().Update(t.Context(), w.open.id, func(s *identity.ClientSettings) error {
		s.IdleHours, s.ForceAlias, s.SSOMinutes = new(5), new(false), new(9)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.ok("UpdateUserPool", obj{"UserPoolId": w.pool})
	w.ok("UpdateUserPoolClient", obj{"UserPoolId": w.pool, "ClientId": w.open.id})
	after, err := admin.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range otherFields {
		was, is := reflect.ValueOf(before.Settings).FieldByName(name).Interface(), reflect.ValueOf(after.Settings).FieldByName(name).Interface()
		if !reflect.DeepEqual(was, is) {
			t.Errorf("UpdateUserPool makes %s %v, want %v", name, is, was)
		}
	}
	client, err := admin.Clients().Get(t.Context(), w.open.id)
	if err != nil {
		t.Fatal(err)
	}
	if s := client.Settings; s.IdleHours == nil || *s.IdleHours != 5 || s.ForceAlias == nil || *s.ForceAlias || s.SSOMinutes == nil || *s.SSOMinutes != 9 {
		t.Errorf("UpdateUserPoolClient makes IdleHours %v and ForceAlias %v", s.IdleHours, s.ForceAlias)
	}
}
