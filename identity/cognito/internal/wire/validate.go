package wire

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Need says whether a member must be there.
type Need bool

// The two values of Need.
const (
	Optional Need = false
	Required Need = true
)

// A StringRule is what the model asks of a string. Min and Max count UTF-16
// units, as Java does; whether the service counts so has not been observed.
type StringRule struct {
	Min, Max  int // Max 0: no limit
	Pattern   *Pattern
	Enum      []string // in the order in which messages list them
	Sensitive bool     // messages do not repeat the value
}

// A NumberRule is what the model asks of a number. Where it sets no limit, the
// rule has the limit of int64.
type NumberRule struct {
	Min, Max int64
}

// A ListRule is what the model asks of a list. Item is nil for a list of
// structures, which have their own rules, and for items without any.
type ListRule struct {
	Min, Max  int // Max 0: no limit
	Item      *StringRule
	Sensitive bool
}

// A MapRule is what the model asks of a map.
type MapRule struct {
	Min, Max   int // Max 0: no limit
	Key, Value *StringRule
	Sensitive  bool
}

// A BlobRule is what the model asks of binary data.
type BlobRule struct {
	Min, Max int // Max 0: no limit
}

// A Validator collects what is wrong with a request, in the words of the
// service.
type Validator struct {
	path  []step
	wrong []string
}

// A step is a part of the path to a value: a member, or an item of a list.
type step struct {
	name string
	item int // from 1; 0 for a member
}

// validate holds r against its model and returns an error of type typ.
func (v *Validator) validate(r Request, typ string) *Error {
	clear(v.wrong)
	v.path, v.wrong = v.path[:0], v.wrong[:0]
	r.Validate(v)
	if len(v.wrong) == 0 {
		return nil
	}
	prefix := "1 validation error detected: "
	if n := len(v.wrong); n > 1 {
		prefix = strconv.Itoa(n) + " validation errors detected: "
	}
	return &Error{Type: typ, Message: prefix + strings.Join(v.wrong, "; "), Status: 400}
}

// full reports whether enough was found wrong already.
func (v *Validator) full() bool { return len(v.wrong) >= maxViolations }

// add notes that the member name of the present structure breaks a constraint.
// value is what to repeat of it.
func (v *Validator) add(name, value, constraint string) {
	if v.full() {
		return
	}
	var b strings.Builder
	b.WriteString("Value ")
	if value != "" {
		b.WriteString(value)
		b.WriteByte(' ')
	}
	b.WriteString("at '")
	for _, s := range v.path {
		b.WriteString(lowerFirst(s.name))
		if s.item > 0 {
			b.WriteByte('.')
			b.WriteString(strconv.Itoa(s.item))
			b.WriteString(".member")
		}
		b.WriteByte('.')
	}
	b.WriteString(lowerFirst(name))
	b.WriteString("' failed to satisfy constraint: ")
	b.WriteString(constraint)
	v.wrong = append(v.wrong, b.String())
}

// lowerFirst turns the name of a member into a part of a path as the service
// does: UserPoolId into userPoolId, SMSMessage into smsMessage (both recorded).
func lowerFirst(name string) string {
	n := 0
	for n < len(name) && 'A' <= name[n] && name[n] <= 'Z' {
		n++
	}
	if n > 1 && n < len(name) && 'a' <= name[n] && name[n] <= 'z' {
		n-- // the next word begins
	}
	return strings.ToLower(name[:n]) + name[n:]
}

// quote repeats a value in a message, up to a limit.
func quote(s string, sensitive bool) string {
	if sensitive {
		return ""
	}
	return "'" + clip(s, maxEcho) + "'"
}

// clip cuts s to at most n bytes, between two characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// missing handles a value that is not there.
func (v *Validator) missing(name string, need Need) {
	if need == Required {
		v.add(name, "null", "Member must not be null")
	}
}

// Present checks a value that has no constraint but that it must be there.
func (v *Validator) Present(name string, present bool) {
	if !present {
		v.missing(name, Required)
	}
}

// Enter begins the check of the structure name. When it reports true, it is
// followed by the checks of the members and by Leave.
func (v *Validator) Enter(name string, present bool, need Need) bool {
	if !present {
		v.missing(name, need)
		return false
	}
	if v.full() {
		return false
	}
	v.path = append(v.path, step{name: name})
	return true
}

// Leave ends the check of a structure.
func (v *Validator) Leave() { v.path = v.path[:len(v.path)-1] }

// CheckString checks a string.
func CheckString[T ~string](v *Validator, name string, p *T, need Need, r *StringRule) {
	if p == nil {
		v.missing(name, need)
		return
	}
	s := string(*p)
	if r.admits(s) {
		return
	}
	value := quote(s, r.Sensitive)
	for _, broken := range r.broken(s) {
		v.add(name, value, broken)
	}
}

