package sandbox

import (
	_ "embed" // the prelude
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/grafana/sobek"
	"github.com/grafana/sobek/parser"

	"parley/internal/plugin/pipe"
)

// Bounds of what one plugin may have the server do.
const (
	MaxCalls    = 64        // asked for and not answered
	MaxTimers   = 32        // waiting
	MaxTicks    = 8         // regular tasks
	MaxCommands = 32        // slash commands
	maxArgs     = 512 << 10 // bytes of what one call says
	maxLogs     = 20        // lines of one turn
	maxLine     = 2000      // bytes of one line
	maxDelay    = 24 * 3600 * 1000
	minTick     = 10 // seconds
	maxTick     = 24 * 3600
)

//go:embed prelude.js
var preludeSource string

var prelude = sync.OnceValue(func() *sobek.Program { return sobek.MustCompile("prelude.js", preludeSource, true) })

// programFile is what a plugin's program is called in what is said about it.
const programFile = "main.js"

// Compile says what is wrong with the form of a program; it does not run.
func Compile(source string) error {
	_, err := sobek.Compile(programFile, source, false)
	return err
}

// machine is one plugin's engine and what it left there for later. It is used by one goroutine.
type machine struct {
	vm        *sobek.Runtime
	parse     sobek.Callable
	stringify sobek.Callable
	freeze    sobek.Callable
	then      sobek.Callable // of promises

	events   []string // that it may handle
	loading  bool
	handlers map[string][]sobek.Callable
	commands map[string]sobek.Callable
	specs    []pipe.CommandSpec
	ticks    []pipe.TickSpec
	tasks    map[int64]sobek.Callable // ticks by id
	timers   map[int64]sobek.Callable
	pending  map[int64]promise
	last     int64 // id given away last
	config   sobek.Value
	refused  []*sobek.Promise // promises refused without anybody to handle it, so far

	out *pipe.Response // where what it asks for goes; nil while nothing runs
}

var promiseType = reflect.TypeFor[*sobek.Promise]()

type promise struct {
	resolve, reject func(any) error
}

// newMachine makes an engine in which the plugin's names are defined.
func newMachine(l pipe.Load) *machine {
	m := &machine{
		vm: sobek.New(), events: l.Events, handlers: make(map[string][]sobek.Callable), commands: make(map[string]sobek.Callable),
		tasks: make(map[int64]sobek.Callable), timers: make(map[int64]sobek.Callable), pending: make(map[int64]promise),
	}
	m.vm.SetMaxCallStackSize(callDepth)
	m.vm.SetParserOptions(parser.WithDisableSourceMaps)
	m.vm.SetPromiseRejectionTracker(m.track)
	jsonObject := m.vm.Get("JSON").ToObject(m.vm)
	for name, f := range map[string]*sobek.Callable{"parse": &m.parse, "stringify": &m.stringify} {
		*f, _ = sobek.AssertFunction(jsonObject.Get(name))
	}
	m.freeze, _ = sobek.AssertFunction(m.vm.Get("Object").ToObject(m.vm).Get("freeze"))
	m.then, _ = sobek.AssertFunction(m.vm.Get("Promise").ToObject(m.vm).Get("prototype").ToObject(m.vm).Get("then"))
	return m
}

// start runs the plugin's program, which registers what it wants to hear of.
func (m *machine) start(l pipe.Load) error {
	m.loading = true
	defer func() { m.loading = false }()
	if err := m.configure(l.Config); err != nil {
		return err
	}
	host := m.vm.NewObject()
	for name, f := range map[string]func(sobek.FunctionCall) sobek.Value{
		"call": m.call, "on": m.on, "command": m.command, "every": m.every, "timeout": m.timeout, "forget": m.forget, "log": m.log,
		"show": m.show, "config": func(sobek.FunctionCall) sobek.Value { return m.config },
	} {
		if err := host.Set(name, f); err != nil {
			return err
		}
	}
	lend, err := m.vm.RunProgram(prelude())
	if err != nil {
		return err
	}
	define, _ := sobek.AssertFunction(lend)
	if _, err := define(sobek.Undefined(), host); err != nil {
		return err
	}
	about := m.vm.NewObject()
	for name, value := range map[string]string{"name": l.Name, "version": l.Version} {
		if err := about.Set(name, value); err != nil {
			return err
		}
	}
	if err := m.vm.Set("plugin", about); err != nil {
		return err
	}
	program, err := sobek.Compile(programFile, l.Source, false)
	if err != nil {
		return err
	}
	if _, err := m.vm.RunProgram(program); err != nil {
		return err
	}
	return m.unhandled()
}

