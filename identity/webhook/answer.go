package webhook

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/identity/hook"
)

// The readers of answers accept what the service accepts. Names are compared exactly, members that
// nobody knows are ignored, and a member of a wrong type is an error. The errors name members, and
// hold nothing of the answer.

type members map[string]json.RawMessage

// unrecognizable is the error of an answer that is not the event.
func unrecognizable(what string) error {
	return fmt.Errorf("%w: %s", hook.ErrInvalidDecision, what)
}

// readAnswer returns the response of an answer, which must be the whole event.
func readAnswer(body []byte) (members, error) {
	all, err := object("the answer", body)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"version", "triggerSource", "region", "userPoolId", "userName"} {
		var s string
		if isNull(all[name]) || json.Unmarshal(all[name], &s) != nil {
			return nil, unrecognizable(name + " is not text")
		}
	}
	for _, name := range []string{"callerContext", "request"} {
		if _, err := object(name, all[name]); err != nil {
			return nil, err
		}
	}
	return object("response", all["response"])
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func object(name string, raw json.RawMessage) (members, error) {
	var m members
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, unrecognizable(name + " is not an object")
	}
	return m, nil
}

// optional is object for a member that may be missing or null. m is nil then.
func (m members) optional(name string) (members, error) {
	if isNull(m[name]) {
		return nil, nil
	}
	return object(name, m[name])
}

// text is a member that may be missing or null.
func (m members) text(name string) (s string, err error) {
	if json.Unmarshal(orNull(m[name]), &s) != nil {
		return "", unrecognizable(name + " is not text")
	}
	return s, nil
}

