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

// An import reads lines, decodes each line to a user, and imports users in batches. Each
// batch commits on its own, so an interrupted import can be run again: users who are there
// already are skipped. A line that cannot be imported is reported with its number and, with
// --rejects, saved.

type userImport struct {
	inPool
	File     string `arg:"" help:"File to read, or - for standard input."`
	Rejects  string `placeholder:"FILE" help:"File for the lines that are rejected; it must not exist yet."`
	Progress bool   `help:"Report progress, even if standard error is not a terminal."`
}

// Help returns the details that --help shows.
func (userImport) Help() string {
	return `Each line of the file is one user, as "cognate user export" writes it. Users who are there already are skipped, so run an interrupted import again to finish it. Rejected users are reported with their line number and the reason, and the exit code is then 1; the other users are imported. With --rejects, the rejected lines are saved, so that you can correct and import them.

    cognate user import users.jsonl
    cognate user import users.jsonl --rejects refused.jsonl
    cognate user export --store bolt:old.db --secrets | cognate user import - --store bolt:new.db --key-file new.key

Create the groups first. Users whose secrets were not exported must reset their password. To fill a pool for a test, give a password in clear text:

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
		return nil, hint(fmt.Errorf("cannot read users: %w", err), "give the file to read, or - for standard input")
	}
	return f, nil
}

// A rejects saves the rejected lines. Without a file it saves nothing.
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
		return nil, hint(fmt.Errorf("%s exists already", name), "choose another file with --rejects")
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

// close removes the file if nothing was written to it.
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
	maxRecord   = 1 << 20 // maximum length of a line in bytes
	importBatch = 100     // number of users in a transaction
)

// A line is one line of an import.
type line struct {
	number int
	text   []byte // nil if the line is too long
	long   bool
}

// A lineReader reads lines of limited length.
type lineReader struct {
	r    *bufio.Reader
	line int
	read int64 // number of bytes read
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxRecord+1)}
}

// next returns the next line, or io.EOF. The last line may lack its line break.
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

// An importer imports users in batches, one transaction for each batch.
type importer struct {
	t        *terminal
	users    identity.Users
	rejects  *rejects
	progress *progress

	lines []*line                // the lines of the batch
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

// take adds a line to the batch, or rejects the line.
func (i *importer) take(l *line) error {
	if l.long {
		return i.refuse(l, "", errors.New("the line is longer than 1 MiB; it is not saved to --rejects"))
	}
	if len(l.text) == 0 {
		return nil
	}
	rec := &identity.UserRecord{}
	if err := decodeJSON(l.text, rec); err != nil {
		return i.refuse(l, "", fmt.Errorf("it is not a user as JSON: %w", err))
	}
	if rec.Username == "" {
		return i.refuse(l, "", errors.New("it is not a valid user record: it has no username"))
	}
	i.lines, i.batch = append(i.lines, l), append(i.batch, rec)
	return nil
}

// flush imports the batch. It finishes a batch that has begun even if ctx is done.
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

// refuse reports a rejected line with the reason, and saves it.
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

// end reports what was done.
func (i *importer) end() error {
	i.progress.end(i.imported, i.skipped+i.refused, fmt.Sprintf(" (%d there already, %d rejected)", i.skipped, i.refused))
	if i.refused == 0 {
		return nil
	}
	err := fmt.Errorf("rejected %s", users(i.refused))
	if i.rejects.any {
		return hint(err, "correct the lines in %s and import that file", i.rejects.file.Name())
	}
	return hint(err, "run it again with --rejects FILE to save the rejected lines, then correct and import them")
}
