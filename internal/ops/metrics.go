package ops

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace begins the name of every metric of ours.
const namespace = "chat"

// Metrics counts what the server does. Its methods are safe for concurrent use
// and cheap; those of Dialect have resolved their labels, for hot paths. Label
// values must come from small fixed sets, never from what people send.
type Metrics struct {
	registry *prometheus.Registry
	make     promauto.Factory

	connections                        *prometheus.GaugeVec
	opened, delivered, dropped, resync *prometheus.CounterVec
	outboxDepth                        *prometheus.HistogramVec

	commitBatch, commitSeconds prometheus.Histogram
	stored                     prometheus.Counter
	busMessages                *prometheus.CounterVec
	busGaps                    prometheus.Counter
	cacheReads                 *prometheus.CounterVec

	requests       *prometheus.CounterVec
	requestSeconds *prometheus.HistogramVec
	inFlight       prometheus.Gauge
	incidents      prometheus.Counter

	searchSeconds                    *prometheus.HistogramVec
	uploads                          *prometheus.CounterVec
	uploadBytes                      prometheus.Counter
	logins, refusals, pushes, linked *prometheus.CounterVec

	pluginRuns, pluginSeconds, pluginFaults *prometheus.CounterVec
}

// NewMetrics returns an empty set with a registry of its own, which also reports
// the Go runtime and the process. version is reported as a label of chat_build_info.
func NewMetrics(version string) *Metrics {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m := &Metrics{registry: reg, make: promauto.With(reg)}

	m.connections = m.gauges("connections", "Open connections.", "dialect")
	m.opened = m.counters("connections_opened_total", "Connections ever opened.", "dialect")
	m.delivered = m.counters("deliveries_total", "Events queued to connections.", "dialect")
	m.dropped = m.counters("frames_dropped_total", "Frames that a slow connection never got.", "dialect")
	m.resync = m.counters("resyncs_total", "Times a slow connection was told to catch up.", "dialect")
	m.outboxDepth = m.histograms("outbox_depth_frames", "Frames waiting for a connection when its outbox is written.",
		prometheus.ExponentialBuckets(1, 4, 6), "dialect")

	m.commitBatch = m.histogram("commit_batch_calls", "Calls that one commit of the store served.", prometheus.ExponentialBuckets(1, 2, 11))
	m.commitSeconds = m.histogram("commit_seconds", "Time of one commit of the store.", prometheus.ExponentialBuckets(0.0001, 2, 15))
	m.stored = m.counter("messages_stored_total", "Messages stored.")
	m.busMessages = m.counters("bus_messages_total", "Messages to and from the other nodes.", "direction")
	m.busGaps = m.counter("bus_gaps_total", "Gaps in the events of other nodes that were filled from the database.")
	m.cacheReads = m.counters("cache_reads_total", "Reads that a cache answered, or did not.", "cache", "result")

	m.requests = m.counters("http_requests_total", "HTTP requests answered.", "route", "method", "status")
	m.requestSeconds = m.histograms("http_request_seconds", "Time to answer an HTTP request; upgraded connections are left out.",
		prometheus.ExponentialBuckets(0.0005, 2, 15), "route", "method")
	m.inFlight = m.gauge("http_requests_in_flight", "HTTP requests being answered.")
	m.incidents = m.counter("incidents_total", "Faults of the server that were logged with an incident id.")

	m.searchSeconds = m.histograms("search_seconds", "Time of one search.", prometheus.ExponentialBuckets(0.0005, 2, 14), "result")
	m.uploads = m.counters("uploads_total", "Files uploaded.", "result")
	m.uploadBytes = m.counter("upload_bytes_total", "Bytes of the files that were accepted.")
	m.logins = m.counters("logins_total", "Attempts to log in.", "result")
	m.refusals = m.counters("rate_limited_total", "Requests and frames refused by a rate limit.", "limit")
	m.pushes = m.counters("pushes_total", "Web Push notifications sent.", "result")
	m.pluginRuns = m.counters("plugin_runs_total", "Times that a plugin was given its turn.", "plugin")
	m.pluginSeconds = m.counters("plugin_seconds_total", "Time that a plugin's code ran.", "plugin")
	m.pluginFaults = m.counters("plugin_faults_total", "Faults of a plugin.", "plugin")
	m.linked = m.counters("link_previews_total", "Link previews fetched.", "result")

	m.gauges("build_info", "Always 1; says which version runs.", "version").WithLabelValues(version).Set(1)
	return m
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	return m.make.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return m.make.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	return m.make.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return m.make.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	return m.make.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return m.make.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler serves the metrics in the text format of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Gauge registers a value that is read when the metrics are, as
// chat_<name>. It panics if the name is taken, like a duplicate route.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.make.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value)
}

