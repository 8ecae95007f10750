package oauth_test

import (
	"encoding/json"
	"errors"
	"flag"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

var update = flag.Bool("update", false, "write the generated parts of documents anew")

// A kind is an account of one type of provider.
type kind struct {
	typ     identity.ProviderType
	mapping map[string]string
	says    map[string]any // the first time
	later   map[string]any // the second time
}

var kinds = []kind{
	{
		identity.ProviderOIDC,
		map[string]string{"email": "email", "email_verified": "email_verified", "name": "name"},
		map[string]any{"sub": "AbC-1", "email": "ann@example.com", "email_verified": true, "name": "Ann Arbor"},
		map[string]any{"sub": "AbC-1", "email": "ann@example.com", "email_verified": true, "name": "Ann Miller"},
	},
	{
		identity.ProviderGoogle,
		map[string]string{"email": "email", "email_verified": "email_verified", "name": "name"},
		map[string]any{"sub": "1182", "email": "ann@example.com", "email_verified": true, "name": "Ann Arbor"},
		map[string]any{"sub": "1182", "email": "ann@example.com", "email_verified": true, "name": "Ann Miller"},
	},
	{
		identity.ProviderFacebook,
		map[string]string{"email": "email", "name": "name"},
		map[string]any{"sub": "1022", "email": "ann@example.com", "email_verified": true, "name": "Ann Arbor"}, // it says nothing of the sort, and a flag would count for nothing
		map[string]any{"sub": "1022", "name": "Ann Miller"},
	},
	{
		identity.ProviderAmazon,
		map[string]string{"email": "email", "name": "name"},
		map[string]any{"sub": "amzn1.account.AB", "email": "ann@example.com", "name": "Ann Arbor"},
		map[string]any{"sub": "amzn1.account.AB", "email": "ann@example.com", "name": "Ann Miller"},
	},
	{
		identity.ProviderApple,
		map[string]string{"email": "email", "email_verified": "email_verified", "name": "name", "given_name": "firstName"},
		map[string]any{"sub": "0012.ab", "email": "ann@example.com", "email_verified": "true", "apple_user": `{"name":{"firstName":"Ann","lastName":"Arbor"}}`},
		map[string]any{"sub": "0012.ab", "email": "ann@example.com", "email_verified": "true"}, // it says the name once
	},
}

// allScopes are those by which an application sees all that the pool knows.
const allScopes = "openid email profile aws.cognito.signin.user.admin"

const kindsHeader = "| type | username | attributes after the first sign-in | after a second one | `identities` | ID token | access token | tokens that are kept |"

// TestWhatEachKindOfProviderSays signs an account of each type in, twice, and compares the table of docs/federation.md with what has come of it.
func TestWhatEachKindOfProviderSays(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in by all six types of providers, with keys for SAML")
	}
	rows := []string{kindsHeader, "|" + strings.Repeat(" --- |", 8)}
	for _, k := range kinds {
		rows = append(rows, k.row(t))
	}
	rows = append(rows, samlRow(t))
	table := strings.Join(rows, "\n") + "\n"
	const page = "../docs/federation.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), kindsHeader)
	if !ok {
		t.Fatalf("%s has no such table:\n%s", page, table)
	}
	was, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		if err := os.WriteFile(page, []byte(before+table+"\n"+after), 0o644); err != nil { //nolint:gosec // a page of the documentation
			t.Fatal(err)
		}
		return
	}
	if kindsHeader+was+"\n" != table {
		t.Errorf("%s has\n%s%s\nwant\n%s", page, kindsHeader, was, table)
	}
}

// row signs an account in by pages, twice.
func (k *kind) row(t *testing.T) string {
	t.Helper()
	w := newWorld(t, func(s *identity.PoolSettings) { s.Linking = identity.LinkingAutomatic })
	idp := fakeidp.New("upstream", "s3cr3t")
	idp.Refreshes = k.typ != identity.ProviderFacebook // which has no refresh tokens
	s := httptest.NewServer(idp)
	t.Cleanup(s.Close)
	idp.Serve(s.URL)
	details, err := idp.Details(string(k.typ))
	if err != nil {
		t.Fatal(err)
	}
	name := string(k.typ)
	if k.typ == identity.ProviderOIDC {
		name = "Northwind"
	}
	if _, err := w.pool.Admin().Providers().Create(t.Context(), identity.ProviderSettings{Name: name, Type: k.typ, Mapping: k.mapping, Details: details}); err != nil {
		t.Fatal(err)
	}
	client := w.client(func(c *identity.ClientSettings) { c.Providers = []string{name} })
	return w.account(string(k.typ), name, client, func(again bool) *url.URL {
		idp.SetUser(k.says)
		if again {
			idp.SetUser(k.later)
		}
		return w.comesBack(client, name)
	})
}

