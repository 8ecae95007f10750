package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/filter"
	"github.com/cognate-id/cognate/store"
)

// A UserQuery says which users to list, and where in their list to begin. The
// zero value is the first 60 users of all.
type UserQuery struct {
	// Filter selects users by one attribute, in the service's language:
	//
	//	email = "alice@example.com"
	//	cognito:user_status ^= "conf"
	//
	// = is for a whole value, ^= for its beginning; quotes and backslashes in
	// the value have a backslash before them. The attributes are username,
	// email, phone_number, name, given_name, family_name, preferred_username,
	// sub, cognito:user_status (the [UserStatus], without regard to case) and
	// status (Enabled or Disabled). Defaults to all users.
	Filter string
	// After is the position that an earlier page ended at. It stays good when
	// the users there are changed or deleted. Defaults to the beginning.
	After string
	// Limit is how many users a page has, 1 and up. Defaults to 60.
	Limit int
}

// Pages of users.
const (
	defaultPage = 60
	batchOfAll  = 500 // users that All reads at once
)

// Page lists users in the order of the attribute that the filter is about, and
// of their subs. A page has as many users as the limit says, if there are so
// many. The position next is where the following page begins, "" after the
// last. A page costs the same however many users the pool has.
//
// The errors are [ErrPoolNotFound], [ErrInvalidFilter], [ErrInvalidFilterAttribute]
// for an attribute that cannot be searched, [ErrInvalidPosition], and
// [ErrInvalidParameter] for a negative limit.
func (us Users) Page(ctx context.Context, q UserQuery) (page []*User, next string, err error) {
	page, next, err = us.admin.page(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	return page, next, nil
}

// All yields all users that a filter selects, see [UserQuery]. It ends after
// the first error. It reads batch by batch, and holds no transaction while the
// caller is busy: so of users who are changed meanwhile, one whose place in the
// list moves may come twice or not at all.
func (us Users) All(ctx context.Context, filter string) iter.Seq2[*User, error] {
	return func(yield func(*User, error) bool) {
		q := UserQuery{Filter: filter, Limit: batchOfAll}
		for {
			page, next, err := us.Page(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, u := range page {
				if !yield(u, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			q.After = next
		}
	}
}

func (a *Admin) page(ctx context.Context, q UserQuery) (page []*User, next string, err error) {
	f, err := parseFilter(q.Filter)
	if err != nil {
		return nil, "", err
	}
	after, err := parsePosition(q.After)
	if err != nil {
		return nil, "", err
	}
	limit := q.Limit
	switch {
	case limit < 0:
		return nil, "", invalid("limit", "The limit is 1 or more.")
	case limit == 0:
		limit = defaultPage
	}
	err = a.engine.store.View(ctx, func(r store.Reader) error {
		page, next = nil, ""
		values, err := r.Get(pools.Ref(store.Key(a.pool)))
		if err != nil {
			return err
		}
		p, err := a.engine.decodePool(a.pool, values[0])
		if err != nil {
			return err
		}
		s := newSearch(p, f)
		if err := s.startAfter(after); err != nil {
			return err
		}
		var more bool
		if page, more, err = s.page(r, limit); more {
			next = s.position(page[limit-1])
		}
		return err
	})
	return page, next, err
}

// parseFilter reads a filter; its errors are the domain's.
func parseFilter(text string) (filter.Filter, error) {
	f, err := filter.Parse(text)
	if attr, ok := errors.AsType[*filter.AttributeError](err); ok {
		return f, &ParameterError{Err: ErrInvalidFilterAttribute, Name: attr.Name}
	}
	if err != nil {
		return f, fmt.Errorf("%w: %w", ErrInvalidFilter, err)
	}
	return f, nil
}

// A search is a range of users, in the order of the search index or, where
// attribute is empty, of the table itself.
type search struct {
	filter    filter.Filter
	pool      string
	attribute string
	rng       store.Range
}

func newSearch(p *PoolInfo, f filter.Filter) *search {
	s := &search{filter: f, pool: p.ID, attribute: f.Attribute}
	if f.Attribute == searchSub || f.Attribute == searchUsername && len(p.Settings.UsernameAttributes) > 0 {
		s.attribute = "" // the table is ordered by the sub, which here is the username too
	}
	value := store.Clip(f.Value)
	if f.Attribute == searchStatus {
		value = strings.ToUpper(value) // as all states are written
	}
	s.rng = store.StartsWith(value, s.prefix()...)
	if f.Attribute != "" && !f.Prefix {
		s.rng = store.Prefix(append(s.prefix(), value)...)
	}
	return s
}

// prefix is what all keys of the index, or the table, begin with.
func (s *search) prefix() []string {
	if s.attribute == "" {
		return []string{s.pool}
	}
	return []string{s.pool, s.attribute}
}

// page reads a page, and tells whether there are more users.
func (s *search) page(r store.Reader, limit int) (page []*User, more bool, err error) {
	rng := s.rng
	rng.Limit = limit + 1
	for {
		found, err := s.batch(r, rng)
		if err != nil {
			return nil, false, err
		}
		for _, u := range found {
			if !s.filter.Matches(u.searchValue(s.filter.Attribute)) { // of a long value, the index has only the beginning
				continue
			}
			if len(page) == limit {
				return page, true, nil
			}
			page = append(page, u)
		}
		if len(found) <= limit {
			return page, false, nil
		}
		rng.From = s.after(s.where(found[limit]))
	}
}

// batch reads the users of a range, in two round trips at the most.
func (s *search) batch(r store.Reader, rng store.Range) ([]*User, error) {
	if s.attribute == "" {
		var found []*User
		for u, err := range users.Scan(r, rng) {
			if err != nil {
				return nil, err
			}
			found = append(found, u)
		}
		return found, nil
	}
	return indexed(r, users, usersBySearch, rng)
}

// A place is where a user stands in the order of a search: the value, as far
// as the index has it, and the sub; or the sub alone.
type place []string

func (s *search) where(u *User) place {
	if s.attribute == "" {
		return place{u.Sub}
	}
	return place{store.Clip(u.searchValue(s.attribute)), u.Sub}
}

// after is the first key that comes after a place.
func (s *search) after(p place) string {
	if len(p) == 1 {
		return store.Key(s.pool, p[0]) + "\x00"
	}
	return store.Key(s.pool, s.attribute, p[0]) + store.Key(s.pool, p[1]) + "\x00"
}

// position is the place of a user, as callers carry it.
func (s *search) position(u *User) string { return s.where(u).String() }

func (p place) String() string { return base64.RawURLEncoding.EncodeToString([]byte(store.Key(p...))) }

// startAfter moves the beginning of the search to where an earlier page ended.
func (s *search) startAfter(p place) error {
	if p == nil {
		return nil
	}
	if len(p) != len(s.prefix()) {
		return ErrInvalidPosition // of a list by something else
	}
	s.rng.From = max(s.rng.From, s.after(p))
	return nil
}

// parsePosition reads what [place.String] writes; nil for the beginning.
func parsePosition(text string) (place, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrInvalidPosition
	}
	parts, err := store.Split(string(raw))
	if err != nil || len(parts) == 0 || len(parts) > 2 || place(parts).String() != text {
		return nil, ErrInvalidPosition
	}
	if sub := parts[len(parts)-1]; !isUUID(sub) || !utf8.ValidString(parts[0]) || len(parts[0]) > store.MaxIndex {
		return nil, ErrInvalidPosition
	}
	return parts, nil
}

// isUUID tells whether s has the form in which subs are written.
func isUUID(s string) bool {
	if len(s) != len(decoySub) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if dash := decoySub[i] == '-'; dash != (c == '-') || !dash && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}
