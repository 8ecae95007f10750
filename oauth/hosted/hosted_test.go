package hosted_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cognate-id/cognate/oauth/hosted"
)

func made(t *testing.T, o *hosted.Options) *hosted.Pages {
	t.Helper()
	p, err := hosted.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func shown(t *testing.T, p *hosted.Pages, page hosted.Page, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.Render(w, r, http.StatusOK, page)
	return w
}

func TestEachStateIsRendered(t *testing.T) {
	p := made(t, nil)
	for _, s := range hosted.States() {
		if w := shown(t, p, s.Page); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", s.Name, w.Code, w.Body)
		}
	}
}
