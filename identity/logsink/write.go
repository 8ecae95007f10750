package logsink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// fileWriter appends lines to a file. It opens the file for each record, so that the file can
// be renamed or removed at any time.
func fileWriter(name string) func(context.Context, []byte) error {
	return func(_ context.Context, record []byte) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(append(bytes.Clone(record), '\n'))
		return errors.Join(err, f.Close())
	}
}

// priority is facility authpriv (10) and severity error (3), as RFC 5424 counts them.
const priority = 10*8 + 3

const dialTimeout = 5 * time.Second

// syslogWriter sends a message for each record. It keeps no connection: records are rare.
func syslogWriter(network, address string) func(context.Context, []byte) error {
	host, err := os.Hostname()
	if err != nil || strings.ContainsAny(host, " \t\n") {
		host = "-"
	}
	return func(ctx context.Context, record []byte) error {
		d := net.Dialer{Timeout: dialTimeout}
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		message := fmt.Sprintf("<%d>1 %s %s cognate %d - - %s", priority, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), host, os.Getpid(), record)
		if network == "tcp" {
			message = fmt.Sprintf("%d %s", len(message), message)
		}
		err = c.SetWriteDeadline(time.Now().Add(dialTimeout))
		if err == nil {
			_, err = c.Write([]byte(message))
		}
		return errors.Join(err, c.Close())
	}
}

// post sends a record to a URL. Any status of 2xx is success.
func (s *Sink) post(u *url.URL) func(context.Context, []byte) error {
	return func(ctx context.Context, record []byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(record))
		if err != nil {
			return errors.New("the request cannot be made") // the URL may hold a secret
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "cognate")
		answer, err := s.client.Do(req)
		if err != nil {
			return err
		}
		if answer.Status/100 != 2 {
			return fmt.Errorf("the server answers %d", answer.Status)
		}
		return nil
	}
}
