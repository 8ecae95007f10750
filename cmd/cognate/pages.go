package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/cognate-id/cognate/oauth/hosted"
)

type pagesCommand struct {
	Preview pagesPreview `cmd:"" help:"Show every page of a sign-in in every state, with sample data."`
}

// Help returns the details that --help shows.
func (pagesCommand) Help() string {
	return `The pages on which people sign in can have the look of your product: its colours and logo, CSS and templates of your own.`
}

type pagesPreview struct {
	Addr      address `default:"127.0.0.1:9230" placeholder:"HOST:PORT" help:"Where to listen; port 0 takes any free one. Default: ${default}."`
	Look      string  `placeholder:"FILE" help:"JSON with the name, logo and colours of your product."`
	Style     string  `placeholder:"FILE" help:"CSS that comes after that of the pages."`
	Templates string  `placeholder:"DIRECTORY" help:"Templates that replace those of the pages, by name, such as sign-in.html."`
}

// Help returns the details that --help shows.
func (pagesPreview) Help() string {
	return `Open the address in a browser: the page there lists all states. Add ?lang=ar to see a page in Arabic. The files are read again for each page, so change them and load the page again. Nobody can sign in here.

A look is JSON such as

    {"name": "Fernway", "logo": "/logo.svg", "light": {"accent": "#5b3fa8"}, "dark": {"accent": "#bda8ff"}}

Examples:

    cognate pages preview
    cognate pages preview --look look.json --style style.css
    cognate pages preview --templates ./pages`
}

// Run serves until a signal comes.
func (c *pagesPreview) Run(t *terminal) error {
	if _, err := c.pages(); err != nil {
		return err
	}
	l, err := listen(c.Addr)
	if err != nil {
		return err
	}
	defer l.Close()
	log := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, stop := signals()
	defer stop()
	fmt.Fprintf(t.out, "Every page in every state, with sample data:\n  %s\n", c.Addr.url(l))
	return serve(ctx, stop, l, http.HandlerFunc(c.answer), log, nil, func(context.Context) {})
}

// answer shows a page, or what is wrong with the files.
func (c *pagesPreview) answer(w http.ResponseWriter, r *http.Request) {
	p, err := c.pages()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.Preview().ServeHTTP(w, r)
}

func (c *pagesPreview) pages() (*hosted.Pages, error) {
	var o hosted.Options
	if c.Look != "" {
		text, err := os.ReadFile(c.Look)
		if err != nil {
			return nil, fmt.Errorf("--look: %w", err)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&o.Look); err != nil {
			return nil, hint(fmt.Errorf("--look %s: %w", c.Look, err), "see cognate pages preview --help for the form of a look")
		}
	}
	if c.Style != "" {
		text, err := os.ReadFile(c.Style)
		if err != nil {
			return nil, fmt.Errorf("--style: %w", err)
		}
		o.Style = string(text)
	}
	if c.Templates != "" {
		dir, err := os.OpenRoot(c.Templates)
		if err != nil {
			return nil, fmt.Errorf("--templates: %w", err)
		}
		defer func() { _ = dir.Close() }() // it was only read
		o.Templates = dir.FS()
	}
	return hosted.New(&o)
}
