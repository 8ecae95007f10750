package delivery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/backchannel"
)

// Package backchannel is tested here, so that it needs no test program of its own.
func TestBackChannelSends(t *testing.T) {
	status, got := http.StatusOK, ""
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.Header.Get("Content-Type") + " " + r.PostFormValue("logout_token")
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
	}))
	defer app.Close()
	s, err := backchannel.New(&backchannel.Options{Allow: []string{strings.TrimPrefix(app.URL, "http://")}})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[int]bool{200: true, 204: true, 201: false, 302: false, 400: false, 500: false} {
		status = code
		if err := s.Send(t.Context(), app.URL+"/out", "a.b.c"); (err == nil) != want {
			t.Errorf("%d: %v", code, err)
		}
	}
	if got != "POST application/x-www-form-urlencoded a.b.c" {
		t.Errorf("the application got %s", got)
	}
	// Without leave nobody's own network is called.
	plain, err := backchannel.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	got = ""
	if err := plain.Send(t.Context(), app.URL, "a.b.c"); err == nil || got != "" {
		t.Errorf("the loopback address is called: %v", err)
	}
	if _, err := backchannel.New(&backchannel.Options{Allow: []string{"*"}}); err == nil {
		t.Error("an entry that is not host:port is taken")
	}
}
