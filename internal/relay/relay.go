// Package relay lets one process use the store that another process has open, over a
// connection such as a Unix socket. The command cognate uses it while a server has the file.
//
// Begin with [Open] in the process that uses the store and with [Accept] in the process
// that has it.
//
// # Caveats
//
// Whoever can connect can read and write the whole store. Protect the socket as the file is
// protected. Both processes must be of the same version.
package relay

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A connection begins with a greeting in each direction. The greeting of the client says
// what the client wants: to use the store, or a stream such as a backup, which follows the
// answer as it is.
//
// Over a connection that uses the store, the client sends a request and waits for the reply.
// opView begins a snapshot, which lasts until opEnd. opGet and opScan read it. opCommit
// stands outside of a snapshot. It carries what a transaction has read and what it writes:
// see commit.

// A Want says what a client wants of a connection.
type Want string

// What a client may want.
const (
	WantStore  Want = "store"
	WantBackup Want = "backup"
)

// patience is how long one side waits for the other within a snapshot, which keeps the store
// from reusing free space, and for a greeting.
const patience = time.Minute

// ErrVersion is returned if the two processes are not of the same version.
var ErrVersion = errors.New("relay: the other process is of another version")

type (
	greeting struct {
		Version string
		Want    Want   // of a client
		User    string // of a server: who the client is
		Refused bool   // of a server
	}
	op      int
	request struct {
		Op     op
		Refs   []store.Ref  // of opGet
		Table  string       // of opScan
		Range  store.Range  // of opScan
		Gets   []getRead    // of opCommit
		Scans  []scanRead   // of opCommit
		Writes []writeEntry // of opCommit
	}
	reply struct {
		Values  [][]byte // of opGet; an empty one does not exist
		Entries []store.Entry
		More    bool // of opScan: the range has more entries
		Stale   bool // of opCommit: the transaction read what has changed since
		Failed  bool
		Text    string // of the error
		Is      []int  // the sentinels that the error is, by their place in sentinels
	}
	writeEntry struct {
		Table, Key string
		Value      []byte // empty deletes the key
	}
)

const (
	opView op = iota + 1
	opGet
	opScan
	opEnd
	opCommit
)

// sentinels are the errors that callers of a store branch on.
var sentinels = []error{
	store.ErrNotFound, store.ErrExists, store.ErrTooLarge, store.ErrInvalid, store.ErrUnknownOutcome, store.ErrConflict,
	store.ErrClosed, store.ErrCorrupt, store.ErrNewer, store.ErrLocked, context.Canceled, context.DeadlineExceeded,
}

// failure returns the reply for an error.
func failure(err error) *reply {
	out := &reply{Failed: true, Text: err.Error()}
	for i, s := range sentinels {
		if errors.Is(err, s) {
			out.Is = append(out.Is, i)
		}
	}
	return out
}

// err returns the error that a reply carries, or nil.
func (r *reply) err() error {
	if !r.Failed {
		return nil
	}
	out := &remoteError{text: r.Text}
	for _, i := range r.Is {
		if i >= 0 && i < len(sentinels) {
			out.is = append(out.is, sentinels[i])
		}
	}
	return out
}

// A remoteError is an error of the other process.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

// A Conn is a connection after its greeting. Read and Write are for streams.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
	enc  *gob.Encoder
	dec  *gob.Decoder
}

func newConn(c net.Conn) *Conn {
	in := bufio.NewReader(c) // gob reads no byte too many from it
	return &Conn{c, in, gob.NewEncoder(c), gob.NewDecoder(in)}
}

// Read reads what follows the greeting.
func (c *Conn) Read(p []byte) (int, error) { return c.in.Read(p) }

// Write writes after the greeting. The other side must read within a minute.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return c.conn.Write(p)
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// send and receive move one message. wait bounds the time; 0 means no bound.
func (c *Conn) send(v any) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return c.enc.Encode(v)
}

func (c *Conn) receive(v any, wait time.Duration) error {
	var until time.Time
	if wait > 0 {
		until = time.Now().Add(wait)
	}
	if err := c.conn.SetReadDeadline(until); err != nil {
		return err
	}
	return c.dec.Decode(v)
}

// Greet begins a connection as a client. user is who the server says the client is, or
// empty if the server does not know. Greet returns [ErrVersion] if the server has another
// version. It closes conn if it returns an error.
func Greet(conn net.Conn, want Want, version string) (c *Conn, user string, err error) {
	c = newConn(conn)
	var answer greeting
	err = c.send(greeting{Version: version, Want: want})
	if err == nil {
		err = c.receive(&answer, patience)
	}
	if err == nil && answer.Refused {
		err = fmt.Errorf("%w: it is %s", ErrVersion, answer.Version)
	}
	if err != nil {
		return nil, "", errors.Join(err, conn.Close())
	}
	return c, answer.User, nil
}

// Accept begins a connection as the process that has the store. user is who the client is,
// or empty if that is not known. Accept returns [ErrVersion] if the client has another
// version. It closes conn if it returns an error.
func Accept(conn net.Conn, version, user string) (c *Conn, want Want, err error) {
	c = newConn(conn)
	var asked greeting
	err = c.receive(&asked, patience)
	if err == nil {
		err = c.send(greeting{Version: version, User: user, Refused: asked.Version != version})
	}
	if err == nil && asked.Version != version {
		err = fmt.Errorf("%w: it is %s", ErrVersion, asked.Version)
	}
	if err != nil {
		return nil, "", errors.Join(err, conn.Close())
	}
	return c, asked.Want, nil
}
