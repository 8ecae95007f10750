package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"github.com/cognate-id/cognate/internal/relay"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/sealed"
)

// Only one process can open a bbolt file. So a server that has one offers it through a
// socket beside the file, with the owner, the group and the mode of the file: who may use
// the file may use the socket. Commands connect to it if a server runs, see openShared, and
// work on the store as if they had opened the file. Arguments, files, prompts and keys stay
// with the command. The server lends the store below the keys, so secrets stay sealed, and
// says who the command runs as.

// socketOf returns the path of the socket beside a file. It resolves symbolic links, so
// that every name of the file leads to the same socket.
func socketOf(file string) string {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	return file + ".sock"
}

// maxClients is how many connections the socket serves at once. Others wait.
const maxClients = 64

// offerStore lets commands use the store of a running server. The returned function ends
// this.
func offerStore(log *slog.Logger, file string, st store.Store) (end func()) {
	socket := socketOf(file)
	l, err := listenAt(file, socket)
	if err != nil {
		log.Warn("cannot make the socket for commands: stop the server to run one", "error", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	turns := make(chan struct{}, maxClients)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				serveClient(ctx, log, conn, st)
			})
		}
	})
	return func() {
		cancel()
		l.Close()
		os.Remove(socket)
		all.Wait()
	}
}

func serveClient(ctx context.Context, log *slog.Logger, socket net.Conn, st store.Store) {
	who := userOf(socket)
	conn, want, err := relay.Accept(socket, version(), who)
	if errors.Is(err, io.EOF) { // the command only looked whether a server runs
		return
	}
	if err != nil {
		log.Warn("a command was not served", "user", who, "error", err)
		return
	}
	switch want {
	case relay.WantStore:
		if err := conn.ServeStore(ctx, sealed.Inner(st)); err != nil && ctx.Err() == nil {
			log.Warn("a command was cut off", "user", who, "error", err)
		}
	case relay.WantBackup:
		sendBackup(ctx, log, conn, st)
	default:
		log.Warn("a command was not served", "user", who, "want", string(want))
	}
}

// userOf returns the name of the user who runs the process at the other end of a socket, or
// empty if the system does not say.
func userOf(socket net.Conn) string {
	uid, ok := peerUID(socket)
	if !ok {
		return ""
	}
	return userName(strconv.Itoa(uid))
}

func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + uid
}

// self returns the name of the user who runs this process.
func self() string {
	if uid := os.Getuid(); uid >= 0 {
		return userName(strconv.Itoa(uid))
	}
	if u, err := user.Current(); err == nil { // Windows has no uid
		return u.Username
	}
	return "unknown"
}

// openShared opens a store, or uses the store of the server that has the file open.
func openShared(ctx context.Context, where storeFlag) (store.Store, error) {
	conn := dialServer(ctx, where)
	if conn == nil {
		return openStore(ctx, where)
	}
	first := true
	st, err := relay.Open(ctx, func(context.Context) (net.Conn, error) {
		if first {
			first = false
			return conn, nil
		}
		return dialAt(socketOf(where.file))
	}, version())
	return st, relayError(err)
}

// relayError adds a hint to the error of a greeting.
func relayError(err error) error {
	if errors.Is(err, relay.ErrVersion) {
		return hint(errors.New("the server that has the store open is of another version"), "use the cognate that the server runs, or stop the server first")
	}
	if err != nil {
		return hint(fmt.Errorf("the server that has the store open did not answer: %w", err), "see the log of the server, or stop it first")
	}
	return nil
}

// lentBy returns the user whom the server named, if a store is that of a running server.
func lentBy(st store.Store) (who string, lent bool) {
	s, lent := sealed.Inner(st).(*relay.Store)
	if !lent {
		return "", false
	}
	return s.User(), true
}

// dialServer connects to the server that has a file open. It returns nil if there is none.
func dialServer(ctx context.Context, where storeFlag) net.Conn {
	if where.file == "" || ctx.Err() != nil {
		return nil
	}
	conn, err := dialAt(socketOf(where.file))
	if err != nil {
		return nil
	}
	return conn
}

// listenAt creates the socket in a directory that only this user can enter, gives it the
// rights of the file, and renames it. So nobody without rights can ever open the socket,
// and a socket that a crash left behind is replaced.
func listenAt(file, socket string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(socket), ".sock-*") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "s")
	var l *net.UnixListener
	err = inReach(path, func(path string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(sameRights(file, path), os.Rename(path, socket)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func dialAt(socket string) (conn net.Conn, err error) {
	err = inReach(socket, func(path string) (err error) {
		conn, err = net.Dial("unix", path)
		return err
	})
	return conn, err
}

// maxSocketPath is the longest path of a socket that every system accepts; Linux accepts
// four bytes more.
const maxSocketPath = 103

// inReach calls fn with a path to the same file that is short enough for a socket, if the
// system has such a path.
func inReach(path string, fn func(path string) error) error {
	if len(path) <= maxSocketPath || runtime.GOOS != "linux" {
		return fn(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return fn(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
