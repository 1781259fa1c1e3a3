package app

import (
	"cmp"
	"context"
	"os"

	"parley/internal/plugin"
	"parley/internal/plugin/bundled"
	"parley/internal/plugin/corehost"
	"parley/internal/safedial"
)

// wirePlugins makes what runs the plugins, which hears of this node's events.
func (a *App) wirePlugins() {
	a.plugins = nil
	if !a.cfg.Plugins.Enabled {
		return
	}
	a.plugins = plugin.New(plugin.Options{
		Host: corehost.Host{Core: a.core}, Command: a.opts.PluginHost, Bundled: bundled.Plugins(), Dir: os.DirFS(a.cfg.PluginsDir()),
		Input: a.cfg.Plugins.TimeLimit, Memory: a.cfg.Plugins.Memory, Hosts: a.cfg.Plugins.Hosts,
		Dial:    safedial.Options{UserAgent: cmp.Or(a.opts.Product, "chat") + "/" + a.opts.Version},
		Observe: a.metrics.PluginRan, Logger: a.log,
	})
	a.plugins.SetRegistry(&corehost.Commands{Core: a.core})
	a.core.ServePlugins(a.plugins)
	a.core.SubscribeLocal(a.plugins.Hear)
	a.core.Subscribe(a.plugins.HearPresence)
}

// listedPlugins are plugins that are read, and do not run: for commands while no server runs.
type listedPlugins struct{ *plugin.Service }

// Start implements part.
func (l listedPlugins) Start(ctx context.Context) error { return l.Refresh(ctx, "") }

// observePlugins adds what is known of all plugins together.
func (a *App) observePlugins() {
	for _, g := range []struct {
		name, help string
		value      func(plugin.Stats) float64
	}{
		{"plugins_running", "Plugins that run.", func(s plugin.Stats) float64 { return float64(s.Plugins) }},
		{"plugin_events_waiting", "Events that plugins have not handled yet.", func(s plugin.Stats) float64 { return float64(s.Waiting) }},
		{"plugin_events_lost", "Events since the start that plugins did not hear of because they could not keep up.", func(s plugin.Stats) float64 { return float64(s.Lost) }},
		{"plugin_host_restarts", "Times since the start that the process of the plugins ended and was started anew.", func(s plugin.Stats) float64 { return float64(s.Restarts) }},
	} {
		a.metrics.Gauge(g.name, g.help, func() float64 { return g.value(a.plugins.Stats()) })
	}
}
