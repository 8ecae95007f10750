// Package pagejs has the script of our pages: it shows a password that is typed, and asks the browser for passkeys. Both
// packages that render pages serve it, identity/web and oauth/hosted.
//
// A form with the attribute data-passkey, "create" or "get", asks for a passkey before it is sent. Its attribute data-options has the
// options as JSON, and its field "credential" gets the answer. The elements with data-problem say why there is none, and are hidden
// until then: "unsupported" by the browser, or "failed". The button of type submit may be disabled, for browsers without JavaScript.
package pagejs

import _ "embed"

// Script is the script. It is served as a file, because the pages forbid inline scripts.
//
//go:embed page.js
var Script string
