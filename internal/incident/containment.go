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
	return where + ": " + containments[details["mode"]](details) + fmt.Sprintf(" So far %s, and %s sent such a page.",
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