// flag is a member that may be missing or null.
func (m members) flag(name string) (b bool, err error) {
	if json.Unmarshal(orNull(m[name]), &b) != nil {
		return false, unrecognizable(name + " is neither true nor false")
	}
	return b, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// texts is a list of texts that may be missing. It may not be null, nor have null in it.
func (m members) texts(name string) ([]string, error) {
	raw, ok := m[name]
	if !ok {
		return nil, nil
	}
	var list []*string
	if json.Unmarshal(raw, &list) != nil || list == nil || slices.Contains(list, nil) {
		return nil, unrecognizable(name + " is not a list of texts")
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = *s
	}
	return out, nil
}

// strings is an object of texts that may be missing or null; the result is nil then.
func (m members) strings(name string) (map[string]string, error) {
	of, err := m.optional(name)
	if err != nil || of == nil {
		return nil, err
	}
	out := make(map[string]string, len(of))
	for k, raw := range of {
		var s string
		if isNull(raw) || json.Unmarshal(raw, &s) != nil {
			return nil, unrecognizable(name + " has a value that is not text")
		}
		out[k] = s
	}
	return out, nil
}

func readPreSignUp(_ *hook.PreSignUp, r members) (d hook.PreSignUpDecision, err error) {
	for name, to := range map[string]*bool{"autoConfirmUser": &d.Confirm, "autoVerifyEmail": &d.VerifyEmail, "autoVerifyPhone": &d.VerifyPhone} {
		if *to, err = r.flag(name); err != nil {
			return hook.PreSignUpDecision{}, err
		}
	}
	return d, nil
}

// readCustomMessage reads the texts of the medium that the message goes by. Empty texts leave
// those of the pool.
func readCustomMessage(e *hook.CustomMessage, r members) (d hook.CustomMessageDecision, err error) {
	texts := map[string]string{}
	for _, name := range []string{"smsMessage", "emailMessage", "emailSubject"} {
		if texts[name], err = r.text(name); err != nil {
			return d, err
		}
	}
	switch e.Medium {
	case "EMAIL":
		return hook.CustomMessageDecision{Subject: texts["emailSubject"], Body: texts["emailMessage"]}, nil
	case "SMS":
		return hook.CustomMessageDecision{Body: texts["smsMessage"]}, nil
	}
	return d, fmt.Errorf("webhook: the medium %q is unknown", e.Medium)
}

func readMigration(_ *hook.UserMigration, r members) (d hook.UserMigrationDecision, err error) {
	if d.Attributes, err = r.strings("userAttributes"); err != nil {
		return hook.UserMigrationDecision{}, err
	}
	if d.Status, err = r.text("finalUserStatus"); err != nil {
		return hook.UserMigrationDecision{}, err
	}
	if !slices.Contains([]string{"", "CONFIRMED", "RESET_REQUIRED"}, d.Status) {
		return hook.UserMigrationDecision{}, unrecognizable("finalUserStatus is neither CONFIRMED nor RESET_REQUIRED")
	}
	if d.ForceAlias, err = r.flag("forceAliasCreation"); err != nil {
		return hook.UserMigrationDecision{}, err
	}
	// No invitation is sent to a user who is there already, so these are only checked.
	if _, err = r.text("messageAction"); err != nil {
		return hook.UserMigrationDecision{}, err
	}
	if _, err = r.flag("enableSMSMFA"); err != nil {
		return hook.UserMigrationDecision{}, err
	}
	if !isNull(r["desiredDeliveryMediums"]) {
		_, err = r.texts("desiredDeliveryMediums")
	}
	return d, err
}

// readTokens reads the changes that the version of the event allows: V1_0 changes the ID
// token, and the groups in both tokens.
func readTokens(e *hook.PreTokenGeneration, r members) (hook.PreTokenGenerationDecision, error) {
	switch e.Version {
	case "V1_0":
		return readTokens1(r)
	case "V2_0", "V3_0":
		return readTokens2(r)
	}
	return hook.PreTokenGenerationDecision{}, fmt.Errorf("webhook: the version %q of the event before tokens is unknown", e.Version)
}

func readTokens1(r members) (d hook.PreTokenGenerationDecision, err error) {
	m, err := r.optional("claimsOverrideDetails")
	if err != nil || m == nil {
		return d, err
	}
	if _, err := m.strings("claimsToAddOrOverride"); err != nil {
		return d, err // only texts
	}
	claims, err := readClaims(m)
	if err != nil {
		return d, err
	}
	override, err := readGroups(m)
	if err != nil {
		return d, err
	}
	return hook.PreTokenGenerationDecision{ID: claims, Groups: override}, nil
}

func readTokens2(r members) (d hook.PreTokenGenerationDecision, err error) {
	m, err := r.optional("claimsAndScopeOverrideDetails")
	if err != nil || m == nil {
		return d, err
	}
	var out hook.PreTokenGenerationDecision
	for name, to := range map[string]*hook.Claims{"idTokenGeneration": &out.ID, "accessTokenGeneration": &out.Access} {
		of, err := m.optional(name)
		if err != nil {
			return d, err
		}
		if *to, err = readClaims(of); err != nil {
			return d, err
		}
	}
	access, err := m.optional("accessTokenGeneration")
	if err != nil {
		return d, err
	}
	if out.AddScopes, err = access.texts("scopesToAdd"); err != nil {
		return d, err
	}
	if out.SuppressScopes, err = access.texts("scopesToSuppress"); err != nil {
		return d, err
	}
	if out.Groups, err = readGroups(m); err != nil {
		return d, err
	}
	return out, nil
}

// flat are the claims that hold no list and no object.
var flat = []string{"phone_number_verified", "email_verified", "updated_at", "address"}

// readClaims reads claims of any type except null.
func readClaims(m members) (c hook.Claims, err error) {
	values, err := m.optional("claimsToAddOrOverride")
	if err != nil {
		return c, err
	}
	for name, raw := range values {
		if isNull(raw) {
			return hook.Claims{}, unrecognizable("claimsToAddOrOverride has null in it")
		}
		if slices.Contains(flat, name) && (raw[0] == '{' || raw[0] == '[') {
			return hook.Claims{}, unrecognizable("claimsToAddOrOverride has a list or an object for " + name)
		}
	}
	suppress, err := m.texts("claimsToSuppress")
	if err != nil {
		return hook.Claims{}, err
	}
	return hook.Claims{Set: values, Suppress: suppress}, nil
}

// readGroups reads what replaces the groups. If it is null or empty, there are no groups in the
// tokens. If it is missing, they stay as they are.
func readGroups(m members) (*hook.GroupOverride, error) {
	if _, ok := m["groupOverrideDetails"]; !ok {
		return nil, nil
	}
	of, err := m.optional("groupOverrideDetails")
	if err != nil {
		return nil, err
	}
	var out hook.GroupOverride
	if out.Names, err = of.texts("groupsToOverride"); err != nil {
		return nil, err
	}
	if out.Roles, err = of.texts("iamRolesToOverride"); err != nil {
		return nil, err
	}
	if out.PreferredRole, err = of.text("preferredRole"); err != nil {
		return nil, err
	}
	return &out, nil
}
