package passhash_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity/internal/passhash"
)

func TestHashVerify(t *testing.T) {
	h := passhash.New(passhash.InsecureCheap, nil)
	long := strings.Repeat("x", 72) // where bcrypt ends
	for _, tt := range []struct {
		name, password, tried string
		want                  bool
	}{
		{"same", "correct horse", "correct horse", true},
		{"other", "correct horse", "correct horsf", false},
		{"case", "correct horse", "Correct horse", false},
		{"empty", "", "", true},
		{"empty tried", "correct horse", "", false},
		{"trailing space", "correct horse", "correct horse ", false},
		{"byte 73", long + "a", long + "b", false},
		{"72 of 73 bytes", long + "a", long, false},
		{"zero byte", "a\x00b", "a\x00c", false},
		{"longest", strings.Repeat("é", 512), strings.Repeat("é", 512), true},
		{"decomposed tried", "caf\u00e9", "cafe\u0301", true},
		{"decomposed hashed", "cafe\u0301", "caf\u00e9", true},
		{"order of marks", "a\u0323\u0307", "a\u0307\u0323", true},
		{"Hangul", "\ud55c", "\u1112\u1161\u11ab", true},
		{"superscript is not compatible", "x\u00b2", "x2", false},
		{"ligature is not compatible", "\ufb01n", "fin", false},
		{"accent counts", "cafe", "caf\u00e9", false},
		{"no UTF-8", "\xff\xfe", "\xff\xfe", true},
		{"other without UTF-8", "\xff\xfe", "\xff\xfd", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hash, err := h.Hash(t.Context(), tt.password)
			if err != nil {
				t.Fatal(err)
			}
			ok, stale, err := h.Verify(t.Context(), hash, tt.tried)
			if ok != tt.want || stale || err != nil {
				t.Errorf("Verify = %v, %v, %v, want %v, false, nil", ok, stale, err, tt.want)
			}
		})
	}
}

// TestVectors are hashes that the reference implementation made, from its test.c.
func TestVectors(t *testing.T) {
	h := passhash.New(passhash.Params{Memory: 65536, Time: 2, Threads: 1}, nil)
	for i, tt := range []struct {
		hash, password string
		stale          bool
	}{
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password", true},
		{"$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw", "password", true},
	} {
		if testing.Short() && (i == 0 || i == 3) {
			continue // 64 MiB
		}
		t.Run(tt.hash, func(t *testing.T) {
			ok, stale, err := h.Verify(t.Context(), tt.hash, tt.password)
			if !ok || stale != tt.stale || err != nil {
				t.Errorf("Verify = %v, %v, %v, want true, %v, nil", ok, stale, err, tt.stale)
			}
			if ok, _, err := h.Verify(t.Context(), tt.hash, tt.password+"x"); ok || err != nil {
				t.Errorf("another password: %v, %v", ok, err)
			}
		})
	}
}

func TestFormatOfHash(t *testing.T) {
	h := passhash.New(passhash.Default, nil)
	hash, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(hash, want) || len(hash) != len(want)+22+1+43 {
		t.Errorf("hash = %s, want %s, 16 bytes of salt and 32 of key", hash, want)
	}
	again, err := h.Hash(t.Context(), "password")
	if err != nil || again == hash {
		t.Errorf("the same hash twice: %s, %v", again, err)
	}
}

func TestStale(t *testing.T) {
	params := func(memory, time uint32, threads uint8) passhash.Params {
		return passhash.Params{Memory: memory, Time: time, Threads: threads}
	}
	hash, err := passhash.New(params(64, 2, 2), nil).Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		p     passhash.Params
		stale bool
	}{
		{"same", params(64, 2, 2), false},
		{"memory", params(128, 2, 2), true},
		{"time", params(64, 3, 2), true},
		{"threads", params(64, 2, 1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ok, stale, err := passhash.New(tt.p, nil).Verify(t.Context(), hash, "password")
			if !ok || stale != tt.stale || err != nil {
				t.Errorf("Verify = %v, %v, %v, want true, %v, nil", ok, stale, err, tt.stale)
			}
		})
	}
}

func TestParams(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    passhash.Params
		want string
	}{
		{"zero is the default", passhash.Params{}, "$argon2id$v=19$m=19456,t=2,p=1$"},
		{"too little memory for its threads", passhash.Params{Memory: 1, Time: 1, Threads: 4}, "$argon2id$v=19$m=32,t=1,p=4$"},
		{"too much", passhash.Params{Memory: 64, Time: 1 << 31, Threads: 255}, "$argon2id$v=19$m=128,t=16,p=16$"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := passhash.New(tt.p, nil)
			hash, err := h.Hash(t.Context(), "password")
			if err != nil || !strings.HasPrefix(hash, tt.want) {
				t.Errorf("Hash = %s, %v, want %s…", hash, err, tt.want)
			}
			if ok, stale, err := h.Verify(t.Context(), hash, "password"); !ok || stale || err != nil {
				t.Errorf("Verify = %v, %v, %v, want true, false, nil", ok, stale, err)
			}
		})
	}
}

