// Command cognate is an identity server with the API of Amazon Cognito. It runs a fake for
// tests (cognate dev) and a server for real users (cognate serve).
//
//	cognate dev          a fake on http://127.0.0.1:9229, in memory
//	cognate key create   an access key for the operators of a real server
//	cognate serve        the real server
//	cognate edge         signs people in for a gateway, such as nginx
//	cognate pool, client, resource-server, role, group, user
//	                     administer the store of the real server
//	cognate provider     say what the OIDC and SAML providers of identity pools are
//	cognate backup, restore, copy
//	                     save a store to a file, load it, or copy it to another store
//	cognate mail, sms    try whether messages are sent
//	cognate pages        preview the pages on which people sign in
//	cognate doctor       find out what is wrong with an application's sign-in
//	cognate secrets      change the keys that encrypt secrets in the store
//
// See `cognate COMMAND --help`. The exit code is 0 for success, 1 for an error, and 2 for an
// invalid command line.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

type commands struct {
	Dev            devCommand            `cmd:"" help:"Run a fake of Amazon Cognito for tests and development."`
	Serve          serveCommand          `cmd:"" help:"Run a server for real users."`
	Edge           edgeCommand           `cmd:"" help:"Sign people in for a gateway: nginx, Traefik, Caddy or Envoy."`
	Key            keyCommand            `cmd:"" help:"Make, list and revoke the access keys of operators."`
	Pool           poolCommand           `cmd:"" help:"Make, show, change and delete user pools."`
	Client         clientCommand         `cmd:"" help:"Make, show, change and delete app clients, and their secrets."`
	ResourceServer resourceServerCommand `cmd:"" name:"resource-server" help:"Make, show, change and delete resource servers and their scopes."`
	IdentityPool   identityPoolCommand   `cmd:"" name:"identity-pool" help:"Make, show and delete identity pools, and set their roles."`
	Role           roleCommand           `cmd:"" help:"Make, show, change and delete the roles of identities, and try their policies."`
	Group          groupCommand          `cmd:"" help:"Make, show, change and delete groups and their members."`
	User           userCommand           `cmd:"" help:"Make, find, change and delete users; export and import them."`
	Provider       providerCommand       `cmd:"" help:"Say what the OIDC and SAML providers of identity pools are."`
	Import         importCommand         `cmd:"" help:"Show the import jobs of the API, and their logs."`
	Outbox         outboxCommand         `cmd:"" help:"Show the messages that wait to be sent, and try them again."`
	Backup         backupCommand         `cmd:"" help:"Write a backup of a store, while the server runs or is stopped."`
	Restore        restoreCommand        `cmd:"" help:"Make a new store from a backup."`
	Copy           copyCommand           `cmd:"" help:"Copy a store to another store, of the same kind or not."`
	Check          checkCommand          `cmd:"" help:"Find problems in a store, and repair its indexes."`
	Secrets        secretsCommand        `cmd:"" help:"Change the keys that encrypt the secrets in a store."`
	Mail           mailCommand           `cmd:"" help:"Try whether mail is sent."`
	SMS            smsCommand            `cmd:"" name:"sms" help:"Try whether text messages are sent."`
	Pages          pagesCommand          `cmd:"" help:"Preview the pages on which people sign in."`
	Doctor         doctorCommand         `cmd:"" help:"Find out what is wrong with an application's sign-in."`
	Version        versionCommand        `cmd:"" help:"Print the version."`

	VersionFlag kong.VersionFlag `name:"version" help:"Print the version and exit."`
}

const description = `An identity server with the API of Amazon Cognito.

"cognate dev" is a fake for tests: it starts at once, takes any signature and shows codes on the terminal. "cognate serve" is for real users. "cognate help COMMAND" is the same as "cognate COMMAND --help".`

// A terminal holds the streams that a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	t := &terminal{os.Stdin, os.Stdout, os.Stderr}
	if err := run(os.Args[1:], t); err != nil {
		os.Exit(t.fail(err))
	}
}

func run(args []string, t *terminal) error {
	parser, err := kong.New(&commands{},
		kong.Name("cognate"), kong.Description(description),
		kong.Vars{"version": "cognate " + version()}, kong.Writers(t.out, t.err), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return err
	}
	ctx, err := parser.Parse(helpFlag(args))
	if err != nil {
		return &usageError{err, helpCommand(err)}
	}
	return ctx.Run(t)
}

// helpFlag turns "help user show" into "user show --help".
func helpFlag(args []string) []string {
	if len(args) == 0 || args[0] != "help" {
		return args
	}
	return append(slices.Clone(args[1:]), "--help")
}

// A usageError is an invalid command line.
type usageError struct {
	err  error
	help string // the command that shows the correct usage
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// helpCommand returns the help command for the command that an error is about.
func helpCommand(err error) string {
	words := []string{"cognate"}
	if p, ok := errors.AsType[*kong.ParseError](err); ok {
		for _, step := range p.Context.Path {
			if step.Command != nil {
				words = append(words, step.Command.Name)
			}
		}
	}
	return strings.Join(append(words, "--help"), " ")
}

// A hinted error has a hint for the person: what to do next.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

func hint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// fail prints an error with its hint and returns the exit code.
func (t *terminal) fail(err error) int {
	fmt.Fprintf(t.err, "cognate: %v\n", err)
	if h, ok := errors.AsType[*hinted](err); ok {
		fmt.Fprintf(t.err, "  hint: %s\n", h.hint)
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		if u.help != "" {
			fmt.Fprintf(t.err, "  hint: see %s\n", u.help)
		}
		return exitUsage
	}
	return exitFailure
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(t *terminal) error {
	_, err := fmt.Fprintln(t.out, "cognate", version())
	return err
}

// release is the version of a binary from a release archive, set by the linker.
var release string

// version returns the version of the binary: that of the release or, if `go install` built
// the binary, that of the module.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
