package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/cognate-id/cognate/identity"
)

// isTerminal tells whether a person may be at the other end of a file.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
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
	return await(ctx, func() (string, error) {
		line, err := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
	}, func() {})
}

// await returns what read does, or gives up when ctx ends.
func await(ctx context.Context, read func() (string, error), giveUp func()) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := read()
		done <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		giveUp()
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
	f, ok := t.in.(*os.File)
	if !ok {
		return "", errors.New("standard input is no terminal")
	}
	fd := int(f.Fd())
	shown, err := term.GetState(fd)
	if err != nil {
		return "", hint(errors.New("this terminal cannot hide what is typed"), "give the password as a line of standard input")
	}
	fmt.Fprint(t.err, prompt)
	defer fmt.Fprintln(t.err)
	return await(ctx, func() (string, error) {
		line, err := term.ReadPassword(fd)
		return string(line), err
	}, func() { _ = term.Restore(fd, shown) }) // what was asked for is given up anyway
}
