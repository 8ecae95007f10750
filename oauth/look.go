package oauth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// The look of a client's pages: its managed-login style, or else the classic customization of
// the client or of the pool, over the look of the server. Both may be megabytes, so what
// pages need of them is kept in memory for a short time.

// lookLife is how long a look is kept, and so how late a change shows.
const lookLife = 10 * time.Second

// looksKept is how many looks are kept. A style has at most 2 MB.
const looksKept = 32

// lookPath is where the pictures of looks are served: CLIENT/NAME-DIGEST.
const lookPath = "/branding/"

// A clientLook is the look of the pages of a client.
type clientLook struct {
	look  *hosted.Look         // nil for that of the server
	terms map[string][2]string // use and privacy, by the language of a page; nil for none
	base  string               // of the paths of pictures
	files map[string]picture   // by the last part of the path
	until time.Time
}

type picture struct {
	mime string
	data []byte
}

// looks are those that are kept.
type looks struct {
	mu       sync.Mutex
	byClient map[string]*clientLook
}

// lookOf returns the look of a client. If it cannot be read, pages have that of the server.
func (v *visit) lookOf(client *identity.AppClient) *clientLook {
	l := &v.server.looks
	now := time.Now()
	l.mu.Lock()
	kept := l.byClient[client.ClientID()]
	l.mu.Unlock()
	if kept != nil && now.Before(kept.until) {
		return kept
	}
	fresh, err := v.server.readLook(v.ctx, client)
	if err != nil {
		v.failed(err)
		return &clientLook{}
	}
	fresh.until = now.Add(lookLife)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byClient == nil || len(l.byClient) >= looksKept {
		l.byClient = map[string]*clientLook{}
	}
	l.byClient[client.ClientID()] = fresh
	return fresh
}

func (s *Server) readLook(ctx context.Context, client *identity.AppClient) (*clientLook, error) {
	pool, err := s.engine.UserPool(ctx, client.PoolID())
	if err != nil {
		return nil, err
	}
	l := &clientLook{base: s.options.Path + lookPath, files: map[string]picture{}}
	if l.terms, err = termsOf(ctx, pool.Admin(), client.ClientID()); err != nil {
		return nil, err
	}
	b, err := pool.Admin().Brandings().OfClient(ctx, client.ClientID())
	switch {
	case err == nil && b.Settings.Defaults:
		return l, nil
	case err == nil:
		l.takeStyle(client.ClientID(), &b.Settings)
		return l, nil
	case !errors.Is(err, identity.ErrBrandingNotFound):
		return nil, err
	}
	c, err := pool.Admin().UICustomization(ctx, client.ClientID())
	if err != nil || c == nil {
		return l, err
	}
	l.look = &hosted.Look{Light: hosted.Colours{Accent: buttonColour(c.CSS)}}
	l.look.Dark = l.look.Light
	if len(c.Image) > 0 {
		l.look.Logo = l.add(client.ClientID(), "logo", picture{c.ImageType(), c.Image})
	}
	return l, nil
}

// add keeps a picture, and returns its path. The path has a digest of the picture, so that
// browsers may keep it.
func (l *clientLook) add(client, name string, p picture) string {
	sum := sha256.Sum256(p.data)
	name += "-" + hex.EncodeToString(sum[:8])
	l.files[name] = p
	return l.base + client + "/" + name
}

// A mode is the part of a style for light or for dark pages.
type mode struct {
	Color           string `json:"color"`
	BackgroundColor string `json:"backgroundColor"`
	BodyColor       string `json:"bodyColor"`
	Defaults        struct {
		BackgroundColor string `json:"backgroundColor"`
		TextColor       string `json:"textColor"`
	} `json:"defaults"`
}

type component struct {
	Light mode `json:"lightMode"`
	Dark  mode `json:"darkMode"`
}

// A style has those settings of a managed-login style that the pages know. All others have no
// counterpart in them.
type style struct {
	Categories struct {
		Global struct {
			ColorSchemeMode string `json:"colorSchemeMode"`
		} `json:"global"`
	} `json:"categories"`
	Components struct {
		PageBackground component `json:"pageBackground"`
		Form           component `json:"form"`
		PageText       component `json:"pageText"`
		PrimaryButton  component `json:"primaryButton"`
	} `json:"components"`
}

