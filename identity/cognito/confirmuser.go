package cognito

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The page /confirmUser is where links in mails lead. On pools that are held to the service's
// behaviour, opening it confirms the user. On safe pools it shows a button, and a press on that
// confirms: programs that check mail follow links. HEAD confirms nobody. Whatever is wrong with a
// link, the page says the same, so that it tells nobody who has an account. Its language is that of the browser. Where
// Options.AuthorizationServer serves the path, that does it in place of this file, with the look of the other pages.

// confirmUserPath is the path of the page.
const confirmUserPath = "/confirmUser"

// Limits of the page.
const (
	maxLinkForm = 8 << 10 // bytes of a form
	linkTimeout = 30 * time.Second
)

// A linkPage is what the page shows.
type linkPage struct {
	Lang, Title, Text, Button string
	Form                      *linkForm // nil shows no button
}

// linkForm is what the link carries, and the button behind it sends.
type linkForm struct{ ClientID, Username, Code string }

var linkPages = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{with .Form}}<form method="post">
<input type="hidden" name="client_id" value="{{.ClientID}}">
<input type="hidden" name="user_name" value="{{.Username}}">
<input type="hidden" name="confirmation_code" value="{{.Code}}">
<button type="submit">{{$.Button}}</button>
</form>
{{end}}</main>
</body>
</html>
`))

// confirmUser serves the page.
func (s *service) confirmUser(w http.ResponseWriter, r *http.Request) {
	var in linkForm
	say := linkWordsFor(r)
	asked := r.Method == http.MethodPost
	switch r.Method {
	case http.MethodHead:
		s.page(w, http.StatusOK, &linkPage{Lang: say.lang})
		return
	case http.MethodGet:
		q := r.URL.Query()
		in = linkForm{q.Get("client_id"), q.Get("user_name"), q.Get("confirmation_code")}
	case http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxLinkForm)
		if err := r.ParseForm(); err != nil {
			s.page(w, http.StatusBadRequest, say.page(say.noLink))
			return
		}
		in = linkForm{r.PostForm.Get("client_id"), r.PostForm.Get("user_name"), r.PostForm.Get("confirmation_code")}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.page(w, http.StatusMethodNotAllowed, say.page(say.noLink))
		return
	}
	if s.api.Full() {
		s.page(w, http.StatusServiceUnavailable, say.page(say.busy))
		return
	}
	ctx, cancel := context.WithTimeout(s.pageCall(r), linkTimeout)
	defer cancel()
	status, page := s.confirmByLink(ctx, &in, asked, say)
	s.page(w, status, page)
}

// pageCall returns the context of a request for a page, with its call.
func (s *service) pageCall(r *http.Request) context.Context {
	return identity.WithCall(r.Context(), identity.Call{
		RequestID: wire.NewID(), Address: s.proxies.client(r.RemoteAddr, r.Header["X-Forwarded-For"]), UserAgent: line(r.UserAgent(), maxUserAgent),
	})
}

func (s *service) confirmByLink(ctx context.Context, in *linkForm, asked bool, say *linkWords) (int, *linkPage) {
	client, err := s.engine.AppClient(ctx, in.ClientID)
	if err == nil {
		err = client.ConfirmByLink(ctx, identity.ConfirmByLink{Username: in.Username, Code: identity.Secret(in.Code), Asked: asked})
	}
	switch {
	case err == nil:
		return http.StatusOK, say.page(say.confirmed)
	case errors.Is(err, identity.ErrNotAsked):
		page := say.page(say.ask)
		page.Form = in
		return http.StatusOK, page
	case errors.Is(err, identity.ErrBusy):
		return http.StatusServiceUnavailable, say.page(say.busy)
	case confirmedAllTheSame(err):
		s.log.ErrorContext(ctx, "a user is confirmed, and a hook failed", "error", err)
		return http.StatusOK, say.page(say.confirmed)
	case !errors.Is(err, identity.ErrNoLinks) && mapError(ctx, &wire.Operation{Spec: &wire.Spec{Name: "ConfirmSignUp"}}, err) == nil:
		s.log.ErrorContext(ctx, "a link could not be checked", "error", err)
		return http.StatusInternalServerError, say.page(say.busy)
	}
	return http.StatusBadRequest, say.page(say.noLink)
}

// confirmedAllTheSame reports whether an error is that of a hook behind the commit.
func confirmedAllTheSame(err error) bool {
	h, ok := errors.AsType[*identity.HookError](err)
	return ok && h.Trigger == identity.PostConfirmation
}

// page writes a page. It may stand in no frame, run no script and load nothing, and its
// address, which has a code in it, is given to nobody.
func (s *service) page(w http.ResponseWriter, status int, p *linkPage) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_ = linkPages.Execute(w, p) // an error means that nobody reads
}
