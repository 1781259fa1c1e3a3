package app

import (
	"cmp"
	"context"

	"parley/internal/chat"
	"parley/internal/notify"
	"parley/internal/preview"
	"parley/internal/safedial"
)

// wireBackground makes what works behind the messages: push and link previews.
func (a *App) wireBackground() error {
	a.background, a.push = nil, nil
	agent := cmp.Or(a.opts.Product, "chat") + "/" + a.opts.Version
	if subject, err := notify.Subject(a.cfg.Push.Subject, a.cfg.PublicURL); a.cfg.Push.Enabled && err != nil {
		a.log.Info("web push is off", "reason", err)
	} else if a.cfg.Push.Enabled {
		var other func(context.Context, chat.Notification) ([]byte, bool)
		if a.origin != nil {
			other = a.origin.PushText
		}
		if a.push, err = notify.New(notify.Options{
			Other: other,
			Store: a.store, Events: localEvents{a.core}, Secrets: a.secrets, Subject: subject, Observe: a.metrics.Pushed, Logger: a.log,
			Connected: a.core.Attended, Dial: safedial.Options{UserAgent: agent, Allow: a.cfg.Push.PrivateNetworks, AnyPort: true},
		}); err != nil {
			return err
		}
		if a.origin != nil {
			a.origin.PushKey = a.push.PublicKey()
		}
		a.background = append(a.background, a.push)
	}
	if a.cfg.LinkPreviews {
		a.background = append(a.background, preview.New(preview.Options{Core: localEvents{a.core}, Dial: safedial.Options{UserAgent: agent}, Observe: a.metrics.LinkPreviewed, Logger: a.log}))
	}
	return nil
}
