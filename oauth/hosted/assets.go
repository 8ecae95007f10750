package hosted

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/cognate-id/cognate/internal/pagejs"
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

//go:embed assets/style.css
var ownStyle string

// comments and spaces are for people who read the style and the script; browsers do not load them.
var (
	margins  = regexp.MustCompile(`(?m)^\s+|^//.*\n`)
	comments = regexp.MustCompile(`(?m)\s*/\*.*?\*/|^\s+`)
	spaces   = strings.NewReplacer("; ", ";", ": ", ":", " { ", "{", " {\n", "{", ";\n", ";", "}\n", "}", ", ", ",")
)

//go:embed assets/mark.svg
var ownMark string

// assets are the files that pages load. Each has a hash of its text in its name, so browsers keep it for
// ever, and a new version has a new name.
type assets struct {
	path                        string
	style, own, script, favicon string // addresses; own is "" without a style of the embedder
	files                       map[string]file
}

type file struct{ kind, text string }

// The style and the script are shortened once for all servers of a program, as [ownPages] are parsed once.
var (
	shortStyle  = sync.OnceValue(func() string { return spaces.Replace(comments.ReplaceAllString(ownStyle, "")) })
	shortScript = sync.OnceValue(func() string { return margins.ReplaceAllString(pagejs.Script, "") })
)

func newAssets(o *Options) *assets {
	a := &assets{path: o.AssetPath, files: map[string]file{}}
	a.style = a.add("style", "css", "text/css; charset=utf-8", shortStyle())
	a.script = a.add("page", "js", "text/javascript; charset=utf-8", shortScript())
	a.favicon = a.add("mark", "svg", "image/svg+xml", ownMark)
	if o.Style != "" {
		a.own = a.add("own", "css", "text/css; charset=utf-8", o.Style)
	}
	return a
}

func (a *assets) add(name, ending, kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	name += "." + hex.EncodeToString(sum[:8]) + "." + ending
	a.files[name] = file{kind, text}
	return a.path + name
}

// Assets serves the style sheets, the script and the icon of pages. Serve it below
// [Options.AssetPath].
func (p *Pages) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name, below := strings.CutPrefix(r.URL.Path, p.assets.path)
		f, ok := p.assets.files[name]
		if !ok {
			f.kind = "text/css; charset=utf-8"
			f.text, ok = colourSheet(name)
		}
		if !below || !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // of the icon, if it is opened by itself
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		w.Write([]byte(f.text))
	})
}