// registered says what the program wants to hear of.
func (m *machine) registered(r *pipe.Response) {
	for event := range m.handlers {
		r.Handles = append(r.Handles, event)
	}
	slices.Sort(r.Handles)
	r.Commands, r.Ticks = m.specs, m.ticks
}

// take handles one input. The first thing thrown is returned when all handlers have had their turn.
func (m *machine) take(in pipe.Input) error {
	switch in.Kind {
	case pipe.Event:
		var first error
		for _, handler := range m.handlers[in.Name] {
			data, err := m.value(in.Data) // each has its own
			if err == nil {
				_, err = handler(sobek.Undefined(), data)
			}
			if uncatchable(err) {
				return err
			}
			if first == nil {
				first = err
			}
		}
		return errors.Join(first, m.unhandled())
	case pipe.Command:
		return m.runCommand(in)
	case pipe.Reply:
		return m.settle(in)
	case pipe.Timer:
		handler := m.timers[in.ID]
		delete(m.timers, in.ID)
		return m.invoke(handler)
	case pipe.Tick:
		return m.invoke(m.tasks[in.ID])
	case pipe.Config:
		return m.configure(in.Data)
	}
	return nil
}

func (m *machine) invoke(handler sobek.Callable) error {
	if handler == nil {
		return nil
	}
	_, err := handler(sobek.Undefined())
	return errors.Join(err, m.unhandled())
}

// settle fulfils or refuses the promise of a call.
func (m *machine) settle(in pipe.Input) error {
	p, ok := m.pending[in.ID]
	if !ok {
		return nil
	}
	delete(m.pending, in.ID)
	var err error
	if in.Failure != nil {
		err = p.reject(m.failure(in.Failure.Code, in.Failure.Text))
	} else {
		var v sobek.Value
		if v, err = m.value(in.Data); err == nil {
			err = p.resolve(v)
		}
	}
	return errors.Join(err, m.unhandled())
}

// runCommand calls the handler of a slash command; what it returns, or the promise it returns, becomes the answer.
func (m *machine) runCommand(in pipe.Input) error {
	handler := m.commands[in.Name]
	if handler == nil {
		m.answer(in.ID, nil, &pipe.Failure{Code: "command_unknown", Text: "There is no such command."})
		return nil
	}
	data, err := m.value(in.Data)
	if err != nil {
		return err
	}
	result, err := handler(sobek.Undefined(), data)
	if err != nil {
		m.answer(in.ID, nil, &pipe.Failure{Code: "command_failed", Text: describe(err)})
		return err
	}
	if o, ok := result.(*sobek.Object); !ok || o.ExportType() != promiseType {
		m.answer(in.ID, result, nil)
		return m.unhandled()
	}
	_, err = m.then(result, m.vm.ToValue(func(f sobek.FunctionCall) sobek.Value {
		m.answer(in.ID, f.Argument(0), nil)
		return sobek.Undefined()
	}), m.vm.ToValue(func(f sobek.FunctionCall) sobek.Value {
		text := thrown(f.Argument(0))
		m.answer(in.ID, nil, &pipe.Failure{Code: "command_failed", Text: text})
		m.fault(pipe.Fault{Kind: pipe.Exception, Where: "command " + in.Name, Text: text})
		return sobek.Undefined()
	}))
	return errors.Join(err, m.unhandled())
}

// answer ends a command.
func (m *machine) answer(id int64, result sobek.Value, failure *pipe.Failure) {
	body := json.RawMessage("null")
	if o, ok := result.(*sobek.Object); ok && failure == nil {
		text, err := m.jsonOf(o)
		if err != nil {
			failure = &pipe.Failure{Code: "command_failed", Text: describe(err)}
		} else {
			body = json.RawMessage(text)
		}
	} else if failure == nil && result != nil && !sobek.IsUndefined(result) && !sobek.IsNull(result) {
		body, _ = json.Marshal(map[string]string{"text": result.String()}) // text always marshals
	}
	args := map[string]any{"call": id, "body": body}
	if failure != nil {
		args["error"] = failure.Text
	}
	raw, err := json.Marshal(args)
	if err != nil || m.out == nil {
		return
	}
	m.out.Calls = append(m.out.Calls, pipe.Call{Name: "answer", Args: raw})
}

func (m *machine) configure(raw json.RawMessage) error {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	v, err := m.value(raw)
	if err != nil {
		return err
	}
	m.deepFreeze(v)
	m.config = v
	return nil
}

func (m *machine) deepFreeze(v sobek.Value) {
	o, ok := v.(*sobek.Object)
	if !ok {
		return
	}
	for _, key := range o.Keys() {
		m.deepFreeze(o.Get(key))
	}
	_, _ = m.freeze(sobek.Undefined(), o) // a plain object can be frozen
}

