// Package report says what the public and regulators are told of an incident: a report in numbered revisions, drafted from facts, its pages, the
// log that nobody can quietly edit, and filings. It knows no store and asks no clock.
package report
