package main

import (
	"encoding/json"
	"fmt"
	"runtime"
)

func init() {
	register("version", groupHelp, "Print the version.", func() any { return &showVersion{} })
}

type showVersion struct {
	JSON bool `name:"json" help:"As JSON."`
}

// Run prints the version.
func (v *showVersion) Run(p *process) error {
	if v.JSON {
		return json.NewEncoder(p.Stdout).Encode(map[string]string{
			"version": programVersion(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintf(p.Stdout, "%s %s (%s, %s/%s)\n", product, programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
