package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// The measured table stands between these two lines of the document.
const (
	tableBegin = "<!-- measured by make bench -->\n"
	tableEnd   = "<!-- end of measured -->\n"
)

// table is the measurements beside their budgets, as Markdown.
func (r results) table() string {
	var t strings.Builder
	t.WriteString("| measure | budget (goal) | measured | beside it |\n| --- | --- | --- | --- |\n")
	row := func(measure, budget, measured, beside string) {
		fmt.Fprintf(&t, "| %s | %s | %s | %s |\n", measure, budget, measured, beside)
	}
	for _, f := range r.fans {
		row(fmt.Sprintf("fan-out, 1 room × %d, saturated: CPU s per million deliveries", f.receivers), "2.5 (1.8)", fmt.Sprintf("%.2f", f.perMillion()),
			fmt.Sprintf("bare broadcaster %.2f, ratio %.2f; %.0f deliveries/s, %.1f calls a commit", f.barePerMillion(), f.perMillion()/f.barePerMillion(),
				float64(f.deliveries)/f.took.Seconds(), f.batch))
	}
	if m := r.dialect; m != nil {
		row(fmt.Sprintf("the same to %d OriginChats connections, beside native ones of the same people in turn", m.receivers), "ratio 1.3", fmt.Sprintf("%.2f", m.origin.perMillion()),
			fmt.Sprintf("native %.2f, ratio %.2f; %.0f and %.0f deliveries/s", m.native.perMillion(), m.origin.perMillion()/m.native.perMillion(),
				float64(m.origin.deliveries)/m.origin.took.Seconds(), float64(m.native.deliveries)/m.native.took.Seconds()))
	}
	if m := r.rooms; m != nil {
		row("200 rooms × 5, all talking: durable messages/s on one core", "8,000 (12,000)", fmt.Sprintf("%.0f", float64(m.messages)/m.took.Seconds()),
			fmt.Sprintf("%.1f calls a commit, %.0f %% of the core; a search right after waited %.0f ms for the index", m.batch, 100*m.cpu.Seconds()/m.took.Seconds(), ms(m.indexed)))
		row("– CPU s per million deliveries there", "30", fmt.Sprintf("%.1f", m.cpu.Seconds()/float64(m.deliveries)*1e6),
			fmt.Sprintf("%.0f µs of CPU a message%s", m.cpu.Seconds()/float64(m.messages)*1e6, inDatabase(m)))
	}
	if m := r.idle; m != nil {
		row("idle authenticated WebSocket: resident kB each", "8 (5)", fmt.Sprintf("%.1f", float64(m.bytes)/1024),
			fmt.Sprintf("bare %.1f; %d connections", float64(m.bareBytes)/1024, m.conns))
	}
	if m := r.history; m != nil {
		row(fmt.Sprintf("newest 50 of a room of %d messages, 4 readers: p50 / p99 ms", m.messages), "0.3 / 2.0", fmt.Sprintf("%.2f / %.2f", ms(m.p50), ms(m.p99)),
			fmt.Sprintf("%.0f µs of CPU a read; the room was filled at %.0f messages/s", 1000*ms(m.cpu), m.fillRate))
	}
	if m := r.latency; m != nil {
		row(fmt.Sprintf("send → every receiver at %d messages/s to %d: p50 / p99 ms", m.perSecd, m.receivers), "1.5 / 4.0", fmt.Sprintf("%.2f / %.2f", ms(m.p50), ms(m.p99)),
			fmt.Sprintf("bare, nothing stored: %.2f / %.2f; acknowledged (fsynced) after %.2f / %.2f; %d lost of %d; %.0f %% of the core", ms(m.barep50), ms(m.barep99),
				ms(m.ackp50), ms(m.ackp99), m.lost, m.samples, 100*m.cpuShare))
	}
	if m := r.start; m != nil {
		row("start to first answer; resident then; size of the program", "150 ms; 40 MB; 60 MB",
			fmt.Sprintf("%.0f ms; %.0f MB; %.0f MB", ms(m.first), mb(m.resident), mb(m.binary)), "best of 5 starts on an existing database")
	}
	return t.String()
}

// inDatabase says what a database beside the server took.
func inDatabase(m *manyRooms) string {
	if m.database == 0 {
		return ""
	}
	return fmt.Sprintf(", and %.0f µs in the database", m.database.Seconds()/float64(m.messages)*1e6)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func mb(n int64) float64         { return float64(n) / (1 << 20) }

// replaceTable puts the table in its place in a document.
func replaceTable(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table", path)
	}
	return os.WriteFile(path, []byte(before+tableBegin+"\n"+table+"\n"+tableEnd+after), 0o644)
}
