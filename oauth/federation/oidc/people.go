package oidc

import (
	"encoding/json"
	"fmt"
)

// Google's People API. Its answers are lists of values with their sources; a claim is the first value.

// peopleFields are the fields to ask for, by the name of the attribute that is mapped. All others are in
// the ID token.
var peopleFields = map[string]string{
	"names": "names", "gender": "genders", "genders": "genders", "birthdays": "birthdays", "phoneNumbers": "phoneNumbers",
	"addresses": "addresses", "nicknames": "nicknames", "locales": "locales", "organizations": "organizations", "urls": "urls",
}

// flatPeople makes claims of an answer. What is not such a list stays as it is.
func flatPeople(info map[string]any) map[string]any {
	flat := map[string]any{}
	for name, value := range info {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			flat[name] = value
			continue
		}
		first, ok := list[0].(map[string]any)
		if !ok {
			flat[name] = value
			continue
		}
		if value, ok := personValue(first); ok {
			flat[name] = value
			if name == "genders" {
				flat["gender"] = value
			}
		}
	}
	return flat
}

// personValue is the value of one entry.
func personValue(entry map[string]any) (string, bool) {
	for _, member := range []string{"displayName", "formattedValue", "value", "name"} {
		if s := text(entry, member); s != "" {
			return s, true
		}
	}
	date, ok := entry["date"].(map[string]any)
	if !ok {
		return "", false
	}
	var parts [3]int64
	for i, member := range []string{"year", "month", "day"} {
		n, _ := date[member].(json.Number)
		v, err := n.Int64()
		if err != nil || v <= 0 || v > 9999 {
			return "", false
		}
		parts[i] = v
	}
	return fmt.Sprintf("%04d-%02d-%02d", parts[0], parts[1], parts[2]), true
}
