package settings_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
)

// TestUpgradeListsEveryGrownDefault upgrades a pool of generation 0 and holds the list to what changes.
func TestUpgradeListsEveryGrownDefault(t *testing.T) {
	want := []settings.Change{
		{"UnconfirmedDays", "no limit", "7 days"},
		{"ReplaceUnconfirmed", "off", "on"},
		{"ProveNames", "off", "on"},
		{"PrepareNames", "off", "on"},
		{"HideSignUp", "off", "on"},
		{"Notices", "off", "on"},
		{"SignOutOnFactorChange", "off", "on"},
		{"MaxSignIns", "no limit", "100"},
		{"ForceAlias", "on", "off"},
		{"Rotation", "off", "on"},
		{"IdleHours", "no limit", "14 days"},
		{"RecentSignInMinutes", "no limit", "15 minutes"},
		{"OpenID", "off", "on"},
		{"BlockCommonPasswords", "off", "on"},
		{"Sessions", "off", "on"},
	}
	pool := settings.Pool{Name: "main", Region: "us-east-1"}
	if got := pool.Upgrade(); !slices.Equal(got, want) {
		t.Errorf("Upgrade = %v, want %v", got, want)
	}
	if err := pool.Check(); err != nil || pool.Generation != settings.LatestGeneration {
		t.Errorf("generation %d, Check = %v", pool.Generation, err)
	}
	if got := pool.Upgrade(); got != nil {
		t.Errorf("second Upgrade = %v", got)
	}
}

func TestUpgradeKeepsWhatWasGiven(t *testing.T) {
	pool := settings.Pool{
		Name: "main", Region: "us-east-1", UnconfirmedDays: new(30), ReplaceUnconfirmed: new(false), ProveNames: new(false), PrepareNames: new(false),
		HideSignUp: new(true), Notices: new(false), SignOutOnFactorChange: new(false), MaxSignIns: new(0), BlockCommonPasswords: new(false), RecentSignInMinutes: new(0), OpenID: new(false),
		Sessions: &settings.Sessions{MaxPerUser: 20},
	}
	before := pool
	for _, c := range pool.Upgrade() {
		if !slices.Contains([]string{"ForceAlias", "Rotation", "IdleHours"}, c.Setting) { // those are settings of clients
			t.Errorf("%v changes though it was given", c)
		}
	}
	if pool.UnconfirmedLife() != 30*24*time.Hour || pool.ReplacesUnconfirmed() || pool.ProvesNames() || pool.PreparesNames() || !pool.HidesSignUp() ||
		pool.NotifiesOwners() || pool.SignsOutOnFactorChange() || before.UnconfirmedLife() != pool.UnconfirmedLife() {
		t.Errorf("settings that were given have changed: %+v", pool)
	}
}

// TestPoolsOfAGenerationKeepIt: a pool of generation 1 has no default of generation 2, and the upgrade
// lists those alone.
func TestPoolsOfAGenerationKeepIt(t *testing.T) {
	pool := settings.Pool{Name: "main", Region: "us-east-1", Generation: 1}
	if pool.BlocksCommonPasswords() || pool.RecentSignIn() != 0 || !pool.NotifiesOwners() {
		t.Errorf("generation 1: BlocksCommonPasswords = %t, NotifiesOwners = %t", pool.BlocksCommonPasswords(), pool.NotifiesOwners())
	}
	want := []settings.Change{{"RecentSignInMinutes", "no limit", "15 minutes"}, {"OpenID", "off", "on"}, {"BlockCommonPasswords", "off", "on"}, {"Sessions", "off", "on"}}
	if got := pool.Upgrade(); !slices.Equal(got, want) {
		t.Errorf("Upgrade = %v, want %v", got, want)
	}
}

// TestWirePoolsHaveNoneOfOurs: pools with the service's defaults change in no generation.
func TestWirePoolsHaveNoneOfOurs(t *testing.T) {
	pool := settings.Pool{Defaults: settings.CognitoDefaults, Generation: settings.LatestGeneration}
	client := &settings.Client{}
	if pool.UnconfirmedLife() != 0 || pool.ReplacesUnconfirmed() || pool.ProvesNames() || pool.PreparesNames() || pool.HidesSignUp() || pool.NotifiesOwners() ||
		pool.SignsOutOnFactorChange() || pool.SignInLimit() != 0 || pool.BlocksCommonPasswords() || pool.RecentSignIn() != 0 || pool.TracksSessions() || !pool.MayForceAlias(client) || pool.Rotates(client) || pool.IdleLife(client) != 0 {
		t.Errorf("a pool with the service's defaults has one of ours: %+v", pool)
	}
	pool.Generation = 0
	if got := pool.Upgrade(); got != nil {
		t.Errorf("Upgrade = %v", got)
	}
}

// TestRefreshFlowDoesNotRotate: a client that is given the old flow keeps its token.
func TestRefreshFlowDoesNotRotate(t *testing.T) {
	pool := settings.Pool{Generation: 1}
	old := &settings.Client{AuthFlows: []settings.AuthFlow{settings.AllowUserPassword, settings.AllowRefresh}}
	for _, tt := range []struct {
		name    string
		client  *settings.Client
		rotates bool
		idle    time.Duration
	}{
		{"nothing given", &settings.Client{}, true, 336 * time.Hour},
		{"old flow", old, false, 0},
		{"other flows", &settings.Client{AuthFlows: []settings.AuthFlow{settings.AllowUserPassword}}, true, 336 * time.Hour},
		{"off", &settings.Client{Rotation: &settings.RefreshRotation{}}, false, 0},
		{"idle given", &settings.Client{IdleHours: new(2)}, true, 2 * time.Hour},
		{"no idle limit", &settings.Client{IdleHours: new(0)}, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := pool.Rotates(tt.client); got != tt.rotates {
				t.Errorf("Rotates = %t", got)
			}
			if got := pool.IdleLife(tt.client); got != tt.idle {
				t.Errorf("IdleLife = %s, want %s", got, tt.idle)
			}
		})
	}
}

func TestSMSCountries(t *testing.T) {
	for _, tt := range []struct {
		codes  []string
		number string
		sends  bool
	}{
		{nil, "+491701234567", true},
		{[]string{}, "+491701234567", false},
		{[]string{"+49"}, "+491701234567", true},
		{[]string{"+49"}, "+15555550100", false},
		{[]string{"+1", "+4917"}, "+491701234567", true},
	} {
		pool := settings.Pool{SMSCountries: tt.codes}
		if got := pool.SendsSMSTo(tt.number); got != tt.sends {
			t.Errorf("%q: SendsSMSTo(%s) = %t", tt.codes, tt.number, got)
		}
	}
}

// TestEveryDefaultOfAGenerationIsListed counts the methods that ask for the generation of a pool:
// each has a row in the table that Upgrade lists from, or two defaults share one method.
func TestEveryDefaultOfAGenerationIsListed(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "generation.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	asks, listed := map[string]bool{}, map[string]bool{}
	names := func(n ast.Node, into func(string)) {
		ast.Inspect(n, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				into(s.Sel.Name)
			}
			return true
		})
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			names(d, func(name string) { listed[name] = true })
		case *ast.FuncDecl:
			names(d.Body, func(name string) {
				if name == "since" || name == "given" {
					asks[d.Name.Name] = true
				}
			})
		}
	}
	delete(asks, "given")
	if len(asks) == 0 {
		t.Fatal("no method asks for the generation")
	}
	for name := range asks {
		if !listed[name] {
			t.Errorf("%s depends on the generation of defaults and has no row in grown", name)
		}
	}
}
