package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"parley/internal/chat"
	"parley/internal/scan"
)

// rescanEvery is how long after the scanner's return a file may still wait.
const rescanEvery = 15 * time.Second

// rescanLease is how long one node may take over one file before another tries too.
const rescanLease = 10 * time.Minute

// rescans examines the uploads that wait for the scanner, until ctx ends. It is no chore of the others: one file may take
// minutes.
func (c *Core) rescans(ctx context.Context) {
	again := time.NewTicker(rescanEvery)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			c.note(ctx, "files that wait for the malware scanner could not be looked for", c.rescan(ctx))
		case <-ctx.Done():
			return
		}
	}
}

// rescan examines the uploads that wait, oldest first, until there are no more or the scanner is away again. A file that
// cannot be examined for another reason keeps waiting and goes like every upload that is never sent.
func (c *Core) rescan(ctx context.Context) error {
	for after := chat.AttachmentID(0); ; {
		waiting, err := c.Store.PendingAttachments(ctx, after, 100)
		if err != nil || len(waiting) == 0 {
			return err
		}
		for _, a := range waiting {
			after = a.ID
			chore := "rescan:" + a.ID.String()
			if !c.mine(ctx, chore, rescanLease) {
				continue // another node is at it
			}
			verdict, err := c.scanStored(ctx, a)
			if err != nil { // whoever is next may try at once
				_ = c.State.Delete(context.WithoutCancel(ctx), "chore:"+chore)
			}
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, scan.ErrUnavailable):
				c.log.Debug("the malware scanner still does not answer", "err", err)
				return nil
			case err == nil:
				err = c.judge(ctx, a, verdict)
			}
			if err != nil {
				c.log.Error("a file that waits for the malware scanner could not be examined", "attachment", a.ID, "err", err)
			}
		}
	}
}

// scanStored has the scanner look at an upload that is stored already.
func (c *Core) scanStored(ctx context.Context, a chat.Attachment) (scan.Verdict, error) {
	body, info, err := c.Blobs.Open(ctx, a.Hash)
	if err != nil {
		return scan.Verdict{}, err
	}
	defer body.Close()
	content, ok := body.(io.ReaderAt)
	if !ok { // it comes from afar: a scanner reads more than once
		tmp, err := os.CreateTemp(c.TempDir, "rescan-*")
		if err != nil {
			return scan.Verdict{}, err
		}
		file := received{File: tmp}
		defer file.discard()
		if n, err := io.Copy(tmp, body); err != nil {
			return scan.Verdict{}, err
		} else if n != info.Size {
			return scan.Verdict{}, fmt.Errorf("%w: the storage has %d of %d bytes", io.ErrUnexpectedEOF, n, info.Size)
		}
		content = tmp
	}
	return c.Scanner.Scan(ctx, content, info.Size, scan.Meta{Filename: a.Filename, MIME: a.MIMEType})
}

// judge writes down what the scanner said of an upload that waited. The bytes of a bad one are deleted; its row stays, to say
// why it cannot be sent, and goes like that of every upload that is never sent.
func (c *Core) judge(ctx context.Context, a chat.Attachment, v scan.Verdict) error {
	state := chat.ScanClean
	if !v.Clean() {
		state = chat.ScanInfected
	}
	err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Attachment(ctx, a.ID)
		if err != nil || now.Scan != chat.ScanPending { // another server was faster
			return nil, err
		}
		return nil, tx.SetScan(ctx, a.ID, state)
	})
	if err != nil && chat.AsError(err).Kind == chat.NotFound {
		return nil // deleted meanwhile
	}
	if err == nil && state == chat.ScanInfected {
		c.log.Warn("upload found to be harmful after it had waited", "user", a.UploaderID, "attachment", a.ID, "code", v.Refusal.ErrorCode(), "signature", v.Signature)
		c.releaseBlobs([]string{a.Hash, a.ThumbHash})
	}
	return err
}