// takeStyle takes over what the pages know of a managed-login style.
func (l *clientLook) takeStyle(client string, b *identity.BrandingSettings) {
	var s style
	_ = json.Unmarshal(b.Settings, &s) // what has another form than the console's is passed over
	of := func(pick func(component) mode) hosted.Colours {
		button := pick(s.Components.PrimaryButton).Defaults
		return hosted.Colours{
			Page: colour(pick(s.Components.PageBackground).Color), Card: colour(pick(s.Components.Form).BackgroundColor),
			Text: colour(pick(s.Components.PageText).BodyColor), Accent: colour(button.BackgroundColor), OnAccent: colour(button.TextColor),
		}
	}
	l.look = &hosted.Look{Light: of(func(c component) mode { return c.Light }), Dark: of(func(c component) mode { return c.Dark })}
	switch s.Categories.Global.ColorSchemeMode {
	case "LIGHT":
		l.look.Dark = l.look.Light
	case "DARK":
		l.look.Light = l.look.Dark
	}
	for _, a := range b.Assets {
		mime, ok := pictureTypes[a.Extension]
		if !ok || len(a.Bytes) == 0 {
			continue
		}
		for _, to := range l.placesOf(a.Category, a.ColorMode) {
			if *to == "" || a.Category == "FORM_LOGO" { // which wins over the logo of the header
				*to = l.add(client, strings.ToLower(a.Category+"-"+a.ColorMode), picture{mime, a.Bytes})
			}
		}
	}
}

var pictureTypes = map[string]string{"ICO": "image/x-icon", "JPEG": "image/jpeg", "PNG": "image/png", "SVG": "image/svg+xml", "WEBP": "image/webp"}

// placesOf says where a picture of a style is shown. Pictures that the pages have no place for are not shown.
func (l *clientLook) placesOf(category, colorMode string) []*string {
	switch {
	case (category == "FORM_LOGO" || category == "PAGE_HEADER_LOGO") && colorMode == "DARK":
		return []*string{&l.look.LogoDark}
	case category == "FORM_LOGO" || category == "PAGE_HEADER_LOGO":
		return []*string{&l.look.Logo}
	case category == "FAVICON_ICO" || category == "FAVICON_SVG":
		return []*string{&l.look.Favicon}
	case category == "PAGE_BACKGROUND" && colorMode != "DARK":
		return []*string{&l.look.Background}
	}
	return nil
}

var hexColour = regexp.MustCompile(`^#?([0-9a-fA-F]{6})([0-9a-fA-F]{2})?$`)

// colour turns rrggbbaa, which styles have, into #rrggbb. It returns "" for anything else.
func colour(s string) string {
	m := hexColour.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return "#" + strings.ToLower(m[1])
}

var buttonRule = regexp.MustCompile(`\.submitButton-customizable\s*\{[^}]*?background-color\s*:\s*(#[0-9a-fA-F]{6})\b`)

// buttonColour is the colour of buttons in the CSS of classic pages, the only rule that these pages know.
func buttonColour(css string) string {
	m := buttonRule.FindStringSubmatch(css)
	if m == nil {
		return ""
	}
	return strings.ToLower(m[1])
}

// termsOf are the links to the documents of a client, if it has both.
func termsOf(ctx context.Context, a *identity.Admin, client string) (map[string][2]string, error) {
	var links [2]map[string]string
	for i, name := range []identity.TermsName{identity.TermsOfUse, identity.PrivacyPolicy} {
		doc, err := a.Terms().OfClient(ctx, client, name)
		if errors.Is(err, identity.ErrTermsNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		links[i] = doc.Settings.Links
	}
	all := map[string][2]string{}
	for _, language := range hosted.Languages() {
		var pair [2]string
		for i := range links {
			pair[i] = cmp.Or(links[i]["cognito:"+termsLanguages[language]], links[i]["cognito:default"])
		}
		all[language] = pair
	}
	return all, nil
}

// termsLanguages are the languages that terms may have a link for. Arabic is none of them.
var termsLanguages = map[string]string{
	"en": "english", "de": "german", "es": "spanish", "fr": "french", "id": "bahasa-indonesia", "it": "italian", "ja": "japanese",
	"ko": "korean", "nl": "dutch", "pt-BR": "portuguese-brazil", "zh-CN": "chinese-simplified", "zh-TW": "chinese-traditional",
}

// dress gives a page the look of a client, and the links of its terms.
func (v *visit) dress(page *hosted.Page, client *identity.AppClient) {
	l := v.lookOf(client)
	page.Look = l.look
	if pair, ok := l.terms[hosted.Language(v.r)]; ok {
		page.Terms = hosted.Terms{Use: pair[0], Privacy: pair[1]}
	}
}

// branding serves the pictures of looks.
func (v *visit) branding() {
	w, r := v.w, v.r
	id, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, lookPath), "/")
	var p picture
	if client, err := v.appClient(id); err == nil {
		p = v.lookOf(client).files[name]
	}
	if p.data == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", p.mime)
	h.Set("Cache-Control", "public, max-age=86400, immutable")
	h.Del("Pragma")
	h.Del("Expires")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // a picture that is opened as a page runs nothing
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.data))
}
