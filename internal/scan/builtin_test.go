package scan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEicarIsTheFileThatEverybodyMeans(t *testing.T) {
	sum := sha256.Sum256(eicar)
	if got := hex.EncodeToString(sum[:]); got != "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f" {
		t.Fatalf("hash %s", got)
	}
}

func TestScan(t *testing.T) {
	bad := []byte("a program known to be bad")
	sum := sha256.Sum256(bad)
	known, err := ParseHashList(strings.NewReader(hex.EncodeToString(sum[:]) + " Trojan.Test"))
	if err != nil {
		t.Fatal(err)
	}
	const link = 0o120777 << 16
	many := make([]rawEntry, 101)
	for i := range many {
		many[i].name = "f"
	}
	big := rawZip(rawEntry{name: "zeros", content: zeros(3 << 20)})
	wide := rawZip(rawEntry{name: "eicar.com", content: eicar, wide: true})
	for _, row := range []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file is clean", nil, ""},
		{"a text is clean", []byte(text(200_000)), ""},
		{"the test file is infected", eicar, eicarName},
		{"the test file with a line end is infected", append(bytes.Clone(eicar), "\r\n"...), eicarName},
		{"the test file behind other bytes is infected", append(zeros(70_000), eicar...), eicarName},
		{"the test file but for its last byte is clean", eicar[:len(eicar)-1], ""},
		{"a known file is infected", bad, "Trojan.Test"},
		{"a known file with one byte more is clean", append(bytes.Clone(bad), '!'), ""},
		{"an empty archive is clean", rawZip(), ""},
		{"an ordinary archive is clean", plainZip(t, "a.txt", "hello", "dir/", "", "dir/b.txt", text(100_000)), ""},
		{"a document is clean", docx(t, docxMain), ""},
		{"a document with the test file in it is infected", docx(t, docxMain, "word/media/image1.png", string(eicar)), eicarName},
		{"a deflated test file is infected", rawZip(rawEntry{name: "e", content: eicar}), eicarName},
		{"a stored test file is infected", rawZip(rawEntry{name: "e", content: eicar, store: true}), eicarName},
		{"the test file deep inside of a deflated text is infected",
			rawZip(rawEntry{name: "e", content: []byte(text(99_990) + string(eicar) + text(5))}), eicarName},
		{"a deflated known file is infected", rawZip(rawEntry{name: "e", content: bad}), "Trojan.Test"},
		{"a test file three archives deep is infected", nested(2, rawZip(rawEntry{name: "e", content: eicar})), eicarName},
		{"a test file in a 64-bit archive is infected", wide, eicarName},
		{"a test file in an archive behind a picture is infected",
			append(pngFile(t), rawZip(rawEntry{name: "e", content: eicar})...), eicarName},
		{"a test file in an archive with something behind it is infected",
			append(rawZip(rawEntry{name: "e", content: eicar}), "\r\n\r\n"...), eicarName},
		{"three archives deep is clean", nested(2, plainZip(t, "a", "b")), ""},
		{"four archives deep is a bomb", nested(3, plainZip(t, "a", "b")), "Archive.Bomb.Nesting"},
		{"a hundred archives deep is a bomb", nested(100, plainZip(t, "a", "b")), "Archive.Bomb.Nesting"},
		{"too many entries are a bomb", rawZip(many...), "Archive.Bomb.Entries"},
		{"too many entries over all archives are a bomb", rawZip(
			rawEntry{name: "a", content: rawZip(many[:60]...)}, rawEntry{name: "b", content: rawZip(many[:60]...)}), "Archive.Bomb.Entries"},
		{"an entry beyond the size is a bomb", rawZip(rawEntry{name: "z", content: zeros(9 << 20)}), "Archive.Bomb.Size"},
		{"entries beyond the size together are a bomb", rawZip(
			rawEntry{name: "1", content: []byte(text(5 << 20)), store: true}, rawEntry{name: "2", content: []byte(text(4 << 20)), store: true}),
			"Archive.Bomb.Size"},
		{"a huge declared size is a bomb before anything is unpacked", rawZip(rawEntry{name: "z", size: 4_000_000_000}), "Archive.Bomb.Size"},
		{"more content than declared is a bomb", rawZip(rawEntry{name: "z", content: zeros(50_000), size: 100}), "Archive.Bomb.Size"},
		{"a high ratio is a bomb", rawZip(rawEntry{name: "z", content: zeros(5 << 20)}), "Archive.Bomb.Ratio"},
		{"a high ratio of little content is clean", big, ""},
		{"bombs add up over nested archives", rawZip(rawEntry{name: "1", content: big}, rawEntry{name: "2", content: big}), "Archive.Bomb.Ratio"},
		{"entries that share their content are a bomb", rawZip(
			rawEntry{name: "same", content: []byte(text(1000))}, rawEntry{name: "same", content: []byte(text(1000)), sameAs: 1}),
			"Archive.Bomb.Overlap"},
		{"less content than declared is damage", rawZip(rawEntry{name: "z", content: []byte("abc"), size: 100}), "Archive.Corrupt"},
		{"a wrong checksum is damage", rawZip(rawEntry{name: "z", content: []byte("abc"), crc: 1}), "Archive.Corrupt"},
		{"what does not inflate is damage", rawZip(rawEntry{name: "z", content: []byte("\xff\xff\xff"), store: true, method: methodDeflate}), "Archive.Corrupt"},
		{"an archive cut short is damage", plainZip(t, "a", "b")[:60], "Archive.Malformed"},
		{"an absolute name is unsafe", rawZip(rawEntry{name: "/etc/passwd"}), "Archive.Name.Absolute"},
		{"an absolute name with backslash is unsafe", rawZip(rawEntry{name: `\Windows\x`}), "Archive.Name.Absolute"},
		{"a name on a drive is unsafe", rawZip(rawEntry{name: `c:x`}), "Archive.Name.Absolute"},
		{"an empty name is unsafe", rawZip(rawEntry{name: ""}), "Archive.Name.Absolute"},
		{"a name that leads up is unsafe", rawZip(rawEntry{name: "a/../../b"}), "Archive.Name.Traversal"},
		{"a name that leads up with backslashes is unsafe", rawZip(rawEntry{name: `a\..\..\b`}), "Archive.Name.Traversal"},
		{"a name with a zero byte is unsafe", rawZip(rawEntry{name: "a.txt\x00.exe"}), "Archive.Name.Control"},
		{"a name with many dots is clean", rawZip(rawEntry{name: "a..b/...c/d..", content: []byte("x")}), ""},
		{"an unsafe name in an inner archive is unsafe", nested(1, rawZip(rawEntry{name: "../b"})), "Archive.Name.Traversal"},
		{"a link within the archive is clean", rawZip(rawEntry{name: "a/b/c", attrs: link, content: []byte("../x/y")}), ""},
		{"a link to the outside is unsafe", rawZip(rawEntry{name: "a/b", attrs: link, content: []byte("../../x")}), "Archive.Name.Link"},
		{"a link that leads up after going down is unsafe", rawZip(rawEntry{name: "a/b", attrs: link, content: []byte("x/..")}), "Archive.Name.Link"},
		{"an absolute link is unsafe", rawZip(rawEntry{name: "a", attrs: link, content: []byte("/etc")}), "Archive.Name.Link"},
		{"an endless link is unsafe", rawZip(rawEntry{name: "a", attrs: link, content: zeros(5000)}), "Archive.Name.Link"},
		{"two names for one entry are ambiguous", rawZip(rawEntry{name: "a.txt", localName: "a.exe"}), "Archive.Ambiguous"},
		{"more entries than counted are ambiguous", uncounted(), "Archive.Ambiguous"},
		{"an archive in the comment of another is ambiguous", inComment(), "Archive.Ambiguous"},
		{"an encrypted entry is let through", rawZip(rawEntry{name: "a", content: []byte("x"), flags: flagEncrypted}), ""},
		{"an unknown compression is let through", rawZip(rawEntry{name: "a", content: []byte("x"), method: 93}), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			scanner := NewBuiltin(Options{Known: known, TempDir: t.TempDir(), Archive: ArchiveLimits{
				Entries: 100, Inflated: 8 << 20, Ratio: 100, RatioFloor: 4 << 20, Depth: 3}})
			v, err := scanner.Scan(t.Context(), bytes.NewReader(row.file), int64(len(row.file)), Meta{})
			if err != nil {
				t.Fatal(err)
			}
			if v.Signature != row.want || v.Clean() != (row.want == "") {
				t.Fatalf("verdict %+v", v)
			}
			want := ErrInfected
			switch {
			case v.Clean():
				if v.Err() != nil {
					t.Fatalf("error %v", v.Err())
				}
				return
			case strings.HasPrefix(row.want, "Archive.Bomb."):
				want = ErrArchiveBomb
			case strings.HasPrefix(row.want, "Archive."):
				want = ErrArchiveUnsafe
			}
			if !errors.Is(v.Err(), want) || !strings.Contains(v.Err().Error(), row.want) {
				t.Errorf("error %v", v.Err())
			}
		})
	}
}

