package hosted_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/cognate-id/cognate/oauth/hosted"
)

func Example() {
	pages, err := hosted.New(&hosted.Options{Look: hosted.Look{Name: "Acme", Light: hosted.Colours{Accent: "#5b3fa8"}}})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", pages.Assets())
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		pages.Render(w, r, http.StatusOK, hosted.Page{
			Kind: hosted.SignIn, Client: "Acme Shop", Action: r.URL.RequestURI(), Here: r.URL.RequestURI(),
			Links: hosted.Links{Forgot: "/forgotPassword", SignUp: "/signup"},
		})
	})

	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/login?client_id=web1&lang=fr", nil)
	mux.ServeHTTP(w, r)
	fmt.Println(w.Header().Get("Content-Language"))
	fmt.Println(strings.Contains(w.Body.String(), "<h1>Se connecter</h1>"))
	// Output:
	// fr
	// true
}
