package hosted

import (
	"html/template"
	"net/http"
	"strings"
)

// Preview shows every page in every state: a list at /, and each state at /NAME. Forms are answered with
// their page again. It serves [Pages.Assets] too. It is for whoever makes a look, and asks for no right.
func (p *Pages) Preview() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(p.assets.path, p.Assets())
	states := States()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'")
		// The list cannot fail: it is filled with constants.
		previewList.Execute(w, map[string]any{"States": states, "Style": p.assets.style, "Tags": tags}) //nolint:errcheck // the browser has gone away
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		for _, s := range states {
			if s.Name == name {
				p.Render(w, r, http.StatusOK, s.Page)
				return
			}
		}
		p.Render(w, r, http.StatusNotFound, Page{Kind: Error, Problem: "not-found", Links: Links{App: "/"}})
	})
	return mux
}

var previewList = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Preview of the pages</title><link rel="stylesheet" href="{{.Style}}"></head>
<body class="wide"><main><div class="card"><h1>Every page in every state</h1>
<p class="lead">Each is shown in the language of the browser, or in the one of ?lang=: {{range .Tags}}{{.}} {{end}}</p>
<ul>{{range .States}}<li><a href="/{{.Name}}">{{.Name}}</a></li>
{{end}}</ul></div></main></body></html>
`))
