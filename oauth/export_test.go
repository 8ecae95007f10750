package oauth

// BrowserName is the name of the cookie of a browser that is signed in to a pool.
var BrowserName = browserName
