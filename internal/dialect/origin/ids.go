package origin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"parley/internal/chat"
)

// Messages, threads and polls have UUIDs on the wire and numbers in the core. A UUID is made of the number with the server's
// key, and made back, so that nothing has to be stored or looked up: 56 bits are the number, hidden by a mask, and 66 bits check
// that the server made it. Whoever has some ids cannot guess others.

// idKind keeps ids of different things apart: one is never taken for another.
type idKind byte

// What has such an id. A thread's and a poll's number is that of its message.
const (
	messageKind idKind = 1 + iota
	threadKind
	pollKind
)

// ids makes and reads ids on the wire.
type ids struct {
	check, mask cipher.Block
}

// newIDs derives the two ciphers from the server's key, of any length.
func newIDs(key []byte) ids {
	derive := func(purpose string) cipher.Block {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(purpose))
		block, err := aes.NewCipher(h.Sum(nil)[:16])
		if err != nil {
			panic(err) // the length is right
		}
		return block
	}
	return ids{derive("origin id check"), derive("origin id mask")}
}

const numberBits = 56

// append appends the UUID of a number.
func (x ids) append(b []byte, kind idKind, number int64) []byte {
	var block [16]byte
	block[0] = byte(kind)
	binary.BigEndian.PutUint64(block[8:], uint64(number))
	x.check.Encrypt(block[:], block[:])
	// The check fills the last 9 bytes but for the two bits of the variant; the first 7 are the masked number, moved apart for
	// the four bits of the version.
	var id [16]byte
	copy(id[7:], block[7:])
	id[7] &= 0x0f // the number's last four bits stand before it
	id[8] = id[8]&0x3f | 0x80
	masked := uint64(number) ^ x.maskOf(kind, id)
	binary.BigEndian.PutUint16(id[4:], uint16(masked>>8&0xffff))
	binary.BigEndian.PutUint32(id[0:], uint32(masked>>24))
	id[6] = 0x40 | byte(masked>>4&0x0f)
	id[7] |= byte(masked&0x0f) << 4
	return appendUUID(b, id)
}

// maskOf hides the number; it follows from the check alone.
func (x ids) maskOf(kind idKind, id [16]byte) uint64 {
	var block [16]byte
	copy(block[7:], id[7:])
	block[7] &= 0x0f
	block[0] = byte(kind)
	x.mask.Encrypt(block[:], block[:])
	return binary.BigEndian.Uint64(block[:8]) & (1<<numberBits - 1)
}

// read returns the number that an id was made of; ok is false for what this server did not make.
func (x ids) read(kind idKind, text string) (number int64, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return 0, false
	}
	var id [16]byte
	if _, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", ""))); err != nil || id[6]>>4 != 4 || id[8]>>6 != 2 {
		return 0, false
	}
	masked := uint64(binary.BigEndian.Uint32(id[0:]))<<24 | uint64(binary.BigEndian.Uint16(id[4:]))<<8 | uint64(id[6]&0x0f)<<4 | uint64(id[7]>>4)
	number = int64(masked ^ x.maskOf(kind, id))
	var again [36]byte
	return number, string(x.append(again[:0], kind, number)) == strings.ToLower(text)
}

func appendUUID(b []byte, id [16]byte) []byte {
	b = hex.AppendEncode(b, id[0:4])
	b = hex.AppendEncode(append(b, '-'), id[4:6])
	b = hex.AppendEncode(append(b, '-'), id[6:8])
	b = hex.AppendEncode(append(b, '-'), id[8:10])
	return hex.AppendEncode(append(b, '-'), id[10:])
}

// message is the id of a message on the wire.
func (x ids) message(id chat.MessageID) string { return string(x.append(nil, messageKind, int64(id))) }

// readMessage reads the id of a message; 0 for what is none.
func (x ids) readMessage(text string) chat.MessageID {
	n, ok := x.read(messageKind, text)
	if !ok {
		return 0
	}
	return chat.MessageID(n)
}

// thread is the id of a forum's thread, which is that of its first message in another form.
func (x ids) thread(id chat.MessageID) string { return string(x.append(nil, threadKind, int64(id))) }

// readThread reads the id of a thread; 0 for what is none.
func (x ids) readThread(text string) chat.MessageID {
	n, ok := x.read(threadKind, text)
	if !ok {
		return 0
	}
	return chat.MessageID(n)
}

// poll is the id of a poll, which is that of its message in another form.
func (x ids) poll(id chat.MessageID) string { return string(x.append(nil, pollKind, int64(id))) }

// readPoll reads the id of a poll; 0 for what is none.
func (x ids) readPoll(text string) chat.MessageID {
	n, ok := x.read(pollKind, text)
	if !ok {
		return 0
	}
	return chat.MessageID(n)
}
