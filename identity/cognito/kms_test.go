package cognito_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/esdk/esdktest"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// A coded is a server with a pool whose codes for custom senders are encrypted, and a
// message with such a code.
type coded struct {
	*server
	admin   *identity.Admin
	code    string // in the message
	text    string // the message
	message *esdktest.Message
}

func newCoded(t *testing.T) *coded {
	t.Helper()
	c := &coded{}
	send := func(ctx context.Context, e *hook.CustomSender) (err error) {
		c.code = string(e.Code)
		c.text, err = e.Encrypt(ctx, e.Code)
		return err
	}
	c.server = newServerWith(t, serverOptions{handler: cognito.Options{VerifySignatures: true}, hooks: &identity.Hooks{CustomEmailSender: send}})
	info, err := c.engine.CreateUserPool(t.Context(), &identity.PoolSettings{
		Name: "p", Defaults: identity.CognitoDefaults, AutoVerified: []string{"email"}, TriggerKey: ref(kmsKey), Algorithm: "ES256",
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := c.engine.UserPool(t.Context(), info.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.admin = pool.Admin()
	c.send()
	return c
}

// send has the pool send another code.
func (c *coded) send() {
	c.t.Helper()
	name := strings.ToLower(identity.SecretHash("x", c.code, "y"))[:8]
	client, err := c.admin.Clients().Create(c.t.Context(), &identity.ClientSettings{Name: "c"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.ok("SignUp", obj{"ClientId": client.ID, "Username": name, "Password": "Passw0rd!", "UserAttributes": attrs("email", "a@example.com")})
	if c.message, err = esdktest.Read(c.text); err != nil {
		c.t.Fatal(err)
	}
}

// decrypt calls Decrypt as an SDK does, signed by a key with these options.
func (c *coded) decrypt(o *identity.AccessKeyOptions, change func(obj)) *answer {
	c.t.Helper()
	key, secret, err := c.engine.AccessKeys().Create(c.t.Context(), "handler", o)
	if err != nil {
		c.t.Fatal(err)
	}
	body := obj{"CiphertextBlob": base64.StdEncoding.EncodeToString(c.message.Keys[0].Ciphertext), "KeyId": kmsKey, "EncryptionContext": c.message.Context, "GrantTokens": list{}}
	if change != nil {
		change(body)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := c.post("TrentService.Decrypt", string(raw))
	r.Header.Del("Authorization")
	sigv4.Sign(r, raw, sigv4.Key{ID: key.ID, Secret: string(secret)}, "us-east-1", "kms", c.now())
	return c.do(r, "Decrypt")
}

// open decrypts the message with the key of an answer.
func (c *coded) open(a *answer) {
	c.t.Helper()
	if a.status != 200 || a.body["KeyId"] != kmsKey || a.body["EncryptionAlgorithm"] != "SYMMETRIC_DEFAULT" {
		c.t.Fatalf("Decrypt: %d %s", a.status, a.raw)
	}
	key, err := base64.StdEncoding.DecodeString(str(c.t, a.body, "Plaintext"))
	if err != nil {
		c.t.Fatal(err)
	}
	if got, err := c.message.Open(key); err != nil || got != c.code {
		c.t.Errorf("the message has the code %q, want %q: %v", got, c.code, err)
	}
}

func TestDecrypt(t *testing.T) {
	c := newCoded(t)
	pool := c.message.Context["userpool-id"]
	if info, err := c.admin.Describe(t.Context()); err != nil || pool != info.ID || len(c.message.Context) != 2 {
		t.Errorf("the context is %v: %v", c.message.Context, err)
	}
	if len(c.message.Keys) != 1 || c.message.Keys[0].Provider != "aws-kms" || c.message.Keys[0].Info != kmsKey {
		t.Errorf("the keys are %v", c.message.Keys)
	}
	c.open(c.decrypt(nil, nil))
	c.open(c.decrypt(&identity.AccessKeyOptions{Role: identity.RoleOperator, Pools: []string{pool}}, nil))
	c.open(c.decrypt(nil, func(in obj) { delete(in, "KeyId") }))
	c.open(c.decrypt(nil, func(in obj) { in["KeyId"] = "1234abcd-12ab-34cd-56ef-1234567890ab" }))
	if err := c.admin.RotateKeys(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	c.open(c.decrypt(nil, nil))
	c.send()
	c.open(c.decrypt(nil, nil))
}

func TestDecryptRefuses(t *testing.T) {
	c := newCoded(t)
	other, err := c.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "other", TriggerKey: ref(kmsKey)})
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, v any) func(obj) { return func(in obj) { in[name] = v } }
	sealed := string(c.message.Keys[0].Ciphertext)
	_, rest, _ := strings.Cut(sealed, ".")
	blob := func(s string) func(obj) {
		return set("CiphertextBlob", base64.StdEncoding.EncodeToString([]byte(s)))
	}
	for name, try := range map[string]struct {
		key    *identity.AccessKeyOptions
		change func(obj)
		want   string
	}{
		"another context":     {nil, set("EncryptionContext", obj{"userpool-id": other.ID}), "InvalidCiphertextException"},
		"no context":          {nil, func(in obj) { delete(in, "EncryptionContext") }, "InvalidCiphertextException"},
		"another pool's":      {nil, blob(other.ID + "." + rest), "InvalidCiphertextException"},
		"an unknown pool's":   {nil, blob("us-east-1_Unknown1." + rest), "InvalidCiphertextException"},
		"another region's":    {nil, blob("eu-west-1_Unknown1." + rest), "InvalidCiphertextException"},
		"garbage":             {nil, blob("\x00\xff"), "InvalidCiphertextException"},
		"a byte altered":      {nil, blob(sealed[:len(sealed)-2] + "AA"), "InvalidCiphertextException"},
		"a byte cut off":      {nil, blob(sealed[:len(sealed)-1]), "InvalidCiphertextException"},
		"another key":         {nil, set("KeyId", kmsKey+"0"), "IncorrectKeyException"},
		"the end of an ARN":   {nil, set("KeyId", "0ab"), "IncorrectKeyException"},
		"asymmetric":          {nil, set("EncryptionAlgorithm", "RSAES_OAEP_SHA_256"), "IncorrectKeyException"},
		"an algorithm":        {nil, set("EncryptionAlgorithm", "ROT13"), "ValidationException"},
		"no ciphertext":       {nil, func(in obj) { delete(in, "CiphertextBlob") }, "ValidationException"},
		"a long ciphertext":   {nil, blob(strings.Repeat("x", 6145)), "ValidationException"},
		"a key for others":    {&identity.AccessKeyOptions{Pools: []string{other.ID}}, nil, "AccessDeniedException"},
		"a key elsewhere":     {&identity.AccessKeyOptions{Regions: []string{"eu-west-1"}}, nil, "AccessDeniedException"},
		"a key of support":    {&identity.AccessKeyOptions{Role: identity.RoleSupport}, nil, "AccessDeniedException"},
		"a key of an auditor": {&identity.AccessKeyOptions{Role: identity.RoleAuditor}, nil, "AccessDeniedException"},
	} {
		a := c.decrypt(try.key, try.change)
		if kind, _ := a.body["__type"].(string); a.status != 400 || !strings.HasSuffix(kind, try.want) || strings.Contains(a.raw, "Plaintext") {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.raw, try.want)
		}
	}
	for target, want := range map[string]string{"Decrypt": "AuthenticationTokenException", "GenerateDataKey": "UnknownOperationException"} {
		r := c.post("TrentService."+target, `{"CiphertextBlob":"eA=="}`)
		r.Header.Del("Authorization")
		if a := c.do(r, target); a.status != 400 || !strings.HasSuffix(a.body["__type"].(string), want) {
			t.Errorf("%s without a signature: %d %s", target, a.status, a.raw)
		}
	}
	if err := c.admin.RevokeKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := c.decrypt(nil, nil); a.body["__type"] != "InvalidCiphertextException" {
		t.Errorf("after the keys were revoked: %s", a.raw)
	}
}

// A signature for another service is no signature for this one, and the other way round.
func TestDecryptNeedsASignatureForIt(t *testing.T) {
	c := newCoded(t)
	key, secret, err := c.engine.AccessKeys().Create(t.Context(), "handler", nil)
	if err != nil {
		t.Fatal(err)
	}
	for target, service := range map[string]string{"TrentService.Decrypt": "cognito-idp", idpPrefix + "ListUserPools": "kms"} {
		body := `{"CiphertextBlob":"eA==","MaxResults":1}`
		r := c.post(target, body)
		r.Header.Del("Authorization")
		sigv4.Sign(r, []byte(body), sigv4.Key{ID: key.ID, Secret: string(secret)}, "us-east-1", service, c.now())
		if a := c.do(r, target); !strings.Contains(a.raw, "Signature") || a.status != 400 {
			t.Errorf("%s signed for %s: %d %s", target, service, a.status, a.raw)
		}
	}
}

// A raw key reads the messages that are sent after it was made, until another one is
// made or it is deleted. It changes nothing for those who call Decrypt.
func TestRawKeyOfSenders(t *testing.T) {
	c := newCoded(t)
	create := func() (string, []byte) {
		k, err := c.admin.CreateSenderKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		key, err := base64.StdEncoding.DecodeString(string(k.Key))
		if err != nil || len(key) != 32 {
			t.Fatalf("%d bytes: %v", len(key), err)
		}
		return k.Name, key
	}
	reads := func(name string, key []byte) bool {
		got, err := c.message.OpenRaw("cognate", name, key)
		if err == nil && got != c.code {
			t.Errorf("the message has the code %q, want %q", got, c.code)
		}
		return err == nil
	}
	if _, err := c.admin.SenderKey(t.Context()); !errors.Is(err, identity.ErrSenderKeyUnknown) {
		t.Errorf("SenderKey of none: %v", err)
	}
	name, key := create()
	if k, err := c.admin.SenderKey(t.Context()); err != nil || k.Name != name || string(k.Key) != base64.StdEncoding.EncodeToString(key) {
		t.Errorf("SenderKey %s: %v", k.Name, err)
	}
	if reads(name, key) {
		t.Error("a new key reads an old message")
	}
	c.send()
	if !reads(name, key) {
		t.Error("the key does not read a message")
	}
	c.open(c.decrypt(nil, nil))
	second, newer := create()
	c.send()
	if second == name || reads(name, key) || !reads(second, newer) {
		t.Error("the keys are not changed")
	}
	for _, want := range []bool{true, false} {
		if was, err := c.admin.DeleteSenderKey(t.Context()); err != nil || was != want {
			t.Errorf("DeleteSenderKey: %t, %v", was, err)
		}
	}
	c.send()
	if len(c.message.Keys) != 1 {
		t.Errorf("after the deletion the keys are %v", c.message.Keys)
	}
	c.open(c.decrypt(nil, nil))
}
