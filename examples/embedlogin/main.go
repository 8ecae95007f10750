// Command embedlogin is a web program with the engine, the authorization server and its pages inside.
// People sign in on pages that look like the program: its name, logo, colours, CSS, and a template of
// its own. There is no second process.
package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"flag"
	"fmt"
	"html"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/hosted"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

//go:embed pages static
var files embed.FS

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	file := flag.String("file", "users.db", "where users are kept")
	base := flag.String("url", "http://localhost:8080", "the address that browsers use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *file, *base); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, file, base string) error {
	keys, err := sealed.OpenKeyFile(file + ".key") // made by the first run: keep a copy of it
	if err != nil {
		return err
	}
	cookieKey, err := openCookieKey(file + ".cookies")
	if err != nil {
		return err
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	catalog := identity.Tables().With(login.Tables()...)
	store := sealed.New(db, keys, catalog)
	engine := identity.New(store, &identity.Options{
		Catalog: catalog, Issuer: identity.FixedIssuer(base),
		Sender: identity.InsecureLogSender{}, // stands in for mail: codes appear in the log
	})
	site, err := newSite(ctx, engine, base, [][]byte{cookieKey}, &login.Options{Store: store, Scopes: []string{"openid", "email"}})
	if err != nil {
		return err
	}
	go engine.Maintain(ctx)
	server := &http.Server{Addr: addr, Handler: site, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // each change is in the file before it is answered
	log.Printf("open %s", base)
	if err = server.ListenAndServe(); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// openCookieKey reads the key of the cookies, which the first run makes.
func openCookieKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		_, _ = rand.Read(key)
		err = os.WriteFile(file, key, 0o600)
	}
	return key, err
}

// region pages
// newPages gives the pages the look of the program. pages/sign-in.html replaces the template of that name.
func newPages() (*hosted.Pages, error) {
	templates, err := fs.Sub(files, "pages")
	if err != nil {
		return nil, err
	}
	style, err := files.ReadFile("static/fernway.css")
	if err != nil {
		return nil, err
	}
	return hosted.New(&hosted.Options{
		Look: hosted.Look{
			Name: "Fernway", Logo: "/static/logo.svg",
			Light: hosted.Colours{Page: "#f4f1fb", Accent: "#5b3fa8"},
			Dark:  hosted.Colours{Page: "#15121d", Card: "#1f1b2a", Accent: "#bda8ff"},
			Texts: map[string]map[string]string{"en": {"sign-in.title": "Welcome back to Fernway"}},
		},
		Style:     string(style),
		Templates: templates,
	})
}

// endregion

// region site
// newSite has the authorization server and the program on one host.
func newSite(ctx context.Context, engine *identity.Engine, base string, keys [][]byte, o *login.Options) (http.Handler, error) {
	client, err := openClient(ctx, engine, base)
	if err != nil {
		return nil, err
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	server := oauth.NewServer(engine, &oauth.Options{Pages: pages, InsecureHTTP: strings.HasPrefix(base, "http:")})
	m, err := server.Middleware(ctx, client, base+"/callback", keys, o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", welcome)
	mux.Handle("GET /notes", m.Require(http.HandlerFunc(notes), nil))
	program := m.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if server.Serves(r.URL.Path) {
			server.ServeHTTP(w, r)
			return
		}
		program.ServeHTTP(w, r)
	}), nil
}

// endregion

// openClient opens the pool, whose first client is that of the program.
func openClient(ctx context.Context, engine *identity.Engine, base string) (*identity.AppClient, error) {
	pool, err := engine.OpenUserPool(ctx, "main", &identity.PoolSettings{UsernameAttributes: []string{"email"}})
	if err != nil {
		return nil, err
	}
	_, err = pool.Admin().Clients().Update(ctx, pool.ClientID(), func(c *identity.ClientSettings) error {
		c.Name, c.OAuth, c.OAuthFlows, c.OAuthScopes = "Fernway", true, []string{"code"}, []string{"openid", "email"}
		c.CallbackURLs, c.LogoutURLs = []string{base + "/callback"}, []string{base + "/"}
		return nil
	})
	return pool.Client(pool.ClientID()), err
}

func welcome(w http.ResponseWriter, _ *http.Request) {
	page(w, `<h1>Fernway</h1><p><a href="/notes">My notes</a></p>`)
}

func notes(w http.ResponseWriter, r *http.Request) {
	s, _ := login.FromContext(r.Context()) // always there behind Require
	var who struct {
		Email string `json:"email"`
	}
	if err := s.ID.Decode(&who); err != nil {
		http.Error(w, "The token cannot be read.", http.StatusInternalServerError)
		return
	}
	page(w, `<h1>Notes of `+html.EscapeString(who.Email)+`</h1><form method="post" action="/sign-out"><button>Sign out</button></form>`)
}

func page(w http.ResponseWriter, body string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><title>Fernway</title><link rel=\"stylesheet\" href=\"/static/fernway.css\"><body>%s</body></html>\n", body)
}
