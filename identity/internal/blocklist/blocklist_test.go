package blocklist_test

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/blocklist"
)

func contains(t *testing.T, password string) bool {
	known, err := blocklist.Contains(password)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func TestContains(t *testing.T) {
	for password, want := range map[string]bool{
		"123456": true, "password": true, "PassWord": true, "1q2w3e4r5t6y7u8i9o": true, "passwordpassword": true, "qwerty123456789": true,
		"": false, "correct horse battery staple": false, "jL#4-vexing-otter": false,
		strings.Repeat("x", 1<<16): false,
	} {
		if got := contains(t, password); got != want {
			t.Errorf("Contains(%.40q) = %t, want %t", password, got, want)
		}
	}
}

// TestContainsTheList asks for each long password of the list: the filter must know them all.
// Short tests ask for each eighth.
func TestContainsTheList(t *testing.T) {
	f, err := os.Open("gen/passwords.txt.gz")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the list is no part of the module that programs download")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines, n := bufio.NewScanner(text), 0
	for lines.Scan() {
		if utf8.RuneCountInString(lines.Text()) < 8 {
			continue
		}
		if n++; testing.Short() && n%8 != 0 {
			continue
		}
		if !contains(t, lines.Text()) {
			t.Fatalf("the filter does not know %q", lines.Text())
		}
	}
	if err := lines.Err(); err != nil || n < 200_000 {
		t.Errorf("%d passwords, error %v", n, err)
	}
}

// TestRate counts how many of a million other texts the filter takes for one of the list. With 16 bits
// it is one in 65,536: 15 are expected, and more than 40 come by chance less than once in a million runs.
// The texts are the same in each run.
func TestRate(t *testing.T) {
	n, most := 1_000_000, 40
	if testing.Short() {
		n, most = n/10, most/4
	}
	taken := 0
	for i := range n {
		if contains(t, "no such password "+strconv.Itoa(i)) {
			taken++
		}
	}
	if taken > most {
		t.Errorf("the filter takes %d of %d other texts for one of the list, want at most %d", taken, n, most)
	}
	t.Logf("%d of %d", taken, n)
}

// TestSize holds what programs that link the package pay.
func TestSize(t *testing.T) {
	info, err := os.Stat("passwords.bin")
	if err != nil {
		t.Fatal(err)
	}
	if perEntry := float64(info.Size()) / blocklist.Entries; info.Size() > 520_000 || perEntry < 2 || perEntry > 2.5 {
		t.Errorf("the filter has %d bytes for %d passwords", info.Size(), blocklist.Entries)
	}
}

// TestBuildIsRepeatable: equal lists give equal bytes, and a list that is not sorted is taken too.
func TestBuildIsRepeatable(t *testing.T) {
	list := []string{"zebra", "apple", "mango"}
	first, err := blocklist.Build(list)
	if err != nil {
		t.Fatal(err)
	}
	again, err := blocklist.Build(list)
	if err != nil || string(first) != string(again) {
		t.Errorf("the second filter differs from the first, error %v", err)
	}
}

func BenchmarkContains(b *testing.B) {
	for b.Loop() {
		_, _ = blocklist.Contains("correct horse battery staple")
	}
}
