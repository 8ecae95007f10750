package cognito

import (
	"fmt"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/settings"
)

// CreateUserPool and UpdateUserPool have most members in common. The list
// poolMembers says for each member how it goes into the settings. CreateUserPool
// applies the list to the settings that every new pool begins with, UpdateUserPool
// applies it to the stored settings, inside the transaction of [identity.Admin.Update].
// A setting without a row, such as Issuer, stays as it was.

// A poolRequest is a CreateUserPool or an UpdateUserPool. The other of the two is empty.
type poolRequest struct {
	creates bool
	account string // of the engine
	create  *idp.CreateUserPoolRequest
	update  *idp.UpdateUserPoolRequest
}

// creation and replacement wrap a request of one kind.
func creation(in *idp.CreateUserPoolRequest, account string) *poolRequest {
	return &poolRequest{creates: true, account: account, create: in, update: &idp.UpdateUserPoolRequest{}}
}

func replacement(in *idp.UpdateUserPoolRequest, account string) *poolRequest {
	return &poolRequest{account: account, create: &idp.CreateUserPoolRequest{}, update: in}
}

// asked is the value of a member in the request that r is.
func asked[T any](r *poolRequest, create, update T) T {
	if r.creates {
		return create
	}
	return update
}

func (r *poolRequest) name() *string { return asked(r, r.create.PoolName, r.update.PoolName) }
func (r *poolRequest) tier() *idp.UserPoolTierType {
	return asked(r, r.create.UserPoolTier, r.update.UserPoolTier)
}

func (r *poolRequest) tags() map[string]string {
	return asked(r, r.create.UserPoolTags, r.update.UserPoolTags)
}

func (r *poolRequest) policies() *idp.UserPoolPolicyType {
	return asked(r, r.create.Policies, r.update.Policies)
}

func (r *poolRequest) key() *idp.KeyConfigurationType {
	return asked(r, r.create.KeyConfiguration, r.update.KeyConfiguration)
}

func (r *poolRequest) issuer() *idp.IssuerConfigurationType {
	return asked(r, r.create.IssuerConfiguration, r.update.IssuerConfiguration)
}

func (r *poolRequest) admin() *idp.AdminCreateUserConfigType {
	return asked(r, r.create.AdminCreateUserConfig, r.update.AdminCreateUserConfig)
}

// A poolMember is a row of poolMembers.
type poolMember struct {
	names  []string // of the members that the row reads
	fields []string // of the settings that the row sets
	// createOnly is true for members that UpdateUserPool does not have. An
	// update leaves their settings as they are.
	createOnly bool
	// kept reports whether an update leaves the settings as they are, since the
	// request leaves the member out. Where kept is nil, the settings go back to their defaults.
	kept func(r *poolRequest) bool
	set  func(s *identity.PoolSettings, r *poolRequest) error
}

// always makes a set function of one that cannot fail.
func always(set func(*identity.PoolSettings, *poolRequest)) func(*identity.PoolSettings, *poolRequest) error {
	return func(s *identity.PoolSettings, r *poolRequest) error {
		set(s, r)
		return nil
	}
}

