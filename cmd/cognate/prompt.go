package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// isTerminal tells whether a person may be at the other end of a file.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// A confirmed is a command that destroys something.
type confirmed struct {
	Yes bool `help:"Do it without asking. Needed where standard input is no terminal."`
}

// confirm asks a person, unless the command line has answered already.
func (c confirmed) confirm(ctx context.Context, t *terminal, question string, args ...any) error {
	if c.Yes {
		return nil
	}
	question = oneLine(fmt.Sprintf(question, args...))
	if !isTerminal(t.in) {
		return hint(fmt.Errorf("nobody can be asked: %s", question), "give --yes to do it without asking")
	}
	fmt.Fprintf(t.err, "%s Type yes: ", question)
	answer, err := readLine(ctx, t.in)
	if err != nil {
		return err
	}
	if answer != "yes" {
		return errors.New("nothing was deleted")
	}
	return nil
}

// maxLine is how long an answer, or a password, may be in bytes.
const maxLine = 4096

// readLine reads the first line of a stream, or the next one of a terminal.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		done <- result{strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		return r.line, r.err
	}
}

// readPassword reads a password: a line of standard input, or what a person
// types twice without seeing it.
func readPassword(ctx context.Context, t *terminal) (identity.Secret, error) {
	if !isTerminal(t.in) {
		line, err := readLine(ctx, t.in)
		if err == nil && line == "" {
			err = hint(errors.New("there is no password on standard input"), "give it as one line, such as: cognate user password alice < FILE")
		}
		return identity.Secret(line), err
	}
	first, err := hiddenLine(ctx, t, "New password: ")
	if err != nil {
		return "", err
	}
	again, err := hiddenLine(ctx, t, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return identity.Secret(first), nil
}

// hiddenLine reads a line that the terminal does not show.
func hiddenLine(ctx context.Context, t *terminal, prompt string) (string, error) {
	if err := stty(t, "-echo"); err != nil {
		return "", hint(errors.New("this terminal cannot hide what is typed"), "give the password as a line of standard input")
	}
	defer func() {
		_ = stty(t, "echo") // it worked before
		fmt.Fprintln(t.err)
	}()
	fmt.Fprint(t.err, prompt)
	return readLine(ctx, t.in)
}

// stty sets the terminal that is standard input: the tool is on every Unix,
// and the standard library has no portable call for it.
func stty(t *terminal, args ...string) error {
	cmd := exec.Command("stty", args...)
	cmd.Stdin = t.in
	return cmd.Run()
}