// value makes a value of JSON.
func (m *machine) value(raw json.RawMessage) (sobek.Value, error) {
	if len(raw) == 0 {
		return sobek.Undefined(), nil
	}
	return m.parse(sobek.Undefined(), m.vm.ToValue(string(raw)))
}

// jsonOf makes JSON of a value; it fails with what the value's own code throws. What has no JSON is null.
func (m *machine) jsonOf(v sobek.Value) (string, error) {
	s, err := m.stringify(sobek.Undefined(), v)
	if err != nil {
		return "", err
	}
	if sobek.IsUndefined(s) {
		return "null", nil
	}
	return s.String(), nil
}

// text is jsonOf for what the plugin's code calls: it throws.
func (m *machine) text(v sobek.Value) string {
	s, err := m.jsonOf(v)
	if err != nil {
		panic(rethrow(m.vm, err))
	}
	return s
}

// rethrow is what to panic with so that the code that called hears of an error.
func rethrow(vm *sobek.Runtime, err error) any {
	var e *sobek.Exception
	if errors.As(err, &e) {
		return e.Value()
	}
	var interrupted *sobek.InterruptedError
	if errors.As(err, &interrupted) {
		return interrupted
	}
	var overflow *sobek.StackOverflowError
	if errors.As(err, &overflow) {
		return overflow
	}
	return vm.NewGoError(err)
}

// failure is an Error with a code.
func (m *machine) failure(code, text string) *sobek.Object {
	e, err := m.vm.New(m.vm.Get("Error"), m.vm.ToValue(text))
	if err != nil {
		e = m.vm.NewTypeError(text)
	}
	_ = e.Set("code", code) // a fresh object takes it
	return e
}

func (m *machine) throw(format string, args ...any) sobek.Value {
	panic(m.vm.NewTypeError(fmt.Sprintf(format, args...)))
}

// next is a fresh id.
func (m *machine) next() int64 {
	m.last++
	return m.last
}

// call asks the server for something and returns a promise of the answer.
func (m *machine) call(f sobek.FunctionCall) sobek.Value {
	p, resolve, reject := m.vm.NewPromise()
	refuse := func(code, text string) sobek.Value {
		_ = reject(m.failure(code, text)) // nobody handles it yet, so nothing runs
		return m.vm.ToValue(p)
	}
	name, args := f.Argument(0).String(), m.text(f.Argument(1))
	switch {
	case m.out == nil:
		return refuse("not_now", "Nothing can be asked for now.")
	case len(args) > maxArgs:
		return refuse("too_large", fmt.Sprintf("What is asked for takes more than %d KiB.", maxArgs>>10))
	case len(m.pending) >= MaxCalls:
		return refuse("too_many_calls", fmt.Sprintf("More than %d things were asked for at the same time: await what was asked before.", MaxCalls))
	}
	id := m.next()
	m.pending[id] = promise{resolve, reject}
	m.out.Calls = append(m.out.Calls, pipe.Call{ID: id, Name: name, Args: json.RawMessage(args)})
	return m.vm.ToValue(p)
}

func (m *machine) function(v sobek.Value, what string) sobek.Callable {
	handler, ok := sobek.AssertFunction(v)
	if !ok {
		m.throw("%s: the last argument must be a function", what)
	}
	return handler
}

// on registers a handler.
func (m *machine) on(f sobek.FunctionCall) sobek.Value {
	event, handler := f.Argument(0).String(), m.function(f.Argument(1), "on")
	if !slices.Contains(m.events, event) {
		m.throw("on: %.50q is not among the events that plugin.json lists", event)
	}
	if !m.loading {
		m.throw("on: handlers are registered while the program is loaded, not later")
	}
	m.handlers[event] = append(m.handlers[event], handler)
	return sobek.Undefined()
}

// command registers a slash command.
func (m *machine) command(f sobek.FunctionCall) sobek.Value {
	handler := m.function(f.Argument(1), "command")
	var spec pipe.CommandSpec
	if err := json.Unmarshal([]byte(m.text(f.Argument(0))), &spec); err != nil || spec.Name == "" {
		m.throw("command: the first argument must be an object with name, description, options and roles")
	}
	switch {
	case !m.loading:
		m.throw("command: commands are registered while the program is loaded, not later")
	case m.commands[spec.Name] != nil:
		m.throw("command: %.50q is registered twice", spec.Name)
	case len(m.commands) >= MaxCommands:
		m.throw("command: a plugin has at most %d commands", MaxCommands)
	}
	m.commands[spec.Name] = handler
	m.specs = append(m.specs, spec)
	return sobek.Undefined()
}

