// Package logsink writes the records of identity's log delivery to files, to syslog and to
// URLs. It is an [identity.LogSink].
//
//	sink, err := logsink.New(&logsink.Options{Destinations: map[string]string{
//		"arn:aws:logs:us-east-1:123456789012:log-group:mail": "file:/var/log/cognate/mail.jsonl",
//	}})
//	engine := identity.New(store, &identity.Options{Logs: sink})
//	defer sink.Close()
//
// Begin with [New].
//
// # Caveats
//
// Records wait in memory, in a queue for each destination. A destination that is slow or down
// holds nobody up: when its queue is full, or when it has failed three times, records are lost.
// The operator's log says how many.
package logsink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/internal/outbound"
)

// Options configure a [Sink].
type Options struct {
	// Destinations says what stands for the ARN of a destination:
	//
	//	file:/path/records.jsonl   a line of JSON for each record, appended; the file is opened for each write
	//	syslog:                    the syslog of this machine, by the socket /dev/log
	//	syslog+udp://host:514      a syslog server (RFC 5424)
	//	syslog+tcp://host:601      the same by TCP, with octet counting (RFC 6587)
	//	https://host/path          a POST of the record
	//
	// http is for loopback alone. Records for other ARNs are dropped.
	Destinations map[string]string
	// Allow names hosts of https that may have an address which is not public, as
	// host:port. Hosts that are addresses themselves need not be named.
	Allow []string
	// Logger is told of records that are lost. Defaults to slog.Default().
	Logger *slog.Logger
	// Queue is how many records wait for a destination at most. Defaults to 1,000.
	Queue int
}

const (
	defaultQueue = 1000
	tries        = 3
	// pause is the time before the second try. The next one waits four times as long.
	pause = 200 * time.Millisecond
	// patience is how long Close waits for the records that are left.
	patience = 5 * time.Second
)

// A Sink writes records to destinations. Its methods are safe for concurrent use.
type Sink struct {
	log     *slog.Logger
	queues  map[string]*queue
	running sync.WaitGroup
	end     context.CancelFunc
	client  *outbound.Client
}

// A queue has the records that wait for one destination.
type queue struct {
	where   string
	records chan []byte
	write   func(ctx context.Context, record []byte) error

	mu     sync.Mutex
	closed bool
}

// New returns a sink, and starts a goroutine for each destination. It returns an error if a
// destination is malformed. The caller closes the sink.
func New(o *Options) (*Sink, error) {
	if o == nil {
		o = &Options{}
	}
	s := &Sink{log: o.Logger, queues: map[string]*queue{}}
	if s.log == nil {
		s.log = slog.Default()
	}
	client, err := outbound.New(&outbound.Options{Allow: append(literals(o.Destinations), o.Allow...)})
	if err != nil {
		return nil, fmt.Errorf("logsink: %w", err)
	}
	s.client = client
	size := o.Queue
	if size <= 0 {
		size = defaultQueue
	}
	for arn, where := range o.Destinations {
		write, err := s.writer(where)
		if err != nil {
			return nil, fmt.Errorf("logsink: the destination of %s: %w", arn, err)
		}
		s.queues[bare(arn)] = &queue{where: scheme(where), records: make(chan []byte, size), write: write}
	}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	for _, q := range s.queues {
		s.running.Go(func() { s.run(ctx, q) })
	}
	return s, nil
}

// bare is an ARN of a log group without the star at its end, which some programs write.
func bare(arn string) string { return strings.TrimSuffix(arn, ":*") }

func scheme(where string) string {
	name, _, _ := strings.Cut(where, ":")
	return name
}

// literals are the hosts of URLs that are addresses: whoever wrote them meant these.
func literals(destinations map[string]string) (hosts []string) {
	for _, where := range destinations {
		u, err := url.Parse(where)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			continue
		}
		if named, ok := outbound.Literal(u); ok {
			hosts = append(hosts, named)
		}
	}
	return hosts
}

// writer returns what writes to a destination.
func (s *Sink) writer(where string) (func(context.Context, []byte) error, error) {
	u, err := url.Parse(where)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL", scheme(where))
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
		return fileWriter(u.Path), nil
	case u.Scheme == "syslog" && u.Host == "" && u.Path == "" && u.Opaque == "":
		return syslogWriter("unixgram", "/dev/log"), nil
	case (u.Scheme == "syslog+udp" || u.Scheme == "syslog+tcp") && u.Port() != "" && u.Path == "":
		return syslogWriter(strings.TrimPrefix(u.Scheme, "syslog+"), u.Host), nil
	case u.Scheme == "http" || u.Scheme == "https":
		if err := s.client.Check(u); err != nil {
			return nil, err
		}
		return s.post(u), nil
	}
	return nil, fmt.Errorf("it is not file:/PATH, syslog:, syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT or https://HOST/PATH")
}

// WriteLog implements [identity.LogSink].
func (s *Sink) WriteLog(ctx context.Context, destination string, record []byte) {
	q := s.queues[bare(destination)]
	if q == nil {
		s.log.WarnContext(ctx, "a record of a pool's log has no destination", "arn", destination, "hint", "name it with --log-destination")
		return
	}
	if err := q.put(record); err != nil {
		s.log.ErrorContext(ctx, lost, "arn", destination, "to", q.where, "error", err)
	}
}

const lost = "a record of a pool's log is lost"

var (
	errFull   = errors.New("its queue is full")
	errClosed = errors.New("the sink is closed")
)

// put puts a record into the queue, if there is room.
func (q *queue) put(record []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	select {
	case q.records <- record:
		return nil
	default:
		return errFull
	}
}

// run writes the records of a queue until it is closed.
func (s *Sink) run(ctx context.Context, q *queue) {
	for record := range q.records {
		if err := deliver(ctx, q, record); err != nil {
			s.log.Error(lost, "to", q.where, "error", err)
		}
	}
}

// deliver tries a few times to write a record.
func deliver(ctx context.Context, q *queue, record []byte) (err error) {
	wait := pause
	for try := range tries {
		if try > 0 {
			select {
			case <-time.After(wait):
				wait *= 4
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err = q.write(ctx, record); err == nil {
			return nil
		}
	}
	return err
}

// Close waits a few seconds for the records that are left, and ends the goroutines.
func (s *Sink) Close() error {
	for _, q := range s.queues {
		q.mu.Lock()
		if !q.closed {
			q.closed = true
			close(q.records)
		}
		q.mu.Unlock()
	}
	stop := time.AfterFunc(patience, s.end)
	defer stop.Stop()
	s.running.Wait()
	s.end()
	s.client.Close()
	return nil
}
