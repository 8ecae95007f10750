package oauth

// BrowserName is the name of the cookie of a browser that is signed in to a pool.
var BrowserName = browserName

// CSRFOf is the token of the forms of a browser with a cookie that are about nobody.
func CSRFOf(secret string) string { return csrfOf(secret, "") }
