package oauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
)

// A metadataWorld is a server of metadata, which counts how often it is read.
type metadataWorld struct {
	*testing.T
	memory  oauth.Metadata
	fetch   *fetch.Client
	p       *identity.Provider
	answer  atomic.Pointer[string] // nil for 503
	reads   atomic.Int32
	waiting chan struct{} // holds answers up, unless it is nil
}

func newMetadataWorld(t *testing.T) (*metadataWorld, *fakeidp.SAML) {
	t.Helper()
	w := &metadataWorld{T: t}
	front := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		w.reads.Add(1)
		if w.waiting != nil {
			<-w.waiting
		}
		doc := w.answer.Load()
		if doc == nil {
			out.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = out.Write([]byte(*doc))
	}))
	t.Cleanup(front.Close)
	var err error
	if w.fetch, err = fetch.New(&fetch.Options{InsecureLoopback: true}); err != nil {
		t.Fatal(err)
	}
	w.p = &identity.Provider{Pool: "us-east-1_a", ProviderSettings: identity.ProviderSettings{
		Name: "Contoso", Type: identity.ProviderSAML, Details: identity.ProviderDetails{"MetadataURL": front.URL},
	}}
	idp := fakeidp.NewSAML()
	idp.Serve("https://idp.example.com")
	doc := idp.Metadata()
	w.answer.Store(&doc)
	return w, idp
}

// want asks for the metadata at a time after now, and says how often it has been read until then.
func (w *metadataWorld) want(what string, after time.Duration, ok bool, reads int32) {
	w.Helper()
	m, err := w.memory.Of(w.Context(), w.fetch, w.p, began.Add(after))
	if (err == nil) != ok || (m != nil) != ok || w.reads.Load() != reads {
		w.Errorf("%s: %v, %v after %d reads, want %d", what, m != nil, err, w.reads.Load(), reads)
	}
}

var began = time.Now()

func TestMetadataIsReadAgain(t *testing.T) {
	w, idp := newMetadataWorld(t)
	good := w.answer.Load()
	w.want("the first time", 0, true, 1)
	w.want("before 6 hours", 6*time.Hour-time.Second, true, 1)
	w.want("after 6 hours", 6*time.Hour, true, 2)
	w.answer.Store(nil)
	w.want("down", 12*time.Hour, true, 3)
	w.want("down, within a minute", 12*time.Hour+59*time.Second, true, 3)
	w.want("down, after a minute", 12*time.Hour+time.Minute, true, 4)
	w.answer.Store(good)
	w.want("up again", 12*time.Hour+2*time.Minute, true, 5)
	w.want("up again, later", 18*time.Hour, true, 5)
	w.p.Details["MetadataFile"] = idp.Metadata()
	w.want("from a file", 18*time.Hour, true, 5)
}

// TestMetadataIsNotReadForEachRequest has nothing to use, however often somebody asks.
func TestMetadataIsNotReadForEachRequest(t *testing.T) {
	w, _ := newMetadataWorld(t)
	good := w.answer.Load()
	w.answer.Store(nil)
	for range 5 {
		w.want("down", 0, false, 1)
	}
	w.want("down, after a minute", time.Minute, false, 2)
	w.answer.Store(good)
	w.want("up, but too early", time.Minute+59*time.Second, false, 2)
	w.want("up", 2*time.Minute, true, 3)
}

// TestMetadataExpires is about documents that say until when they are valid.
func TestMetadataExpires(t *testing.T) {
	w, _ := newMetadataWorld(t)
	short := strings.Replace(*w.answer.Load(), "<EntityDescriptor ", fmt.Sprintf(`<EntityDescriptor validUntil="%s" `, began.Add(time.Hour).UTC().Format(time.RFC3339)), 1)
	w.answer.Store(&short)
	w.want("the first time", 0, true, 1)
	w.want("before its end", 59*time.Minute, true, 1)
	w.want("after its end, and no better one", time.Hour, false, 2)
	w.want("within a minute", time.Hour+30*time.Second, false, 2)
	w.want("after a minute", time.Hour+time.Minute, false, 3)
}

// TestMetadataIsReadOnceByMany has many ask while one read is under way.
func TestMetadataIsReadOnceByMany(t *testing.T) {
	w, _ := newMetadataWorld(t)
	w.waiting = make(chan struct{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if m, err := w.memory.Of(t.Context(), w.fetch, w.p, began); err != nil || m == nil {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	for w.reads.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(w.waiting)
	all.Wait()
	if n := w.reads.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
}
