package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"candor.example"
	"candor.example/directory"
	"candor.example/scan"
)

// metrics are the figures of one process for Prometheus. No label names a person, a path or a host: those come from
// strangers and have no bound.
type metrics struct {
	registry   *prometheus.Registry
	matches    *prometheus.CounterVec
	outcomes   *prometheus.CounterVec
	responses  *prometheus.CounterVec
	bytes      *prometheus.CounterVec
	failures   prometheus.Counter
	recording  prometheus.Histogram
	requests   prometheus.Histogram
	customers  prometheus.Gauge
	stale      prometheus.Gauge
	journalBad prometheus.Gauge
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		matches:    counter("candor_matches_total", "Customers' identifiers found in responses, by class and kind.", "class", "kind"),
		outcomes:   counter("candor_recorded_total", "Disclosures and link views put into the journal, by class and outcome.", "class", "outcome"),
		responses:  counter("candor_responses_total", "Responses, inspected (skip is empty) or skipped with the reason.", "skip"),
		bytes:      counter("candor_bytes_total", "Decoded bytes of bodies inspected, or bytes skipped with the reason.", "skip"),
		failures:   prometheus.NewCounter(prometheus.CounterOpts{Name: "candor_journal_failures_total", Help: "Times that the journal refused; what was to be recorded was masked."}),
		recording:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "candor_record_seconds", Help: "Time to make disclosures durable before their bytes leave.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 15)}),
		requests:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "candor_request_seconds", Help: "Time from request to the end of the response, upstream included.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 15)}),
		customers:  gauge("candor_directory_customers", "Customers in the snapshot in use."),
		stale:      gauge("candor_directory_stale", "1 while a newer snapshot or customer file could not be used."),
		journalBad: gauge("candor_journal_failing", "1 while the journal refuses."),
	}
	m.registry.MustRegister(m.matches, m.outcomes, m.responses, m.bytes, m.failures, m.recording, m.requests, m.customers, m.stale, m.journalBad,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range []candor.Class{candor.Own, candor.Echo, candor.Allowed, candor.Link, candor.Disclosed} {
		m.matches.WithLabelValues(string(c), string(scan.Email))
	}
	return m
}

func (m *metrics) classed(c candor.Class, k candor.Kind) {
	m.matches.WithLabelValues(string(c), string(k)).Inc()
}

func (m *metrics) recorded(ds []candor.Disclosure, err error, took time.Duration) {
	m.recording.Observe(took.Seconds())
	if err != nil {
		m.failures.Inc()
		m.journalBad.Set(1)
		return
	}
	m.journalBad.Set(0)
	for _, d := range ds {
		m.outcomes.WithLabelValues(string(d.Class), string(d.Outcome)).Inc()
	}
}

func (m *metrics) covered(sums []candor.Coverage) {
	for _, c := range sums {
		m.responses.WithLabelValues(string(c.Skip)).Add(float64(c.Responses))
		m.bytes.WithLabelValues(string(c.Skip)).Add(float64(c.Bytes))
	}
}

func (m *metrics) directory(info directory.Info, err error) {
	m.customers.Set(float64(info.Customers))
	m.stale.Set(0)
	if err != nil {
		m.stale.Set(1)
	}
}

func (m *metrics) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		defer func() { m.requests.Observe(time.Since(start).Seconds()) }()
		next.ServeHTTP(w, r)
	})
}
