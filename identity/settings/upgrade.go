package settings

import "maps"

// UpgradePool returns settings of a pool in the JSON members of today, given
// settings that any earlier version wrote or showed. It changes the members that
// said that another one was given:
//
//   - totpGiven: totp is false where it was given and is not on.
//   - updateSettings: verifyBeforeUpdate is empty where it was given and names nothing.
//   - flows and customAuth of threatProtection: flows is an object with customAuth.
//   - constrained, min and max of an attribute: bounds is an object with min and max.
//
// Other members stay as they are, those of today included, and so does the
// argument. A value of an unexpected type stays too, for the decoder to refuse.
func UpgradePool(old map[string]any) map[string]any {
	s := maps.Clone(old)
	if takeFlag(s, "totpGiven") && s["totp"] == nil {
		s["totp"] = false
	}
	if takeFlag(s, "updateSettings") && s["verifyBeforeUpdate"] == nil {
		s["verifyBeforeUpdate"] = []any{}
	}
	if threats, ok := s["threatProtection"].(map[string]any); ok {
		s["threatProtection"] = upgradeThreats(threats)
	}
	if schema, ok := s["schema"].([]any); ok {
		upgraded := make([]any, len(schema))
		for i, a := range schema {
			upgraded[i] = a
			if a, ok := a.(map[string]any); ok {
				upgraded[i] = upgradeAttribute(a)
			}
		}
		s["schema"] = upgraded
	}
	return s
}

// takeFlag deletes a member that is a bool or null, and reports whether it was true.
func takeFlag(object map[string]any, name string) bool {
	v, there := object[name]
	flag, isBool := v.(bool)
	if there && (v == nil || isBool) {
		delete(object, name)
	}
	return flag
}

func upgradeThreats(old map[string]any) map[string]any {
	t := maps.Clone(old)
	flows, _ := t["flows"].(map[string]any)
	flows = maps.Clone(flows)
	if _, isBool := t["flows"].(bool); isBool && takeFlag(t, "flows") {
		flows = map[string]any{}
	}
	moveInto(&flows, t, "customAuth")
	if flows != nil {
		t["flows"] = flows
	}
	return t
}

func upgradeAttribute(old map[string]any) map[string]any {
	a := maps.Clone(old)
	bounds, _ := a["bounds"].(map[string]any)
	bounds = maps.Clone(bounds)
	if takeFlag(a, "constrained") && bounds == nil {
		bounds = map[string]any{}
	}
	moveInto(&bounds, a, "min")
	moveInto(&bounds, a, "max")
	if bounds != nil {
		a["bounds"] = bounds
	}
	return a
}

// moveInto moves a member of one object into another, which it makes if need be.
// A member that is null is deleted.
func moveInto(into *map[string]any, from map[string]any, name string) {
	v, there := from[name]
	if !there {
		return
	}
	delete(from, name)
	if v == nil {
		return
	}
	if *into == nil {
		*into = map[string]any{}
	}
	(*into)[name] = v
}
