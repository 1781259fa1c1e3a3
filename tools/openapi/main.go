// Command openapi writes the reference of the native dialect's REST API, as the program serves it, and the web UI's types of
// it:
//
//	go run ./tools/openapi api/openapi.yaml web/src/lib/api/types.ts
package main

import (
	"fmt"
	"os"

	"parley/internal/dialect/native"
)

func main() {
	reference, types := "api/openapi.yaml", "web/src/lib/api/types.ts"
	if len(os.Args) == 3 {
		reference, types = os.Args[1], os.Args[2]
	}
	if err := write(reference, types); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func write(reference, types string) error {
	text, err := native.Document()
	if err != nil {
		return err
	}
	if err := os.WriteFile(reference, text, 0o644); err != nil {
		return err
	}
	if text, err = typeScript(text); err != nil {
		return err
	}
	return os.WriteFile(types, text, 0o644)
}