// Dialect counts for the connections of one wire protocol.
type Dialect struct {
	connections                        prometheus.Gauge
	opened, delivered, dropped, resync prometheus.Counter
	outboxDepth                        prometheus.Observer
}

// Dialect returns the counters of the named dialect; ask once and keep them.
func (m *Metrics) Dialect(name string) *Dialect {
	return &Dialect{
		connections: m.connections.WithLabelValues(name),
		opened:      m.opened.WithLabelValues(name),
		delivered:   m.delivered.WithLabelValues(name),
		dropped:     m.dropped.WithLabelValues(name),
		resync:      m.resync.WithLabelValues(name),
		outboxDepth: m.outboxDepth.WithLabelValues(name),
	}
}

// Opened counts a new connection.
func (d *Dialect) Opened() { d.connections.Inc(); d.opened.Inc() }

// Closed counts the end of a connection.
func (d *Dialect) Closed() { d.connections.Dec() }

// Delivered counts n events queued to connections.
func (d *Dialect) Delivered(n int) { d.delivered.Add(float64(n)) }

// Dropped counts n frames that a slow connection never got.
func (d *Dialect) Dropped(n int) { d.dropped.Add(float64(n)) }

// Resynced counts a slow connection that was told to catch up.
func (d *Dialect) Resynced() { d.resync.Inc() }

// OutboxWritten observes how many frames had gathered when an outbox was written.
func (d *Dialect) OutboxWritten(frames int) { d.outboxDepth.Observe(float64(frames)) }

// Committed counts one commit of the store, which served so many calls at once.
func (m *Metrics) Committed(calls int, took time.Duration) {
	m.commitBatch.Observe(float64(calls))
	m.commitSeconds.Observe(took.Seconds())
}

// MessagesStored counts n messages that are now durable.
func (m *Metrics) MessagesStored(n int) { m.stored.Add(float64(n)) }

// BusPublished counts a message to the other nodes.
func (m *Metrics) BusPublished() { m.busMessages.WithLabelValues("out").Inc() }

// BusReceived counts a message from another node.
func (m *Metrics) BusReceived() { m.busMessages.WithLabelValues("in").Inc() }

// BusGapFilled counts a gap in the events of a room that the database filled.
func (m *Metrics) BusGapFilled() { m.busGaps.Inc() }

// CacheRead counts a read of the named cache.
func (m *Metrics) CacheRead(cache string, hit bool) {
	result := "miss"
	if hit {
		result = "hit"
	}
	m.cacheReads.WithLabelValues(cache, result).Inc()
}

// Searched observes one search.
func (m *Metrics) Searched(took time.Duration, err error) {
	m.searchSeconds.WithLabelValues(result(err)).Observe(took.Seconds())
}

// Uploaded counts one file: accepted, with its size, or refused for a reason
// from a fixed set such as "size", "type" or "malware".
func (m *Metrics) Uploaded(bytes int64, refused string) {
	if refused != "" {
		m.uploads.WithLabelValues(refused).Inc()
		return
	}
	m.uploads.WithLabelValues("ok").Inc()
	m.uploadBytes.Add(float64(bytes))
}

// LoggedIn counts an attempt to log in that succeeded.
func (m *Metrics) LoggedIn() { m.logins.WithLabelValues("ok").Inc() }

// LoginFailed counts an attempt that failed for a reason from a fixed set such as
// "credentials", "totp" or "banned".
func (m *Metrics) LoginFailed(reason string) { m.logins.WithLabelValues(reason).Inc() }

// RateLimited counts a refusal by the limit of the given name.
func (m *Metrics) RateLimited(limit string) { m.refusals.WithLabelValues(limit).Inc() }

// Pushed counts a Web Push notification.
func (m *Metrics) Pushed(err error) { m.pushes.WithLabelValues(result(err)).Inc() }

// LinkPreviewed counts a link preview.
func (m *Metrics) LinkPreviewed(err error) { m.linked.WithLabelValues(result(err)).Inc() }

// PluginRan counts one turn of a plugin, how long its code ran, and what went wrong.
func (m *Metrics) PluginRan(plugin string, took time.Duration, faults int) {
	m.pluginRuns.WithLabelValues(plugin).Inc()
	m.pluginSeconds.WithLabelValues(plugin).Add(took.Seconds())
	m.pluginFaults.WithLabelValues(plugin).Add(float64(faults))
}

func result(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}

// httpServed counts one answered request. took is negative for a connection that
// was upgraded, whose length says nothing.
func (m *Metrics) httpServed(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "unmatched"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status/100)+"xx").Inc()
	if took >= 0 {
		m.requestSeconds.WithLabelValues(route, method).Observe(took.Seconds())
	}
}