// comesBack signs somebody in by a provider that answers by a redirect or by a form.
func (w *world) comesBack(client *identity.AppClient, name string) *url.URL {
	w.Helper()
	b := w.browser()
	_, out := b.get(w.authorizeURL(client, "identity_provider", name, "scope", allScopes))
	if out == nil {
		w.Fatal(b.page)
	}
	r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, out.String(), nil)
	if err != nil {
		w.Fatal(err)
	}
	at := httptest.NewRecorder()
	answer, err := b.http.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	if back := answer.Header.Get("Location"); back != "" {
		_, out = b.get(back)
		return out
	}
	if _, err := at.Body.ReadFrom(answer.Body); err != nil {
		w.Fatal(err)
	}
	form := url.Values{}
	for _, m := range hiddenTag.FindAllStringSubmatch(at.Body.String(), -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	_, out = b.send(http.MethodPost, w.server.URL+"/oauth2/idpresponse", form)
	return out
}

// account signs somebody in twice, and returns the row of what has come of it.
func (w *world) account(typ, provider string, client *identity.AppClient, signIn func(again bool) *url.URL) string {
	w.Helper()
	if _, err := w.pool.Admin().Update(w.Context(), func(s *identity.PoolSettings) error {
		s.ProviderPolicies = map[string]identity.ProviderPolicy{provider: {KeepTokens: true}}
		return nil
	}); err != nil {
		w.Fatal(err)
	}
	var told []string // the attributes after each sign-in
	var id, access map[string]any
	var session *identity.Session
	for i := range 2 {
		out := signIn(i > 0)
		if out == nil || out.Query().Get("code") == "" {
			w.Fatalf("%s: to %v", typ, out)
		}
		status, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", client.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier)
		if status != http.StatusOK {
			w.Fatalf("%s: %d %v", typ, status, doc)
		}
		before := id
		id, access = claims(w, doc["id_token"]), claims(w, doc["access_token"])
		if before != nil && before["sub"] != id["sub"] {
			w.Errorf("%s: the second sign-in is another user's", typ)
		}
		var err error
		if session, err = w.engine.Session(w.Context(), identity.Secret(doc["access_token"].(string))); err != nil {
			w.Fatal(err)
		}
		u, err := session.User()
		if err != nil {
			w.Fatal(err)
		}
		told = append(told, attributesOf(u))
	}
	u, err := session.User()
	if err != nil {
		w.Fatal(err)
	}
	if u.Status != identity.StatusExternalProvider || id["cognito:username"] != u.Username || access["username"] != u.Username || access["identities"] != nil {
		w.Errorf("%s: %+v %v", typ, u, access)
	}
	var shown []map[string]any
	if err := json.Unmarshal([]byte(u.IdentitiesAttribute()), &shown); err != nil || len(shown) != 1 {
		w.Fatal(err, shown)
	}
	delete(shown[0], "dateCreated")
	identities, err := json.Marshal(shown[0])
	if err != nil {
		w.Fatal(err)
	}
	kept := "none"
	first, err := session.ProviderToken(w.Context(), provider)
	switch {
	case err == nil:
		kept = "access token"
		w.advance(time.Since(start) + 2*time.Hour) // the provider's clock is that of the machine
		if next, err := session.ProviderToken(w.Context(), provider); err == nil && next.Access != first.Access {
			kept = "access and refresh token"
		} else if !errors.Is(err, identity.ErrNoProviderToken) {
			w.Fatal(err)
		}
	case !errors.Is(err, identity.ErrNoProviderToken):
		w.Fatal(err)
	}
	cells := []string{typ, "`" + u.Username + "`", told[0], told[1], "`" + string(identities) + "`", namesOfClaims(w.pool.PoolID(), id), namesOfClaims(w.pool.PoolID(), access), kept}
	return "| " + strings.Join(cells, " | ") + " |"
}

func attributesOf(u *identity.User) string {
	var all []string
	for name, value := range u.Attributes {
		if name != "sub" && name != "identities" {
			all = append(all, "`"+name+"` "+value)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// namesOfClaims are the claims that say who the user is. The group is that of the provider.
func namesOfClaims(pool string, c map[string]any) string {
	var all []string
	for name := range c {
		if slices.Contains([]string{"username", "cognito:username", "cognito:groups", "identities", "email", "email_verified", "name", "given_name"}, name) {
			all = append(all, "`"+name+"`")
		}
	}
	if groups, ok := c["cognito:groups"].([]any); !ok || len(groups) != 1 || !strings.HasPrefix(groups[0].(string), pool+"_") {
		all = append(all, "without the group of the provider")
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// samlRow signs an account in by SAML, twice.
func samlRow(t *testing.T) string {
	t.Helper()
	w := newSAMLWorld(t, nil)
	return w.account(string(identity.ProviderSAML), "Contoso", w.client, func(bool) *url.URL {
		b := w.browser()
		_, out := b.get(w.authorizeURL(w.client, "identity_provider", "Contoso", "scope", allScopes))
		if out == nil {
			t.Fatal(b.page)
		}
		w.visit(http.MethodPost, "/login", url.Values{"user": {"ann"}, "password": {"hunter2"}}.Encode())
		_, out = w.back(b, w.posts(out))
		return out
	})
}