func uncounted() []byte {
	b := rawZip(rawEntry{name: "a"}, rawEntry{name: "b"})
	b[len(b)-endLen+8], b[len(b)-endLen+10] = 1, 1
	return b
}

func inComment() []byte {
	outer, inner := rawZip(rawEntry{name: "a"}), rawZip(rawEntry{name: "b"})
	outer[len(outer)-2] = byte(len(inner))
	return append(outer, inner...)
}

func TestDefaultLimits(t *testing.T) {
	scanner := NewBuiltin(Options{TempDir: t.TempDir()})
	for _, row := range []struct {
		name string
		file []byte
		want string
	}{
		{"a compressible megabyte is clean", rawZip(rawEntry{name: "log", content: []byte(text(1 << 20))}), ""},
		{"40 MB of zeros are a bomb", rawZip(rawEntry{name: "z", content: zeros(40 << 20)}), "Archive.Bomb.Ratio"},
	} {
		t.Run(row.name, func(t *testing.T) {
			v, err := scanner.Scan(t.Context(), bytes.NewReader(row.file), int64(len(row.file)), Meta{})
			if err != nil || v.Signature != row.want {
				t.Fatalf("%+v, %v", v, err)
			}
		})
	}
}

func TestScanTakesLittleMemory(t *testing.T) {
	limits := DefaultArchiveLimits()
	limits.Ratio = 10_000
	many := make([]rawEntry, 10_000)
	for i := range many {
		many[i] = rawEntry{name: "a file of a long and boring name.txt", store: true}
	}
	for _, row := range []struct {
		name  string
		file  []byte
		bytes uint64
	}{
		{"with one large entry", rawZip(rawEntry{name: "z", content: zeros(32 << 20)}), 1 << 20},
		{"with a large archive in it", rawZip(rawEntry{name: "z", content: rawZip(rawEntry{name: "z", content: zeros(32 << 20), store: true})}), 8 << 20},
		{"with many entries", rawZip(many...), 20 << 20},
	} {
		t.Run(row.name, func(t *testing.T) {
			scanner := NewBuiltin(Options{Archive: limits, TempDir: t.TempDir()})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			v, err := scanner.Scan(t.Context(), bytes.NewReader(row.file), int64(len(row.file)), Meta{})
			runtime.ReadMemStats(&after)
			if err != nil || !v.Clean() {
				t.Fatalf("%+v, %v", v, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > row.bytes {
				t.Errorf("took %d bytes", took)
			}
		})
	}
}

func TestOpaqueEntriesCanBeRefused(t *testing.T) {
	limits := DefaultArchiveLimits()
	limits.RefuseOpaque = true
	scanner := NewBuiltin(Options{Archive: limits})
	for _, e := range []rawEntry{{name: "a", flags: flagEncrypted}, {name: "a", method: 14}} {
		file := rawZip(e)
		v, err := scanner.Scan(t.Context(), bytes.NewReader(file), int64(len(file)), Meta{})
		if err != nil || v.Refusal != ErrArchiveUnsafe || v.Signature != "Archive.Opaque" {
			t.Errorf("%+v: %+v, %v", e, v, err)
		}
	}
}

// eicarBzip2 is the test file as bzip2 -9 packs it.
const eicarBzip2 = "425a68393141592653598652cbd300001f1e80267a06806f65df5d00022000488a69a030834f48c6a7a27a8453d4686464d184c234f4d4de28bf1c9088095087eb07410cfb939aa29bcce4c612e676c9b501a22eaa0cefb32803cf5a199010f7f8bb9229c2848432965e98"

func TestBzip2EntriesAreLookedInto(t *testing.T) {
	packed, err := hex.DecodeString(eicarBzip2)
	if err != nil {
		t.Fatal(err)
	}
	file := rawZip(rawEntry{name: "e", content: packed, store: true, method: methodBzip2, size: uint32(len(eicar))})
	v, err := NewBuiltin(Options{}).Scan(t.Context(), bytes.NewReader(file), int64(len(file)), Meta{})
	if err != nil || v.Signature != "Archive.Corrupt" {
		t.Fatalf("with the checksum of the packed bytes: %+v, %v", v, err)
	}
	file = rawZip(rawEntry{name: "e", content: packed, store: true, method: methodBzip2, size: uint32(len(eicar)), crc: 0x6851cf3c})
	v, err = NewBuiltin(Options{}).Scan(t.Context(), bytes.NewReader(file), int64(len(file)), Meta{})
	if err != nil || v.Signature != eicarName {
		t.Fatalf("%+v, %v", v, err)
	}
}

func TestLargeInnerArchivesLeaveNoFiles(t *testing.T) {
	dir := t.TempDir()
	random := make([]byte, 3<<20)
	for i := range random {
		random[i] = byte(i * i >> 7)
	}
	for _, row := range []struct {
		name  string
		inner []byte
		want  string
	}{
		{"a clean one", rawZip(rawEntry{name: "x", content: random, store: true}), ""},
		{"an infected one", rawZip(rawEntry{name: "x", content: random, store: true}, rawEntry{name: "e", content: eicar}), eicarName},
	} {
		t.Run(row.name, func(t *testing.T) {
			file := rawZip(rawEntry{name: "inner.zip", content: row.inner})
			v, err := NewBuiltin(Options{TempDir: dir}).Scan(t.Context(), bytes.NewReader(file), int64(len(file)), Meta{})
			if err != nil || v.Signature != row.want {
				t.Fatalf("%+v, %v", v, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
	t.Run("no place to unpack is no verdict", func(t *testing.T) {
		file := rawZip(rawEntry{name: "inner.zip", content: rawZip(rawEntry{name: "x", content: random, store: true})})
		v, err := NewBuiltin(Options{TempDir: dir + "/missing"}).Scan(t.Context(), bytes.NewReader(file), int64(len(file)), Meta{})
		if err == nil {
			t.Fatalf("verdict %+v", v)
		}
	})
}

func TestScanFailsWithoutAVerdict(t *testing.T) {
	file := plainZip(t, "a", text(100_000))
	size := int64(len(file))
	scanner := NewBuiltin(Options{})
	broken := errors.New("disk on fire")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, row := range []struct {
		name string
		ctx  context.Context
		r    io.ReaderAt
		size int64
		want error
	}{
		{"when the reader fails", t.Context(), failingAt{broken}, size, broken},
		{"when the file is shorter than it says", t.Context(), bytes.NewReader(file), size + 1, io.ErrUnexpectedEOF},
		{"when the context has ended", cancelled, bytes.NewReader(file), size, context.Canceled},
	} {
		t.Run(row.name, func(t *testing.T) {
			if v, err := scanner.Scan(row.ctx, row.r, row.size, Meta{}); !errors.Is(err, row.want) {
				t.Errorf("%+v, %v", v, err)
			}
			if _, err := Detect(row.ctx, row.r, row.size); row.want == broken && !errors.Is(err, row.want) {
				t.Errorf("detect: %v", err)
			}
		})
	}
}

func TestChain(t *testing.T) {
	asked := 0
	clean := scannerFunc(func() (Verdict, error) { asked++; return Verdict{}, nil })
	away := errors.New("connection refused")
	failing := scannerFunc(func() (Verdict, error) { return Verdict{}, away })
	infected := scannerFunc(func() (Verdict, error) { return Verdict{ErrInfected, "X"}, nil })
	for _, row := range []struct {
		name  string
		chain Scanner
		want  error
		asked int
	}{
		{"no scanner at all finds nothing", Chain(), nil, 0},
		{"all are asked", Chain(clean, clean), nil, 2},
		{"the first finding ends it", Chain(clean, infected, failing), ErrInfected, 1},
		{"a failure is no verdict", Chain(clean, failing, infected), away, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked = 0
			v, err := row.chain.Scan(t.Context(), bytes.NewReader(nil), 0, Meta{})
			if err == nil {
				err = v.Err()
			}
			if !errors.Is(err, row.want) || asked != row.asked {
				t.Errorf("%v after asking %d", err, asked)
			}
		})
	}
}

func TestHashList(t *testing.T) {
	digits := strings.Repeat("0a", 32)
	for _, row := range []struct {
		name, text string
		entries    int
		faults     []string
	}{
		{"an empty list is fine", "", 0, nil},
		{"comments, empty lines and names are fine", "# list\n\n" + digits + "\tSome Name \n" + strings.Repeat("0B", 32) + "\r\n", 2, nil},
		{"the same sum twice is one entry", digits + "\n" + digits, 1, nil},
		{"every fault is named with its line", digits + "\nxyz\n" + digits[2:] + "\n", 0, []string{"line 2:", "line 3:"}},
		{"the faults are bounded", strings.Repeat("x\n", 1000), 0, []string{"line 20:"}},
		{"an endless line is a fault", strings.Repeat("0", 1<<20), 0, []string{"too long"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := ParseHashList(iotest.OneByteReader(strings.NewReader(row.text)))
			for _, f := range row.faults {
				if err == nil || !strings.Contains(err.Error(), f) {
					t.Errorf("error %v lacks %q", err, f)
				}
			}
			if len(row.faults) == 0 && err != nil {
				t.Fatal(err)
			}
			if list.Len() != row.entries {
				t.Errorf("%d entries", list.Len())
			}
			if err != nil && strings.Contains(err.Error(), "line 21:") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestLoadHashList(t *testing.T) {
	path := t.TempDir() + "/bad.txt"
	if _, err := LoadHashList(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	sum := sha256.Sum256([]byte("x"))
	if err := os.WriteFile(path, []byte(hex.EncodeToString(sum[:])), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := LoadHashList(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewBuiltin(Options{Known: list}).Scan(t.Context(), strings.NewReader("x"), 1, Meta{})
	if err != nil || v.Signature != "Known-Bad" {
		t.Errorf("%+v, %v", v, err)
	}
}

// FuzzZip feeds hand-made archives and whatever grows from them to everything that reads zips. The limits are
// small, so that a slow input is a missed limit.
func FuzzZip(f *testing.F) {
	for _, seed := range [][]byte{
		rawZip(), rawZip(rawEntry{name: "a", content: []byte("x")}), rawZip(rawEntry{name: "a", content: eicar, wide: true}),
		plainZip(f, "a", "b", "c/", ""), nested(3, rawZip(rawEntry{name: "e", content: eicar})), uncounted(), inComment(),
		docx(f, docxMain), append(pngFile(f), rawZip(rawEntry{name: "a"})...), []byte(sigLocal), []byte("x"),
		rawZip(rawEntry{name: "a", attrs: 0o120777 << 16, content: []byte("../x")}),
		rawZip(rawEntry{name: "a", method: methodBzip2, store: true, content: []byte("BZh9")}),
	} {
		f.Add(seed)
	}
	scanner := NewBuiltin(Options{TempDir: f.TempDir(), Archive: ArchiveLimits{
		Entries: 50, Inflated: 1 << 20, Ratio: 100, RatioFloor: 64 << 10, Depth: 3}})
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := scanner.Scan(t.Context(), bytes.NewReader(file), int64(len(file)), Meta{})
		if err != nil {
			t.Fatalf("no verdict on bytes in memory: %v", err)
		}
		if bytes.Contains(file, eicar) && v.Clean() {
			t.Fatal("missed the test file")
		}
		if dir, err := readZip(bytes.NewReader(file), int64(len(file)), 50); err == nil {
			for _, e := range dir.entries {
				if e.data < 0 || e.compressed < 0 || e.size < 0 || e.data+e.compressed > int64(len(file)) {
					t.Fatalf("entry %+v lies outside of %d bytes", e, len(file))
				}
			}
		}
	})
}

type failingAt struct{ err error }

func (f failingAt) ReadAt([]byte, int64) (int, error) { return 0, f.err }

type scannerFunc func() (Verdict, error)

func (s scannerFunc) Scan(context.Context, io.ReaderAt, int64, Meta) (Verdict, error) { return s() }
