// Command openapi writes the reference of the native dialect's REST API, as the program serves it, to a file:
//
//	go run ./tools/openapi api/openapi.yaml
package main

import (
	"fmt"
	"os"

	"parley/internal/dialect/native"
)

func main() {
	path := "api/openapi.yaml"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	text, err := native.Document()
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}
