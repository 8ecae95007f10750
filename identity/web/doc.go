// Package web signs users in on web pages of your own: a browser that is signed in has a
// visit, which is a cookie and a record in the store.
//
// Begin with [NewVisits]. After a sign-in, call [Visits.Begin] with the tokens. Put
// [Visits.Require] around handlers of users who are signed in, and find the user by
// [FromContext]. [Visits.End] signs the browser out, and [Visits.EndEverywhere] all browsers
// and apps of the user. No token reaches a browser.
//
// The store must know the table of visits: add [Tables] to the catalog.
//
//	catalog := identity.Tables().With(web.Tables()...)
//	s := sealed.New(db, keys, catalog)
//	engine := identity.New(s, &identity.Options{Catalog: catalog})
//
// # Pages
//
// [NewSite] is for apps without templates or style sheet of their own: pages of forms, with
// problems beside their fields. Begin with [Site.Page] and [Site.Form]. You write the pages
// as templates, and the package gives them a layout, a style and the headers that keep
// browsers safe. Pages work without JavaScript, passkeys apart. A script of the package lets people
// see the password that they type, and asks the browser for passkeys.
//
// # Passkeys
//
// A page on which the browser makes or uses a passkey is shown by [Request.ShowPasskey]. Its form has the template "passkey-field",
// and attributes for the script:
//
//	<form method="post" action="/passkey/use" data-passkey="get" data-options="{{.Value "options"}}">
//	<input type="hidden" name="state" value="{{.Value "state"}}">{{template "passkey-field" .}}
//	<button type="submit" disabled>Use passkey</button></form>
//
// data-passkey is "create" for a registration. The script enables the button. The step of the form finds the answer of the browser in
// [FieldPasskey]. The template "passkey-help" says what passkeys need, for pages that lead there, and [Page.Passkeys] lists those of the user.
//
// # What protects a visit
//
//   - The cookie is HttpOnly, Secure and SameSite=Lax, and has the prefix __Host-, so no
//     other host can set it. The store has only its SHA-256.
//   - Each sign-in begins a visit with a new id and ends the one that the browser had
//     (session fixation).
//   - Begin, End and Require refuse what another site sends (cross-site request forgery), by
//     [http.CrossOriginProtection]. So change nothing in answer to a GET.
//   - Each request asks the engine whether the sign-in still stands. After a sign-out
//     everywhere, a new password or the deletion of the user, a visit is over at once.
//   - A visit ends after [Options.Life], and after [Options.Idle] without a request.
//
// # Caveats
//
//   - Visits are for the tokens of the pool's own client: those that methods of
//     [identity.UserPool] return.
//   - A visit whose access token has expired gets another one by the refresh token, once an
//     hour. If the process stops in the middle and the client rotates refresh tokens, the
//     user must sign in again.
//   - After an error, a page of [Site] repeats what was typed, passwords included, so that
//     nobody types it twice. The answer is not cached, and goes only to the browser that
//     sent the form.
package web
