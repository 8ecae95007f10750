package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/internal/throttle"
	"github.com/cognate-id/cognate/store"
)

// An account has at most 100 wrong guesses a day (SP 800-63B). If they were counted
// together only, any stranger could use them up and keep the owner out. So each
// account remembers the sources that it was signed in to from: an address, or a
// device. A source that is known has a few guesses of its own. All others share the
// rest. guesses is that budget for one call, and sourceList is what is stored: keyed
// digests, which differ from account to account, and no addresses.

const (
	maxSources = 8                   // that are known of an account
	sourceLife = 90 * 24 * time.Hour // from the last sign-in
	// sourceRefresh is how old the time of a source's last sign-in may be before a
	// sign-in writes it again.
	sourceRefresh = 24 * time.Hour
	// guessesOfSource is how many of an account's guesses a day each known source has to itself.
	guessesOfSource = 5
)

// A sourceList has the sources that a user has signed in from.
type sourceList struct {
	Pool  string        `json:"pool"`
	Sub   string        `json:"sub"`
	Known []knownSource `json:"known"`
}

// A knownSource is where a user has signed in from.
type knownSource struct {
	Digest string          `json:"digest"`
	Seen   time.Time       `json:"seen"` // the last sign-in, give or take a day
	State  throttle.State  `json:"state,omitzero"`
	Asks   throttle.Window `json:"asks,omitzero"` // codes asked for
	// Customs are the custom sign-ins that began.
	Customs throttle.Window `json:"customs,omitzero"`
}

func (l *sourceList) expires() time.Time {
	var last time.Time
	for _, k := range l.Known {
		last = later(last, k.Seen)
	}
	return last.Add(sourceLife)
}

// callSource returns where a call comes from, or "" if that is not known: the
// network of the user. An operator's program calls from its own address, so
// there it is the address that the program reports. A loopback address is that of a
// program on this machine, such as a proxy, and not of a user.
func callSource(ctx context.Context) string {
	return SourceOf(userAddress(CallFrom(ctx)))
}

// sourceBits is how much of an IPv6 address is one source: a household has as many addresses
// below it as it likes.
const sourceBits = 64

// SourceOf returns the name of the source that an address belongs to, by which limits count:
// the address itself, or its /64 for IPv6. It returns "" for an invalid address, and for a
// loopback address, which is that of a program on this machine.
func SourceOf(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	switch {
	case !address.IsValid() || address.IsLoopback():
		return ""
	case address.Is4():
		return address.String()
	}
	return netip.PrefixFrom(address, sourceBits).Masked().String()
}

// from sets where a call comes from. A device counts for what an account knows. It counts for
// no limit by source: anybody can get as many devices as they like.
func (s *scope) from(ctx context.Context) {
	s.source, s.device, s.ip, s.agent = callSource(ctx), "", userAddress(CallFrom(ctx)), userAgent(CallFrom(ctx))
	if device := CallFrom(ctx).Device; device != "" {
		s.device = "device " + device
	}
}

// placed reports whether it is known where the call comes from.
func (s *scope) placed() bool { return s.source != "" || s.device != "" }

// sourceOf returns the digest by which an account knows a source, or "".
func (s *scope) sourceOf(who, source string) string {
	if source == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(mac(s.ring.digest, "source", who, source)[:12])
}

// guesses is the budget of an account for wrong guesses, as one call sees it.
type guesses struct {
	shared *throttleRecord // of all sources that are not known
	list   *sourceList
	from   string // digest of the call's device, or else of its network
	also   string // digest of the network of a call that has a device
}

// guessRefs are what guesses is read from.
func guessRefs(pool, who string) []store.Ref {
	return []store.Ref{throttles.Ref(throttleKey(pool, kindPassword, who)), sources.Ref(store.Key(pool, decoyRow(who)))}
}

// guessesOf decodes the values of guessRefs.
func (s *scope) guessesOf(values [][]byte, who string) (*guesses, error) {
	shared, err := throttleOf(values[0], s.pool.ID, kindPassword, who)
	if err != nil {
		return nil, err
	}
	list, err := decoySources.decode(values[1])
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = &sourceList{Pool: s.pool.ID, Sub: who}
	}
	g := &guesses{shared: shared, list: list, from: s.sourceOf(who, s.source)}
	if s.device != "" {
		g.from, g.also = s.sourceOf(who, s.device), g.from
	}
	return g, nil
}

// clone returns a copy that may be changed apart.
func (g *guesses) clone() *guesses {
	shared, list := *g.shared, *g.list
	list.Known = slices.Clone(list.Known)
	return &guesses{shared: &shared, list: &list, from: g.from, also: g.also}
}

// own returns the call's source if the account knows it, or nil.
func (g *guesses) own(now time.Time) *knownSource {
	if k := g.known(g.from, now); k != nil || g.also == "" {
		return k
	}
	return g.known(g.also, now)
}

func (g *guesses) known(digest string, now time.Time) *knownSource {
	for i := range g.list.Known {
		k := &g.list.Known[i]
		if k.Digest == digest && now.Before(k.Seen.Add(sourceLife)) {
			return k
		}
	}
	return nil
}

// limit is how many guesses a day the sources share that are not known.
func (g *guesses) limit() int { return throttle.DayLimit - guessesOfSource*len(g.list.Known) }

// locked reports whether an attempt is refused unseen. A known source has its own guesses
// first, and then those that all share; its own failures in a row lock it in either case.
func (g *guesses) locked(now time.Time) bool {
	if own := g.own(now); own != nil {
		if own.State.Paused(now) || own.State.Day(now) < guessesOfSource {
			return own.State.Paused(now)
		}
	}
	return g.shared.State.LockedWithin(now, g.limit())
}

