package settings

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// A Branding is the style of the pages of managed login of a client: settings and files.
type Branding struct {
	// Defaults has the pages look as they do by themselves. Then there are no settings and no assets.
	Defaults bool `json:"defaults,omitempty"`
	// Settings are a JSON object. The engine keeps it, and knows nothing of its members.
	Settings json.RawMessage `json:"settings,omitempty"`
	// Assets are the files of the pages, such as logos. There are at most 40.
	Assets []BrandingAsset `json:"assets,omitempty"`
}

// A BrandingAsset is one file of a style.
type BrandingAsset struct {
	// Category says where the file is shown, such as FORM_LOGO.
	Category string `json:"category"`
	// ColorMode is LIGHT, DARK or DYNAMIC.
	ColorMode string `json:"colorMode"`
	// Extension is the kind of the file: ICO, JPEG, PNG, SVG or WEBP.
	Extension string `json:"extension"`
	// Bytes are the file, at most 1,000,000 bytes. It is of the kind that Extension says, and has no scripts.
	Bytes []byte `json:"bytes,omitempty"`
	// ResourceID names the file, or says what it belongs to, where it is the icon of an identity provider.
	ResourceID string `json:"resourceId,omitempty"`
}

// The bounds of a style.
const (
	MaxAssets       = 40
	MaxAssetBytes   = 1_000_000
	MaxBrandingSize = 2 << 20 // of settings and assets as JSON
)

var (
	assetCategories = []string{
		"FAVICON_ICO", "FAVICON_SVG", "EMAIL_GRAPHIC", "SMS_GRAPHIC", "AUTH_APP_GRAPHIC", "PASSWORD_GRAPHIC", "PASSKEY_GRAPHIC",
		"PAGE_HEADER_LOGO", "PAGE_HEADER_BACKGROUND", "PAGE_FOOTER_LOGO", "PAGE_FOOTER_BACKGROUND", "PAGE_BACKGROUND",
		"FORM_BACKGROUND", "FORM_LOGO", "IDP_BUTTON_ICON",
	}
	colorModes = []string{"LIGHT", "DARK", "DYNAMIC"}
)

// Check returns an [*Error] about what is invalid.
func (b *Branding) Check() error {
	if b.Defaults == (b.Settings != nil) || b.Defaults && len(b.Assets) > 0 {
		return invalid("Settings", BrandingAmbiguous, "", "A style has its own settings, or the defaults, not both.")
	}
	if b.Settings != nil && (!json.Valid(b.Settings) || !bytes.HasPrefix(bytes.TrimSpace(b.Settings), []byte("{"))) {
		return plain("Settings", "The settings of a style are a JSON object.")
	}
	if len(b.Assets) > MaxAssets {
		return plain("Assets", "A style has at most %d assets.", MaxAssets)
	}
	for _, a := range b.Assets {
		if err := a.check(); err != nil {
			return err
		}
	}
	if all, err := json.Marshal(b); err != nil || len(all) > MaxBrandingSize {
		return plain("Settings", "The settings and assets of a style have at most %d bytes.", MaxBrandingSize)
	}
	return nil
}

func (a *BrandingAsset) check() error {
	switch {
	case !slices.Contains(assetCategories, a.Category):
		return plain("Assets", "%q is not a category of assets.", a.Category)
	case !slices.Contains(colorModes, a.ColorMode):
		return plain("Assets", "%q is not a color mode.", a.ColorMode)
	case len(a.Bytes) == 0 && a.ResourceID == "":
		return plain("Assets", "The asset %s has neither a file nor a resource.", a.Category)
	case len(a.Bytes) > MaxAssetBytes:
		return plain("Assets", "The file of the asset %s has more than %d bytes.", a.Category, MaxAssetBytes)
	case len(a.Bytes) > 0 && !fileIs(a.Extension, a.Bytes):
		return plain("Assets", "The file of the asset %s is not of the type %s.", a.Category, a.Extension)
	}
	return nil
}

// fileIs reports whether a file is of a kind, by what it begins with.
func fileIs(extension string, file []byte) bool {
	switch extension {
	case "ICO":
		return bytes.HasPrefix(file, []byte("\x00\x00\x01\x00"))
	case "JPEG":
		return bytes.HasPrefix(file, []byte("\xff\xd8\xff"))
	case "PNG":
		return bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n"))
	case "WEBP":
		return bytes.HasPrefix(file, []byte("RIFF")) && len(file) > 12 && string(file[8:12]) == "WEBP"
	case "SVG":
		return plainSVG(string(file))
	}
	return false
}

// plainSVG reports whether a file is SVG without what could run in a browser that opens it as a page.
func plainSVG(file string) bool {
	low := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(file), "\ufeff"))
	if !strings.HasPrefix(low, "<svg") && !strings.HasPrefix(low, "<?xml") && !strings.HasPrefix(low, "<!--") || !strings.Contains(low, "<svg") {
		return false
	}
	for _, bad := range []string{"<script", ":script", "<foreignobject", "<!entity", "<!doctype", "javascript:", "<iframe", "<handler", " on", "\ton", "\non", "\ron", "/on", "\"on", "'on"} {
		if strings.Contains(low, bad) {
			return false
		}
	}
	return true
}

// Merge puts other settings and assets in the place of those of the same name, and keeps the rest. A
// style that other gives the defaults loses its own settings and assets.
func (b *Branding) Merge(other Branding) error {
	if other.Defaults {
		*b = Branding{Defaults: true, Settings: other.Settings, Assets: other.Assets}
		return nil
	}
	if other.Settings != nil {
		merged, err := mergeJSON(b.Settings, other.Settings)
		if err != nil {
			return plain("Settings", "The settings of a style are a JSON object.")
		}
		b.Settings, b.Defaults = merged, false
	}
	for _, a := range other.Assets {
		if i := slices.IndexFunc(b.Assets, a.replaces); i >= 0 {
			b.Assets[i] = a
		} else {
			b.Assets = append(b.Assets, a)
		}
	}
	return nil
}

// replaces reports whether an asset takes the place of another. Each provider has an icon of its own.
func (a BrandingAsset) replaces(other BrandingAsset) bool {
	return a.Category == other.Category && a.ColorMode == other.ColorMode && (a.Category != "IDP_BUTTON_ICON" || a.ResourceID == other.ResourceID)
}

// isObject reads what is a JSON object, and reports whether it is one.
func isObject(raw json.RawMessage, into *map[string]json.RawMessage) bool {
	return json.Unmarshal(raw, into) == nil && *into != nil
}

// mergeJSON merges an object into another, member by member. What is no object in both is replaced.
func mergeJSON(into, from json.RawMessage) (json.RawMessage, error) {
	var a, b map[string]json.RawMessage
	if err := json.Unmarshal(from, &b); err != nil {
		return nil, err
	}
	if !isObject(into, &a) {
		return from, nil
	}
	out := maps.Clone(a)
	for name, value := range b {
		merged, err := mergeJSON(a[name], value)
		if err != nil { // no object, which replaces what was there
			merged = value
		}
		out[name] = merged
	}
	return json.Marshal(out)
}
