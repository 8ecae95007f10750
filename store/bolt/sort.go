package bolt

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
)

// A sorter sorts more entries by table and key than fit in memory. It sorts chunks, keeps
// each chunk as a run in a temporary file beside the store, and merges the runs at the end.
// If several entries have the same key, they keep the order in which they were added.
type sorter struct {
	path string // path of the store
	file *os.File
	name string // name of the temporary file, if it cannot be removed while open
	runs []*run
	size int64 // size of the temporary file
}

// spill sorts the entries in place and keeps them as a run.
func (s *sorter) spill(chunk []driver.Write) error {
	if len(chunk) == 0 {
		return nil
	}
	if err := s.create(); err != nil {
		return err
	}
	sortWrites(chunk)
	w := &runWriter{out: bufio.NewWriter(s.file)}
	for _, e := range chunk {
		w.entry(e)
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	section := io.NewSectionReader(s.file, s.size, w.size)
	s.runs = append(s.runs, &run{in: bufio.NewReaderSize(section, 64<<10), nth: len(s.runs)})
	s.size += w.size
	return nil
}

func (s *sorter) create() (err error) {
	if s.file != nil {
		return nil
	}
	s.file, err = os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".load-*") // mode 0600
	if err != nil {
		return err
	}
	if os.Remove(s.file.Name()) != nil { // remove the file now, so that a crash leaves nothing behind
		s.name = s.file.Name()
	}
	return nil
}

func (s *sorter) close() {
	if s.file == nil {
		return
	}
	s.file.Close()
	if s.name != "" {
		_ = os.Remove(s.name)
	}
}

// all yields the entries of all runs, in order. It ends after the first error.
func (s *sorter) all() iter.Seq2[driver.Write, error] {
	return func(yield func(driver.Write, error) bool) {
		var queue runs
		for _, r := range s.runs {
			if err := r.next(); err != nil {
				yield(driver.Write{}, err)
				return
			}
			queue = append(queue, r)
		}
		heap.Init(&queue)
		for len(queue) > 0 {
			if !yield(queue[0].head, nil) {
				return
			}
			switch err := queue[0].next(); {
			case err == nil:
				heap.Fix(&queue, 0)
			case errors.Is(err, io.EOF):
				heap.Pop(&queue)
			default:
				yield(driver.Write{}, err)
				return
			}
		}
	}
}

func sortWrites(entries []driver.Write) { slices.SortStableFunc(entries, compareWrites) }

func compareWrites(a, b driver.Write) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Key, b.Key))
}

// A runWriter writes entries. The length of each part precedes the part. Errors appear when
// out is flushed.
type runWriter struct {
	out  *bufio.Writer
	size int64
}

func (w *runWriter) entry(e driver.Write) {
	w.part(raw(e.Table))
	w.part(raw(e.Key))
	w.part(e.Value)
}

func (w *runWriter) part(b []byte) {
	head := binary.AppendUvarint(w.out.AvailableBuffer(), uint64(len(b)))
	n, _ := w.out.Write(head)
	m, _ := w.out.Write(b)
	w.size += int64(n + m)
}

// A run is a sorted part of the entries.
type run struct {
	in   *bufio.Reader
	nth  int
	head driver.Write
}

// next reads the next entry of the run into its head, or returns io.EOF.
func (r *run) next() error {
	table, err := r.part()
	if err != nil {
		return err
	}
	key, err := r.part()
	if err != nil {
		return cutOff(err)
	}
	value, err := r.part()
	if err != nil {
		return cutOff(err)
	}
	r.head = driver.Write{Ref: store.Ref{Table: string(table), Key: string(key)}, Value: value}
	return nil
}

func (r *run) part() ([]byte, error) {
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r.in, b)
	return b, cutOff(err)
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// runs is a heap of runs, ordered by their heads.
type runs []*run

func (q runs) Len() int      { return len(q) }
func (q runs) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q runs) Less(i, j int) bool {
	return cmp.Or(compareWrites(q[i].head, q[j].head), cmp.Compare(q[i].nth, q[j].nth)) < 0
}

func (q *runs) Push(x any) { *q = append(*q, x.(*run)) }

func (q *runs) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
