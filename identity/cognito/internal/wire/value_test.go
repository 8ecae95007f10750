package wire_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

func TestSecretPrintsRedacted(t *testing.T) {
	const plain = "hunter2"
	s := wire.Secret(plain)
	in := idp.InitiateAuthRequest{ClientId: &s, AuthParameters: map[string]wire.Secret{"PASSWORD": s}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T"} {
		for _, v := range []any{s, &s, []wire.Secret{s}, in, &in, in.AuthParameters} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, plain) || strings.Contains(strings.ToLower(got), fmt.Sprintf("%x", plain)) {
				t.Errorf("%s of %T prints %s", verb, v, got)
			}
		}
	}
	if got := fmt.Sprint(s) + s.String(); got != "[redacted][redacted]" {
		t.Errorf("prints %s", got)
	}
	var b strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "secret", s, "pointer", &s)
	}
	if strings.Contains(b.String(), plain) || strings.Count(b.String(), "[redacted]") < 2 {
		t.Errorf("log: %s", b.String())
	}
	if got, err := json.Marshal(s); err != nil || string(got) != `"hunter2"` {
		t.Errorf("JSON %s, %v", got, err)
	}
}

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		ms   int64
		want string
	}{
		{1470957431965, "1470957431.965"},
		{1470957431960, "1470957431.96"},
		{1470957431000, "1470957431"},
		{1, "0.001"},
		{0, "0"},
		{-1500, "-1.5"},
		{253402300799999, "253402300799.999"},
	} {
		got, err := json.Marshal(wire.Time{Time: time.UnixMilli(tt.ms).Add(999 * time.Microsecond)})
		if err != nil || string(got) != tt.want {
			t.Errorf("%d ms: %s, %v, want %s", tt.ms, got, err, tt.want)
		}
		var back wire.Time
		if err := json.Unmarshal(got, &back); err != nil || back.UnixMilli() != tt.ms {
			t.Errorf("%s: read as %v, %v", got, back, err)
		}
	}
}

// TestLengths: lengths are counted in UTF-16 units.
func TestLengths(t *testing.T) {
	h := newHandler(nil)
	for _, tt := range []struct {
		name string
		text string
		ok   bool
	}{
		{"128 letters", strings.Repeat("a", 128), true},
		{"129 letters", strings.Repeat("a", 129), false},
		{"128 of two bytes", strings.Repeat("é", 128), true},
		{"128 of three bytes", strings.Repeat("漢", 128), true},
		{"64 pairs", strings.Repeat("😀", 64), true},
		{"65 pairs", strings.Repeat("😀", 65), false},
	} {
		body, err := json.Marshal(map[string]string{"ClientId": "c", "Username": tt.text, "ConfirmationCode": "1"})
		if err != nil {
			t.Fatal(err)
		}
		resp := call{target: idpPrefix + "ConfirmSignUp", body: string(body)}.do(t, h)
		// The handler answers 500.
		if ok := resp.StatusCode == 500; ok != tt.ok {
			t.Errorf("%s: status %d", tt.name, resp.StatusCode)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`1700000000`, "2023-11-14T22:13:20Z"},
		{`1700000000.25`, "2023-11-14T22:13:20.25Z"},
		{`1.7e9`, "2023-11-14T22:13:20Z"},
		{`-0.5`, "1969-12-31T23:59:59.5Z"},
		{`0`, "1970-01-01T00:00:00Z"},
		{`1088680006.478`, "2004-07-01T11:06:46.478Z"}, // its float is a little less
		{`2174945516.101`, "2038-12-02T23:31:56.101Z"},
		{`null`, ""},
	} {
		at, err := wire.ReadTimestamp(tt.in)
		got := ""
		if at != nil {
			got = at.Format(time.RFC3339Nano)
		}
		if got != tt.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{`"2026-01-01T00:00:00Z"`, `true`, `{}`, `[]`, `1e300`, `-1e300`, `253402300800`, `1.`, `NaN`} {
		if at, err := wire.ReadTimestamp(in); at != nil || err == nil {
			t.Errorf("%s: %v, %v, want an error", in, at, err)
		}
	}
}
