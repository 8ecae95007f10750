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

// A page is read in one transaction, in the order of an index by attribute or,
// for the sub, of the table itself. A position names the last user of a page by
// the place in that order, so that the next page begins after it whatever has
// changed since.

// A UserQuery says which users to list, and where in the list to begin. The zero
// value selects the first 60 of all users.
type UserQuery struct {
	// Filter selects users by one attribute, in the service's language:
	//
	//	email = "alice@example.com"
	//	cognito:user_status ^= "conf"
	//
	// = compares the whole value, and ^= its beginning, without regard to case
	// except for sub and status. Put a backslash before
	// quotes and backslashes in the value. The attribute may be in quotes. The attributes are username,
	// email, phone_number, name, given_name, family_name, preferred_username,
	// sub, cognito:user_status (the [UserStatus], without regard to case) and
	// status (Enabled or Disabled). Defaults to all users.
	Filter string
	// After is the position that [Users.Page] returned with the page before. It
	// stays valid if users are changed or deleted. Defaults to the beginning.
	After string
	// Limit is how many users a page has at most, 1 or more. Defaults to 60.
	Limit int
}

// Pages of users.
const (
	defaultPage = 60
	batchOfAll  = 500 // how many users All reads at once
)

// Page lists users, ordered by the attribute of the filter and then by sub. A
// page has as many users as the limit says, unless fewer are left. next is the
// position of the next page: give it as [UserQuery].After. It is "" after the
// last page. A page costs the same however many users the pool has.
//
// Page returns [ErrPoolNotFound], [ErrInvalidFilter], [ErrInvalidFilterAttribute]
// for an attribute that is not searchable, [ErrInvalidPosition], or
// [ErrInvalidParameter] for a negative limit.
func (us Users) Page(ctx context.Context, q UserQuery) (page []*User, next string, err error) {
	page, next, err = us.admin.page(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	return page, next, nil
}

// All yields all users that a filter selects, see [UserQuery]. It ends after the
// first error. It reads in batches and holds no transaction while the caller is
// busy. So a user whose place in the list changes meanwhile may come twice or
// not at all.
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

// parseFilter parses a filter. It returns errors of this package.
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

// A search is a range of users, in the order of the search index or, if
// attribute is empty, of the table itself.
type search struct {
	filter    filter.Filter
	pool      string
	attribute string
	rng       store.Range
}

func newSearch(p *PoolInfo, f filter.Filter) *search {
	f.Value = foldValue(f.Attribute, f.Value)
	s := &search{filter: f, pool: p.ID, attribute: f.Attribute}
	if f.Attribute == searchSub || f.Attribute == searchUsername && len(p.Settings.UsernameAttributes) > 0 {
		s.attribute = "" // the table is ordered by sub, and here the username is the sub
	}
	value := store.Clip(f.Value)
	if f.Attribute == searchStatus {
		value = strings.ToUpper(value) // all states are in upper case
	}
	s.rng = store.StartsWith(value, s.prefix()...)
	if f.Attribute != "" && !f.Prefix {
		s.rng = store.Prefix(append(s.prefix(), value)...)
	}
	return s
}

// prefix returns what all keys of the search begin with.
func (s *search) prefix() []string {
	if s.attribute == "" {
		return []string{s.pool}
	}
	return []string{s.pool, s.attribute}
}

// page reads a page, and reports whether there are more users.
func (s *search) page(r store.Reader, limit int) (page []*User, more bool, err error) {
	rng := s.rng
	rng.Limit = limit + 1
	for {
		found, err := s.batch(r, rng)
		if err != nil {
			return nil, false, err
		}
		for _, u := range found {
			if !s.filter.Matches(u.searchValue(s.filter.Attribute)) { // the index has only the beginning of a long value
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

// batch reads the users of a range, in two round trips at most.
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

// A place says where a user is in the order of a search. It is the value, as far
// as the index has it, and the sub; or the sub alone for the order of the table.
type place []string

func (s *search) where(u *User) place {
	if s.attribute == "" {
		return place{u.Sub}
	}
	return place{store.Clip(u.searchValue(s.attribute)), u.Sub}
}

// after returns the first key that comes after a place.
func (s *search) after(p place) string {
	if len(p) == 1 {
		return store.Key(s.pool, p[0]) + "\x00"
	}
	return store.Key(s.pool, s.attribute, p[0]) + store.Key(s.pool, p[1]) + "\x00"
}

// position returns the place of a user in the form that callers get.
func (s *search) position(u *User) string { return s.where(u).String() }

func (p place) String() string { return base64.RawURLEncoding.EncodeToString([]byte(store.Key(p...))) }

// startAfter moves the beginning of the search to the end of an earlier page.
func (s *search) startAfter(p place) error {
	if p == nil {
		return nil
	}
	if len(p) != len(s.prefix()) {
		return ErrInvalidPosition // it is a position in a list by another attribute
	}
	s.rng.From = max(s.rng.From, s.after(p))
	return nil
}

// parsePosition reads what [place.String] writes. It returns nil, the beginning,
// for an empty text.
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

// isUUID reports whether s has the form of a sub: a UUID in lower case.
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
