module github.com/cognate-id/cognate/identity/internal/blocklist/gen

go 1.26.0

replace github.com/cognate-id/cognate => ../../../..

require github.com/cognate-id/cognate v0.0.0

require (
	github.com/FastFilter/xorfilter v0.4.2-0.20260120015552-4e5a4d9df65a // indirect
	golang.org/x/text v0.43.0 // indirect
)
