// Package testservice is what the packages that start private servers for tests (pgtest, redistest, s3test, clamdtest) do
// alike: say that a server is missing, and leave the tests that need one for another run.
package testservice

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

var told sync.Map // what was said is missing

// Missing ends a test whose server is not on this machine: skipped with one visible line for all tests of the program, but a
// failure where the environment variable CI is "true".
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	if _, again := told.LoadOrStore(why, true); !again {
		fmt.Fprintln(os.Stderr, "skipped:", why)
	}
	t.Skip(why)
}

// Wanted skips a test in a run that leaves those with servers for another one: TEST_SERVICES=later, as make test says while
// the race detector slows everything down.
func Wanted(t testing.TB) {
	t.Helper()
	if os.Getenv("TEST_SERVICES") == "later" {
		t.Skip("needs a server: another run has its turn")
	}
}
