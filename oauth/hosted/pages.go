package hosted

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

//go:embed pages/*.html
var ownTemplates embed.FS

// Options are the wiring of [Pages]. The zero value and nil are fine.
type Options struct {
	// Look is that of pages without one of their own.
	Look Look
	// Style is CSS that comes after the package's, on each page. Set the custom properties of
	// its first rule there, such as --radius. Defaults to none.
	Style string
	// Templates replace those of the package, one by one: sign-in.html for the kind "sign-in", layout.html for
	// what is around each page, parts.html for fields and buttons. Those of the package are in its directory
	// pages. Defaults to none.
	Templates fs.FS
	// AssetPath is where [Pages.Assets] is served, with a slash at both ends. Defaults to "/assets/".
	AssetPath string
	// Logger gets errors of templates. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Pages renders pages. Make one with [New]. Several goroutines may use it.
type Pages struct {
	options   Options
	templates map[Kind]*template.Template
	assets    *assets
	languages map[string]texts
}

// New parses the templates. It returns an error if one of [Options.Templates] is invalid, or if
// [Look.Check] does. o may be nil.
func New(o *Options) (*Pages, error) {
	p := &Pages{}
	if o != nil {
		p.options = *o
	}
	if p.options.AssetPath == "" {
		p.options.AssetPath = "/assets/"
	}
	if p.options.Logger == nil {
		p.options.Logger = slog.Default()
	}
	if err := p.options.Look.Check(); err != nil {
		return nil, err
	}
	var err error
	if p.languages, err = languages(); err != nil {
		return nil, err
	}
	p.assets = newAssets(&p.options)
	p.templates, err = ownPages()
	if p.options.Templates != nil {
		p.templates, err = parse(p.options.Templates)
	}
	return p, err
}

// ownPages parses the templates of the package once for all servers of a program: a test suite makes hundreds.
var ownPages = sync.OnceValues(func() (map[Kind]*template.Template, error) { return parse(nil) })

// parse makes one template for each page. Those of replacements come after the package's.
func parse(replacements fs.FS) (map[Kind]*template.Template, error) {
	around := template.New("").Funcs(functions)
	for _, name := range []string{"layout", "parts"} {
		if err := parseFile(around, replacements, name); err != nil {
			return nil, err
		}
	}
	pages := map[Kind]*template.Template{}
	for _, k := range Kinds() {
		t, err := around.Clone()
		if err != nil {
			return nil, err
		}
		if err := parseFile(t, replacements, string(k)); err != nil {
			return nil, err
		}
		pages[k] = t
	}
	return pages, nil
}

// parseFile takes the template of the package first, so that one that replaces it may leave
// out what it does not define.
func parseFile(t *template.Template, replacements fs.FS, name string) error {
	for _, files := range []fs.FS{ownTemplates, replacements} {
		if files == nil {
			continue
		}
		path := name + ".html"
		if files == ownTemplates {
			path = "pages/" + path
		}
		text, err := fs.ReadFile(files, path)
		if err != nil && files != ownTemplates {
			continue
		}
		if err != nil {
			return fmt.Errorf("hosted: %w", err)
		}
		if _, err := t.Parse(string(text)); err != nil {
			return fmt.Errorf("hosted: %s: %w", path, err)
		}
	}
	return nil
}

// Render answers a request with a page, and sets the headers that keep browsers safe. It sets no
// cookie.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, status int, page Page) {
	v := p.view(r, &page)
	var out bytes.Buffer
	h := w.Header()
	t, ok := p.templates[page.Kind]
	err := fmt.Errorf("hosted: there is no page %q", page.Kind)
	if ok {
		err = t.ExecuteTemplate(&out, "layout", v)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		p.options.Logger.ErrorContext(r.Context(), "a page could not be rendered", "page", string(page.Kind), "error", err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Language)
	h.Set("Content-Security-Policy", policy(&page))
	h.Set("X-Frame-Options", "DENY")
	// By no-referrer, browsers send forms from the origin "null", which checks against forgery
	// refuse. Other sites get nothing by this value either.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// policy allows style sheets, scripts and pictures of this host, and pictures in the page.
func policy(page *Page) string {
	targets := []string{"'self'"}
	leads := page.LeadsTo
	if page.Kind == FormPost {
		leads = append(slices.Clone(leads), page.Action)
	}
	for _, l := range leads {
		if s := source(l); s != "" && !slices.Contains(targets, s) {
			targets = append(targets, s)
		}
	}
	var origins []string
	for _, f := range page.Frames {
		if o := origin(f); o != "" && !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	frames := ""
	if len(origins) > 0 {
		frames = "frame-src " + strings.Join(origins, " ") + "; "
	}
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'none'; " + frames +
		"base-uri 'none'; frame-ancestors 'none'; form-action " + strings.Join(targets, " ")
}

// origin is that of a page that may stand in a frame, or "".
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !hostName.MatchString(u.Hostname()) {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// source returns what allows forms to lead to a URL. An app may redirect further, to another host of its
// own, and Chromium checks that too. So https allows all of https, and http all ports of the host.
func source(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme == "" || running[strings.ToLower(u.Scheme)]:
		return ""
	case u.Scheme == "http" && hostName.MatchString(u.Hostname()):
		return "http://" + u.Hostname() + ":*"
	case u.Scheme == "http": // no CSP names an IPv6 address
		return "http:"
	default:
		return u.Scheme + ":"
	}
}
