package identity_test

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// exportedMethods are the exported methods of exported types that take a context first.
func exportedMethods(t *testing.T) []string {
	t.Helper()
	var found []string
	sources(t, func(room, path string, file *ast.File, _ *token.FileSet) {
		if room != "identity" || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range file.Decls {
			if m := methodOf(d); m != "" {
				found = append(found, m)
			}
		}
	})
	return found
}

func methodOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Recv == nil || !f.Name.IsExported() || len(f.Type.Params.List) == 0 {
		return ""
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	of, ok := receiver.(*ast.Ident)
	if !ok || !of.IsExported() || of.Name == "Outbox" || of.Name == "InsecureLogSender" {
		return ""
	}
	if first, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr); !ok || first.Sel.Name != "Context" {
		return ""
	}
	return of.Name + "." + f.Name.Name
}

// readers are the exported methods that change nothing, or do so in events of
// their jobs alone. AccessKeys.Used changes a time only.
var readers = strings.Fields(`
	Browser.ProviderIDToken
	AccessKeys.Find AccessKeys.List AccessKeys.Secret AccessKeys.Used
	Admin.CountUsers Admin.Describe Admin.Events Admin.SenderKey Admin.UnwrapSenderKey
	Authorization.Level AppClient.BeginRoundTrip AppClient.Browser AppClient.ClientToken AppClient.EndRoundTrip Authorization.Unconsented Browser.Logouts AppClient.StartCustom AppClient.StartSRP
	Clients.Get Clients.List Clients.SecretInfos Clients.Secrets
	Engine.AppClient Engine.Events Engine.IDTokenHint Engine.Issuer Engine.JWKS Engine.MFASetup Engine.Maintain Engine.NewEvent Engine.SendDue Engine.Session
	Engine.SignInStands Engine.VerifyIDToken Engine.VerifyParsedIDToken
	Engine.Sweep Engine.UserPool Engine.UserPools Engine.Verifier
	Groups.Get Groups.List Groups.Members Groups.Rules
	ImportJobs.Active ImportJobs.Columns ImportJobs.Get ImportJobs.List ImportJobs.Log
	Messages.List
	Admin.UICustomization Brandings.Get Brandings.OfClient Terms.Get Terms.List Terms.OfClient
	Domains.Get Domains.List Engine.DomainPool
	ResourceServers.Get ResourceServers.List
	Providers.Get Providers.ByIdentifier Providers.List Providers.SigningCertificate
	AppClient.Providers AppClient.Provider AppClient.ProviderByIdentifier AppClient.SAMLKeys
	UserPool.PasswordRules UserPool.Session
	Session.RecoveryCodesLeft Users.RecoveryCodesLeft
	Session.Device Session.Devices Session.Factors Session.Passkeys Session.Sessions Session.StartPasskey Users.All Users.Device Users.Devices Users.Export Users.ExportAll Users.Factors Users.Get Users.Groups Users.Page Users.Passkeys Users.Sessions
`)
