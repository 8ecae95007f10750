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

// Serve is the server's side of [Start]: it serves h on a port of the loopback
// interface, writes the URL to standard output, and ends with standard input.
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

// A Process is a server that runs in a process of its own, so that the work of
// its clients is not counted as its own.
type Process struct {
	URL string

	cmd   *exec.Cmd
	stdin io.Closer
}

// Start starts a command that calls [Serve], or does what that does. A test
// can start itself, see the benchmarks of this package.
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

// Close ends the process, and waits until it has.
func (p *Process) Close() error {
	return errors.Join(p.stdin.Close(), p.cmd.Wait())
}

// CPU returns the processor time that the process has used, to 10 ms: measure
// over some seconds. It is known on Linux only.
func (p *Process) CPU() (time.Duration, error) {
	return CPU(p.cmd.Process.Pid)
}

// Memory returns the memory that the process holds, and the most that it has
// held, in bytes. It is known on Linux only.
func (p *Process) Memory() (now, most int64, err error) {
	return memory(p.cmd.Process.Pid)
}

// Bench benchmarks op and reports the processor time of each as cpu-ms/op. The
// time is what cpu has grown by: [Process.CPU], or [SelfCPU] where server and
// client are one process and their work cannot be told apart.
func Bench(b *testing.B, cpu func() (time.Duration, error), op func() error) {
	b.Helper()
	if err := op(); err != nil { // connects
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
	CPU func() (time.Duration, error)
	Op  func() error
}

// Ratio returns how many times the processor time of the base the product
// takes: the median over so many pairs of runs, each of so many operations,
// one after the other in turns. Five pairs are the least that carries a claim.
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

// run returns the processor time of so many operations.
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