// CheckInt checks a number.
func CheckInt[T int32 | int64](v *Validator, name string, p *T, need Need, r *NumberRule) {
	if p == nil {
		v.missing(name, need)
		return
	}
	n := int64(*p)
	value := "'" + strconv.FormatInt(n, 10) + "'"
	if n > r.Max {
		v.add(name, value, "Member must have value less than or equal to "+strconv.FormatInt(r.Max, 10))
	}
	if n < r.Min {
		v.add(name, value, "Member must have value greater than or equal to "+strconv.FormatInt(r.Min, 10))
	}
}

// CheckBlob checks binary data.
func CheckBlob(v *Validator, name string, b []byte, need Need, r *BlobRule) {
	if b == nil {
		v.missing(name, need)
		return
	}
	v.size(name, len(b), "", r.Min, r.Max)
}

// CheckStrings checks a list of strings. What is wrong with its items is said
// once, of the list: that is how the service words it.
func CheckStrings[T ~string](v *Validator, name string, list []T, need Need, r *ListRule) {
	if list == nil {
		v.missing(name, need)
		return
	}
	bad := r.Item != nil && slices.ContainsFunc(list, func(s T) bool { return !r.Item.admits(string(s)) })
	if !bad && len(list) >= r.Min && (r.Max == 0 || len(list) <= r.Max) {
		return
	}
	value := quote(listText(list), r.Sensitive)
	v.size(name, len(list), value, r.Min, r.Max)
	if bad {
		v.add(name, value, "Member must satisfy constraint: ["+r.Item.all()+"]")
	}
}

// CheckStructs checks a list of structures.
func CheckStructs[T any, P interface {
	*T
	Validate(v *Validator)
}](v *Validator, name string, list []T, need Need, r *ListRule) {
	if list == nil {
		v.missing(name, need)
		return
	}
	if len(list) < r.Min || r.Max > 0 && len(list) > r.Max {
		text, hidden := structsText(list)
		v.size(name, len(list), quote(text, hidden || r.Sensitive), r.Min, r.Max)
	}
	for i := range list {
		if v.full() {
			return
		}
		v.path = append(v.path, step{name, i + 1})
		P(&list[i]).Validate(v)
		v.Leave()
	}
}

// CheckMap checks a map of strings. What is wrong with its keys is said once,
// of the map, and so is what is wrong with its values.
func CheckMap[T ~string](v *Validator, name string, m map[string]T, need Need, r *MapRule) {
	if m == nil {
		v.missing(name, need)
		return
	}
	badKey, badValue := false, false
	for key, s := range m {
		badKey = badKey || r.Key != nil && !r.Key.admits(key)
		badValue = badValue || r.Value != nil && !r.Value.admits(string(s))
	}
	if !badKey && !badValue && len(m) >= r.Min && (r.Max == 0 || len(m) <= r.Max) {
		return
	}
	value := quote(mapText(m), r.Sensitive)
	v.size(name, len(m), value, r.Min, r.Max)
	if badKey {
		v.add(name, value, "Map keys must satisfy constraint: ["+r.Key.all()+"]")
	}
	if badValue {
		v.add(name, value, "Map value must satisfy constraint: ["+r.Value.all()+"]")
	}
}

// CheckStructMap checks a map of structures. How the service words the path to
// a member below one is not recorded; the form is that of DynamoDB.
func CheckStructMap[T any, P interface {
	*T
	Validate(v *Validator)
}](v *Validator, name string, m map[string]T, need Need, r *MapRule) {
	if m == nil {
		v.missing(name, need)
		return
	}
	v.size(name, len(m), "", r.Min, r.Max)
	keys := slices.Sorted(maps.Keys(m))
	if r.Key != nil && slices.ContainsFunc(keys, func(k string) bool { return !r.Key.admits(k) }) {
		v.add(name, "", "Map keys must satisfy constraint: ["+r.Key.all()+"]")
	}
	for _, key := range keys {
		if v.full() {
			return
		}
		x := m[key]
		v.path = append(v.path, step{name: name}, step{name: clip(key, 128)}, step{name: "member"})
		P(&x).Validate(v)
		v.path = v.path[:len(v.path)-3]
	}
}

// size checks the length of a list, map or blob.
func (v *Validator) size(name string, n int, value string, least, most int) {
	if most > 0 && n > most {
		v.add(name, value, atMost+strconv.Itoa(most))
	}
	if n < least {
		v.add(name, value, atLeast+strconv.Itoa(least))
	}
}

// listText and mapText print a list and a map as Java does.
func listText[T ~string](list []T) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxEcho {
			return b.String()
		}
		b.WriteString(string(s))
	}
	b.WriteByte(']')
	return b.String()
}

func mapText[T ~string](m map[string]T) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxEcho {
			return b.String()
		}
		b.WriteString(key + "=" + string(m[key]))
	}
	b.WriteByte('}')
	return b.String()
}
