package storetest

import (
	"encoding/json"

	"parley/internal/core"
)

func init() {
	tell("settings",
		story{"a setting is what was put last", settingLast},
		story{"keys are compared exactly, and a null is not absent", settingKeys},
	)
}

func (w *world) putSetting(key string, value json.RawMessage) {
	w.Helper()
	w.change(func(tx core.Tx) error { return tx.PutSetting(w.ctx, key, value) })
}

func settingLast(w *world) {
	_, err := w.Setting(w.ctx, "name")
	w.wantCode(err, "not_found")
	for _, value := range []string{`"one"`, `{"a": [1, 2]}`} {
		w.putSetting("name", raw(value))
		same(w, "value", string(must(w.Setting(w.ctx, "name"))), value)
	}
	_ = w.try(func(tx core.Tx) error {
		if err := tx.PutSetting(w.ctx, "name", raw(`3`)); err != nil {
			return err
		}
		same(w, "value inside the transaction", string(must(tx.Setting(w.ctx, "name"))), `3`)
		_, err := tx.Setting(w.ctx, "other")
		return err
	})
	same(w, "value after a change that failed", string(must(w.Setting(w.ctx, "name"))), `{"a": [1, 2]}`)
}

func settingKeys(w *world) {
	w.putSetting("name", nil)
	same(w, "null", string(must(w.Setting(w.ctx, "name"))), `null`)
	for _, key := range []string{"NAME", "", "nam"} {
		_, err := w.Setting(w.ctx, key)
		w.wantCode(err, "not_found")
	}
}
