package webhook

import (
	"fmt"
	"maps"
	"strings"

	"github.com/cognate-id/cognate/identity/hook"
)

// An envelope is an event as the service sends it. What has omitempty is absent from its
// events if it is empty; all other members are there, if need be as null.
type envelope struct {
	Version       string        `json:"version"`
	TriggerSource hook.Source   `json:"triggerSource"`
	Region        string        `json:"region"`
	UserPoolID    string        `json:"userPoolId"`
	UserName      string        `json:"userName"`
	CallerContext callerContext `json:"callerContext"`
	Request       any           `json:"request"`
	Response      any           `json:"response,omitempty"`

	call *hook.Call // that caused the event
	id   string     // of the call of the function
}

type callerContext struct {
	AWSSDKVersion string `json:"awsSdkVersion"`
	ClientID      string `json:"clientId"`
}

// What the service says if it does not know the SDK, and if an operator's call has no client.
const (
	unknownSDK = "aws-sdk-unknown-unknown"
	noClient   = "CLIENT_ID_NOT_APPLICABLE"
)

func enclose(e *hook.Event, request, response any) *envelope {
	client := e.Client
	if client == "" {
		client = noClient
	}
	region, _, _ := strings.Cut(e.Pool, "_")
	return &envelope{
		Version: "1", TriggerSource: e.Source, Region: region, UserPoolID: e.Pool, UserName: e.Username,
		CallerContext: callerContext{unknownSDK, client}, Request: request, Response: response, call: &e.Call, id: newID(),
	}
}

// attributes are the attributes of a user as events have them. Of a user who does not exist
// there are none.
func attributes(e *hook.Event) map[string]string {
	out := given(e)
	if e.Sub == "" {
		return out
	}
	out["sub"] = e.Sub
	out["cognito:user_status"] = e.Status
	for name, value := range e.Aliases {
		out["cognito:"+name+"_alias"] = value
	}
	return out
}

// given are the attributes that a new user comes with.
func given(e *hook.Event) map[string]string {
	out := map[string]string{}
	maps.Copy(out, e.Attributes)
	if e.Source == hook.SignUpByProvider {
		out["cognito:email_alias"], out["cognito:phone_number_alias"] = "", ""
	}
	return out
}

// The requests and responses of the triggers.
type (
	empty struct{}

	preSignUpRequest struct {
		UserAttributes map[string]string `json:"userAttributes"`
		ValidationData map[string]string `json:"validationData"`
		ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
	}
	preSignUpResponse struct {
		AutoConfirmUser bool `json:"autoConfirmUser"`
		AutoVerifyEmail bool `json:"autoVerifyEmail"`
		AutoVerifyPhone bool `json:"autoVerifyPhone"`
	}

	postConfirmationRequest struct {
		UserAttributes map[string]string `json:"userAttributes"`
		ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
	}

	preAuthenticationRequest struct {
		UserAttributes map[string]string `json:"userAttributes"`
		ValidationData map[string]string `json:"validationData"`
		UserNotFound   bool              `json:"userNotFound"`
	}

	postAuthenticationRequest struct {
		UserAttributes map[string]string `json:"userAttributes"`
		NewDeviceUsed  bool              `json:"newDeviceUsed"`
		ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
	}

	preTokenRequest struct {
		UserAttributes     map[string]string `json:"userAttributes"`
		GroupConfiguration groups            `json:"groupConfiguration"`
		Scopes             []string          `json:"scopes,omitzero"`
		ClientMetadata     map[string]string `json:"clientMetadata,omitempty"`
	}
	groups struct {
		GroupsToOverride   []string `json:"groupsToOverride"`
		IAMRolesToOverride []string `json:"iamRolesToOverride"`
		PreferredRole      *string  `json:"preferredRole"`
	}
	preTokenResponse struct {
		ClaimsOverrideDetails *empty `json:"claimsOverrideDetails"`
	}
	preTokenResponse2 struct {
		ClaimsAndScopeOverrideDetails *empty `json:"claimsAndScopeOverrideDetails"`
	}

	customMessageRequest struct {
		UserAttributes    map[string]string `json:"userAttributes"`
		CodeParameter     string            `json:"codeParameter"`
		LinkParameter     string            `json:"linkParameter"`
		UsernameParameter *string           `json:"usernameParameter"`
		ClientMetadata    map[string]string `json:"clientMetadata,omitempty"`
	}
	customMessageResponse struct {
		SMSMessage   *string `json:"smsMessage"`
		EmailMessage *string `json:"emailMessage"`
		EmailSubject *string `json:"emailSubject"`
	}

	migrationRequest struct {
		Password       string            `json:"password,omitempty"`
		ValidationData map[string]string `json:"validationData"`
		UserAttributes *empty            `json:"userAttributes"`
		ClientMetadata map[string]string `json:"clientMetadata,omitempty"`
	}
	migrationResponse struct {
		UserAttributes         *empty   `json:"userAttributes"`
		ForceAliasCreation     *bool    `json:"forceAliasCreation"`
		EnableSMSMFA           *bool    `json:"enableSMSMFA"`
		FinalUserStatus        *string  `json:"finalUserStatus"`
		MessageAction          *string  `json:"messageAction"`
		DesiredDeliveryMediums []string `json:"desiredDeliveryMediums"`
	}

	senderRequest struct {
		Type           string            `json:"type"`
		Code           *string           `json:"code"`
		ClientMetadata map[string]string `json:"clientMetadata"`
		UserAttributes map[string]string `json:"userAttributes"`
	}
)

