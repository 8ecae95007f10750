package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// A store whose values were sealed anew up to some place needs both keys.
func TestProbeFindsThatTheOldKeyIsMissing(t *testing.T) {
	inner := memory.New()
	defer inner.Close()
	under := func(name string) store.Store {
		keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return sealed.New(inner, keys, identity.Tables())
	}
	old, current := under("old"), under("new")
	for key, st := range map[string]store.Store{"a": current, "b": old} {
		err := st.Update(t.Context(), func(tx store.Tx) error { return tx.Put(identity.Tables().SecretTables()[0], key, []byte("1")) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, st := range map[string]store.Store{"new": current, "old": old} {
		err := probe(t.Context(), st, "cognate.db", keySource{file: name})
		if err == nil || !strings.Contains(err.Error(), name+" is not the key file of cognate.db") {
			t.Errorf("with the %s key alone: %v", name, err)
		}
	}
}

// A server says that it is not well when its store does not answer.
func TestHealthIsThatOfTheStore(t *testing.T) {
	st := memory.New()
	h := withHealth(http.NotFoundHandler(), st, func() bool { return false })
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_cognate/health", nil))
		return w
	}
	if w := ask(); w.Code != http.StatusOK {
		t.Errorf("got %d %s, want 200", w.Code, w.Body)
	}
	st.Close()
	if w := ask(); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "closed") {
		t.Errorf("without a store: %d %s, want 503 and no details", w.Code, w.Body)
	}
}
