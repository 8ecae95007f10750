// Package hosted renders the pages on which people sign in: view models in, HTML out. It knows
// no store, no user and no route.
//
// Begin with [New]. For each answer, fill a [Page] and call [Pages.Render]. Serve
// [Pages.Assets] below the path in [Options]. [States] has every page in every state, and
// [Pages.Preview] shows them.
//
//	pages, err := hosted.New(&hosted.Options{Look: hosted.Look{Name: "Acme"}})
//	mux.Handle("GET /assets/", pages.Assets())
//	pages.Render(w, r, http.StatusOK, hosted.Page{
//		Kind: hosted.SignIn, Client: "Acme Shop", Action: r.URL.RequestURI(), CSRF: token,
//	})
//
// # Forms
//
// A page has one form or several, which post to [Page.Action]. Each form sends
//
//   - _csrf, from [Page.CSRF], and the names in [Page.Hidden],
//   - do, in pages with several forms or buttons: what was asked for. See the constants that
//     begin with Do,
//   - the fields of its kind: see the constants of [Kind].
//
// Pages work without JavaScript, passkeys apart. A script of the package lets people see the
// password that they type, and sends pages of the kind [FormPost] by itself.
//
// # Look
//
// A [Look] has the name, logo and colours of a product. The zero Look is that of Cognate.
// Options.Templates exchanges templates one by one, and Look.Style adds CSS.
//
// # Caveats
//
//   - Values are escaped. A link with a scheme that runs code, such as javascript:, becomes "#".
//   - Passwords and codes are never repeated, whatever [Page.Values] has.
//   - The Content-Security-Policy allows no inline script or style. Templates of your own must
//     do without them.
//   - Some browsers hold the policy's form-action against redirects after a form too. Name in
//     [Page.LeadsTo] where the answer to a form may redirect to.
package hosted
