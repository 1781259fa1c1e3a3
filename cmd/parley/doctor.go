package main

import (
	"encoding/json"
	"fmt"

	"parley/internal/app/doctor"
)

func init() {
	register("doctor", groupServer, "Look for what is wrong with settings, data and the running server.", func() any { return &doctorCommand{} })
}

type doctorCommand struct {
	Quick bool `help:"Only whether a server is running and ready, as a container's health check."`
	JSON  bool `name:"json" help:"As JSON."`
}

// Run makes the checks; a fault among the findings is a failure.
func (c *doctorCommand) Run(p *process) error {
	cfg, warnings, err := p.load(nil)
	if err != nil {
		return err
	}
	ctx, giveUp := p.interruptible()
	defer giveUp()
	look := doctor.Full
	if c.Quick {
		look = doctor.Quick
	}
	findings := look(ctx, doctor.Patient{Config: cfg, Warnings: warnings, Program: program})
	if c.JSON {
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(findings)
	} else {
		for _, f := range findings {
			mark := map[doctor.Level]string{doctor.Good: "✓", doctor.Warn: "!", doctor.Bad: "✗"}[f.Level]
			line := fmt.Sprintf("%s %-15s %s", mark, f.Check, plain(f.Text))
			if f.Advice != "" {
				line += " — " + f.Advice
			}
			fmt.Fprintln(p.Stdout, line)
		}
	}
	for _, f := range findings {
		if f.Level == doctor.Bad {
			return failedError{}
		}
	}
	return err
}
