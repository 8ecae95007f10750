package fakeidp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// formPost is the page by which a provider sends a browser back by POST.
var formPost = template.Must(template.New("").Parse(`<!doctype html><title>Back</title>
<form method="post" action="{{.To}}">{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}<button>Continue</button></form>
<script>document.forms[0].submit()</script>
`))

// askPage asks who somebody is. Its form goes back to the address of the page.
var askPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>{{.}} (fake)</title>
<style>body{font:16px system-ui;max-width:24rem;margin:4rem auto;padding:0 1rem}label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}input,button{margin:.2rem 0 1rem;padding:.6rem}</style>
<h1>{{.}}</h1><p>This is a fake, for developers. Nothing leaves this machine.</p>
<form method="post"><label>E-mail <input name="fake_email" type="email" value="ann@example.com" required></label><label>Name <input name="fake_name" value="Ann Arbor" required></label><button>Continue</button></form></html>
`))

func (p *Provider) ask(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = askPage.Execute(w, p.Title)
}

// asked is who somebody says they are. One address is one subject.
func asked(r *http.Request) map[string]any {
	email, name := r.PostFormValue("fake_email"), r.PostFormValue("fake_name")
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	first, last, _ := strings.Cut(name, " ")
	apple, _ := json.Marshal(map[string]any{"name": map[string]string{"firstName": first, "lastName": last}, "email": email})
	return map[string]any{"sub": hex.EncodeToString(sum[:8]), "email": email, "email_verified": true, "name": name, "apple_user": string(apple)}
}
