package testservice

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestProcess(t *testing.T) {
	var p Process
	if err := p.Kill(); err != nil || p.Output() != "" {
		t.Errorf("one that never ran: %v, %q", err, p.Output())
	}
	for range 2 { // it can be started again
		file := filepath.Join(t.TempDir(), "ready")
		err := p.Start(exec.Command("sh", "-c", `echo hello; echo world >&2; : > "$0"; exec cat /dev/zero > /dev/null`, file), func() bool { _, err := os.Stat(file); return err == nil })
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := p.Kill(); err != nil {
				t.Error(err)
			}
		}
		if got := p.Output(); got != "hello\nworld\n" {
			t.Errorf("it said %q", got)
		}
	}
	for _, row := range []struct {
		name, says string
		cmd        *exec.Cmd
	}{
		{"what is not there", "no such file", exec.Command(filepath.Join(t.TempDir(), "none"))},
		{"what ends at once", "ended at once", exec.Command("false")},
	} {
		if err := p.Start(row.cmd, func() bool { return false }); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
