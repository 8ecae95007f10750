package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file has the flags with a form of their own. Each flag is checked when the command
// line is read, before anything is opened.

// The flags that have a form of their own. Each is checked when the command
// line is read, before anything is opened.
type (
	address string // HOST:PORT
	region  string
	account string
)

// connectionFlags bound connections.
type connectionFlags struct {
	Connections int `name:"max-connections" default:"4096" placeholder:"N" help:"How many connections may be open; then the one that has been idle longest makes way. 0 means no limit. Default: ${default}."`
	OfOne       int `name:"max-connections-of-one" default:"256" placeholder:"N" help:"How many connections one address may have, except for this machine and trusted proxies. 0 means no limit. Default: ${default}."`
}

// userFlags bound the users that sign-ups make.
type userFlags struct {
	Users       int `name:"max-users" default:"0" placeholder:"N" help:"Refuse sign-ups in a pool that has N users. Operators may still make users. 0 means no limit. Default: ${default}."`
	Unconfirmed int `name:"max-unconfirmed-users" default:"0" placeholder:"N" help:"Refuse sign-ups in a pool that has N unconfirmed users. 0 means 100000 in pools whose unconfirmed users expire, and no limit in others. Default: ${default}."`
}

// passwordFlags are about the passwords that users may choose.
type passwordFlags struct {
	Blocked string `name:"blocked-passwords" placeholder:"FILE" help:"Refuse the passwords in FILE too, one on each line, in pools with blockCommonPasswords. Case is ignored."`
}

// maxBlocked is the size of the largest list of passwords, in bytes.
const maxBlocked = 64 << 20

// blocked returns the passwords of the file; none without the flag.
func (c passwordFlags) blocked() ([]string, error) {
	if c.Blocked == "" {
		return nil, nil
	}
	f, err := os.Open(c.Blocked)
	if err != nil {
		return nil, fmt.Errorf("--blocked-passwords: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBlocked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--blocked-passwords: %w", err)
	case len(text) > maxBlocked:
		return nil, fmt.Errorf("--blocked-passwords: %s has more than 64 MiB", c.Blocked)
	case !utf8.Valid(text):
		return nil, fmt.Errorf("--blocked-passwords: %s is not UTF-8", c.Blocked)
	}
	var passwords []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			passwords = append(passwords, line)
		}
	}
	return passwords, nil
}

// Validate returns an error if a bound is negative.
func (c userFlags) Validate() error {
	if c.Users < 0 || c.Unconfirmed < 0 {
		return errors.New("--max-users, --max-unconfirmed-users: give 0 for the default, or a positive number")
	}
	return nil
}

// Validate returns an error if a bound is negative.
func (c connectionFlags) Validate() error {
	if c.Connections < 0 || c.OfOne < 0 {
		return errors.New("--max-connections, --max-connections-of-one: give 0 for no limit, or a positive number")
	}
	return nil
}

// bounded returns a listener with the bounds of the flags.
func (c connectionFlags) bounded(l net.Listener, proxies []netip.Prefix) net.Listener {
	return bounded(l, c.Connections, c.OfOne, func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	})
}

// A proxyFlag is the network of a proxy.
type proxyFlag netip.Prefix

// UnmarshalText accepts an address or a network.
func (p *proxyFlag) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil {
		*p = proxyFlag(netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		return nil
	}
	n, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8", text)
	}
	if n.Bits() == 0 {
		return fmt.Errorf("%q is everything: then anyone could choose an address", text)
	}
	*p = proxyFlag(n)
	return nil
}

func networks(flags []proxyFlag) []netip.Prefix {
	var out []netip.Prefix
	for _, f := range flags {
		out = append(out, netip.Prefix(f))
	}
	return out
}

// A nameFlag is the name of a host, without a port.
type nameFlag string

// UnmarshalText accepts a name or an address.
func (h *nameFlag) UnmarshalText(text []byte) error {
	name := strings.Trim(string(text), "[]")
	if _, err := netip.ParseAddr(name); err != nil && (name == "" || strings.ContainsAny(name, ":/* ")) {
		return fmt.Errorf("%q is not a name such as cognito.test, without a port", text)
	}
	*h = nameFlag(name)
	return nil
}

