package srp

import "time"

// TimestampLayout is how clients write TIMESTAMP, in UTC.
const TimestampLayout = "Mon Jan 2 15:04:05 UTC 2006"

// ValidTimestamp reads a TIMESTAMP and reports whether it is valid. It is as strict as the
// service: the names are English, the day has no leading zero, and the weekday matches the
// date.
func ValidTimestamp(s string) (time.Time, bool) {
	if len(s) > len("Mon Jan 02 15:04:05 UTC 2006") {
		return time.Time{}, false
	}
	t, err := time.Parse(TimestampLayout, s)
	if err != nil || t.Format(TimestampLayout) != s {
		return time.Time{}, false
	}
	return t, true
}
