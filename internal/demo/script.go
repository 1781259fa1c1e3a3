package demo

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The conversations. A file has lists, which the texts pick from, and then scenes, each after a line of three dashes:
//
//	A: text             somebody says something; A, B, C and D are different people in every performance
//	B>2: text           in answer to the second text of the scene
//	A[sea]: text        with a picture
//	+2 🍞 AB?           A, B and somebody else react to the second text
//	!edit 1 teh=>the    the first text has a slip, which is corrected later
//	!delete 1           the first text is taken back later
//	!pin 1              the first text is pinned later
//	...                 some hours pass
//
// In texts {word} is a pick of the list word, {word2} another one, {n:3-9} a number, {A} the name and {@A} the mention of
// who plays A, and \n a new line.
//
//go:embed scenes/*.txt
var scripts embed.FS

// book is one file.
type book struct {
	lists  map[string][]string
	scenes []scene
}

// scene is one conversation.
type scene struct {
	steps []step
	roles int // how many people it takes
}

type verb byte

const (
	say verb = iota
	react
	edit
	remove
	pin
	pause
)

// step is one line of a scene.
type step struct {
	verb    verb
	role    int // who says it
	turn    int // which text it is about, from 0; -1 for none
	text    string
	picture string
	emoji   string
	who     []int // who reacts; -1 is anybody
	slip    string
}

var (
	sayLine  = regexp.MustCompile(`^([A-D])(?:>(\d+))?(?:\[([a-z]+)\])?: (.+)$`)
	doLine   = regexp.MustCompile(`^!(delete|pin) (\d+)$`)
	editLine = regexp.MustCompile(`^!edit (\d+) (.+)=>(.+)$`)
	actLine  = regexp.MustCompile(`^\+(\d+) (\S+) ([A-D?]+)$`)
	listLine = regexp.MustCompile(`^([a-z]+) = (.+)$`)
)

// readBook reads a file of conversations.
func readBook(name string) (*book, error) {
	raw, err := scripts.ReadFile("scenes/" + name + ".txt")
	if err != nil {
		return nil, err
	}
	b, err := parseBook(string(raw))
	if err != nil {
		return nil, fmt.Errorf("scenes/%s.txt: %w", name, err)
	}
	return b, nil
}

func parseBook(text string) (*book, error) {
	b := &book{lists: map[string][]string{}}
	head := true
	var now scene
	turns := 0
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case line == "---":
			if !head {
				b.scenes = append(b.scenes, now)
			}
			head, now, turns = false, scene{}, 0
			continue
		case head:
			m := listLine.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("line %d is no list", i+1)
			}
			b.lists[m[1]] = strings.Split(m[2], " | ")
			continue
		}
		s, err := parseStep(line, turns)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if s.verb == say {
			turns++
			now.roles = max(now.roles, s.role+1)
		}
		now.steps = append(now.steps, s)
	}
	b.scenes = append(b.scenes, now)
	return b, b.check()
}

// parseStep reads one line of a scene that has so many texts before it.
func parseStep(line string, turns int) (step, error) {
	at := func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > turns {
			return 0, fmt.Errorf("there is no text %s before this line", s)
		}
		return n - 1, nil
	}
	if line == "..." {
		return step{verb: pause, turn: -1}, nil
	}
	if m := sayLine.FindStringSubmatch(line); m != nil {
		s := step{verb: say, role: int(m[1][0] - 'A'), turn: -1, picture: m[3], text: strings.ReplaceAll(m[4], `\n`, "\n")}
		var err error
		if m[2] != "" {
			s.turn, err = at(m[2])
		}
		return s, err
	}
	if m := doLine.FindStringSubmatch(line); m != nil {
		turn, err := at(m[2])
		return step{verb: map[string]verb{"delete": remove, "pin": pin}[m[1]], turn: turn}, err
	}
	if m := editLine.FindStringSubmatch(line); m != nil {
		turn, err := at(m[1])
		return step{verb: edit, turn: turn, slip: m[2], text: m[3]}, err
	}
	if m := actLine.FindStringSubmatch(line); m != nil {
		turn, err := at(m[1])
		s := step{verb: react, turn: turn, emoji: m[2]}
		for _, r := range m[3] {
			who := -1
			if r != '?' {
				who = int(r - 'A')
			}
			s.who = append(s.who, who)
		}
		return s, err
	}
	return step{}, fmt.Errorf("%q is no line of a scene", line)
}

var slot = regexp.MustCompile(`\{(?:(@?)([A-D])|n:(\d+)-(\d+)|([a-z]+)([2-9]?))\}`)

// check finds slots that name no list, people who say nothing, and slips that are nowhere.
func (b *book) check() error {
	for i, s := range b.scenes {
		var texts []string
		for _, st := range s.steps {
			if st.verb == say {
				texts = append(texts, st.text)
			}
			for _, m := range slot.FindAllStringSubmatch(st.text, -1) {
				if m[5] != "" && len(b.lists[m[5]]) < 3 {
					return fmt.Errorf("scene %d: %s has no list to pick from", i+1, m[0])
				}
				from, _ := strconv.Atoi(m[3])
				if to, err := strconv.Atoi(m[4]); m[4] != "" && (err != nil || to < from) {
					return fmt.Errorf("scene %d: %s is no range", i+1, m[0])
				}
			}
		}
		for _, st := range s.steps {
			if st.verb == edit && !strings.Contains(texts[st.turn], st.text) {
				return fmt.Errorf("scene %d: %q is not in its text", i+1, st.text)
			}
		}
		if len(texts) == 0 {
			return fmt.Errorf("scene %d: nobody says anything", i+1)
		}
	}
	if len(b.lists["filler"]) < 3 {
		return fmt.Errorf("it has no list of fillers")
	}
	return nil
}

// performance is a scene with its slots filled.
type performance struct {
	book   *book
	rand   *rand.Rand
	cast   []*person
	values map[string]string
}

// actor is who plays a role.
func (p *performance) actor(role int) *person { return p.cast[role%len(p.cast)] }

// fill puts words into the slots of a text. A slot has the same value throughout a performance.
func (p *performance) fill(text string) string {
	return slot.ReplaceAllStringFunc(text, func(s string) string {
		m := slot.FindStringSubmatch(s)
		switch {
		case m[2] != "" && m[1] == "@":
			return "@" + p.actor(int(m[2][0]-'A')).user.Username
		case m[2] != "":
			return strings.Fields(p.actor(int(m[2][0] - 'A')).name)[0]
		}
		if v, ok := p.values[s]; ok {
			return v
		}
		v := ""
		if m[3] != "" {
			from, _ := strconv.Atoi(m[3])
			to, _ := strconv.Atoi(m[4])
			v = strconv.Itoa(from + p.rand.IntN(to-from+1))
		} else {
			v = p.pick(m[5])
		}
		p.values[s] = v
		return v
	})
}

// pick takes one of a list that the performance has not used yet.
func (p *performance) pick(list string) string {
	used := make([]string, 0, 4)
	for _, v := range p.values {
		used = append(used, v)
	}
	for {
		if v := p.book.lists[list][p.rand.IntN(len(p.book.lists[list]))]; !slices.Contains(used, v) || len(used) >= len(p.book.lists[list]) {
			return v
		}
	}
}
