package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"parley/internal/blob"
	"parley/internal/core"
	"parley/internal/store/sqlstore"
)

// Source is a server to make a backup of. It may be serving.
type Source struct {
	Database core.Snapshotter
	// InUse asks the live database whether anything refers to a blob (core.Reader.BlobInUse).
	InUse func(ctx context.Context, hash string) (bool, error)
	// Blobs holds the files; nil: they are kept outside of the server, where others care for them.
	Blobs interface {
		Open(ctx context.Context, hash string) (io.ReadSeekCloser, blob.Info, error)
	}
	Secrets string // directory; empty: secrets are left out
	Temp    string // directory with room for a copy of the database
	Program string // version, for the record
	Now     func() time.Time

	// Lenient goes on without files that are missing or damaged, and reads every file twice to know. Otherwise the first
	// one ends the backup with ErrLost.
	Lenient bool
}

// maxRounds bounds how often a backup begins again with what is new.
const maxRounds = 10

// Backup writes a backup to a new file at path, readable by this account only. Under that name there is never less than the
// whole of it: it is written and synced under another one first. Fails when there is such a file already, and with ErrLost.
func Backup(ctx context.Context, s Source, path string) (Summary, error) {
	if _, err := os.Lstat(path); err == nil {
		return Summary{}, fmt.Errorf("backup %s: %w", path, fs.ErrExist)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".backup-*.partial") // mode 0600
	if err != nil {
		return Summary{}, fmt.Errorf("backup: %w", err)
	}
	sum, err := write(ctx, s, f)
	if err = errors.Join(err, f.Sync()); err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil {
			sum.FileBytes = info.Size()
		}
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return sum, fmt.Errorf("backup: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return sum, syncDir(filepath.Dir(path))
}

// write writes a backup to w.
func write(ctx context.Context, s Source, w io.Writer) (Summary, error) {
	buffered := bufio.NewWriterSize(w, 1<<20)
	packed, err := zstd.NewWriter(buffered, zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Summary{}, err
	}
	b := &backup{Source: s, ctx: ctx, tar: tar.NewWriter(packed), done: map[sum]bool{}, lost: map[sum]bool{}}
	b.sum = Summary{MadeAt: s.Now().UTC().Truncate(time.Second), Program: s.Program, Elsewhere: s.Blobs == nil}
	err = b.run()
	if err == nil {
		err = b.tar.Close()
	}
	return b.sum, errors.Join(err, packed.Close(), buffered.Flush())
}

// backup is one under way.
type backup struct {
	Source
	ctx      context.Context
	tar      *tar.Writer
	sum      Summary
	manifest bytes.Buffer
	done     map[sum]bool // blobs that are in the file
	lost     map[sum]bool // blobs that cannot be read
}

func (b *backup) run() error {
	head, err := json.Marshal(about{Format: formatName, Version: formatVersion, MadeAt: b.sum.MadeAt, Program: b.sum.Program})
	if err != nil {
		return err
	}
	if err := b.addBytes(memberFormat, head); err != nil {
		return err
	}
	if err := b.addSecrets(); err != nil {
		return err
	}
	snapshot, err := b.consistent()
	if snapshot != "" {
		defer os.RemoveAll(filepath.Dir(snapshot)) // what stays is removed with all temporary files at the next start
	}
	if err != nil {
		return err
	}
	if err := b.addDatabase(snapshot); err != nil {
		return err
	}
	for s := range b.lost {
		if len(b.sum.Lost) < maxLost {
			b.sum.Lost = append(b.sum.Lost, s.String())
		}
	}
	first, err := json.Marshal(b.sum)
	if err != nil {
		return err
	}
	return b.addBytes(memberManifest, append(append(first, '\n'), b.manifest.Bytes()...))
}

// consistent puts blobs into the file until it holds all that some copy of the database refers to, and returns that copy.
//
// A blob is stored before the row that names it is committed, and deleted after the last such row is gone. So whatever a
// copy refers to was there when the copy was made, and afterwards can only go. If one is found gone, because a message was
// deleted meanwhile, then the copy is outdated: a newer one is made, and only the blobs are added that are not in the file
// yet. That takes a moment where the first round took long, so a few rounds are enough. What an earlier copy referred to
// and the last one does not is left out again by restoring.
func (b *backup) consistent() (snapshot string, err error) {
	for range maxRounds {
		if snapshot != "" {
			if err := os.RemoveAll(filepath.Dir(snapshot)); err != nil {
				return snapshot, err
			}
		}
		if snapshot, err = b.snapshot(); err != nil || b.Blobs == nil {
			return snapshot, err
		}
		gone := 0
		err = references(b.ctx, snapshot, func(r reference) error {
			s := sumOf(r.hash)
			if b.done[s] || b.lost[s] {
				return nil
			}
			err := b.addBlob(r.hash)
			if !errors.Is(err, blob.ErrNotFound) || r.loose {
				return ignore(err, blob.ErrNotFound)
			}
			lost, err := b.isLost(r.hash)
			switch {
			case err != nil:
				return err
			case !lost:
				gone++
			case !b.Lenient:
				return fmt.Errorf("%w: %s (there is a way to go on without them)", ErrLost, r.hash)
			default:
				b.lost[s] = true
			}
			return nil
		})
		if err != nil || gone == 0 {
			return snapshot, err
		}
	}
	return snapshot, errors.New("files are being deleted faster than they can be copied: try again when there is less going on")
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// isLost tells a blob that is missing though something refers to it from one that was deleted with what referred to it.
func (b *backup) isLost(hash string) (bool, error) {
	used, err := b.InUse(b.ctx, hash)
	if err != nil || !used {
		return false, err
	}
	if b.Lenient {
		if err = b.check(hash); err == nil { // it came back
			return false, nil
		}
	} else {
		var body io.Closer
		if body, _, err = b.Blobs.Open(b.ctx, hash); err == nil {
			return false, body.Close()
		}
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return false, err
	}
	return b.InUse(b.ctx, hash) // it may have been deleted between the two
}

// snapshot makes a copy of the database in a directory of its own and returns where.
func (b *backup) snapshot() (string, error) {
	if err := os.MkdirAll(b.Temp, 0o700); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(b.Temp, "snapshot-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, memberDatabase)
	if err := b.Database.Snapshot(b.ctx, path); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return path, nil
}

func (b *backup) addDatabase(path string) error {
	v, err := sqlstore.New(sqlstore.Options{Path: path}).Versions(b.ctx)
	if err != nil {
		return err
	}
	b.sum.Schema = v.Have
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b.sum.DatabaseBytes = info.Size()
	_, err = b.add(memberDatabase, info.Size(), f)
	return err
}

// addBlob fails with blob.ErrNotFound for one that is not there or, if Lenient, damaged.
func (b *backup) addBlob(hash string) error {
	if b.Lenient {
		if err := b.check(hash); err != nil {
			return err
		}
	}
	body, info, err := b.Blobs.Open(b.ctx, hash)
	if err != nil {
		return err
	}
	defer body.Close()
	got, err := b.add(memberBlobs+hash, info.Size, body)
	if err != nil {
		return err
	}
	if got != hash {
		return fmt.Errorf("%w: %s is damaged (there is a way to go on without them)", ErrLost, hash)
	}
	b.done[sumOf(hash)] = true
	b.sum.Blobs++
	b.sum.BlobBytes += info.Size
	return nil
}

// check reads a blob and fails with blob.ErrNotFound when it is not what its name says.
func (b *backup) check(hash string) error {
	body, info, err := b.Blobs.Open(b.ctx, hash)
	if err != nil {
		return err
	}
	defer body.Close()
	h := sha256.New()
	n, err := io.Copy(h, contextReader{b.ctx, body})
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if err != nil || n != info.Size || hex.EncodeToString(h.Sum(nil)) != hash {
		return blob.ErrNotFound
	}
	return nil
}

func (b *backup) addSecrets() error {
	if b.Secrets == "" {
		return nil
	}
	entries, err := os.ReadDir(b.Secrets)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all of them come from the environment
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := memberSecrets + e.Name()
		if k, _ := kindOf(name); k != secretKind || !e.Type().IsRegular() {
			continue // a file in the making
		}
		content, err := readSmall(filepath.Join(b.Secrets, e.Name()), maxSecret)
		if err != nil {
			return err
		}
		if err := b.addBytes(name, content); err != nil {
			return err
		}
		if b.sum.Secrets++; b.sum.Secrets > maxSecrets {
			return fmt.Errorf("%s has more than %d files", b.Secrets, maxSecrets)
		}
	}
	return nil
}

func readSmall(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(content)) > max {
		err = fmt.Errorf("%s is larger than %d bytes", path, max)
	}
	return content, err
}

func (b *backup) addBytes(name string, content []byte) error {
	_, err := b.add(name, int64(len(content)), bytes.NewReader(content))
	return err
}

// add writes a member, notes it in the manifest and returns its SHA-256.
func (b *backup) add(name string, size int64, r io.Reader) (string, error) {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: b.sum.MadeAt}
	if err := b.tar.WriteHeader(header); err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(b.tar, h), contextReader{b.ctx, io.LimitReader(r, size)})
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if n != size {
		return "", fmt.Errorf("%w: %s was cut off (there is a way to go on without them)", ErrLost, name)
	}
	hash := hex.EncodeToString(h.Sum(nil))
	line, err := json.Marshal(member{Name: name, Size: size, SHA256: hash})
	if err != nil {
		return "", err
	}
	b.manifest.Write(append(line, '\n'))
	return hash, nil
}

// contextReader ends with the error of ctx once that is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// syncDir makes the entries of a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
