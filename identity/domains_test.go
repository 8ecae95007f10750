package identity_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// domainActs are the changes of domains. The pool has none at the end, so that it can be deleted.
var domainActs = []act{
	{"Domains.Create", func(ctx context.Context, l *life) error {
		return second(l.admin.Domains().Create(ctx, identity.DomainSettings{Name: "example"}))
	}, []string{"DomainCreated operator:AKIA domain"}},
	{"Domains.Update", func(ctx context.Context, l *life) error {
		return second(l.admin.Domains().Update(ctx, "example", func(s *identity.DomainSettings) error { s.LoginVersion = 2; return nil }))
	}, []string{"DomainChanged operator:AKIA domain changed=loginVersion"}},
	{
		"Domains.Delete", func(ctx context.Context, l *life) error { return l.admin.Domains().Delete(ctx, "example") },
		[]string{"DomainDeleted operator:AKIA domain"},
	},
}

func TestDomains(t *testing.T) {
	f := newEngine(t)
	pool, other := f.open(t, identity.PoolSettings{}), f.another(t)
	domains, others := pool.Admin().Domains(), other.Admin().Domains()
	create := func(ds identity.Domains, name string) error {
		return second(ds.Create(t.Context(), identity.DomainSettings{Name: name}))
	}
	check(t, "Create a prefix", create(domains, "example"))
	check(t, "Create a custom domain", create(domains, "auth.example.com"))
	wantErr(t, "another prefix", create(domains, "example2"), identity.ErrDomainExists)
	wantErr(t, "another custom domain", create(domains, "auth.example.org"), identity.ErrDomainExists)
	wantErr(t, "the same prefix", create(domains, "example"), identity.ErrDomainTaken)
	wantErr(t, "the prefix of another pool", create(others, "example"), identity.ErrDomainTaken)
	wantErr(t, "the custom domain of another pool", create(others, "auth.example.com"), identity.ErrDomainTaken)
	wantErr(t, "an invalid domain", create(others, "a b"), identity.ErrInvalidSettings)

	list, err := domains.List(t.Context())
	check(t, "List", err)
	if len(list) != 2 || list[0].Settings.Name != "example" || list[1].Settings.Name != "auth.example.com" {
		t.Errorf("domains %v, want the prefix and the custom domain", list)
	}
	for name, want := range map[string]string{"example": pool.PoolID(), "Auth.Example.COM": pool.PoolID(), "auth": "", "example.com": "", "": "", "exampl": ""} {
		got, err := f.DomainPool(t.Context(), name)
		if got != want || (want == "") != errors.Is(err, identity.ErrDomainNotFound) {
			t.Errorf("the pool of %q is %q, %v, want %q", name, got, err, want)
		}
	}

	_, err = others.Get(t.Context(), "example")
	wantErr(t, "Get of another pool", err, identity.ErrDomainNotFound)
	wantErr(t, "Delete of another pool", others.Delete(t.Context(), "example"), identity.ErrDomainNotFound)
	_, err = domains.Update(t.Context(), "example", func(s *identity.DomainSettings) error { s.Name = "free"; return nil })
	wantErr(t, "a new name", err, identity.ErrInvalidParameter)
	_, err = domains.Update(t.Context(), "example", func(s *identity.DomainSettings) error { s.LoginVersion = 7; return nil })
	wantErr(t, "an unknown version", err, identity.ErrInvalidSettings)

	wantErr(t, "Delete of the pool", pool.Admin().Delete(t.Context()), identity.ErrPoolHasDomain)
	check(t, "Delete", domains.Delete(t.Context(), "example"))
	wantErr(t, "Delete of the pool", pool.Admin().Delete(t.Context()), identity.ErrPoolHasDomain)
	check(t, "Create what is free again", create(others, "example"))
	check(t, "Delete", domains.Delete(t.Context(), "auth.example.com"))
	check(t, "Delete of the pool", pool.Admin().Delete(t.Context()))
	wantErr(t, "Create in a deleted pool", create(domains, "free"), identity.ErrPoolNotFound)
	check(t, "Verify", verify(t, f.store))
}

// Of many who want one name at once, one gets it, and each other is told that it is taken.
func TestOneDomainHasOnePool(t *testing.T) {
	f := newEngine(t)
	var got, taken atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		ds := f.another(t).Admin().Domains()
		all.Go(func() {
			switch _, err := ds.Create(t.Context(), identity.DomainSettings{Name: "wanted"}); {
			case err == nil:
				got.Add(1)
			case errors.Is(err, identity.ErrDomainTaken):
				taken.Add(1)
			default:
				t.Errorf("Create: %v", err)
			}
		})
	}
	all.Wait()
	if got.Load() != 1 || taken.Load() != 7 {
		t.Errorf("%d pools have the domain and %d were refused, want 1 and 7", got.Load(), taken.Load())
	}
}
