package sqlstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/fold"
	"parley/internal/store/sqlstore"
)

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// benchRooms and benchMembers are the shape of the busy server in the design's budgets.
const (
	benchRooms   = 200
	benchMembers = 5
)

// benchText makes texts of about 120 characters: mostly frequent words, some rare ones.
func benchText(r *rand.Rand) string {
	words := strings.Fields("the quick brown fox jumps over a lazy dog server message channel deploy build failed again please look at this when you have time thanks everyone meeting tomorrow coffee lunch review pull request branch merge conflict database index query slow fast memory leak restart")
	var b strings.Builder
	for b.Len() < 115 {
		if r.Intn(6) == 0 {
			fmt.Fprintf(&b, "w%d ", r.Intn(50_000))
		} else {
			b.WriteString(words[r.Intn(len(words))] + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

type benchStore struct {
	*sqlstore.Store
	rooms []chat.RoomID
	users []chat.UserID // benchMembers for each room
	texts []string
	calls atomic.Int64
	done  atomic.Int64
}

func newBenchStore(b *testing.B) *benchStore {
	return newBenchStoreOn(b, sqlstore.Options{Path: filepath.Join(b.TempDir(), "chat.db")})
}

func newBenchStoreOn(b *testing.B, o sqlstore.Options) *benchStore {
	ctx := context.Background()
	s := &benchStore{}
	o.Logger = slog.New(slog.DiscardHandler)
	o.ObserveCommit = func(calls int, _ time.Duration) { s.calls.Add(int64(calls)); s.done.Add(1) }
	s.Store = sqlstore.New(o)
	s.OnCommit(func([]chat.Event) {})
	if err := s.Start(ctx); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Stop(ctx) })
	err := s.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		s.rooms, s.users = nil, nil
		for range benchRooms {
			room, err := tx.CreateRoom(ctx, chat.Room{Name: "room", Type: chat.Public, Form: chat.Text, CreatedAt: time.Now()})
			if err != nil {
				return nil, err
			}
			s.rooms = append(s.rooms, room.ID)
			for range benchMembers {
				id := chat.UserID(fmt.Sprintf("0192e4a0-1111-7abc-8def-%012d", len(s.users)))
				s.users = append(s.users, id)
				if _, err := tx.CreateUser(ctx, &chat.User{ID: id, Username: fmt.Sprintf("u%d", len(s.users)), DisplayName: "U", Kind: chat.Person, CreatedAt: time.Now()}); err != nil {
					return nil, err
				}
				if _, err := tx.PutMember(ctx, chat.Member{RoomID: room.ID, UserID: id, Role: chat.RoomMember, JoinedAt: time.Now()}); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewSource(1))
	for range 5000 {
		s.texts = append(s.texts, benchText(r))
	}
	return s
}

// draft makes the n-th message: a random member of a random room says something.
func (s *benchStore) draft(n int64, searched, nonce bool) chat.Draft {
	at := rand.Intn(len(s.users))
	text := s.texts[int(n)%len(s.texts)]
	d := chat.Draft{RoomID: s.rooms[at/benchMembers], SenderID: s.users[at], Type: chat.TextMessage, Content: text, At: time.Now()}
	if searched {
		d.Search = fold.Fold(text)
	}
	if nonce {
		d.Nonce = fmt.Sprintf("%d-%d", n, at)
	}
	return d
}

// BenchmarkAppend says what a durable message costs with so many senders at a time, each waiting for its answer: processor
// time of the whole process, and how many messages shared a commit.
func BenchmarkAppend(b *testing.B) {
	for _, kind := range []struct {
		name            string
		searched, nonce bool
	}{{"unsearched", false, false}, {"searched", true, false}, {"searched+nonce", true, true}} {
		for _, senders := range []int{1, 10, 100, 400} {
			b.Run(fmt.Sprintf("%s/senders=%d", kind.name, senders), func(b *testing.B) {
				s := newBenchStore(b)
				ctx := context.Background()
				var next atomic.Int64
				var wg sync.WaitGroup
				s.calls.Store(0)
				s.done.Store(0)
				began := cpu(b)
				b.ResetTimer()
				for range senders {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							if _, _, err := s.Append(ctx, s.draft(n, kind.searched, kind.nonce)); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				if kind.searched { // the index is part of the price
					if _, err := s.Search(ctx, chat.SearchQuery{Reader: s.users[0], Limit: 1}); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/msg")
				b.ReportMetric(float64(s.calls.Load())/float64(max(s.done.Load(), 1)), "msgs/commit")
			})
		}
	}
}
