package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"parley/internal/chat"
)

// maxSettings bounds all settings of one plugin, in bytes of JSON.
const maxSettings = 64 << 10

// Settings are the settings of one plugin, by name.
type Settings map[string]json.RawMessage

// parseSettings reads an object; nothing is no settings.
func parseSettings(b []byte) (Settings, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) > maxSettings {
		return nil, fmt.Errorf("settings take at most %d KiB", maxSettings>>10)
	}
	var s Settings
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	return s, nil
}

// check says everything that is wrong with values for settings that have these defaults: names that are not there, and values
// of another kind than the default. A default of null takes anything.
func (defaults Settings) check(values Settings) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		def, known := defaults[name]
		switch want, got := kindOf(def), kindOf(values[name]); {
		case !known:
			errs = append(errs, chat.InvalidField(name, "setting_unknown", "There is no setting %.50q.", name))
		case want != "null" && want != got:
			errs = append(errs, chat.InvalidField(name, "setting_invalid", "%s is %s, not %s.", name, want, got))
		}
	}
	return errors.Join(errs...)
}

// over puts values over defaults.
func (defaults Settings) over(values ...Settings) Settings {
	out := maps.Clone(defaults)
	for _, v := range values {
		for name, value := range v {
			if _, known := out[name]; known {
				out[name] = value
			}
		}
	}
	return out
}

func (s Settings) json() json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage("{}") // it was JSON when it came
	}
	return b
}

// enabled reports whether the plugin is to run.
func (s Settings) enabled() bool { return string(s[SettingEnabled]) == "true" }

// kindOf names the kind of a JSON value.
func kindOf(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return "no JSON"
	}
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}
