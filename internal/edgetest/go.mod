module github.com/cognate-id/cognate/internal/edgetest

go 1.26.0
