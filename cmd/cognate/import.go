package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cognate-id/cognate/identity"
)

type userImport struct {
	inPool
	File     string `arg:"" help:"File to read, or - for standard input."`
	Rejects  string `placeholder:"FILE" help:"File to write the lines to that were refused; it must not exist yet."`
	Progress bool   `help:"Tell how far it is, even where standard error is no terminal."`
}

// Help tells more of the command.
func (userImport) Help() string {
	return `It reads one user a line, as "cognate user export" writes them. Users who are there already are skipped, so an import that was interrupted is simply run again. Users who cannot be taken over are told on standard error with their line and the reason, and the others are imported; the exit code is then 1. The lines of those users can be kept with --rejects, to be mended and imported again.

    cognate user import users.jsonl
    cognate user import users.jsonl --rejects refused.jsonl
    cognate user export --store bolt:old.db --secrets | cognate user import - --store bolt:new.db --key-file new.key

Make the groups first. Users whose secrets were not exported must reset their password. For a pool that is filled for a test, a password can be given in clear:

    {"username":"alice","attributes":{"email":"alice@example.com","email_verified":"true"},"status":"CONFIRMED","password":"correct horse battery staple"}`
}

// Run reads users.
func (c *userImport) Run(t *terminal) error {
	in, err := c.input(t)
	if err != nil {
		return err
	}
	defer in.Close()
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		rejects, err := newRejects(c.Rejects)
		if err != nil {
			return err
		}
		i := &importer{t: t, users: a.Users(), rejects: rejects, progress: newProgress(t, "imported", c.Progress)}
		i.progress.size = sizeOf(in)
		err = i.run(ctx, newLineReader(in))
		return errors.Join(err, rejects.close())
	})
}

func (c *userImport) input(t *terminal) (io.ReadCloser, error) {
	if c.File == "-" {
		if f, ok := t.in.(*os.File); ok {
			return f, nil
		}
		return io.NopCloser(t.in), nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, hint(fmt.Errorf("cannot read users: %w", err), "say which file to read, or - for standard input")
	}
	return f, nil
}

// rejects keeps the lines that were refused. Without a file it keeps none.
type rejects struct {
	file *os.File
	any  bool
}

func newRejects(name string) (*rejects, error) {
	if name == "" {
		return &rejects{}, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, hint(fmt.Errorf("%s exists already", name), "choose another with --rejects")
	}
	return &rejects{file: f}, err
}

func (r *rejects) keep(text []byte) error {
	if r.file == nil {
		return nil
	}
	r.any = true
	_, err := r.file.Write(append(text, '\n'))
	return err
}

// close removes a file that nothing was written to.
func (r *rejects) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	if !r.any {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	return err
}

const (
	maxRecord   = 1 << 20 // bytes of a line
	importBatch = 100     // users a transaction
)

// A line is one of the lines of an import.
type line struct {
	number int
	text   []byte // none if the line is too long
	long   bool
}

// A lineReader reads lines of bounded length.
type lineReader struct {
	r    *bufio.Reader
	line int
	read int64 // bytes
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxRecord+1)}
}

// next returns the next line, or io.EOF. The last needs no line break.
func (r *lineReader) next() (*line, error) {
	text, err := r.r.ReadSlice('\n')
	r.read += int64(len(text))
	r.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		return &line{number: r.line, long: true}, r.skip()
	}
	if len(text) == 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return &line{number: r.line, text: bytes.Clone(bytes.TrimSpace(text))}, nil
}

// skip reads the rest of a line that is too long.
func (r *lineReader) skip() error {
	for {
		text, err := r.r.ReadSlice('\n')
		r.read += int64(len(text))
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// An importer reads users, a batch a transaction.
type importer struct {
	t        *terminal
	users    identity.Users
	rejects  *rejects
	progress *progress

	lines []*line                // of the batch
	batch []*identity.UserRecord // one for each of lines

	imported, skipped, refused int
}

func (i *importer) run(ctx context.Context, r *lineReader) error {
	for {
		l, err := r.next()
		if err == nil {
			err = i.take(l)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("import users: %w", err)
		}
		if over := err != nil; !over && len(i.batch) < importBatch {
			continue
		}
		if flushed := i.flush(ctx); flushed != nil {
			return i.interrupted(flushed)
		}
		i.progress.at(i.imported+i.skipped, r.read)
		if err != nil {
			return i.end()
		}
	}
}

// take adds a line to the batch, or refuses it.
func (i *importer) take(l *line) error {
	if l.long {
		return i.refuse(l, "", errors.New("the line is longer than 1 MiB, and is not among the rejects"))
	}
	if len(l.text) == 0 {
		return nil
	}
	rec := &identity.UserRecord{}
	if err := decodeJSON(l.text, rec); err != nil {
		return i.refuse(l, "", fmt.Errorf("it is no user as JSON: %w", err))
	}
	i.lines, i.batch = append(i.lines, l), append(i.batch, rec)
	return nil
}

// flush imports the batch. A batch that was begun is finished even if ctx ends meanwhile.
func (i *importer) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(i.batch) == 0 {
		return nil
	}
	res, err := i.users.Import(context.WithoutCancel(ctx), i.batch)
	if err != nil {
		return err
	}
	i.imported, i.skipped = i.imported+res.Imported, i.skipped+res.Skipped
	for _, no := range res.Failed {
		if err := i.refuse(i.lines[no.Index], i.batch[no.Index].Username, no.Err); err != nil {
			return err
		}
	}
	i.lines, i.batch = nil, nil
	return nil
}

// refuse tells why a line was refused, and keeps it.
func (i *importer) refuse(l *line, username string, err error) error {
	i.refused++
	who := ""
	if username != "" {
		who = " (" + oneLine(username) + ")"
	}
	fmt.Fprintf(i.t.err, "cognate: line %d%s: %s\n", l.number, who, plainError{err})
	if l.long {
		return nil
	}
	return i.rejects.keep(l.text)
}

func (i *importer) interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	err = fmt.Errorf("not finished after %s: %w", users(i.imported+i.skipped+i.refused), plain(err))
	return hint(err, "run it again: users who are there already are skipped")
}

// end tells what was done.
func (i *importer) end() error {
	i.progress.end(i.imported, i.skipped+i.refused, fmt.Sprintf(" (%d there already, %d refused)", i.skipped, i.refused))
	if i.refused == 0 {
		return nil
	}
	err := fmt.Errorf("refused %s", users(i.refused))
	if i.rejects.any {
		return hint(err, "mend %s and import it", i.rejects.file.Name())
	}
	return hint(err, "with --rejects FILE they are kept, to be mended and imported again")
}
