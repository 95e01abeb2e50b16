// Package report says what the public and regulators are told of an incident: a report in numbered revisions, drafted from facts, its pages, the
// log that nobody can quietly edit, and exports. It knows no store; only the log (log*.go) asks a clock and writes files.
package report
