// Command gen writes the wire package of one service from its model: types,
// their reading and validation, and the table of operations. It is run by go
// generate in the package that it writes, and writes the same bytes each time.
//
// It fails on anything in the model that it does not understand, for a
// constraint that is passed over is a request that should have been refused.
//
//	usage: gen SERVICE
//
// where SERVICE is cognito-idp or cognito-identity.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: gen SERVICE")
	}
	files, err := generate(filepath.Join("..", "model"), args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(name, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the files of the package for a service, by name.
func generate(models, service string) (map[string][]byte, error) {
	text, err := os.ReadFile(filepath.Join(models, service+".json"))
	if err != nil {
		return nil, err
	}
	m, err := readModel(text)
	if err != nil {
		return nil, err
	}
	text, err = os.ReadFile(filepath.Join(models, "facts.json"))
	if err != nil {
		return nil, err
	}
	f, err := readFacts(text, service)
	if err != nil {
		return nil, err
	}
	if err := f.apply(m); err != nil {
		return nil, err
	}
	if err := f.check(m); err != nil {
		return nil, err
	}
	g, err := newGenerator(m, f, service)
	if err != nil {
		return nil, err
	}
	return g.files()
}