// poolMembers are applied in this order: MfaConfiguration reads the settings of
// SmsConfiguration, and the error about Schema comes last.
var poolMembers = []poolMember{
	{
		names: []string{"PoolName"}, fields: []string{"Name"}, kept: func(r *poolRequest) bool { return text(r.name()) == "" },
		set: always(func(s *identity.PoolSettings, r *poolRequest) { s.Name = text(r.name()) }),
	},
	{
		names: []string{"UserPoolTier"}, fields: []string{"Tier"}, kept: func(r *poolRequest) bool { return text(r.tier()) == "" },
		set: always(func(s *identity.PoolSettings, r *poolRequest) { s.Tier = identity.Tier(text(r.tier())) }),
	},
	// Infrastructure tools set tags by TagResource and leave them out here.
	{
		names: []string{"UserPoolTags"}, fields: []string{"Tags"}, kept: func(r *poolRequest) bool { return r.tags() == nil },
		set: always(func(s *identity.PoolSettings, r *poolRequest) { s.Tags = tags(r.tags()) }),
	},
	{
		names:  []string{"Policies", "AdminCreateUserConfig"},
		fields: []string{"PasswordPolicy", "FirstFactors", "AdminOnly", "Invitation", "UnusedAccountDays"},
		set:    always(setPolicies),
	},
	{
		names: []string{"DeletionProtection"}, fields: []string{"DeletionProtection"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.DeletionProtection = text(asked(r, r.create.DeletionProtection, r.update.DeletionProtection)) == "ACTIVE"
		}),
	},
	{
		names: []string{"LambdaConfig"}, fields: []string{"Triggers", "TriggerKey"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			c := asked(r, r.create.LambdaConfig, r.update.LambdaConfig)
			s.Triggers, s.TriggerKey = triggers(c), val(c).KMSKeyID
		}),
	},
	{
		names: []string{"AutoVerifiedAttributes"}, fields: []string{"AutoVerified"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.AutoVerified = list[string](asked(r, r.create.AutoVerifiedAttributes, r.update.AutoVerifiedAttributes))
		}),
	},
	{
		names: []string{"SmsVerificationMessage"}, fields: []string{"SMSVerificationMessage"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.SMSVerificationMessage = asked(r, r.create.SmsVerificationMessage, r.update.SmsVerificationMessage)
		}),
	},
	{
		names: []string{"EmailVerificationMessage"}, fields: []string{"EmailVerificationMessage"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.EmailVerificationMessage = asked(r, r.create.EmailVerificationMessage, r.update.EmailVerificationMessage)
		}),
	},
	{
		names: []string{"EmailVerificationSubject"}, fields: []string{"EmailVerificationSubject"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.EmailVerificationSubject = asked(r, r.create.EmailVerificationSubject, r.update.EmailVerificationSubject)
		}),
	},
	{
		names: []string{"VerificationMessageTemplate"}, fields: []string{"Verification"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.Verification = verification(asked(r, r.create.VerificationMessageTemplate, r.update.VerificationMessageTemplate))
		}),
	},
	{
		names: []string{"SmsAuthenticationMessage"}, fields: []string{"SMSAuthenticationMessage"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.SMSAuthenticationMessage = asked(r, r.create.SmsAuthenticationMessage, r.update.SmsAuthenticationMessage)
		}),
	},
	// Once set, they are there for good: an update that leaves them out empties
	// the list, and the service shows the empty list from then on.
	{
		names: []string{"UserAttributeUpdateSettings"}, fields: []string{"VerifyBeforeUpdate"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			u := asked(r, r.create.UserAttributeUpdateSettings, r.update.UserAttributeUpdateSettings)
			if u != nil || s.VerifyBeforeUpdate != nil {
				s.VerifyBeforeUpdate = append([]string{}, list[string](val(u).AttributesRequireVerificationBeforeUpdate)...)
			}
		}),
	},
	{
		names: []string{"DeviceConfiguration"}, fields: []string{"Devices"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.Devices = devices(asked(r, r.create.DeviceConfiguration, r.update.DeviceConfiguration))
		}),
	},
	{
		names: []string{"EmailConfiguration"}, fields: []string{"Email"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.Email = emailSettings(asked(r, r.create.EmailConfiguration, r.update.EmailConfiguration))
		}),
	},
	{
		names: []string{"UserPoolAddOns"}, fields: []string{"ThreatProtection"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.ThreatProtection = threatSettings(asked(r, r.create.UserPoolAddOns, r.update.UserPoolAddOns))
		}),
	},
	{
		names: []string{"AccountRecoverySetting"}, fields: []string{"Recovery"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.Recovery = recovery(asked(r, r.create.AccountRecoverySetting, r.update.AccountRecoverySetting))
		}),
	},
	{
		names: []string{"SmsConfiguration"}, fields: []string{"SMS"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.SMS = smsSettings(asked(r, r.create.SmsConfiguration, r.update.SmsConfiguration))
		}),
	},
	// An update that leaves the key out keeps it (unsure).
	{
		names: []string{"KeyConfiguration"}, fields: []string{"EncryptionKey"}, kept: func(r *poolRequest) bool { return r.key() == nil },
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.EncryptionKey = nil
			if k := r.key(); k != nil {
				s.EncryptionKey = &settings.EncryptionKey{Type: as[string](k.KeyType), ARN: k.KmsKeyArn}
			}
		}),
	},
	{
		names: []string{"IssuerConfiguration"}, fields: []string{"IssuerType"}, kept: func(r *poolRequest) bool { return r.issuer() == nil }, // (unsure)
		set: func(s *identity.PoolSettings, r *poolRequest) error {
			s.IssuerType = nil
			if c := r.issuer(); c != nil {
				if c.Type == nil {
					return wire.Errorf(idp.InvalidParameterException, "IssuerConfiguration has no Type.") // text (unsure)
				}
				s.IssuerType = as[string](c.Type)
			}
			return nil
		},
	},
	{
		names: []string{"AcrConfiguration"}, fields: []string{"LevelNames"},
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.LevelNames = levelNames(asked(r, r.create.AcrConfiguration, r.update.AcrConfiguration))
		}),
	},
	{names: []string{"MfaConfiguration"}, fields: []string{"MFA", "SMSMFA", "TOTP"}, set: setMode},
	{
		names: []string{"AliasAttributes"}, fields: []string{"Aliases"}, createOnly: true,
		set: always(func(s *identity.PoolSettings, r *poolRequest) { s.Aliases = list[string](r.create.AliasAttributes) }),
	},
	{
		names: []string{"UsernameAttributes"}, fields: []string{"UsernameAttributes"}, createOnly: true,
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.UsernameAttributes = list[string](r.create.UsernameAttributes)
		}),
	},
	{
		names: []string{"UsernameConfiguration"}, fields: []string{"CaseSensitive"}, createOnly: true,
		set: always(func(s *identity.PoolSettings, r *poolRequest) {
			s.CaseSensitive = val(r.create.UsernameConfiguration).CaseSensitive
		}),
	},
	{
		names: []string{"Schema"}, fields: []string{"Schema"}, createOnly: true,
		set: func(s *identity.PoolSettings, r *poolRequest) error { return setSchema(s, r.create.Schema) },
	},
}

