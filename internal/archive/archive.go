// Package archive makes a backup of a whole server, in one file, while it serves, and turns such a file into a data directory
// again.
//
// What does not belong here: the data of one person or one room, which package transfer carries between servers, and where
// in the data directory things are, which the caller says.
package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"parley/internal/blob"
)

// A backup is a tar file compressed with zstd. Its members, in this order:
//
//	format.json      what it is, so that a newer format is recognised before anything else is read
//	secrets/<name>   the files of the secrets directory, unless left out
//	blobs/<hash>     every upload, picture and thumbnail that the database refers to, unless they are kept elsewhere
//	database.sqlite  the database
//	manifest.jsonl   a line about the whole, then a line with size and SHA-256 of each member before it
//
// The manifest comes last: a file that was cut off has none.
const (
	formatName    = "chat-backup"
	formatVersion = 1

	memberFormat   = "format.json"
	memberSecrets  = "secrets/"
	memberBlobs    = "blobs/"
	memberDatabase = "database.sqlite"
	memberManifest = "manifest.jsonl"
)

// Bounds of what is small in a backup. Reading keeps to them and writing fails beyond.
const (
	maxFormat     = 64 << 10
	maxLine       = 1 << 20 // of the manifest
	maxSecret     = 1 << 20
	maxSecrets    = 1000
	maxLost       = 5000 // named in the manifest
	maxSecretName = 100
)

var (
	// ErrDamaged says that a file is not a whole, undamaged backup.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrTooNew says that a newer version of the program made the backup.
	ErrTooNew = errors.New("the backup was made by a newer version of this program: restore it with that one")
	// ErrTooLarge says that the disk has no room for what the backup unpacks to.
	ErrTooLarge = errors.New("the disk has no room for what the backup unpacks to")
	// ErrNotEmpty says that there is something in the data directory already.
	ErrNotEmpty = errors.New("the data directory is not empty")
	// ErrLost says that the database refers to files that are not there.
	ErrLost = errors.New("files that messages or profiles refer to are missing from the storage")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Summary says what is in a backup.
type Summary struct {
	MadeAt    time.Time `json:"made_at"`
	Program   string    `json:"program"` // version of the program that made it
	Schema    int64     `json:"schema"`  // version of the database's schema
	Blobs     int64     `json:"blobs"`
	Elsewhere bool      `json:"blobs_elsewhere,omitempty"` // files are kept outside of the server, and are not part of the backup
	BlobBytes int64     `json:"blob_bytes"`
	Secrets   int       `json:"secrets"`
	// Lost are blobs that the database refers to and that could not be read when the backup was made.
	Lost []string `json:"lost,omitempty"`

	FileBytes     int64 `json:"-"` // size of the backup
	DatabaseBytes int64 `json:"-"`
}

// about is the content of format.json.
type about struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	MadeAt  time.Time `json:"made_at"`
	Program string    `json:"program"`
}

// member is a line of the manifest.
type member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// secretName tells names of files that can be secrets: no directories, nothing hidden, nothing that a path could be made of.
var secretName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// kind of a member, by its name.
type kind int

const (
	unknownKind kind = iota
	formatKind
	secretKind
	blobKind
	databaseKind
	manifestKind
)

// kindOf tells what a member is. Names that this program does not write have no kind: no path is ever made of them.
func kindOf(name string) (k kind, base string) {
	switch name {
	case memberFormat:
		return formatKind, name
	case memberDatabase:
		return databaseKind, name
	case memberManifest:
		return manifestKind, name
	}
	if hash, ok := strings.CutPrefix(name, memberBlobs); ok && blob.CheckHash(hash) == nil {
		return blobKind, hash
	}
	if base, ok := strings.CutPrefix(name, memberSecrets); ok && len(base) <= maxSecretName && secretName.MatchString(base) {
		return secretKind, base
	}
	return unknownKind, ""
}

func parseAbout(b []byte) (about, error) {
	var a about
	if err := json.Unmarshal(b, &a); err != nil || a.Format != formatName || a.Version < 1 {
		return a, damaged("it does not say that it is a backup of this program")
	}
	if a.Version > formatVersion {
		return a, ErrTooNew
	}
	return a, nil
}
