package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

const canary = "canary-4f1d-in-a-coal-mine"

func TestSecretIsNotPrinted(t *testing.T) {
	s := identity.Secret(canary)
	in := identity.SignIn{Username: "alice", Password: s}
	values := map[string]any{
		"secret": s, "pointer": &s, "struct": in, "pointer to struct": &in, "slice": []identity.Secret{s},
		"map": map[string]identity.Secret{"a": s}, "tokens": &identity.Tokens{Access: s, ID: s, Refresh: s},
		"message": identity.Message{Code: s},
		"client":  identity.ClientSettings{Secret: s},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s", "% x", "%e"} {
			wantNoCanary(t, name+" with "+verb, fmt.Sprintf(verb, v))
		}
		wantNoCanary(t, name+" by Sprint", fmt.Sprint(v))
		for kind, handler := range map[string]func(*bytes.Buffer) slog.Handler{
			"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("hello", "value", v)
			wantNoCanary(t, name+" logged as "+kind, b.String())
		}
	}
	text, err := json.Marshal(values["client"])
	check(t, "Marshal", err)
	wantNoCanary(t, "client settings as JSON", string(text))
}

func wantNoCanary(t *testing.T, what, text string) {
	t.Helper()
	if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
		t.Errorf("%s shows the secret: %s", what, text)
	}
}

// spill lives through all that handles secrets, and returns them.
func spill(t *testing.T, f *fixture, pool *identity.UserPool) []string {
	t.Helper()
	ctx := t.Context()
	secret := identity.Secret("canary_client_secret_abcdefg")
	client := f.client(t, pool, identity.ClientSettings{Secret: secret})
	hash := identity.SecretHash(secret, "alice", client.ClientID())
	_, err := client.SignUp(ctx, identity.SignUp{Username: "alice", Password: canary, SecretHash: hash, Attributes: map[string]string{"email": email}})
	check(t, "SignUp", err)
	first := f.outbox.LastCode("alice")
	_, err = client.ResendConfirmationCode(ctx, "alice", hash)
	check(t, "ResendConfirmationCode", err)
	code := f.outbox.LastCode("alice")
	for _, c := range []string{"wrong-code", code} {
		_ = client.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "alice", Code: identity.Secret(c), SecretHash: hash})
	}
	in, err := client.SignIn(ctx, identity.SignIn{Username: "alice", Password: canary, SecretHash: hash})
	check(t, "SignIn", err)
	_, err = client.SignIn(ctx, identity.SignIn{Username: "alice", Password: canary + canary, SecretHash: hash})
	wantErr(t, "SignIn", err, identity.ErrIncorrectCredentials)
	again, err := client.Refresh(ctx, identity.Refresh{Token: in.Tokens.Refresh, Secret: secret})
	check(t, "Refresh", err)
	_, err = pool.Admin().Users().Create(ctx, identity.CreateUser{Username: "bob", Attributes: map[string]string{"email": "bob@example.com"}, Mediums: []identity.Medium{"EMAIL"}})
	check(t, "Create", err)
	temporary := f.outbox.LastCode("bob")
	res, err := pool.SignIn(ctx, identity.SignIn{Username: "bob", Password: identity.Secret(temporary)})
	check(t, "SignIn", err)
	_, err = pool.NewPassword("bob", res.Challenge.State()).Answer(ctx, identity.NewPassword{Password: canary})
	check(t, "Answer", err)
	f.signUp(t, pool, "carol", "carol@example.com")
	outstanding := f.outbox.LastCode("carol")
	key, keySecret, err := f.AccessKeys().Create(ctx, "key", nil)
	check(t, "Create", err)
	_, _, err = f.AccessKeys().Secret(ctx, key.ID)
	check(t, "Secret", err)
	return []string{
		canary, string(secret), hash, temporary, string(in.Tokens.Access), string(in.Tokens.ID), string(in.Tokens.Refresh),
		string(again.Access), res.Challenge.State(), string(keySecret), `"` + first + `"`, `"` + code + `"`, `"` + outstanding + `"`, "=" + outstanding, "=" + code, " " + code,
	}
}

func TestNoSecretIsLoggedOrStoredInClear(t *testing.T) {
	var log bytes.Buffer
	inner := memory.New()
	f := newEngineWith(t, twice(inner), func(o *identity.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	pool := f.open(t, identity.PoolSettings{SRP: true})
	secrets := spill(t, f, pool)
	seen := 0
	for entry, value := range contents(t, inner) {
		table, _, _ := strings.Cut(entry, " ")
		if slices.Contains(identity.Tables().SecretTables(), table) {
			seen++
			continue
		}
		for _, s := range secrets {
			if strings.Contains(entry, s) || strings.Contains(value, s) {
				t.Errorf("%s holds %q in clear: %s", table, s, value)
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d records in secret tables, want more", seen)
	}
	for _, s := range secrets {
		if strings.Contains(log.String(), s) {
			t.Errorf("the log shows %q: %s", s, &log)
		}
	}
}

func TestPasswordAndVerifierAreNotStoredForPoolsWithoutSRP(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	f.signIn(t, pool.AppClient, "alice")
	for entry, value := range contents(t, f.store) {
		if strings.Contains(value, password) {
			t.Errorf("%s holds the password", entry)
		}
		if strings.HasPrefix(entry, "credentials ") && (strings.Contains(value, "verifier") || !strings.Contains(value, "$argon2id$")) {
			t.Errorf("%s holds %s, want a hash and no verifier", entry, value)
		}
	}
}

// sealedStore is a sealed store around one in memory, which it returns too.
func sealedStore(t *testing.T) (outer, inner store.Store) {
	t.Helper()
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	check(t, "OpenKeyFile", err)
	inner = memory.New()
	return twice(sealed.New(inner, keys, identity.Tables())), inner
}

func TestLifeOfAUserInASealedStore(t *testing.T) {
	outer, _ := sealedStore(t)
	liveAsUser(t, newEngineOn(t, outer))
}

func TestNoSecretIsInASealedStore(t *testing.T) {
	outer, inner := sealedStore(t)
	f := newEngineOn(t, outer)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	secrets := append(spill(t, f, pool), "$argon2id$", `"verifier"`, `"master"`, `"masters"`, `"decoy"`, `"d":`)
	for entry, value := range contents(t, inner) {
		for _, s := range secrets {
			if strings.Contains(entry, s) || strings.Contains(value, s) {
				t.Errorf("%q holds %q: %s", entry, s, value)
			}
		}
	}
}
