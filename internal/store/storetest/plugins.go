package storetest

import (
	"slices"

	"parley/internal/core"
)

func init() {
	tell("plugins",
		story{"a value is what was put last, and each plugin has its own", pluginValues},
		story{"what a plugin keeps is counted in keys and bytes", pluginUsage},
	)
}

func (w *world) putValue(plugin, key, value string) {
	w.Helper()
	w.change(func(tx core.Tx) error { return tx.PutPluginValue(w.ctx, plugin, key, raw(value)) })
}

func pluginValues(w *world) {
	_, err := w.PluginValue(w.ctx, "a", "k")
	w.wantCode(err, "not_found")
	w.putValue("a", "k", `1`)
	w.putValue("a", "k", `{"b": [2]}`)
	w.putValue("b", "k", `"other"`)
	w.putValue("a", "ключ", `3`)
	same(w, "value", string(must(w.PluginValue(w.ctx, "a", "k"))), `{"b": [2]}`)
	same(w, "value of another", string(must(w.PluginValue(w.ctx, "b", "k"))), `"other"`)
	_, err = w.PluginValue(w.ctx, "a", "K")
	w.wantCode(err, "not_found")
	keys := must(w.PluginKeys(w.ctx, "a"))
	slices.Sort(keys)
	same(w, "keys", keys, []string{"k", "ключ"})
	w.change(func(tx core.Tx) error { return tx.DeletePluginValue(w.ctx, "a", "k") })
	w.change(func(tx core.Tx) error { return tx.DeletePluginValue(w.ctx, "a", "never") })
	_, err = w.PluginValue(w.ctx, "a", "k")
	w.wantCode(err, "not_found")
	same(w, "value of another", string(must(w.PluginValue(w.ctx, "b", "k"))), `"other"`)
}

func pluginUsage(w *world) {
	usage := func(r core.Reader, wantKeys int, wantBytes int64) {
		w.Helper()
		keys, bytes, err := r.PluginUsage(w.ctx, "a")
		same(w, "error", err, nil)
		same(w, "keys", keys, wantKeys)
		same(w, "bytes", bytes, wantBytes)
	}
	usage(w, 0, 0)
	w.putValue("a", "é", `"ü"`) // two bytes, and four
	w.putValue("a", "x", `12`)
	w.putValue("b", "x", `12345`)
	usage(w, 2, 2+4+1+2)
	w.change(func(tx core.Tx) error {
		if err := tx.PutPluginValue(w.ctx, "a", "x", raw(`1`)); err != nil {
			return err
		}
		usage(tx, 2, 2+4+1+1)
		return nil
	})
}
