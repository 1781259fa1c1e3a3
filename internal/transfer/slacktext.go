package transfer

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// slackText is a text of Slack in the form of this server.
type slackText struct {
	text     string // markdown
	mentions []string
	everyone bool
	links    []Link
}

var (
	slackCode   = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")
	slackRef    = regexp.MustCompile(`<([^<>\n]+)>`)
	slackBold   = regexp.MustCompile(`(^|[\s(\["'])\*([^\s*](?:[^*\n]*[^\s*])?)\*($|[\s).,;:!?\]"'])`)
	slackStrike = regexp.MustCompile(`(^|[\s(\["'])~([^\s~](?:[^~\n]*[^\s~])?)~($|[\s).,;:!?\]"'])`)
	slackBullet = regexp.MustCompile(`(?m)^(\s*)• ?`)
	slackName   = regexp.MustCompile(`:([a-z0-9_+-]{1,40})(?:::skin-tone-[2-6])?:`)
	entities    = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// text translates what was said: names, links, emphasis, emoji. What is code stays as it is.
func (s *slackRun) text(raw string) slackText {
	var t slackText
	var out strings.Builder
	at := 0
	for _, span := range append(slackCode.FindAllStringIndex(raw, -1), []int{len(raw), len(raw)}) {
		out.WriteString(s.prose(raw[at:span[0]], &t))
		out.WriteString(s.code(raw[span[0]:span[1]]))
		at = span[1]
	}
	t.text = out.String()
	return t
}

// plain is text for a line about something: without links and emphasis.
func (s *slackRun) plain(raw string) string { return s.code(raw) }

// code replaces references by what they show.
func (s *slackRun) code(raw string) string {
	return entities.Replace(slackRef.ReplaceAllStringFunc(raw, func(ref string) string {
		target, label, labelled := strings.Cut(ref[1:len(ref)-1], "|")
		switch {
		case strings.HasPrefix(target, "@") && s.users[target[1:]] != "":
			return "@" + s.users[target[1:]]
		case strings.HasPrefix(target, "#") && s.channels[target[1:]] != "":
			return "#" + s.channels[target[1:]]
		case labelled:
			return label
		}
		return target
	}))
}

// prose translates what is no code and notes whom it speaks to and where it points.
func (s *slackRun) prose(raw string, t *slackText) string {
	// References are set aside while the rest is translated: an address may have stars in it.
	var refs []string
	raw = strings.ReplaceAll(raw, "\x00", "")
	raw = slackRef.ReplaceAllStringFunc(raw, func(ref string) string {
		refs = append(refs, s.reference(ref[1:len(ref)-1], t))
		return "\x00"
	})
	// Neighbours share the blank between them, which one pass gives to the first only.
	for range 2 {
		raw = slackBold.ReplaceAllString(raw, "$1**$2**$3")
		raw = slackStrike.ReplaceAllString(raw, "$1~~$2~~$3")
	}
	raw = slackBullet.ReplaceAllString(raw, "$1- ")
	raw = slackName.ReplaceAllStringFunc(raw, func(name string) string { return slackEmoji(strings.Trim(name, ":")) })
	raw = entities.Replace(raw)
	var out strings.Builder
	for i, part := range strings.Split(raw, "\x00") {
		if i > 0 {
			out.WriteString(refs[i-1])
		}
		out.WriteString(part)
	}
	return out.String()
}

// reference translates what Slack writes between < and >.
func (s *slackRun) reference(ref string, t *slackText) string {
	target, label, _ := strings.Cut(ref, "|")
	label = entities.Replace(label)
	switch {
	case strings.HasPrefix(target, "@"):
		id := target[1:]
		name, known := s.users[id]
		if !known {
			return "@" + strings.TrimPrefix(cmp.Or(label, id), "@")
		}
		if !slices.Contains(t.mentions, id) {
			t.mentions = append(t.mentions, id)
		}
		return "@" + name
	case strings.HasPrefix(target, "#"):
		return "#" + cmp.Or(s.channels[target[1:]], cmp.Or(label, target[1:]))
	case target == "!here" || target == "!channel" || target == "!everyone":
		t.everyone = true
		return "@everyone"
	case strings.HasPrefix(target, "!subteam"):
		return cmp.Or(label, "@group")
	case strings.HasPrefix(target, "!"):
		return cmp.Or(label, strings.TrimPrefix(target, "!"))
	case strings.HasPrefix(target, "mailto:"):
		return cmp.Or(label, strings.TrimPrefix(target, "mailto:"))
	}
	url := address(entities.Replace(target))
	if url == "" {
		return cmp.Or(label, entities.Replace(target))
	}
	if len(t.links) < maxLinks && !slices.ContainsFunc(t.links, func(l Link) bool { return l.URL == url }) {
		t.links = append(t.links, Link{URL: url})
	}
	if label == "" || label == url {
		return url
	}
	return "[" + linkLabel(label) + "](" + linkTarget(url) + ")"
}

// linkLabel is text that may stand in the brackets of a link.
func linkLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "\n", " ").Replace(s)
}

