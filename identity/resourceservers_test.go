package identity_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

const weather = "https://weather.example.com/v1"

// weatherServer is a resource server with the scopes that are named.
func weatherServer(scopes ...string) identity.ResourceServerSettings {
	s := identity.ResourceServerSettings{Identifier: weather, Name: "Weather"}
	for _, name := range scopes {
		s.Scopes = append(s.Scopes, identity.ResourceScope{Name: name, Description: "To " + name})
	}
	return s
}

// another makes one more pool.
func (f *fixture) another(t testing.TB) *identity.UserPool {
	t.Helper()
	p, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "another", Algorithm: "ES256"})
	check(t, "CreateUserPool", err)
	pool, err := f.UserPool(t.Context(), p.ID)
	check(t, "UserPool", err)
	return pool
}

// resourceServerActs are the changes of resource servers.
var resourceServerActs = []act{
	{"ResourceServers.Create", func(ctx context.Context, l *life) error {
		return second(l.admin.ResourceServers().Create(ctx, weatherServer("read")))
	}, []string{"ResourceServerCreated operator:AKIA resourceServer"}},
	{"ResourceServers.Update", func(ctx context.Context, l *life) error {
		return second(l.admin.ResourceServers().Update(ctx, weather, func(s *identity.ResourceServerSettings) error { s.Name = "Climate"; return nil }))
	}, []string{"ResourceServerChanged operator:AKIA resourceServer changed=name"}},
	{
		"ResourceServers.Delete", func(ctx context.Context, l *life) error { return l.admin.ResourceServers().Delete(ctx, weather) },
		[]string{"ResourceServerDeleted operator:AKIA resourceServer"},
	},
}

func TestResourceServers(t *testing.T) {
	f := newEngine(t)
	pool, other := f.open(t, identity.PoolSettings{}), f.another(t)
	servers := pool.Admin().ResourceServers()
	made, err := servers.Create(t.Context(), weatherServer("read", "write"))
	check(t, "Create", err)
	if made.Pool != pool.PoolID() || made.Created.IsZero() || made.Modified != made.Created || len(made.Settings.Scopes) != 2 {
		t.Errorf("made %+v", made)
	}
	_, err = servers.Create(t.Context(), weatherServer())
	wantErr(t, "Create again", err, identity.ErrResourceServerExists)
	check(t, "Create in another pool", second(other.Admin().ResourceServers().Create(t.Context(), weatherServer())))

	f.advance(time.Second)
	changed, err := servers.Update(t.Context(), weather, func(s *identity.ResourceServerSettings) error { s.Scopes = s.Scopes[:1]; return nil })
	check(t, "Update", err)
	got, err := servers.Get(t.Context(), weather)
	check(t, "Get", err)
	if len(got.Settings.Scopes) != 1 || got.Modified != changed.Modified || !got.Modified.After(made.Modified) || got.Created != made.Created {
		t.Errorf("stored %+v, changed %+v", got, changed)
	}
	for what, fn := range map[string]func(*identity.ResourceServerSettings) error{
		"another identifier": func(s *identity.ResourceServerSettings) error { s.Identifier = "x"; return nil },
		"a scope twice":      func(s *identity.ResourceServerSettings) error { s.Scopes = append(s.Scopes, s.Scopes...); return nil },
		"no name":            func(s *identity.ResourceServerSettings) error { s.Name = ""; return nil },
	} {
		if _, err := servers.Update(t.Context(), weather, fn); err == nil {
			t.Errorf("Update with %s succeeded", what)
		}
	}
	check(t, "Delete", servers.Delete(t.Context(), weather))
	wantErr(t, "Delete again", servers.Delete(t.Context(), weather), identity.ErrResourceServerNotFound)
	_, err = servers.Get(t.Context(), weather)
	wantErr(t, "Get", err, identity.ErrResourceServerNotFound)
	check(t, "Get of the other pool", second(other.Admin().ResourceServers().Get(t.Context(), weather)))

	check(t, "Delete the pool", other.Admin().Delete(t.Context()))
	_, err = other.Admin().ResourceServers().Create(t.Context(), weatherServer())
	wantErr(t, "Create in a deleted pool", err, identity.ErrPoolNotFound)
	_, err = f.Sweep(t.Context())
	check(t, "Sweep", err)
	check(t, "Verify", verify(t, f.store))
}

func TestListOfResourceServers(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Quotas = identity.Quotas{ResourceServers: 130} })
	servers := f.open(t, identity.PoolSettings{}).Admin().ResourceServers()
	var want []string
	for i := range 130 {
		s := weatherServer()
		s.Identifier = fmt.Sprintf("api%03d", i)
		check(t, "Create", second(servers.Create(t.Context(), s)))
		want = append(want, s.Identifier)
	}
	_, err := servers.Create(t.Context(), weatherServer())
	wantErr(t, "one more", err, identity.ErrQuotaExceeded)
	for _, from := range []int{0, 1, 64, 129, 130} {
		after := ""
		if from > 0 {
			after = want[from-1]
		}
		var got []string
		for s, err := range servers.List(t.Context(), after) {
			check(t, "List", err)
			got = append(got, s.Settings.Identifier)
		}
		if !slices.Equal(got, want[from:]) {
			t.Errorf("after %q: %d servers, want %d", after, len(got), len(want)-from)
		}
	}
}

// A client names only scopes that exist, and keeps the names of those that go.
func TestScopesOfClients(t *testing.T) {
	f := newEngine(t)
	admin := f.open(t, identity.PoolSettings{}).Admin()
	check(t, "Create", second(admin.ResourceServers().Create(t.Context(), weatherServer("read", "write"))))
	scoped := func(scopes ...string) *identity.ClientSettings {
		return &identity.ClientSettings{Name: "c", OAuthScopes: scopes}
	}
	for _, scope := range []string{"read", weather, weather + "/", weather + "/admin", "/read", "/", "", "https://weather.example.com/read", weather + "//read", "openid/", "OPENID"} {
		_, err := admin.Clients().Create(t.Context(), scoped("openid", scope))
		wantErr(t, "Create with "+scope, err, identity.ErrScopeNotFound)
	}
	all := []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin", weather + "/read", weather + "/write"}
	c, err := admin.Clients().Create(t.Context(), scoped(all...))
	check(t, "Create", err)
	_, err = admin.Clients().Update(t.Context(), c.ID, func(s *identity.ClientSettings) error {
		s.OAuthScopes = append(s.OAuthScopes, weather+"/admin")
		return nil
	})
	wantErr(t, "Update", err, identity.ErrScopeNotFound)
	if !strings.Contains(err.Error(), weather+"/admin") {
		t.Errorf("error %v does not name the scope", err)
	}
	check(t, "Delete", admin.ResourceServers().Delete(t.Context(), weather))
	got, err := admin.Clients().Get(t.Context(), c.ID)
	check(t, "Get", err)
	if !slices.Equal(got.Settings.OAuthScopes, all) {
		t.Errorf("scopes %v after the resource server is gone, want %v", got.Settings.OAuthScopes, all)
	}
	other := f.another(t).Admin()
	check(t, "Create", second(other.ResourceServers().Create(t.Context(), weatherServer("read"))))
	_, err = admin.Clients().Create(t.Context(), scoped(weather+"/read"))
	wantErr(t, "Create with a scope of another pool", err, identity.ErrScopeNotFound)
}
