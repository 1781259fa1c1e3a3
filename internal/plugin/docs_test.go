package plugin

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"parley/internal/plugin/sandbox"
)

// What the guide shows works, and it leaves nothing out.
func TestTheGuide(t *testing.T) {
	b, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(b)
	examples := regexp.MustCompile("(?s)```(json|js)\n(.*?)```").FindAllStringSubmatch(guide, -1)
	if len(examples) < 2 {
		t.Fatal("there are no examples")
	}
	for _, e := range examples {
		if e[1] == "json" {
			_, err = ParseManifest([]byte(e[2]))
		} else {
			err = sandbox.Compile(e[2])
		}
		if err != nil {
			t.Errorf("%v:\n%s", err, e[2])
		}
	}
	for event := range eventPermissions {
		if !strings.Contains(guide, "`"+event+"`") {
			t.Errorf("the event %s is not in the guide", event)
		}
	}
	for _, p := range Permissions() {
		if !strings.Contains(guide, "| `"+string(p)+"` |") {
			t.Errorf("the permission %s is not in the guide", p)
		}
	}
}
