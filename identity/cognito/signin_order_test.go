package cognito_test

import "testing"

// Each request is wrong in all the ways from its row on, so that what is
// answered is what is checked first: client, flow, secret hash, parameters,
// triggers, user, state, lock-out, password, state after the password.
func TestOrderOfChecks(t *testing.T) {
	w := newWorld(t)
	trap := w.server.pool(obj{"LambdaConfig": obj{"PreAuthentication": function}})
	trapped := w.client(trap, obj{"GenerateSecret": true})
	closed := w.client(trap, obj{"GenerateSecret": true, "ExplicitAuthFlows": list{"ALLOW_REFRESH_TOKEN_AUTH"}})
	trigger := problem{"UnexpectedLambdaException", "PreAuthentication invocation failed due to error ResourceNotFoundException.", 0}
	ask := func(c *client, flow string, params obj) *answer {
		return w.call("InitiateAuth", obj{"ClientId": c.id, "AuthFlow": flow, "AuthParameters": params})
	}
	for _, flow := range []struct {
		name, off string
		second    obj // the parameter beside USERNAME
	}{
		{"USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH flow not enabled for this client", obj{"PASSWORD": "wrong"}},
		{"USER_SRP_AUTH", "USER_SRP_AUTH is not enabled for the client.", obj{"SRP_A": "2a"}},
	} {
		second := "PASSWORD"
		if flow.second["SRP_A"] != nil {
			second = "SRP_A"
		}
		name := obj{"USERNAME": "nobody"}
		proved := with(name, obj{"SECRET_HASH": trapped.hash("nobody")})
		for _, tt := range []struct {
			step string
			*answer
			problem
		}{
			{"client", ask(&client{id: "nosuchclient"}, flow.name, nil), noClient("nosuchclient")},
			{"flow", ask(closed, flow.name, nil), invalid(flow.off)},
			{
				"hash is missing", ask(trapped, flow.name, nil),
				problem{"NotAuthorizedException", "Client " + trapped.id + " is configured with secret but SECRET_HASH was not received", 0},
			},
			{
				"hash is wrong", ask(trapped, flow.name, with(name, obj{"SECRET_HASH": "A"})),
				problem{"NotAuthorizedException", "Unable to verify secret hash for client " + trapped.id, 0},
			},
			{"no USERNAME", ask(trapped, flow.name, obj{"SECRET_HASH": trapped.hash("")}), missingParameter("USERNAME")},
			{"no " + second, ask(trapped, flow.name, proved), missingParameter(second)},
			{"trigger", ask(trapped, flow.name, with(proved, flow.second)), trigger},
			{"user", ask(w.open, flow.name, with(name, flow.second)), noUser},
			{"disabled", ask(w.open, flow.name, with(obj{"USERNAME": "dora"}, flow.second)), disabled},
			{"unconfirmed", ask(w.open, flow.name, with(obj{"USERNAME": "una"}, flow.second)), unconfirmed},
		} {
			t.Run(flow.name+" "+tt.step, func(t *testing.T) { tt.want(t, tt.problem) })
		}
	}
	t.Run("lock-out before password, state after it", func(t *testing.T) {
		for range 5 {
			byPassword("rita", "wrong")(w).want(t, incorrect)
		}
		byPassword("rita", goodPass)(w).want(t, problem{"NotAuthorizedException", "Password attempts exceeded", 0})
	})
	t.Run("no parameters at all", func(t *testing.T) {
		w.call("InitiateAuth", obj{"ClientId": w.open.id, "AuthFlow": "USER_PASSWORD_AUTH"}).want(t, missingParameter("USERNAME"))
		w.call("InitiateAuth", obj{"ClientId": w.open.id, "AuthFlow": "REFRESH_TOKEN"}).want(t, missingParameter("REFRESH_TOKEN"))
	})
}

// A trigger of any kind that sign-in would run stops it: its function may be
// what decides who may come in.
func TestTriggersAreNotSkipped(t *testing.T) {
	for _, trigger := range []string{"PreAuthentication", "PostAuthentication", "PreTokenGeneration", "UserMigration"} {
		t.Run(trigger, func(t *testing.T) {
			s := newServer(t)
			pool := s.pool(obj{"LambdaConfig": obj{trigger: function}})
			s.made(pool, "alice")
			c := s.client(pool, nil)
			name := "alice"
			if trigger == "UserMigration" {
				name = "nobody" // it runs for unknown users only
				s.call("InitiateAuth", c.passwordAuth("alice", goodPass)).wantOK(t)
			}
			s.call("InitiateAuth", c.passwordAuth(name, goodPass)).want(t,
				problem{"UnexpectedLambdaException", trigger + " invocation failed due to error ResourceNotFoundException.", 0})
		})
	}
}
