// Package wire is the runtime below the generated wire packages: it reads
// requests in AWS JSON 1.1, holds them against the constraints of the service
// model, calls a typed handler and writes the answer in the service's envelope.
//
// Begin with [NewHandler], which serves one or more [Service] values over HTTP;
// the generated packages idp and fedid make those from a table of typed
// handlers. A handler answers with its output or with an error: an [*Error] as
// it is, anything else by way of [Options.MapError].
//
// # Caveats
//
// A [Secret] prints as [redacted] through fmt and slog, but encodes as plain
// text in JSON, as it must on the wire: do not hand a request to json.Marshal,
// nor to a [log/slog.JSONHandler], which does just that with a struct.
//
// The handler limits how much of a body it reads, not for how long it waits for
// it: set ReadTimeout on the [net/http.Server].
package wire
