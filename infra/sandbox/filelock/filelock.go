//go:build linux

// Package filelock locks files for one process at a time. The kernel releases the lock when the process ends.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("is locked by another process")

// Try locks the file, and creates it if missing, or returns [ErrLocked]. Unlocking deletes the file.
func Try(path string) (unlock func(), err error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = ErrLocked
			}
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		// The previous holder can have deleted the file after this open. Such a lock would have no effect.
		held, err1 := file.Stat()
		current, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(held, current) {
			return func() {
				os.Remove(path)
				file.Close()
			}, nil
		}
		file.Close()
	}
}

// Wait waits for the lock, and calls waiting once if it has to.
func Wait(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	const every = 200 * time.Millisecond
	for told := false; ; {
		unlock, err := Try(path)
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		if !told {
			waiting()
			told = true
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