// every registers a regular task.
func (m *machine) every(f sobek.FunctionCall) sobek.Value {
	seconds, handler := f.Argument(0).ToFloat(), m.function(f.Argument(1), "every")
	switch {
	case !m.loading:
		m.throw("every: regular tasks are registered while the program is loaded, not later")
	case math.IsNaN(seconds) || seconds < minTick || seconds > maxTick:
		m.throw("every: the time between two runs is %d to %d seconds", minTick, maxTick)
	case len(m.ticks) >= MaxTicks:
		m.throw("every: a plugin has at most %d regular tasks", MaxTicks)
	}
	t := pipe.TickSpec{ID: int64(len(m.ticks) + 1), Seconds: int64(seconds)} // the same on every node
	m.ticks, m.tasks[t.ID] = append(m.ticks, t), handler
	return sobek.Undefined()
}

// timeout has a function run later, once, in this process only.
func (m *machine) timeout(f sobek.FunctionCall) sobek.Value {
	handler, ms := m.function(f.Argument(0), "setTimeout"), f.Argument(1).ToFloat()
	if len(m.timers) >= MaxTimers {
		m.throw("setTimeout: at most %d timers can wait at the same time", MaxTimers)
	}
	if m.out == nil {
		m.throw("setTimeout: not now")
	}
	id := m.next()
	m.timers[id] = handler
	raw, _ := json.Marshal(map[string]int64{"id": id, "ms": int64(min(max(ms, 0), maxDelay))}) // numbers always marshal
	m.out.Calls = append(m.out.Calls, pipe.Call{Name: "timer", Args: raw})
	return m.vm.ToValue(id)
}

func (m *machine) forget(f sobek.FunctionCall) sobek.Value {
	delete(m.timers, f.Argument(0).ToInteger()) // when it is due, nothing is there
	return sobek.Undefined()
}

// log writes a line.
func (m *machine) log(f sobek.FunctionCall) sobek.Value {
	if m.out != nil && len(m.out.Logs) < maxLogs {
		m.out.Logs = append(m.out.Logs, pipe.Log{Level: f.Argument(0).String(), Text: clip(f.Argument(1).String())})
	}
	return sobek.Undefined()
}

// show is a value as text for the log.
func (m *machine) show(f sobek.FunctionCall) sobek.Value {
	v := f.Argument(0)
	if o, ok := v.(*sobek.Object); ok && o.ClassName() != "Error" && o.ClassName() != "Function" {
		return m.vm.ToValue(m.text(v))
	}
	return m.vm.ToValue(v.String())
}

func (m *machine) fault(f pipe.Fault) {
	if m.out != nil {
		m.out.Faults = append(m.out.Faults, f)
	}
}

// track notes promises that are refused while nobody handles it.
func (m *machine) track(p *sobek.Promise, operation sobek.PromiseRejectionOperation) {
	if operation == sobek.PromiseRejectionReject {
		if len(m.refused) < maxLogs {
			m.refused = append(m.refused, p)
		}
		return
	}
	m.refused = slices.DeleteFunc(m.refused, func(x *sobek.Promise) bool { return x == p })
}

// unhandled is the error of the first promise that was refused and is handled by nobody.
func (m *machine) unhandled() error {
	if len(m.refused) == 0 {
		return nil
	}
	p := m.refused[0]
	m.refused = nil
	return errors.New(thrown(p.Result()))
}

// uncatchable errors leave the engine in the middle of something.
func uncatchable(err error) bool {
	var interrupted *sobek.InterruptedError
	var overflow *sobek.StackOverflowError
	return errors.As(err, &interrupted) || errors.As(err, &overflow)
}

// describe is an error as text for the operator: of an exception also where it was thrown.
func describe(err error) string {
	var e *sobek.Exception
	if !errors.As(err, &e) {
		return clip(err.Error())
	}
	text := thrown(e.Value())
	for _, frame := range e.Stack() {
		if p := frame.Position(); p.Filename == programFile {
			return clip(fmt.Sprintf("%s (%s:%d:%d)", text, programFile, p.Line, p.Column))
		}
	}
	return clip(text)
}

// thrown is what was thrown, as text, without running any of the plugin's code.
func thrown(v sobek.Value) string {
	o, ok := v.(*sobek.Object)
	if !ok {
		return clip(fmt.Sprint(v))
	}
	var parts []string
	for _, name := range []string{"name", "message"} {
		if s := plainProperty(o, name); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return "an object of class " + o.ClassName() + " was thrown"
	}
	return clip(strings.Join(parts, ": "))
}

// plainProperty is a property that is a string; "" for everything else, also where looking throws.
func plainProperty(o *sobek.Object, name string) (s string) {
	defer func() {
		if recover() != nil {
			s = ""
		}
	}()
	if v, ok := o.Get(name).(sobek.String); ok {
		return v.String()
	}
	return ""
}

// clip shortens a text to what a line of the log may have.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxLine {
		return s
	}
	s = s[:maxLine]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