// malformed are strings that Verify must refuse without hashing.
var malformed = map[string]string{
	"empty":                "",
	"plain":                "password",
	"bcrypt of salt alone": "$2a$10$N9qo8uLOickgx2ZMRZoMye",
	"Argon2i":              "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"old version":          "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"no version":           "$argon2id$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"much memory":          "$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"4 TiB":                "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"overflow":             "$argon2id$v=19$m=4294967360,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"negative":             "$argon2id$v=19$m=-64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"much time":            "$argon2id$v=19$m=64,t=17,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"no time":              "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"no threads":           "$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"many threads":         "$argon2id$v=19$m=6400,t=1,p=17$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"little memory":        "$argon2id$v=19$m=7,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"leading zero":         "$argon2id$v=19$m=064,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"hexadecimal":          "$argon2id$v=19$m=0x40,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"order":                "$argon2id$v=19$t=1,m=64,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"more parameters":      "$argon2id$v=19$m=64,t=1,p=1,keyid=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"short salt":           "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"padded salt":          "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ=$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"salt of more bits":    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHR$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	"no key":               "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
	"short key":            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ",
	"long key":             "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + strings.Repeat("AAAA", 22),
	"key in URL letters":   "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB_VmZZF4Oo79iDXuL5_0ttZwg2f_5U52iv1cDc",
	"new line":             "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc\n",
	"more":                 "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc$",
	"long":                 strings.Repeat("$", 1<<20),
}

func TestMalformed(t *testing.T) {
	h := passhash.New(passhash.InsecureCheap, nil)
	h.Hold() // so that hashing would hang
	for name, hash := range malformed {
		t.Run(name, func(t *testing.T) {
			ok, stale, err := h.Verify(t.Context(), hash, "password")
			if ok || stale || !errors.Is(err, passhash.ErrFormat) {
				t.Errorf("Verify = %v, %v, %v, want ErrFormat", ok, stale, err)
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	h := passhash.New(passhash.InsecureCheap, nil)
	hash, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", passhash.MaxPassword+1)
	if _, err := h.Hash(t.Context(), long); !errors.Is(err, passhash.ErrTooLong) {
		t.Errorf("Hash: %v, want ErrTooLong", err)
	}
	if ok, _, err := h.Verify(t.Context(), hash, long); ok || !errors.Is(err, passhash.ErrTooLong) {
		t.Errorf("Verify: %v, %v, want ErrTooLong", ok, err)
	}
	if err := h.Dummy(t.Context(), long); !errors.Is(err, passhash.ErrTooLong) {
		t.Errorf("Dummy: %v, want ErrTooLong", err)
	}
	if err := h.Dummy(t.Context(), long[1:]); err != nil {
		t.Errorf("Dummy: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := passhash.New(passhash.InsecureCheap, nil)
		hash, err := h.Hash(t.Context(), "password")
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]func(context.Context) error{
			"Hash":   func(ctx context.Context) error { _, err := h.Hash(ctx, "password"); return err },
			"Verify": func(ctx context.Context) error { _, _, err := h.Verify(ctx, hash, "password"); return err },
			"Dummy":  func(ctx context.Context) error { return h.Dummy(ctx, "password") },
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range calls {
			if err := call(over); !errors.Is(err, context.Canceled) {
				t.Errorf("%s with a cancelled context: %v", name, err)
			}
		}
		release := h.Hold()
		for name, call := range calls {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s in the queue: %v", name, err)
			}
			cancel()
		}
		release() // a call that gave up must have released its place
		for name, call := range calls {
			if err := call(t.Context()); err != nil {
				t.Errorf("%s after the queue: %v", name, err)
			}
		}
	})
}

// TestQueue shows that hashes beyond the number of processors wait, and in
// which order they go on.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := passhash.New(passhash.InsecureCheap, nil)
		release := h.Hold()
		var mu sync.Mutex
		var order, want []int
		for i := range 20 {
			want = append(want, i)
			go func() {
				done, err := h.Wait(t.Context())
				if err != nil {
					t.Error(err)
				}
				defer done()
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			}()
			synctest.Wait()
		}
		if len(order) != 0 {
			t.Fatalf("%d hashes did not wait", len(order))
		}
		release() // one of the places: so one after the other
		synctest.Wait()
		if !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range malformed {
		if len(s) < 1000 {
			f.Add(s)
		}
	}
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc")
	h := passhash.New(passhash.InsecureCheap, nil)
	h.Hold()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, s string) {
		_, _, err := h.Verify(over, s, "password")
		if errors.Is(err, passhash.ErrFormat) {
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Verify(%q) = %v", s, err)
		}
		if a, err := passhash.AlgorithmOf(s); err == nil && a != passhash.Argon2id {
			return // of another system
		}
		// An Argon2id hash of ours, or a bcrypt hash of a cost that may not come in.
		if len(s) > 256 || !strings.HasPrefix(s, "$argon2id$v=19$m=") && !strings.HasPrefix(s, "$2") {
			t.Fatalf("Verify accepts %q", s)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := passhash.New(passhash.Default, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse battery"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInsecureCheap(b *testing.B) {
	h := passhash.New(passhash.InsecureCheap, nil)
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse battery"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSixteenAtOnce reports how long 16 callers wait for their hashes,
// and the memory that the process holds.
func BenchmarkSixteenAtOnce(b *testing.B) {
	const callers = 16
	h := passhash.New(passhash.Default, nil)
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := caller; i < b.N; i += callers {
				start := time.Now()
				if _, err := h.Hash(b.Context(), "correct horse battery"); err != nil {
					b.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(m.Sys-m.HeapReleased)/(1<<20), "MiB")
}
