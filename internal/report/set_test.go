package report

import (
	"candor.example"
)

// set is what somebody said of a field.
func set(field, status, value, why string) Entry {
	a := candor.Action{ID: candor.NewID(), Time: nov(22, 8, 0), By: "eve", What: candor.ReportSet, Incident: "inc-3kq7h2mb", Why: why, Details: map[string]string{"field": field, "status": status}}
	if value != "" {
		a.Details["value"] = value
	}
	return Entry{Action: a, Hash: candor.HashOf([]byte(field + status + value))}
}
