package identitytest_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/store/memory"
)

func TestOutboxFindsAUserByAnyName(t *testing.T) {
	f := newFake(t, nil)
	users := f.Pool().Admin().Users()
	u, err := users.Create(t.Context(), identity.CreateUser{
		Username: "Alice", Attributes: map[string]string{"email": "alice@example.com", "phone_number": "+15550100"},
		Mediums: []identity.Medium{identity.MediumEmail},
	})
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	signUp(t, f, "bob")
	for _, name := range []string{"Alice", "alice@example.com", "+15550100", u.Sub} {
		if got := outbox(t, f, "?username="+name); len(got) != 1 || got[0].Username != "Alice" {
			t.Errorf("messages of %s: %+v, want the one of Alice", name, got)
		}
	}
	for _, name := range []string{"nobody", "nobody@example.com", `a"@example.com`, "+1", "00000000-0000-0000-0000-000000000000"} {
		if got := outbox(t, f, "?username="+strings.ReplaceAll(name, `"`, "%22")); len(got) != 0 {
			t.Errorf("messages of %s: %+v, want none", name, got)
		}
	}
}

// TestOutboxFindsEveryKind reads the kinds of messages from the source of the engine.
func TestOutboxFindsEveryKind(t *testing.T) {
	f := newFake(t, nil)
	kinds := messageKinds(t)
	if len(kinds) < 10 {
		t.Fatalf("found the kinds %q, want at least 10", kinds)
	}
	for _, kind := range kinds {
		if w := ask(f, "GET", "/_cognate/outbox?kind="+kind, ""); w.Code != http.StatusOK {
			t.Errorf("kind %s: %d %s", kind, w.Code, w.Body)
		}
	}
}

func messageKinds(t *testing.T) (kinds []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "identity", "message.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "MessageKind" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, text)
		}
		return true
	})
	return kinds
}

func TestPageSaysThatTheFakeRuns(t *testing.T) {
	f := newFake(t, &fake.Options{PoolID: "us-east-1_test1", ClientID: "web1"})
	signUp(t, f, "alice")
	w := ask(f, "GET", "/", "", "Host", "cognate.internal:9229")
	for _, want := range []string{"fake of Amazon Cognito", "not for real users", "http://cognate.internal:9229", "us-east-1_test1", "web1"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, w.Body)
		}
	}
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("GET /: %d %v", w.Code, w.Header())
	}
	if code := f.Outbox().LastCode("alice"); strings.Contains(w.Body.String(), code) {
		t.Errorf("the page shows the code %s", code)
	}
	if w := ask(f, "GET", "/", "", "Host", `"><script>alert(1)</script>`); strings.Contains(w.Body.String(), "<script") {
		t.Errorf("the page repeats the Host header as markup:\n%s", w.Body)
	}
	if w := ask(f, "POST", "/", "{}"); strings.Contains(w.Body.String(), "<html") {
		t.Errorf("POST / got the page: %s", w.Body)
	}
	if w := ask(newFake(t, &fake.Options{Empty: true}), "GET", "/", ""); w.Code != 200 || strings.Contains(w.Body.String(), "Client") {
		t.Errorf("the page of an empty fake: %d %s", w.Code, w.Body)
	}
}

func TestPageNamesTheSignInPage(t *testing.T) {
	client := fake.ReadyClient()
	f := newFake(t, &fake.Options{ClientID: "web1", Client: client})
	if w := ask(f, "GET", "/", ""); strings.Contains(w.Body.String(), "/login") {
		t.Errorf("the page leads to a sign-in that ends nowhere:\n%s", w.Body)
	}
	client = fake.ReadyClient()
	client.OAuth, client.OAuthFlows, client.OAuthScopes = true, []string{"code"}, []string{"openid"}
	client.CallbackURLs = []string{"http://localhost:3000/cb"}
	f = newFake(t, &fake.Options{ClientID: "web1", Client: client})
	w := ask(f, "GET", "/", "")
	link := regexp.MustCompile(`href="(/login[^"]*)"`).FindStringSubmatch(w.Body.String())
	if link == nil {
		t.Fatalf("the page does not lead to the sign-in page:\n%s", w.Body)
	}
	if w := ask(f, "GET", html.UnescapeString(link[1]), ""); w.Code != 200 || !strings.Contains(w.Body.String(), `name="password"`) {
		t.Errorf("GET %s: %d %s", link[1], w.Code, w.Body)
	}
}

func TestGivenIDsStay(t *testing.T) {
	st := memory.New()
	o := func() *fake.Options { return &fake.Options{Store: st, PoolID: "us-east-1_test1", ClientID: "web1"} }
	f := newFake(t, o())
	if f.Pool().PoolID() != "us-east-1_test1" || f.Pool().ClientID() != "web1" {
		t.Errorf("ids %s and %s, want those given", f.Pool().PoolID(), f.Pool().ClientID())
	}
	newFake(t, o())
	if err := f.Pool().Admin().Clients().Delete(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	f = newFake(t, o()) // makes the client anew, in the same pool
	if err := f.Pool().Admin().Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	f = newFake(t, o()) // makes both anew
	signUp(t, f, "alice")
	_, err := fake.New(t.Context(), &fake.Options{Store: st, ClientID: "web2"})
	if !errors.Is(err, fake.ErrOtherID) || !strings.Contains(err.Error(), "web1") {
		t.Errorf("New with another id: %v, want ErrOtherID with the id that there is", err)
	}
}