// UnmarshalText accepts HOST:PORT. An empty host means every interface.
func (a *address) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an address such as 127.0.0.1:9229", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q is not a port from 0 to 65535 (0 takes any free one)", port)
	}
	if strings.ContainsAny(host, " /@?#") {
		return fmt.Errorf("%q is neither a name nor an IP address", host)
	}
	*a = address(text)
	return nil
}

func (a address) host() string {
	host, _, _ := net.SplitHostPort(string(a)) // UnmarshalText has checked it
	return host
}

// everywhere reports whether the address means all interfaces. Clients cannot use such an
// address as a name.
func (a address) everywhere() bool {
	ip, err := netip.ParseAddr(a.host())
	return a.host() == "" || err == nil && ip.IsUnspecified()
}

// url returns the URL of a listener for clients on this machine.
func (a address) url(l net.Listener) string {
	host := a.host()
	if a.everywhere() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}

// UnmarshalText accepts the name of a region in the form that clients expect in a pool id.
func (r *region) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), "-")
	n := len(parts) - 1
	ok := n >= 2 && len(parts[0]) == 2 && len(parts[n]) == 1 && isIn(parts[n], "0123456789")
	for i := 0; ok && i < n; i++ {
		ok = isIn(parts[i], "abcdefghijklmnopqrstuvwxyz")
	}
	if !ok {
		return fmt.Errorf("%q is not a region such as us-east-1", text)
	}
	*r = region(text)
	return nil
}

// UnmarshalText accepts an account number.
func (a *account) UnmarshalText(text []byte) error {
	if len(text) != 12 || !isIn(string(text), "0123456789") {
		return fmt.Errorf("%q is not an account number of 12 digits", text)
	}
	*a = account(text)
	return nil
}

func isIn(s, alphabet string) bool { return s != "" && strings.Trim(s, alphabet) == "" }

// A storeFlag says where data is kept: in a file, in a PostgreSQL database or, if both are
// empty, in memory.
type storeFlag struct{ file, url string }

var errStoreForm = errors.New("it must be memory, bolt:FILE or postgres://USER@HOST/DATABASE")

// UnmarshalText accepts memory, bolt:FILE or the URL of a PostgreSQL database.
func (s *storeFlag) UnmarshalText(text []byte) error {
	if string(text) == "memory" {
		*s = storeFlag{}
		return nil
	}
	if isPostgres(string(text)) {
		if _, err := url.Parse(string(text)); err != nil {
			return fmt.Errorf("the URL of the database cannot be read: %w", errStoreForm) // the text may hold a password
		}
		*s = storeFlag{url: string(text)}
		return nil
	}
	file, ok := strings.CutPrefix(string(text), "bolt:")
	if !ok || file == "" || strings.HasSuffix(file, string(filepath.Separator)) {
		if strings.Contains(string(text), "@") || strings.Contains(string(text), "password=") {
			return fmt.Errorf("this is no store: %w", errStoreForm) // the text may hold a password
		}
		return fmt.Errorf("%q is no store: %w", text, errStoreForm)
	}
	*s = storeFlag{file: file}
	return nil
}

func isPostgres(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

func (s storeFlag) inMemory() bool { return s == storeFlag{} }

// String returns the store without a password.
func (s storeFlag) String() string {
	switch {
	case s.inMemory():
		return "memory"
	case s.file != "":
		return "bolt:" + s.file
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return "postgres"
	}
	query := u.Query()
	query.Del("password")
	query.Del("sslpassword") // the password of the key file of a client certificate
	u.RawQuery = query.Encode()
	return u.Redacted()
}

// name returns the name of the store in messages.
func (s storeFlag) name() string {
	if s.file != "" {
		return s.file
	}
	return s.String()
}

// An issuerFlag is self, aws or a URL without a slash at its end.
type issuerFlag string

const (
	issuerSelf issuerFlag = "self"
	issuerAWS  issuerFlag = "aws"
)

// UnmarshalText accepts self, aws or a URL.
func (i *issuerFlag) UnmarshalText(text []byte) error {
	if s := issuerFlag(text); s == issuerSelf || s == issuerAWS {
		*i = s
		return nil
	}
	u, err := url.Parse(string(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("%q is neither self nor aws nor a URL such as https://auth.example.com", text)
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(string(text), "#") || u.User != nil {
		return fmt.Errorf("the URL %q must have no user, query or fragment", u.Redacted())
	}
	*i = issuerFlag(strings.TrimRight(string(text), "/"))
	return nil
}
