package fakeidp

import "html/template"

// formPost is the page by which a provider sends a browser back by POST.
var formPost = template.Must(template.New("").Parse(`<!doctype html><title>Back</title>
<form method="post" action="{{.To}}">{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}<button>Continue</button></form>
<script>document.forms[0].submit()</script>
`))
