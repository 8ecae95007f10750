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

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A confirmed command asks before it destroys something.
type confirmed struct {
	Yes bool `help:"Do not ask for confirmation. Needed if standard input is not a terminal."`
}

// confirm asks the person, unless --yes is given.
func (c confirmed) confirm(ctx context.Context, t *terminal, question string, args ...any) error {
	if c.Yes {
		return nil
	}
	question = oneLine(fmt.Sprintf(question, args...))
	if !isTerminal(t.in) {
		return hint(fmt.Errorf("cannot ask, because standard input is not a terminal: %s", question), "give --yes to confirm")
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

// maxLine is the maximum length of an answer or a password in bytes.
const maxLine = 4096

// readLine reads the first line of a stream, or the next line of a terminal.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	return await(ctx, func() (string, error) {
		line, err := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
	}, func() {})
}

// await returns the result of read. If ctx is done first, await calls giveUp and returns
// the error of ctx.
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

// readPassword reads a password: a line of standard input, or hidden input that is typed
// twice on a terminal.
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
		return "", hint(errors.New("the two passwords differ; nothing was changed"), "run the command again")
	}
	return identity.Secret(first), nil
}

// hiddenLine reads a line that the terminal does not show.
func hiddenLine(ctx context.Context, t *terminal, prompt string) (string, error) {
	f, ok := t.in.(*os.File)
	if !ok {
		return "", errors.New("standard input is not a terminal")
	}
	fd := int(f.Fd())
	shown, err := term.GetState(fd)
	if err != nil {
		return "", hint(errors.New("this terminal cannot hide its input"), "give the password as a line of standard input")
	}
	fmt.Fprint(t.err, prompt)
	defer fmt.Fprintln(t.err)
	return await(ctx, func() (string, error) {
		line, err := term.ReadPassword(fd)
		return string(line), err
	}, func() { _ = term.Restore(fd, shown) }) // ignore the error: the command ends anyway
}
