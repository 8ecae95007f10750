package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// serve listens and answers requests until a signal comes. Then it accepts no more
// connections and waits for the requests in flight. After ten seconds it ends them.

// The limits of a connection. A request may take 30 seconds, see cognito.Options.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second // of the head and the body together
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	// stopTimeout is how long requests in flight may take after the signal to stop.
	stopTimeout = 10 * time.Second
)

// listen opens the port.
func listen(a address) (net.Listener, error) {
	l, err := net.Listen("tcp", string(a))
	if err == nil {
		return l, nil
	}
	reason := err
	if op, ok := errors.AsType[*net.OpError](err); ok {
		reason = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		reason = call.Err
	}
	failed := fmt.Errorf("cannot listen on %s: %w", a, reason)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, hint(failed, "another server is running there; choose another with --addr")
	case errors.Is(err, fs.ErrPermission):
		return nil, hint(failed, "ports below 1024 may need privileges; choose another with --addr")
	}
	return nil, hint(failed, "the address must be one of this machine, such as 127.0.0.1:9229; choose another with --addr")
}

// signals returns a context that is done after the first signal to stop. Call it before a
// server reports that it is ready. After stop, which also ends the context, a signal ends
// the process at once.
func signals() (ctx context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// serve answers requests on l, which may bound its [connections], until ctx, made by signals, is done. Then serve calls stop,
// accepts no more requests, and waits for those in flight.
func serve(ctx context.Context, stop context.CancelFunc, l net.Listener, h http.Handler, log *slog.Logger, secure *secured, background func(context.Context)) error {
	server := &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
	if cs, ok := l.(*connections); ok {
		server.Handler, server.ConnContext = watched(h), cs.context
	}
	failed := make(chan error, 1)
	answer := func() error { return server.Serve(l) }
	if secure != nil {
		server.TLSConfig = secure.config
		answer = func() error { return server.ServeTLS(l, "", "") }
	}
	go func() { failed <- answer() }()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if secure != nil && secure.warm != nil {
			go secure.warm(ctx)
		}
		background(ctx)
	}()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
		log.Info("stopping: waiting for requests in flight", "limit", stopTimeout)
	}
	stop()
	err = errors.Join(err, shutdown(server, log))
	<-ended
	return err
}

func shutdown(server *http.Server, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("stopping: requests were still in flight and are aborted")
		return server.Close()
	}
	return err
}
