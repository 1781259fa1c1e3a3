package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"parley/internal/app"
	"parley/internal/config"
	"parley/internal/ops"
)

func init() {
	register("serve", groupServer, "Run the server.", func() any { return &serve{} })
}

type serve struct {
	Listen         *string `placeholder:"ADDR" help:"Main listener, host:port (setting listen)."`
	SessionListen  *string `placeholder:"ADDR" help:"Listener of the Session dialect (setting session_listen)."`
	OperatorListen *string `placeholder:"ADDR" help:"Listener of the operator; empty for none (setting operator_listen)."`
	PublicURL      *string `name:"public-url" placeholder:"URL" help:"Address people reach the server at (setting public_url)."`
	LogLevel       *string `placeholder:"LEVEL" help:"debug, info, warn or error (setting log.level)."`
	LogFormat      *string `placeholder:"FORMAT" help:"text or json (setting log.format)."`
}

// Run serves until a signal comes, then drains. A second signal ends the process at once.
func (s *serve) Run(p *process) error {
	overrides := map[string]string{}
	for key, value := range map[string]*string{
		"listen": s.Listen, "session_listen": s.SessionListen, "operator_listen": s.OperatorListen,
		"public_url": s.PublicURL, "log.level": s.LogLevel, "log.format": s.LogFormat,
	} {
		if value != nil {
			overrides[key] = *value
		}
	}
	cfg, warnings, err := p.load(overrides)
	if err != nil {
		return err
	}
	log, err := ops.NewLogger(p.Stderr, cfg.Log.Level, cfg.Log.Format)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		log.Warn("setting", slog.String("warning", w))
	}
	return p.serve(cfg, log)
}

func (p *process) serve(cfg config.Config, log *slog.Logger) error {
	var a *app.App
	o := app.Options{
		Product: product, Version: programVersion(), Log: log, SecretPrefix: secretPrefix, LookupEnv: p.lookup, PluginHost: pluginHostProgram(),
		Commands: inServer(func() *app.App { return a }, log),
	}
	if cfg.Log.Format == "text" {
		o.Notice = p.Stdout
	}
	a, err := app.New(cfg, o)
	if err != nil {
		return usageError(err.Error())
	}
	if err := a.Start(p.ctx); err != nil {
		return err
	}
	select {
	case s := <-p.Signals:
		log.Info("stopping: a second signal ends the program at once", slog.String("signal", s.String()), slog.Duration("drain_timeout", cfg.DrainTimeout))
	case <-p.ctx.Done():
		log.Info("stopping", slog.Duration("drain_timeout", cfg.DrainTimeout))
	}
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		select {
		case <-p.Signals:
			fmt.Fprintf(p.Stderr, "%s: stopped without waiting\n", program)
			p.Kill(exitFailed)
		case <-stopped:
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), cfg.DrainTimeout)
	defer cancel()
	if err := a.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	} else if err != nil {
		log.Warn("drain_timeout was over before everything had ended", slog.Any("error", err))
	}
	log.Info("stopped")
	return nil
}