// linkTarget is an address that may stand in the parentheses of a link.
func linkTarget(url string) string { return strings.NewReplacer("(", "%28", ")", "%29").Replace(url) }

// slackEmoji is the emoji of a name that Slack uses, or :name: for one of the workspace's own.
func slackEmoji(name string) string {
	base, _, _ := strings.Cut(name, "::")
	if e, ok := slackEmojis[base]; ok {
		return e
	}
	return ":" + base + ":"
}

// slackEmojis are the names that are used most.
var slackEmojis = map[string]string{
	"+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "ok_hand": "👌", "clap": "👏", "raised_hands": "🙌", "pray": "🙏", "wave": "👋", "muscle": "💪",
	"point_up": "☝️", "point_right": "👉", "point_left": "👈", "point_down": "👇", "v": "✌️", "crossed_fingers": "🤞", "handshake": "🤝", "fist": "✊",
	"heart": "❤️", "yellow_heart": "💛", "green_heart": "💚", "blue_heart": "💙", "purple_heart": "💜", "broken_heart": "💔", "heart_eyes": "😍",
	"smile": "😄", "smiley": "😃", "grinning": "😀", "grin": "😁", "laughing": "😆", "joy": "😂", "rolling_on_the_floor_laughing": "🤣", "rofl": "🤣",
	"slightly_smiling_face": "🙂", "simple_smile": "🙂", "upside_down_face": "🙃", "wink": "😉", "blush": "😊", "innocent": "😇", "sunglasses": "😎", "thinking_face": "🤔",
	"neutral_face": "😐", "face_with_rolling_eyes": "🙄", "grimacing": "😬", "disappointed": "😞", "cry": "😢", "sob": "😭", "scream": "😱", "sweat_smile": "😅",
	"sweat": "😓", "tired_face": "😫", "sleeping": "😴", "angry": "😠", "rage": "😡", "confused": "😕", "open_mouth": "😮", "flushed": "😳", "exploding_head": "🤯",
	"facepalm": "🤦", "shrug": "🤷", "see_no_evil": "🙈", "eyes": "👀", "tada": "🎉", "confetti_ball": "🎊", "rocket": "🚀", "fire": "🔥", "100": "💯", "star": "⭐",
	"sparkles": "✨", "zap": "⚡", "sunny": "☀️", "rainbow": "🌈", "snowflake": "❄️", "coffee": "☕", "beer": "🍺", "beers": "🍻", "pizza": "🍕", "cake": "🍰",
	"birthday": "🎂", "bread": "🍞", "apple": "🍎", "cookie": "🍪", "doughnut": "🍩", "gift": "🎁", "trophy": "🏆", "medal": "🏅", "white_check_mark": "✅",
	"heavy_check_mark": "✔️", "x": "❌", "heavy_plus_sign": "➕", "exclamation": "❗", "question": "❓", "warning": "⚠️", "no_entry": "⛔", "bulb": "💡", "bug": "🐛",
	"wrench": "🔧", "hammer": "🔨", "gear": "⚙️", "lock": "🔒", "key": "🔑", "bell": "🔔", "mega": "📣", "memo": "📝", "pencil": "📝", "calendar": "📅", "date": "📅",
	"chart_with_upwards_trend": "📈", "package": "📦", "link": "🔗", "email": "📧", "phone": "☎️", "computer": "💻", "house": "🏠", "car": "🚗", "bike": "🚲", "boat": "⛵",
	"dog": "🐶", "cat": "🐱", "robot_face": "🤖", "ghost": "👻", "skull": "💀", "hourglass": "⌛", "alarm_clock": "⏰", "checkered_flag": "🏁", "construction": "🚧",
}
