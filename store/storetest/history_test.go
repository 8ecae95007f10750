package storetest_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store/storetest"
)

var record = flag.Bool("record", false, "write testdata/history.json anew")

func TestRecordedHistoryIsWhatTheReferenceSays(t *testing.T) {
	got := storetest.MakeHistory()
	if *record {
		if err := os.WriteFile("testdata/history.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got, storetest.GoldenHistory()) {
		t.Error("the reference answers otherwise than it once did; if that is meant, run the test with -record")
	}
	for _, has := range []string{
		`"do":"get"`, `"do":"scan"`, `"do":"insert"`, `"do":"put"`, `"do":"delete"`, `"do":"stop"`, `"view":true`,
		`"reverse":true`, `"limit":`, `"swallow":true`, `"free":true`,
		`"err":"exists"`, `"err":"invalid"`, `"err":"too large"`, `"err":"stopped"`,
	} {
		if n := strings.Count(string(got), has); n < 5 {
			t.Errorf("the history has %s %d times, want at least 5", has, n)
		}
	}
}
