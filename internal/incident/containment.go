package incident

import (
	"fmt"
	"strconv"
)

// ContainmentMeans says what a containment will do, and to how many, before it is done. details are those of an Action of candor.Contained.
func ContainmentMeans(i Incident, details map[string]string) string {
	where := i.Site + ", all routes"
	if route := details["route"]; route != "" {
		where = i.Site + ", " + route
	}
	means := containments[details["mode"]]
	if means == nil {
		return fmt.Sprintf("%s: %q is no way to contain anything.", where, details["mode"])
	}
	return where + ": " + means(details) + " " + SoFar(i)
}

// IsContainment says that a mode of candor.Contained is one.
func IsContainment(mode string) bool { return containments[mode] != nil }

// SoFar says how many people an incident has exposed, and to how many.
func SoFar(i Incident) string {
	return fmt.Sprintf("So far %s, and %s sent such a page.",
		count(i.Exposed, "person was exposed here", "people were exposed here"), count(i.Viewers, "viewer was", "viewers were"))
}

// containments are the modes of candor.Contained, in words; "" is the site's own mode again.
var containments = map[string]func(map[string]string) string{
	"mask": func(map[string]string) string {
		return "strangers' data is overwritten in flight; everybody still gets the page."
	},
	"withhold": func(map[string]string) string {
		return "a response with a stranger's data is not delivered; other responses are."
	},
	"observe": func(map[string]string) string {
		return "strangers' data is let through and only recorded: people go on being exposed."
	},
	"": func(map[string]string) string { return "what the site's own mode says applies again." },
	"trip": func(d map[string]string) string {
		if n, err := strconv.Atoi(d["count"]); err == nil && n > 0 {
			return fmt.Sprintf("after %d disclosures within %s every request is answered with 503, until somebody resets it.", n, d["within"])
		}
		return "every request is answered with 503, until somebody resets it."
	},
}
