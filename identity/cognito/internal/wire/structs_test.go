package wire

import (
	"strings"
	"testing"
)

type inner struct {
	Word  *string
	Words []string
}

type outer struct {
	SMSMessage *string
	Flag       *bool
	Inner      *inner
	Secret     *Secret
}

// Structures are printed as the service prints them, but never a secret.
func TestStructsText(t *testing.T) {
	for _, tt := range []struct {
		list   []outer
		text   string
		hidden bool
	}{
		{nil, "null", false},
		{[]outer{{}}, "[outer(smsMessage=null, flag=null, inner=null, secret=null)]", false},
		{
			[]outer{{Flag: new(true), Inner: &inner{Word: new("x"), Words: []string{"a", "b"}}}, {SMSMessage: new("s")}},
			"[outer(smsMessage=null, flag=true, inner=inner(word=x, words=[a, b]), secret=null), outer(smsMessage=s, flag=null, inner=null, secret=null)]", false,
		},
		{[]outer{{Secret: new(Secret("hidden"))}}, "[outer(smsMessage=null, flag=null, inner=null, secret=)]", true},
	} {
		if text, hidden := structsText(tt.list); text != tt.text || hidden != tt.hidden {
			t.Errorf("%+v: %q, hidden %t, want %q, %t", tt.list, text, hidden, tt.text, tt.hidden)
		}
	}
	long := outer{SMSMessage: new(strings.Repeat("x", 400))}
	if text, _ := structsText([]outer{long, long, long, long}); len(text) > 3*maxEcho {
		t.Errorf("%d bytes are printed of a long list", len(text))
	}
	secret := []outer{{Secret: new(Secret("hidden"))}}
	v := &Validator{}
	CheckStructs(v, "List", secret, Required, &ListRule{Min: 2})
	if want := "Value at 'list' failed to satisfy constraint: Member must have length greater than or equal to 2"; v.wrong[0] != want {
		t.Errorf("message %q, want %q", v.wrong[0], want)
	}
}

func (*outer) Validate(*Validator) {}
