package cognito_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// served lists the operations that have a handler.
func served(t testing.TB) []wire.Operation {
	t.Helper()
	all := slices.DeleteFunc(slices.Concat(cognito.Services()[0].Operations, cognito.Services()[1].Operations),
		func(op wire.Operation) bool { return !op.Served() })
	if len(all) < 63 {
		t.Errorf("%d operations are served, want more", len(all))
	}
	return all
}

// The files whose tests run over all operations. To be named there is not
// to be tested for what the operation does.
var generalTests = []string{"eachoperation_test.go", "malformed_test.go", "secrecy_test.go", "fuzz_test.go"}

func TestEachOperationHasATestOfItsOwn(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, name := range files {
		if slices.Contains(generalTests, name) {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(source)
	}
	for _, op := range served(t) {
		if !strings.Contains(tests.String(), `"`+op.Name+`"`) {
			t.Errorf("%s is served, and no test calls it: write one in the _test.go file of the handler's file", op.Name)
		}
	}
}

func TestChangelogNamesEachOperation(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range served(t) {
		if !strings.Contains(string(text), "`"+op.Name+"`") {
			t.Errorf("%s is served, and CHANGELOG.md does not say so: name it in the list **Operations** of the part Unreleased", op.Name)
		}
	}
}

// A pool is found in its own region alone, whatever is asked of it.
func TestEachOperationKeepsToItsRegion(t *testing.T) {
	w, bodies := newAskedWorld(t)
	w.region = "eu-west-1"
	foreign := w.server.pool(nil)
	w.region = "us-east-1"
	w.store.written()
	asked := 0
	for _, op := range slices.Sorted(maps.Keys(bodies)) {
		if bodies[op]["UserPoolId"] == nil {
			continue
		}
		asked++
		w.call(op, with(bodies[op], obj{"UserPoolId": foreign})).
			want(t, problem{"ResourceNotFoundException", "User pool " + foreign + " does not exist.", 0})
	}
	if asked < 35 {
		t.Errorf("asked %d operations, want more", asked)
	}
	if written := w.store.written(); len(written) != 0 {
		t.Errorf("wrote %v", written)
	}
}

// An operator is told that there is no such user.
func TestEachOperationOnAnUnknownUser(t *testing.T) {
	w, bodies := newAskedWorld(t)
	w.store.written()
	asked := 0
	for _, op := range served(t) {
		body := bodies[op.Name]
		if op.Caller != wire.Operator || body["Username"] == nil || op.Name == "AdminCreateUser" {
			continue
		}
		asked++
		want := noUser
		if op.Name == "AdminGetDevice" || op.Name == "AdminListDevices" { // by their model (unsure)
			want.exception = "ResourceNotFoundException"
		}
		w.call(op.Name, with(body, obj{"Username": "nobody"})).want(t, want)
	}
	if asked < 14 {
		t.Errorf("asked %d operations, want more", asked)
	}
	if written := w.store.written(); len(written) != 0 {
		t.Errorf("wrote %v", written)
	}
}

// An answer has what the model requires and nothing that it does not know.
// Some operations end what others need: then the other is asked again in a new world.
func TestEachAnswerKeepsTheModel(t *testing.T) {
	m := readModel(t)
	w, bodies := newAskedWorld(t)
	for _, op := range served(t) {
		if bodies[op.Name] == nil {
			continue // TestForgedMembers says so
		}
		if op.Name == "VerifySoftwareToken" || op.Name == "AssociateSoftwareToken" {
			continue // the pool has no authenticator apps
		}
		a := w.call(op.Name, bodies[op.Name])
		if a.status != http.StatusOK {
			w, bodies = newAskedWorld(t)
			a = w.call(op.Name, bodies[op.Name])
		}
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s, want success. Its body in validBodies (malformed_test.go) must be valid", op.Name, a.status, a.raw)
			continue
		}
		if shape := m.Operations[op.Name].Output.Shape; shape != "" {
			m.wantShape(t, op.Name, shape, a.body)
		}
	}
}

// wantShape checks a value of an answer against its shape.
func (m *model) wantShape(t testing.TB, what, shape string, v any) {
	t.Helper()
	s := m.Shapes[shape]
	if s.Document {
		return
	}
	switch got := v.(type) {
	case obj:
		m.wantObject(t, what, s, got)
	case list:
		if s.Type != "list" || s.Max != nil && int64(len(got)) > *s.Max {
			t.Errorf("%s is %v, want a %s", what, got, s.Type)
		}
		for i, item := range got {
			m.wantShape(t, fmt.Sprintf("%s[%d]", what, i), s.Member.Shape, item)
		}
	case string:
		if s.Type != "string" && s.Type != "blob" || len(s.Enum) > 0 && !slices.Contains(s.Enum, got) {
			t.Errorf("%s is %q, want a %s, one of %q", what, got, s.Type, s.Enum)
		}
	case bool:
		if s.Type != "boolean" {
			t.Errorf("%s is %v, want a %s", what, got, s.Type)
		}
	case float64:
		if !slices.Contains([]string{"integer", "long", "double", "timestamp"}, s.Type) {
			t.Errorf("%s is %v, want a %s", what, got, s.Type)
		}
	default:
		t.Errorf("%s is %v, want a %s", what, got, s.Type)
	}
}

// wantObject checks a structure, or a map.
func (m *model) wantObject(t testing.TB, what string, s modelShape, got obj) {
	t.Helper()
	if s.Type != "structure" && s.Type != "map" {
		t.Errorf("%s is %v, want a %s", what, got, s.Type)
	}
	for _, name := range s.Required {
		if got[name] == nil {
			t.Errorf("%s has no %s, which the model requires", what, name)
		}
	}
	for name, value := range got {
		member, known := s.Members[name]
		if s.Type == "map" {
			member, known = s.Value, true
		}
		if !known {
			t.Errorf("%s has a %s, which the model does not know", what, name)
			continue
		}
		m.wantShape(t, what+"."+name, member.Shape, value)
	}
}
