package identity

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/hook"
)

func TestAgentText(t *testing.T) {
	const like = " AppleWebKit/537.36 (KHTML, like Gecko) "
	for agent, want := range map[string]string{
		"": "unknown",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + like + "Chrome/142.0.0.0 Safari/537.36":                                              "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + like + "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":                                "Edge on Windows",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" + like + "Chrome/142.0.0.0 Safari/537.36":                                               "Chrome on ChromeOS",
		"Mozilla/5.0 (Linux; Android 16; SM-S931B)" + like + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":                   "Samsung Internet on Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":            "Safari on macOS",
		"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/143.0 Mobile/15E148 Safari/605.1.15": "Firefox on iPad",
		"Mozilla/5.0 (compatible; Robot/1.0)":                    "unknown",
		"aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.26.0":    "aws-sdk-go-v2 on Linux",
		"Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/macos#25.0.0": "Boto3 on macOS",
		"MyApp/3 CFNetwork/1490.0.4 Darwin/25.0.0":               "MyApp on macOS",
		"curl/8.16.0":                  "curl",
		"<script>alert(1)</script>":    "<script>alert(1)<",
		strings.Repeat("x", 65) + "/1": "unknown",
		"a\x00b/1":                     "unknown",
		"a\nb/1":                       "unknown",
	} {
		if got := agentText(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

// An operator's program may pass the User-Agent of its user on. Its own says nothing.
func TestUserAgentOfACall(t *testing.T) {
	passed := &hook.ContextData{Headers: []hook.Header{{Name: "Host", Value: "x"}, {Name: "user-agent", Value: "theirs"}}}
	for name, tt := range map[string]struct {
		call Call
		want string
	}{
		"a user's":                 {Call{UserAgent: "own"}, "own"},
		"a user's with context":    {Call{UserAgent: "own", Context: passed}, "own"},
		"an operator's":            {Call{AccessKey: "AKIA", UserAgent: "own"}, ""},
		"an operator's, passed on": {Call{AccessKey: "AKIA", UserAgent: "own", Context: passed}, "theirs"},
		"an operator's without":    {Call{AccessKey: "AKIA", UserAgent: "own", Context: &hook.ContextData{}}, ""},
	} {
		if got := userAgent(tt.call); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// The id of a session is the UUID of its family and nothing else, in both directions.
func TestSessionIDs(t *testing.T) {
	uuids := []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-4000-8000-000000000001"}
	for range 100 {
		var raw [16]byte
		_, _ = rand.Read(raw[:])
		text := hex.EncodeToString(raw[:])
		uuids = append(uuids, strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-"))
	}
	for _, uuid := range uuids {
		for _, f := range []family{{ID: uuid}, {ID: uuid, Browser: true}} {
			id := f.sessionID()
			if back, browser := familyOfSession(id); len(id) != 28 || back != uuid || browser != f.Browser {
				t.Errorf("%s is %s, which is %s", uuid, id, back)
			}
		}
	}
}
