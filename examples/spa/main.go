// Command spa serves an application that signs people in by itself, in the browser: the code flow with
// PKCE, plain JavaScript, nothing to build. Tokens are in the memory of the page alone. When the page is
// loaded again, the authorization server knows the browser still, and signs the person in at once.
//
//	cognate dev
//	go run ./examples/spa -issuer http://127.0.0.1:9229/POOL_ID -client CLIENT_ID
package main

import (
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"log"
	"net/http"
	"net/url"
	"time"
)

//go:embed static
var files embed.FS

func main() {
	addr := flag.String("addr", "localhost:3000", "where to listen")
	issuer := flag.String("issuer", "", "the iss of tokens")
	client := flag.String("client", "", "the id of an app client without a secret, with http://localhost:3000/ as callback and logout URL")
	flag.Parse()
	site, err := newSite(*issuer, *client)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("open http://%s", *addr)
	log.Fatal((&http.Server{Addr: *addr, Handler: site, ReadHeaderTimeout: 5 * time.Second}).ListenAndServe())
}

// newSite serves the files, and the settings of the application. The page may call the authorization
// server, and nobody else.
func newSite(issuer, client string) (http.Handler, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	if u.Host == "" || client == "" {
		return nil, errors.New("-issuer and -client are needed")
	}
	config, err := json.Marshal(map[string]string{"issuer": issuer, "clientID": client, "scope": "openid email"})
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(config)
	})
	mux.Handle("GET /", http.FileServerFS(static))
	policy := "default-src 'none'; script-src 'self'; connect-src 'self' " + u.Scheme + "://" + u.Host + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	}), nil
}
