package floor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// Serve is the server side of [Start]. It serves h on a loopback port, writes the URL to
// standard output, and ends when standard input ends.
func Serve(h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = s.Shutdown(context.Background())
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A Process is a server in a process of its own, so that the work of its clients is not
// measured.
type Process struct {
	URL string // the base URL of the server

	cmd   *exec.Cmd
	stdin io.Closer
}

// Start starts a command that calls [Serve] or behaves the same. A test can start itself,
// see the benchmarks of this package.
func Start(cmd *exec.Cmd) (*Process, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin}
	out := bufio.NewReader(stdout)
	line, err := out.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("floor: the server did not write its URL: %w", err), p.Close())
	}
	p.URL = strings.TrimSpace(line)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p, nil
}

// Close ends the process and waits for its end.
func (p *Process) Close() error {
	return errors.Join(p.stdin.Close(), p.cmd.Wait())
}

// CPU returns the processor time that the process has used, to 10 ms, so measure over some
// seconds. It is supported on Linux only.
func (p *Process) CPU() (time.Duration, error) {
	return CPU(p.cmd.Process.Pid)
}

// Memory returns the memory that the process holds, and its maximum so far, in bytes. It is
// supported on Linux only.
func (p *Process) Memory() (now, most int64, err error) {
	return memory(p.cmd.Process.Pid)
}

// Bench benchmarks op and reports the processor time of each op as cpu-ms/op. cpu returns
// the processor time so far: use [Process.CPU], or [SelfCPU] if server and client are one
// process.
func Bench(b *testing.B, cpu func() (time.Duration, error), op func() error) {
	b.Helper()
	if err := op(); err != nil { // the first call connects
		b.Fatal(err)
	}
	before, err := cpu()
	if errors.Is(err, errors.ErrUnsupported) {
		b.Skip(err)
	}
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
	}
	after, err2 := cpu()
	if err := errors.Join(err, err2); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(after-before)/float64(time.Millisecond)/float64(b.N), "cpu-ms/op")
}

// A Side is one of two servers under the same load.
type Side struct {
	CPU func() (time.Duration, error) // returns the processor time of the server so far
	Op  func() error                  // makes one call to the server
}

// Ratio returns the processor time of the product divided by that of the base. It runs
// pairs of runs in alternating order, each of ops operations, and returns the median. A
// claim needs at least five pairs.
func Ratio(pairs, ops int, product, base Side) (float64, error) {
	ratios := make([]float64, pairs)
	for i := range ratios {
		first, second := product, base
		if i%2 != 0 {
			first, second = base, product
		}
		x, err := first.run(ops)
		if err != nil {
			return 0, err
		}
		y, err := second.run(ops)
		if err != nil {
			return 0, err
		}
		if i%2 != 0 {
			x, y = y, x
		}
		ratios[i] = float64(x) / float64(y)
	}
	slices.Sort(ratios)
	return ratios[pairs/2], nil
}

// run returns the processor time of ops operations.
func (s Side) run(ops int) (time.Duration, error) {
	before, err := s.CPU()
	if err != nil {
		return 0, err
	}
	for range ops {
		if err := s.Op(); err != nil {
			return 0, err
		}
	}
	after, err := s.CPU()
	return max(after-before, 1), err
}
