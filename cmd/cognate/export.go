package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/cognate-id/cognate/identity"
)

// An export reads users in the order of their subs and writes one line for each. With
// --resume it first cuts off a torn last line, reads the sub of the last whole line, and
// continues after that sub. Nothing is written to the store.

type userExport struct {
	inPool
	Secrets  bool   `help:"Also write password hashes, SRP verifiers and the keys of authenticator apps."`
	Out      string `placeholder:"FILE" help:"File to write, which must not exist yet. Default: standard output."`
	Resume   bool   `help:"Continue a file that an earlier export did not finish."`
	Progress bool   `help:"Report progress, even if standard error is not a terminal."`
}

// Help returns the details that --help shows.
func (userExport) Help() string {
	return `Each line is one user as JSON, in the order of their subs. "cognate user import" reads the file. Sign-ins and events, which "cognate user show" shows, are not exported.

    cognate user export --out users.jsonl
    cognate user export --secrets --out users.jsonl --resume
    cognate user export | jq -r .attributes.email

With --secrets, users can sign in with their passwords after the import. Anyone who has such a file can try to guess the passwords and has the second factors. Keep the file as safe as the store, and delete it afterwards.

If an export is interrupted, run it again with --resume. It continues after the last complete line of the file.`
}

// Validate returns an error if the command line is invalid.
func (c *userExport) Validate() error {
	if c.Resume && c.Out == "" {
		return errors.New("--resume: give the file to continue with --out")
	}
	return c.inPool.Validate()
}

// Run writes the users of a pool.
func (c *userExport) Run(t *terminal) error {
	return c.openPool(t, func(ctx context.Context, e *identity.Engine, info *identity.PoolInfo) error {
		pool, err := e.UserPool(ctx, info.ID)
		if err != nil {
			return err
		}
		if c.Secrets {
			fmt.Fprintln(t.err, "cognate: WARNING: the export holds password hashes and the keys of authenticator apps; keep it as safe as the store")
		}
		if c.Out == "" {
			return c.write(ctx, t, pool.Admin(), t.out, "")
		}
		return c.toFile(ctx, t, pool.Admin())
	})
}

func (c *userExport) toFile(ctx context.Context, t *terminal, a *identity.Admin) error {
	f, after, err := c.file(ctx, t, a)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.write(ctx, t, a, f, after); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// file opens the file and returns the sub of the last user in it.
func (c *userExport) file(ctx context.Context, t *terminal, a *identity.Admin) (f *os.File, after string, err error) {
	flags := os.O_RDWR | os.O_CREATE
	if !c.Resume {
		flags |= os.O_EXCL
	}
	f, err = os.OpenFile(c.Out, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, "", hint(fmt.Errorf("%s exists already", c.Out), "choose another file with --out, or continue this one with --resume")
	}
	if err != nil {
		return nil, "", err
	}
	if c.Secrets {
		if err := f.Chmod(0o600); err != nil {
			return nil, "", errors.Join(err, f.Close())
		}
	}
	if after, err = c.resume(ctx, t, a, f); err != nil {
		return nil, "", errors.Join(err, f.Close())
	}
	return f, after, nil
}

// resume cuts off a torn last line and returns the sub to continue after.
func (c *userExport) resume(ctx context.Context, t *terminal, a *identity.Admin, f *os.File) (after string, err error) {
	line, end, err := lastLine(f)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", c.Out, err)
	}
	if len(line) > 0 {
		if after, err = c.lastSub(ctx, a, line); err != nil {
			return "", err
		}
		fmt.Fprintf(t.err, "cognate: going on after the user %s\n", after)
	}
	if err := f.Truncate(end); err != nil {
		return "", err
	}
	_, err = f.Seek(end, io.SeekStart)
	return after, err
}

func (c *userExport) lastSub(ctx context.Context, a *identity.Admin, line []byte) (string, error) {
	info, err := a.Describe(ctx)
	if err != nil {
		return "", err
	}
	var rec identity.UserRecord
	if err := decodeJSON(line, &rec); err != nil || rec.Sub == "" {
		return "", hint(fmt.Errorf("%s is not an export of users", c.Out), "it was left as it is; choose another with --out")
	}
	if rec.Pool != info.ID {
		return "", hint(fmt.Errorf("%s is an export of the user pool %s", c.Out, oneLine(rec.Pool)), "it was left as it is; choose another with --out")
	}
	if c.Secrets != (rec.Secrets != nil) {
		return "", hint(fmt.Errorf("%s was begun with another choice of --secrets", c.Out), "the file was not changed; give --secrets as at the beginning, or choose another file with --out")
	}
	return rec.Sub, nil
}

// tail is how many bytes of the end of a file are read: enough for a whole line and a torn
// one.
const tail = 2 * maxRecord

// lastLine returns the last complete line of a file, and the offset of its end.
func lastLine(f *os.File) (line []byte, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	begin := max(info.Size()-tail, 0)
	text := make([]byte, info.Size()-begin)
	if _, err := f.ReadAt(text, begin); err != nil {
		return nil, 0, err
	}
	last := bytes.LastIndexByte(text, '\n')
	if last < 0 {
		if begin > 0 {
			return nil, 0, errors.New("its last line is too long")
		}
		return nil, 0, nil
	}
	return text[bytes.LastIndexByte(text[:last], '\n')+1 : last], begin + int64(last) + 1, nil
}

// write writes the users that come after a sub.
func (c *userExport) write(ctx context.Context, t *terminal, a *identity.Admin, out io.Writer, after string) error {
	w := bufio.NewWriterSize(out, 1<<16)
	p := newProgress(t, "exported", c.Progress)
	n, err := writeUsers(ctx, w, p, a.Users().ExportAll(ctx, after, c.Secrets))
	if err = errors.Join(err, w.Flush()); err == nil {
		p.end(n, 0, "")
		return nil
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	err = fmt.Errorf("not finished after %s: %w", users(n), plain(err))
	if c.Out == "" {
		return err
	}
	return hint(err, "run it again with --resume to continue")
}

func writeUsers(ctx context.Context, w io.Writer, p *progress, all iter.Seq2[*identity.UserRecord, error]) (n int, err error) {
	for rec, err := range all {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = writeJSON(w, rec, "")
		}
		if err != nil {
			return n, err
		}
		n++
		p.at(n, 0)
	}
	return n, nil
}