func preSignUpEvent(e *hook.PreSignUp) (*envelope, error) {
	return enclose(&e.Event, preSignUpRequest{given(&e.Event), filled(e.Call.ValidationData), e.Call.ClientMetadata}, preSignUpResponse{}), nil
}

func postConfirmationEvent(e *hook.PostConfirmation) (*envelope, error) {
	return enclose(&e.Event, postConfirmationRequest{attributes(&e.Event), e.Call.ClientMetadata}, empty{}), nil
}

func preAuthenticationEvent(e *hook.PreAuthentication) (*envelope, error) {
	return enclose(&e.Event, preAuthenticationRequest{attributes(&e.Event), filled(e.Call.ValidationData), e.UserNotFound}, empty{}), nil
}

func postAuthenticationEvent(e *hook.PostAuthentication) (*envelope, error) {
	return enclose(&e.Event, postAuthenticationRequest{UserAttributes: attributes(&e.Event), NewDeviceUsed: e.NewDevice, ClientMetadata: e.Call.ClientMetadata}, empty{}), nil
}

// filled is nil for an empty map, which stands in events as null.
func filled(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}

func preTokenEvent(e *hook.PreTokenGeneration) (*envelope, error) {
	in := groups{GroupsToOverride: []string{}, IAMRolesToOverride: []string{}}
	for _, g := range e.Groups {
		in.GroupsToOverride = append(in.GroupsToOverride, g.Name)
		if g.RoleARN != "" {
			in.IAMRolesToOverride = append(in.IAMRolesToOverride, g.RoleARN)
		}
	}
	if e.PreferredRole != "" {
		in.PreferredRole = &e.PreferredRole
	}
	request := preTokenRequest{UserAttributes: attributes(&e.Event), GroupConfiguration: in, ClientMetadata: e.Call.ClientMetadata}
	if e.Version == "V1_0" {
		return enclose(&e.Event, request, preTokenResponse{}), nil
	}
	request.Scopes = append([]string{}, e.Scopes...)
	out := enclose(&e.Event, request, preTokenResponse2{})
	switch e.Version {
	case "V2_0":
		out.Version = "2"
	case "V3_0":
		out.Version = "3"
	default:
		return nil, fmt.Errorf("webhook: the version %q of the event before tokens is unknown", e.Version)
	}
	return out, nil
}

// Placeholders of messages.
const (
	codeParameter     = "{####}"
	linkParameter     = "{##Click Here##}"
	usernameParameter = "{username}"
)

func customMessageEvent(e *hook.CustomMessage) (*envelope, error) {
	request := customMessageRequest{
		UserAttributes: attributes(&e.Event), CodeParameter: codeParameter, LinkParameter: linkParameter, ClientMetadata: e.Call.ClientMetadata,
	}
	if strings.HasSuffix(string(e.Source), "_AdminCreateUser") {
		name := usernameParameter
		request.UsernameParameter = &name
	}
	return enclose(&e.Event, request, customMessageResponse{}), nil
}

func migrationEvent(e *hook.UserMigration) (*envelope, error) {
	request := migrationRequest{Password: string(e.Password), ValidationData: filled(e.Call.ValidationData), ClientMetadata: e.Call.ClientMetadata}
	return enclose(&e.Event, request, migrationResponse{}), nil
}

// senderEvent is the event of a custom sender. It has the address to send to among the
// attributes, also where that is a new address which the user has yet to verify. It has no
// response. A message that is sent again has the same id.
func senderEvent(kind, attribute string, e *hook.CustomSender, code string) *envelope {
	request := senderRequest{Type: kind, ClientMetadata: filled(e.Call.ClientMetadata), UserAttributes: attributes(&e.Event)}
	request.UserAttributes[attribute] = e.To
	if code != "" {
		request.Code = &code
	}
	out := enclose(&e.Event, request, nil)
	if e.ID != "" {
		out.id = "msg_" + e.ID
	}
	return out
}
