package redistest

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestDatabasesAreApartAndEmpty(t *testing.T) {
	a, b := URL(t), URL(t)
	if a == b {
		t.Fatalf("the same database twice: %s", a)
	}
}

func TestServerSurvivesItsFaults(t *testing.T) {
	s := Private(t)
	address := s.URL(t)
	s.Kill(t)
	s.Kill(t)
	if err := run(address, "PING"); err == nil {
		t.Error("a killed server answers")
	}
	s.Restart(t)
	s.Pause(t)
	s.Resume(t)
	s.Flush(t)
	for _, address := range []string{address, s.Socket(t)} {
		if err := run(address, "PING"); err != nil {
			t.Errorf("after all that: %v", err)
		}
	}
	s.Pause(t)
	s.Restart(t) // a paused server can be killed as well
	if err := run(address, "PING"); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}
