//go:build linux || darwin || freebsd

package archive

import (
	"math"
	"syscall"
)

// freeSpace is how many bytes this account can still write where dir is.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	blocks, size := uint64(max(st.Bavail, 0)), uint64(st.Bsize)
	if size != 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return int64(blocks * size), nil
}
