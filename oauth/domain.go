package oauth

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// A host may be the domain of one pool: its custom domain, or PREFIX.auth. and any further
// labels, as the service's are. There the clients of other pools do not exist. On any other host the
// id of the client says which pool it is.

// findDomain finds out whether the host of a visit is the domain of a pool.
func (v *visit) findDomain() (err error) {
	host := v.r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(host, ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || !strings.Contains(host, ".") || len(host) > maxHost {
		return nil
	}
	names := []string{host}
	if labels := strings.SplitN(host, ".", 3); len(labels) == 3 && strings.EqualFold(labels[1], "auth") {
		names = append(names, labels[0])
	}
	for _, name := range names {
		v.domain, err = v.server.engine.DomainPool(v.ctx, name)
		if err == nil || !errors.Is(err, identity.ErrDomainNotFound) {
			return err
		}
	}
	return nil
}

// maxHost is the length of the longest name of a host (RFC 1035, section 2.3.4).
const maxHost = 253

// appClient returns a client that the host serves.
func (v *visit) appClient(id string) (*identity.AppClient, error) {
	c, err := v.server.engine.AppClient(v.ctx, id)
	if err != nil {
		return nil, err
	}
	if v.domain != "" && c.PoolID() != v.domain {
		return nil, &identity.NotFoundError{Err: identity.ErrClientNotFound, ID: id}
	}
	return c, nil
}

// settingsOf returns a client that the host serves, with its pool and its settings.
func (v *visit) settingsOf(id string) (c *identity.AppClient, pool *identity.PoolInfo, info *identity.ClientInfo, err error) {
	if c, err = v.appClient(id); err != nil {
		return nil, nil, nil, err
	}
	p, err := v.server.engine.UserPool(v.ctx, c.PoolID())
	if err != nil {
		return nil, nil, nil, err
	}
	if pool, err = p.Admin().Describe(v.ctx); err != nil {
		return nil, nil, nil, err
	}
	info, err = p.Admin().Clients().Get(v.ctx, id)
	return c, pool, info, err
}
