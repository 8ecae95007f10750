package web

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"
)

// Main is for the function main of an app: it reads the flags and calls run with
// a context that ends when the process is interrupted. The flag -file defaults to file.
func Main(file string, run func(ctx context.Context, file string, o Options) error) {
	var o Options
	flag.StringVar(&o.Addr, "addr", "localhost:8080", "where to listen")
	flag.StringVar(&file, "file", file, "where users are kept")
	flag.BoolVar(&o.HTTPS, "https", false, "browsers come by https, through a proxy: cookies go nowhere else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, file, o); err != nil {
		log.Fatal(err)
	}
}

// Serve serves the site until ctx ends, and then what requests are under way.
func (s *Site[V]) Serve(ctx context.Context) error {
	server := &http.Server{Addr: s.options.Addr, Handler: s, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("open http://%s", s.options.Addr)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.Background())
	}
}
