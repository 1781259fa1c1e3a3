package storetest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// story is one test, named as a sentence.
type story struct {
	name string
	run  func(w *world)
}

// tell adds the stories of one noun to the suite, each on a store of its own.
func tell(noun string, stories ...story) {
	suite(noun, func(t *testing.T, open Opener) {
		t.Cleanup(func() { nothingLeft(t) })
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				defer func() {
					switch p := recover().(type) {
					case nil:
					case brokenOff:
						t.Fatal(string(p))
					default:
						panic(p)
					}
				}()
				s.run(newWorld(t, open))
			})
		}
	})
}

// nothingLeft fails the test if a goroutine of a store is there after all stores have been stopped.
func nothingLeft(t *testing.T) {
	stacks := make([]byte, 1<<20)
	var left []string
	// One that has just signalled its end may still be on its way out.
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		left = nil
		for g := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			ours := strings.Contains(g, "internal/store/") || strings.Contains(g, "database/sql.")
			if ours && !strings.Contains(g, "storetest.nothingLeft") && !strings.Contains(g, "testing.(*T).Run") {
				left = append(left, g)
			}
		}
		if left == nil {
			return
		}
	}
	t.Errorf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
}

// same fails the test unless two values are deeply equal.
func same[T any](w *world, what string, got, want T) {
	w.Helper()
	if !reflect.DeepEqual(got, want) {
		w.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// must takes the error out of a read that has to succeed: an error ends the story.
func must[T any](v T, err error) T {
	if err != nil {
		_, file, line, _ := runtime.Caller(1)
		panic(brokenOff(fmt.Sprintf("%s:%d: %v", filepath.Base(file), line, err)))
	}
	return v
}

// brokenOff is how must ends a story.
type brokenOff string

// refused fails the test unless a change fails with the code and leaves nothing behind for the next one.
func (w *world) refused(code string, fn func(tx core.Tx) error) {
	w.Helper()
	w.wantCode(w.try(fn), code)
}

// walk reads a list page by page and returns all of it; between is called after every page but the last.
func walk[T any](w *world, limit int, between func(), read func(p chat.Page) ([]T, string, error)) []T {
	w.Helper()
	var list []T
	p := chat.Page{Limit: limit}
	for range 100 {
		rows, next, err := read(p)
		if err != nil {
			w.Fatalf("page after %q: %v", p.Cursor, err)
		}
		if len(rows) > limit {
			w.Fatalf("a page of %d rows, at most %d were asked for", len(rows), limit)
		}
		list = append(list, rows...)
		if next == "" {
			return list
		}
		if between != nil {
			between()
		}
		p.Cursor = next
	}
	w.Fatal("the list does not end")
	return nil
}

// badCursors fails the test unless a list refuses what it did not give out.
func badCursors[T any](w *world, read func(p chat.Page) ([]T, string, error)) {
	w.Helper()
	for _, cursor := range []string{"x", "1", "!!", "WyIxIiwiMiIsIjMiLCI0Il0", "WyJ4IiwieCIsIngiXQ", "WyJ4Il0", "bnVsbA"} {
		_, _, err := read(chat.Page{Limit: 10, Cursor: cursor})
		if e := chat.AsError(err); err == nil || e.Kind != chat.Invalid || e.Code != "cursor_invalid" {
			w.Errorf("cursor %q: error %v, want cursor_invalid", cursor, err)
		}
	}
}

// pick returns one property of every element.
func pick[T, V any](list []T, of func(T) V) []V {
	out := make([]V, len(list))
	for i, v := range list {
		out[i] = of(v)
	}
	return out
}

// sorted returns a copy in order, for lists that have none.
func sorted[T interface{ ~string }](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }
