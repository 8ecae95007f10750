package identity

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cognate-id/cognate/store"
)

// The file of an import job is in the store, because another engine may run the job. It is
// written in chunks, each in a transaction of its own, under an id of its own. When all of
// them are there, one transaction makes them the file of the job. Chunks that no job names
// expire.

// chunkSize is how many bytes a chunk has. The last one of a file has fewer.
const chunkSize = 256 << 10

// upload stores a file and makes it that of the job.
func (js ImportJobs) upload(ctx context.Context, j *importJob, file io.Reader) error {
	e := js.admin.engine
	id, err := e.uuid()
	if err != nil {
		return err
	}
	part := importChunk{Pool: j.Pool, Job: j.ID, Upload: id, Until: j.Created.Add(chunkLife)}
	size, err := e.storeChunks(ctx, part, file)
	if err == nil {
		err = js.take(ctx, part, size)
	}
	if err != nil {
		e.discardUpload(context.WithoutCancel(ctx), part)
		return fmt.Errorf("upload: %w", err)
	}
	e.discardUploads(ctx, j.Pool, j.ID)
	return nil
}

// storeChunks stores a file, and returns its size.
func (e *Engine) storeChunks(ctx context.Context, part importChunk, file io.Reader) (size int64, err error) {
	buf := make([]byte, chunkSize)
	file = io.LimitReader(file, MaxImportFile+1)
	for ; ; part.N++ {
		n, err := io.ReadFull(file, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		last := err != nil
		if size += int64(n); size > MaxImportFile {
			return 0, ErrUploadTooLarge
		}
		if n > 0 {
			part.Data = buf[:n]
			if err := e.store.Update(ctx, func(tx store.Tx) error { return importChunks.Put(tx, &part) }); err != nil {
				return 0, err
			}
		}
		if last {
			return size, nil //nolint:nilerr // the end of the file
		}
	}
}

// take makes an uploaded file that of a job, unless the job was started meanwhile. If another
// upload was finished meanwhile, it has discarded this one: then the error is [store.ErrConflict].
func (js ImportJobs) take(ctx context.Context, first importChunk, size int64) error {
	return js.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		now, err := js.in(tx, first.Job)
		if err != nil {
			return err
		}
		if now.Status != ImportCreated {
			return ErrUploadExpired
		}
		chunk, err := orNil(importChunks.Get(tx, importChunks.Key(&first)))
		if err != nil {
			return err
		}
		if chunk == nil && size > 0 {
			return store.ErrConflict
		}
		now.Upload, now.Size = first.Upload, size
		return importJobs.Put(tx, now)
	})
}

// discardUploads deletes what was uploaded for a job, except for the file that it still needs.
func (e *Engine) discardUploads(ctx context.Context, pool, job string) {
	ctx = context.WithoutCancel(ctx)
	rng := store.Prefix(pool, job)
	for {
		var next string
		err := e.store.View(ctx, func(r store.Reader) error {
			next = ""
			rng.Limit = 1
			for entry, err := range r.Scan(importChunks.Name, rng) {
				if err != nil {
					return err
				}
				parts, err := store.Split(entry.Key)
				if err != nil {
					return err
				}
				next = parts[2]
			}
			return nil
		})
		if err != nil {
			e.log.WarnContext(ctx, "an uploaded file is not deleted yet; it will expire", "job", job, "error", err)
			return
		}
		if next == "" {
			return
		}
		e.discardUpload(ctx, importChunk{Pool: pool, Job: job, Upload: next})
		rng.From = store.Prefix(pool, job, next).To
	}
}

// chunksAtOnce is how many chunks one transaction deletes: it reads them.
const chunksAtOnce = 8

// needs reports whether an upload is the file of a job that has not ended.
func (j *importJob) needs(upload string) bool {
	return j != nil && j.Upload == upload && (j.Status == ImportCreated || j.Status.active())
}

// discardUpload deletes the chunks of an upload that its job does not need. A failure is logged: they expire.
func (e *Engine) discardUpload(ctx context.Context, u importChunk) {
	rng := store.Prefix(u.Pool, u.Job, u.Upload)
	rng.Limit = chunksAtOnce
	for more := true; more; {
		err := e.store.Update(ctx, func(tx store.Tx) error {
			more = false
			j, err := orNil(importJobs.Get(tx, importJobKey(u.Pool, u.Job)))
			if err != nil || j.needs(u.Upload) {
				return err
			}
			var keys []string
			for entry, err := range tx.Scan(importChunks.Name, rng) {
				if err != nil {
					return err
				}
				keys = append(keys, entry.Key)
			}
			more = len(keys) == chunksAtOnce
			for _, key := range keys {
				if _, err := importChunks.Delete(tx, key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			e.log.WarnContext(ctx, "an uploaded file is not deleted yet; it will expire", "job", u.Job, "error", err)
			return
		}
	}
}

// A chunkReader reads the file of a job from a position on. It holds one chunk.
type chunkReader struct {
	ctx   context.Context //nolint:containedctx // io.Reader has none
	store store.Store
	part  importChunk // names the next chunk
	skip  int         // bytes of the next chunk that are done
	rest  []byte      // of the chunk that was read
	left  int64       // bytes of the file that were not read
}

// errFileGone is returned for a file of which a part is missing: it has expired.
var errFileGone = errors.New("identity: the file of an import job has expired")

func (e *Engine) openUpload(ctx context.Context, j *importJob) *chunkReader {
	return &chunkReader{
		ctx: ctx, store: e.store, skip: int(j.Offset % chunkSize),
		part: importChunk{Pool: j.Pool, Job: j.ID, Upload: j.Upload, N: int(j.Offset / chunkSize)}, left: j.Size - j.Offset,
	}
}

// Read implements [io.Reader].
func (c *chunkReader) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next reads the next chunk. It returns io.EOF after the last one.
func (c *chunkReader) next() error {
	if c.left <= 0 {
		return io.EOF
	}
	var found *importChunk
	err := c.store.View(c.ctx, func(r store.Reader) (err error) {
		found, err = orNil(importChunks.Get(r, importChunks.Key(&c.part)))
		return err
	})
	if err != nil {
		return err
	}
	if found == nil || len(found.Data) <= c.skip {
		return errFileGone
	}
	c.rest, c.skip = found.Data[c.skip:], 0
	c.left -= int64(len(c.rest))
	c.part.N++
	return nil
}