// fail counts a failure, with an event that says whether it locked the user out.
func (g *guesses) fail(tx store.Tx, ev *Event, now time.Time) error {
	own := g.own(now)
	if own == nil || own.State.Day(now) >= guessesOfSource {
		if err := g.shared.fail(tx, now); err != nil {
			return err
		}
	}
	if own != nil {
		own.State = own.State.Fail(now)
		if err := sources.Put(tx, g.list); err != nil {
			return err
		}
	}
	if g.locked(now) {
		ev = ev.with(dataLocked, "true")
	}
	return ev.insert(tx)
}

// count counts a wrong code that was sent to the user: a guess of the day, which locks nobody out for the moment.
func (g *guesses) count(tx store.Tx, now time.Time) error {
	if own := g.own(now); own != nil && own.State.Day(now) < guessesOfSource {
		own.State = own.State.Count(now)
		return sources.Put(tx, g.list)
	}
	g.shared.State = g.shared.State.Count(now)
	g.shared.Expires = later(g.shared.Expires, g.shared.State.Expires())
	return g.shared.put(tx)
}

// roomForCode reports whether one more code may be sent, all tries of which may be
// wrong. Sources that are not known leave a few codes to those that are.
func (g *guesses) roomForCode(now time.Time) bool { return g.roomForCodes(now, 1) }

// roomForCodes is roomForCode for n codes.
func (g *guesses) roomForCodes(now time.Time, n int) bool {
	limit := g.limit()
	if g.own(now) == nil && len(g.list.Known) > 0 {
		limit -= 4 * triesPerCode
	}
	return g.shared.State.Day(now)+n*triesPerCode <= limit
}

// succeed forgets the failures in a row.
func (g *guesses) succeed(tx store.Tx, now time.Time) error {
	own := g.own(now)
	if own == nil {
		return g.shared.succeed(tx, now)
	}
	if next := own.State.Succeed(now); next != own.State {
		own.State = next
		return sources.Put(tx, g.list)
	}
	return nil
}

// remember makes the call's device and its network ones that the account knows. It writes
// nothing if they were seen today, or if the guesses of the day have gone too far to give
// them some. A browser may drop its cookie, so the network is known too.
func (g *guesses) remember(tx store.Tx, now time.Time) error {
	changed := false
	for _, digest := range []string{g.also, g.from} {
		changed = digest != "" && g.seen(digest, now) || changed
	}
	if !changed {
		return nil
	}
	return sources.Put(tx, g.list)
}

// seen notes that the user has signed in from a source, and reports whether that changes the list.
func (g *guesses) seen(digest string, now time.Time) bool {
	own := g.known(digest, now)
	if own != nil && now.Sub(own.Seen) < sourceRefresh {
		return false
	}
	g.list.Known = slices.DeleteFunc(g.list.Known, func(k knownSource) bool {
		return k.Digest == digest && own == nil || !now.Before(k.Seen.Add(sourceLife))
	})
	if own = g.known(digest, now); own != nil {
		own.Seen = now
		return true
	}
	if len(g.list.Known) == maxSources && !g.forgetOne(now) {
		return false
	}
	if g.shared.State.Day(now) > g.limit()-guessesOfSource {
		return false
	}
	g.list.Known = append(g.list.Known, knownSource{Digest: digest, Seen: now})
	return true
}

// forgetOne drops the source that was seen longest ago, among those without a failure today.
func (g *guesses) forgetOne(now time.Time) bool {
	oldest := -1
	for i, k := range g.list.Known {
		if k.State.Day(now) == 0 && (oldest < 0 || cmp.Compare(k.Seen.UnixMilli(), g.list.Known[oldest].Seen.UnixMilli()) < 0) {
			oldest = i
		}
	}
	if oldest < 0 {
		return false
	}
	g.list.Known = slices.Delete(g.list.Known, oldest, oldest+1)
	return true
}

// insertFamily writes a sign-in, and makes its source a known one.
func (s *scope) insertFamily(tx store.Tx, f *family, u *User, now time.Time) error {
	if !s.placed() {
		return s.insertFamilyOf(tx, f, u, nil, now)
	}
	values, err := tx.Get(guessRefs(u.Pool, u.Sub)...)
	if err != nil {
		return err
	}
	g, err := s.guessesOf(values, u.Sub)
	if err != nil {
		return err
	}
	return s.insertFamilyOf(tx, f, u, g, now)
}

// insertFamilyOf is insertFamily where the transaction has read the guesses of the user. They
// are not used for a call without a source. It refuses a sign-in whose hooks have not run,
// see [scope.beforeTokens].
func (s *scope) insertFamilyOf(tx store.Tx, f *family, u *User, g *guesses, now time.Time) error {
	if s.unasked {
		return errUnasked
	}
	s.strange = false
	if s.placed() {
		s.strange = now.Before(g.list.expires()) && g.own(now) == nil
		if err := g.remember(tx, now); err != nil {
			return err
		}
	}
	if s.strange {
		if err := s.engine.putNotices(tx, s.originOf(u, now), EventSignedIn, f.ID, nil, u); err != nil {
			return err
		}
	}
	if err := s.useDevice(tx, f, now); err != nil {
		return err
	}
	if s.levels != nil && s.acr == "" {
		return fmt.Errorf("%w: a sign-in that has named levels, and reached none", errUnhandled)
	}
	s.marks(f)
	return f.insert(tx, u)
}

// originOf is that of what a sign-in of a user changes.
func (s *scope) originOf(u *User, now time.Time) origin {
	return origin{pool: s.pool, client: s.client.ID, sub: u.Sub, now: now}
}
