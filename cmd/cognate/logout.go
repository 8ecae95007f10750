package main

import (
	"fmt"

	"github.com/cognate-id/cognate/identity/backchannel"
)

// logoutFlags say which applications may be told of sign-outs.
type logoutFlags struct {
	LogoutAllow []string `name:"logout-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of an application that is told of sign-outs (back-channel logout) and may have a private address. Can be repeated."`
}

func (f logoutFlags) sender() (*backchannel.Sender, error) {
	s, err := backchannel.New(&backchannel.Options{Allow: f.LogoutAllow})
	if err != nil {
		return nil, fmt.Errorf("--logout-allow: %w", err)
	}
	return s, nil
}
