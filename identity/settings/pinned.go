package settings

import (
	"regexp"
	"strings"
)

// Ids that are given instead of made, for tests whose programs have them in their
// configuration. The forms are those of the service.

var (
	poolIDForm   = regexp.MustCompile(`^[0-9A-Za-z]{1,40}$`)
	clientIDForm = regexp.MustCompile(`^[\w+]{1,128}$`)
)

func (s *Pool) checkID() error {
	if s.ID == "" {
		return nil
	}
	rest, ok := strings.CutPrefix(s.ID, s.Region+"_")
	if !ok || !poolIDForm.MatchString(rest) {
		return plain("ID", "%q is not the id of a pool in %s: the region, an underscore and 1 to 40 letters or digits, such as %s_test1.", s.ID, s.Region, s.Region)
	}
	return nil
}

func (c *Client) checkID(*Pool) error {
	if c.ID == "" || clientIDForm.MatchString(c.ID) {
		return nil
	}
	return plain("ID", "%q is not the id of an app client: 1 to 128 letters, digits, underscores or plus signs.", c.ID)
}