// unservedMembers are refused where they ask for what this version does not do.
var unservedMembers = []struct {
	name string
	asks func(r *poolRequest) bool
}{
	{"DcrConfiguration", func(r *poolRequest) bool {
		return asked(r, r.create.DcrConfiguration, r.update.DcrConfiguration) != nil
	}},
}

// newPoolSettings are the settings of a pool that a request asks for.
func (r *poolRequest) newPoolSettings(region string) (*identity.PoolSettings, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	s := &identity.PoolSettings{Region: region, Defaults: identity.CognitoDefaults, SRP: true}
	return s, r.apply(s)
}

// check refuses what is wrong with the request itself, whatever the stored settings are.
func (r *poolRequest) check() error {
	if err := checkTagCount(r.tags()); err != nil {
		return err
	}
	if err := checkSMS(asked(r, r.create.SmsConfiguration, r.update.SmsConfiguration)); err != nil {
		return err
	}
	for _, m := range unservedMembers {
		if m.asks(r) {
			return fmt.Errorf("%w: %s", identity.ErrUnsupported, m.name)
		}
	}
	days, policy := val(r.admin()).UnusedAccountValidityDays, val(r.policies()).PasswordPolicy
	if days == nil || policy == nil || policy.TemporaryPasswordValidityDays == nil || *policy.TemporaryPasswordValidityDays == *days {
		return nil
	}
	return wire.Errorf(idp.InvalidParameterException,
		"Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays")
}

// apply puts what the request asks for into settings. It is pure, as a
// transaction may run it again.
func (r *poolRequest) apply(s *identity.PoolSettings) error {
	for _, m := range poolMembers {
		if !r.creates && (m.createOnly || m.kept != nil && m.kept(r)) {
			continue
		}
		if err := m.set(s, r); err != nil {
			return err
		}
	}
	if err := checkPlan(s); err != nil {
		return err
	}
	return s.CheckService(r.account, "AutoVerified", "Email", "SMS", "Triggers", "Recovery", "FirstFactors")
}

// setPolicies sets what the service does: a policy of 8 characters of all
// kinds where none is given, and one whose missing switches are off where one is.
// A pool that was made in Go with SafeDefaults goes back to its own default instead.
func setPolicies(s *identity.PoolSettings, r *poolRequest) {
	in, admin := val(r.policies()), val(r.admin())
	if given := val(in.SignInPolicy).AllowedFirstAuthFactors; r.creates || given != nil { // an update without them keeps them (measured)
		s.FirstFactors = list[identity.FirstFactor](given)
	}
	s.AdminOnly = val(admin.AllowAdminCreateUserOnly)
	s.Invitation = invitation(admin.InviteMessageTemplate)
	s.UnusedAccountDays = number[int](admin.UnusedAccountValidityDays)
	s.PasswordPolicy = passwordPolicy(in.PasswordPolicy)
	if days := admin.UnusedAccountValidityDays; days != nil {
		s.PasswordPolicy.TemporaryDays = positive(days, 7)
	}
	if s.Defaults == identity.SafeDefaults && in.PasswordPolicy == nil && admin.UnusedAccountValidityDays == nil {
		s.PasswordPolicy = nil // nobody gets the service's looser policy without asking
	}
}

// setMode sets whether second factors are asked for, and which there are.
// Neither request has a member for the other factors: they stay on with any
// mode but OFF. A new pool has codes by SMS. Later they come on where a pool
// that has no factor is given the means to send them.
func setMode(s *identity.PoolSettings, r *poolRequest) error {
	before := s.MFA
	s.MFA = identity.MFAMode(text(asked(r, r.create.MfaConfiguration, r.update.MfaConfiguration)))
	if s.MFA == "" || s.MFA == identity.MFAOff {
		s.DropFactors()
		return nil
	}
	s.SMSMFA = s.SMS != nil && (s.SMSMFA || !s.OffersFactor())
	if !s.OffersFactor() {
		return needSMS()
	}
	if !r.creates && s.MFA == identity.MFAOn && before != identity.MFAOn {
		return wire.Errorf(idp.InvalidParameterException, "Cannot turn MFA functionality ON, once the user pool has been created.")
	}
	return nil
}

// needSMS is what the service says of a second factor without the means to send one.
func needSMS() error {
	return wire.Errorf(idp.InvalidParameterException,
		"SMS configuration and Auto verification for phone_number are required when MFA is required/optional")
}
