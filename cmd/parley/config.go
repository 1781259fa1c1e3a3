package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"parley/internal/config"
)

func init() {
	register("config", groupServer, "Print the settings in force and where each comes from; secrets are masked.", func() any { return &showConfig{} })
}

type showConfig struct {
	JSON    bool `name:"json" help:"As JSON."`
	Changed bool `help:"Only what is not at its default."`
}

// Run prints the effective settings.
func (s *showConfig) Run(p *process) error {
	cfg, warnings, err := p.load(nil)
	for _, w := range warnings {
		fmt.Fprintf(p.Stderr, "%s: warning: %s\n", program, w)
	}
	if err != nil {
		return err
	}
	values := []config.Value{}
	for _, v := range cfg.Effective() {
		if !s.Changed || v.Origin != config.OriginDefault {
			values = append(values, v)
		}
	}
	if s.JSON {
		type setting struct {
			Key    string        `json:"key"`
			Value  string        `json:"value"`
			Origin config.Origin `json:"origin"`
		}
		out := make([]setting, len(values))
		for i, v := range values {
			out[i] = setting{v.Key, v.Value, v.Origin}
		}
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(out)
	}
	w := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	for _, v := range values {
		fmt.Fprintf(w, "%s\t= %s\t# %s\n", v.Key, v.TOML, v.Origin)
	}
	return w.Flush()
}
