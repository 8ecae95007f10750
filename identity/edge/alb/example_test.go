package alb_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/cognate-id/cognate/identity/edge/alb"
)

// region require
func newProgram() (http.Handler, error) {
	const (
		keys   = "https://app.example.com/oauth2/keys" // of AWS: https://public-keys.auth.elb.us-east-1.amazonaws.com
		signer = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/edge/0123456789abcdef"
	)
	v, err := alb.NewVerifier(keys, []string{signer}, "https://auth.example.com/us-east-1_AbCdEf123", "1example23456789", nil)
	if err != nil {
		return nil, err
	}
	return v.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := alb.FromContext(r.Context()) // always there behind Require
		_, _ = fmt.Fprintf(w, "hello %s", c.Subject)
	})), nil
}

// endregion

// A program behind a load balancer of AWS, or behind an edge in its place.
func ExampleVerifier_Require() {
	program, err := newProgram()
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/", program)
}
