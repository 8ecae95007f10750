package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cognate-id/cognate/internal/doctor"
)

type doctorCommand struct {
	URL         string `arg:"" optional:"" default:"http://127.0.0.1:9229" help:"The issuer of a pool, as the application has it, or with --request the address of cognate dev. Default: ${default}."`
	ClientID    string `placeholder:"ID" help:"The app client."`
	SecretFile  string `name:"client-secret-file" placeholder:"FILE" help:"A file with the secret of the client."`
	RedirectURI string `name:"redirect-uri" placeholder:"URI" help:"What the application sends as redirect_uri."`
	Scope       string `placeholder:"SCOPES" help:"What the application sends as scope."`
	Origin      string `placeholder:"ORIGIN" help:"The origin of an application in a browser, such as http://localhost:5173."`
	TokenFile   string `placeholder:"FILE" help:"A file with a token that the application was refused."`
	Username    string `placeholder:"NAME" help:"The user name that a SECRET_HASH is for."`
	SecretHash  string `placeholder:"HASH" help:"What the application sends to the API as SECRET_HASH."`
	Request     string `placeholder:"ID" help:"The id of a request that cognate dev has refused."`
}

// Help returns the details that --help shows.
func (doctorCommand) Help() string {
	return `It looks at the server from outside, as the application does, and changes nothing: the issuer byte by byte, the clock, the keys, the endpoints, and what you give of the application. It says what is wrong and what to change, and ends with 1 if anything is. With cognate dev it also compares the settings of the client.

An error page of cognate dev shows the id of the request. So does the header X-Amz-Cognito-Request-Id of each answer of the endpoints.

Examples:

    cognate doctor http://127.0.0.1:9229/us-east-1_AbCdEf123
    cognate doctor https://auth.example.com/us-east-1_AbCdEf123 --client-id 1example --redirect-uri http://localhost:3000/cb --scope "openid email"
    cognate doctor http://127.0.0.1:9229/us-east-1_AbCdEf123 --token-file token.txt
    cognate doctor http://127.0.0.1:9229 --request 5c1d9be24a3d0c1f`
}

// errUnwell ends the command with 1. What is wrong was printed.
var errUnwell = errors.New("something must be changed")

// Run looks at a server.
func (c *doctorCommand) Run(t *terminal) error {
	p := doctor.Patient{
		Issuer: c.URL, Client: c.ClientID, RedirectURI: c.RedirectURI, Scope: c.Scope, Origin: c.Origin,
		Username: c.Username, SecretHash: c.SecretHash, Request: c.Request,
	}
	var err error
	if p.Secret, err = textOf("--client-secret-file", c.SecretFile); err != nil {
		return err
	}
	if p.Token, err = textOf("--token-file", c.TokenFile); err != nil {
		return err
	}
	ctx, stop := signals()
	defer stop()
	wrong := 0
	doctor.Examine(ctx, p, func(f doctor.Finding) {
		word := "ok   "
		if f.Wrong {
			word = "WRONG"
			wrong++
		}
		fmt.Fprintf(t.out, "%s  %s: %s\n", word, f.What, indented(string(escaped([]byte(f.Detail)))))
		if f.Remedy != "" {
			fmt.Fprintf(t.out, "       %s\n", f.Remedy)
		}
	})
	if wrong > 0 {
		return errUnwell
	}
	return nil
}

func indented(s string) string { return strings.ReplaceAll(s, "\n", "\n       ") }

// textOf reads a file that holds one text. It reads nothing without a name.
func textOf(flag, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return strings.TrimSpace(string(text)), nil
}
