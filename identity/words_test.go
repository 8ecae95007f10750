package identity

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

var placeForm = regexp.MustCompile(`\{[^}]*\}`)

// places are the placeholders of a text, sorted. The words of a link may differ.
func places(text string) []string {
	all := placeForm.FindAllString(linkForm.ReplaceAllString(text, "{##}"), -1)
	slices.Sort(all)
	return all
}

// gsm7 are the characters that a text message has as one of 160. With any other it has 70.
const gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// smsParts is how many text messages a text is.
func smsParts(text string) int {
	one, more, n := 160, 153, len([]rune(text))
	if strings.Trim(text, gsm7) != "" && strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(gsm7, r) }) {
		one, more, n = 70, 67, len(utf16.Encode([]rune(text)))
	}
	if n <= one {
		return 1
	}
	return (n + more - 1) / more
}

// needed are the placeholders of each text: all that tells users what the message is for.
var needed = map[MessageKind][]string{
	MessageSignUpCode: {"{####}"}, MessageResetCode: {"{####}"}, MessageFactorCode: {"{####}"},
	MessageInvitation: {"{####}", "{username}"}, welcomeWords: {"{username}"}, linkWords: {"{##}"},
	MessagePasswordChanged: {"{pool}", "{time}"}, MessageFactorChanged: {"{pool}", "{time}"}, MessageNewDevice: {"{pool}", "{time}"},
	MessagePasskeyAdded: {"{pool}", "{time}"}, MessagePasskeyRemoved: {"{pool}", "{time}"}, MessageRecoveryCodeUsed: {"{pool}", "{time}"},
	MessageAddressChanged: {"{pool}", "{time}"}, MessageAccountExists: {"{pool}", "{time}"},
	MessageIdentityLinked: {"{pool}", "{time}"}, MessageIdentityUnlinked: {"{pool}", "{time}"},
}

// TestWordsOfEachLanguage holds each text to the placeholders that its message needs, and to lengths.
func TestWordsOfEachLanguage(t *testing.T) {
	fill := strings.NewReplacer("{####}", "123456", "{pool}", "Acme Shop")
	for locale, l := range languages {
		if len(l.words) != len(needed) {
			t.Errorf("%s has %d texts, want %d", locale, len(l.words), len(needed))
		}
		for kind, en := range english.words {
			w := l.words[kind]
			if w.subject == "" || !slices.Equal(places(w.body), needed[kind]) || len(places(w.subject)) > 0 || len([]rune(w.subject)) > 140 {
				t.Errorf("%s, %s: %q, %q", locale, kind, w.subject, w.body)
			}
			if l != english && w == en {
				t.Errorf("%s, %s: the text is English", locale, kind)
			}
			filled := fill.Replace(strings.ReplaceAll(w.body, "{time}", time.Now().UTC().Format(l.time)))
			most, parts := 300, 5
			switch kind {
			case MessageSignUpCode, MessageFactorCode:
				most, parts = 140, 1
			case MessageResetCode, MessageInvitation:
				most, parts = 140, 2
			}
			if n := len([]rune(filled)); n > most || smsParts(filled) > parts {
				t.Errorf("%s, %s: %d characters, %d text messages, want at most %d and %d", locale, kind, n, smsParts(filled), most, parts)
			}
		}
		at := time.Date(2026, 3, 9, 14, 5, 0, 0, time.UTC).Format(l.time)
		if !strings.Contains(at, "2026") || !strings.Contains(at, "14:05 UTC") || regexp.MustCompile(`[A-Za-z]{4,}`).MatchString(at) && l != english {
			t.Errorf("%s: a time is %q", locale, at)
		}
	}
}

func TestLanguageOfAUser(t *testing.T) {
	for locale, want := range map[string]*language{
		"": english, "en-GB": english, "de": german, "de-AT": german, "de_CH": german, "DE": german, "pt": portuguese, "pt-BR": portuguese, "ja-JP": japanese,
		"fr-CA": french, "es-419": spanish, "zh-CN": english, "deutsch": english, "-de": english, "\x00": english, strings.Repeat("x", 2048): english,
	} {
		u := &User{Attributes: map[string]string{"locale": locale}}
		if got := languageOf(&PoolSettings{}, u); got != want {
			t.Errorf("locale %q: %v", locale, got.words[MessageSignUpCode])
		}
		if got := languageOf(&PoolSettings{Defaults: CognitoDefaults}, u); got != english {
			t.Errorf("locale %q, on a pool like the service's: %v", locale, got.words[MessageSignUpCode])
		}
	}
}
