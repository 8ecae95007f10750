package identity

import (
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/store"
)

// The SQL views over what the engine keeps, for people and their reports. No secret
// is in any of them. docs/sql.md describes each column; columns may be added in a later
// version, and none is taken away or changed.
var (
	poolsView = store.View{Name: "pools", Query: `select value->>'id' as id, value->'settings'->>'name' as name,
			(value->>'created')::timestamptz as created, (value->>'modified')::timestamptz as modified,
			value->'settings' as settings from pools`}

	clientsView = store.View{Name: "clients", Query: `select value->>'pool' as pool, value->>'id' as id, value->'settings'->>'name' as name,
			coalesce((value->>'hasSecret')::boolean, false) as has_secret,
			(value->>'created')::timestamptz as created, (value->>'modified')::timestamptz as modified,
			value->'settings' as settings from clients`}

	usersView = store.View{Name: "users", Query: `select value->>'pool' as pool, value->>'sub' as sub, value->>'username' as username,
			value->>'status' as status, not coalesce((value->>'disabled')::boolean, false) as enabled,
			value->'attributes'->>'email' as email, coalesce(value->'attributes'->>'email_verified' = 'true', false) as email_verified,
			value->'attributes'->>'phone_number' as phone_number, coalesce(value->'attributes'->>'phone_number_verified' = 'true', false) as phone_number_verified,
			coalesce(value->'attributes', '{}') as attributes, case when value->'mfa' ? 'methods' then jsonb_strip_nulls(jsonb_build_object(
				'sms', case when value->'mfa'->'methods' ? 'SMS_MFA' then true end,
				'totp', case when value->'mfa'->'methods' ? 'SOFTWARE_TOKEN_MFA' then true end,
				'email', case when value->'mfa'->'methods' ? 'EMAIL_OTP' then true end,
				'preferred', value->'mfa'->'preferred')) else coalesce(value->'mfa', '{}') end as mfa,
			(value->>'created')::timestamptz as created, (value->>'modified')::timestamptz as modified,
			(value->>'notBefore')::timestamptz as not_before from users`}

	groupsView = store.View{Name: "groups", Query: `select value->>'pool' as pool, value->>'id' as id, value->>'name' as name,
			value->>'description' as description, value->>'role' as role, (value->>'precedence')::bigint as precedence,
			(value->>'created')::timestamptz as created, (value->>'modified')::timestamptz as modified from groups`}

	membershipsView = store.View{Name: "memberships", Tables: []string{"users", "groups"}, Query: `select u.value->>'pool' as pool, u.value->>'sub' as sub, u.value->>'username' as username,
			g.value->>'id' as group_id, g.value->>'name' as group_name
			from users u cross join lateral jsonb_array_elements_text(coalesce(u.value->'groups', '[]')) as m(id)
			join groups g on g.value->>'pool' = u.value->>'pool' and g.value->>'id' = m.id`}

	familiesView = store.View{Name: "families", Query: `select value->>'pool' as pool, value->>'sub' as sub, value->>'id' as id, value->>'client' as client,
			(value->>'authTime')::timestamptz as auth_time, (value->>'expires')::timestamptz as expires, value->>'scope' as scope from families`}

	eventsView = store.View{Name: "events", Query: `select value->>'pool' as pool, (value->>'time')::timestamptz as time, value->>'id' as id,
			` + eventKindColumn() + ` as kind, value->>'sub' as sub, value->>'client' as client,
			value->'actor'->>'kind' as actor, value->'actor'->>'id' as actor_id,
			value->'subject'->>'kind' as subject, value->'subject'->>'id' as subject_id,
			` + eventFailureColumn() + ` as failure, coalesce(value->'data', '{}') as data, value->>'request' as request from events`}
)

// eventKindColumn is the kind of an event, by the name of today.
func eventKindColumn() string {
	var b strings.Builder
	b.WriteString("case value->>'kind'")
	for _, old := range sortedKeys(oldKinds) {
		fmt.Fprintf(&b, " when '%s' then '%s'", old, oldKinds[old].kind)
	}
	return b.String() + " else value->>'kind' end"
}

// eventFailureColumn is why what an event tells failed, which old kinds say by themselves.
func eventFailureColumn() string {
	var b strings.Builder
	b.WriteString("case value->>'kind'")
	for _, old := range sortedKeys(oldKinds) {
		if failure := oldKinds[old].failure; failure != "" {
			fmt.Fprintf(&b, " when '%s' then '%s'", old, failure)
		}
	}
	return b.String() + " else value->>'failure' end"
}
